package network

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// routerRows is all that a router's document is made of.
type routerRows struct {
	router   *cloud.Router
	ports    []*cloud.Port // gateway included, but for a copy
	exits    []*cloud.Port // of a copy
	subnets  map[cloud.SubnetID]*cloud.Subnet
	networks map[cloud.NetworkID]*cloud.Network
	floating []*cloud.FloatingIP
	qos      map[cloud.QoSPolicyID]*cloud.QoSPolicy // of the gateway and the floating IPs

	domain  *domainRows   // nil: it is no routing domain
	tunnels []cloud.Route // to what lies behind the peers of its VPN services

	meters     []*cloud.Meter // that count at it
	meterRules map[cloud.MeterID][]*cloud.MeterRule
}

// planRouter makes a router's document.
func planRouter(r routerRows, generation int64) spec.Router {
	s := spec.Router{ID: spec.RouterID(r.router.ID), Generation: generation, AdminUp: r.router.AdminUp, Routes: planRoutes(r.reachable())}
	ports := slices.SortedFunc(slices.Values(r.ports), comparePorts)
	for _, p := range ports {
		if p.Owner.IsRouterInterface() || p.Owner == cloud.OwnerRouterLink {
			s.Interfaces = append(s.Interfaces, spec.RouterInterface{Port: spec.PortID(p.ID), Network: spec.NetworkID(p.NetworkID), MAC: p.MAC,
				Addresses: r.prefixes(p), MTU: r.mtu(p)})
		} else if p.Owner == cloud.OwnerRouterExit {
			s.Interfaces = append(s.Interfaces, spec.RouterInterface{Port: spec.PortID(p.ID), Network: spec.NetworkID(p.NetworkID), MAC: p.MAC,
				Addresses: alone(addressesOf(p)), MTU: r.mtu(p)})
		} else if r.router.Gateway != nil && p.ID == r.router.Gateway.PortID {
			s.Gateway = r.gateway(p)
		}
	}
	s.Exits, s.Domain = r.planExits(), r.planDomain()
	if s.Gateway == nil {
		return s
	}
	for _, f := range r.floating {
		s.Forwards = append(s.Forwards, planForwards(f)...)
		if f.TargetPort == "" || r.ofNAT(f) {
			continue
		}
		s.Floating = append(s.Floating, spec.FloatingIP{External: f.Address, Internal: f.TargetAddress})
	}
	slices.SortFunc(s.Floating, func(a, b spec.FloatingIP) int { return a.External.Compare(b.External) })
	slices.SortFunc(s.Forwards, func(a, b spec.PortForward) int {
		return cmp.Or(a.External.Compare(b.External), a.Protocol-b.Protocol, a.ExternalPorts.First-b.ExternalPorts.First)
	})
	s.Limits = r.limits(s.Gateway)
	for _, m := range r.meters {
		s.Meters = append(s.Meters, planMeter(m, r.meterRules[m.ID]))
	}
	return s
}

func comparePorts(a, b *cloud.Port) int { return strings.Compare(string(a.ID), string(b.ID)) }

// alone are addresses of a link that leads to nobody else: the router has another link to the same network.
func alone(addresses []netip.Addr) []netip.Prefix {
	prefixes := make([]netip.Prefix, len(addresses))
	for i, a := range addresses {
		prefixes[i] = netip.PrefixFrom(a, a.BitLen())
	}
	return prefixes
}

// reachable are the routes whose next hop is a neighbour: a copy has none outside.
func (r routerRows) reachable() (routes []cloud.Route) {
	var near []netip.Prefix
	for _, p := range r.ports {
		near = append(near, r.prefixes(p)...)
	}
	for _, route := range append(slices.Clone(r.router.Routes), r.tunnels...) {
		if slices.ContainsFunc(near, func(p netip.Prefix) bool { return p.Masked().Contains(route.NextHop) }) {
			routes = append(routes, route)
		}
	}
	return routes
}

func planForwards(f *cloud.FloatingIP) []spec.PortForward {
	forwards := make([]spec.PortForward, len(f.Forwardings))
	for i, p := range f.Forwardings {
		forwards[i] = spec.PortForward{External: f.Address, Internal: p.Address, Protocol: protocols[p.Protocol],
			ExternalPorts: spec.PortRange(p.External), InternalPorts: spec.PortRange(p.Internal)}
	}
	return forwards
}

func (r routerRows) gateway(p *cloud.Port) *spec.RouterGateway {
	g := &spec.RouterGateway{Port: spec.PortID(p.ID), Network: spec.NetworkID(p.NetworkID), MAC: p.MAC, Addresses: r.prefixes(p),
		SNAT: r.router.Gateway.SNAT, MTU: r.mtu(p)}
	for _, a := range p.Addresses {
		sub := r.subnets[a.SubnetID]
		if sub == nil || !sub.Gateway.IsValid() {
			continue
		}
		sameFamily := func(h netip.Addr) bool { return h.Is4() == sub.Gateway.Is4() }
		if !slices.ContainsFunc(g.NextHops, sameFamily) {
			g.NextHops = append(g.NextHops, sub.Gateway)
		}
	}
	return g
}

// prefixes are a port's addresses, each with its subnet's length.
func (r routerRows) prefixes(p *cloud.Port) []netip.Prefix {
	var prefixes []netip.Prefix
	for _, a := range p.Addresses {
		if sub := r.subnets[a.SubnetID]; sub != nil {
			prefixes = append(prefixes, netip.PrefixFrom(a.Address, sub.Prefix.Bits()))
		}
	}
	return prefixes
}

func (r routerRows) mtu(p *cloud.Port) int {
	if n := r.networks[p.NetworkID]; n != nil {
		return n.MTU
	}
	return 0
}
