package sim

import (
	"context"
	"fmt"
	"io"

	"github.com/nubo-cloud/nubo/internal/imageformat/qcow2"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// EnsureSnapshot implements agent.Block.
func (p *Pool) EnsureSnapshot(ctx context.Context, s spec.Snapshot) error {
	return p.change(ctx, "EnsureSnapshot", func() error {
		if err := checkID(s.ID); err != nil {
			return err
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.snapshots[s.ID] != nil {
			return nil
		}
		d := p.volumes[s.Volume]
		if d == nil {
			return fmt.Errorf("volume %s: %w", s.Volume, spec.ErrMissing)
		}
		if p.used+d.usedBytes() > p.options.TotalBytes {
			return fmt.Errorf("snapshot %s: %w", s.ID, spec.ErrNoSpace)
		}
		p.used += d.usedBytes()
		p.snapshots[s.ID] = d.copy()
		return nil
	})
}

// PrepareSnapshot implements agent.Block. spec.ErrExists if the snapshot is there already.
func (p *Pool) PrepareSnapshot(ctx context.Context, s spec.Snapshot) (spec.BlockSource, error) {
	err := p.change(ctx, "PrepareSnapshot", func() error {
		if err := checkID(s.ID); err != nil {
			return err
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.snapshots[s.ID] != nil {
			return fmt.Errorf("snapshot %s: %w", s.ID, spec.ErrExists)
		}
		d := p.volumes[s.Volume]
		if d == nil {
			return fmt.Errorf("volume %s: %w", s.Volume, spec.ErrMissing)
		}
		p.prepared[s.ID] = &disk{sizeBytes: d.sizeBytes, encrypted: d.encrypted, base: d.base, of: d}
		return nil
	})
	if err != nil {
		return spec.BlockSource{}, err
	}
	return spec.BlockSource{Driver: "sim", Path: preparedPath + string(s.ID), Format: spec.FormatRaw}, nil
}

// CommitSnapshot implements agent.Block.
func (p *Pool) CommitSnapshot(ctx context.Context, id spec.SnapshotID) error {
	return p.change(ctx, "CommitSnapshot", func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.snapshots[id] != nil {
			return nil
		}
		d := p.prepared[id]
		if d == nil {
			return fmt.Errorf("snapshot %s was not prepared: %w", id, spec.ErrMissing)
		}
		if len(d.pages) == 0 {
			d = d.of.copy()
		}
		d.of = nil
		p.used += d.usedBytes()
		p.snapshots[id] = d
		delete(p.prepared, id)
		return nil
	})
}

// RemoveSnapshot implements agent.Block.
func (p *Pool) RemoveSnapshot(ctx context.Context, id spec.SnapshotID) error {
	return p.change(ctx, "RemoveSnapshot", func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		remove(p, p.snapshots, id)
		delete(p.prepared, id)
		return nil
	})
}

// Export implements agent.Block. Bytes are made while they are read.
func (p *Pool) Export(ctx context.Context, id spec.SnapshotID, f spec.Format) (io.ReadCloser, error) {
	if f != spec.FormatRaw && f != spec.FormatQCOW2 {
		return nil, fmt.Errorf("export as %s: %w", f, spec.ErrNotSupported)
	}
	var d *disk
	err := p.change(ctx, "Export", func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.snapshots[id] == nil {
			return fmt.Errorf("snapshot %s: %w", id, spec.ErrMissing)
		}
		d = p.snapshots[id].copy()
		return nil
	})
	if err != nil {
		return nil, err
	}
	if d.encrypted && f != spec.FormatRaw {
		return nil, fmt.Errorf("an encrypted snapshot as %s: %w", f, spec.ErrNotSupported)
	}
	if f == spec.FormatRaw {
		return &reader{disk: d}, nil
	}
	r, w := io.Pipe()
	go func() {
		w.CloseWithError(qcow2.NewEncoder(d.sizeBytes, d.extents()).Encode(ctx, w, d))
	}()
	return r, nil
}
