package pools

import (
	"context"
	"fmt"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// ListLoose implements agent.Block.
func (s Set) ListLoose(ctx context.Context, pool string, kind spec.DiskKind) ([]spec.LooseDisk, error) {
	p, err := s.named(pool)
	if err != nil {
		return nil, err
	}
	return p.ListLoose(ctx, p.Name, kind)
}

// AdoptVolume implements agent.Block.
func (s Set) AdoptVolume(ctx context.Context, id spec.VolumeID, pool, name string) error {
	p, err := s.named(pool)
	if err != nil {
		return fmt.Errorf("volume %s: %w", id, err)
	}
	return p.AdoptVolume(ctx, id, p.Name, name)
}

// AdoptSnapshot implements agent.Block.
func (s Set) AdoptSnapshot(ctx context.Context, id spec.SnapshotID, pool, name string) error {
	p, err := s.named(pool)
	if err != nil {
		return fmt.Errorf("snapshot %s: %w", id, err)
	}
	return p.AdoptSnapshot(ctx, id, p.Name, name)
}

// ReleaseVolume implements agent.Block: on the pool that has it.
func (s Set) ReleaseVolume(ctx context.Context, id spec.VolumeID, name string) error {
	p, _, err := s.at(ctx, id)
	if err != nil {
		return err
	}
	return p.ReleaseVolume(ctx, id, name)
}

// ReleaseSnapshot implements agent.Block: on the pool that has it.
func (s Set) ReleaseSnapshot(ctx context.Context, n spec.Snapshot, name string) error {
	return s.change(func(p Pool) error { return p.ReleaseSnapshot(ctx, n, name) })
}
