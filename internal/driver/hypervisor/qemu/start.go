package qemu

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/driver/hypervisor/qmp"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Start implements agent.Hypervisor. A guest that runs with another BootSerial is
// spec.ErrBusy: stop it first. Launching fails with QEMU's own last words.
func (d *Driver) Start(ctx context.Context, l agent.Launch, paused bool) error {
	if err := checkLaunch(l); err != nil {
		return err
	}
	g, err := d.ensure(l.Guest.ID)
	if err != nil {
		return err
	}
	g.ops.Lock()
	defer g.ops.Unlock()
	if g.current() != nil {
		if have := g.record().Guest.BootSerial; have != l.Guest.BootSerial {
			return fmt.Errorf("guest %s runs, started with boot serial %d and not %d: %w",
				g.id, have, l.Guest.BootSerial, spec.ErrBusy)
		}
		return nil
	}
	before := g.record()
	if before.Phase == phaseSuspended {
		return g.restore(ctx, before, l, paused)
	}
	next, err := d.plan(ctx, before, l)
	if err != nil {
		return fmt.Errorf("guest %s: %w", g.id, err)
	}
	return g.launch(ctx, before, next, paused)
}

func checkLaunch(l agent.Launch) error {
	g := l.Guest
	switch g.Machine {
	case spec.MachineQ35, spec.MachinePC:
	case spec.MachineMicroVM:
		if g.Firmware == spec.FirmwareUEFI {
			return fmt.Errorf("guest %s: UEFI on microvm: %w", g.ID, spec.ErrNotSupported)
		}
	default:
		return fmt.Errorf("guest %s: machine %q: %w", g.ID, g.Machine, spec.ErrNotSupported)
	}
	if g.CPUs < 1 || g.MemoryBytes < 1<<20 {
		return fmt.Errorf("guest %s: %d CPUs, %d bytes of memory: %w", g.ID, g.CPUs, g.MemoryBytes, spec.ErrInvalid)
	}
	if g.Firmware != spec.FirmwareBIOS && g.Firmware != spec.FirmwareUEFI && g.Firmware != "" {
		return fmt.Errorf("guest %s: firmware %q: %w", g.ID, g.Firmware, spec.ErrNotSupported)
	}
	return nil
}

// plan is the record of a fresh start.
func (d *Driver) plan(ctx context.Context, before record, l agent.Launch) (record, error) {
	accel, err := d.acceleration(ctx)
	if err != nil {
		return record{}, err
	}
	r := record{ID: before.ID, UID: before.UID, Guest: l.Guest, Kernel: l.Kernel, Initramfs: l.Initramfs,
		Config: l.ConfigDrive, Accel: accel.Kind, CPUModel: d.cpuModel(accel.Kind)}
	r.Guest.Metadata = spec.Metadata{InstanceID: l.Guest.Metadata.InstanceID}
	r.Guest.Disks = nil // with their keys; the slots say which there are
	return r, layOut(&r, l)
}

// launch starts a process for the record next. If it fails the record is as before.
func (g *guest) launch(ctx context.Context, before, next record, paused bool) error {
	next.Phase, next.Reason, next.BootID, next.StartedAt = phaseStarting, "", g.d.boot, time.Now()
	compactLog(filepath.Join(g.dir, "serial.log"), g.d.opts.ConsoleLogBytes)
	r, err := g.boot(ctx, &next)
	if err == nil {
		err = g.settle(ctx, r, &next, before.Phase == phaseSuspended, paused)
	}
	if err != nil {
		if r != nil {
			r.proc.kill()
			<-r.proc.exited
			r.mon.Close()
		}
		g.d.removeCgroups(g.id)
		before.PID = 0
		return errors.Join(err, g.change(func(rec *record) { *rec = before }))
	}
	return nil
}

// boot makes the process, its CPUs stopped, and connects to it.
func (g *guest) boot(ctx context.Context, next *record) (*run, error) {
	lock, held, err := lockDir(g.dir)
	if err == nil && held {
		err = fmt.Errorf("a process of it is still there: %w", spec.ErrBusy)
	}
	if err != nil {
		return nil, fmt.Errorf("guest %s: %w", g.id, err)
	}
	var memory *os.File
	if next.MachineVersion != "" {
		if memory, err = os.Open(filepath.Join(g.dir, "memory")); err != nil {
			lock.Close()
			return nil, fmt.Errorf("guest %s: saved memory: %w", g.id, err)
		}
	}
	c, err := g.d.build(next, g.dir, lock, memory)
	if err != nil {
		return nil, fmt.Errorf("guest %s: %w", g.id, err)
	}
	defer c.in.close()
	if err := g.change(func(rec *record) { *rec = *next }); err != nil {
		return nil, err
	}
	proc, err := g.spawn(c)
	if err != nil {
		return nil, err
	}
	next.PID, next.StartTicks = proc.pid, startTicks(proc.pid)
	c.in.close() // or a connection to a process that died would not break
	// Moving a process between cgroups waits for the kernel's RCU, some 10 ms for
	// each; QEMU needs that long to start, and runs no guest yet.
	var confined sync.WaitGroup
	limits := *next
	confined.Go(func() { g.d.confine(g.id, proc.pid, limits) })
	r, err := g.connect(ctx, proc)
	confined.Wait()
	if err != nil {
		proc.kill()
		<-proc.exited
		return nil, g.startError(err)
	}
	return r, nil
}

func (g *guest) spawn(c *command) (*process, error) {
	log, err := os.OpenFile(filepath.Join(g.dir, "qemu.log"), os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	proc, err := spawn(g.d.opts.Binary, c.args, &c.in, log, g.uid)
	if err != nil {
		return nil, fmt.Errorf("guest %s: start QEMU: %w", g.id, err)
	}
	return proc, nil
}

// startError puts QEMU's last words into the error, and a kind where they tell one.
func (g *guest) startError(err error) error {
	words := lastWords(g.dir)
	if strings.Contains(words, "annot allocate memory") || strings.Contains(words, "cannot set up guest memory") {
		err = spec.ErrNoSpace
	}
	if strings.Contains(words, "Failed to get") && strings.Contains(words, "lock") {
		err = spec.ErrBusy
	}
	return fmt.Errorf("guest %s: QEMU did not start: %w; %s", g.id, err, words)
}

// connect opens the monitor of a process.
func (g *guest) connect(ctx context.Context, proc *process) (*run, error) {
	r := &run{proc: proc, off: make(chan struct{}), gone: make(chan struct{}), state: "prelaunch"}
	conn, err := dial(ctx, g.dir, "qmp")
	if err != nil {
		return nil, err
	}
	r.mon, err = qmp.New(ctx, conn, func(e qmp.Event) { g.onEvent(r, e) })
	if err != nil {
		return nil, err
	}
	return r, nil
}

// settle brings a connected process to where it was meant to be: memory loaded, CPUs on
// unless paused, followed, and recorded.
func (g *guest) settle(ctx context.Context, r *run, next *record, restored, paused bool) error {
	if restored {
		if err := awaitIncoming(ctx, r.mon); err != nil {
			return g.startError(err)
		}
	}
	for _, s := range next.Disks {
		r.dropKey(ctx, s.node(), s.Source)
	}
	if err := limitDisks(ctx, r.mon, next.Disks); err != nil {
		return g.startError(err)
	}
	next.Phase, next.MachineVersion = phaseRunning, ""
	if restored || paused {
		r.setState("paused", "")
	}
	// Recorded before the CPUs run: were it the other way round, a daemon that dies
	// in between would have its successor end a guest that already works.
	if err := g.change(func(rec *record) { *rec = *next }); err != nil {
		return err
	}
	if !paused {
		if err := r.mon.Execute(ctx, "cont", nil, nil); err != nil {
			return g.startError(err)
		}
	}
	if restored {
		g.removeMemory() // adoption removes one that stays behind here
	}
	g.mu.Lock()
	g.run = r
	g.mu.Unlock()
	g.d.tasks.Go(func() { g.supervise(r) })
	return nil
}

// awaitIncoming waits until the memory of a suspended guest is loaded.
func awaitIncoming(ctx context.Context, mon *qmp.Client) error {
	events, cancel := mon.Listen("MIGRATION")
	defer cancel()
	if err := mon.Execute(ctx, "migrate-set-capabilities", object{"capabilities": []object{
		{"capability": "events", "state": true}}}, nil); err != nil {
		return err
	}
	var state struct{ Status string }
	if err := mon.Execute(ctx, "query-status", nil, &state); err != nil {
		return err
	}
	if state.Status != "inmigrate" {
		return nil
	}
	e, err := mon.Await(ctx, events, func(e qmp.Event) bool {
		s := migrationStatus(e)
		return s == "completed" || s == "failed"
	})
	if err == nil && migrationStatus(e) == "failed" {
		err = errors.New("the saved memory could not be loaded")
	}
	return err
}

func migrationStatus(e qmp.Event) string {
	var data struct{ Status string }
	json.Unmarshal(e.Data, &data)
	return data.Status
}
