package linux

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Addresses of the domain that tests begin with. The host's end of the external network sees under which one somebody leaves.
var (
	onPublic  = addr("172.24.4.1")
	floatingA = addr("172.24.4.100")
	underNAT  = addr("172.24.4.50")
)

// domainWorld is three networks of a domain with a guest on each: the first leads out, the second to a NAT on the first, the third
// is in no table.
func domainWorld(t *testing.T) (w *world, r spec.Router, a, b, c *guest) {
	w = newWorld(t)
	w.network(publicNetwork())
	w.group(openGroup("g"))
	r = spec.Router{ID: "r", Generation: 1, AdminUp: true, Gateway: gateway(), Domain: &spec.RoutingDomain{
		Tables: []spec.RouteTable{
			{ID: "main", Interfaces: []spec.PortID{"r1"}, Routes: []spec.TableRoute{{Destination: prefix("0.0.0.0/0"), Out: true}}},
			{ID: "private", Interfaces: []spec.PortID{"r2"}, Routes: []spec.TableRoute{{Destination: prefix("0.0.0.0/0"), NAT: "nat"}}}},
		NATs: []spec.NAT{{ID: "nat", Interface: "r1", Internal: addr("10.0.0.50"), External: underNAT}},
	}}
	r.Gateway.SNAT = false
	var guests []*guest
	for i, id := range []spec.NetworkID{"n1", "n2", "n3"} {
		g, face := w.inDomain(id, byte(i))
		guests, r.Interfaces = append(guests, g), append(r.Interfaces, face)
	}
	answer(t, w.host, 81)
	return w, r, guests[0], guests[1], guests[2]
}

// inDomain makes the numbered network of a domain with a guest, and gives the router's interface on it.
func (w *world) inDomain(id spec.NetworkID, number byte) (*guest, spec.RouterInterface) {
	at := func(host byte) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, number, host}) }
	n := privateNetwork(id)
	n.Subnets[0].Prefix, n.Subnets[0].Gateway, n.Subnets[0].Service = netip.PrefixFrom(at(0), 24), at(1), at(2)
	w.network(n)
	p := portOn(id, spec.PortID("p-"+string(id)), 10, "g")
	p.Addresses = []netip.Addr{at(10)}
	g := w.plug(p)
	g.lease()
	answer(w.t, g.ns, 80)
	face := spec.PortID("r" + strings.TrimPrefix(string(id), "n"))
	return g, routerInterface(face, id, "fa:16:3e:01:01:0"+string('1'+rune(number)), at(1).String()+"/24")
}

// next is the document with a change.
func next(r spec.Router, change func(d *spec.RoutingDomain)) spec.Router {
	d := *r.Domain
	change(&d)
	r.Generation, r.Domain = r.Generation+1, &d
	return r
}

func (w *world) seen(from *guest, want netip.Addr, why string) {
	w.t.Helper()
	if _, seen := w.reaches(from.ns, onPublic, 81); seen != want {
		w.t.Errorf("%s: seen as %s, want %s", why, seen, want)
	}
}

// Who has an address outside leaves under it, who has a NAT under that, and nobody else leaves; all reach each other as they are.
// Nobody comes in but through a floating IP.
func TestDomainLeaves(t *testing.T) {
	w, r, a, b, c := domainWorld(t)
	w.router(r)
	for _, pair := range [][2]*guest{{a, b}, {b, c}, {c, a}} {
		if _, seen := w.reaches(pair[0].ns, pair[1].port.Addresses[0], 80); seen != pair[0].port.Addresses[0] {
			t.Errorf("inside the sender is seen as %s", seen)
		}
	}
	w.blocked(a.ns, onPublic, 81)
	w.blocked(c.ns, onPublic, 81)
	w.seen(b, underNAT, "by a NAT")
	for _, at := range []netip.Addr{underNAT, addr("172.24.4.10")} {
		if err := ping(w.host, at); err != nil {
			t.Errorf("the router does not answer: %v", err)
		}
		w.blocked(w.host, at, 80)
	}
	if err := ping(a.ns, addr("10.0.0.50")); err != nil {
		t.Errorf("the NAT does not answer inside: %v", err)
	}
	w.knowsTheWayIn(prefix("10.0.0.0/16"), addr("172.24.4.10"))
	w.blocked(w.host, a.port.Addresses[0], 80)
	w.blocked(w.host, b.port.Addresses[0], 80)
	r.Generation, r.Floating = 2, []spec.FloatingIP{{External: floatingA, Internal: a.port.Addresses[0]}}
	w.router(r)
	w.seen(a, floatingA, "with a floating IP")
	w.reaches(w.host, floatingA, 80)
}

// A floating IP of a guest whose table leads to a NAT is not what it leaves under, nor who reaches it; to others of the router's own
// floating IPs each goes as its table says.
func TestDomainFloatingIP(t *testing.T) {
	w, r, a, b, c := domainWorld(t)
	floatingB := addr("172.24.4.101")
	r.Floating = []spec.FloatingIP{{External: floatingA, Internal: a.port.Addresses[0]}, {External: floatingB, Internal: b.port.Addresses[0]}}
	w.router(r)
	w.seen(b, underNAT, "with a floating IP behind a NAT")
	w.blocked(w.host, floatingB, 80)
	if _, seen := w.reaches(b.ns, floatingA, 80); seen != underNAT {
		t.Errorf("from behind the NAT the sender is seen as %s", seen)
	}
	if _, seen := w.reaches(a.ns, floatingA, 80); seen != floatingA {
		t.Errorf("to its own floating IP the sender is seen as %s", seen)
	}
	w.blocked(c.ns, floatingA, 80)
	if ping(c.ns, floatingA) == nil {
		t.Error("the router answers for a floating IP that the sender's table does not lead to")
	}
	w.router(next(r, func(d *spec.RoutingDomain) {
		d.Tables = []spec.RouteTable{{ID: "main", Interfaces: []spec.PortID{"r1", "r2"}, Routes: d.Tables[0].Routes}}
	}))
	w.seen(b, floatingB, "when its table leads out")
	w.reaches(w.host, floatingB, 80)
	if _, seen := w.reaches(a.ns, floatingB, 80); seen != floatingA {
		t.Errorf("between floating IPs the sender is seen as %s", seen)
	}
}

// A forwarded port leads inside like a floating IP, for who may get there, but lets nobody out; and what is dropped at the gateway is
// counted by no meter.
func TestDomainForwardsAndMeters(t *testing.T) {
	w, r, a, b, c := domainWorld(t)
	external := addr("172.24.4.102")
	r.Forwards = []spec.PortForward{{External: external, Internal: a.port.Addresses[0], Protocol: protoTCP,
		ExternalPorts: spec.PortRange{First: 8080, Last: 8080}, InternalPorts: spec.PortRange{First: 80, Last: 80}}}
	r.Meters = []spec.Meter{{ID: "m", Rules: []spec.MeterRule{{Direction: spec.Egress, Source: prefix("10.0.0.0/24")}}}}
	w.router(r)
	w.blocked(a.ns, onPublic, 81)
	if n := w.meter("r", "m").Packets; n != 0 {
		t.Errorf("%d packets were counted that never left", n)
	}
	w.reaches(w.host, external, 8080)
	if n := w.meter("r", "m").Packets; n == 0 {
		t.Error("what leaves is not counted")
	}
	if _, seen := w.reaches(b.ns, external, 8080); seen != underNAT {
		t.Errorf("from behind the NAT the sender is seen as %s", seen)
	}
	w.blocked(c.ns, external, 8080)
}

// Routes: the longest prefix, to a neighbour that forwards, to nowhere, and to a part of a network inside; what none fits is refused.
func TestDomainRoutes(t *testing.T) {
	w, r, a, b, c := domainWorld(t)
	far := addr("203.0.113.7")
	must(t, b.ns.Do(func() error { return addressed("lo", netip.PrefixFrom(far, 32)) }))
	w.spoofs(b)
	r.Domain.Tables[0].Routes = []spec.TableRoute{
		{Destination: prefix("203.0.113.0/24"), Via: b.port.Addresses[0]},
		{Destination: prefix("203.0.113.128/25")},
		{Destination: prefix("10.0.2.10/32")},
	}
	w.router(r)
	w.reaches(a.ns, far, 80)
	w.reaches(a.ns, b.port.Addresses[0], 80)
	for _, dark := range []netip.Addr{addr("203.0.113.130"), c.port.Addresses[0]} {
		if out := w.run(a.ns, "ping", "-n", "-c", "1", "-W", "1", dark.String()); strings.Contains(out, "Unreachable") || !strings.Contains(out, "100% packet loss") {
			t.Errorf("a black hole for %s: %s", dark, out)
		}
	}
	for _, from := range []*guest{a, c} {
		if out := w.run(from.ns, "ping", "-n", "-c", "1", "-W", "3", onPublic.String()); !strings.Contains(out, "Net Unreachable") {
			t.Errorf("where no route leads: %s", out)
		}
	}
	if err := ping(c.ns, b.port.Addresses[0]); err != nil {
		t.Error(err)
	}
}

// An instance that translates for others is a way out, under its floating IP.
func TestDomainInstanceLeads(t *testing.T) {
	w, r, a, b, _ := domainWorld(t)
	w.spoofs(b)
	if out := w.run(b.ns, "nft", "add table ip own; add chain ip own out { type nat hook postrouting priority 100; }; add rule ip own out ip saddr != 10.0.1.10 masquerade"); out != "" {
		t.Fatal(out)
	}
	r.Floating = []spec.FloatingIP{{External: floatingA, Internal: b.port.Addresses[0]}}
	everywhere := r.Domain.Tables[0].Routes
	r.Domain.Tables = []spec.RouteTable{{ID: "leads", Interfaces: []spec.PortID{"r2"}, Routes: everywhere},
		{ID: "led", Interfaces: []spec.PortID{"r1"}, Routes: []spec.TableRoute{{Destination: prefix("0.0.0.0/0"), Via: b.port.Addresses[0]}}}}
	w.router(r)
	w.seen(a, floatingA, "by an instance")
	w.seen(b, floatingA, "the instance itself")
}

// An instance may also hand on what it does not translate: then the table of its own network says how that leaves.
func TestDomainInstanceHandsOn(t *testing.T) {
	w, r, a, b, _ := domainWorld(t)
	open := openGroup("open")
	open.Stateless = true // it sees one direction only: answers go straight back
	w.group(open)
	b.port.Groups = []spec.GroupID{"open"}
	w.spoofs(b)
	r.Floating = []spec.FloatingIP{{External: floatingA, Internal: a.port.Addresses[0]}}
	through := []spec.TableRoute{{Destination: prefix("0.0.0.0/0"), Via: b.port.Addresses[0]}}
	everywhere := r.Domain.Tables[0].Routes
	r.Domain.Tables = []spec.RouteTable{{ID: "led", Interfaces: []spec.PortID{"r1"}, Routes: through}, {ID: "leads", Interfaces: []spec.PortID{"r2"}, Routes: everywhere}}
	w.router(r)
	w.seen(a, floatingA, "through an instance")
	in, _ := w.reaches(w.host, floatingA, 80)
	must(t, w.fabric.Verify(context.Background()))
	r = next(r, func(d *spec.RoutingDomain) { d.Tables = append(d.Tables, spec.RouteTable{ID: "unused"}) })
	w.router(r)
	if !alive(in, patience) {
		t.Error("a connection broke that an instance hands on")
	}
	w.router(next(r, func(d *spec.RoutingDomain) {
		d.Tables = []spec.RouteTable{{ID: "led", Interfaces: []spec.PortID{"r1"}, Routes: through}, {ID: "out", Interfaces: []spec.PortID{"r3"}, Routes: everywhere},
			{ID: "leads", Interfaces: []spec.PortID{"r2"}, Routes: []spec.TableRoute{{Destination: prefix("0.0.0.0/0"), NAT: "nat"}}}}
		d.NATs = []spec.NAT{{ID: "nat", Interface: "r3", Internal: addr("10.0.2.50"), External: underNAT}}
	}))
	w.seen(a, underNAT, "through an instance and a NAT")
	w.blocked(w.host, floatingA, 80)
}

// spoofs lets a guest forward for others, and answer as them.
func (w *world) spoofs(g *guest) {
	w.t.Helper()
	p := g.port
	p.Generation, p.AllowedPairs = p.Generation+1, []spec.AddressPair{{Address: prefix("0.0.0.0/0")}}
	_, err := w.fabric.EnsurePort(context.Background(), p)
	must(w.t, err)
	must(w.t, g.ns.Do(func() error { return configure(setting{"ipv4/ip_forward", "1", false}) }))
}

// A private NAT leads where the table of its own network does, under its address there, and no further.
func TestDomainPrivateNAT(t *testing.T) {
	w, r, a, b, c := domainWorld(t)
	far := addr("203.0.113.7")
	must(t, c.ns.Do(func() error { return addressed("lo", netip.PrefixFrom(far, 32)) }))
	w.spoofs(c)
	r.Domain.NATs[0].External = netip.Addr{}
	r.Domain.Tables[0].Routes = append(r.Domain.Tables[0].Routes, spec.TableRoute{Destination: prefix("203.0.113.0/24"), Via: c.port.Addresses[0]})
	w.router(r)
	if _, seen := w.reaches(b.ns, far, 80); seen != addr("10.0.0.50") {
		t.Errorf("behind a private NAT the sender is seen as %s", seen)
	}
	w.blocked(b.ns, onPublic, 81)
	if _, seen := w.reaches(a.ns, far, 80); seen != a.port.Addresses[0] {
		t.Errorf("by a route of its own the sender is seen as %s", seen)
	}
}

// The document changes under traffic: what is no longer led there ends, what still is goes on, and so does everything while the
// process is away and after it is back.
func TestDomainChanges(t *testing.T) {
	w, r, a, b, c := domainWorld(t)
	r.Floating = []spec.FloatingIP{{External: floatingA, Internal: a.port.Addresses[0]}}
	w.router(r)
	inside, _ := w.reaches(b.ns, c.port.Addresses[0], 80)
	out, _ := w.reaches(a.ns, onPublic, 81)
	in, _ := w.reaches(w.host, floatingA, 80)
	natted, _ := w.reaches(b.ns, onPublic, 81)
	w.restart()
	w.router(r)
	r = next(r, func(d *spec.RoutingDomain) {
		d.NATs = append([]spec.NAT{{ID: "second", Interface: "r1", Internal: addr("10.0.0.51"), External: addr("172.24.4.51")}}, d.NATs...)
		d.Tables = append(d.Tables, spec.RouteTable{ID: "third", Interfaces: []spec.PortID{"r3"}, Routes: []spec.TableRoute{{Destination: prefix("0.0.0.0/0"), NAT: "second"}}})
	})
	w.router(r)
	if !alive(inside, patience) || !alive(out, patience) || !alive(in, patience) || !alive(natted, patience) {
		t.Error("a connection broke that none of the changes is about")
	}
	w.seen(c, addr("172.24.4.51"), "by the second NAT")
	r = next(r, func(d *spec.RoutingDomain) {
		d.Tables = []spec.RouteTable{d.Tables[0], {ID: "third", Interfaces: []spec.PortID{"r2", "r3"}, Routes: d.Tables[2].Routes}}
	})
	w.router(r)
	if alive(natted, refusal) {
		t.Error("a connection goes on under an address that its table does not lead to any more")
	}
	w.seen(b, addr("172.24.4.51"), "in another table")
	if !alive(inside, patience) || !alive(out, patience) {
		t.Error("a connection broke that the change of tables is not about")
	}
	w.router(next(r, func(d *spec.RoutingDomain) { d.Tables = d.Tables[1:] }))
	if alive(out, refusal) || alive(in, refusal) {
		t.Error("a connection goes on without a way out")
	}
	w.blocked(w.host, floatingA, 80)
	if !alive(inside, patience) {
		t.Error("a connection inside broke")
	}
}

// What somebody broke of a domain is found and repaired; what somebody else made is left alone.
func TestDomainVerify(t *testing.T) {
	w, r, _, b, c := domainWorld(t)
	r.Domain.Filters = []spec.PacketFilter{{ID: "f", Interfaces: []spec.PortID{"r3"}}}
	w.router(r)
	ctx := context.Background()
	must(t, w.fabric.Verify(ctx))
	ns, err := netns.Open(netns.Path(w.fabric.names.router("r")))
	must(t, err)
	defer ns.Close()
	for _, broken := range [][]string{
		{"nft", "flush", "chain", "inet", "nubo_domain", "filters"}, {"nft", "flush", "chain", "ip", "nubo", "guard"},
		{"ip", "rule", "del", "iif", routerLinkName("r2")}, {"ip", "route", "flush", "table", "all", "proto", "98"},
		{"ip", "rule", "add", "iif", routerLinkName("r3"), "priority", "900", "lookup", "77"}} {
		if out := w.run(ns, broken[0], broken[1:]...); out != "" {
			t.Errorf("%v: %s", broken, out)
		}
	}
	must(t, w.fabric.Verify(ctx))
	w.seen(b, underNAT, "after the repair")
	w.blocked(b.ns, c.port.Addresses[0], 80)
	if out := w.run(ns, "ip", "rule"); !strings.Contains(out, "lookup 77") {
		t.Errorf("another's rule is gone: %s", out)
	}
}
