package sim

import (
	"context"
	"fmt"
	"regexp"
	"sort"
	"sync"
	"time"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/spec"
)

var _ agent.Hypervisor = (*Driver)(nil)

// Clock is where time comes from.
type Clock interface {
	Now() time.Time
	// Sleep waits for d or until ctx ends, whose error it answers.
	Sleep(ctx context.Context, d time.Duration) error
}

// Options configure a Driver. The zero value is a perfect host that takes no time.
type Options struct {
	// State holds the guests; nil: a new one.
	State *State
	// Seed decides all chances.
	Seed uint64
	// Clock is the real one by default.
	Clock Clock
	// StartDelay, StopDelay and ChangeDelay are the mean times of starting, of a guest's
	// own shutdown, and of plugging and the like. Each is drawn from half to one and a half.
	StartDelay, StopDelay, ChangeDelay time.Duration
	// FaultRate is the share of changes that fail, from 0 to 1. Half of them fail after
	// the work was done.
	FaultRate float64
}

// State is what a host would keep when its daemon ends. It may be handed to one Driver
// after the other, or to several.
type State struct {
	mu       sync.Mutex
	clock    Clock // of the last Driver
	guests   map[spec.GuestID]*guest
	watchers map[chan spec.GuestStatus]struct{}
}

// NewState is a host without guests.
func NewState() *State {
	return &State{clock: wallClock{}, guests: map[spec.GuestID]*guest{}, watchers: map[chan spec.GuestStatus]struct{}{}}
}

// guest is one pretended process, or its files. State.mu guards it.
type guest struct {
	id        spec.GuestID
	state     spec.GuestState
	reason    string
	launch    agent.Launch
	startedAt time.Time
	boots     []time.Time // the last bootsKept
	written   []byte      // what it wrote besides booting, bounded
	sizes     map[spec.VolumeID]int64
	writes    int64  // disk writes, besides those that time brings
	calls     uint64 // changes asked for, which chances are drawn by
	booted    bool   // since the process was started
}

// Driver implements agent.Hypervisor on a State.
type Driver struct {
	opts  Options
	state *State
	clock Clock
}

// New makes a Driver; it adopts the guests of opts.State.
func New(opts Options) *Driver {
	if opts.State == nil {
		opts.State = NewState()
	}
	if opts.Clock == nil {
		opts.Clock = wallClock{}
	}
	opts.State.mu.Lock()
	defer opts.State.mu.Unlock()
	opts.State.clock = opts.Clock
	return &Driver{opts: opts, state: opts.State, clock: opts.Clock}
}

type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }

func (wallClock) Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Describe implements agent.Hypervisor.
func (d *Driver) Describe(ctx context.Context) (spec.Hypervisor, error) {
	return spec.Hypervisor{Type: "sim", Version: "1.0.0", Acceleration: "kvm",
		Machines:  []spec.Machine{spec.MachineQ35, spec.MachinePC, spec.MachineMicroVM},
		Firmwares: []spec.Firmware{spec.FirmwareBIOS, spec.FirmwareUEFI}, CPUModel: "sim"}, ctx.Err()
}

// List implements agent.Hypervisor.
func (d *Driver) List(ctx context.Context) ([]spec.GuestStatus, error) {
	d.state.mu.Lock()
	defer d.state.mu.Unlock()
	list := make([]spec.GuestStatus, 0, len(d.state.guests))
	for _, g := range d.state.guests {
		list = append(list, g.status(d.clock.Now()))
	}
	sort.Slice(list, func(i, j int) bool { return list[i].ID < list[j].ID })
	return list, ctx.Err()
}

// Status implements agent.Hypervisor.
func (d *Driver) Status(ctx context.Context, id spec.GuestID) (st spec.GuestStatus, err error) {
	err = d.look(id, func(g *guest) error {
		st = g.status(d.clock.Now())
		return nil
	})
	return st, err
}

func (g *guest) status(now time.Time) spec.GuestStatus {
	s := spec.GuestStatus{ID: g.id, Generation: g.launch.Guest.Generation, BootSerial: g.launch.Guest.BootSerial,
		State: g.state, Reason: g.reason, HostRestarted: g.state == spec.GuestCrashed && g.reason == hostRestarted, At: now}
	if !g.alive() {
		return s
	}
	s.StartedAt = g.startedAt
	for _, d := range g.launch.Disks {
		s.Disks = append(s.Disks, d.Disk.Volume)
	}
	for _, n := range g.launch.NICs {
		s.NICs = append(s.NICs, n.NIC.Port)
	}
	return s
}

func (g *guest) alive() bool { return g.state == spec.GuestRunning || g.state == spec.GuestPaused }

// look runs f on a guest, which must be there.
func (d *Driver) look(id spec.GuestID, f func(*guest) error) error {
	d.state.mu.Lock()
	defer d.state.mu.Unlock()
	g := d.state.guests[id]
	if g == nil {
		return fmt.Errorf("guest %s: %w", id, spec.ErrMissing)
	}
	return f(g)
}

// lookAlive is look for guests that must have a process.
func (d *Driver) lookAlive(id spec.GuestID, f func(*guest) error) error {
	return d.look(id, func(g *guest) error {
		if !g.alive() {
			return fmt.Errorf("guest %s is not running: %w", id, spec.ErrMissing)
		}
		return f(g)
	})
}

var goodID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,79}$`)

// ensure makes the guest's row.
func (d *Driver) ensure(id spec.GuestID) error {
	if !goodID.MatchString(string(id)) {
		return fmt.Errorf("guest id %q: %w", id, spec.ErrInvalid)
	}
	d.state.mu.Lock()
	defer d.state.mu.Unlock()
	if d.state.guests[id] == nil {
		d.state.guests[id] = &guest{id: id, state: spec.GuestStopped}
	}
	return nil
}

// Watch implements agent.Hypervisor. A watcher that lags 64 changes behind loses some.
func (d *Driver) Watch(ctx context.Context, f func(spec.GuestStatus)) error {
	ch := make(chan spec.GuestStatus, 64)
	d.state.mu.Lock()
	d.state.watchers[ch] = struct{}{}
	d.state.mu.Unlock()
	defer func() {
		d.state.mu.Lock()
		delete(d.state.watchers, ch)
		d.state.mu.Unlock()
	}()
	for {
		select {
		case s := <-ch:
			f(s)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tell informs watchers; mu is held.
func (s *State) tell(st spec.GuestStatus) {
	for ch := range s.watchers {
		select {
		case ch <- st:
		default: // Events may be lost; Status shows the same
		}
	}
}
