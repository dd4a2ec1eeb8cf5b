package linux

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
	"github.com/nubo-cloud/nubo/internal/spec"
)

func addr(s string) netip.Addr     { return netip.MustParseAddr(s) }
func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func publicNetwork() spec.Network {
	return spec.Network{ID: "public", Generation: 1, External: true, MTU: 1500, AdminUp: true, Subnets: []spec.Subnet{
		{ID: "pub4", Prefix: prefix("172.24.4.0/24"), Gateway: addr("172.24.4.1")}}}
}

func gateway() *spec.RouterGateway {
	return &spec.RouterGateway{Port: "gw", Network: "public", MAC: "fa:16:3e:01:00:01", Addresses: []netip.Prefix{prefix("172.24.4.10/24")},
		NextHops: []netip.Addr{addr("172.24.4.1")}, SNAT: true, MTU: 1500}
}

func routerInterface(port spec.PortID, network spec.NetworkID, mac, a string) spec.RouterInterface {
	return spec.RouterInterface{Port: port, Network: network, MAC: mac, Addresses: []netip.Prefix{prefix(a)}}
}

// outsideWorld is two networks behind one router with SNAT, a guest on each, and the outside.
func outsideWorld(t *testing.T) (w *world, r spec.Router, a, b *guest) {
	w = newWorld(t)
	w.network(publicNetwork())
	w.network(privateNetwork("n1"))
	n2 := privateNetwork("n2")
	n2.Subnets[0].Prefix, n2.Subnets[0].Gateway, n2.Subnets[0].Service = prefix("10.0.1.0/24"), addr("10.0.1.1"), addr("10.0.1.2")
	w.network(n2)
	w.group(openGroup("g"))
	pa, pb := portOn("n1", "pa", 10, "g"), portOn("n2", "pb", 11, "g")
	pb.Addresses = []netip.Addr{addr("10.0.1.11")}
	a, b = w.plug(pa), w.plug(pb)
	a.lease()
	b.lease()
	r = spec.Router{ID: "r", Generation: 1, AdminUp: true, Gateway: gateway(), Interfaces: []spec.RouterInterface{
		routerInterface("r1", "n1", "fa:16:3e:01:00:02", "10.0.0.1/24"), routerInterface("r2", "n2", "fa:16:3e:01:00:03", "10.0.1.1/24")}}
	answer(t, a.ns, 80)
	answer(t, b.ns, 80)
	answer(t, w.outside, 80)
	return w, r, a, b
}

// Networks meet only through a router; through it guests reach each other without NAT and the outside
// with; the outside reaches nobody; metadata works whatever the gateway.
func TestRouterAndSNAT(t *testing.T) {
	w, r, a, b := outsideWorld(t)
	w.blocked(a.ns, b.port.Addresses[0], 80)
	w.router(r)
	if _, seen := w.reaches(a.ns, b.port.Addresses[0], 80); seen != a.port.Addresses[0] {
		t.Errorf("between networks the sender is seen as %s", seen)
	}
	if _, seen := w.reaches(a.ns, outsideAddr, 80); seen != hostOutside {
		t.Errorf("outside the sender is seen as %s", seen)
	}
	got, err := get(b.ns, "http://169.254.169.254/x")
	if err != nil || got != "pb /x" {
		t.Errorf("metadata behind a router: %q, %v", got, err)
	}
	// Who knows the way in by routes is still stopped.
	w.knowsTheWayIn(prefix("10.0.0.0/24"), addr("172.24.4.10"))
	w.blocked(w.host, a.port.Addresses[0], 80)
	r.Generation, r.AdminUp = 2, false
	w.router(r)
	w.blocked(a.ns, outsideAddr, 80)
	r.Generation, r.AdminUp = 3, true
	w.router(r)
	w.reaches(a.ns, outsideAddr, 80)
}

// knowsTheWayIn gives the host a route to what is behind a router.
func (w *world) knowsTheWayIn(inside netip.Prefix, router netip.Addr) {
	w.t.Helper()
	must(w.t, w.host.Do(func() error {
		l, err := findLink(w.fabric.names.hostUplink("public"))
		if err != nil {
			return err
		}
		return setRoutes([]route{{destination: inside, via: router, link: l.Attrs().Index}})
	}))
}

// Floating IPs: in from the host and the outside, out under it, from another guest and
// from itself; and not any more when it is taken away.
func TestFloatingIP(t *testing.T) {
	w, r, a, b := outsideWorld(t)
	r.Floating = []spec.FloatingIP{{External: addr("172.24.4.100"), Internal: a.port.Addresses[0]}, {External: addr("172.24.4.101"), Internal: b.port.Addresses[0]}}
	w.router(r)
	if _, seen := w.reaches(w.host, addr("172.24.4.100"), 80); seen != addr("172.24.4.1") {
		t.Errorf("the host is seen as %s", seen)
	}
	must(t, w.outside.Do(func() error { return defaultVia(hostOutside) }))
	running, seen := w.reaches(w.outside, addr("172.24.4.100"), 80)
	if seen != outsideAddr {
		t.Errorf("the outside is seen as %s", seen)
	}
	// The host hides external addresses behind its own; on the external network itself they show.
	answer(t, w.host, 81)
	if _, seen := w.reaches(a.ns, addr("172.24.4.1"), 81); seen != addr("172.24.4.100") {
		t.Errorf("out with a floating IP the sender is seen as %s", seen)
	}
	if _, seen := w.reaches(b.ns, addr("172.24.4.100"), 80); seen != addr("172.24.4.101") {
		t.Errorf("between floating IPs the sender is seen as %s", seen)
	}
	if _, seen := w.reaches(a.ns, addr("172.24.4.100"), 80); seen != addr("172.24.4.100") {
		t.Errorf("to its own floating IP the sender is seen as %s", seen)
	}
	if err := ping(w.host, addr("172.24.4.101")); err != nil {
		t.Error(err)
	}
	r.Generation, r.Floating = 2, r.Floating[1:]
	w.router(r)
	if alive(running, refusal) {
		t.Error("a connection goes on after its floating IP was taken away")
	}
	w.blocked(w.host, addr("172.24.4.100"), 80)
	if _, seen := w.reaches(b.ns, addr("172.24.4.1"), 81); seen != addr("172.24.4.101") {
		t.Errorf("the floating IP that stays is seen as %s", seen)
	}
	if _, seen := w.reaches(a.ns, addr("172.24.4.1"), 81); seen != addr("172.24.4.10") {
		t.Errorf("without floating IP the sender is seen as %s", seen)
	}
}

// Interfaces come and go, static routes lead through guests, and the namespace follows.
func TestRouterChanges(t *testing.T) {
	w, r, a, b := outsideWorld(t)
	w.router(r)
	w.reaches(a.ns, b.port.Addresses[0], 80)
	r.Generation, r.Routes = 2, []spec.Route{{Destination: prefix("10.77.0.0/16"), NextHop: b.port.Addresses[0]}}
	w.router(r)
	inside, err := netns.Open(netns.Path(w.fabric.names.router("r")))
	must(t, err)
	defer inside.Close()
	if out := w.run(inside, "ip", "route"); !strings.Contains(out, "10.77.0.0/16 via 10.0.1.11") {
		t.Errorf("static route missing:\n%s", out)
	}
	r.Generation, r.Routes, r.Interfaces = 3, nil, r.Interfaces[:1]
	w.router(r)
	w.blocked(a.ns, b.port.Addresses[0], 80)
	if out := w.run(inside, "ip", "route"); strings.Contains(out, "10.77") || strings.Contains(out, "10.0.1.0") {
		t.Errorf("routes left over:\n%s", out)
	}
	r.Generation, r.Gateway = 4, nil
	w.router(r)
	w.blocked(a.ns, outsideAddr, 80)
	must(t, w.fabric.RemoveRouter(context.Background(), "r"))
	if ping(a.ns, addr("10.0.0.1")) == nil {
		t.Error("a removed router answers")
	}
}

// Two networks with the same prefix live side by side, each with its own router to the outside.
func TestSamePrefixTwice(t *testing.T) {
	w := newWorld(t)
	w.network(publicNetwork())
	w.group(openGroup("g"))
	answer(t, w.outside, 80)
	var guests []*guest
	for i, id := range []spec.NetworkID{"n1", "n2"} {
		w.network(privateNetwork(id))
		p := portOn(id, spec.PortID("port-"+string(id)), 10, "g") // same MAC and address as well
		g := w.plug(p)
		g.lease()
		guests = append(guests, g)
		gw := gateway()
		gw.Port, gw.MAC = spec.PortID("gw"+string(id)), []string{"fa:16:3e:01:01:01", "fa:16:3e:01:01:02"}[i]
		gw.Addresses = []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{172, 24, 4, byte(20 + i)}), 24)}
		w.router(spec.Router{ID: spec.RouterID("r-" + id), Generation: 1, AdminUp: true, Gateway: gw,
			Interfaces: []spec.RouterInterface{routerInterface(spec.PortID("if-"+string(id)), id, "fa:16:3e:01:00:02", "10.0.0.1/24")}})
	}
	for _, g := range guests {
		w.reaches(g.ns, outsideAddr, 80)
		got, err := get(g.ns, "http://169.254.169.254/")
		if err != nil || got != string(g.port.ID)+" /" {
			t.Errorf("metadata for %s: %q, %v", g.port.ID, got, err)
		}
	}
}
