package linux

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// flow is the first packet of a tracked connection.
type flow struct {
	source, destination netip.Addr
	protocol            int
	destinationPort     int
	// answers is whose answers come back, seenAs whom they are for.
	answers, seenAs netip.Addr
}

// allowed tells whether the rules in force would let the connection begin
// now. Ends that are not ports here are none of our business.
func (v view) allowed(f flow) bool {
	for _, p := range v.ports {
		if !p.port.Security {
			continue
		}
		if p.owns(f.source) && !v.permits(p.port, spec.Egress, f, f.destination) {
			return false
		}
		if p.owns(f.destination) && !v.permits(p.port, spec.Ingress, f, f.source) {
			return false
		}
	}
	return true
}

func (v view) permits(p spec.Port, d spec.Direction, f flow, remote netip.Addr) bool {
	for _, id := range p.Groups {
		for _, r := range v.groups[id].Rules {
			if r.Direction == d && r.IPv6 == remote.Is6() && v.matches(r, f, remote) {
				return true
			}
		}
	}
	return v.service(remote)
}

func (v view) matches(r spec.Rule, f flow, remote netip.Addr) bool {
	return !never(r) && v.remoteMatches(r, remote) && protocolMatches(r, f)
}

func (v view) remoteMatches(r spec.Rule, remote netip.Addr) bool {
	switch {
	case r.RemoteGroup != "":
		return slices.Contains(v.groups[r.RemoteGroup].Members, remote)
	case r.RemotePrefix.IsValid():
		return r.RemotePrefix.Contains(remote)
	case len(r.RemoteSet) > 0:
		return slices.ContainsFunc(r.RemoteSet, func(p netip.Prefix) bool { return p.Contains(remote) })
	}
	return true
}

// protocolMatches does not look at ICMP types: the kernel forgets such flows
// within seconds anyway.
func protocolMatches(r spec.Rule, f flow) bool {
	proto := protocol(r)
	if proto < 0 {
		return true
	}
	low, high := portRange(r)
	if proto != f.protocol {
		return false
	}
	return !hasPorts(proto) || low < 0 || (low <= f.destinationPort && f.destinationPort <= high)
}

// service tells whether an address is one of ours, reached without any rule.
func (v view) service(a netip.Addr) bool {
	if a == metadataV4 || a == metadataV6 {
		return true
	}
	return slices.ContainsFunc(v.network.Subnets, func(s spec.Subnet) bool { return s.Service == a })
}

// owns does not count pairs that allow everything: such a port speaks for others.
func (p portView) owns(a netip.Addr) bool {
	return a == p.linkLocal || slices.Contains(p.port.Addresses, a) ||
		slices.ContainsFunc(p.port.AllowedPairs, func(pair spec.AddressPair) bool {
			return pair.Address.Contains(a) && pair.Address.Bits() > 0
		})
}

// cutter selects tracked connections to end.
type cutter func(flow) bool

// MatchConntrackFlow is netlink.CustomConntrackFilter.
func (c cutter) MatchConntrackFlow(k *netlink.ConntrackFlow) bool {
	return c(flow{
		source:          address(k.Forward.SrcIP),
		destination:     address(k.Forward.DstIP),
		protocol:        int(k.Forward.Protocol),
		destinationPort: int(k.Forward.DstPort),
		answers:         address(k.Reverse.SrcIP),
		seenAs:          address(k.Reverse.DstIP),
	})
}

// cut forgets tracked connections in the current namespace. Their packets are
// "invalid" from then on (nf_conntrack_tcp_loose is off) or begin anew and meet the rules.
func cut(end cutter) error {
	for _, family := range []netlink.InetFamily{unix.AF_INET, unix.AF_INET6} {
		if _, err := netlink.ConntrackDeleteFilters(netlink.ConntrackTable, family, end); err != nil {
			return fmt.Errorf("cut connections: %w", err)
		}
	}
	return nil
}

func address(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip)
	return a.Unmap()
}
