package agent_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/agent"
	blocksim "github.com/nubo-cloud/nubo/internal/driver/block/sim"
	fabricsim "github.com/nubo-cloud/nubo/internal/driver/fabric/sim"
	hypervisorsim "github.com/nubo-cloud/nubo/internal/driver/hypervisor/sim"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// host is a simulated host that outlives its agents.
type host struct {
	guests *hypervisorsim.State
	pool   *blocksim.Pool
	fabric *fabricsim.Host
	image  spec.Image
	bytes  []byte
}

func newHost() *host {
	h := &host{guests: hypervisorsim.NewState(), pool: blocksim.NewPool(blocksim.Options{}), fabric: &fabricsim.Host{}, bytes: make([]byte, 4096)}
	sum := sha256.Sum256(h.bytes)
	h.image = spec.Image{ID: "image", Format: spec.FormatRaw, SizeBytes: 4096, SHA256: hex.EncodeToString(sum[:])}
	return h
}

func (h *host) OpenImage(context.Context, spec.ImageID) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(h.bytes)), nil
}

// agent is a new process on the host.
func (h *host) agent(t testing.TB, o hypervisorsim.Options) *agent.Agent {
	o.State = h.guests
	return agent.New(agent.Options{Name: "host", Hypervisor: hypervisorsim.New(o), Block: h.pool, Fabric: fabricsim.New(h.fabric, fabricsim.Options{}),
		Images: h, StateDir: t.TempDir(), CPUs: 8, MemoryBytes: 1 << 34,
		ConfigDrive: func(context.Context, string, spec.Metadata) error { return nil }})
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// prepare makes a guest's disk and port and answers its document.
func (h *host) prepare(t testing.TB, a *agent.Agent, id spec.GuestID) spec.Guest {
	t.Helper()
	v, p := spec.VolumeID(id+"-root"), spec.PortID(id+"-port")
	_, err := a.EnsureVolume(t.Context(), spec.Volume{ID: v, Generation: 1, SizeBytes: 1 << 20, Image: &h.image})
	ok(t, err)
	h.plug(t, a, p)
	return spec.Guest{ID: id, Generation: 1, BootSerial: 1, CPUs: 1, MemoryBytes: 1 << 28, Machine: spec.MachineQ35, Power: spec.PowerOn,
		Disks: []spec.Disk{{Volume: v, Bus: spec.BusVirtio}}, NICs: []spec.NIC{{Port: p, MAC: "52:54:00:00:00:01"}},
		Metadata: spec.Metadata{Name: string(id)}}
}

func (h *host) plug(t testing.TB, a *agent.Agent, p spec.PortID) {
	t.Helper()
	ok(t, a.EnsureNetwork(t.Context(), spec.Network{ID: "net", Generation: 1}))
	ok(t, a.EnsurePort(t.Context(), spec.Port{ID: p, Generation: 1, Network: "net", MAC: "52:54:00:00:00:01"}))
}

func (h *host) status(t testing.TB, id spec.GuestID) spec.GuestStatus {
	t.Helper()
	s, err := hypervisorsim.New(hypervisorsim.Options{State: h.guests}).Status(t.Context(), id)
	if errors.Is(err, spec.ErrMissing) {
		return spec.GuestStatus{ID: id, State: spec.GuestAbsent}
	}
	ok(t, err)
	return s
}

// A guest goes through all powers as its document says, and changes nothing when it says the same again.
func TestPowers(t *testing.T) {
	h := newHost()
	a := h.agent(t, hypervisorsim.Options{})
	g := h.prepare(t, a, "g")
	for _, c := range []struct {
		power  spec.Power
		serial int64
		want   spec.GuestState
	}{
		{spec.PowerOn, 1, spec.GuestRunning}, {spec.PowerPaused, 1, spec.GuestPaused}, {spec.PowerOn, 1, spec.GuestRunning},
		{spec.PowerSuspended, 1, spec.GuestSuspended}, {spec.PowerOn, 1, spec.GuestRunning}, {spec.PowerOn, 2, spec.GuestRunning},
		{spec.PowerOff, 2, spec.GuestStopped}, {spec.PowerOn, 3, spec.GuestRunning}, {spec.PowerSuspended, 3, spec.GuestSuspended},
		{spec.PowerOff, 3, spec.GuestStopped},
	} {
		g.Power, g.BootSerial = c.power, c.serial
		g.Generation++
		s, err := a.EnsureGuest(t.Context(), g)
		ok(t, err)
		if s.State != c.want || s.Generation != g.Generation {
			t.Fatalf("power %s serial %d: %+v", c.power, c.serial, s)
		}
		before := h.status(t, "g")
		_, err = a.EnsureGuest(t.Context(), g)
		ok(t, err)
		if after := h.status(t, "g"); after.StartedAt != before.StartedAt {
			t.Errorf("power %s: asking again restarted it", c.power)
		}
	}
}

// A document older than the one held changes nothing and is no error.
func TestOlderDocumentIsIgnored(t *testing.T) {
	h := newHost()
	a := h.agent(t, hypervisorsim.Options{})
	g := h.prepare(t, a, "g")
	g.Generation = 5
	_, err := a.EnsureGuest(t.Context(), g)
	ok(t, err)
	old := g
	old.Generation, old.Power = 4, spec.PowerOff
	s, err := a.EnsureGuest(t.Context(), old)
	ok(t, err)
	if s.State != spec.GuestRunning || s.Generation != 5 {
		t.Errorf("%+v", s)
	}
}

// A document that was written before a guest was removed and arrives afterwards does not bring it back; a newer one does.
func TestLateDocumentDoesNotBringBackTheGuest(t *testing.T) {
	h := newHost()
	a := h.agent(t, hypervisorsim.Options{})
	g := h.prepare(t, a, "g")
	_, err := a.EnsureGuest(t.Context(), g)
	ok(t, err)
	ok(t, a.RemoveGuest(t.Context(), "g", 10))
	late := g
	late.Generation = 9
	if _, err := a.EnsureGuest(t.Context(), late); !errors.Is(err, spec.ErrMissing) {
		t.Errorf("got %v", err)
	}
	if s := h.status(t, "g"); s.State != spec.GuestAbsent {
		t.Fatalf("it is back: %+v", s)
	}
	g.Generation = 11
	_, err = a.EnsureGuest(t.Context(), g)
	ok(t, err)
	ok(t, a.RemoveGuest(t.Context(), "g", 10)) // late, too
	if s := h.status(t, "g"); s.State != spec.GuestRunning {
		t.Errorf("%+v", s)
	}
}

// An agent that starts finds the guests running, and the same documents change nothing; metadata is there again.
func TestAdoption(t *testing.T) {
	h := newHost()
	a := h.agent(t, hypervisorsim.Options{})
	g := h.prepare(t, a, "g")
	_, err := a.EnsureGuest(t.Context(), g)
	ok(t, err)
	before := h.status(t, "g")

	a = h.agent(t, hypervisorsim.Options{})
	if _, err := a.Metadata(t.Context(), "g-port"); !errors.Is(err, spec.ErrMissing) {
		t.Errorf("metadata before any document: %v", err)
	}
	a.Reconcile(t.Context()) // it holds nothing, so it touches nothing
	inv, err := a.Inventory(t.Context())
	ok(t, err)
	if len(inv.Guests) != 1 || len(inv.Ports) != 1 || len(inv.Volumes) != 1 {
		t.Errorf("%+v", inv)
	}
	s, err := a.EnsureGuest(t.Context(), g) // before its port was plugged again: nothing needs it
	ok(t, err)
	if s.StartedAt != before.StartedAt || s.State != spec.GuestRunning {
		t.Errorf("it was restarted: %+v, was %+v", s, before)
	}
	if m, err := a.Metadata(t.Context(), "g-port"); err != nil || m.Name != "g" {
		t.Errorf("%+v, %v", m, err)
	}
}

// What was plugged meanwhile is plugged, and what is not wanted any more is let go of.
func TestPlugs(t *testing.T) {
	h := newHost()
	a := h.agent(t, hypervisorsim.Options{})
	g := h.prepare(t, a, "g")
	_, err := a.EnsureGuest(t.Context(), g)
	ok(t, err)
	_, err = a.EnsureVolume(t.Context(), spec.Volume{ID: "more", Generation: 1, SizeBytes: 1 << 20})
	ok(t, err)
	changed := g
	changed.Generation = 2
	changed.Disks = append(changed.Disks[:1:1], spec.Disk{Volume: "more", Bus: spec.BusVirtio})
	changed.NICs = nil
	s, err := a.EnsureGuest(t.Context(), changed)
	ok(t, err)
	if len(s.Disks) != 2 || len(s.NICs) != 0 {
		t.Errorf("%+v", s)
	}
	if err := a.RemoveVolume(t.Context(), "more"); !errors.Is(err, spec.ErrBusy) {
		t.Errorf("a disk in use was removed: %v", err)
	}
	if _, err := a.EnsureVolume(t.Context(), spec.Volume{ID: "more", Generation: 2, SizeBytes: 1 << 20, Move: true}); !errors.Is(err, spec.ErrNotSupported) {
		t.Errorf("a disk in use was moved, on a host with one pool: %v", err)
	}
	g.Generation = 3
	s, err = a.EnsureGuest(t.Context(), g)
	ok(t, err)
	if len(s.Disks) != 1 || len(s.NICs) != 1 {
		t.Errorf("%+v", s)
	}
	ok(t, a.RemoveVolume(t.Context(), "more"))
	g.Generation, g.NICs = 4, append(g.NICs, spec.NIC{Port: "not here", MAC: "52:54:00:00:00:02"})
	if _, err := a.EnsureGuest(t.Context(), g); !errors.Is(err, spec.ErrMissing) {
		t.Errorf("a port that is not plugged: %v", err)
	}
}

// Snapshots, growth, starts and stops of the same guest and volume at the same time all come to an end: none waits
// for what another holds.
func TestLockOrder(t *testing.T) {
	h := newHost()
	a := h.agent(t, hypervisorsim.Options{ChangeDelay: 50 * time.Microsecond, StartDelay: 100 * time.Microsecond})
	var docs []spec.Guest
	for i := range 3 {
		docs = append(docs, h.prepare(t, a, spec.GuestID(fmt.Sprintf("g%d", i))))
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var w sync.WaitGroup
	run := func(f func(i int) error) {
		w.Go(func() {
			for i := range 60 {
				if err := f(i); err != nil && !errors.Is(err, spec.ErrMissing) && !errors.Is(err, spec.ErrBusy) {
					t.Error(err)
					return
				}
			}
		})
	}
	for n, doc := range docs {
		v := doc.Disks[0].Volume
		run(func(i int) error {
			g := doc
			g.Generation, g.BootSerial = int64(2+i), int64(1+i)
			g.Power = []spec.Power{spec.PowerOn, spec.PowerOn, spec.PowerOff}[i%3]
			_, err := a.EnsureGuest(ctx, g)
			return err
		})
		run(func(i int) error {
			return a.EnsureSnapshot(ctx, spec.Snapshot{ID: spec.SnapshotID(fmt.Sprintf("s%d-%d", n, i)), Volume: v})
		})
		run(func(i int) error {
			_, err := a.EnsureVolume(ctx, spec.Volume{ID: v, Generation: int64(2 + i), SizeBytes: int64(i+2) << 20})
			return err
		})
		run(func(int) error { a.Reconcile(ctx); return nil })
	}
	w.Wait()
	if ctx.Err() != nil {
		t.Fatal("somebody waited for ever")
	}
}

// A removal does not wait for a guest that takes its time.
func TestRemovalInterrupts(t *testing.T) {
	h := newHost()
	a := h.agent(t, hypervisorsim.Options{StartDelay: time.Hour})
	g := h.prepare(t, a, "g")
	done := make(chan error, 1)
	go func() {
		_, err := a.EnsureGuest(t.Context(), g)
		done <- err
	}()
	for deadline := time.Now().Add(time.Minute); h.status(t, "g").State == spec.GuestAbsent; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the start never began")
		}
	}
	ok(t, a.RemoveGuest(t.Context(), "g", 2))
	if err := <-done; err == nil {
		t.Error("a guest that was removed while it started is said to run")
	}
	if s := h.status(t, "g"); s.State != spec.GuestAbsent {
		t.Errorf("%+v", s)
	}
}

// BenchmarkReconcile is one pass over 1,000 guests that are as wanted. The budget is 100 ms.
func BenchmarkReconcile(b *testing.B) {
	h := newHost()
	a := h.agent(b, hypervisorsim.Options{})
	for i := range 1000 {
		if _, err := a.EnsureGuest(b.Context(), h.prepare(b, a, spec.GuestID(fmt.Sprintf("g%04d", i)))); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		a.Reconcile(b.Context())
	}
}
