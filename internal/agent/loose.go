package agent

import (
	"context"
	"fmt"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// ListLoose tells of the disks on a pool that are nobody's.
func (a *Agent) ListLoose(ctx context.Context, pool string, kind spec.DiskKind) ([]spec.LooseDisk, error) {
	return a.Block.ListLoose(ctx, pool, kind)
}

// AdoptVolume makes a loose disk a volume.
func (a *Agent) AdoptVolume(ctx context.Context, id spec.VolumeID, pool, name string) error {
	unlock, err := a.volumeLocks.lock(ctx, string(id))
	if err != nil {
		return err
	}
	defer unlock()
	return a.Block.AdoptVolume(ctx, id, pool, name)
}

// ReleaseVolume makes a volume a loose disk. One that a guest has open is spec.ErrBusy.
func (a *Agent) ReleaseVolume(ctx context.Context, id spec.VolumeID, name string) error {
	return a.closed(ctx, id, func() error { return a.Block.ReleaseVolume(ctx, id, name) })
}

// AdoptSnapshot makes a loose disk a snapshot.
func (a *Agent) AdoptSnapshot(ctx context.Context, id spec.SnapshotID, pool, name string) error {
	return a.Block.AdoptSnapshot(ctx, id, pool, name)
}

// ReleaseSnapshot makes a snapshot a loose disk.
func (a *Agent) ReleaseSnapshot(ctx context.Context, s spec.Snapshot, name string) error {
	return ignoreMissing(a.Block.ReleaseSnapshot(ctx, s, name))
}

// closed takes a volume that no guest has open away from here; one that is not here is no error.
func (a *Agent) closed(ctx context.Context, id spec.VolumeID, take func() error) error {
	guest, open, unlock, err := a.lockVolume(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	if open {
		return fmt.Errorf("volume %s is open in guest %s: %w", id, guest, spec.ErrBusy)
	}
	return ignoreMissing(take())
}
