package linux

import (
	"fmt"
	"net/netip"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/nft"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// markHairpin is on packets from the inside to a floating IP of the same router.
const markHairpin = 1

// routerTables are the rules of a router: what translates, and of a domain what else it keeps to.
func routerTables(r spec.Router) []nft.Table {
	if r.Domain == nil {
		return []nft.Table{translation(r)}
	}
	d := newDomain(r)
	return []nft.Table{d.translation(), d.filters()}
}

// translation is the NAT of an ordinary router.
//
// Who has a floating IP leaves through the gateway under it, everybody else under
// the gateway's own address. A packet from inside to a floating IP of this router is
// rewritten on both sides, or the answer would take the short way and not be recognised.
func translation(r spec.Router) nft.Table {
	t := nft.Table{Family: "ip", Name: "nubo", Sets: floatingSets(r)}
	if r.Gateway == nil {
		return t
	}
	gateway := fmt.Sprintf("%q", routerLinkName(r.Gateway.Port))
	own, snat := gatewayIPv4(r)
	t.Chains = []nft.Chain{
		{Name: "hairpin", Hook: "type filter hook prerouting priority -150; policy accept;", Rules: []string{
			fmt.Sprintf("iifname != %s ip daddr @floating meta mark set %d", gateway, markHairpin)}},
		{Name: "inwards", Hook: "type nat hook prerouting priority -100; policy accept;", Rules: append([]string{"dnat to ip daddr map @inward"}, forwardRules(r.Forwards)...)},
		{Name: "outwards", Hook: "type nat hook postrouting priority 100; policy accept;", Rules: outwards(gateway, own, snat)},
		{Name: "guard", Hook: "type filter hook forward priority 0; policy accept;", Rules: guard(gateway, snat)},
	}
	t.Chains = append(t.Chains, routerLimits(gateway, r.Limits)...)
	return t
}

// floatingSets are the external addresses that lead inside, where they lead, and the way back.
func floatingSets(r spec.Router) []nft.Set {
	floating := nft.Set{Name: "floating", Type: "ipv4_addr"}
	inward := nft.Set{Name: "inward", Type: "ipv4_addr : ipv4_addr"}
	outward := nft.Set{Name: "outward", Type: "ipv4_addr : ipv4_addr"}
	leaves := map[netip.Addr]bool{}
	for _, fip := range r.Floating {
		floating.Elements = append(floating.Elements, fip.External.String())
		inward.Elements = append(inward.Elements, fmt.Sprintf("%s : %s", fip.External, fip.Internal))
		if !leaves[fip.Internal] { // of several, the first is the one it leaves under
			outward.Elements = append(outward.Elements, fmt.Sprintf("%s : %s", fip.Internal, fip.External))
			leaves[fip.Internal] = true
		}
	}
	for _, p := range r.Forwards {
		floating.Elements = append(floating.Elements, p.External.String())
	}
	floating.Elements = unique(floating.Elements)
	return []nft.Set{floating, inward, outward}
}

func gatewayIPv4(r spec.Router) (own netip.Addr, snat bool) {
	for _, p := range r.Gateway.Addresses {
		if p.Addr().Is4() {
			return p.Addr(), r.Gateway.SNAT
		}
	}
	return netip.Addr{}, false
}

func outwards(gateway string, own netip.Addr, snat bool) []string {
	rules := []string{
		fmt.Sprintf("oifname %s snat to ip saddr map @outward", gateway),
		fmt.Sprintf("meta mark %d snat to ip saddr map @outward", markHairpin),
	}
	if own.IsValid() {
		rules = append(rules, fmt.Sprintf("meta mark %d snat to %s", markHairpin, own))
	}
	if snat {
		rules = append(rules, fmt.Sprintf("oifname %s snat to %s", gateway, own))
	}
	return rules
}

// guard lets nobody outside address what hides behind SNAT, even with a route to it.
func guard(gateway string, snat bool) []string {
	rules := []string{fmt.Sprintf("oifname %s ct state invalid drop", gateway)} // it could not be rewritten
	if snat {
		rules = append(rules,
			fmt.Sprintf("iifname %s ct status dnat accept", gateway),
			fmt.Sprintf("iifname %s ct state new drop", gateway))
	}
	return rules
}
