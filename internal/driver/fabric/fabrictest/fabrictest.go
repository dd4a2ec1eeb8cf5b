// Package fabrictest is the suite every agent.Fabric must pass. It asks only what the
// contract promises to every caller; what packets do is proved beside each driver.
package fabrictest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Subject is a Fabric on a host with nothing on it yet.
type Subject struct {
	Fabric agent.Fabric
	// NoVPN says what the host lacks for VPNs, if anything.
	NoVPN string
	// Restart gives the Fabric of a new process on the same host; the old one was killed.
	Restart func() agent.Fabric
}

// Run runs the suite; each test gets a Subject of its own.
func Run(t *testing.T, factory func(t *testing.T) Subject) {
	tests := map[string]func(*testing.T, Subject){
		"RemoveOfNothing": removeOfNothing, "MissingParts": missingParts, "EnsureTwice": ensureTwice,
		"OlderGeneration": olderGeneration, "BusyParts": busyParts, "Restart": restart, "Stats": stats,
		"SideBySide": sideBySide, "PortMoves": portMoves, "Invalid": invalid,
		"Meters": meters, "Domains": domains, "VPN": vpn,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test(t, factory(t)) })
	}
}

var ctx = context.Background()

// Network, Group, Port and Router are the documents of the suite.
func Network(id spec.NetworkID) spec.Network {
	return spec.Network{ID: id, Generation: 5, MTU: 1500, AdminUp: true, Domain: "nubo.test", Subnets: []spec.Subnet{{ID: "s-" + string(id),
		Prefix: netip.MustParsePrefix("10.1.0.0/16"), Gateway: netip.MustParseAddr("10.1.0.1"), DHCP: true, Service: netip.MustParseAddr("10.1.0.2")}}}
}

// Group allows everything out.
func Group(id spec.GroupID) spec.SecurityGroup {
	return spec.SecurityGroup{ID: id, Generation: 5, Rules: []spec.Rule{{ID: "out", Direction: spec.Egress, Protocol: -1, PortMin: -1, PortMax: -1}}}
}

// Port is the numbered port of a network.
func Port(network spec.NetworkID, number int, groups ...spec.GroupID) spec.Port {
	return spec.Port{ID: spec.PortID(fmt.Sprintf("port-%d", number)), Generation: 5, Network: network, Guest: "guest-1", AdminUp: true, Security: true,
		MAC:       fmt.Sprintf("fa:16:3e:00:%02x:%02x", number/256, number%256),
		Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 1, byte(1 + number/256), byte(number)})}, Groups: groups}
}

// Router has one interface, on the network.
func Router(id spec.RouterID, network spec.NetworkID) spec.Router {
	return spec.Router{ID: id, Generation: 5, AdminUp: true, Interfaces: []spec.RouterInterface{{Port: "if-" + spec.PortID(id), Network: network,
		MAC: "fa:16:3e:77:00:01", Addresses: []netip.Prefix{netip.MustParsePrefix("10.1.0.1/16")}, MTU: 1500}}}
}

// Removing what is not there succeeds, and changes nothing.
func removeOfNothing(t *testing.T, s Subject) {
	ok(t, s.Fabric.RemovePort(ctx, "p"))
	ok(t, s.Fabric.RemoveRouter(ctx, "r"))
	ok(t, s.Fabric.RemoveNetwork(ctx, "n"))
	ok(t, s.Fabric.RemoveGroup(ctx, "g"))
	holds(t, s.Fabric, agent.FabricInventory{})
}

// What needs another thing says that it is missing, and leaves nothing behind.
func missingParts(t *testing.T, s Subject) {
	_, err := s.Fabric.EnsurePort(ctx, Port("n", 1))
	fails(t, err, spec.ErrMissing)
	fails(t, s.Fabric.EnsureRouter(ctx, Router("r", "n")), spec.ErrMissing)
	ok(t, s.Fabric.EnsureNetwork(ctx, Network("n")))
	_, err = s.Fabric.EnsurePort(ctx, Port("n", 1, "g"))
	fails(t, err, spec.ErrMissing)
	branch := Port("n", 1)
	branch.Branch = &spec.Branch{Parent: "port-2", Tag: 100}
	_, err = s.Fabric.EnsurePort(ctx, branch)
	fails(t, err, spec.ErrMissing)
	holds(t, s.Fabric, agent.FabricInventory{Networks: []spec.NetworkID{"n"}})
}

// Ensuring again gives the same tap and the same inventory; removing leaves nothing.
func ensureTwice(t *testing.T, s Subject) {
	first, second := whole(t, s.Fabric), whole(t, s.Fabric)
	if first != second || first.Name == "" {
		t.Errorf("taps %+v and %+v", first, second)
	}
	holds(t, s.Fabric, wholeInventory())
	for range 2 {
		removeWhole(t, s.Fabric)
		holds(t, s.Fabric, agent.FabricInventory{})
	}
}

func whole(t *testing.T, f agent.Fabric) agent.Tap {
	t.Helper()
	ok(t, f.EnsureNetwork(ctx, Network("n")))
	ok(t, f.EnsureGroup(ctx, Group("g")))
	tap, err := f.EnsurePort(ctx, Port("n", 1, "g"))
	ok(t, err)
	ok(t, f.EnsureRouter(ctx, Router("r", "n")))
	return tap
}

func wholeInventory() agent.FabricInventory {
	return agent.FabricInventory{Networks: []spec.NetworkID{"n"}, Ports: []spec.PortID{"port-1"}, Routers: []spec.RouterID{"r"}, Groups: []spec.GroupID{"g"}}
}

func removeWhole(t *testing.T, f agent.Fabric) {
	t.Helper()
	ok(t, f.RemoveRouter(ctx, "r"))
	ok(t, f.RemovePort(ctx, "port-1"))
	ok(t, f.RemoveGroup(ctx, "g"))
	ok(t, f.RemoveNetwork(ctx, "n"))
}

// A document of an older generation is ignored, whatever it says: this one would be an error.
func olderGeneration(t *testing.T, s Subject) {
	tap := whole(t, s.Fabric)
	old := Port("n", 1, "no-such-group")
	old.Generation = 4
	again, err := s.Fabric.EnsurePort(ctx, old)
	ok(t, err)
	if again != tap {
		t.Errorf("tap %+v, was %+v", again, tap)
	}
	oldRouter := Router("r", "no-such-network")
	oldRouter.Generation = 4
	ok(t, s.Fabric.EnsureRouter(ctx, oldRouter))
}

// What others stand on cannot be removed.
func busyParts(t *testing.T, s Subject) {
	whole(t, s.Fabric)
	fails(t, s.Fabric.RemoveGroup(ctx, "g"), spec.ErrBusy)
	fails(t, s.Fabric.RemoveNetwork(ctx, "n"), spec.ErrBusy)
	ok(t, s.Fabric.RemovePort(ctx, "port-1"))
	fails(t, s.Fabric.RemoveNetwork(ctx, "n"), spec.ErrBusy) // the router
	ok(t, s.Fabric.RemoveRouter(ctx, "r"))
	ok(t, s.Fabric.RemoveNetwork(ctx, "n"))
	ok(t, s.Fabric.RemoveGroup(ctx, "g"))
}

// A new process finds everything, goes on from there, and can remove it.
func restart(t *testing.T, s Subject) {
	tap := whole(t, s.Fabric)
	f := s.Restart()
	ok(t, f.Adopt(ctx))
	holds(t, f, wholeInventory())
	if _, err := f.PortStats(ctx, "port-1"); err != nil {
		t.Errorf("stats after adoption: %v", err)
	}
	if again := whole(t, f); again != tap {
		t.Errorf("tap %+v, was %+v", again, tap)
	}
	f = s.Restart() // and one that removes without having ensured
	ok(t, f.Adopt(ctx))
	removeWhole(t, f)
	holds(t, f, agent.FabricInventory{})
}

// Stats are of the port asked for.
func stats(t *testing.T, s Subject) {
	_, err := s.Fabric.PortStats(ctx, "port-1")
	fails(t, err, spec.ErrMissing)
	whole(t, s.Fabric)
	got, err := s.Fabric.PortStats(ctx, "port-1")
	ok(t, err)
	if want := Port("n", 1); got.Port != want.ID || got.MAC != want.MAC {
		t.Errorf("stats of %s %s", got.Port, got.MAC)
	}
}

// Meters are there with their router, keep their lives through changes and restarts, and are gone with either.
func meters(t *testing.T, s Subject) {
	reads := func(f agent.Fabric, want ...spec.MeterID) (lives []string) {
		t.Helper()
		readings, err := f.MeterReadings(ctx, "r")
		ok(t, err)
		var got []spec.MeterID
		for _, r := range readings {
			got, lives = append(got, r.Meter), append(lives, r.Life)
		}
		if !slices.Equal(list(got), list(want)) {
			t.Errorf("meters %v, want %v", got, want)
		}
		return lives
	}
	reads(s.Fabric)
	ok(t, s.Fabric.EnsureNetwork(ctx, Network("n")))
	external := Network("x")
	external.External = true
	ok(t, s.Fabric.EnsureNetwork(ctx, external))
	r := Router("r", "n")
	r.Gateway = &spec.RouterGateway{Port: "gw", Network: "x", MAC: "fa:16:3e:77:00:02", Addresses: []netip.Prefix{netip.MustParsePrefix("172.24.4.9/24")}}
	rules := []spec.MeterRule{{Direction: spec.Egress, Source: netip.MustParsePrefix("10.1.0.0/16")}}
	r.Meters = []spec.Meter{{ID: "a", Rules: rules}, {ID: "b"}}
	ok(t, s.Fabric.EnsureRouter(ctx, r))
	first := reads(s.Fabric, "a", "b")
	f := s.Restart()
	ok(t, f.Adopt(ctx))
	if again := reads(f, "a", "b"); !slices.Equal(list(first), list(again)) {
		t.Errorf("lives %v, then %v", first, again)
	}
	r.Generation, r.Meters = 6, []spec.Meter{{ID: "a"}}
	ok(t, f.EnsureRouter(ctx, r))
	if again := reads(f, "a"); len(again) == 1 && !slices.Contains(first, again[0]) {
		t.Errorf("lives %v, then %v", first, again)
	}
	r.Generation, r.Meters = 7, []spec.Meter{{ID: "../a"}}
	fails(t, f.EnsureRouter(ctx, r), spec.ErrInvalid)
	ok(t, f.RemoveRouter(ctx, "r"))
	reads(f)
	ok(t, f.RemoveNetwork(ctx, "n"))
	ok(t, f.RemoveNetwork(ctx, "x"))
}

// A routing domain is made, changed and found again like any router, with and without a way out; one that contradicts itself is refused.
func domains(t *testing.T, s Subject) {
	ok(t, s.Fabric.EnsureNetwork(ctx, Network("n")))
	external := Network("x")
	external.External = true
	ok(t, s.Fabric.EnsureNetwork(ctx, external))
	face := []spec.PortID{"if-r"}
	r := Router("r", "n")
	r.Domain = &spec.RoutingDomain{Filters: []spec.PacketFilter{{ID: "f", Interfaces: face}}, Tables: []spec.RouteTable{{ID: "t", Interfaces: face,
		Routes: []spec.TableRoute{{Destination: netip.MustParsePrefix("0.0.0.0/0"), NAT: "nat"}, {Destination: netip.MustParsePrefix("10.1.7.0/24")},
			{Destination: netip.MustParsePrefix("10.8.0.0/16"), Via: netip.MustParseAddr("10.1.0.8")}}}},
		NATs: []spec.NAT{{ID: "nat", Interface: "if-r", Internal: netip.MustParseAddr("10.1.0.9")}}}
	ok(t, s.Fabric.EnsureRouter(ctx, r))
	d := *r.Domain
	d.NATs = []spec.NAT{d.NATs[0]}
	d.NATs[0].External = netip.MustParseAddr("172.24.4.50")
	r.Generation, r.Domain = 6, &d
	r.Gateway = &spec.RouterGateway{Port: "gw", Network: "x", MAC: "fa:16:3e:77:00:02", Addresses: []netip.Prefix{netip.MustParsePrefix("172.24.4.9/24")},
		NextHops: []netip.Addr{netip.MustParseAddr("172.24.4.1")}}
	ok(t, s.Fabric.EnsureRouter(ctx, r))
	f := s.Restart()
	ok(t, f.Adopt(ctx))
	ok(t, f.EnsureRouter(ctx, r))
	empty := d
	empty.NATs = nil
	r.Generation, r.Domain = 7, &empty
	fails(t, f.EnsureRouter(ctx, r), spec.ErrInvalid) // its table leads to a NAT that is none
	r.Domain = &spec.RoutingDomain{}
	ok(t, f.EnsureRouter(ctx, r))
	ok(t, f.RemoveRouter(ctx, "r"))
	ok(t, f.RemoveNetwork(ctx, "n"))
	ok(t, f.RemoveNetwork(ctx, "x"))
	holds(t, f, agent.FabricInventory{})
}

// Many calls at once, also for one object, end as one after another would.
func sideBySide(t *testing.T, s Subject) {
	ok(t, s.Fabric.EnsureNetwork(ctx, Network("a")))
	ok(t, s.Fabric.EnsureNetwork(ctx, Network("b")))
	var all sync.WaitGroup
	var want agent.FabricInventory
	want.Networks = []spec.NetworkID{"a", "b"}
	for i := range 12 {
		p := Port(want.Networks[i%2], i)
		want.Ports = append(want.Ports, p.ID)
		for range 2 {
			all.Go(func() {
				if _, err := s.Fabric.EnsurePort(ctx, p); err != nil {
					t.Errorf("%s: %v", p.ID, err)
				}
			})
		}
	}
	all.Wait()
	holds(t, s.Fabric, want)
	for _, id := range want.Ports {
		all.Go(func() {
			if err := s.Fabric.RemovePort(ctx, id); err != nil {
				t.Errorf("remove %s: %v", id, err)
			}
		})
	}
	all.Wait()
	holds(t, s.Fabric, agent.FabricInventory{Networks: want.Networks})
}

// A port may move to another network: then its tap is there.
func portMoves(t *testing.T, s Subject) {
	ok(t, s.Fabric.EnsureNetwork(ctx, Network("a")))
	ok(t, s.Fabric.EnsureNetwork(ctx, Network("b")))
	first, err := s.Fabric.EnsurePort(ctx, Port("a", 1))
	ok(t, err)
	p := Port("b", 1)
	p.Generation++
	second, err := s.Fabric.EnsurePort(ctx, p)
	ok(t, err)
	if first == second {
		t.Errorf("tap stayed at %+v", first)
	}
	ok(t, s.Fabric.RemoveNetwork(ctx, "a"))
}

// Documents that cannot be followed are refused before anything is touched.
func invalid(t *testing.T, s Subject) {
	n := Network("../n")
	fails(t, s.Fabric.EnsureNetwork(ctx, n), spec.ErrInvalid)
	ok(t, s.Fabric.EnsureNetwork(ctx, Network("n")))
	p := Port("n", 1)
	p.MAC = "nonsense"
	_, err := s.Fabric.EnsurePort(ctx, p)
	fails(t, err, spec.ErrInvalid)
	mark := 64
	p = Port("n", 1)
	p.QoS.Mark = &mark
	_, err = s.Fabric.EnsurePort(ctx, p)
	fails(t, err, spec.ErrInvalid)
	g := Group("g")
	g.Rules[0].Direction = "sideways"
	fails(t, s.Fabric.EnsureGroup(ctx, g), spec.ErrInvalid)
	holds(t, s.Fabric, agent.FabricInventory{Networks: []spec.NetworkID{"n"}})
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func fails(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

func holds(t *testing.T, f agent.Fabric, want agent.FabricInventory) {
	t.Helper()
	got, err := f.Inventory(ctx)
	ok(t, err)
	got, want = sorted(got), sorted(want)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("inventory %+v, want %+v", got, want)
	}
}

func sorted(i agent.FabricInventory) agent.FabricInventory {
	return agent.FabricInventory{Networks: list(i.Networks), Ports: list(i.Ports), Routers: list(i.Routers), Groups: list(i.Groups), VPNs: list(i.VPNs)}
}

func list[T ~string](ids []T) []T {
	out := append([]T{}, ids...)
	slices.Sort(out)
	return out
}
