package network

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// networkRows is all that a network's document is made of.
type networkRows struct {
	network *cloud.Network
	subnets []*cloud.Subnet
	ports   []*cloud.Port // those that planOwners lists
	domain  string        // for networks without one of their own
	told    told
}

// planOwners are the owners of ports that a network's document speaks of.
var planOwners = []string{string(cloud.OwnerNone), string(cloud.OwnerInstance), string(cloud.OwnerTrunk), string(cloud.OwnerService), string(cloud.OwnerRouterInterface), string(cloud.OwnerRouterCopy)}

// headOwners are those of them that a subnet's own part speaks of: few, whatever the network's size.
var headOwners = []string{string(cloud.OwnerService), string(cloud.OwnerRouterInterface), string(cloud.OwnerRouterCopy)}

// planNetwork makes a network's document. It is a pure function, and equal rows give equal documents.
func planNetwork(r networkRows, generation int64) spec.Network {
	n := spec.Network{ID: spec.NetworkID(r.network.ID), Generation: generation, External: r.network.External, MTU: r.network.MTU,
		AdminUp: r.network.AdminUp, Physical: r.network.Physical, Tag: r.network.Segment, Domain: strings.TrimSuffix(r.network.DNSDomain, ".")}
	if n.Domain == "" {
		n.Domain = cmp.Or(r.told.domain, r.domain)
	}
	n.NoDNS = r.told.noDNS
	subnets := slices.SortedFunc(slices.Values(r.subnets), func(a, b *cloud.Subnet) int { return strings.Compare(string(a.ID), string(b.ID)) })
	for _, sub := range subnets {
		planned := planSubnet(sub, r.ports)
		if len(planned.DNS) == 0 {
			planned.DNS = r.told.dns
		}
		n.Subnets = append(n.Subnets, planned)
	}
	ports := slices.SortedFunc(slices.Values(r.ports), comparePorts)
	for _, p := range ports {
		if (p.Owner == cloud.OwnerNone || p.Owner == cloud.OwnerInstance || p.Owner == cloud.OwnerTrunk) && len(p.Addresses) > 0 {
			n.Hosts = append(n.Hosts, r.told.host(planNetworkHost(p)))
		}
		if p.Owner == cloud.OwnerRouterCopy {
			n.Copied = append(n.Copied, spec.RouterCopy{MAC: p.MAC, Addresses: addressesOf(p)})
		}
	}
	return n
}

func planSubnet(sub *cloud.Subnet, ports []*cloud.Port) spec.Subnet {
	s := spec.Subnet{ID: string(sub.ID), Prefix: sub.Prefix, Gateway: sub.Gateway, DNS: sub.DNS,
		Routes: planRoutes(sub.Routes), RAMode: spec.RAMode(sub.RAMode)}
	if p, a := portOn(ports, sub.ID, func(o cloud.PortOwner) bool { return o == cloud.OwnerService }); p != nil {
		s.Service, s.DHCP = a, sub.DHCP
	}
	if p, _ := portOn(ports, sub.ID, cloud.PortOwner.IsRouterInterface); p != nil && sub.Prefix.Addr().Is6() {
		s.RARouter = linkLocal(p.MAC)
	}
	return s
}

// portOn finds the first port of some owners with an address on a subnet.
func portOn(ports []*cloud.Port, sub cloud.SubnetID, of func(cloud.PortOwner) bool) (found *cloud.Port, at netip.Addr) {
	for _, p := range ports {
		if !of(p.Owner) || found != nil && found.ID < p.ID {
			continue
		}
		for _, a := range p.Addresses {
			if a.SubnetID == sub {
				found, at = p, a.Address
			}
		}
	}
	return found, at
}

func planRoutes(routes []cloud.Route) []spec.Route {
	var planned []spec.Route
	for _, r := range routes {
		planned = append(planned, spec.Route{Destination: r.Destination, NextHop: r.NextHop})
	}
	return planned
}

func planNetworkHost(p *cloud.Port) spec.NetworkHost {
	return spec.NetworkHost{Port: spec.PortID(p.ID), MAC: p.MAC, Hostname: Hostname(p), Domain: planDomain(p), Addresses: addressesOf(p), Options: planOptions(p)}
}

func planOptions(p *cloud.Port) (options []spec.DHCPOption) {
	for _, o := range p.DHCPOptions {
		options = append(options, spec.DHCPOption{Name: o.Name, Value: o.Value, Version: o.Version})
	}
	return options
}

// planDomain is the port's own domain; a name that nobody gave is not answered below it.
func planDomain(p *cloud.Port) string {
	if p.DNSName == "" {
		return ""
	}
	return strings.TrimSuffix(p.DNSDomain, ".")
}

// Hostname is the name that DNS and DHCP give a port.
func Hostname(p *cloud.Port) string {
	if p.DNSName != "" {
		return strings.TrimSuffix(p.DNSName, ".")
	}
	if len(p.Addresses) == 0 {
		return ""
	}
	return defaultHostname(p.Addresses[0].Address.String())
}

func addressesOf(p *cloud.Port) []netip.Addr {
	var addresses []netip.Addr
	for _, a := range p.Addresses {
		addresses = append(addresses, a.Address)
	}
	return addresses
}
