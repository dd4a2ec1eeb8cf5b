package linux

import (
	"fmt"
	"net/netip"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// IANA protocol numbers that rules treat in their own way.
const (
	protoICMP    = 1
	protoTCP     = 6
	protoUDP     = 17
	protoDCCP    = 33
	protoICMPv6  = 58
	protoSCTP    = 132
	protoUDPLite = 136
)

// ruleText is one security group rule in nftables' words.
func ruleText(r spec.Rule) string {
	text := "ether type ip"
	if r.IPv6 {
		text = "ether type ip6"
	}
	return text + remoteText(r) + protocolText(r) + " accept"
}

func remoteText(r spec.Rule) string {
	field := " ip "
	if r.IPv6 {
		field = " ip6 "
	}
	if r.Direction == spec.Ingress {
		field += "saddr"
	} else {
		field += "daddr"
	}
	switch {
	case r.RemoteGroup != "":
		return field + " @" + memberSet(r.RemoteGroup, r.IPv6)
	case r.RemotePrefix.IsValid():
		return match(field, []netip.Prefix{r.RemotePrefix.Masked()})
	case len(r.RemoteSet) > 0:
		return match(field, remotes(r))
	}
	return ""
}

// remotes are the fixed prefixes of a rule's own family.
func remotes(r spec.Rule) []netip.Prefix {
	var out []netip.Prefix
	for _, p := range r.RemoteSet {
		if p.Addr().Is6() == r.IPv6 {
			out = append(out, p.Masked())
		}
	}
	return reduce(out)
}

func protocolText(r spec.Rule) string {
	proto := protocol(r)
	if proto < 0 {
		return ""
	}
	text := fmt.Sprintf(" meta l4proto %d", proto)
	low, high := portRange(r)
	switch {
	case low < 0:
		return text
	case proto == protoICMP:
		return text + icmpText(" icmp", r)
	case proto == protoICMPv6:
		return text + icmpText(" icmpv6", r)
	case !hasPorts(proto):
		return text
	case low == 0 && high == 65535:
		return text
	case low == high:
		return text + fmt.Sprintf(" th dport %d", low)
	}
	return text + fmt.Sprintf(" th dport %d-%d", low, high)
}

func icmpText(field string, r spec.Rule) string {
	text := fmt.Sprintf("%s type %d", field, r.PortMin)
	if r.PortMax >= 0 {
		text += fmt.Sprintf("%s code %d", field, r.PortMax)
	}
	return text
}

// protocol reads "icmp" in an IPv6 rule as ICMPv6: there is no other there.
func protocol(r spec.Rule) int {
	if r.IPv6 && r.Protocol == protoICMP {
		return protoICMPv6
	}
	return r.Protocol
}

// portRange gives -1 for any.
func portRange(r spec.Rule) (low, high int) {
	low, high = r.PortMin, r.PortMax
	if low < 0 && high >= 0 {
		low = 0
	}
	if high < 0 {
		high = low
	}
	return low, high
}

func hasPorts(proto int) bool {
	switch proto {
	case protoTCP, protoUDP, protoDCCP, protoSCTP, protoUDPLite:
		return true
	}
	return false
}

// checkRule refuses what cannot be written down.
func checkRule(r spec.Rule) error {
	if r.Direction != spec.Ingress && r.Direction != spec.Egress {
		return fmt.Errorf("rule %s: direction %q: %w", r.ID, r.Direction, spec.ErrInvalid)
	}
	if r.Protocol > 255 || r.PortMin > 65535 || r.PortMax > 65535 {
		return fmt.Errorf("rule %s: number out of range: %w", r.ID, spec.ErrInvalid)
	}
	if proto := protocol(r); (proto == protoICMP || proto == protoICMPv6) && (r.PortMin > 255 || r.PortMax > 255) {
		return fmt.Errorf("rule %s: ICMP type %d code %d: %w", r.ID, r.PortMin, r.PortMax, spec.ErrInvalid)
	}
	if low, high := portRange(r); hasPorts(protocol(r)) && low > high {
		return fmt.Errorf("rule %s: ports %d to %d: %w", r.ID, low, high, spec.ErrInvalid)
	}
	if r.RemotePrefix.IsValid() && r.RemotePrefix.Addr().Is6() != r.IPv6 {
		return fmt.Errorf("rule %s: prefix %s of the other family: %w", r.ID, r.RemotePrefix, spec.ErrInvalid)
	}
	return nil
}

// never tells that a rule can match nothing (an address group without members
// of the family): an empty set must not become "anybody".
func never(r spec.Rule) bool {
	return r.RemoteGroup == "" && !r.RemotePrefix.IsValid() && r.RemoteSet != nil && len(remotes(r)) == 0
}
