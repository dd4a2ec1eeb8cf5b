package network

import (
	"net/netip"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// IPv6 modes, of addresses and of router advertisements.
const (
	ModeSLAAC     = "slaac"
	ModeStateless = "dhcpv6-stateless"
	ModeStateful  = "dhcpv6-stateful"
)

// isAutomatic tells whether NICs make their own addresses on the subnet.
func isAutomatic(sub *cloud.Subnet) bool {
	return sub.AddressMode == ModeSLAAC || sub.AddressMode == ModeStateless
}

func checkPrefix(sub *cloud.Subnet) error {
	if !sub.Prefix.IsValid() || sub.Prefix.Bits() == 0 {
		return cloud.Invalidf("subnet", "cidr", "Invalid input for operation: '%s' is not a valid IP subnet.", sub.Prefix)
	}
	a := sub.Prefix.Addr()
	if a.IsMulticast() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.Is4In6() {
		return cloud.Invalidf("subnet", "cidr", "Invalid input for operation: Subnet on network cannot be %s: guests cannot use it.", sub.Prefix)
	}
	return checkModes(sub)
}

func checkModes(sub *cloud.Subnet) error {
	modes := []string{"", ModeSLAAC, ModeStateless, ModeStateful}
	switch {
	case !slices.Contains(modes, sub.RAMode) || !slices.Contains(modes, sub.AddressMode):
		return cloud.Invalidf("subnet", "ipv6_address_mode", "Invalid input for ipv6_ra_mode or ipv6_address_mode: "+
			"must be one of slaac, dhcpv6-stateless, dhcpv6-stateful.")
	case sub.RAMode == "" && sub.AddressMode == "":
		return nil
	case sub.Prefix.Addr().Is4():
		return cloud.Invalidf("subnet", "ipv6_ra_mode", "Invalid input for operation: ipv6_ra_mode and ipv6_address_mode are for IP version 6 only.")
	case !sub.DHCP:
		return cloud.Invalidf("subnet", "ipv6_ra_mode", "Invalid input for operation: ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False.")
	case sub.RAMode != "" && sub.AddressMode != "" && sub.RAMode != sub.AddressMode:
		return cloud.Invalidf("subnet", "ipv6_ra_mode", "Invalid input for operation: ipv6_ra_mode set to '%s' with ipv6_address_mode set to '%s' is not valid. "+
			"If both attributes are set, they must be the same value.", sub.RAMode, sub.AddressMode)
	case isAutomatic(sub) && sub.Prefix.Bits() != 64:
		return cloud.Invalidf("subnet", "cidr", "Invalid input for operation: Invalid CIDR %s for IPv6 address mode. "+
			"NICs make EUI-64 addresses, which need a prefix of /64.", sub.Prefix)
	}
	return nil
}

// checkSubnet checks what may change in a subnet's life.
func checkSubnet(sub *cloud.Subnet) error {
	if err := checkGateway(sub); err != nil {
		return err
	}
	if err := checkPools(sub); err != nil {
		return err
	}
	for _, r := range sub.Routes {
		if !r.Destination.IsValid() || !r.NextHop.IsValid() || r.Destination.Addr().Is4() != sub.Prefix.Addr().Is4() ||
			r.NextHop.Is4() != sub.Prefix.Addr().Is4() {
			return cloud.Invalidf("subnet", "host_routes", "Invalid input for host_routes: both parts must be of the subnet's IP version.")
		}
	}
	for i, d := range sub.DNS {
		if slices.Contains(sub.DNS[:i], d) {
			return cloud.Invalidf("subnet", "dns_nameservers", "Invalid input for dns_nameservers. Reason: Duplicate nameserver '%s'.", d)
		}
	}
	return checkModes(sub)
}

func checkGateway(sub *cloud.Subnet) error {
	g := sub.Gateway
	if !g.IsValid() || g.Is6() && g.IsLinkLocalUnicast() && sub.Prefix.Addr().Is6() {
		return nil
	}
	if g.Is4() != sub.Prefix.Addr().Is4() {
		return cloud.Invalidf("subnet", "gateway_ip", "Invalid input for operation: gateway_ip '%s' is not of the IP version of %s.", g, sub.Prefix)
	}
	// One outside the subnet is reached by a route on the link, which guests are told of or set themselves.
	if sub.Prefix.Contains(g) && !isHost(sub.Prefix, g) {
		return cloud.Invalidf("subnet", "gateway_ip", "Invalid input for operation: Gateway %s is not a host address of the subnet %s.", g, sub.Prefix)
	}
	for _, p := range sub.Pools {
		if !g.Less(p.Start) && !p.End.Less(g) {
			return cloud.Errorf(cloud.Conflict, "gateway IP", sub.ID, "Gateway ip %s conflicts with allocation pool %s-%s.", g, p.Start, p.End)
		}
	}
	return nil
}

func checkPools(sub *cloud.Subnet) error {
	for i, p := range sub.Pools {
		if !p.Start.IsValid() || !p.End.IsValid() || p.End.Less(p.Start) {
			return cloud.Invalidf("subnet", "allocation_pools", "The allocation pool %s-%s is not valid.", p.Start, p.End)
		}
		if !isHost(sub.Prefix, p.Start) || !isHost(sub.Prefix, p.End) {
			return cloud.Invalidf("subnet", "allocation_pools", "The allocation pool %s-%s spans beyond the subnet cidr %s.", p.Start, p.End, sub.Prefix)
		}
		for _, q := range sub.Pools[:i] {
			if !q.End.Less(p.Start) && !p.End.Less(q.Start) {
				return cloud.Errorf(cloud.Conflict, "allocation pool", sub.ID, "Found overlapping allocation pools: %s-%s %s-%s for subnet %s.",
					q.Start, q.End, p.Start, p.End, sub.Prefix)
			}
		}
	}
	return nil
}

// isHost tells whether an address may be given to a NIC: inside, and neither the
// IPv4 network or broadcast address nor the IPv6 all-routers one.
func isHost(p netip.Prefix, a netip.Addr) bool {
	if !p.Contains(a) {
		return false
	}
	if p.Bits() >= p.Addr().BitLen()-1 { // point to point: every address is a host's
		return true
	}
	return a != p.Masked().Addr() && (a.Is6() || a != lastOf(p))
}

// lastOf is the largest address of a prefix.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().As16()
	offset := 128 - p.Addr().BitLen()
	for bit := offset + p.Bits(); bit < 128; bit++ {
		b[bit/8] |= 1 << (7 - bit%8)
	}
	a := netip.AddrFrom16(b)
	if p.Addr().Is4() {
		return a.Unmap()
	}
	return a
}

// firstHost is the address a gateway gets by default.
func firstHost(p netip.Prefix) netip.Addr {
	a := p.Masked().Addr()
	if p.Bits() >= p.Addr().BitLen()-1 {
		return a
	}
	return a.Next()
}

// defaultPools are all host addresses but the gateway's.
func defaultPools(p netip.Prefix, gateway netip.Addr) []cloud.AddressRange {
	start, end := firstHost(p), lastOf(p)
	if p.Addr().Is4() && p.Bits() < 31 {
		end = end.Prev()
	}
	if !gateway.IsValid() || gateway.Less(start) || end.Less(gateway) {
		return []cloud.AddressRange{{Start: start, End: end}}
	}
	var pools []cloud.AddressRange
	if start.Less(gateway) {
		pools = append(pools, cloud.AddressRange{Start: start, End: gateway.Prev()})
	}
	if gateway.Less(end) {
		pools = append(pools, cloud.AddressRange{Start: gateway.Next(), End: end})
	}
	return pools
}
