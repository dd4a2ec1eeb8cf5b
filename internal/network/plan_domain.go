package network

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// planDomain makes the part of a router's document that is its routing domain's.
func (r routerRows) planDomain() *spec.RoutingDomain {
	if r.domain == nil {
		return nil
	}
	at := r.interfacesBySubnet()
	d := &spec.RoutingDomain{NATs: r.planNATs(at)}
	for _, b := range r.router.Domain.Blocks {
		d.Blocks = append(d.Blocks, b.Prefix)
	}
	for _, t := range slices.SortedFunc(slices.Values(r.domain.tables), func(a, b *cloud.RouteTable) int { return cmp.Compare(a.ID, b.ID) }) {
		if on := r.usersOfTable(t, at); len(on) > 0 {
			d.Tables = append(d.Tables, spec.RouteTable{ID: string(t.ID), Interfaces: on, Routes: r.planTableRoutes(t, d.NATs)})
		}
	}
	for _, f := range slices.SortedFunc(slices.Values(r.domain.filters), func(a, b *cloud.PacketFilter) int { return cmp.Compare(a.ID, b.ID) }) {
		if on := portsOfUses(f.Uses, at); len(on) > 0 {
			d.Filters = append(d.Filters, spec.PacketFilter{ID: string(f.ID), Interfaces: on, Entries: planEntries(f)})
		}
	}
	return d
}

// interfacesBySubnet are the router's interfaces on the subnets of its domain.
func (r routerRows) interfacesBySubnet() map[cloud.SubnetID]spec.PortID {
	at := map[cloud.SubnetID]spec.PortID{}
	for _, p := range r.ports {
		for _, a := range p.Addresses {
			if p.Owner.IsRouterInterface() {
				at[a.SubnetID] = spec.PortID(p.ID)
			}
		}
	}
	return at
}

func portsOfUses(uses []cloud.TableUse, at map[cloud.SubnetID]spec.PortID) (ports []spec.PortID) {
	for _, u := range uses {
		if p, ok := at[u.SubnetID]; ok {
			ports = append(ports, p)
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// usersOfTable are the interfaces of the subnets that use a table: the main one, too, where none is used.
func (r routerRows) usersOfTable(t *cloud.RouteTable, at map[cloud.SubnetID]spec.PortID) []spec.PortID {
	ports := portsOfUses(t.Uses, at)
	if !t.Main {
		return ports
	}
	rest := map[spec.PortID]bool{}
	for _, p := range at {
		rest[p] = true
	}
	for _, other := range r.domain.tables {
		for _, p := range portsOfUses(other.Uses, at) {
			delete(rest, p)
		}
	}
	ports = append(ports, keys(rest)...)
	slices.Sort(ports)
	return ports
}

func (r routerRows) planTableRoutes(t *cloud.RouteTable, nats []spec.NAT) []spec.TableRoute {
	routes := make([]spec.TableRoute, 0, len(t.Routes))
	for _, route := range t.Routes {
		routes = append(routes, r.planTableRoute(route, nats))
	}
	slices.SortFunc(routes, func(a, b spec.TableRoute) int { return strings.Compare(a.Destination.String(), b.Destination.String()) })
	return routes
}

// planTableRoute finds the way of a route; without one it is a black hole.
func (r routerRows) planTableRoute(route cloud.TableRoute, nats []spec.NAT) spec.TableRoute {
	to := spec.TableRoute{Destination: route.Destination}
	if route.Kind == cloud.TargetNAT {
		if slices.ContainsFunc(nats, func(n spec.NAT) bool { return n.ID == route.Target }) {
			to.NAT = route.Target
		}
		return to
	}
	at := r.domain.reach[route.Target]
	to.Out = at.out && r.router.Gateway != nil
	to.OneWay = to.Out && route.Kind == cloud.TargetEgress
	if !at.out {
		to.Via = at.of(route.Destination)
	}
	return to
}

// planNATs are the NAT gateways that let something out: those with a floating IP only if their own subnet's table leads out.
func (r routerRows) planNATs(at map[cloud.SubnetID]spec.PortID) (nats []spec.NAT) {
	external := map[cloud.PortID]netip.Addr{}
	for _, f := range r.floating {
		external[f.TargetPort] = f.Address
	}
	for _, n := range slices.SortedFunc(slices.Values(r.domain.nats), func(a, b *cloud.NATGateway) int { return cmp.Compare(a.ID, b.ID) }) {
		p, on := r.domain.natPort[n.PortID], at[n.SubnetID]
		if p == nil || len(p.Addresses) == 0 || on == "" {
			continue
		}
		nat := spec.NAT{ID: string(n.ID), Interface: on, Internal: p.Addresses[0].Address, External: external[n.PortID]}
		if n.FloatingIPID == "" || nat.External.IsValid() && r.leadsOut(on, at) {
			nats = append(nats, nat)
		}
	}
	return nats
}

// leadsOut tells whether the table of an interface leads anything of IPv4 out.
func (r routerRows) leadsOut(on spec.PortID, at map[cloud.SubnetID]spec.PortID) bool {
	for _, t := range r.domain.tables {
		if slices.Contains(r.usersOfTable(t, at), on) {
			return slices.ContainsFunc(t.Routes, func(route cloud.TableRoute) bool {
				return route.Destination.Addr().Is4() && r.planTableRoute(route, nil).Out
			})
		}
	}
	return false
}

// ofNAT tells whether a floating IP is a NAT gateway's: it is not led to one port then.
func (r routerRows) ofNAT(f *cloud.FloatingIP) bool {
	return r.domain != nil && r.domain.natPort[f.TargetPort] != nil
}

func planEntries(f *cloud.PacketFilter) []spec.FilterEntry {
	byNumber := slices.SortedFunc(slices.Values(f.Entries), func(a, b cloud.FilterEntry) int {
		if a.Egress != b.Egress {
			return map[bool]int{true: 1, false: -1}[a.Egress]
		}
		return a.Number - b.Number
	})
	entries := make([]spec.FilterEntry, len(byNumber))
	for i, e := range byNumber {
		entries[i] = planEntry(e)
	}
	return entries
}

func planEntry(e cloud.FilterEntry) spec.FilterEntry {
	entry := spec.FilterEntry{Direction: spec.Ingress, Allow: e.Allow, Protocol: e.Protocol, Prefix: e.Prefix}
	if e.Egress {
		entry.Direction = spec.Egress
	}
	if e.Protocol == protocolICMP || e.Protocol == protocolICMPv6 {
		entry.ICMPType, entry.ICMPCode = unlessAny(e.PortMin), unlessAny(e.PortMax)
		return entry
	}
	if e.PortMin != nil && e.PortMax != nil {
		entry.Ports = &spec.PortRange{First: *e.PortMin, Last: *e.PortMax}
	}
	return entry
}

// unlessAny is a number of ICMP's, nil for any.
func unlessAny(n *int) *int {
	if n == nil || *n < 0 {
		return nil
	}
	return n
}
