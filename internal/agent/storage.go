package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// EnsureImage takes an image in from the control plane's store.
func (a *Agent) EnsureImage(ctx context.Context, i spec.Image) error {
	return a.Block.EnsureImage(ctx, i, func() (io.ReadCloser, error) { return a.Images.OpenImage(ctx, i.ID) })
}

// RemoveImage removes an image; volumes made from it stay whole. A guest that boots from it needs the file at each start.
func (a *Agent) RemoveImage(ctx context.Context, id spec.ImageID) error {
	if g, boots := a.bootedFrom(id); boots {
		return fmt.Errorf("guest %s boots from image %s: %w", g, id, spec.ErrBusy)
	}
	return ignoreMissing(a.Block.RemoveImage(ctx, id))
}

// bootedFrom finds a guest whose kernel or initramfs an image is.
func (a *Agent) bootedFrom(id spec.ImageID) (spec.GuestID, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for g, held := range a.guests {
		if k := held.spec.Kernel; k != nil && (k.Kernel == id || k.Initramfs == id) {
			return g, true
		}
	}
	return "", false
}

// ListImages tells of the images that are here.
func (a *Agent) ListImages(ctx context.Context) ([]spec.ImageStatus, error) {
	return a.Block.Images(ctx)
}

// EnsureVolume makes, grows or moves a volume. If a running guest has it open, the hypervisor grows or moves it.
func (a *Agent) EnsureVolume(ctx context.Context, v spec.Volume) (spec.VolumeStatus, error) {
	guest, open, unlock, err := a.lockVolume(ctx, v.ID)
	if err != nil {
		return spec.VolumeStatus{}, err
	}
	defer unlock()
	if !open {
		return a.ensureClosed(ctx, v)
	}
	if v.Move {
		return a.moveOpen(ctx, guest, v)
	}
	s, err := a.Block.VolumeStatus(ctx, v.ID)
	if err == nil && s.SizeBytes < v.SizeBytes {
		if err = a.Hypervisor.ResizeDisk(ctx, guest, v.ID, v.SizeBytes); err == nil {
			s, err = a.Block.VolumeStatus(ctx, v.ID)
		}
	}
	return s, err
}

// ensureClosed makes or grows a volume that no guest has open. The image it is made from may be let go of between being
// taken in and being used: then it is taken in again.
func (a *Agent) ensureClosed(ctx context.Context, v spec.Volume) (s spec.VolumeStatus, err error) {
	for range 3 {
		if err := a.ensureImageOf(ctx, v); err != nil {
			return s, fmt.Errorf("take image in: %w", err)
		}
		if s, err = a.Block.EnsureVolume(ctx, v); v.Image == nil || !errors.Is(err, spec.ErrMissing) {
			return s, err
		}
	}
	return s, err
}

// ensureImageOf takes in the image that a volume is made from, into the volume's pool.
func (a *Agent) ensureImageOf(ctx context.Context, v spec.Volume) error {
	if v.Image == nil {
		return nil
	}
	image := *v.Image
	image.Pool = v.Pool
	return a.EnsureImage(ctx, image)
}

// lockVolume locks a volume and, if a running guest has it open, that guest: always the guest first, as
// starting a guest does.
func (a *Agent) lockVolume(ctx context.Context, id spec.VolumeID) (guest spec.GuestID, open bool, unlock func(), err error) {
	for {
		guest, open, err = a.openBy(ctx, id)
		if err != nil {
			return "", false, nil, err
		}
		unlock, err = a.lockGuestAndVolume(ctx, guest, open, id)
		if err != nil {
			return "", false, nil, err
		}
		again, stillOpen, err := a.openBy(ctx, id)
		if err == nil && again == guest && stillOpen == open {
			return guest, open, unlock, nil
		}
		unlock()
		if err != nil {
			return "", false, nil, err
		}
	}
}

func (a *Agent) lockGuestAndVolume(ctx context.Context, guest spec.GuestID, open bool, id spec.VolumeID) (func(), error) {
	unlockGuest := func() {}
	if open {
		f, err := a.guestLocks.lock(ctx, string(guest))
		if err != nil {
			return nil, err
		}
		unlockGuest = f
	}
	unlockVolume, err := a.volumeLocks.lock(ctx, string(id))
	if err != nil {
		unlockGuest()
		return nil, err
	}
	return func() { unlockVolume(); unlockGuest() }, nil
}

// openBy finds the running guest that has a volume plugged.
func (a *Agent) openBy(ctx context.Context, id spec.VolumeID) (spec.GuestID, bool, error) {
	guests, err := a.Hypervisor.List(ctx)
	if err != nil {
		return "", false, fmt.Errorf("list guests: %w", err)
	}
	for _, g := range guests {
		if live(g.State) && slices.Contains(g.Disks, id) {
			return g.ID, true, nil
		}
	}
	return "", false, nil
}

// RemoveVolume removes a volume. One that a guest has open is spec.ErrBusy.
func (a *Agent) RemoveVolume(ctx context.Context, id spec.VolumeID) error {
	return a.closed(ctx, id, func() error { return a.Block.RemoveVolume(ctx, id) })
}

// EnsureSnapshot copies a volume at one moment. If a running guest has it open,
// the hypervisor makes the copy.
func (a *Agent) EnsureSnapshot(ctx context.Context, s spec.Snapshot) error {
	guest, open, unlock, err := a.lockVolume(ctx, s.Volume)
	if err != nil {
		return err
	}
	defer unlock()
	if !open {
		return a.Block.EnsureSnapshot(ctx, s)
	}
	have, err := a.Block.Inventory(ctx)
	if err != nil {
		return err
	}
	if slices.Contains(have.Snapshots, s.ID) {
		return nil
	}
	return a.copyOpen(ctx, guest, s)
}

func (a *Agent) copyOpen(ctx context.Context, guest spec.GuestID, s spec.Snapshot) error {
	target, err := a.Block.PrepareSnapshot(ctx, s)
	if err != nil {
		return fmt.Errorf("prepare snapshot: %w", err)
	}
	if err := a.Hypervisor.CopyDisk(ctx, guest, s.Volume, target); err != nil {
		return fmt.Errorf("copy disk: %w", err)
	}
	return a.Block.CommitSnapshot(ctx, s.ID)
}

// RemoveSnapshot removes a snapshot.
func (a *Agent) RemoveSnapshot(ctx context.Context, id spec.SnapshotID) error {
	return ignoreMissing(a.Block.RemoveSnapshot(ctx, id))
}

// Export streams a snapshot as one file.
func (a *Agent) Export(ctx context.Context, id spec.SnapshotID, f spec.Format) (io.ReadCloser, error) {
	return a.Block.Export(ctx, id, f)
}
