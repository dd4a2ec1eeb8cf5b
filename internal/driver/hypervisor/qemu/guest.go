package qemu

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/nubo-cloud/nubo/internal/driver/hypervisor/qmp"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// guest is what a Driver knows of one guest. ops is held through each operation; mu
// only to read or change fields.
type guest struct {
	d   *Driver
	id  spec.GuestID
	dir string
	uid int

	ops sync.Mutex

	mu     sync.Mutex
	rec    record
	run    *run // nil: no process
	serial net.Conn
}

// run is one process of a guest, from the first word on its monitor to its end.
type run struct {
	proc *process
	mon  *qmp.Client
	// off is closed when the guest has powered itself off.
	off     chan struct{}
	offOnce sync.Once
	// gone is closed when the process has ended and the record says so.
	gone chan struct{}

	mu     sync.Mutex
	asked  bool   // an operation is ending it: no news to anybody
	state  string // QEMU's run state, kept up by events
	reason string // why the CPUs stopped by themselves
	fatal  string // why we ended it though it was meant to run
}

func newGuest(d *Driver, id spec.GuestID, r record) *guest {
	return &guest{d: d, id: id, dir: d.guestDir(id), uid: r.UID, rec: r}
}

func (g *guest) current() *run {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.run
}

// running is the guest's process, which must be there.
func (g *guest) running() (*run, error) {
	if r := g.current(); r != nil {
		return r, nil
	}
	return nil, fmt.Errorf("guest %s is not running: %w", g.id, spec.ErrMissing)
}

// change edits the record and saves it.
func (g *guest) change(f func(*record)) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	f(&g.rec)
	if err := g.rec.save(g.dir); err != nil {
		return fmt.Errorf("guest %s: record: %w", g.id, err)
	}
	return nil
}

func (g *guest) record() record {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.rec
}

func (g *guest) status() spec.GuestStatus {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := spec.GuestStatus{ID: g.id, Generation: g.rec.Guest.Generation, BootSerial: g.rec.Guest.BootSerial,
		Reason: g.rec.Reason, At: time.Now()}
	switch {
	case g.run != nil && g.rec.Phase == phaseRunning:
		s.State, s.Reason = g.run.observed()
		s.StartedAt = g.rec.StartedAt
	case g.rec.Phase == phaseCrashed:
		s.State, s.HostRestarted = spec.GuestCrashed, g.rec.Reason == hostRestarted
	case g.rec.Phase == phaseSuspended:
		s.State = spec.GuestSuspended
	default:
		s.State = spec.GuestStopped
	}
	if s.State == spec.GuestRunning || s.State == spec.GuestPaused {
		for _, d := range g.rec.Disks {
			s.Disks = append(s.Disks, d.Disk.Volume)
		}
		for _, n := range g.rec.NICs {
			s.NICs = append(s.NICs, n.NIC.Port)
		}
	}
	return s
}

// observed translates QEMU's run state.
func (r *run) observed() (spec.GuestState, string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch r.state {
	case "running":
		return spec.GuestRunning, ""
	case "shutdown":
		return spec.GuestStopped, "the guest powered itself off"
	}
	return spec.GuestPaused, r.reason
}

func (r *run) setState(state, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state, r.reason = state, reason
}

func (r *run) ask(asked bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = asked
}

func (r *run) wasAsked() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked
}

// onEvent follows QEMU's events. It runs on the monitor's reader and must not block.
func (g *guest) onEvent(r *run, e qmp.Event) {
	switch e.Name {
	case "STOP":
		r.mu.Lock()
		if r.state == "running" {
			r.state = "paused"
		}
		r.mu.Unlock()
		go g.lookAfterStop(r)
	case "RESUME":
		r.setState("running", "")
	case "BLOCK_IO_ERROR":
		g.onBlockError(r, e.Data)
	case "SHUTDOWN":
		var data struct{ Guest bool }
		json.Unmarshal(e.Data, &data)
		if data.Guest {
			r.setState("shutdown", "")
			r.offOnce.Do(func() { close(r.off) })
		}
	case "RESET":
		var data struct{ Guest bool }
		json.Unmarshal(e.Data, &data)
		if data.Guest {
			g.d.log.Info("guest rebooted", "guest", g.id)
			g.d.tellLater(g)
		}
	}
}

// lookAfterStop ends a guest whose CPUs stopped because KVM or QEMU gave up on them: nothing can make
// them run again.
func (g *guest) lookAfterStop(r *run) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var state struct{ Status string }
	if err := r.mon.Execute(ctx, "query-status", nil, &state); err == nil && state.Status == "internal-error" {
		r.giveUp("QEMU stopped the guest with an internal error")
	}
}

// giveUp kills the process of a guest that is beyond help; supervise records the crash.
func (r *run) giveUp(why string) {
	r.mu.Lock()
	r.fatal = why
	r.mu.Unlock()
	r.proc.kill()
}

// crashReason is why a process ended that was meant to run.
func (r *run) crashReason() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fatal != "" {
		return r.fatal
	}
	return "QEMU ended by itself"
}

func (g *guest) onBlockError(r *run, data json.RawMessage) {
	var b struct {
		NodeName string `json:"node-name"`
		Action   string
		Reason   string
	}
	json.Unmarshal(data, &b)
	if b.Action != "stop" {
		return
	}
	r.setState("io-error", fmt.Sprintf("stopped because disk %s failed: %s", b.NodeName, b.Reason))
	g.d.log.Warn("guest stopped on a disk error", "guest", g.id, "disk", b.NodeName, "reason", b.Reason)
	g.d.tellLater(g)
}

// tellLater tells watchers of the guest's state, off the caller's goroutine, which
// may hold the guest's lock.
func (d *Driver) tellLater(g *guest) {
	go func() { d.tell(g.status()) }()
}

// supervise follows a running guest's process to its end and writes down how it ended.
func (g *guest) supervise(r *run) {
	select {
	case <-r.off:
		g.poweredOff(r)
	case <-r.proc.exited:
	case <-g.d.closed:
		return
	}
	g.ended(r)
}

// poweredOff ends the process of a guest that powered itself off. The record comes
// first: from now on an ended process is no crash.
func (g *guest) poweredOff(r *run) {
	if err := g.change(func(rec *record) {
		if rec.Phase != phaseRunning {
			return
		}
		rec.Phase, rec.Reason = phaseStopped, ""
		if !r.wasAsked() {
			rec.Reason = "the guest powered itself off"
		}
	}); err != nil {
		g.d.log.Error("guest powered off", "guest", g.id, "err", err)
	}
	g.d.quit(r)
}

// quit asks QEMU to end, which flushes its disks, and kills it if that takes too long.
func (d *Driver) quit(r *run) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	r.mon.Execute(ctx, "quit", nil, nil) // the connection may end before the answer
	if !r.proc.awaitExit(ctx) {
		r.proc.kill()
		<-r.proc.exited
	}
}

// ended records the end of a process, whoever caused it.
func (g *guest) ended(r *run) {
	crashed := false
	err := g.change(func(rec *record) {
		if rec.Phase == phaseRunning {
			crashed = true
			rec.Phase, rec.Reason = phaseCrashed, r.crashReason()+"; "+lastWords(g.dir)
		}
		rec.PID, rec.StartedAt = 0, time.Time{}
		g.run = nil
	})
	if err != nil {
		g.d.log.Error("end of a guest's process", "err", err)
	}
	r.mon.Close()
	g.closeSerial()
	g.d.removeCgroups(g.id)
	if crashed {
		g.d.log.Error("guest crashed", "guest", g.id, "reason", g.record().Reason)
	}
	close(r.gone)
	if !r.wasAsked() {
		g.d.tell(g.status())
	}
}

func (g *guest) closeSerial() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.serial != nil {
		g.serial.Close()
		g.serial = nil
	}
}
