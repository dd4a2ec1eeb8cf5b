package linux

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/nft"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// A router that other hosts have as well has one MAC and address on a network everywhere. Guests must hear of the one on
// their host alone, and switches between the hosts must not see one MAC come from several sides. So on the way between a
// network and its NIC nothing passes that asks for or speaks of such an address, and what a router routes to other hosts leaves under
// the MAC of the uplink. As it cannot ask the guests of other hosts for theirs, it is told them.

// copyChains are the filters between a network and other hosts; none where the network stays within the host.
func (v view) copyChains() []nft.Chain {
	if v.uplink == "" || len(v.network.Copied) == 0 {
		return nil
	}
	var macs, six []string
	var prefixes []netip.Prefix
	for _, c := range v.network.Copied {
		macs = append(macs, c.MAC)
		for _, a := range c.Addresses {
			prefixes = append(prefixes, netip.PrefixFrom(a, a.BitLen()))
		}
		if mac, err := parseMAC(c.MAC); err == nil {
			prefixes = append(prefixes, netip.PrefixFrom(linkLocal(mac), 128))
		}
	}
	v4, v6 := split(reduce(prefixes))
	for _, p := range v6 {
		six = append(six, hexRange(p))
	}
	shared, own := "{ "+strings.Join(macs, ", ")+" }", "{ "+strings.Join(six, ", ")+" }"
	about := []string{"icmpv6 type { 135, 136 } @th,64,128 " + own + " drop"}
	if len(v4) > 0 {
		about = append(about, "ether type arp"+match(" arp daddr ip", v4)+" drop", "ether type arp"+match(" arp saddr ip", v4)+" drop")
	}
	in := func(rule string) string { return fmt.Sprintf("iifname %q %s", uplinkName, rule) }
	out := func(rule string) string { return fmt.Sprintf("oifname %q %s", uplinkName, rule) }
	entering := []string{in("ether saddr " + shared + " drop"), in("ether daddr " + shared + " drop")}
	leaving := []string{out("ether saddr " + shared + " icmpv6 type { 133, 135, 136, 137 } drop")}
	for _, rule := range about {
		entering, leaving = append(entering, in(rule)), append(leaving, out(rule))
	}
	leaving = append(leaving, out("ether saddr "+shared+" ether saddr set "+v.uplink))
	return []nft.Chain{
		{Name: "entering", Hook: "type filter hook prerouting priority -310; policy accept;", Rules: entering},
		{Name: "leaving", Hook: "type filter hook postrouting priority -10; policy accept;", Rules: leaving},
	}
}

// uplinkMAC is the MAC of a network's way to its NIC, empty if nothing needs it.
func (f *Fabric) uplinkMAC(n *network, doc spec.Network) (mac string, err error) {
	if f.nicOf(doc) == "" || len(doc.Copied) == 0 {
		return "", nil
	}
	err = n.ns.Do(func() error {
		l, err := findLink(uplinkName)
		if l != nil {
			mac = l.Attrs().HardwareAddr.String()
		}
		return err
	})
	return mac, err
}

// renewNeighbours tells the routers on a network who is on it now.
func (f *Fabric) renewNeighbours(doc spec.Network) error {
	if f.nicOf(doc) == "" || len(doc.Copied) == 0 {
		return nil
	}
	f.mu.Lock()
	var on []*router
	for _, r := range f.routers {
		if r.uses(doc.ID) {
			on = append(on, r)
		}
	}
	f.mu.Unlock()
	var failed error
	for _, r := range on {
		failed = errors.Join(failed, f.renewNeighboursOf(r))
	}
	return failed
}

func (f *Fabric) renewNeighboursOf(r *router) error {
	r.lock.Lock()
	defer r.lock.Unlock()
	f.mu.Lock()
	doc, made := r.doc, r.made
	f.mu.Unlock()
	if !made || r.ns == nil || !doc.AdminUp {
		return nil // whoever makes it tells it
	}
	return r.ns.Do(func() error { return f.tellNeighbours(doc) })
}

// tellNeighbours makes the entries that a router does not ask for what its networks' documents say, in its namespace.
func (f *Fabric) tellNeighbours(doc spec.Router) error {
	for _, i := range doc.Interfaces {
		l, err := netlink.LinkByName(routerLinkName(i.Port))
		if err != nil {
			return err
		}
		known := f.neighboursOf(i)
		for _, e := range doc.Exits {
			if within(i.Addresses, e.Address) {
				known[e.Address] = e.MAC
			}
		}
		if err := setNeighbours(l.Attrs().Index, known); err != nil {
			return fmt.Errorf("neighbours of %s: %w", i.Port, err)
		}
	}
	return nil
}

// neighboursOf are the guests' addresses on a network of several hosts, with their MACs; none if the router may ask.
func (f *Fabric) neighboursOf(i spec.RouterInterface) map[netip.Addr]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	known := map[netip.Addr]string{}
	n := f.networks[i.Network]
	if n == nil || f.nicOf(n.doc) == "" || !slices.ContainsFunc(n.doc.Copied, func(c spec.RouterCopy) bool { return c.MAC == i.MAC }) {
		return known
	}
	for _, h := range n.doc.Hosts {
		for _, a := range h.Addresses {
			if within(i.Addresses, a) {
				known[a] = h.MAC
			}
		}
	}
	return known
}

// setNeighbours makes these the permanent entries of a link, and no others.
func setNeighbours(link int, want map[netip.Addr]string) error {
	have, err := netlink.NeighList(link, netlink.FAMILY_ALL)
	if err != nil {
		return err
	}
	for _, n := range have {
		a, ok := netip.AddrFromSlice(n.IP)
		if !ok || n.State&netlink.NUD_PERMANENT == 0 {
			continue
		}
		if mac, wanted := want[a.Unmap()]; wanted && mac == n.HardwareAddr.String() {
			delete(want, a.Unmap())
		} else if err := netlink.NeighDel(&n); !wanted && err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
	}
	for a, text := range want {
		mac, err := net.ParseMAC(text)
		if err != nil {
			return err
		}
		if err := netlink.NeighSet(&netlink.Neigh{LinkIndex: link, State: netlink.NUD_PERMANENT, IP: a.AsSlice(), HardwareAddr: mac}); err != nil {
			return fmt.Errorf("%s at %s: %w", a, mac, err)
		}
	}
	return nil
}
