package qemu

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sort"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/spec"
)

var _ agent.Hypervisor = (*Driver)(nil)

// Driver implements agent.Hypervisor. At most one uses a state directory at a time.
type Driver struct {
	opts Options
	log  *slog.Logger
	lock *os.File
	boot string

	probe prober
	// probeAsOwner makes guests that try KVM run as our own user (TryKVM).
	probeAsOwner bool
	closed       chan struct{}
	once         sync.Once
	tasks        sync.WaitGroup

	mu       sync.Mutex // after a guest's own, if both
	guests   map[spec.GuestID]*guest
	watchers map[chan spec.GuestStatus]struct{}
}

// New opens a state directory and adopts the guests in it: those that run are
// followed again, those whose start or stop was cut short are brought to an end. It
// takes milliseconds per guest. Close it before another New over the same directory.
func New(opts Options) (*Driver, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	d := &Driver{opts: opts, log: opts.Log, boot: bootID(), closed: make(chan struct{}),
		guests: map[spec.GuestID]*guest{}, watchers: map[chan spec.GuestStatus]struct{}{}}
	if err := os.MkdirAll(d.guestDir(""), 0o700); err != nil {
		return nil, fmt.Errorf("qemu: %w", err)
	}
	if err := d.lockState(); err != nil {
		return nil, err
	}
	if err := d.adoptAll(); err != nil {
		d.Close()
		return nil, err
	}
	d.tasks.Go(d.trimLogs)
	return d, nil
}

// lockPatience bounds how long a lock may be held by nobody who counts: a process that was
// just forked from a daemon that has been killed keeps its locks until it has become QEMU or a tool.
const lockPatience = 5 * time.Second

// patientLock takes a lock for this process, or says that somebody else keeps it.
func patientLock(f *os.File) error {
	const again = 20 * time.Millisecond
	for deadline := time.Now().Add(lockPatience); ; time.Sleep(again) {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

func (d *Driver) lockState() error {
	f, err := os.OpenFile(filepath.Join(d.opts.StateDir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("qemu: %w", err)
	}
	if err := patientLock(f); err != nil {
		f.Close()
		return fmt.Errorf("qemu: %s is in use by another process: %w", d.opts.StateDir, spec.ErrBusy)
	}
	d.lock = f
	return nil
}

// Close lets go of the guests, which run on, and of the state directory. It may be
// called twice.
func (d *Driver) Close() error {
	d.once.Do(func() {
		close(d.closed)
		for _, g := range d.all() {
			if r := g.current(); r != nil {
				r.mon.Close()
			}
		}
		d.tasks.Wait()
		d.lock.Close()
	})
	return nil
}

func (d *Driver) guestDir(id spec.GuestID) string {
	return filepath.Join(d.opts.StateDir, "guests", string(id))
}

// all are the guests in the order of their ids.
func (d *Driver) all() []*guest {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := make([]*guest, 0, len(d.guests))
	for _, g := range d.guests {
		list = append(list, g)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].id < list[j].id })
	return list
}

func (d *Driver) find(id spec.GuestID) (*guest, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if g := d.guests[id]; g != nil {
		return g, nil
	}
	return nil, fmt.Errorf("guest %s: %w", id, spec.ErrMissing)
}

// ensure is the guest of that id, with its directory and user.
func (d *Driver) ensure(id spec.GuestID) (*guest, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if g := d.guests[id]; g != nil {
		return g, nil
	}
	uid, err := d.freeUID()
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(d.guestDir(id), 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	g := newGuest(d, id, record{ID: id, Phase: phaseStopped, UID: uid})
	d.guests[id] = g
	return g, nil
}

// freeUID is the lowest id no guest here has; d.mu is held. Guests keep theirs until
// removed, so that a process left over can never meet a stranger's files.
func (d *Driver) freeUID() (int, error) {
	if !privileged() {
		return 0, nil
	}
	used := make(map[int]bool, len(d.guests))
	for _, g := range d.guests {
		used[g.uid] = true
	}
	for uid := d.opts.UIDBase; uid < d.opts.UIDBase+d.opts.UIDCount; uid++ {
		if !used[uid] {
			return uid, nil
		}
	}
	return 0, fmt.Errorf("user ids for guests: all %d taken: %w", d.opts.UIDCount, spec.ErrNoSpace)
}

func (d *Driver) forget(id spec.GuestID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.guests, id)
}

// List implements agent.Hypervisor. It asks no process anything.
func (d *Driver) List(ctx context.Context) ([]spec.GuestStatus, error) {
	guests := d.all()
	list := make([]spec.GuestStatus, len(guests))
	for i, g := range guests {
		list[i] = g.status()
	}
	return list, ctx.Err()
}

// Status implements agent.Hypervisor.
func (d *Driver) Status(ctx context.Context, id spec.GuestID) (spec.GuestStatus, error) {
	g, err := d.find(id)
	if err != nil {
		return spec.GuestStatus{}, err
	}
	return g.status(), nil
}

// Watch implements agent.Hypervisor. A watcher that lags 256 changes behind loses some.
func (d *Driver) Watch(ctx context.Context, f func(spec.GuestStatus)) error {
	ch := make(chan spec.GuestStatus, 256)
	d.mu.Lock()
	d.watchers[ch] = struct{}{}
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		delete(d.watchers, ch)
		d.mu.Unlock()
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

func (d *Driver) tell(s spec.GuestStatus) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for ch := range d.watchers {
		select {
		case ch <- s:
		default:
			d.log.Warn("watcher is too slow, change of a guest not told", "guest", s.ID, "state", s.State)
		}
	}
}
