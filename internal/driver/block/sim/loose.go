package sim

import (
	"context"
	"fmt"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// looseDisk is a disk that is nobody's.
type looseDisk struct {
	*disk
	of spec.VolumeID
}

// ListLoose implements agent.Block.
func (p *Pool) ListLoose(_ context.Context, pool string, kind spec.DiskKind) ([]spec.LooseDisk, error) {
	if err := p.checkPool(pool); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var disks []spec.LooseDisk
	for _, name := range keys(p.loose[kind]) {
		l := p.loose[kind][name]
		disks = append(disks, spec.LooseDisk{Name: name, Format: l.format(), SizeBytes: l.sizeBytes, Of: l.of})
	}
	return disks, nil
}

func (p *Pool) checkPool(name string) error {
	if name != "" && name != p.options.Name {
		return fmt.Errorf("%w: pool %q is not %q", spec.ErrInvalid, name, p.options.Name)
	}
	return nil
}

// AdoptVolume implements agent.Block.
func (p *Pool) AdoptVolume(ctx context.Context, id spec.VolumeID, pool, name string) error {
	return p.change(ctx, "AdoptVolume", func() error { return adopt(p, p.volumes, id, spec.DiskVolume, pool, name) })
}

// AdoptSnapshot implements agent.Block.
func (p *Pool) AdoptSnapshot(ctx context.Context, id spec.SnapshotID, pool, name string) error {
	return p.change(ctx, "AdoptSnapshot", func() error { return adopt(p, p.snapshots, id, spec.DiskSnapshot, pool, name) })
}

func adopt[ID ~string](p *Pool, disks map[ID]*disk, id ID, kind spec.DiskKind, pool, name string) error {
	for _, err := range []error{checkID(id), spec.CheckLooseName(name), p.checkPool(pool)} {
		if err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if disks[id] != nil {
		return nil
	}
	l, ok := p.loose[kind][name]
	if !ok {
		return fmt.Errorf("loose disk %s: %w", name, spec.ErrMissing)
	}
	disks[id] = l.disk
	delete(p.loose[kind], name)
	return nil
}

// ReleaseVolume implements agent.Block.
func (p *Pool) ReleaseVolume(ctx context.Context, id spec.VolumeID, name string) error {
	return p.change(ctx, "ReleaseVolume", func() error { return release(p, p.volumes, id, spec.DiskVolume, name, "") })
}

// ReleaseSnapshot implements agent.Block.
func (p *Pool) ReleaseSnapshot(ctx context.Context, s spec.Snapshot, name string) error {
	return p.change(ctx, "ReleaseSnapshot", func() error { return release(p, p.snapshots, s.ID, spec.DiskSnapshot, name, s.Volume) })
}

func release[ID ~string](p *Pool, disks map[ID]*disk, id ID, kind spec.DiskKind, name string, of spec.VolumeID) error {
	if err := spec.CheckLooseName(name); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	d := disks[id]
	if d == nil {
		return fmt.Errorf("%s %s: %w", kind, id, spec.ErrMissing)
	}
	if d.encrypted {
		return fmt.Errorf("release %s: encrypted, and its key would be lost: %w", id, spec.ErrNotSupported)
	}
	if _, taken := p.loose[kind][name]; taken {
		return fmt.Errorf("loose disk %s: %w", name, spec.ErrExists)
	}
	d.generation = 0
	p.loose[kind][name] = looseDisk{d, of}
	delete(disks, id)
	return nil
}
