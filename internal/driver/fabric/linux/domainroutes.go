package linux

import (
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// setDomainRoutes makes tables and rules of policy routing what the document says, in the router's namespace. A table is whole
// before anything looks into it, and nothing does any more when it goes.
func setDomainRoutes(d domain, indexes map[spec.PortID]int) error {
	stale, err := putRoutes(d.routes(indexes))
	if err != nil {
		return err
	}
	if err := setLookups(d.lookups()); err != nil {
		return err
	}
	return dropRoutes(stale)
}

// lookups are the rules of policy routing. What finds nothing is refused by the kernel: network unreachable.
func (d domain) lookups() []lookup {
	var out []lookup
	for _, family := range d.families() {
		out = append(out, lookup{family, askConnected, "", unix.RT_TABLE_MAIN}, lookup{family, askOwn, "lo", ownTable})
		for _, t := range d.tables {
			parts := slices.ContainsFunc(t.leads, func(l lead) bool { return l.to.Addr().Is4() == (family == netlink.FAMILY_V4) && d.isInside(l.to) })
			for _, i := range t.Interfaces {
				if parts {
					out = append(out, lookup{family, askInside, routerLinkName(i), int(t.inside)})
				}
				out = append(out, lookup{family, askTable, routerLinkName(i), int(t.number)})
			}
		}
	}
	return out
}

// families leave out IPv6 where nobody has an address of it: the kernel may not have it.
func (d domain) families() []int {
	for _, a := range attachments(d.Router) {
		if slices.ContainsFunc(a.Addresses, func(p netip.Prefix) bool { return p.Addr().Is6() }) {
			return []int{netlink.FAMILY_V4, netlink.FAMILY_V6}
		}
	}
	return []int{netlink.FAMILY_V4}
}

// isInside tells whether all of a prefix is in the network of an interface.
func (d domain) isInside(p netip.Prefix) bool {
	return slices.ContainsFunc(d.Interfaces, func(i spec.RouterInterface) bool {
		return slices.ContainsFunc(i.Addresses, func(a netip.Prefix) bool { return a.Bits() <= p.Bits() && a.Masked().Contains(p.Addr()) })
	})
}

// routes are those of all tables.
func (d domain) routes(indexes map[spec.PortID]int) []route {
	out := d.ownRoutes(indexes)
	for _, t := range d.tables {
		for _, l := range append(d.besideGateway(t.leads), t.leads...) {
			r := d.route(l, indexes)
			r.table = int(t.number)
			if d.isInside(l.to) {
				r.table = int(t.inside)
			}
			out = append(out, r)
		}
	}
	return out
}

func (d domain) route(l lead, indexes map[spec.PortID]int) route {
	if l.link == "" {
		return route{destination: l.to, drop: true}
	}
	r := route{destination: l.to, via: l.via, link: indexes[l.link], onlink: d.Gateway != nil && l.link == d.Gateway.Port && l.via.IsValid()}
	if l.to.Addr().Is4() {
		r.realm = l.number
	}
	return r
}

// besideGateway are the ways to who is on the gateway's own link, for a table that leads out: they need no next hop.
func (d domain) besideGateway(of leads) leads {
	var out leads
	if d.Gateway == nil {
		return nil
	}
	for _, p := range d.Gateway.Addresses {
		beside := lead{to: p.Masked(), way: of.find(p.Masked().Addr())}
		known := slices.ContainsFunc(of, func(l lead) bool { return l.to == beside.to })
		if beside.link == d.Gateway.Port && !known && p.Bits() < p.Addr().BitLen() {
			beside.via = netip.Addr{}
			out = append(out, beside)
		}
	}
	return out
}

// ownRoutes are where the router's own packets may go: out under the gateway's address, and by whichever table knows more.
func (d domain) ownRoutes(indexes map[spec.PortID]int) []route {
	var out []route
	add := func(r route) {
		r.table = ownTable
		if !slices.ContainsFunc(out, func(o route) bool { return o.destination == r.destination }) {
			out = append(out, r)
		}
	}
	if g := d.Gateway; g != nil {
		for _, p := range g.Addresses {
			if p.Bits() < p.Addr().BitLen() {
				add(route{destination: p.Masked(), link: indexes[g.Port], source: p.Addr()})
			}
		}
		for _, hop := range g.NextHops {
			add(route{destination: everything(hop), via: hop, link: indexes[g.Port], onlink: true, source: d.gatewayAddress(hop)})
		}
	}
	for _, t := range d.tables {
		for _, l := range t.leads {
			if l.link != "" && (d.Gateway == nil || l.link != d.Gateway.Port) {
				add(route{destination: l.to, via: l.via, link: indexes[l.link]})
			}
		}
	}
	return out
}

// gatewayAddress is the gateway's own of a next hop's family.
func (d domain) gatewayAddress(hop netip.Addr) netip.Addr {
	for _, p := range d.Gateway.Addresses {
		if p.Addr().Is4() == hop.Is4() {
			return p.Addr()
		}
	}
	return netip.Addr{}
}
