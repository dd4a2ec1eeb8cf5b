package testcloud

import (
	"context"
	"io"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/driver/block/pools"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// block is agent.Block over a wire.
type block struct {
	wire
	driver pools.Set
}

var (
	_ agent.Block = (*block)(nil)
	_ agent.Mover = (*block)(nil)
)

func (b *block) Pools(ctx context.Context) (s []spec.Pool, err error) {
	err = b.look(func() error { s, err = b.driver.Pools(ctx); return err })
	return s, err
}

func (b *block) EnsureImage(ctx context.Context, i spec.Image, open func() (io.ReadCloser, error)) error {
	return b.change(ctx, "ensure image", func() error { return b.driver.EnsureImage(ctx, i, open) })
}

func (b *block) RemoveImage(ctx context.Context, id spec.ImageID) error {
	return b.change(ctx, "remove image", func() error { return b.driver.RemoveImage(ctx, id) })
}

func (b *block) Images(ctx context.Context) (all []spec.ImageStatus, err error) {
	err = b.look(func() error { all, err = b.driver.Images(ctx); return err })
	return all, err
}

func (b *block) ImagePath(ctx context.Context, id spec.ImageID) (s string, err error) {
	err = b.look(func() error { s, err = b.driver.ImagePath(ctx, id); return err })
	return s, err
}

func (b *block) EnsureVolume(ctx context.Context, v spec.Volume) (s spec.VolumeStatus, err error) {
	err = b.change(ctx, "ensure volume", func() error { s, err = b.driver.EnsureVolume(ctx, v); return err })
	return s, err
}

func (b *block) RemoveVolume(ctx context.Context, id spec.VolumeID) error {
	return b.change(ctx, "remove volume", func() error { return b.driver.RemoveVolume(ctx, id) })
}

func (b *block) VolumeStatus(ctx context.Context, id spec.VolumeID) (s spec.VolumeStatus, err error) {
	err = b.look(func() error { s, err = b.driver.VolumeStatus(ctx, id); return err })
	return s, err
}

func (b *block) Source(ctx context.Context, id spec.VolumeID) (s spec.BlockSource, err error) {
	err = b.look(func() error { s, err = b.driver.Source(ctx, id); return err })
	return s, err
}

func (b *block) PrepareMove(ctx context.Context, v spec.Volume) (to spec.BlockSource, err error) {
	err = b.change(ctx, "prepare move", func() error { to, err = b.driver.PrepareMove(ctx, v); return err })
	return to, err
}

func (b *block) SwitchVolume(ctx context.Context, id spec.VolumeID, to spec.BlockSource) error {
	return b.change(ctx, "switch volume", func() error { return b.driver.SwitchVolume(ctx, id, to) })
}

func (b *block) EnsureSnapshot(ctx context.Context, s spec.Snapshot) error {
	return b.change(ctx, "ensure snapshot", func() error { return b.driver.EnsureSnapshot(ctx, s) })
}

func (b *block) PrepareSnapshot(ctx context.Context, s spec.Snapshot) (to spec.BlockSource, err error) {
	err = b.change(ctx, "prepare snapshot", func() error { to, err = b.driver.PrepareSnapshot(ctx, s); return err })
	return to, err
}

func (b *block) CommitSnapshot(ctx context.Context, id spec.SnapshotID) error {
	return b.change(ctx, "commit snapshot", func() error { return b.driver.CommitSnapshot(ctx, id) })
}

func (b *block) RemoveSnapshot(ctx context.Context, id spec.SnapshotID) error {
	return b.change(ctx, "remove snapshot", func() error { return b.driver.RemoveSnapshot(ctx, id) })
}

func (b *block) ListLoose(ctx context.Context, pool string, kind spec.DiskKind) (all []spec.LooseDisk, err error) {
	err = b.look(func() error { all, err = b.driver.ListLoose(ctx, pool, kind); return err })
	return all, err
}

func (b *block) AdoptVolume(ctx context.Context, id spec.VolumeID, pool, name string) error {
	return b.change(ctx, "adopt volume", func() error { return b.driver.AdoptVolume(ctx, id, pool, name) })
}

func (b *block) ReleaseVolume(ctx context.Context, id spec.VolumeID, name string) error {
	return b.change(ctx, "release volume", func() error { return b.driver.ReleaseVolume(ctx, id, name) })
}

func (b *block) AdoptSnapshot(ctx context.Context, id spec.SnapshotID, pool, name string) error {
	return b.change(ctx, "adopt snapshot", func() error { return b.driver.AdoptSnapshot(ctx, id, pool, name) })
}

func (b *block) ReleaseSnapshot(ctx context.Context, s spec.Snapshot, name string) error {
	return b.change(ctx, "release snapshot", func() error { return b.driver.ReleaseSnapshot(ctx, s, name) })
}

// Export may also break off after its first bytes.
func (b *block) Export(ctx context.Context, id spec.SnapshotID, f spec.Format) (r io.ReadCloser, err error) {
	fate := b.faults.draw()
	if fate == failsBefore || fate == lacksRoom {
		return nil, ErrHost
	}
	err = b.look(func() error { r, err = b.driver.Export(ctx, id, f); return err })
	if err != nil {
		return nil, err
	}
	return &export{r, b.wire, fate == failsAfter}, nil
}

type export struct {
	io.ReadCloser
	wire
	breaks bool
}

func (e *export) Read(p []byte) (n int, err error) {
	err = e.look(func() error { n, err = e.ReadCloser.Read(p); return err })
	if e.breaks && err == nil {
		err = ErrHost
	}
	return n, err
}

func (b *block) Inventory(ctx context.Context) (i agent.BlockInventory, err error) {
	err = b.look(func() error { i, err = b.driver.Inventory(ctx); return err })
	return i, err
}
