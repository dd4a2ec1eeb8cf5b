package linux

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/nft"
	"github.com/nubo-cloud/nubo/internal/spec"
)

func allow(d spec.Direction, protocol int, from, to int, p string) spec.FilterEntry {
	e := spec.FilterEntry{Direction: d, Allow: true, Protocol: protocol, Prefix: prefix(p)}
	if to > 0 {
		e.Ports = &spec.PortRange{First: from, Last: to}
	}
	return e
}

// A filter stands between its network and all others, in both directions, remembers nothing, and sees inner addresses. Inside its
// network it is not asked.
func TestDomainFilter(t *testing.T) {
	w, r, a, b, _ := domainWorld(t)
	r.Floating = []spec.FloatingIP{{External: floatingA, Internal: a.port.Addresses[0]}}
	neighbour := portOn("n1", "p-near", 11, "g")
	near := w.plug(neighbour)
	near.lease()
	answer(t, a.ns, 443)
	answers := allow(spec.Egress, protoTCP, 1024, 65535, "0.0.0.0/0")
	web := allow(spec.Ingress, protoTCP, 80, 80, "0.0.0.0/0")
	with := func(entries ...spec.FilterEntry) {
		t.Helper()
		r = next(r, func(d *spec.RoutingDomain) {
			d.Filters = []spec.PacketFilter{{ID: "f", Interfaces: []spec.PortID{"r1"}, Entries: entries}}
		})
		w.router(r)
	}
	with(web, answers)
	in, _ := w.reaches(b.ns, a.port.Addresses[0], 80)
	w.reaches(w.host, floatingA, 80)
	w.blocked(b.ns, a.port.Addresses[0], 443)
	w.blocked(w.host, floatingA, 443)
	w.blocked(a.ns, b.port.Addresses[0], 80) // its answers are let in nowhere, nor is port 80 let out
	w.reaches(near.ns, a.port.Addresses[0], 443)
	with(web)
	if alive(in, refusal) {
		t.Error("answers leave without an entry")
	}
	stranger := allow(spec.Ingress, protoTCP, 80, 80, "10.0.1.0/24")
	stranger.Allow = false
	with(stranger, web, answers)
	w.blocked(b.ns, a.port.Addresses[0], 80)
	w.reaches(w.host, floatingA, 80) // who is outside is seen as it is
	with(allow(spec.Egress, -1, 0, 0, "0.0.0.0/0"), allow(spec.Ingress, protoTCP, 1024, 65535, "172.24.4.1/32"))
	w.seen(a, floatingA, "through a filter that lets out and answers in")
	w.blocked(a.ns, b.port.Addresses[0], 80)
}

// What a NAT translates passes the filter of the network that the NAT is in as well, on its way and back.
func TestDomainFilterAtNAT(t *testing.T) {
	w, r, a, b, _ := domainWorld(t)
	r.Floating = []spec.FloatingIP{{External: floatingA, Internal: a.port.Addresses[0]}}
	all := []string{"10.0.1.0/24 ingress", "172.24.4.1/32 egress", "172.24.4.1/32 ingress", "10.0.1.0/24 egress"}
	for missing := range len(all) + 1 {
		var entries []spec.FilterEntry
		for i, each := range all {
			p, direction, _ := strings.Cut(each, " ")
			if i != missing {
				entries = append(entries, allow(spec.Direction(direction), -1, 0, 0, p))
			}
		}
		r = next(r, func(d *spec.RoutingDomain) {
			d.Filters = []spec.PacketFilter{{ID: "f", Interfaces: []spec.PortID{"r1"}, Entries: entries}}
		})
		w.router(r)
		if missing == len(all) {
			w.seen(b, underNAT, "through the filter of the NAT")
			w.seen(a, floatingA, "beside the NAT")
		} else {
			w.blocked(b.ns, onPublic, 81)
		}
	}
}

// Both ends' filters are asked, and entries tell types and codes of ICMP apart.
func TestDomainFilterICMP(t *testing.T) {
	w, r, a, b, c := domainWorld(t)
	request, reply := 8, 0
	echo := func(d spec.Direction, kind *int) spec.FilterEntry {
		e := allow(d, protoICMP, 0, 0, "10.0.0.0/16")
		e.ICMPType, e.ICMPCode = kind, new(int)
		return e
	}
	r.Domain.Filters = []spec.PacketFilter{
		{ID: "asks", Interfaces: []spec.PortID{"r1"}, Entries: []spec.FilterEntry{echo(spec.Egress, &request), echo(spec.Ingress, &reply)}},
		{ID: "open", Interfaces: []spec.PortID{"r2"}, Entries: []spec.FilterEntry{allow(spec.Egress, -1, 0, 0, "0.0.0.0/0"), allow(spec.Ingress, -1, 0, 0, "0.0.0.0/0")}},
		{ID: "closed", Interfaces: []spec.PortID{"r3"}}}
	w.router(r)
	if err := ping(a.ns, b.port.Addresses[0]); err != nil {
		t.Error(err)
	}
	for _, way := range [][2]*guest{{b, a}, {a, c}, {b, c}, {c, b}} {
		if ping(way[0].ns, way[1].port.Addresses[0]) == nil {
			t.Errorf("%s reaches %s", way[0].port.ID, way[1].port.ID)
		}
	}
	if got, err := get(c.ns, "http://169.254.169.254/x"); err != nil || got != "p-n3 /x" {
		t.Errorf("metadata behind a closed filter: %q, %v", got, err)
	}
}

// global makes one more interface of a router with a guest that has addresses of IPv6 alone, beside the numbered network.
func (w *world) global(id spec.NetworkID, number string) (*guest, spec.RouterInterface) {
	n := network6(id, spec.RANone)
	at := "2001:db8:" + number + "::"
	n.Subnets[0].Prefix, n.Subnets[0].Gateway, n.Subnets[0].Service = prefix(at+"/64"), addr(at+"1"), addr(at+"2")
	w.network(n)
	g := w.guest(port6(id, spec.PortID("p-"+id), 10, addr(at+"10")))
	must(w.t, g.ns.Do(func() error { return defaultVia(addr(at + "1")) }))
	answer(w.t, g.ns, 80)
	return g, routerInterface(spec.PortID("r-"+id), id, "fa:16:3e:01:06:0"+number, at+"1/64")
}

// IPv6 leaves as it is by a route out. Who may be reached is who is answered by such a route, unless that is for one way only; and
// filters know the family.
func TestDomainIPv6(t *testing.T) {
	w, r, a, _, _ := domainWorld(t)
	public := publicNetwork()
	public.Generation, public.Subnets = 2, append(public.Subnets, spec.Subnet{ID: "pub6", Prefix: prefix("2001:db8:f::/64"), Gateway: addr("2001:db8:f::1")})
	w.network(public)
	r.Gateway.Addresses, r.Gateway.NextHops = append(r.Gateway.Addresses, prefix("2001:db8:f::10/64")), append(r.Gateway.NextHops, addr("2001:db8:f::1"))
	open, one := w.global("m1", "1")
	oneWay, two := w.global("m2", "2")
	closed, three := w.global("m3", "3")
	r.Interfaces = append(r.Interfaces, one, two, three)
	everywhere := spec.TableRoute{Destination: prefix("::/0"), Out: true}
	egress := everywhere
	egress.OneWay = true
	r.Domain.Tables = append(r.Domain.Tables, spec.RouteTable{ID: "six", Interfaces: []spec.PortID{one.Port}, Routes: []spec.TableRoute{everywhere}},
		spec.RouteTable{ID: "egress", Interfaces: []spec.PortID{two.Port}, Routes: []spec.TableRoute{egress}})
	w.router(r)
	w.knowsTheWayIn(prefix("2001:db8::/45"), addr("2001:db8:f::10"))
	outside := addr("2001:db8:f::1")
	for _, g := range []*guest{open, oneWay} {
		if _, seen := w.reaches(g.ns, outside, 81); seen != g.port.Addresses[0] {
			t.Errorf("outside the sender is seen as %s", seen)
		}
	}
	w.blocked(closed.ns, outside, 81)
	in, _ := w.reaches(w.host, open.port.Addresses[0], 80)
	w.blocked(w.host, oneWay.port.Addresses[0], 80)
	w.blocked(w.host, closed.port.Addresses[0], 80)
	w.reaches(closed.ns, oneWay.port.Addresses[0], 80)
	r = next(r, func(d *spec.RoutingDomain) {
		d.Filters = []spec.PacketFilter{{ID: "f6", Interfaces: []spec.PortID{one.Port, "r1"}, Entries: []spec.FilterEntry{
			allow(spec.Ingress, protoTCP, 80, 80, "2001:db8:f::/64"), allow(spec.Egress, -1, 0, 0, "::/0")}}}
	})
	w.router(r)
	if !alive(in, patience) {
		t.Error("a connection broke that the filter lets through")
	}
	w.blocked(closed.ns, open.port.Addresses[0], 80)
	w.blocked(oneWay.ns, a.port.Addresses[0], 80)
	w.router(next(r, func(d *spec.RoutingDomain) { d.Tables[2].Routes = []spec.TableRoute{egress} }))
	if alive(in, refusal) {
		t.Error("who came in goes on when the way is for one direction only")
	}
}

// Two domains joined by a network of two reach what their tables say over it, and nothing beyond.
func TestDomainsPeer(t *testing.T) {
	w, r, a, _, _ := domainWorld(t)
	link := spec.Network{ID: "link", Generation: 1, MTU: 1500, AdminUp: true, Subnets: []spec.Subnet{{ID: "l", Prefix: prefix("169.254.7.0/30")}}}
	w.network(link)
	far, face := w.inDomain("n9", 9)
	other, second := w.inDomain("n8", 8)
	face.MAC, second.MAC = "fa:16:3e:01:01:09", "fa:16:3e:01:01:08"
	peer := spec.Router{ID: "peer", Generation: 1, AdminUp: true, Interfaces: []spec.RouterInterface{face, second,
		routerInterface("link2", "link", "fa:16:3e:01:07:02", "169.254.7.2/30")},
		Domain: &spec.RoutingDomain{Tables: []spec.RouteTable{{ID: "t9", Interfaces: []spec.PortID{"r9"}, Routes: []spec.TableRoute{
			{Destination: prefix("10.0.0.0/22"), Via: addr("169.254.7.1")}, {Destination: prefix("172.24.4.0/24"), Via: addr("169.254.7.1")}}}}}}
	r.Interfaces = append(r.Interfaces, routerInterface("link1", "link", "fa:16:3e:01:07:01", "169.254.7.1/30"))
	r.Domain.Tables[0].Routes = append(r.Domain.Tables[0].Routes, spec.TableRoute{Destination: prefix("10.0.8.0/22"), Via: addr("169.254.7.2")})
	w.router(r)
	w.router(peer)
	if _, seen := w.reaches(a.ns, far.port.Addresses[0], 80); seen != a.port.Addresses[0] {
		t.Errorf("over the link the sender is seen as %s", seen)
	}
	over, _ := w.reaches(far.ns, a.port.Addresses[0], 80)
	w.blocked(a.ns, other.port.Addresses[0], 80) // which has no way back
	w.blocked(far.ns, onPublic, 81)              // nor is there one out at the other end
	w.restart()
	w.router(r)
	if !alive(over, patience) {
		t.Error("a connection over the link broke")
	}
	w.router(next(peer, func(d *spec.RoutingDomain) { d.Tables = nil }))
	w.blocked(a.ns, far.port.Addresses[0], 80)
}

// A packet meets the entries of two filters, however many networks and filters there are; the kernel takes that many.
func TestDomainLarge(t *testing.T) {
	needRoot(t)
	w := &world{t: t}
	ns := newSpace(t, w.name("large"))
	r := spec.Router{ID: "r", Domain: &spec.RoutingDomain{}}
	for i := range 50 {
		f := spec.PacketFilter{ID: fmt.Sprint("f", i), Interfaces: []spec.PortID{spec.PortID(fmt.Sprint("r", i))}}
		for n := range 20 {
			f.Entries = append(f.Entries, allow(spec.Ingress, protoTCP, 100*n+1, 100*n+99, "10.0.0.0/8"))
		}
		r.Domain.Filters = append(r.Domain.Filters, f)
	}
	must(t, nft.Run(context.Background(), ns, nft.Replace(routerTables(r))))
	if out := w.run(ns, "nft", "list", "chain", "inet", "nubo_domain", "filters"); strings.Count(out, "\n") != 10 {
		t.Errorf("every packet passes\n%s", out)
	}
	if out := w.run(ns, "nft", "list", "chain", "inet", "nubo_domain", filterName("f49", spec.Ingress)); strings.Count(out, "tcp dport") != 20 {
		t.Errorf("the last filter is\n%s", out)
	}
}
