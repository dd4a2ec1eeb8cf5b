package qemu

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// askAgain is how long a guest may ignore the power button before it is pressed
// again: early in its boot nobody listens.
const askAgain = 3 * time.Second

// Stop implements agent.Hypervisor. A guest that is suspended loses its saved memory:
// stopped means off.
func (d *Driver) Stop(ctx context.Context, id spec.GuestID, opts agent.StopOptions) error {
	g, err := d.find(id)
	if errors.Is(err, spec.ErrMissing) {
		return nil
	}
	g.ops.Lock()
	defer g.ops.Unlock()
	r := g.current()
	if r == nil {
		return g.stopped()
	}
	r.ask(true)
	if opts.Grace > 0 && g.status().State == spec.GuestRunning {
		if err := g.powerDown(ctx, r, opts.Grace); err != nil {
			r.ask(false)
			return err
		}
	}
	if err := g.change(func(rec *record) { rec.Phase, rec.Reason = phaseStopped, "" }); err != nil {
		return err
	}
	select {
	case <-r.gone:
		return nil
	default:
	}
	d.quit(r)
	<-r.gone
	return nil
}

// stopped makes sure that what has no process counts as stopped.
func (g *guest) stopped() error {
	if g.record().Phase == phaseStopped {
		return nil
	}
	err := g.change(func(rec *record) {
		rec.Phase, rec.Reason, rec.MachineVersion = phaseStopped, "", ""
	})
	if err == nil {
		err = g.removeMemory()
	}
	return err
}

// powerDown presses the power button until the guest is off or grace is over.
func (g *guest) powerDown(ctx context.Context, r *run, grace time.Duration) error {
	over := time.NewTimer(grace)
	defer over.Stop()
	again := time.NewTicker(askAgain)
	defer again.Stop()
	for {
		if err := r.mon.Execute(ctx, "system_powerdown", nil, nil); err != nil && ctx.Err() != nil {
			return err
		}
		select {
		case <-r.gone:
			return nil
		case <-over.C:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("stop guest %s: %w", g.id, ctx.Err())
		case <-again.C:
		}
	}
}

// Remove implements agent.Hypervisor.
func (d *Driver) Remove(ctx context.Context, id spec.GuestID) error {
	g, err := d.find(id)
	if errors.Is(err, spec.ErrMissing) {
		return nil
	}
	g.ops.Lock()
	defer g.ops.Unlock()
	if r := g.current(); r != nil {
		r.ask(true)
		if err := g.change(func(rec *record) { rec.Phase, rec.Reason = phaseStopped, "" }); err != nil {
			d.log.Warn("removing a guest whose record cannot be written", "err", err)
		}
		r.proc.kill()
		<-r.gone
	}
	d.removeCgroups(id)
	if err := os.RemoveAll(g.dir); err != nil {
		return fmt.Errorf("remove guest %s: %w", id, err)
	}
	d.forget(id)
	return nil
}

// Pause implements agent.Hypervisor.
func (d *Driver) Pause(ctx context.Context, id spec.GuestID) error {
	return d.withRunning(id, func(g *guest, r *run) error {
		if err := r.mon.Execute(ctx, "stop", nil, nil); err != nil {
			return fmt.Errorf("pause guest %s: %w", id, err)
		}
		return nil
	})
}

// Resume implements agent.Hypervisor.
func (d *Driver) Resume(ctx context.Context, id spec.GuestID) error {
	return d.withRunning(id, func(g *guest, r *run) error {
		if err := r.mon.Execute(ctx, "cont", nil, nil); err != nil {
			return fmt.Errorf("resume guest %s: %w", id, err)
		}
		return nil
	})
}

// withRunning runs an operation on a guest's process, one at a time.
func (d *Driver) withRunning(id spec.GuestID, f func(*guest, *run) error) error {
	g, err := d.find(id)
	if err != nil {
		return err
	}
	g.ops.Lock()
	defer g.ops.Unlock()
	r, err := g.running()
	if err != nil {
		return err
	}
	return f(g, r)
}
