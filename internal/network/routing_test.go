package network

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// tableOf is the table that holds for an interface on a subnet.
func tableOf(t *testing.T, w *world, r *cloud.Router, sub *cloud.Subnet) spec.RouteTable {
	t.Helper()
	doc := w.routerDoc(r.ID)
	ports := get(w.Ports.List(w.admin, cloud.Where(cloud.Eq("router_id", r.ID), cloud.Eq("subnets", sub.ID))))(t)
	if doc.Domain == nil || len(ports) != 1 {
		t.Fatalf("the router's document has the domain %v; %d interfaces", doc.Domain, len(ports))
	}
	for _, table := range doc.Domain.Tables {
		if slices.Contains(table.Interfaces, spec.PortID(ports[0].ID)) {
			return table
		}
	}
	t.Fatalf("the interface on %s is in no table of %+v", sub.Prefix, doc.Domain.Tables)
	return spec.RouteTable{}
}

func to(kind cloud.RouteTargetKind, target, destination string) cloud.TableRoute {
	return cloud.TableRoute{Destination: prefix(destination), Kind: kind, Target: target}
}

// Each subnet routes by its own table or the main one; what a route leads to must be there, and leads nowhere when it is gone.
func TestRouteTables(t *testing.T) {
	w := newWorld(t, "h1")
	ctx := as("p")
	w.public()
	r, subnets := w.domain(ctx, "10.0.0.0/16", "10.0.0.0/24", "10.0.1.0/24")
	g := w.outside(ctx, r)
	own := get(w.CreateRouteTable(ctx, RouteTableRequest{RouterID: r.ID}))(t)
	use := get(w.UseRouteTable(ctx, own.ID, subnets[1].ID))(t)
	if again := get(w.UseRouteTable(ctx, own.ID, subnets[1].ID))(t); again != use {
		t.Errorf("used twice it is %v and %v", use, again)
	}
	if table := tableOf(t, w, r, subnets[0]); table.ID != string(r.Domain.MainTable) || len(table.Routes) != 1 || !table.Routes[0].Out {
		t.Errorf("the first subnet routes by %+v", table)
	}
	if table := tableOf(t, w, r, subnets[1]); table.ID != string(own.ID) || len(table.Routes) != 0 {
		t.Errorf("the second subnet routes by %+v", table)
	}
	_, ports := w.instance(ctx, "router", "h1", subnets[0].NetworkID)
	get(w.AddTableRoute(ctx, own.ID, to(cloud.TargetPort, string(ports[0].ID), "192.168.0.0/16")))(t)
	_, err := w.AddTableRoute(ctx, own.ID, to(cloud.TargetInternet, string(g.ID), "192.168.1.2/16"))
	wantKind(t, err, cloud.AlreadyExists)
	_, err = w.AddTableRoute(ctx, own.ID, to(cloud.TargetInternet, "nothing", "192.0.2.0/24"))
	wantKind(t, err, cloud.NotFound)
	_, err = w.AddTableRoute(ctx, own.ID, to(cloud.TargetInternet, string(g.ID), "10.0.0.0/16"))
	wantField(t, err, cloud.Invalid, "destination")
	_, err = w.ReplaceTableRoute(ctx, own.ID, to(cloud.TargetInternet, string(g.ID), "0.0.0.0/0"))
	wantKind(t, err, cloud.NotFound)
	if routes := tableOf(t, w, r, subnets[1]).Routes; len(routes) != 1 || routes[0].Via != ports[0].Addresses[0].Address {
		t.Errorf("the route to an instance is %+v", routes)
	}
	w.must(w.ReleaseInstancePorts(w.admin, "router"))
	if routes := tableOf(t, w, r, subnets[1]).Routes; len(routes) != 1 || routes[0].Via.IsValid() {
		t.Errorf("the route to an instance that is gone is %+v", routes)
	}
	if live := get(w.LiveTargets(ctx, get(w.ListRouteTables(ctx, cloud.Query{}))(t)))(t); len(live) != 1 || !live[string(g.ID)] {
		t.Errorf("what can be used is %v", live)
	}
	wantKind(t, w.DeleteRouteTable(ctx, own.ID), cloud.WrongState)
	wantKind(t, w.DeleteRouteTable(ctx, r.Domain.MainTable), cloud.WrongState)
	w.must(w.DropTableUse(ctx, use.ID))
	if table := tableOf(t, w, r, subnets[1]); table.ID != string(r.Domain.MainTable) {
		t.Errorf("without a table of its own the subnet routes by %s", table.ID)
	}
}

// Another table becomes the main one by taking over its use, and the old one can go then.
func TestReplaceMainTable(t *testing.T) {
	w := newWorld(t, "h1")
	ctx := as("p")
	r, subnets := w.domain(ctx, "10.0.0.0/16", "10.0.0.0/24")
	main := get(w.RouteTable(ctx, r.Domain.MainTable))(t)
	next := get(w.CreateRouteTable(ctx, RouteTableRequest{RouterID: r.ID}))(t)
	wantKind(t, w.DropTableUse(ctx, main.Uses[0].ID), cloud.WrongState)
	use := get(w.ReplaceTableUse(ctx, main.Uses[0].ID, next.ID))(t)
	if next = get(w.RouteTable(ctx, next.ID))(t); !next.Main || next.Uses[0] != use || get(w.Domain(ctx, r.ID))(t).Domain.MainTable != next.ID {
		t.Errorf("the new main table is %+v", next)
	}
	w.must(w.DeleteRouteTable(ctx, main.ID))
	if table := tableOf(t, w, r, subnets[0]); table.ID != string(next.ID) {
		t.Errorf("the subnet routes by %s", table.ID)
	}
	w.must(w.DeleteDomainSubnet(ctx, subnets[0].ID))
	w.must(w.DeleteDomain(ctx, r.ID))
	w.nothingLeft(ctx)
}

// A domain has one gateway of a kind, which stays while public addresses need it and gives the router its way out, untranslated.
func TestGateways(t *testing.T) {
	w := newWorld(t, "h1")
	ctx := as("p")
	outside := w.public()
	r, subnets := w.domain(ctx, "10.0.0.0/16", "10.0.0.0/24")
	g := w.outside(ctx, r)
	if doc := w.routerDoc(r.ID); doc.Gateway == nil || doc.Gateway.SNAT {
		t.Errorf("the router's gateway is %+v", doc.Gateway)
	}
	second := get(w.CreateGateway(ctx, WayRequest{Kind: cloud.GatewayInternet}))(t)
	_, err := w.AttachGateway(ctx, second.ID, r.ID)
	wantKind(t, err, cloud.AlreadyExists)
	_, err = w.DetachGateway(ctx, second.ID, r.ID)
	wantKind(t, err, cloud.WrongState)
	wantKind(t, w.DeleteGateway(ctx, g.ID), cloud.WrongState)
	p := get(w.CreatePort(ctx, PortRequest{NetworkID: subnets[0].NetworkID}))(t)
	f := get(w.CreateFloatingIP(ctx, FloatingIPRequest{NetworkID: outside.ID, Target: TargetRequest{PortID: p.ID}}))(t)
	if doc := w.routerDoc(r.ID); len(doc.Floating) != 1 || doc.Floating[0].External != f.Address {
		t.Errorf("floating IPs of the router: %v", doc.Floating)
	}
	_, err = w.DetachGateway(ctx, g.ID, r.ID)
	wantKind(t, err, cloud.WrongState)
	w.must(w.DeleteFloatingIP(ctx, f.ID))
	get(w.DetachGateway(ctx, g.ID, r.ID))(t)
	if doc := w.routerDoc(r.ID); doc.Gateway != nil || doc.Domain.Tables[0].Routes[0].Out {
		t.Errorf("without a gateway the router has %+v and %+v", doc.Gateway, doc.Domain.Tables)
	}
	w.must(w.DeleteGateway(ctx, g.ID))
	w.must(w.DeleteGateway(ctx, second.ID))
}

// A gateway for one direction leads IPv6 out and nobody in, beside one for both.
func TestEgressGateway(t *testing.T) {
	w := newWorld(t, "h1")
	ctx := as("p")
	w.public()
	r, subnets := w.domain(ctx, "10.0.0.0/16", "10.0.0.0/24")
	w.outside(ctx, r)
	g := get(w.CreateGateway(ctx, WayRequest{Kind: cloud.GatewayEgress}))(t)
	get(w.AttachGateway(ctx, g.ID, r.ID))(t)
	get(w.AddTableRoute(ctx, r.Domain.MainTable, to(cloud.TargetEgress, string(g.ID), "::/0")))(t)
	for _, route := range tableOf(t, w, r, subnets[0]).Routes {
		if six := route.Destination.Addr().Is6(); !route.Out || route.OneWay != six {
			t.Errorf("the route is %+v", route)
		}
	}
	if blocks := w.routerDoc(r.ID).Domain.Blocks; len(blocks) != 1 || blocks[0] != r.Domain.Blocks[0].Prefix {
		t.Errorf("the domain's blocks are %v", blocks)
	}
}

// A NAT gateway is used where a route leads to it while its own subnet's table leads out; its floating IP is it's while it is there.
func TestNATGateways(t *testing.T) {
	w := newWorld(t, "h1")
	ctx := as("p")
	outside := w.public()
	r, subnets := w.domain(ctx, "10.0.0.0/16", "10.0.0.0/24", "10.0.1.0/24")
	f := get(w.CreateFloatingIP(ctx, FloatingIPRequest{NetworkID: outside.ID}))(t)
	_, err := w.CreateNATGateway(ctx, NATRequest{SubnetID: subnets[0].ID, FloatingIPID: f.ID})
	wantKind(t, err, cloud.WrongState)
	g := w.outside(ctx, r)
	get(w.AddBlock(ctx, r.ID, prefix("2001:db8::/56")))(t)
	six := get(w.CreateDomainSubnet(ctx, DomainSubnetRequest{RouterID: r.ID, Prefix: prefix("2001:db8::/64"), Zone: "nova"}))(t)
	_, err = w.CreateNATGateway(ctx, NATRequest{SubnetID: six.ID})
	wantField(t, err, cloud.Invalid, "subnet_id")
	n := get(w.CreateNATGateway(ctx, NATRequest{SubnetID: subnets[0].ID, FloatingIPID: f.ID}))(t)
	_, err = w.CreateNATGateway(ctx, NATRequest{SubnetID: subnets[0].ID, FloatingIPID: f.ID})
	wantKind(t, err, cloud.InUse)
	wantKind(t, w.DeleteFloatingIP(ctx, f.ID), cloud.InUse)
	wantKind(t, w.DeletePort(ctx, n.PortID), cloud.InUse)
	wantKind(t, w.DeleteDomainSubnet(ctx, subnets[0].ID), cloud.InUse)
	private := get(w.CreateRouteTable(ctx, RouteTableRequest{RouterID: r.ID}))(t)
	get(w.UseRouteTable(ctx, private.ID, subnets[1].ID))(t)
	get(w.AddTableRoute(ctx, private.ID, to(cloud.TargetNAT, string(n.ID), "0.0.0.0/0")))(t)
	if routes := tableOf(t, w, r, subnets[1]).Routes; routes[0].NAT != string(n.ID) {
		t.Errorf("the route to the NAT gateway is %+v", routes)
	}
	doc := w.routerDoc(r.ID)
	if len(doc.Floating) != 0 || len(doc.Domain.NATs) != 1 || doc.Domain.NATs[0].External != f.Address {
		t.Errorf("floating IPs %v, NATs %v", doc.Floating, doc.Domain.NATs)
	}
	get(w.RemoveTableRoute(ctx, r.Domain.MainTable, everywhere(false)))(t)
	if routes := tableOf(t, w, r, subnets[1]).Routes; routes[0].NAT != "" {
		t.Errorf("while its own subnet has no way out the route is %+v", routes)
	}
	get(w.AddTableRoute(ctx, r.Domain.MainTable, to(cloud.TargetInternet, string(g.ID), "0.0.0.0/0")))(t)
	w.must(w.DeleteNATGateway(ctx, n.ID))
	if f = get(w.FloatingIP(ctx, f.ID))(t); f.TargetPort != "" {
		t.Errorf("without its NAT gateway the floating IP leads to %s", f.TargetPort)
	}
	if routes := tableOf(t, w, r, subnets[1]).Routes; routes[0].NAT != "" {
		t.Errorf("the route to a NAT gateway that is gone is %+v", routes)
	}
}

// Entries have numbers of their own in each direction; a subnet is in one filter always.
func TestPacketFilters(t *testing.T) {
	w := newWorld(t, "h1")
	ctx := as("p")
	r, _ := w.domain(ctx, "10.0.0.0/16", "10.0.0.0/24")
	f := get(w.CreateFilter(ctx, FilterRequest{RouterID: r.ID}))(t)
	e := cloud.FilterEntry{Number: 200, Allow: true, Protocol: 6, PortMin: ptr(22), PortMax: ptr(22), Prefix: prefix("192.0.2.7/24")}
	get(w.AddFilterEntry(ctx, f.ID, e))(t)
	_, err := w.AddFilterEntry(ctx, f.ID, e)
	wantKind(t, err, cloud.AlreadyExists)
	e.Number, e.PortMin = 100, ptr(23)
	_, err = w.AddFilterEntry(ctx, f.ID, e)
	wantField(t, err, cloud.Invalid, "port_range")
	_, err = w.ReplaceFilterEntry(ctx, f.ID, cloud.FilterEntry{Number: 100, Protocol: -1, Prefix: everywhere(false)})
	wantKind(t, err, cloud.NotFound)
	get(w.AddFilterEntry(ctx, f.ID, cloud.FilterEntry{Number: 100, Allow: true, Protocol: 1, PortMin: ptr(8), PortMax: ptr(-1), Prefix: everywhere(false)}))(t)
	byDefault := get(w.Filter(ctx, r.Domain.DefaultFilter))(t)
	use := get(w.ReplaceFilterUse(ctx, byDefault.Uses[0].ID, f.ID))(t)
	filters := w.routerDoc(r.ID).Domain.Filters
	if len(filters) != 1 || filters[0].ID != string(f.ID) || len(filters[0].Entries) != 2 {
		t.Fatalf("filters of the router: %+v", filters)
	}
	first, then := filters[0].Entries[0], filters[0].Entries[1]
	if first.Protocol != 1 || *first.ICMPType != 8 || first.ICMPCode != nil || then.Prefix != prefix("192.0.2.0/24") || *then.Ports != (spec.PortRange{First: 22, Last: 22}) {
		t.Errorf("entries %+v, %+v", first, then)
	}
	wantKind(t, w.DeleteFilter(ctx, f.ID), cloud.WrongState)
	get(w.ReplaceFilterUse(ctx, use.ID, r.Domain.DefaultFilter))(t)
	get(w.RemoveFilterEntry(ctx, f.ID, false, 100))(t)
	w.must(w.DeleteFilter(ctx, f.ID))
	wantKind(t, w.DeleteFilter(ctx, r.Domain.DefaultFilter), cloud.WrongState)
}

// A peering is asked for by one project and answered by another; while it is active each router knows the other's end of the link.
func TestPeerings(t *testing.T) {
	w := newWorld(t, "h1", "h2")
	mine, other := as("mine"), as("other")
	a, inA := w.domain(mine, "10.0.0.0/16", "10.0.0.0/24")
	b, inB := w.domain(other, "10.1.0.0/16", "10.1.0.0/24")
	same, _ := w.domain(other, "10.0.0.0/20")
	failed := get(w.AskPeering(mine, PeeringRequest{RouterID: a.ID, AccepterRouter: same.ID}))(t)
	if failed.State != cloud.PeeringFailed {
		t.Errorf("with overlapping blocks it is %s", failed.State)
	}
	_, err := w.AskPeering(mine, PeeringRequest{RouterID: b.ID, AccepterRouter: a.ID})
	wantKind(t, err, cloud.NotFound)
	p := get(w.AskPeering(mine, PeeringRequest{RouterID: a.ID, AccepterRouter: b.ID, AccepterProject: "other"}))(t)
	_, err = w.AskPeering(mine, PeeringRequest{RouterID: a.ID, AccepterRouter: b.ID})
	wantKind(t, err, cloud.AlreadyExists)
	_, err = w.AcceptPeering(mine, p.ID)
	wantKind(t, err, cloud.Forbidden)
	_, err = w.AcceptPeering(as("third"), p.ID)
	wantKind(t, err, cloud.NotFound)
	get(w.AcceptPeering(other, p.ID))(t)
	get(w.AddTableRoute(mine, a.Domain.MainTable, to(cloud.TargetPeering, string(p.ID), "10.1.0.0/16")))(t)
	get(w.AddTableRoute(other, b.Domain.MainTable, to(cloud.TargetPeering, string(p.ID), "10.0.0.0/16")))(t)
	via, back := tableOf(t, w, a, inA[0]).Routes[0].Via, tableOf(t, w, b, inB[0]).Routes[0].Via
	if docA, docB := w.routerDoc(a.ID), w.routerDoc(b.ID); !hasAddress(docB, via) || !hasAddress(docA, back) || len(docA.Interfaces) != 2 {
		t.Errorf("the routes lead to %s and %s, the interfaces are %+v and %+v", via, back, docA.Interfaces, docB.Interfaces)
	}
	for _, ctx := range []context.Context{mine, other} {
		if list := get(w.ListPeerings(ctx, cloud.Where(cloud.Eq("id", p.ID))))(t); len(list) != 1 {
			t.Errorf("it is listed %d times", len(list))
		}
		if seen := get(w.ListNetworks(ctx, cloud.Where(cloud.Eq("name", "link"))))(t); len(seen) != 0 {
			t.Errorf("the link is seen as a network")
		}
	}
	wantKind(t, w.DeleteDomain(mine, a.ID), cloud.WrongState)
	get(w.DeletePeering(other, p.ID))(t)
	if routes := tableOf(t, w, a, inA[0]).Routes; routes[0].Via.IsValid() {
		t.Errorf("the route to a peering that ended is %+v", routes)
	}
	for _, d := range []struct {
		ctx  context.Context
		r    *cloud.Router
		subs []*cloud.Subnet
	}{{mine, a, inA}, {other, b, inB}, {other, same, nil}} {
		for _, sub := range d.subs {
			w.must(w.DeleteDomainSubnet(d.ctx, sub.ID))
		}
		w.must(w.DeleteDomain(d.ctx, d.r.ID))
	}
	w.nothingLeft(mine)
}

func hasAddress(r spec.Router, a netip.Addr) bool {
	return slices.ContainsFunc(r.Interfaces, func(i spec.RouterInterface) bool {
		return slices.ContainsFunc(i.Addresses, func(p netip.Prefix) bool { return p.Addr() == a })
	})
}

// Nobody waits for an answer for ever, and what has ended is forgotten.
func TestPeeringExpires(t *testing.T) {
	w := newWorld(t)
	ctx := as("p")
	a, _ := w.domain(ctx, "10.0.0.0/16")
	b, _ := w.domain(ctx, "10.1.0.0/16")
	p := get(w.AskPeering(ctx, PeeringRequest{RouterID: a.ID, AccepterRouter: b.ID}))(t)
	w.Service.Now = func() time.Time { return time.Now().Add(PeeringPatience + time.Minute) }
	_, err := w.AcceptPeering(ctx, p.ID)
	wantKind(t, err, cloud.WrongState)
	if n := get(w.TrimPeerings(w.admin, time.Now().Add(-time.Hour)))(t); n != 0 || get(w.Peering(ctx, p.ID))(t).State != cloud.PeeringExpired {
		t.Errorf("it is forgotten at once, or not expired")
	}
	if n := get(w.TrimPeerings(w.admin, time.Now().Add(time.Minute)))(t); n != 1 {
		t.Errorf("%d are forgotten, not 1", n)
	}
}

// An instance on a subnet that says so has a public address while it is not stopped. Nobody else leads it, quotas do not count it,
// the ledger does.
func TestPassingAddresses(t *testing.T) {
	w := newWorld(t, "h1")
	ctx := as("p")
	outside := w.public()
	r, subnets := w.domain(ctx, "10.0.0.0/16", "10.0.0.0/24")
	get(w.SetAutoPublic(ctx, subnets[0].ID, true))(t)
	w.instance(ctx, "early", "h1", subnets[0].NetworkID)
	w.outside(ctx, r)
	in, ports := w.instance(ctx, "i", "h1", subnets[0].NetworkID)
	passing := func() []*cloud.FloatingIP {
		t.Helper()
		return get(w.FloatingIPs.List(w.admin, cloud.Where(cloud.Eq("target_port", ports[0].ID))))(t)
	}
	if f := passing(); len(f) != 1 || !f[0].Passing || f[0].RouterID != r.ID || f[0].ProjectID != "p" {
		t.Fatalf("public addresses of the instance: %+v", f)
	}
	if used := get(w.Used(ctx, "p"))(t)[cloud.QuotaFloatingIPs]; used != 0 {
		t.Errorf("%d floating IPs count", used)
	}
	if list := get(w.ListFloatingIPs(ctx, cloud.Query{}))(t); len(list) != 0 {
		t.Errorf("%d floating IPs are listed", len(list))
	}
	wantKind(t, w.DeleteFloatingIP(ctx, passing()[0].ID), cloud.Conflict)
	w.must(w.TakePublic(w.admin, in.ID))
	w.must(w.TakePublic(w.admin, in.ID))
	if f := passing(); len(f) != 0 {
		t.Errorf("after it was stopped it has %+v", f)
	}
	w.must(w.GivePublic(w.admin, in.ID))
	w.must(w.GivePublic(w.admin, in.ID))
	if f := passing(); len(f) != 1 {
		t.Errorf("after it was started it has %d", len(f))
	}
	own := get(w.CreateFloatingIP(ctx, FloatingIPRequest{NetworkID: outside.ID, Target: TargetRequest{PortID: ports[0].ID}}))(t)
	if f := passing(); len(f) != 1 || f[0].ID != own.ID {
		t.Errorf("with an address of its owner's it has %+v", f)
	}
	w.must(w.ReleaseInstancePorts(w.admin, in.ID))
	w.must(w.ReleaseInstancePorts(w.admin, "early"))
	held := get(w.store.UsageEvents.Count(w.admin, cloud.Eq("kind", string(cloud.UsageAddressHeld))))(t)
	released := get(w.store.UsageEvents.Count(w.admin, cloud.Eq("kind", string(cloud.UsageAddressReleased))))(t)
	if held != 3 || released != 2 { // its owner's is still held
		t.Errorf("the ledger has %d held and %d released", held, released)
	}
}

// What a set of options says reaches the guests of the domains that use it, and it stays while one does.
func TestOptionSets(t *testing.T) {
	w := newWorld(t, "h1")
	ctx := as("p")
	d := get(w.CreateOptionSet(ctx, cloud.DHCPOptionSet{Domain: "corp.example", DNS: []netip.Addr{addr("192.0.2.53")}, NTP: []netip.Addr{addr("192.0.2.123")},
		NetBIOS: []netip.Addr{addr("192.0.2.44")}, NetBIOSNode: 2}))(t)
	_, err := w.CreateOptionSet(ctx, cloud.DHCPOptionSet{NetBIOSNode: 3})
	wantKind(t, err, cloud.Invalid)
	r, subnets := w.domain(ctx, "10.0.0.0/16", "10.0.0.0/24")
	_, ports := w.instance(ctx, "i", "h1", subnets[0].NetworkID)
	get(w.UpdateDomain(ctx, r.ID, DomainChange{Options: &d.ID}))(t)
	w.must(w.PlugInstance(w.admin, "i", "h1"))
	w.settled()
	var n spec.Network
	w.hosts["h1"].with(func() { n = w.hosts["h1"].networks[spec.NetworkID(subnets[0].NetworkID)] })
	if n.Domain != "corp.example" || len(n.Subnets) != 1 || n.Subnets[0].DNS[0] != d.DNS[0] || n.NoDNS || len(n.Hosts) != 1 || len(n.Hosts[0].Options) != 3 {
		t.Errorf("the network's document is %+v", n)
	}
	var p spec.Port
	w.hosts["h1"].with(func() { p = w.hosts["h1"].ports[spec.PortID(ports[0].ID)] })
	if !slices.Equal(p.Options, n.Hosts[0].Options) {
		t.Errorf("the port's own document says %v", p.Options)
	}
	get(w.UpdateDomain(ctx, r.ID, DomainChange{Options: ptr(cloud.DHCPOptionSetID("")), Resolver: ptr(false)}))(t)
	w.settled()
	w.hosts["h1"].with(func() { n = w.hosts["h1"].networks[spec.NetworkID(subnets[0].NetworkID)] })
	if !n.NoDNS || len(n.Hosts[0].Options) != 0 {
		t.Errorf("without options and resolver the network's document is %+v", n)
	}
	get(w.UpdateDomain(ctx, r.ID, DomainChange{Options: &d.ID}))(t)
	wantKind(t, w.DeleteOptionSet(ctx, d.ID), cloud.InUse)
	get(w.UpdateDomain(ctx, r.ID, DomainChange{Options: ptr(cloud.DHCPOptionSetID(""))}))(t)
	w.must(w.DeleteOptionSet(ctx, d.ID))
}

// A project gets its default domain once, however many ask at a time, and not again after it was deleted unless it asks.
func TestDefaultDomain(t *testing.T) {
	w := newWorld(t, "h1")
	ctx := as("p")
	w.public()
	_, err := w.EnsureDefaultDomain(as("p", "reader"), "")
	wantKind(t, err, cloud.NotFound)
	made := make(chan cloud.RouterID, 4)
	for range cap(made) {
		go func() {
			r, err := w.EnsureDefaultDomain(ctx, "")
			if err != nil {
				t.Error(err)
				r = &cloud.Router{}
			}
			made <- r.ID
		}()
	}
	id := <-made
	for range cap(made) - 1 {
		if other := <-made; other != id {
			t.Errorf("it was made twice: %s, %s", id, other)
		}
	}
	subnets := get(w.ListSubnets(ctx, cloud.Where(cloud.Eq("router_id", id))))(t)
	if len(subnets) != 1 || subnets[0].Prefix != prefix("172.31.0.0/20") || !subnets[0].AutoPublic || !subnets[0].Default || subnets[0].Zone != "nova" {
		t.Fatalf("its subnets are %+v", subnets)
	}
	_, err = w.CreateDefaultSubnet(ctx, "", "nova")
	wantKind(t, err, cloud.AlreadyExists)
	w.must(w.DeleteDomainSubnet(ctx, subnets[0].ID))
	g := get(w.ListGateways(ctx, cloud.Query{}))(t)[0]
	get(w.DetachGateway(ctx, g.ID, id))(t)
	w.must(w.DeleteGateway(ctx, g.ID))
	w.must(w.DeleteDomain(ctx, id))
	w.nothingLeft(ctx)
	_, err = w.EnsureDefaultDomain(ctx, "")
	wantKind(t, err, cloud.NotFound)
	get(w.CreateDefaultDomain(ctx, ""))(t)
	_, err = w.CreateDefaultDomain(ctx, "")
	wantKind(t, err, cloud.AlreadyExists)
}
