package qemu

import (
	"context"
	"errors"
	"fmt"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/driver/hypervisor/qmp"
	"github.com/nubo-cloud/nubo/internal/spec"
)

const swapJob = "swap"

// SwapDisk implements agent.Hypervisor: a mirror job, whose target takes the disk's place behind the device. Once
// the target is as the disk is, the guest's writes go to both; from then on the record names the target, so
// that whoever finds the guest dead has all that it wrote.
func (d *Driver) SwapDisk(ctx context.Context, id spec.GuestID, old spec.VolumeID, next agent.LaunchDisk) error {
	g, err := d.find(id)
	if err != nil {
		return err
	}
	g.ops.Lock()
	defer g.ops.Unlock()
	rec := g.record()
	if s := rec.disk(next.Disk.Volume); s != nil {
		return nil
	}
	r, err := g.running()
	if err != nil {
		return err
	}
	s := rec.disk(old)
	if s == nil {
		return fmt.Errorf("guest %s: volume %s: %w", id, old, spec.ErrMissing)
	}
	if err := g.swap(ctx, r, *s, next, nil); err != nil {
		return fmt.Errorf("guest %s: swap volume %s for %s: %w", id, old, next.Disk.Volume, err)
	}
	return nil
}

// swap has the guest go over to next. settle, if any, is told when the guest writes to both.
func (g *guest) swap(ctx context.Context, r *run, s diskSlot, next agent.LaunchDisk, settle agent.Settle) error {
	twin := diskSlot{Slot: s.Slot, Twin: !s.Twin, LaunchDisk: next, Was: &s.LaunchDisk}
	if err := g.openNodes(ctx, r, twin.node(), twin.set(), next.Source, false); err != nil {
		return err
	}
	err := g.mirror(ctx, r, s, twin, settle)
	if err != nil {
		g.endJob(context.WithoutCancel(ctx), r, swapJob)
	}
	return errors.Join(err, g.settleSwap(context.WithoutCancel(ctx), r, s.Slot))
}

// mirror runs the job until both are the same, and goes over.
func (g *guest) mirror(ctx context.Context, r *run, s, twin diskSlot, settle agent.Settle) error {
	events, cancel := r.mon.Listen("JOB_STATUS_CHANGE")
	defer cancel()
	err := r.mon.Execute(ctx, "blockdev-mirror", object{"job-id": swapJob, "device": s.node(), "target": twin.node(),
		"sync": "full", "copy-mode": "write-blocking", "auto-dismiss": false}, nil)
	if err != nil {
		return err
	}
	e, err := r.mon.Await(ctx, events, func(e qmp.Event) bool { return jobIs(e, swapJob, "ready", "concluded") })
	if err != nil {
		return err
	}
	if jobIs(e, swapJob, "concluded") {
		return errors.Join(errors.New("the copy ended early"), g.dismiss(ctx, r, swapJob))
	}
	return g.goOver(ctx, r, twin, settle)
}

// goOver records the target of a mirror job as the disk, while the guest writes to both, and lets QEMU go over to it.
func (g *guest) goOver(ctx context.Context, r *run, twin diskSlot, settle agent.Settle) error {
	if err := g.change(func(rec *record) { rec.put(twin) }); err != nil {
		return err
	}
	if settle != nil {
		if err := settle(ctx, twin.Source); err != nil {
			return err
		}
	}
	events, cancel := r.mon.Listen("JOB_STATUS_CHANGE")
	defer cancel()
	if err := r.mon.Execute(ctx, "job-complete", object{"id": swapJob}, nil); err != nil {
		return err
	}
	if _, err := r.mon.Await(ctx, events, concluded(swapJob)); err != nil {
		return err
	}
	return g.dismiss(ctx, r, swapJob)
}

// settleSwap makes a slot's record say what its device uses, after a swap has ended somehow, and closes the other bytes. If
// QEMU does not say, the record stays: with both, the guest wrote to both as long as it lived.
func (g *guest) settleSwap(ctx context.Context, r *run, slot int) error {
	rec := g.record()
	s := rec.slot(slot)
	if s == nil {
		return nil
	}
	now := *s
	now.Was = nil
	if s.Was != nil {
		_, err := deviceOf(ctx, r.mon, s.node())
		if errors.Is(err, errUnused) { // it stayed with what it had
			now = diskSlot{Slot: slot, Twin: !s.Twin, LaunchDisk: *s.Was}
		} else if err != nil {
			return err
		}
	}
	other := diskSlot{Slot: slot, Twin: !now.Twin}
	err := g.closeNodes(ctx, r, []string{other.node(), other.node() + "-file", other.node() + "-base", other.node() + "-base-file"}, other.set())
	if s.Was != nil {
		err = errors.Join(err, g.change(func(rec *record) { rec.put(now) }), limitAgain(ctx, r.mon, now, *s.Was))
	}
	return err
}

// limitAgain gives a disk its own limits in place of those of the one before, which stay with the device.
func limitAgain(ctx context.Context, mon *qmp.Client, s diskSlot, was agent.LaunchDisk) error {
	if s.Disk.Limits == was.Disk.Limits {
		return nil
	}
	return limitDisk(ctx, mon, s)
}
