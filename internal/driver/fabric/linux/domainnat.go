package linux

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/nft"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// translation is the table "ip nubo" of a domain, see domain.
func (d domain) translation() nft.Table {
	t := nft.Table{Family: "ip", Name: "nubo", Sets: d.translationSets()}
	t.Chains = []nft.Chain{{Name: "outwards", Hook: "type nat hook postrouting priority 100; policy accept;", Rules: []string{
		"snat to meta mark map @nats",
		fmt.Sprintf("meta mark %d snat to ip saddr map @outward", wayOut),
		d.notOut() + "snat to rt classid map @inner",
	}}}
	if d.Gateway == nil {
		return t
	}
	again, tables := d.byTable("again", d.again)
	t.Sets = append(t.Sets, again)
	gateway := d.gatewayLink()
	t.Chains = append(t.Chains,
		nft.Chain{Name: "returning", Hook: "type filter hook prerouting priority -150; policy accept;", Rules: []string{
			fmt.Sprintf("iifname != %s ip daddr @floating jump again", gateway)}},
		nft.Chain{Name: "again", Rules: []string{"iifname vmap @again", "drop"}},
		nft.Chain{Name: "inwards", Hook: "type nat hook prerouting priority -100; policy accept;",
			Rules: append([]string{"dnat to ip daddr map @inward"}, forwardRules(d.Forwards)...)},
		nft.Chain{Name: "guard", Hook: "type filter hook forward priority 0; policy accept;", Rules: []string{
			fmt.Sprintf("oifname %s jump leaving", gateway),
			fmt.Sprintf("iifname %s ct status dnat accept", gateway),
			fmt.Sprintf("iifname %s ct state new drop", gateway)}},
		nft.Chain{Name: "leaving", Rules: leaving()})
	t.Chains = append(t.Chains, tables...)
	t.Chains = append(t.Chains, routerLimits(gateway, d.Limits)...)
	return t
}

func (d domain) gatewayLink() string { return fmt.Sprintf("%q", routerLinkName(d.Gateway.Port)) }

// notOut bounds a rule to what does not leave through the gateway.
func (d domain) notOut() string {
	if d.Gateway == nil {
		return ""
	}
	return fmt.Sprintf("oifname != %s ", d.gatewayLink())
}

// leaving looks at what is about to leave. NAT is decided by a connection's first packet and holds for all others, whatever the
// tables say by then; so the first must have a way, and each later one be translated as its way says now.
func leaving() []string {
	return []string{
		"ct state invalid drop", // it could not be rewritten
		"meta mark set 0",
		"meta mark set rt classid map @ways",
		"ct direction reply meta mark . ct original ip daddr @under accept",
		"ct direction original ct status confirmed meta mark . ct reply ip daddr @under accept",
		"ct direction original ct status ! confirmed meta mark @egress accept",
		fmt.Sprintf("ct direction original ct status ! confirmed meta mark %d ip saddr @inside accept", wayOut),
		"drop",
	}
}

// translationSets say which ways there are and under which addresses. A way's number is the realm of its routes and, for what
// leaves, the mark of packets.
func (d domain) translationSets() []nft.Set {
	ways := nft.Set{Name: "ways", Type: "realm : mark", Elements: []string{fmt.Sprintf("%d : %d", wayOut, wayOut)}}
	under := nft.Set{Name: "under", Type: "mark . ipv4_addr"} // which addresses who goes which way is seen under
	egress := nft.Set{Name: "egress", Type: "mark"}           // ways that anybody may take
	nats := nft.Set{Name: "nats", Type: "mark : ipv4_addr"}
	inner := nft.Set{Name: "inner", Type: "realm : ipv4_addr"}
	for _, n := range d.Domain.NATs {
		number := d.ways[n.ID]
		inner.Elements = append(inner.Elements, fmt.Sprintf("%d : %s", number, n.Internal))
		if !n.External.IsValid() {
			continue
		}
		ways.Elements = append(ways.Elements, fmt.Sprintf("%d : %d", number, number))
		under.Elements = append(under.Elements, fmt.Sprintf("%d . %s", number, n.External))
		egress.Elements = append(egress.Elements, fmt.Sprint(number))
		nats.Elements = append(nats.Elements, fmt.Sprintf("%d : %s", number, n.External))
	}
	sets := floatingSets(d.Router)
	for _, external := range sets[0].Elements {
		under.Elements = append(under.Elements, fmt.Sprintf("%d . %s", wayOut, external))
	}
	inside := nft.Set{Name: "inside", Type: "ipv4_addr"}
	for _, fip := range d.Floating {
		inside.Elements = append(inside.Elements, fip.Internal.String())
	}
	inside.Elements = unique(inside.Elements)
	return append(sets, ways, under, egress, nats, inner, inside)
}

// again are the ways to the router's own floating IPs. What leads there only from outside, or nowhere, is dropped.
func (d domain) again(l leads) []string {
	var rules []string
	for _, each := range l {
		if d.holdsExternal(each.to) {
			rules = append(rules, d.againBy(each)...)
		}
	}
	return rules
}

func (d domain) againBy(l lead) []string {
	to := "ip daddr " + l.to.String()
	switch {
	case l.link != d.Gateway.Port:
		return []string{to + " drop"}
	case l.number == wayOut:
		return []string{fmt.Sprintf("%s ip saddr @inside meta mark set %d accept", to, l.number), to + " drop"}
	}
	return []string{fmt.Sprintf("%s meta mark set %d accept", to, l.number)}
}

func (d domain) holdsExternal(p netip.Prefix) bool {
	return slices.ContainsFunc(d.Floating, func(f spec.FloatingIP) bool { return p.Contains(f.External) }) ||
		slices.ContainsFunc(d.Forwards, func(f spec.PortForward) bool { return p.Contains(f.External) })
}
