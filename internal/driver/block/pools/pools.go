// Package pools makes one agent.Block of several pools of a host, each with a driver of its own.
//
//	           +-- default  (file)   disks of guests, images
//	Set -------+-- fast     (file)   volumes
//	           +-- archive  (file)   volumes
//
// Documents name the pool that new things are made on. Of what is there, nothing is remembered: it is looked for on one
// pool after the other, so there is nothing that could be wrong after a crash. Ids are used once, so at most one pool has
// each volume and snapshot; an image may be on every pool that volumes were made from it on. Only a volume that moves is
// on two pools for a while: then the one of the newer generation is the volume, and the other bytes that are not it yet, or
// not any more.
//
// A volume whose source lies on another pool gets a copy of its bytes, through this process; not where either is encrypted. The
// drivers do not know of each other.
//
// Called by agent; wired in daemon.
package pools

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Member is the driver of one pool.
type Member interface {
	agent.Block
	// ReadVolume and ReadSnapshot open the bytes of what nobody writes to, as one raw file. The caller closes it. What
	// is encrypted is spec.ErrNotSupported: its bytes mean nothing without their format and key.
	ReadVolume(ctx context.Context, id spec.VolumeID) (io.ReadCloser, error)
	ReadSnapshot(ctx context.Context, id spec.SnapshotID) (io.ReadCloser, error)
	// ReadEncrypted opens the bytes of an encrypted volume that nobody writes to as they are, header and all; one that is not
	// encrypted is spec.ErrInvalid.
	ReadEncrypted(ctx context.Context, id spec.VolumeID) (io.ReadCloser, error)
	// WriteVolume is EnsureVolume for a volume that has no source but bytes: open is called if it is not there, and may
	// yield fewer bytes than the volume has. If it is encrypted they are what ReadEncrypted opened.
	WriteVolume(ctx context.Context, v spec.Volume, open func() (io.ReadCloser, error)) (spec.VolumeStatus, error)
}

// Pool is a pool with what the operator says of it. Its driver knows it by the same name.
type Pool struct {
	Member
	Name         string
	LocalOnly    bool
	Capabilities map[string]string
}

// Set implements agent.Block on its pools; the first is where things go that name none.
type Set []Pool

var (
	_ agent.Block = Set(nil)
	_ agent.Mover = Set(nil)
)

// Pools implements agent.Block.
func (s Set) Pools(ctx context.Context) ([]spec.Pool, error) {
	all := make([]spec.Pool, 0, len(s))
	for _, p := range s {
		told, err := p.Member.Pools(ctx)
		if err != nil {
			return nil, err
		}
		for _, t := range told {
			t.LocalOnly, t.Capabilities = p.LocalOnly, p.Capabilities
			all = append(all, t)
		}
	}
	return all, nil
}

func (s Set) named(name string) (Pool, error) {
	for _, p := range s {
		if name == "" || p.Name == name {
			return p, nil
		}
	}
	return Pool{}, fmt.Errorf("%w: there is no pool %q here", spec.ErrInvalid, name)
}

// first asks one pool after the other until one does not answer that it lacks the thing.
func first[T any](s Set, ask func(Pool) (T, error)) (answer T, err error) {
	err = spec.ErrMissing
	for _, p := range s {
		if answer, err = ask(p); !errors.Is(err, spec.ErrMissing) {
			return answer, err
		}
	}
	return answer, err
}

// change asks as first does, for nothing but whether it worked.
func (s Set) change(ask func(Pool) error) error {
	_, err := first(s, func(p Pool) (struct{}, error) { return struct{}{}, ask(p) })
	return err
}

// each asks all pools. The thing is missing if it is in none of them.
func (s Set) each(ask func(Pool) error) error {
	var errs []error
	found := false
	for _, p := range s {
		err := ask(p)
		if errors.Is(err, spec.ErrMissing) {
			continue
		}
		found = true
		errs = append(errs, err)
	}
	if !found {
		return spec.ErrMissing
	}
	return errors.Join(errs...)
}

// EnsureImage implements agent.Block.
func (s Set) EnsureImage(ctx context.Context, i spec.Image, open func() (io.ReadCloser, error)) error {
	p, err := s.named(i.Pool)
	if err != nil {
		return fmt.Errorf("image %s: %w", i.ID, err)
	}
	return p.EnsureImage(ctx, i, open)
}

// RemoveImage implements agent.Block.
func (s Set) RemoveImage(ctx context.Context, id spec.ImageID) error {
	return s.each(func(p Pool) error { return p.RemoveImage(ctx, id) })
}

// Images implements agent.Block. What several pools keep of one image is told together.
func (s Set) Images(ctx context.Context) ([]spec.ImageStatus, error) {
	var all []spec.ImageStatus
	at := map[spec.ImageID]int{}
	for _, p := range s {
		kept, err := p.Member.Images(ctx)
		if err != nil {
			return nil, err
		}
		for _, k := range kept {
			if i, known := at[k.ID]; known {
				all[i] = together(all[i], k)
				continue
			}
			at[k.ID] = len(all)
			all = append(all, k)
		}
	}
	return all, nil
}

func together(a, b spec.ImageStatus) spec.ImageStatus {
	a.SizeBytes, a.Uses = a.SizeBytes+b.SizeBytes, a.Uses+b.Uses
	if b.TakenAt.Before(a.TakenAt) {
		a.TakenAt = b.TakenAt
	}
	if b.UsedAt.After(a.UsedAt) {
		a.UsedAt = b.UsedAt
	}
	return a
}

// ImagePath implements agent.Block.
func (s Set) ImagePath(ctx context.Context, id spec.ImageID) (string, error) {
	return first(s, func(p Pool) (string, error) { return p.ImagePath(ctx, id) })
}

// at is the pool that a volume is on: the one that has the newest, if several have one.
func (s Set) at(ctx context.Context, id spec.VolumeID) (newest Pool, status spec.VolumeStatus, err error) {
	err = spec.ErrMissing
	for _, p := range s {
		here, failed := p.VolumeStatus(ctx, id)
		if errors.Is(failed, spec.ErrMissing) {
			continue
		}
		if failed != nil {
			return Pool{}, here, failed
		}
		if err != nil || here.Generation > status.Generation {
			newest, status, err = p, here, nil
		}
	}
	return newest, status, err
}

// EnsureVolume implements agent.Block.
func (s Set) EnsureVolume(ctx context.Context, v spec.Volume) (spec.VolumeStatus, error) {
	there, _, err := s.at(ctx, v.ID)
	if err == nil && v.Move {
		return s.move(ctx, v, there)
	}
	if err == nil {
		return there.EnsureVolume(ctx, v)
	}
	if !errors.Is(err, spec.ErrMissing) {
		return spec.VolumeStatus{}, err
	}
	to, err := s.named(v.Pool)
	if err != nil {
		return spec.VolumeStatus{}, fmt.Errorf("volume %s: %w", v.ID, err)
	}
	status, err := to.EnsureVolume(ctx, v)
	if !errors.Is(err, spec.ErrMissing) || v.Snapshot == "" && v.Volume == "" {
		return status, err
	}
	if v.Encryption != nil {
		return status, fmt.Errorf("volume %s: encrypted, of a source on another pool: %w", v.ID, spec.ErrNotSupported)
	}
	bytes := v
	bytes.Snapshot, bytes.Volume = "", ""
	return to.WriteVolume(ctx, bytes, func() (io.ReadCloser, error) { return s.read(ctx, v) })
}

// read opens the source of a volume, wherever it is.
func (s Set) read(ctx context.Context, v spec.Volume) (io.ReadCloser, error) {
	if v.Snapshot != "" {
		return first(s, func(p Pool) (io.ReadCloser, error) { return p.ReadSnapshot(ctx, v.Snapshot) })
	}
	p, _, err := s.at(ctx, v.Volume)
	if err != nil {
		return nil, err
	}
	return p.ReadVolume(ctx, v.Volume)
}

// RemoveVolume implements agent.Block.
func (s Set) RemoveVolume(ctx context.Context, id spec.VolumeID) error {
	return s.each(func(p Pool) error { return p.RemoveVolume(ctx, id) })
}

// VolumeStatus implements agent.Block.
func (s Set) VolumeStatus(ctx context.Context, id spec.VolumeID) (spec.VolumeStatus, error) {
	_, status, err := s.at(ctx, id)
	return status, err
}

// Source implements agent.Block.
func (s Set) Source(ctx context.Context, id spec.VolumeID) (spec.BlockSource, error) {
	p, _, err := s.at(ctx, id)
	if err != nil {
		return spec.BlockSource{}, err
	}
	return p.Source(ctx, id)
}

// EnsureSnapshot implements agent.Block: on the pool of the volume.
func (s Set) EnsureSnapshot(ctx context.Context, n spec.Snapshot) error {
	p, err := s.snapshotting(ctx, &n)
	if err != nil {
		return err
	}
	return p.EnsureSnapshot(ctx, n)
}

// PrepareSnapshot implements agent.Block: on the pool of the volume.
func (s Set) PrepareSnapshot(ctx context.Context, n spec.Snapshot) (spec.BlockSource, error) {
	p, err := s.snapshotting(ctx, &n)
	if err != nil {
		return spec.BlockSource{}, err
	}
	return p.PrepareSnapshot(ctx, n)
}

// snapshotting finds the pool of a snapshot's volume. If that is gone, the pool that the document names may have the snapshot.
func (s Set) snapshotting(ctx context.Context, n *spec.Snapshot) (Pool, error) {
	p, _, err := s.at(ctx, n.Volume)
	if errors.Is(err, spec.ErrMissing) {
		p, err = s.named(n.Pool)
	}
	n.Pool = ""
	return p, err
}

// CommitSnapshot implements agent.Block.
func (s Set) CommitSnapshot(ctx context.Context, id spec.SnapshotID) error {
	return s.change(func(p Pool) error { return p.CommitSnapshot(ctx, id) })
}

// RemoveSnapshot implements agent.Block.
func (s Set) RemoveSnapshot(ctx context.Context, id spec.SnapshotID) error {
	return s.each(func(p Pool) error { return p.RemoveSnapshot(ctx, id) })
}

// Export implements agent.Block.
func (s Set) Export(ctx context.Context, id spec.SnapshotID, f spec.Format) (io.ReadCloser, error) {
	return first(s, func(p Pool) (io.ReadCloser, error) { return p.Export(ctx, id, f) })
}

// Inventory implements agent.Block.
func (s Set) Inventory(ctx context.Context) (agent.BlockInventory, error) {
	var all agent.BlockInventory
	err := s.each(func(p Pool) error {
		i, err := p.Inventory(ctx)
		all.Volumes = append(all.Volumes, i.Volumes...)
		all.Snapshots = append(all.Snapshots, i.Snapshots...)
		all.Images = append(all.Images, i.Images...)
		return err
	})
	all.Images, all.Volumes = once(all.Images), once(all.Volumes)
	return all, err
}

func once[ID ~string](ids []ID) []ID {
	slices.Sort(ids)
	return slices.Compact(ids)
}
