package linux

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// source is what one MAC address of a port may send from.
type source struct {
	mac      string
	prefixes []netip.Prefix
}

// sources are the port's own MAC and addresses and its allowed pairs, by MAC. Its
// own MAC comes first and includes the link-local address made of it.
func sources(p spec.Port) []source {
	own, err := parseMAC(p.MAC)
	if err != nil {
		return nil // checked when the document came in
	}
	all := []source{{mac: own.String()}}
	add := func(mac string, prefix netip.Prefix) {
		for i := range all {
			if all[i].mac == mac {
				all[i].prefixes = append(all[i].prefixes, prefix.Masked())
				return
			}
		}
		all = append(all, source{mac, []netip.Prefix{prefix.Masked()}})
	}
	for _, a := range p.Addresses {
		add(own.String(), netip.PrefixFrom(a, a.BitLen()))
	}
	for _, pair := range p.AllowedPairs {
		mac := own
		if pair.MAC != "" {
			if mac, err = parseMAC(pair.MAC); err != nil {
				continue
			}
		}
		add(mac.String(), pair.Address)
		add(mac.String(), netip.PrefixFrom(linkLocal(mac), 128))
	}
	add(own.String(), netip.PrefixFrom(linkLocal(own), 128))
	for i := range all {
		all[i].prefixes = reduce(all[i].prefixes)
	}
	return all
}

// reduce sorts prefixes and drops those inside others: nftables refuses
// overlapping intervals.
func reduce(prefixes []netip.Prefix) []netip.Prefix {
	sorted := slices.Clone(prefixes)
	slices.SortFunc(sorted, func(a, b netip.Prefix) int {
		if c := a.Addr().Compare(b.Addr()); c != 0 {
			return c
		}
		return a.Bits() - b.Bits()
	})
	var out []netip.Prefix
	for _, p := range sorted {
		if len(out) > 0 && out[len(out)-1].Contains(p.Addr()) {
			continue
		}
		out = append(out, p)
	}
	return out
}

// fromGuest are the rules for what comes out of a port, before anything else
// looks at it: no frame with another's MAC, ARP sender, IP source or ND target passes.
func fromGuest(p spec.Port, ifindex int) []string {
	rules := append([]string{fmt.Sprintf("meta mark set %#x", ifindex)}, qosFromGuest(p.QoS)...)
	if !p.Security {
		return rules
	}
	rules = append(rules, "ether type != { 0x0800, 0x0806, 0x86dd } drop")
	all := sources(p)
	rules = append(rules, neighbourRules(all)...)
	for _, s := range all {
		rules = append(rules, fromMAC(s)...)
	}
	if p.Forwards {
		rules = append(rules, "ether saddr "+all[0].mac+" ether type { 0x0800, 0x86dd } accept")
	}
	return append(rules, "drop")
}

func fromMAC(s source) []string {
	from := "ether saddr " + s.mac
	arp := from + " arp htype 1 arp ptype 0x0800 arp hlen 6 arp plen 4 arp saddr ether " + s.mac
	rules := []string{
		arp + " arp saddr ip 0.0.0.0 accept", // a probe says nothing about the sender
		from + " ip saddr 0.0.0.0 udp sport 68 udp dport 67 accept",
		from + " ip6 saddr :: icmpv6 type { 131, 132, 133, 135, 143 } accept",
	}
	v4, v6 := split(s.prefixes)
	if len(v4) > 0 {
		rules = append(rules,
			arp+match(" arp saddr ip", v4)+" accept",
			from+" ether type ip"+match(" ip saddr", v4)+" accept")
	}
	if len(v6) > 0 {
		rules = append(rules, from+" ether type ip6"+match(" ip6 saddr", v6)+" accept")
	}
	return rules
}

// neighbourRules drop advertisements, and probes for duplicates, of addresses
// that are not the port's: both make others stop talking to the true owner.
func neighbourRules(all []source) []string {
	var v6 []netip.Prefix
	for _, s := range all {
		_, six := split(s.prefixes)
		v6 = append(v6, six...)
	}
	v6 = reduce(v6)
	targets := make([]string, 0, len(v6))
	for _, p := range v6 {
		if p.Bits() == 0 {
			return nil
		}
		targets = append(targets, hexRange(p))
	}
	set := "{ " + strings.Join(targets, ", ") + " }"
	return []string{
		"icmpv6 type 136 @th,64,128 != " + set + " drop",
		"ip6 saddr :: icmpv6 type 135 @th,64,128 != " + set + " drop",
	}
}

// hexRange is a prefix as raw payload is compared: numbers.
func hexRange(p netip.Prefix) string {
	first := p.Masked().Addr().As16()
	if p.Bits() == 128 {
		return fmt.Sprintf("0x%x", first)
	}
	last := first
	for i := p.Bits(); i < 128; i++ {
		last[i/8] |= 0x80 >> (i % 8)
	}
	return fmt.Sprintf("0x%x-0x%x", first, last)
}

func split(prefixes []netip.Prefix) (v4, v6 []netip.Prefix) {
	for _, p := range prefixes {
		if p.Addr().Is4() {
			v4 = append(v4, p)
		} else {
			v6 = append(v6, p)
		}
	}
	return v4, v6
}

// match compares a field with prefixes; nothing to compare if they are everything.
func match(field string, prefixes []netip.Prefix) string {
	words := make([]string, len(prefixes))
	for i, p := range prefixes {
		if p.Bits() == 0 {
			return ""
		}
		words[i] = prefixText(p)
	}
	if len(words) == 1 {
		return field + " " + words[0]
	}
	return field + " { " + strings.Join(words, ", ") + " }"
}

func prefixText(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.Masked().String()
}
