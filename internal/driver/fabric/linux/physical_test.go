package linux

import (
	"fmt"
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
