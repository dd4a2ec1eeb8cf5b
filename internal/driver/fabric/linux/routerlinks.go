package linux

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
	"github.com/nubo-cloud/nubo/internal/spec"
)

const kindRouterLink = "routerlink"

// attachments are interfaces and gateway alike: links of a router into networks, with all addresses that it answers for there.
func attachments(r spec.Router) []spec.RouterInterface {
	all := slices.Clone(r.Interfaces)
	if r.Domain != nil {
		for i := range all {
			all[i].Addresses = natAddresses(r, all[i])
		}
	}
	if g := r.Gateway; g != nil {
		all = append(all, spec.RouterInterface{Port: g.Port, Network: g.Network, MAC: g.MAC, MTU: g.MTU, Addresses: gatewayAddresses(r)})
	}
	return all
}

// natAddresses are those of an interface and of the NATs at it.
func natAddresses(r spec.Router, i spec.RouterInterface) []netip.Prefix {
	out := slices.Clone(i.Addresses)
	for _, n := range r.Domain.NATs {
		if n.Interface == i.Port {
			out = append(out, netip.PrefixFrom(n.Internal, 32))
		}
	}
	return unique(out)
}

// gatewayAddresses include floating IPs, so that the router answers ARP for them. The gateway of a domain has no network: it would
// be in the main table, where everybody looks.
func gatewayAddresses(r spec.Router) []netip.Prefix {
	out := slices.Clone(r.Gateway.Addresses)
	if r.Domain != nil {
		for i, p := range out {
			out[i] = netip.PrefixFrom(p.Addr(), p.Addr().BitLen())
		}
		for _, n := range r.Domain.NATs {
			if n.External.IsValid() {
				out = append(out, netip.PrefixFrom(n.External, 32))
			}
		}
	}
	for _, fip := range r.Floating {
		out = append(out, netip.PrefixFrom(fip.External, 32))
	}
	for _, p := range r.Forwards {
		out = append(out, netip.PrefixFrom(p.External, 32))
	}
	return unique(out)
}

// attach makes the veth pair of one interface whole, and its end in the network
// ready. The end that is the router's, or a VPN's, has no addresses yet.
func (f *Fabric) attach(end *netns.Handle, a spec.RouterInterface, up bool) error {
	f.mu.Lock()
	n := f.networks[a.Network]
	f.mu.Unlock()
	if n == nil || !netns.Exists(f.names.network(a.Network)) {
		return fmt.Errorf("network %s: %w", a.Network, spec.ErrMissing)
	}
	n.lock.Lock()
	defer n.lock.Unlock()
	if err := f.openNetwork(n); err != nil {
		return err
	}
	if a.MTU == 0 {
		a.MTU = f.sizeOf(n)
	}
	whole, err := pairIsWhole(end, n, a)
	if err != nil {
		return err
	}
	if !whole {
		if err := makePair(end, n, a); err != nil {
			return err
		}
	}
	mark := f.names.mark(kindRouterLink, string(a.Port))
	if err := n.ns.Do(func() error { return plugPeer(routerPeerName(a.Port), mark, a.MTU, up) }); err != nil {
		return err
	}
	return end.Do(func() error {
		l, err := netlink.LinkByName(routerLinkName(a.Port))
		if err != nil {
			return err
		}
		isUp := l.Attrs().Flags&1 != 0
		return tuneLink(l, mark, a.MTU, isUp)
	})
}

func pairIsWhole(end *netns.Handle, n *network, a spec.RouterInterface) (bool, error) {
	mac, err := parseMAC(a.MAC)
	if err != nil {
		return false, err
	}
	whole := false
	err = end.Do(func() error {
		l, err := findLink(routerLinkName(a.Port))
		whole = l != nil && bytes.Equal(l.Attrs().HardwareAddr, mac)
		return err
	})
	if err != nil || !whole {
		return false, err
	}
	err = n.ns.Do(func() error {
		l, err := findLink(routerPeerName(a.Port))
		whole = l != nil
		return err
	})
	return whole, err
}

// makePair begins by removing either end: with it goes the other.
func makePair(end *netns.Handle, n *network, a spec.RouterInterface) error {
	if err := n.ns.Do(func() error { return removeLink(routerPeerName(a.Port)) }); err != nil {
		return err
	}
	return end.Do(func() error {
		if err := removeLink(routerLinkName(a.Port)); err != nil {
			return err
		}
		mac, err := parseMAC(a.MAC)
		if err != nil {
			return err
		}
		return addPair(routerLinkName(a.Port), routerPeerName(a.Port), a.MTU, mac, n.ns)
	})
}

// configureLinks sets addresses and routes in the router's namespace, and removes
// links of interfaces that are no more.
func (f *Fabric) configureLinks(doc spec.Router) error {
	wanted := map[string]bool{}
	indexes := map[spec.PortID]int{}
	for _, a := range attachments(doc) {
		name := routerLinkName(a.Port)
		wanted[name] = true
		l, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		indexes[a.Port] = l.Attrs().Index
		if _, err := setAddresses(l, a.Addresses); err != nil {
			return err
		}
		if err := tuneLink(l, l.Attrs().Alias, 0, doc.AdminUp); err != nil {
			return err
		}
	}
	if err := f.dropLinks(wanted); err != nil {
		return err
	}
	if !doc.AdminUp {
		return nil // the kernel has no routes over links that are down
	}
	if err := f.tellNeighbours(doc); err != nil {
		return err
	}
	if doc.Domain != nil {
		return setDomainRoutes(newDomain(doc), indexes)
	}
	return setRoutes(f.routerRoutes(doc, indexes))
}

func (f *Fabric) dropLinks(wanted map[string]bool) error {
	links, err := listLinks()
	if err != nil {
		return err
	}
	for _, l := range links {
		name := l.Attrs().Name
		if wanted[name] || name == "lo" {
			continue
		}
		half := l.Attrs().Alias == "" && len(name) == 14 && name[:3] == "rif"
		if kind, _ := f.names.marked(l.Attrs().Alias); kind != kindRouterLink && !half {
			f.log.Warn("a link we did not make is left alone", "link", name)
			continue
		}
		if err := removeLink(name); err != nil {
			return err
		}
	}
	return nil
}

// everything is all addresses of a next hop's family.
func everything(hop netip.Addr) netip.Prefix {
	if hop.Is6() {
		return netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	}
	return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
}

// routerRoutes are default routes through the gateway, or towards it, and the static ones.
func (f *Fabric) routerRoutes(doc spec.Router, indexes map[spec.PortID]int) []route {
	var out []route
	if g := doc.Gateway; g != nil {
		for _, hop := range g.NextHops {
			out = append(out, route{destination: everything(hop), via: hop, link: indexes[g.Port], onlink: !within(g.Addresses, hop)})
		}
	}
	for _, e := range doc.Exits {
		for _, i := range doc.Interfaces {
			if within(i.Addresses, e.Address) {
				out = append(out, route{destination: everything(e.Address), via: e.Address, link: indexes[i.Port]})
			}
		}
	}
	for _, r := range doc.Routes {
		link := 0
		for _, a := range attachments(doc) {
			if within(a.Addresses, r.NextHop) {
				link = indexes[a.Port]
			}
		}
		if link == 0 {
			f.log.Warn("route left out, no interface reaches its next hop", "router", doc.ID, "destination", r.Destination, "next hop", r.NextHop)
			continue
		}
		out = append(out, route{destination: r.Destination.Masked(), via: r.NextHop, link: link})
	}
	return out
}

func within(prefixes []netip.Prefix, a netip.Addr) bool {
	for _, p := range prefixes {
		if p.Masked().Contains(a) {
			return true
		}
	}
	return false
}
