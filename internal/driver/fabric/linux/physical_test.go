package linux

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// physicalNetwork is a private network on what the NIC reaches.
func physicalNetwork(id spec.NetworkID, tag int) spec.Network {
	n := privateNetwork(id)
	n.Physical, n.Tag = "physnet", tag
	return n
}

// Two hosts share a cable: networks of the same tag are one, others are apart, also with the cable used by the hosts themselves.
func TestNetworksReachNIC(t *testing.T) {
	w, far := newWorld(t), anotherWorld(t)
	cable(t, w.host, far.host)
	for _, side := range []*world{w, far} {
		side.options.NICs = map[string]string{"physnet": "cable"}
		must(t, side.fabric.Close())
		side.open()
		side.group(openGroup("g"))
		for tag, id := range map[int]spec.NetworkID{0: "flat", 100: "vlan100", 200: "vlan200"} {
			side.network(physicalNetwork(id, tag))
		}
	}
	for i, id := range []spec.NetworkID{"flat", "vlan100", "vlan200"} {
		a := w.guest(portOn(id, spec.PortID(fmt.Sprint("a", i)), byte(10+i), "g"))
		b := far.guest(portOn(id, spec.PortID(fmt.Sprint("b", i)), byte(20+i), "g"))
		soon(t, "across the cable on "+string(id), func() error { return ping(a.ns, b.port.Addresses[0]) })
		if i > 0 && ping(a.ns, addr(fmt.Sprintf("10.0.0.%d", 20+i-1))) == nil {
			t.Errorf("%s reaches another network", id)
		}
	}
	must(t, w.host.Do(func() error { return removeLink("cable") }))
}

// cable joins two hosts.
func cable(t *testing.T, a, b *netns.Handle) {
	t.Helper()
	must(t, a.Do(func() error {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = "cable"
		return netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "cable", PeerNamespace: netlink.NsFd(b.FD())})
	}))
}

// twoHosts are two hosts on one cable with a router that both have: a guest on one of its networks here, one on the other there.
func twoHosts(t *testing.T) (w, far *world, r spec.Router, a, b *guest) {
	w, far = newWorld(t), anotherWorld(t)
	cable(t, w.host, far.host)
	r = spec.Router{ID: "r", Generation: 1, AdminUp: true, Interfaces: []spec.RouterInterface{
		routerInterface("r1", "n1", "fa:16:3e:01:00:02", "10.0.0.1/24"), routerInterface("r2", "n2", "fa:16:3e:01:00:03", "10.0.1.1/24")}}
	near, away := portOn("n1", "near", 10, "g"), portOn("n2", "away", 11, "g")
	away.Addresses = []netip.Addr{addr("10.0.1.11")}
	for _, side := range []*world{w, far} {
		side.options.NICs = map[string]string{"physnet": "cable"}
		must(t, side.fabric.Close())
		side.open()
		side.group(openGroup("g"))
		n1, n2 := physicalNetwork("n1", 100), physicalNetwork("n2", 200)
		n2.Subnets[0].Prefix, n2.Subnets[0].Gateway, n2.Subnets[0].Service = prefix("10.0.1.0/24"), addr("10.0.1.1"), addr("10.0.1.2")
		n1.Copied = []spec.RouterCopy{{MAC: r.Interfaces[0].MAC, Addresses: []netip.Addr{addr("10.0.0.1")}}}
		n2.Copied = []spec.RouterCopy{{MAC: r.Interfaces[1].MAC, Addresses: []netip.Addr{addr("10.0.1.1")}}}
		side.network(n1)
		side.network(n2)
		side.router(r)
		n1.Generation, n1.Hosts = 2, []spec.NetworkHost{{Port: near.ID, MAC: near.MAC, Addresses: near.Addresses}}
		n2.Generation, n2.Hosts = 2, []spec.NetworkHost{{Port: away.ID, MAC: away.MAC, Addresses: away.Addresses}}
		side.network(n1) // a router that is there already is told
		side.network(n2)
	}
	a, b = w.plug(near), far.plug(away)
	a.lease()
	b.lease()
	return w, far, r, a, b
}

// A router that both hosts have routes on each for the guests there, also to guests of the other; nobody hears the other host's.
func TestRouterOnTwoHosts(t *testing.T) {
	w, _, _, a, b := twoHosts(t)
	soon(t, "between networks and hosts", func() error { return ping(a.ns, b.port.Addresses[0]) })
	soon(t, "and back", func() error { return ping(b.ns, a.port.Addresses[0]) })
	must(t, ping(a.ns, addr("10.0.0.1")))
	must(t, w.fabric.RemoveRouter(context.Background(), "r"))
	if ping(a.ns, addr("10.0.0.1")) == nil {
		t.Error("the router of the other host answers")
	}
	must(t, ping(b.ns, addr("10.0.1.1")))
	must(t, w.host.Do(func() error { return removeLink("cable") }))
}

// Guests of a host whose router has no gateway go out by the one that has, and are reached there under their floating IPs.
func TestWayOutOnAnotherHost(t *testing.T) {
	w, far, r, _, b := twoHosts(t)
	w.network(publicNetwork())
	answer(t, w.outside, 80)
	answer(t, b.ns, 80)
	there, here := r, r
	there.Generation, there.Exits = 2, []spec.RouterExit{{Address: addr("10.0.1.5"), MAC: "fa:16:3e:01:00:05"}}
	far.router(there)
	here.Generation, here.Gateway = 2, gateway()
	here.Interfaces = append(slices.Clone(r.Interfaces), routerInterface("r3", "n2", "fa:16:3e:01:00:05", "10.0.1.5/32"))
	w.router(here)
	w.reaches(b.ns, outsideAddr, 80)
	here.Generation, here.Floating = 3, []spec.FloatingIP{{External: addr("172.24.4.100"), Internal: b.port.Addresses[0]}}
	w.router(here)
	w.reaches(w.host, addr("172.24.4.100"), 80)
	must(t, w.host.Do(func() error { return removeLink("cable") }))
}
