package sim

import (
	"context"
	"fmt"
	"time"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Start implements agent.Hypervisor.
func (d *Driver) Start(ctx context.Context, l agent.Launch, paused bool) error {
	id := l.Guest.ID
	switch l.Guest.Machine {
	case spec.MachineQ35, spec.MachinePC, spec.MachineMicroVM:
	default:
		return fmt.Errorf("guest %s: machine %q: %w", id, l.Guest.Machine, spec.ErrNotSupported)
	}
	for _, disk := range l.Disks {
		if err := disk.Source.CheckKey(); err != nil {
			return fmt.Errorf("guest %s: %w", id, err)
		}
	}
	if err := d.ensure(id); err != nil {
		return err
	}
	if there, err := d.startedAlready(l); there || err != nil {
		return err
	}
	return d.change(ctx, id, "start", d.opts.StartDelay, func() error {
		return d.look(id, func(g *guest) error { return g.start(l, paused, d.clock.Now()) })
	})
}

func (d *Driver) startedAlready(l agent.Launch) (there bool, err error) {
	err = d.look(l.Guest.ID, func(g *guest) error {
		there = g.alive()
		if have := g.launch.Guest.BootSerial; there && have != l.Guest.BootSerial {
			return fmt.Errorf("guest %s runs, started with boot serial %d and not %d: %w",
				g.id, have, l.Guest.BootSerial, spec.ErrBusy)
		}
		return nil
	})
	return there, err
}

func (g *guest) start(l agent.Launch, paused bool, now time.Time) error {
	if g.state == spec.GuestSuspended {
		for _, d := range g.launch.Disks {
			if find(l.Disks, d.Disk.Volume) < 0 {
				return fmt.Errorf("guest %s was suspended with volume %s: %w", g.id, d.Disk.Volume, spec.ErrInvalid)
			}
		}
	} else {
		g.booted = false
	}
	l.Disks = append([]agent.LaunchDisk(nil), l.Disks...)
	l.NICs = append([]agent.LaunchNIC(nil), l.NICs...)
	g.launch, g.startedAt, g.reason = l, now, ""
	g.state = spec.GuestPaused
	if !paused {
		g.goOn(now)
	}
	return nil
}

// goOn lets the CPUs run; a guest that has not booted does so.
func (g *guest) goOn(now time.Time) {
	g.state, g.reason = spec.GuestRunning, ""
	if !g.booted {
		g.boot(now)
	}
}

func (g *guest) boot(now time.Time) {
	g.booted = true
	g.boots = append(g.boots, now)
	g.boots = g.boots[max(0, len(g.boots)-bootsKept):]
}

// Stop implements agent.Hypervisor. A running guest with grace takes StopDelay to shut itself
// down, or all of the grace if that is shorter.
func (d *Driver) Stop(ctx context.Context, id spec.GuestID, opts agent.StopOptions) error {
	st, err := d.Status(ctx, id)
	if err != nil || st.State == spec.GuestStopped {
		return ctx.Err() // not there is stopped, too
	}
	delay := time.Duration(0)
	if st.State == spec.GuestRunning {
		delay = min(opts.Grace, d.opts.StopDelay)
	}
	return d.change(ctx, id, "stop", delay, func() error {
		return d.look(id, func(g *guest) error {
			g.state, g.reason = spec.GuestStopped, ""
			return nil
		})
	})
}

// Pause implements agent.Hypervisor.
func (d *Driver) Pause(ctx context.Context, id spec.GuestID) error {
	return d.change(ctx, id, "pause", 0, func() error {
		return d.lookAlive(id, func(g *guest) error {
			g.state = spec.GuestPaused
			return nil
		})
	})
}

// Resume implements agent.Hypervisor.
func (d *Driver) Resume(ctx context.Context, id spec.GuestID) error {
	return d.change(ctx, id, "resume", 0, func() error {
		return d.lookAlive(id, func(g *guest) error {
			g.goOn(d.clock.Now())
			return nil
		})
	})
}

// Suspend implements agent.Hypervisor.
func (d *Driver) Suspend(ctx context.Context, id spec.GuestID) error {
	return d.change(ctx, id, "suspend", d.opts.StopDelay, func() error {
		return d.look(id, func(g *guest) error {
			if !g.alive() && g.state != spec.GuestSuspended {
				return fmt.Errorf("guest %s is not running: %w", id, spec.ErrMissing)
			}
			g.state = spec.GuestSuspended
			return nil
		})
	})
}

// Remove implements agent.Hypervisor.
func (d *Driver) Remove(ctx context.Context, id spec.GuestID) error {
	return d.change(ctx, id, "remove", 0, func() error {
		d.state.mu.Lock()
		defer d.state.mu.Unlock()
		delete(d.state.guests, id)
		return nil
	})
}

// PowerOff is the guest powering itself off. It does nothing to one that does not run.
func (s *State) PowerOff(id spec.GuestID) {
	s.happen(id, func(g *guest) { g.state, g.reason = spec.GuestStopped, "the guest powered itself off" })
}

// Crash is the guest's process ending by itself. It does nothing to one that does not run.
func (s *State) Crash(id spec.GuestID) {
	s.happen(id, func(g *guest) { g.state, g.reason = spec.GuestCrashed, "simulated crash" })
}

// Reboot is the guest rebooting itself. It does nothing to one that does not run.
func (s *State) Reboot(id spec.GuestID) {
	s.happen(id, func(g *guest) { g.boot(s.clock.Now()) })
}

func (s *State) happen(id spec.GuestID, f func(*guest)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.guests[id]; g != nil && g.state == spec.GuestRunning {
		f(g)
		s.tell(g.status(s.clock.Now()))
	}
}

// hostRestarted is the reason of guests that ended with their host.
const hostRestarted = "the host restarted"

// Restart is the host going down and coming up again: no guest survives it. Nobody watches, so nobody is told.
func (s *State) Restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.guests {
		if g.alive() {
			g.state, g.reason = spec.GuestCrashed, hostRestarted
		}
	}
}
