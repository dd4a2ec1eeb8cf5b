package agent

import (
	"context"
	"fmt"
	"slices"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// SwapDisk puts another volume in the place of one that a running guest has. The document held changes with it, under
// the guest's lock: a reconciliation in between would plug the old volume back.
func (a *Agent) SwapDisk(ctx context.Context, id spec.GuestID, old spec.VolumeID, next spec.Disk) error {
	unlockGuest, err := a.guestLocks.lock(ctx, string(id))
	if err != nil {
		return err
	}
	defer unlockGuest()
	ctx, done := a.interruptible(ctx, id)
	defer done()
	unlockVolumes, err := a.lockVolumes(ctx, []spec.Disk{{Volume: old}, next})
	if err != nil {
		return err
	}
	defer unlockVolumes()
	l, err := a.launchDisk(ctx, next)
	if err != nil {
		return err
	}
	if err := a.Hypervisor.SwapDisk(ctx, id, old, l); err != nil {
		return fmt.Errorf("swap disk %s: %w", old, err)
	}
	a.wantInstead(id, old, next)
	return nil
}

// wantInstead changes a disk in the document held for a guest. The list is a new one: callers have the old.
func (a *Agent) wantInstead(id spec.GuestID, old spec.VolumeID, next spec.Disk) {
	a.mu.Lock()
	defer a.mu.Unlock()
	held := a.guests[id]
	if held == nil {
		return
	}
	disks := slices.Clone(held.spec.Disks)
	for i, d := range disks {
		if d.Volume == old {
			disks[i] = next
		}
	}
	held.spec.Disks = disks
}
