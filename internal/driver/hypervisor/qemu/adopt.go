package qemu

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// adoptAll finds what earlier Drivers left. What is wrong with one guest is logged and shown
// as its Reason; it does not keep the others from being found.
func (d *Driver) adoptAll() error {
	entries, err := os.ReadDir(d.guestDir(""))
	if err != nil {
		return fmt.Errorf("qemu: %w", err)
	}
	for _, e := range entries {
		id := spec.GuestID(e.Name())
		if !e.IsDir() || checkID(id) != nil {
			continue
		}
		d.guests[id] = newGuest(d, id, d.readRecord(id))
	}
	d.giveUIDs()
	var wait sync.WaitGroup
	atOnce := make(chan struct{}, 16)
	for _, g := range d.all() {
		atOnce <- struct{}{}
		wait.Go(func() {
			defer func() { <-atOnce }()
			g.adopt()
		})
	}
	wait.Wait()
	return nil
}

// readRecord answers a stopped guest where there is no record: its directory was being
// made or removed when the last daemon ended.
func (d *Driver) readRecord(id spec.GuestID) record {
	r, err := loadRecord(d.guestDir(id))
	if err == nil && r.ID == id {
		return r
	}
	d.log.Warn("guest without a readable record", "guest", id, "err", err)
	return record{ID: id, Phase: phaseStopped, Reason: "its record is missing or damaged"}
}

// giveUIDs gives users to guests whose record, and so user, is lost.
func (d *Driver) giveUIDs() {
	for _, g := range d.guests {
		if g.uid == 0 {
			g.uid, _ = d.freeUID()
			g.rec.UID = g.uid
		}
	}
}

// adopt looks until it is clear what there is: a process that is between fork and exec, or about to
// end, holds the lock and cannot be found by it.
func (g *guest) adopt() {
	var trouble error
	for range 200 {
		f, held, err := lockDir(g.dir)
		if err == nil && !held {
			f.Close()
			g.adoptGone()
			return
		}
		if trouble = err; err == nil {
			var proc *process
			if proc, trouble = g.locate(); trouble == nil {
				g.adoptAlive(proc)
				return
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	g.mark(g.record().Phase, "its process cannot be found: "+trouble.Error())
	g.d.log.Error("guest's process cannot be found", "guest", g.id, "err", trouble)
}

// hostRestarted is the reason of guests that ended with their host.
const hostRestarted = "the host restarted"

// adoptGone records what the end of a process meant that nobody watched.
func (g *guest) adoptGone() {
	g.d.removeCgroups(g.id)
	rec := g.record()
	switch rec.Phase {
	case phaseRunning:
		reason := "QEMU ended while nobody watched; " + lastWords(g.dir)
		if rec.BootID != g.d.boot {
			reason = hostRestarted
		}
		g.mark(phaseCrashed, reason)
	case phaseStarting:
		g.undoStart(rec)
	}
}

// undoStart goes back to before a start that nobody finished.
func (g *guest) undoStart(rec record) {
	if rec.MachineVersion != "" {
		g.mark(phaseSuspended, "")
		return
	}
	g.mark(phaseStopped, "its start was cut short")
}

func (g *guest) mark(p phase, reason string) {
	if err := g.change(func(rec *record) { rec.Phase, rec.Reason, rec.PID = p, reason, 0 }); err != nil {
		g.d.log.Error("adopt", "err", err)
	}
}

// adoptAlive follows a process again, or ends it if it was not meant to be there.
func (g *guest) adoptAlive(proc *process) {
	rec := g.record()
	if rec.Phase != phaseRunning {
		proc.kill()
		<-proc.exited
		g.d.removeCgroups(g.id)
		if rec.Phase == phaseStarting {
			g.undoStart(rec)
		}
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	r, err := g.reconnect(ctx, proc)
	if err != nil {
		g.adoptMute(proc, err)
		return
	}
	g.mu.Lock()
	g.run = r
	g.mu.Unlock()
	g.tidy(ctx, r)
	g.d.log.Info("guest adopted", "guest", g.id, "pid", proc.pid)
	g.d.tasks.Go(func() { g.supervise(r) })
}

// locate finds the process that holds the guest's lock.
func (g *guest) locate() (*process, error) {
	rec := g.record()
	pid, err := findProcess(g.dir, rec.PID, rec.StartTicks)
	if err != nil {
		return nil, err
	}
	return openProcess(pid)
}

// reconnect opens the monitor again and asks how the guest is.
func (g *guest) reconnect(ctx context.Context, proc *process) (*run, error) {
	r, err := g.connect(ctx, proc)
	if err != nil {
		return nil, err
	}
	var state struct{ Status string }
	if err := r.mon.Execute(ctx, "query-status", nil, &state); err != nil {
		r.mon.Close()
		return nil, err
	}
	reason := ""
	if state.Status == "io-error" {
		reason = "stopped because a disk failed"
	}
	r.setState(state.Status, reason)
	if state.Status == "internal-error" {
		r.giveUp("QEMU stopped the guest with an internal error")
	}
	if state.Status == "shutdown" {
		r.offOnce.Do(func() { close(r.off) })
	}
	return r, nil
}

// adoptMute handles a process whose monitor does not answer: it cannot be managed, and an
// instance that cannot be stopped or removed is worse than one that crashed.
func (g *guest) adoptMute(proc *process, cause error) {
	if proc.alive() {
		proc.kill()
	}
	<-proc.exited
	g.d.removeCgroups(g.id)
	g.mark(phaseCrashed, fmt.Sprintf("QEMU's monitor did not answer: %v; %s", cause, lastWords(g.dir)))
	g.d.log.Error("guest ended", "guest", g.id, "reason", g.record().Reason)
}

// tidy removes what operations left that were cut short: half-written memory, copy jobs, targets of swaps,
// slots whose device never came or already went. A move that is past its copy stays: which of the bytes are the volume, only
// those know who moved it.
func (g *guest) tidy(ctx context.Context, r *run) {
	g.removeMemory()
	moving := g.writesToBoth(ctx, r)
	g.cancelJobs(ctx, r, moving)
	present, err := devices(ctx, r)
	if err != nil {
		g.d.log.Error("list devices", "guest", g.id, "err", err)
		return
	}
	rec := g.record()
	for _, s := range rec.Disks {
		if !present[diskID(s.Slot)] {
			g.dropDisk(ctx, r, s)
		} else if moving && s.moves() {
			continue
		} else if err := g.settleSwap(ctx, r, s.Slot); err != nil {
			g.d.log.Error("settle a swap", "guest", g.id, "err", err)
		}
	}
	for _, s := range rec.NICs {
		if !present[nicID(s.Slot)] {
			g.dropNIC(ctx, r, s)
		}
	}
}

// devices are the ids of the devices plugged in now.
func devices(ctx context.Context, r *run) (map[string]bool, error) {
	var list []struct{ Name, Type string }
	if err := r.mon.Execute(ctx, "qom-list", object{"path": "/machine/peripheral"}, &list); err != nil {
		return nil, err
	}
	present := map[string]bool{}
	for _, e := range list {
		if strings.HasPrefix(e.Type, "child<") {
			present[e.Name] = true
		}
	}
	return present, nil
}

// cancelJobs ends copies whose caller is gone, but for a move that stays, and closes their targets.
func (g *guest) cancelJobs(ctx context.Context, r *run, moving bool) {
	jobs, err := r.jobs(ctx)
	if err != nil {
		g.d.log.Error("list jobs", "guest", g.id, "err", err)
		return
	}
	for _, j := range jobs {
		if !moving || j.ID != swapJob {
			g.endJob(ctx, r, j.ID)
		}
	}
	var nodes []struct {
		Name string `json:"node-name"`
	}
	r.mon.Execute(ctx, "query-named-block-nodes", object{"flat": true}, &nodes)
	var left []string
	for _, n := range nodes {
		if strings.HasPrefix(n.Name, copyNode) {
			left = append(left, n.Name)
		}
	}
	if len(left) > 0 {
		g.closeNodes(ctx, r, []string{copyNode, copyNode + "-file", copyNode + "-base", copyNode + "-base-file"}, setCopy)
	}
}
