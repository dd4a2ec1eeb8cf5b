package network

import (
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// A host that a network is taken from answers no DHCP for it, and does again when it is put back.
func TestDHCPOfANetworkIsTakenFromAHost(t *testing.T) {
	w, ctx := newWorld(t, "h1"), as("p")
	n, _ := w.network(ctx, "10.0.0.0/24")
	w.instance(ctx, "vm", "h1", n.ID)
	served := func() (dhcp bool) {
		w.hosts["h1"].with(func() {
			doc, ok := w.hosts["h1"].networks[spec.NetworkID(n.ID)]
			dhcp = ok && doc.Subnets[0].DHCP
		})
		return dhcp
	}
	w.eventually("DHCP on the host", served)
	wantKind(t, w.ServeOn(ctx, "h1", n.ID, false), cloud.Forbidden)
	wantKind(t, w.ServeOn(w.admin, "h1", n.ID, true), cloud.Conflict)
	w.must(w.ServeOn(w.admin, "h1", n.ID, false))
	w.eventually("no DHCP on the host", func() bool { return !served() })
	if got := get(w.HostsServing(w.admin, n.ID))(t); len(got) != 0 {
		t.Errorf("still served on %v", got)
	}
	if got := get(w.NetworksServedOn(w.admin, "h1"))(t); len(got) != 0 {
		t.Errorf("the host still serves %v", got)
	}
	w.must(w.ServeOn(w.admin, "h1", n.ID, true))
	w.eventually("DHCP on the host again", served)
}

// An operator takes a router from its host and puts it on another.
func TestARouterIsMoved(t *testing.T) {
	w, ctx := newWorld(t, "h1", "h2"), as("p")
	_, subnets := w.network(ctx, "10.0.0.0/24")
	r := get(w.CreateRouter(ctx, RouterRequest{Name: "r"}))(t)
	get(w.AddInterface(ctx, r.ID, InterfaceRequest{SubnetID: subnets[0].ID}))(t)
	from := get(w.HostOfRouter(w.admin, r.ID))(t).ID
	to := map[cloud.HostID]cloud.HostID{"h1": "h2", "h2": "h1"}[from]
	wantKind(t, w.MoveRouter(w.admin, r.ID, "", to), cloud.Conflict)
	wantKind(t, w.MoveRouter(w.admin, r.ID, to, ""), cloud.Conflict)
	w.must(w.MoveRouter(w.admin, r.ID, from, ""))
	w.must(w.MoveRouter(w.admin, r.ID, "", to))
	on := func(h cloud.HostID) (there bool) {
		w.hosts[h].with(func() { _, there = w.hosts[h].routers[spec.RouterID(r.ID)] })
		return there
	}
	w.eventually("the router on its new host alone", func() bool { return on(to) && !on(from) })
	if got := get(w.RoutersOn(w.admin, to))(t); len(got) != 1 {
		t.Errorf("the host has %d routers", len(got))
	}
}

// A project's own topology is made once, works, and goes whole.
func TestAutoTopology(t *testing.T) {
	w, ctx := newWorld(t, "h1"), as("p")
	_, err := w.AutoTopology(ctx, "p", true)
	wantKind(t, err, cloud.Conflict)
	w.public()
	_, err = w.AutoTopology(ctx, "p", true)
	wantKind(t, err, cloud.Conflict)
	bits := 26
	get(w.CreateSubnetPool(w.admin, SubnetPoolRequest{Prefixes: prefixes("10.0.0.0/16"), DefaultBits: &bits, Shared: true, Default: true}))(t)
	if n := get(w.AutoTopology(ctx, "p", true))(t); n != nil {
		t.Fatalf("a dry run made %+v", n)
	}
	first := get(w.AutoTopology(ctx, "p", false))(t)
	if again := get(w.AutoTopology(ctx, "p", false))(t); again.ID != first.ID {
		t.Errorf("made twice: %s and %s", first.ID, again.ID)
	}
	_, err = w.AutoTopology(as("q"), "p", false)
	wantKind(t, err, cloud.Forbidden)
	routers := get(w.ListRouters(ctx, cloud.Query{}))(t)
	if len(routers) != 1 || routers[0].Gateway == nil {
		t.Fatalf("routers are %+v", routers)
	}
	p := get(w.CreatePort(ctx, PortRequest{NetworkID: first.ID}))(t)
	wantKind(t, w.DeleteAutoTopology(ctx, "p"), cloud.InUse)
	w.must(w.DeletePort(ctx, p.ID))
	w.must(w.DeleteAutoTopology(ctx, "p"))
	wantKind(t, w.DeleteAutoTopology(ctx, "p"), cloud.NotFound)
	if left := get(w.ListRouters(ctx, cloud.Query{}))(t); len(left) != 0 {
		t.Errorf("routers left: %+v", left)
	}
}

// An instance without cards that may go on any network goes on one made for its project, and the next one beside it.
func TestAutoTopologyOfAnInstance(t *testing.T) {
	w, ctx := newWorld(t, "h1"), as("p")
	in := func(id cloud.InstanceID) *cloud.Instance { return &cloud.Instance{ID: id, ProjectID: "p"} }
	_, err := w.CreateInstancePorts(ctx, in("i1"), nil, nil, cloud.AutoNetwork)
	wantKind(t, err, cloud.Conflict)
	if ports := get(w.CreateInstancePorts(ctx, in("i1"), nil, nil, cloud.OnlyNetwork))(t); len(ports) != 0 {
		t.Fatalf("ports without a network: %+v", ports)
	}
	w.public()
	bits := 26
	get(w.CreateSubnetPool(w.admin, SubnetPoolRequest{Prefixes: prefixes("10.0.0.0/16"), DefaultBits: &bits, Shared: true, Default: true}))(t)
	first := get(w.CreateInstancePorts(ctx, in("i1"), nil, nil, cloud.AutoNetwork))(t)
	next := get(w.CreateInstancePorts(ctx, in("i2"), nil, nil, cloud.AutoNetwork))(t)
	if len(first) != 1 || len(next) != 1 || first[0].NetworkID != next[0].NetworkID {
		t.Errorf("ports are %+v and %+v", first, next)
	}
}
