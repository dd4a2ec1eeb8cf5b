package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// wantedGuest is the document held for one guest. Its fields are guarded by Agent.mu.
type wantedGuest struct {
	spec spec.Guest
	// told is the Generation that the metadata is of: it may be newer than the rest.
	told int64
	// settled is the Generation that was made true last.
	settled int64
	// interrupt ends the reconciliation under way, nil if none: a removal must not wait
	// for a guest that is taking its time to shut down.
	interrupt context.CancelFunc
}

// EnsureGuest holds g as wanted, makes it so, and answers what is then observed.
func (a *Agent) EnsureGuest(ctx context.Context, g spec.Guest) (spec.GuestStatus, error) {
	a.want(g)
	return a.reconcileGuest(ctx, g.ID)
}

// want keeps g unless a newer document is held, or the guest was removed since g was written.
func (a *Agent) want(g spec.Guest) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if g.Generation < a.removed[g.ID] {
		return
	}
	delete(a.removed, g.ID)
	held := a.guests[g.ID]
	if held == nil {
		held = &wantedGuest{}
		a.guests[g.ID] = held
	} else if held.spec.Generation > g.Generation {
		return
	}
	for _, n := range held.spec.NICs {
		delete(a.ports, n.Port)
	}
	newest := held.spec.Metadata
	held.spec = g
	if held.told > g.Generation {
		held.spec.Metadata = newest
	} else {
		held.told = g.Generation
	}
	for _, n := range g.NICs {
		a.ports[n.Port] = g.ID
	}
}

// TellGuest keeps the metadata of g, unless newer is held.
func (a *Agent) TellGuest(_ context.Context, g spec.Guest) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if held := a.guests[g.ID]; held != nil && held.told <= g.Generation {
		held.spec.Metadata, held.told = g.Metadata, g.Generation
	}
	return nil
}

func (a *Agent) wanted(id spec.GuestID) (spec.Guest, int64, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	held := a.guests[id]
	if held == nil {
		return spec.Guest{}, 0, false
	}
	return held.spec, held.settled, true
}

// removedMax bounds what is remembered of guests that are gone. Late documents are late by seconds.
const removedMax = 10000

// forget drops the document of a guest unless it is newer than generation.
func (a *Agent) forget(id spec.GuestID, generation int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	held := a.guests[id]
	if held != nil && held.spec.Generation > generation {
		return
	}
	if held != nil {
		if held.interrupt != nil {
			held.interrupt()
		}
		for _, n := range held.spec.NICs {
			delete(a.ports, n.Port)
		}
		delete(a.guests, id)
	}
	if len(a.removed) >= removedMax {
		clear(a.removed)
	}
	a.removed[id] = max(generation, a.removed[id])
}

// interruptible makes a context for one reconciliation, which ends early when the guest is removed. The
// guest's lock is held until done is called.
func (a *Agent) interruptible(ctx context.Context, id spec.GuestID) (_ context.Context, done func()) {
	ctx, cancel := context.WithCancel(ctx)
	a.mu.Lock()
	held := a.guests[id]
	if held != nil {
		held.interrupt = cancel
	}
	a.mu.Unlock()
	return ctx, func() {
		a.mu.Lock()
		if held != nil {
			held.interrupt = nil
		}
		a.mu.Unlock()
		cancel()
	}
}

func (a *Agent) settle(id spec.GuestID, generation int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if held := a.guests[id]; held != nil && held.settled < generation {
		held.settled = generation
	}
}

// RemoveGuest ends a guest and removes everything but its volumes.
func (a *Agent) RemoveGuest(ctx context.Context, id spec.GuestID, generation int64) error {
	a.forget(id, generation)
	a.endMove(id)
	unlock, err := a.guestLocks.lock(ctx, string(id))
	if err != nil {
		return err
	}
	defer unlock()
	if _, _, wanted := a.wanted(id); wanted {
		return nil // again, since
	}
	if err := ignoreMissing(a.Hypervisor.Remove(ctx, id)); err != nil {
		return fmt.Errorf("remove guest %s: %w", id, err)
	}
	return a.removeConfigDrive(id)
}

func (a *Agent) removeConfigDrive(id spec.GuestID) error {
	err := os.Remove(a.configDrivePath(id))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

func (a *Agent) configDrivePath(id spec.GuestID) string {
	return filepath.Join(a.StateDir, "config-drives", string(id)+".iso")
}

// GuestStats answers a running guest's counters.
func (a *Agent) GuestStats(ctx context.Context, id spec.GuestID) (spec.GuestStats, error) {
	return a.Hypervisor.Stats(ctx, id)
}

// ConsoleLog answers the end of a guest's serial log.
func (a *Agent) ConsoleLog(ctx context.Context, id spec.GuestID, tailBytes int64) ([]byte, error) {
	return a.Hypervisor.ConsoleLog(ctx, id, tailBytes)
}

// DialConsole connects to a console of a running guest.
func (a *Agent) DialConsole(ctx context.Context, id spec.GuestID, kind spec.ConsoleKind) (net.Conn, error) {
	return a.Hypervisor.DialConsole(ctx, id, kind)
}

// Metadata answers what the guest behind a port is told about itself. Before the control
// plane has sent its documents it is spec.ErrMissing.
func (a *Agent) Metadata(_ context.Context, port spec.PortID) (spec.Metadata, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	held := a.guests[a.ports[port]]
	if held == nil {
		return spec.Metadata{}, fmt.Errorf("port %s: no guest: %w", port, spec.ErrMissing)
	}
	return held.spec.Metadata, nil
}
