package fleet_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/agentapi"
	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/fleet"
	"github.com/nubo-cloud/nubo/internal/spec"
	"github.com/nubo-cloud/nubo/internal/store/storetest"
)

// host is an agent that only says what happens to it.
type host struct {
	agentapi.Agent
	events chan spec.Event
	inv    spec.Inventory
	broken error
}

func (h *host) Inventory(context.Context) (spec.Inventory, error) { return h.inv, h.broken }

// Watch breaks off when events is closed, as the way to a host does.
func (h *host) Watch(ctx context.Context, f func(spec.Event)) error {
	f(spec.Event{Kind: spec.EventUp})
	for {
		select {
		case e, open := <-h.events:
			if !open {
				h.events = nil
				return errors.New("the way to the host broke")
			}
			f(e)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func described(name string, cpus int) spec.Host {
	return spec.Host{Name: name, CPUs: cpus, MemoryBytes: 8 << 30, Pools: []spec.Pool{{TotalBytes: 100 << 30}}}
}

// A host that joins again keeps its row, its number and what the operator said of it; what the agent says is new.
func TestJoin(t *testing.T) {
	s := storetest.Memory(t)
	f := fleet.New(fleet.Options{Hosts: s.Hosts, Tx: s, Zone: "nova"})
	if _, err := f.Agent(t.Context(), "nobody"); !cloud.Is(err, cloud.Unavailable) {
		t.Errorf("got %v", err)
	}
	ok(t, f.Join(t.Context(), fleet.Member{Host: described("one", 4), Agent: &host{}}, fleet.Member{Host: described("two", 4), Agent: &host{}}))
	first, err := s.Hosts.One(t.Context(), cloud.Eq("name", "one"))
	ok(t, err)
	first.Enabled, first.VCPURatio = false, 2
	ok(t, s.Hosts.Update(t.Context(), first))

	f = fleet.New(fleet.Options{Hosts: s.Hosts, Tx: s, Zone: "elsewhere"})
	again := &host{}
	ok(t, f.Join(t.Context(), fleet.Member{Host: described("one", 8), Agent: again}, fleet.Member{Host: described("three", 8), Agent: &host{}}))
	row, err := s.Hosts.Get(t.Context(), first.ID)
	ok(t, err)
	if row.Enabled || row.VCPURatio != 2 || row.Zone != "nova" || row.Number != first.Number || row.VCPUs != 8 || !row.Up {
		t.Errorf("%+v", row)
	}
	third, err := s.Hosts.One(t.Context(), cloud.Eq("name", "three"))
	ok(t, err)
	if third.Number != 3 || third.MemoryMiB != 8192 || third.DiskGiB != 100 || third.ReservedMiB == 0 {
		t.Errorf("%+v", third)
	}
	if a, err := f.Agent(t.Context(), row.ID); err != nil || a != agentapi.Agent(again) {
		t.Errorf("%v, %v", a, err)
	}
}

// Announced hosts can be placed on before they join; those that an earlier start had and this one has not are down, unless
// they may be another process's.
func TestAnnounce(t *testing.T) {
	s := storetest.Memory(t)
	f := fleet.New(fleet.Options{Hosts: s.Hosts, Tx: s, Zone: "nova"})
	ok(t, f.Join(t.Context(), fleet.Member{Host: described("one", 4), Agent: &host{}}, fleet.Member{Host: described("two", 4), Agent: &host{}}))
	f = fleet.New(fleet.Options{Hosts: s.Hosts, Tx: s, Zone: "nova"})
	up := func(want string) {
		t.Helper()
		rows, err := s.Hosts.List(t.Context(), cloud.Where(cloud.Eq("up", true)))
		ok(t, err)
		var names []string
		for _, h := range rows {
			names = append(names, h.Name)
		}
		slices.Sort(names)
		if got := strings.Join(names, " "); got != want {
			t.Errorf("up are %q, want %q", got, want)
		}
	}
	ok(t, f.Announce(t.Context(), []spec.Host{described("one", 4), described("three", 4)}, false))
	up("one three two")
	ok(t, f.Announce(t.Context(), []spec.Host{described("two", 4), described("three", 4)}, true))
	up("three two")
	third, err := s.Hosts.One(t.Context(), cloud.Eq("name", "three"))
	ok(t, err)
	if third.Number != 3 || third.VCPUs != 4 || third.Zone != "nova" {
		t.Errorf("%+v", third)
	}
	if _, err := f.Agent(t.Context(), third.ID); !cloud.Is(err, cloud.Unavailable) {
		t.Errorf("a host that has not joined has an agent: %v", err)
	}
}

// When a host comes up it is sent everything, in the order of the listeners, each until it works; also after the way to it broke.
func TestEvents(t *testing.T) {
	s := storetest.Memory(t)
	f := fleet.New(fleet.Options{Hosts: s.Hosts, Tx: s, RetryPause: time.Millisecond})
	var mu sync.Mutex
	var calls []string
	note := func(c string) int {
		mu.Lock()
		defer mu.Unlock()
		calls = append(calls, c)
		return len(calls)
	}
	f.OnUp(func(ctx context.Context, _ cloud.HostID) error {
		if !cloud.PrincipalOf(ctx).System {
			t.Error("a listener is not called as the system")
		}
		if note("network") < 3 {
			return errors.New("not yet")
		}
		return nil
	})
	f.OnUp(func(context.Context, cloud.HostID) error { note("compute"); return nil })
	f.OnGuest(func(_ context.Context, _ cloud.HostID, g spec.GuestStatus) { note("guest " + string(g.ID)) })
	h := &host{events: make(chan spec.Event)}
	ok(t, f.Join(t.Context(), fleet.Member{Host: described("one", 4), Agent: h}))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = f.Run(ctx) }()
	h.events <- spec.Event{Kind: spec.EventGuest, Guest: spec.GuestStatus{ID: "g"}}
	close(h.events)
	want := []string{"network", "network", "network", "compute", "guest g", "network", "compute"}
	seen := func() []string { mu.Lock(); defer mu.Unlock(); return slices.Clone(calls) }
	for deadline := time.Now().Add(30 * time.Second); !slices.Equal(seen(), want); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("got %v, want %v", seen(), want)
		}
	}
	cancel()
	<-done
}

// The self-check hands the inventory to every listener in order, and stops at one that fails.
func TestCheck(t *testing.T) {
	f := fleet.New(fleet.Options{})
	h := &host{inv: spec.Inventory{Volumes: []spec.VolumeID{"v"}}}
	no := errors.New("no")
	var heard []string
	listen := func(name string, err error) {
		f.OnInventory(func(_ context.Context, _ cloud.HostID, inv spec.Inventory) error {
			heard = append(heard, name+" "+string(inv.Volumes[0]))
			return err
		})
	}
	listen("compute", nil)
	listen("network", no)
	listen("volume", nil)
	if err := f.Check(t.Context(), "one", h); !errors.Is(err, no) || !slices.Equal(heard, []string{"compute v", "network v"}) {
		t.Errorf("%v, %v", err, heard)
	}
	h.broken, heard = errors.New("the host does not answer"), nil
	if err := f.Check(t.Context(), "one", h); !errors.Is(err, h.broken) || heard != nil {
		t.Errorf("%v, %v", err, heard)
	}
}
