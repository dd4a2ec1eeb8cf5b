package sim

import (
	"context"
	"fmt"
	"time"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// EnsureVolume implements agent.Block.
func (p *Pool) EnsureVolume(ctx context.Context, v spec.Volume) (spec.VolumeStatus, error) {
	return p.ensureVolume(ctx, v, &disk{})
}

// ensureVolume makes a volume of its source, or of blank if it has none.
func (p *Pool) ensureVolume(ctx context.Context, v spec.Volume, blank *disk) (spec.VolumeStatus, error) {
	var status spec.VolumeStatus
	err := p.change(ctx, "EnsureVolume", func() error {
		if err := p.checkVolume(v); err != nil {
			return err
		}
		v.SizeBytes = (v.SizeBytes + 511) &^ 511
		p.mu.Lock()
		defer p.mu.Unlock()
		d := p.volumes[v.ID]
		var err error
		if d == nil {
			if d, err = p.makeVolume(v, blank); err == nil {
				p.used += d.usedBytes()
			}
		} else {
			err = updateVolume(d, v)
		}
		if err != nil {
			return err
		}
		p.volumes[v.ID] = d
		status = p.status(v.ID, d)
		return nil
	})
	if err != nil {
		return spec.VolumeStatus{}, fmt.Errorf("volume %s: %w", v.ID, err)
	}
	return status, nil
}

func (p *Pool) checkVolume(v spec.Volume) error {
	if err := checkID(v.ID); err != nil {
		return err
	}
	sources := 0
	for _, set := range []bool{v.Image != nil, v.Snapshot != "", v.Volume != ""} {
		if set {
			sources++
		}
	}
	if err := p.checkPool(v.Pool); err != nil {
		return err
	}
	switch {
	case sources > 1:
		return fmt.Errorf("%w: more than one source", spec.ErrInvalid)
	case v.Encryption != nil && v.Encryption.Key == "":
		return fmt.Errorf("%w: encryption without a key", spec.ErrInvalid)
	case v.SizeBytes <= 0 || v.SizeBytes > 1<<60:
		return fmt.Errorf("%w: size of %d bytes", spec.ErrInvalid, v.SizeBytes)
	}
	return nil
}

// makeVolume makes the content from its source; p.mu is held.
func (p *Pool) makeVolume(v spec.Volume, d *disk) (*disk, error) {
	source := true
	switch {
	case v.Image != nil:
		if d.base, source = p.images[v.Image.ID]; source {
			d.sizeBytes, d.encrypted = d.base.virtualBytes, d.base.encrypted
			d.base.uses++
			d.base.usedAt = time.Now()
		}
	case v.Snapshot != "":
		if d, source = p.snapshots[v.Snapshot]; source {
			d = d.copy()
		}
	case v.Volume != "":
		if d, source = p.volumes[v.Volume]; source {
			d = d.copy()
		}
	}
	if !source {
		return nil, fmt.Errorf("its source: %w", spec.ErrMissing)
	}
	if d.sizeBytes > v.SizeBytes {
		return nil, fmt.Errorf("%w: the source has %d bytes, the volume only %d", spec.ErrInvalid, d.sizeBytes, v.SizeBytes)
	}
	if d.encrypted && v.Encryption == nil {
		return nil, fmt.Errorf("%w: the source is encrypted, the volume is not", spec.ErrInvalid)
	}
	if p.used+d.usedBytes() > p.options.TotalBytes {
		return nil, spec.ErrNoSpace
	}
	d.encrypted = v.Encryption != nil
	d.sizeBytes, d.generation = v.SizeBytes, v.Generation
	return d, nil
}

func updateVolume(d *disk, v spec.Volume) error {
	if v.Generation < d.generation {
		return nil
	}
	if v.SizeBytes < d.sizeBytes {
		return fmt.Errorf("%w: it has %d bytes and cannot shrink to %d", spec.ErrNotSupported, d.sizeBytes, v.SizeBytes)
	}
	d.sizeBytes, d.generation = v.SizeBytes, v.Generation
	return nil
}

func (p *Pool) status(id spec.VolumeID, d *disk) spec.VolumeStatus {
	return spec.VolumeStatus{ID: id, Generation: d.generation, SizeBytes: d.sizeBytes, UsedBytes: d.usedBytes(), Pool: p.options.Name}
}

// RemoveVolume implements agent.Block.
func (p *Pool) RemoveVolume(ctx context.Context, id spec.VolumeID) error {
	return p.change(ctx, "RemoveVolume", func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		remove(p, p.volumes, id)
		return nil
	})
}

// VolumeStatus implements agent.Block.
func (p *Pool) VolumeStatus(_ context.Context, id spec.VolumeID) (spec.VolumeStatus, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.volumes[id]
	if d == nil {
		return spec.VolumeStatus{}, fmt.Errorf("volume %s: %w", id, spec.ErrMissing)
	}
	return p.status(id, d), nil
}

const preparedPath = "sim:prepared/"

// volumePrefix tells the places of a volume on two pools apart.
func (p *Pool) volumePrefix() string { return "sim:volume/" + p.options.Name + "/" }

// Source implements agent.Block. The path means something to WriteAt, ReadAt and ResizeAt only.
func (p *Pool) Source(_ context.Context, id spec.VolumeID) (spec.BlockSource, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.volumes[id] == nil {
		return spec.BlockSource{}, fmt.Errorf("volume %s: %w", id, spec.ErrMissing)
	}
	return spec.BlockSource{Driver: "sim", Path: p.volumePrefix() + string(id), Format: p.volumes[id].format()}, nil
}
