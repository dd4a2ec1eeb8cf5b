package network

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Once PlugInstance returns, the host has the network, the groups and the port, and the row says so.
func TestPlugInstance(t *testing.T) {
	w := newWorld(t, "h1")
	ctx := as("p")
	n, _ := w.network(ctx, "10.0.0.0/24")
	in, ports := w.instance(ctx, "i1", "h1", n.ID)
	w.must(w.PlugInstance(ctx, in.ID, "h1"))
	w.must(w.PlugInstance(ctx, in.ID, "h1"))
	h := w.hosts["h1"]
	h.with(func() {
		p, ok := h.ports[spec.PortID(ports[0].ID)]
		if !ok || p.Guest != "i1" || !p.Security || len(p.Groups) != 1 {
			t.Errorf("port %+v", p)
		}
		net := h.networks[spec.NetworkID(n.ID)]
		if len(net.Hosts) != 1 || net.Hosts[0].Hostname != "i1" || !net.Subnets[0].DHCP {
			t.Errorf("network %+v", net)
		}
		if members := h.groups[p.Groups[0]].Members; !slices.Equal(members, p.Addresses) {
			t.Errorf("members %v, want %v", members, p.Addresses)
		}
	})
	if p := get(w.Port(ctx, ports[0].ID))(t); !p.Up {
		t.Error("row does not say up")
	}
}

// Plugging waits for a network's document if it says something new about the network itself, and not for that of
// other ports, whatever the network's size.
func TestPlugWaitsForTheHeadOnly(t *testing.T) {
	w := newWorld(t, "h1")
	ctx := as("p")
	n, _ := w.network(ctx, "10.0.0.0/24")
	first, _ := w.instance(ctx, "i1", "h1", n.ID)
	w.must(w.PlugInstance(ctx, first.ID, "h1"))
	w.settled()
	h := w.hosts["h1"]
	h.with(func() {
		h.fail = func(call string) error {
			if call == "ensure "+string(n.ID) {
				return spec.ErrBusy
			}
			return nil
		}
	})
	second, ports := w.instance(ctx, "i2", "h1", n.ID)
	w.must(w.PlugInstance(ctx, second.ID, "h1"))
	h.with(func() {
		if p := h.ports[spec.PortID(ports[0].ID)]; p.Hostname != "i2" || len(p.Addresses) != 1 {
			t.Errorf("the port does not bring its own: %+v", p)
		}
	})
	get(w.CreateSubnet(ctx, SubnetRequest{NetworkID: n.ID, Prefix: netip.MustParsePrefix("10.0.1.0/24")}))(t)
	third, _ := w.instance(ctx, "i3", "h1", n.ID)
	wantKind(t, w.PlugInstance(ctx, third.ID, "h1"), cloud.Unavailable)
	h.with(func() { h.fail = nil })
	w.must(w.PlugInstance(ctx, third.ID, "h1"))
	w.settled()
	h.with(func() {
		if got := h.networks[spec.NetworkID(n.ID)]; len(got.Hosts) != 3 || len(got.Subnets) != 2 {
			t.Errorf("in the end the host has %+v", got)
		}
	})
}

// Nothing is sent for what the host has already.
func TestNoWorkWhenNothingChanged(t *testing.T) {
	w := newWorld(t, "h1")
	ctx := as("p")
	n, _ := w.network(ctx, "10.0.0.0/24")
	in, _ := w.instance(ctx, "i1", "h1", n.ID)
	w.must(w.PlugInstance(ctx, in.ID, "h1"))
	w.settled()
	before := w.hosts["h1"].count("ensure " + string(n.ID))
	get(w.UpdateNetwork(ctx, n.ID, NetworkChange{Name: ptr("other words")}))(t)
	w.settled()
	if after := w.hosts["h1"].count("ensure " + string(n.ID)); after != before {
		t.Errorf("a new name was sent to the host: %d calls, then %d", before, after)
	}
}

// A rule and a new member of a remote group reach the hosts by themselves.
func TestSecurityReachesHosts(t *testing.T) {
	w := newWorld(t, "h1", "h2")
	ctx := as("p")
	n, _ := w.network(ctx, "10.0.0.0/24")
	web := get(w.CreateSecurityGroup(ctx, GroupRequest{Name: "web"}))(t)
	in, ports := w.instance(ctx, "i1", "h1", n.ID)
	w.must(w.PlugInstance(ctx, in.ID, "h1"))
	def := ports[0].SecurityGroups[0]
	h1 := w.hosts["h1"]

	get(w.CreateRule(ctx, RuleRequest{GroupID: def, Direction: "ingress", Protocol: "tcp", PortMin: ptr(22), PortMax: ptr(22), RemoteGroup: web.ID}))(t)
	w.eventually("rule on the host", func() (ok bool) {
		h1.with(func() {
			ok = slices.ContainsFunc(h1.groups[spec.GroupID(def)].Rules, func(r spec.Rule) bool { return r.PortMin == 22 && r.RemoteGroup == spec.GroupID(web.ID) })
		})
		return ok
	})
	w.eventually("remote group on the host", func() (ok bool) {
		h1.with(func() { _, ok = h1.groups[spec.GroupID(web.ID)] })
		return ok
	})
	// A member elsewhere, not even plugged, is a member here.
	p := get(w.CreatePort(ctx, PortRequest{NetworkID: n.ID, Groups: &[]cloud.SecurityGroupID{web.ID}}))(t)
	members := func() (m []netip.Addr) {
		h1.with(func() { m = h1.groups[spec.GroupID(web.ID)].Members })
		return m
	}
	w.eventually("member on the host", func() bool { return slices.Contains(members(), p.Addresses[0].Address) })
	w.must(w.DeletePort(ctx, p.ID))
	w.eventually("member gone", func() bool { return len(members()) == 0 })
	w.settled()
	h2 := w.hosts["h2"]
	h2.with(func() {
		if len(h2.calls) != 0 {
			t.Errorf("a host without ports was called: %v", h2.calls)
		}
	})
}

// A router runs on one host with its networks; floating IPs get there and go again.
func TestRouterReachesItsHost(t *testing.T) {
	w := newWorld(t, "h1")
	ctx := as("p")
	public := w.public()
	n, subnets := w.network(ctx, "10.0.0.0/24")
	r := get(w.CreateRouter(ctx, RouterRequest{Gateway: &GatewayRequest{NetworkID: public.ID}}))(t)
	get(w.AddInterface(ctx, r.ID, InterfaceRequest{SubnetID: subnets[0].ID}))(t)
	p := get(w.CreatePort(ctx, PortRequest{NetworkID: n.ID}))(t)
	f := get(w.CreateFloatingIP(ctx, FloatingIPRequest{NetworkID: public.ID, Target: TargetRequest{PortID: p.ID}}))(t)
	h := w.hosts["h1"]
	router := func() (doc spec.Router) { h.with(func() { doc = h.routers[spec.RouterID(r.ID)] }); return doc }
	w.eventually("router with floating IP", func() bool {
		d := router()
		return d.Gateway != nil && len(d.Interfaces) == 1 && slices.Equal(d.Floating, []spec.FloatingIP{{External: f.Address, Internal: f.TargetAddress}})
	})
	if g := router().Gateway; !slices.Equal(g.NextHops, []netip.Addr{addr("172.24.4.1")}) || g.Addresses[0].Bits() != 24 || !g.SNAT {
		t.Errorf("gateway %+v", g)
	}
	for range 20 { // its host has the change when it answers
		f = get(w.UpdateFloatingIP(ctx, f.ID, FloatingIPChange{Target: &TargetRequest{}}))(t)
		if led := router().Floating; len(led) != 0 {
			t.Fatalf("led nowhere, the host has %v", led)
		}
		f = get(w.UpdateFloatingIP(ctx, f.ID, FloatingIPChange{Target: &TargetRequest{PortID: p.ID}}))(t)
		if led := router().Floating; len(led) != 1 {
			t.Fatalf("led to a port, the host has %v", led)
		}
	}
	w.must(w.DeleteFloatingIP(ctx, f.ID))
	w.eventually("floating IP gone", func() bool { return len(router().Floating) == 0 })
	get(w.RemoveInterface(ctx, r.ID, InterfaceRequest{SubnetID: subnets[0].ID}))(t)
	w.must(w.DeleteRouter(ctx, r.ID))
	w.eventually("nothing left", func() (ok bool) {
		h.with(func() { ok = len(h.routers) == 0 && len(h.networks) == 0 })
		return ok
	})
}

// Unplugging takes the ports off; releasing takes the network and groups off too, and frees what clients made.
func TestUnplugAndRelease(t *testing.T) {
	w := newWorld(t, "h1")
	ctx := as("p")
	n, _ := w.network(ctx, "10.0.0.0/24")
	made := get(w.CreatePort(ctx, PortRequest{NetworkID: n.ID}))(t)
	in := &cloud.Instance{ID: "i1", ProjectID: "p", Hostname: "i1"}
	w.must(w.Together(ctx, func(ctx context.Context) error {
		_, err := w.CreateInstancePorts(ctx, in, []NICRequest{{PortID: made.ID}, {NetworkID: n.ID}}, nil, cloud.NoNetwork)
		return err
	}))
	_, err := w.CreateInstancePorts(ctx, &cloud.Instance{ID: "i2", ProjectID: "p"}, []NICRequest{{PortID: made.ID}}, nil, cloud.NoNetwork)
	wantKind(t, err, cloud.InUse)
	w.must(w.BindInstancePorts(ctx, in.ID, "h1"))
	w.must(w.PlugInstance(ctx, in.ID, "h1"))
	h := w.hosts["h1"]
	h.with(func() {
		if len(h.ports) != 2 {
			t.Errorf("%d ports on the host", len(h.ports))
		}
	})
	w.must(w.UnplugInstance(ctx, in.ID, "h1"))
	w.must(w.UnplugInstance(ctx, in.ID, "h1"))
	w.must(w.SyncHost(ctx, "h1")) // must not bring them back
	h.with(func() {
		if len(h.ports) != 0 {
			t.Errorf("%d ports on the host after unplugging", len(h.ports))
		}
	})
	w.must(w.ReleaseInstancePorts(ctx, in.ID))
	w.must(w.ReleaseInstancePorts(ctx, in.ID))
	w.eventually("network and groups are gone", func() (ok bool) {
		h.with(func() { ok = len(h.networks)+len(h.groups) == 0 })
		return ok
	})
	ports := get(w.ListPorts(ctx, cloud.Where(cloud.Cond{Column: "owner", Op: cloud.OpNe, Value: cloud.OwnerService})))(t)
	if len(ports) != 1 || ports[0].ID != made.ID || ports[0].InstanceID != "" || ports[0].HostID != "" {
		t.Errorf("ports %+v", ports)
	}
}

// Unplugging from a host that is down says so, and the row is down all the same.
func TestUnplugFromDeadHost(t *testing.T) {
	w := newWorld(t, "h1")
	ctx := as("p")
	n, _ := w.network(ctx, "10.0.0.0/24")
	in, ports := w.instance(ctx, "i1", "h1", n.ID)
	w.must(w.PlugInstance(ctx, in.ID, "h1"))
	w.hosts["h1"].with(func() { w.hosts["h1"].down = true })
	wantKind(t, w.UnplugInstance(ctx, in.ID, "h1"), cloud.Unavailable)
	wantKind(t, w.PlugInstance(ctx, in.ID, "h1"), cloud.Unavailable)
	if get(w.Port(ctx, ports[0].ID))(t).Up {
		t.Error("row says up")
	}
	w.must(w.ReleaseInstancePorts(ctx, in.ID))
	w.settled()
	// Back again: what it kept is an orphan.
	w.hosts["h1"].with(func() { w.hosts["h1"].down = false })
	w.must(w.SyncHost(ctx, "h1"))
	w.hosts["h1"].with(func() {
		if h := w.hosts["h1"]; len(h.ports)+len(h.networks)+len(h.groups) != 0 {
			t.Errorf("left: %d ports, %d networks, %d groups", len(h.ports), len(h.networks), len(h.groups))
		}
	})
}

// A host that lost everything gets everything again, in an order it can take.
func TestSyncHostAfterRestart(t *testing.T) {
	w := newWorld(t, "h1")
	ctx := as("p")
	public := w.public()
	n, subnets := w.network(ctx, "10.0.0.0/24")
	r := get(w.CreateRouter(ctx, RouterRequest{Gateway: &GatewayRequest{NetworkID: public.ID}}))(t)
	get(w.AddInterface(ctx, r.ID, InterfaceRequest{SubnetID: subnets[0].ID}))(t)
	for i := range 5 {
		in, _ := w.instance(ctx, fmt.Sprint("i", i), "h1", n.ID)
		w.must(w.PlugInstance(ctx, in.ID, "h1"))
	}
	w.settled()
	h := w.hosts["h1"]
	h.wipe()
	w.must(w.SyncHost(ctx, "h1"))
	h.with(func() {
		if len(h.ports) != 5 || len(h.networks) != 2 || len(h.routers) != 1 || len(h.groups) != 1 {
			t.Errorf("%d ports, %d networks, %d routers, %d groups", len(h.ports), len(h.networks), len(h.routers), len(h.groups))
		}
	})
}

// What no row wants is removed from a host; what is being plugged is left alone.
func TestOrphans(t *testing.T) {
	w := newWorld(t, "h1")
	ctx := as("p")
	n, _ := w.network(ctx, "10.0.0.0/24")
	_, ports := w.instance(ctx, "i1", "h1", n.ID) // bound, not up
	w.settled()
	h := w.hosts["h1"]
	h.with(func() {
		h.networks["ghost"], h.groups["ghost"], h.routers["ghost"], h.ports["ghost"] = spec.Network{}, spec.SecurityGroup{}, spec.Router{}, spec.Port{}
		h.ports[spec.PortID(ports[0].ID)] = spec.Port{}
	})
	w.must(w.SyncHost(ctx, "h1"))
	h.with(func() {
		for _, c := range [][2]int{{len(h.networks), 1}, {len(h.groups), 1}, {len(h.routers), 0}, {len(h.ports), 1}} {
			if c[0] != c[1] {
				t.Errorf("left on the host: %v %v %v %v", keys(h.networks), keys(h.groups), keys(h.routers), keys(h.ports))
			}
		}
	})
}

// A host that fails now and then ends up right; a network taken away behind our back is brought again.
func TestFailuresHeal(t *testing.T) {
	w := newWorld(t, "h1")
	ctx := as("p")
	h := w.hosts["h1"]
	n, _ := w.network(ctx, "10.0.0.0/24")
	in, ports := w.instance(ctx, "i1", "h1", n.ID)
	w.must(w.PlugInstance(ctx, in.ID, "h1"))
	w.settled()
	left := 3
	h.with(func() {
		delete(h.networks, spec.NetworkID(n.ID))
		delete(h.ports, spec.PortID(ports[0].ID))
		h.fail = func(call string) error {
			if left--; left >= 0 && strings.HasPrefix(call, "ensure") {
				return errors.New("the host stumbled")
			}
			return nil
		}
	})
	get(w.UpdatePort(ctx, ports[0].ID, PortChange{AdminUp: ptr(false)}))(t)
	w.eventually("port and network are back", func() (ok bool) {
		h.with(func() {
			p, there := h.ports[spec.PortID(ports[0].ID)]
			_, network := h.networks[spec.NetworkID(n.ID)]
			ok = there && !p.AdminUp && network
		})
		return ok
	})
	w.settled()
	h.with(func() {
		if left >= 0 {
			t.Errorf("%d of the failures never happened", left+1)
		}
	})
}

// Many instances plugged at the same time, with others going, leave exactly what the rows say.
func TestConcurrentPlugging(t *testing.T) {
	w := newWorld(t, "h1")
	ctx := as("p")
	n, _ := w.network(ctx, "10.0.0.0/24")
	var wg sync.WaitGroup
	for i := range 24 {
		in, _ := w.instance(ctx, fmt.Sprint("i", i), "h1", n.ID)
		wg.Go(func() {
			if err := w.PlugInstance(ctx, in.ID, "h1"); err != nil {
				t.Error(err)
			}
			if i%2 == 0 {
				if err := errors.Join(w.UnplugInstance(ctx, in.ID, "h1"), w.ReleaseInstancePorts(ctx, in.ID)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	w.settled()
	h := w.hosts["h1"]
	h.with(func() {
		group := h.groups[keys(h.groups)[0]]
		if len(h.ports) != 12 || len(h.networks[spec.NetworkID(n.ID)].Hosts) != 12 || len(group.Members) != 12 {
			t.Errorf("%d ports, %d hosts, %d members; want 12 each", len(h.ports), len(h.networks[spec.NetworkID(n.ID)].Hosts), len(group.Members))
		}
	})
}

// An instance without requests goes on the only network there is; with several it must say which.
func TestAutomaticNetwork(t *testing.T) {
	w := newWorld(t)
	ctx := as("p")
	w.public()
	if _, ports := w.instance(ctx, "i0", ""); len(ports) != 0 {
		t.Errorf("%d ports without a network", len(ports))
	}
	n, _ := w.network(ctx, "10.0.0.0/24")
	if _, ports := w.instance(ctx, "i1", ""); len(ports) != 1 || ports[0].NetworkID != n.ID {
		t.Errorf("ports %+v", ports)
	}
	w.network(ctx, "10.1.0.0/24")
	_, err := w.CreateInstancePorts(ctx, &cloud.Instance{ID: "i2", ProjectID: "p"}, nil, nil, cloud.OnlyNetwork)
	wantKind(t, err, cloud.Conflict)
}

// Hot plugging: a port is added behind the others, shown in the views, and goes again.
func TestAttachAndViews(t *testing.T) {
	w := newWorld(t, "h1")
	ctx := as("p")
	n, subnets := w.network(ctx, "10.0.0.0/24")
	in, _ := w.instance(ctx, "i1", "h1", n.ID)
	in.HostID = "h1"
	p := get(w.AttachPort(ctx, in, NICRequest{NetworkID: n.ID, FixedIP: addr("10.0.0.99")}))(t)
	w.must(w.PlugPort(ctx, p.ID, "h1"))
	get(w.CreateSecurityGroup(ctx, GroupRequest{Name: "web"}))(t)
	w.must(w.AddSecurityGroup(ctx, in, "web"))
	views := get(w.InstancePorts(ctx, []cloud.InstanceID{in.ID, "nobody"}))(t)[in.ID]
	if len(views) != 2 || views[1].Port.ID != p.ID || !views[1].Port.Up || views[1].NetworkName != "net" || views[1].MTU != 1500 {
		t.Fatalf("views %+v", views)
	}
	if v := views[1]; len(v.Groups) != 2 || v.Subnets[0].ID != subnets[0].ID || !slices.Equal(v.DNS, []netip.Addr{addr("10.0.0.2")}) {
		t.Errorf("view %+v", v)
	}
	w.must(w.RemoveSecurityGroup(ctx, in, "web"))
	wantKind(t, w.RemoveSecurityGroup(ctx, in, "web"), cloud.NotFound)
	w.must(w.DetachPort(ctx, in, p.ID))
	w.must(w.UnplugPort(ctx, p.ID, "h1"))
	wantKind(t, w.DetachPort(ctx, in, p.ID), cloud.NotFound)
}

// A port that went from one instance to another of the same host stays plugged in when the first is done with letting go.
func TestPortTakenOver(t *testing.T) {
	w, ctx := newWorld(t, "h1"), as("p")
	n, _ := w.network(ctx, "10.0.0.0/24")
	p := get(w.CreatePort(ctx, PortRequest{NetworkID: n.ID}))(t)
	take := func(id cloud.InstanceID) *cloud.Instance {
		in := &cloud.Instance{ID: id, ProjectID: "p", HostID: "h1"}
		get(w.CreateInstancePorts(ctx, in, []NICRequest{{PortID: p.ID}}, nil, cloud.NoNetwork))(t)
		w.must(w.PlugInstance(ctx, id, "h1"))
		return in
	}
	first := take("i1")
	w.must(w.DetachPort(ctx, first, p.ID))
	take("i2")
	w.must(w.UnplugPort(ctx, p.ID, "h1"))
	if got := get(w.Port(ctx, p.ID))(t); !got.Up || got.InstanceID != "i2" {
		t.Errorf("the port is %+v", got)
	}
	w.hosts["h1"].with(func() {
		if _, there := w.hosts["h1"].ports[spec.PortID(p.ID)]; !there {
			t.Error("the host has lost the port")
		}
	})
}
