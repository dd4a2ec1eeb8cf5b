package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// Reconcile compares every wanted guest with what runs, in one look at the
// hypervisor, and mends those that differ.
func (a *Agent) Reconcile(ctx context.Context) {
	statuses, err := a.Hypervisor.List(ctx)
	if err != nil {
		a.Log.Error("cannot list guests", "error", err)
		return
	}
	seen := make(map[spec.GuestID]spec.GuestStatus, len(statuses))
	for _, s := range statuses {
		seen[s.ID] = s
	}
	for _, id := range a.unsettled(seen) {
		if _, err := a.reconcileGuest(ctx, id); err != nil && ctx.Err() == nil && !errors.Is(err, spec.ErrMissing) {
			a.Log.Warn("guest is not as wanted", "guest", id, "error", err)
		}
	}
}

// unsettled lists the guests that differ from their documents.
func (a *Agent) unsettled(seen map[spec.GuestID]spec.GuestStatus) []spec.GuestID {
	a.mu.Lock()
	defer a.mu.Unlock()
	var ids []spec.GuestID
	for id, held := range a.guests {
		s, ok := seen[id]
		if !ok {
			s = spec.GuestStatus{ID: id, State: spec.GuestAbsent}
		}
		if !matches(held.spec, s) {
			ids = append(ids, id)
		}
	}
	return ids
}

// matches tells whether nothing needs to be done for a guest.
func matches(g spec.Guest, s spec.GuestStatus) bool {
	if next(g, s) != actNone {
		return false
	}
	return !live(s.State) || samePlugs(g, s)
}

func samePlugs(g spec.Guest, s spec.GuestStatus) bool {
	if len(g.Disks) != len(s.Disks) || len(g.NICs) != len(s.NICs) {
		return false
	}
	for _, d := range g.Disks {
		if !slices.Contains(s.Disks, d.Volume) {
			return false
		}
	}
	for _, n := range g.NICs {
		if !slices.Contains(s.NICs, n.Port) {
			return false
		}
	}
	return true
}

func live(s spec.GuestState) bool { return s == spec.GuestRunning || s == spec.GuestPaused }

// act is the next thing to do about a guest's power.
type act int

const (
	actNone act = iota
	actStart
	actStop
	actPause
	actResume
	actSuspend
)

// next decides from wanted and observed alone. Guests that ended by themselves
// with the wanted BootSerial are not started again: the control plane decides that.
func next(g spec.Guest, s spec.GuestStatus) act {
	switch g.Power {
	case spec.PowerOff:
		if live(s.State) || s.State == spec.GuestSuspended {
			return actStop
		}
		return actNone
	case spec.PowerSuspended:
		if live(s.State) {
			return actSuspend
		}
		return actNone
	}
	switch {
	case live(s.State) && s.BootSerial < g.BootSerial:
		return actStop // and then start
	case s.State == spec.GuestSuspended, s.State == spec.GuestAbsent:
		return actStart
	case !live(s.State) && s.BootSerial < g.BootSerial:
		return actStart
	case s.State == spec.GuestRunning && g.Power == spec.PowerPaused:
		return actPause
	case s.State == spec.GuestPaused && g.Power == spec.PowerOn:
		return actResume
	}
	return actNone
}

// reconcileGuest brings one guest to its document. It looks again after each
// act, so that it depends on nothing but what is.
func (a *Agent) reconcileGuest(ctx context.Context, id spec.GuestID) (spec.GuestStatus, error) {
	if s, yes := a.asWanted(ctx, id); yes {
		return s, nil
	}
	unlock, err := a.guestLocks.lock(ctx, string(id))
	if err != nil {
		return spec.GuestStatus{}, err
	}
	defer unlock()
	ctx, done := a.interruptible(ctx, id)
	defer done()
	g, _, ok := a.wanted(id)
	if !ok {
		return spec.GuestStatus{}, fmt.Errorf("guest %s was removed meanwhile: %w", id, spec.ErrMissing)
	}
	s, err := a.observe(ctx, id)
	for err == nil {
		what := next(g, s)
		if what == actNone {
			break
		}
		if err = a.perform(ctx, g, what); err == nil {
			s, err = a.observe(ctx, id)
		}
	}
	if err == nil && live(s.State) {
		s, err = a.reconcilePlugs(ctx, g, s)
	}
	if err != nil {
		return s, fmt.Errorf("guest %s: %w", id, err)
	}
	a.settle(id, g.Generation)
	s.Generation = g.Generation
	return s, nil
}

func (a *Agent) observe(ctx context.Context, id spec.GuestID) (spec.GuestStatus, error) {
	s, err := a.Hypervisor.Status(ctx, id)
	if errors.Is(err, spec.ErrMissing) {
		return spec.GuestStatus{ID: id, State: spec.GuestAbsent}, nil
	}
	return s, err
}

func (a *Agent) perform(ctx context.Context, g spec.Guest, what act) error {
	switch what {
	case actStart:
		return a.start(ctx, g)
	case actStop:
		return a.Hypervisor.Stop(ctx, g.ID, StopOptions{Grace: g.GraceDuration})
	case actPause:
		return a.Hypervisor.Pause(ctx, g.ID)
	case actResume:
		return a.Hypervisor.Resume(ctx, g.ID)
	case actSuspend:
		return a.Hypervisor.Suspend(ctx, g.ID)
	}
	return nil
}

// reconcilePlugs unplugs what is not wanted, then plugs what is missing.
func (a *Agent) reconcilePlugs(ctx context.Context, g spec.Guest, s spec.GuestStatus) (spec.GuestStatus, error) {
	if samePlugs(g, s) {
		return s, nil
	}
	for _, v := range s.Disks {
		if !slices.ContainsFunc(g.Disks, func(d spec.Disk) bool { return d.Volume == v }) {
			if err := a.Hypervisor.UnplugDisk(ctx, g.ID, v); err != nil {
				return s, fmt.Errorf("unplug disk %s: %w", v, err)
			}
		}
	}
	for _, p := range s.NICs {
		if !slices.ContainsFunc(g.NICs, func(n spec.NIC) bool { return n.Port == p }) {
			if err := a.Hypervisor.UnplugNIC(ctx, g.ID, p); err != nil {
				return s, fmt.Errorf("unplug NIC %s: %w", p, err)
			}
		}
	}
	if err := a.plugMissing(ctx, g, s); err != nil {
		return s, err
	}
	return a.observe(ctx, g.ID)
}

func (a *Agent) plugMissing(ctx context.Context, g spec.Guest, s spec.GuestStatus) error {
	for _, d := range g.Disks {
		if slices.Contains(s.Disks, d.Volume) {
			continue
		}
		if err := a.plugDisk(ctx, g.ID, d); err != nil {
			return fmt.Errorf("plug disk %s: %w", d.Volume, err)
		}
	}
	for _, n := range g.NICs {
		if slices.Contains(s.NICs, n.Port) {
			continue
		}
		l, err := a.launchNIC(n)
		if err == nil {
			err = a.Hypervisor.PlugNIC(ctx, g.ID, l)
		}
		if err != nil {
			return fmt.Errorf("plug NIC %s: %w", n.Port, err)
		}
	}
	return nil
}

// plugDisk holds the volume's lock: it must not be copied or grown while it is being opened.
func (a *Agent) plugDisk(ctx context.Context, id spec.GuestID, d spec.Disk) error {
	unlock, err := a.volumeLocks.lock(ctx, string(d.Volume))
	if err != nil {
		return err
	}
	defer unlock()
	l, err := a.launchDisk(ctx, d)
	if err != nil {
		return err
	}
	return a.Hypervisor.PlugDisk(ctx, id, l)
}
