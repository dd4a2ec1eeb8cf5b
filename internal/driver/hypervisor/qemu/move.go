package qemu

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// MoveDisk implements agent.Hypervisor: a swap whose two sides are one volume. What a guest was left with by an earlier
// process, that may have ended at any point, is settled first: those bytes are the volume.
func (d *Driver) MoveDisk(ctx context.Context, id spec.GuestID, v spec.VolumeID, to spec.BlockSource, settle agent.Settle) error {
	return d.withRunning(id, func(g *guest, r *run) error {
		s, err := g.diskOf(v)
		if err == nil && s.moves() {
			s, err = g.endMove(ctx, r, s, to, settle)
		}
		if err == nil {
			err = settle(ctx, s.Source)
		}
		if err == nil && s.Source.Path != to.Path {
			err = g.move(ctx, r, s, to, settle)
		}
		if err != nil {
			return fmt.Errorf("move volume %s to %s: %w", v, to.Path, err)
		}
		return nil
	})
}

func (g *guest) diskOf(v spec.VolumeID) (diskSlot, error) {
	rec := g.record()
	if s := rec.disk(v); s != nil {
		return *s, nil
	}
	return diskSlot{}, fmt.Errorf("guest %s: volume %s: %w", g.id, v, spec.ErrMissing)
}

func (g *guest) move(ctx context.Context, r *run, s diskSlot, to spec.BlockSource, settle agent.Settle) error {
	next := s.LaunchDisk
	next.Source = to
	err := g.swap(ctx, r, s, next, settle)
	if err == nil {
		return nil
	}
	if now, lost := g.diskOf(s.Disk.Volume); lost == nil && !now.moves() {
		err = errors.Join(err, settle(context.WithoutCancel(ctx), now.Source))
	}
	return err
}

// endMove ends a move that an earlier process left past its copy: to where it went if that is asked for, else back. While the
// guest writes to both either is right; if the job has failed since, the guest has what it had.
func (g *guest) endMove(ctx context.Context, r *run, s diskSlot, to spec.BlockSource, settle agent.Settle) (diskSlot, error) {
	var err error
	switch {
	case !g.writesToBoth(ctx, r):
	case to.Path == s.Source.Path:
		err = g.goOver(ctx, r, s, settle)
	default:
		err = settle(ctx, s.Was.Source)
	}
	if err != nil {
		g.d.log.Warn("a move that was left did not end as asked", "guest", g.id, "volume", s.Disk.Volume, "err", err)
	}
	g.endJob(context.WithoutCancel(ctx), r, swapJob)
	if err := g.settleSwap(context.WithoutCancel(ctx), r, s.Slot); err != nil {
		return s, err
	}
	return g.diskOf(s.Disk.Volume)
}

// writesToBoth tells whether an earlier process left a move past its copy, and the guest still writes to both.
func (g *guest) writesToBoth(ctx context.Context, r *run) bool {
	rec := g.record()
	if !slices.ContainsFunc(rec.Disks, diskSlot.moves) {
		return false
	}
	jobs, err := r.jobs(ctx)
	return err == nil && slices.ContainsFunc(jobs, func(j job) bool { return j.ID == swapJob && j.Status == "ready" })
}
