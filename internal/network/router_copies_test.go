package network

import (
	"context"
	"net/netip"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// copied is a world with a distributed router on two networks and to the outside.
type copied struct {
	*world
	ctx      context.Context
	router   cloud.RouterID
	networks []cloud.NetworkID
	own      cloud.HostID   // where its gateway is
	others   []cloud.HostID // all other hosts
}

func newCopied(t *testing.T) *copied {
	w, yes := newWorld(t, "h1", "h2", "h3"), true
	c := &copied{world: w, ctx: as("p")}
	r := get(w.CreateRouter(w.admin, RouterRequest{ProjectID: "p", Gateway: &GatewayRequest{NetworkID: w.public().ID}, Distributed: &yes}))(t)
	c.router, c.own = r.ID, r.HostID
	for _, prefix := range []string{"10.0.0.0/24", "10.0.1.0/24"} {
		n, subnets := w.network(c.ctx, prefix)
		if p := get(w.AddInterface(c.ctx, r.ID, InterfaceRequest{SubnetID: subnets[0].ID}))(t); p.Owner != cloud.OwnerRouterCopy {
			t.Errorf("the interface is a %q", p.Owner)
		}
		c.networks = append(c.networks, n.ID)
	}
	for h := range w.hosts {
		if h != c.own {
			c.others = append(c.others, h)
		}
	}
	return c
}

// has looks at what a host holds: the router, whether with its gateway, and how many networks.
func (c *copied) has(h cloud.HostID) (there, gateway bool, networks int) {
	host := c.hosts[h]
	host.with(func() {
		doc, ok := host.routers[spec.RouterID(c.router)]
		there, gateway, networks = ok && len(doc.Interfaces) >= 2, doc.Gateway != nil, len(host.networks)
	})
	return there, gateway, networks
}

func (c *copied) wantCopy(what string, h cloud.HostID) {
	c.t.Helper()
	c.eventually(what, func() bool { there, gateway, networks := c.has(h); return there && !gateway && networks == 2 })
}

func (c *copied) wantNone(what string, h cloud.HostID) {
	c.t.Helper()
	c.eventually(what, func() bool { there, _, networks := c.has(h); return !there && networks == 0 })
}

// A distributed router has a copy wherever one of its networks has a port, with all its networks; the gateway is on its own host alone.
func TestCopiesFollowPorts(t *testing.T) {
	c := newCopied(t)
	in, _ := c.instance(c.ctx, "a", c.others[0], c.networks[0])
	c.must(c.PlugInstance(c.ctx, in.ID, c.others[0]))
	if there, gateway, _ := c.has(c.others[0]); !there || gateway {
		t.Errorf("when the port is plugged its host has the router: %v, with a gateway: %v", there, gateway)
	}
	c.eventually("the gateway", func() bool { there, gateway, networks := c.has(c.own); return there && gateway && networks == 3 })
	c.wantNone("nothing where no port is", c.others[1])

	c.must(c.BindInstancePorts(c.ctx, in.ID, c.others[1]))
	c.wantCopy("copy on the new host", c.others[1])
	c.must(c.UnplugInstance(c.ctx, in.ID, c.others[0]))
	c.wantNone("nothing on the old host", c.others[0])

	c.settled()
	c.hosts[c.others[1]].wipe()
	c.must(c.SyncHost(c.admin, c.others[1]))
	c.wantCopy("copy on a host that lost everything", c.others[1])

	c.must(c.UnplugInstance(c.ctx, in.ID, c.others[1]))
	c.must(c.ReleaseInstancePorts(c.ctx, in.ID))
	c.wantNone("nothing when the port is gone", c.others[1])
	if there, gateway, _ := c.has(c.own); !there || !gateway {
		t.Error("the router's own host lost it")
	}
}

// Administrators make a router distributed or not while it is down; its gateway moves without its copies.
func TestARouterBecomesDistributed(t *testing.T) {
	c, yes, no := newCopied(t), true, false
	c.instance(c.ctx, "a", c.others[0], c.networks[0])
	c.wantCopy("copy", c.others[0])
	_, err := c.UpdateRouter(c.ctx, c.router, RouterChange{Distributed: &yes})
	wantKind(t, err, cloud.Forbidden)
	_, err = c.CreateRouter(c.ctx, RouterRequest{Distributed: &no})
	wantKind(t, err, cloud.Forbidden)
	_, err = c.UpdateRouter(c.admin, c.router, RouterChange{Distributed: &no, AdminUp: &no})
	wantKind(t, err, cloud.Invalid)

	get(c.UpdateRouter(c.admin, c.router, RouterChange{AdminUp: &no}))(t)
	get(c.UpdateRouter(c.admin, c.router, RouterChange{Distributed: &no, AdminUp: &yes}))(t)
	c.eventually("no copy", func() bool { there, _, networks := c.has(c.others[0]); return !there && networks == 1 })
	get(c.UpdateRouter(c.admin, c.router, RouterChange{AdminUp: &no}))(t)
	get(c.UpdateRouter(c.admin, c.router, RouterChange{Distributed: &yes, AdminUp: &yes}))(t)
	c.wantCopy("copy again", c.others[0])

	c.must(c.MoveRouter(c.admin, c.router, c.own, ""))
	c.must(c.MoveRouter(c.admin, c.router, "", c.others[0]))
	c.eventually("the gateway beside the port", func() bool { there, gateway, _ := c.has(c.others[0]); return there && gateway })
	c.eventually("no router where it was", func() bool { there, _, _ := c.has(c.own); return !there })
}

// A copy sends what is for the outside to the router's own host, over a network that leads there: to the exit that the router has on it.
func TestExitsOfCopies(t *testing.T) {
	c := newCopied(t)
	c.Config.Physical = []string{"physnet1"}
	c.must(c.EnsureSegmentRanges(c.admin))
	n := get(c.CreateNetwork(c.admin, NetworkRequest{ProjectID: "p", Provider: Provider{Kind: KindVLAN, Physical: "physnet1"}}))(t)
	sub := get(c.CreateSubnet(c.ctx, SubnetRequest{NetworkID: n.ID, Prefix: netip.MustParsePrefix("10.0.2.0/24")}))(t)
	get(c.AddInterface(c.ctx, c.router, InterfaceRequest{SubnetID: sub.ID}))(t)
	exits := func() []*cloud.Port {
		return get(c.ListPorts(c.admin, cloud.Where(cloud.Eq("owner", string(cloud.OwnerRouterExit)))))(t)
	}
	if got := len(exits()); got != 3 {
		t.Fatalf("%d exits of a router with three interfaces", got)
	}
	wantKind(t, c.DeletePort(c.admin, exits()[0].ID), cloud.InUse)
	c.instance(c.ctx, "a", c.others[0], c.networks[0])
	doc := func(h cloud.HostID) (doc spec.Router) {
		c.hosts[h].with(func() { doc = c.hosts[h].routers[spec.RouterID(c.router)] })
		return doc
	}
	c.eventually("the exit on the network that reaches the router's host", func() bool {
		d := doc(c.others[0])
		return len(d.Interfaces) == 3 && len(d.Exits) == 1 && sub.Prefix.Contains(d.Exits[0].Address)
	})
	c.eventually("all exits where the gateway is", func() bool { d := doc(c.own); return len(d.Interfaces) == 6 && len(d.Exits) == 0 })

	get(c.RemoveInterface(c.ctx, c.router, InterfaceRequest{SubnetID: sub.ID}))(t)
	c.eventually("no exit where no network leads", func() bool { d := doc(c.others[0]); return len(d.Interfaces) == 2 && len(d.Exits) == 0 })
	var none *GatewayRequest
	get(c.UpdateRouter(c.ctx, c.router, RouterChange{Gateway: &none}))(t)
	if got := len(exits()); got != 0 {
		t.Errorf("%d exits of a router without a gateway", got)
	}
}
