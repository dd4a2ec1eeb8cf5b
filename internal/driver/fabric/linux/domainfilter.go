package linux

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/nft"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// filters is the table "inet nubo_domain": what stands between interfaces, for both families, and IPv6's guard, which has nothing
// to translate. A filter returns what it lets through, so that the next one is asked as well.
func (d domain) filters() nft.Table {
	t := nft.Table{Family: "inet", Name: "nubo_domain"}
	within := nft.Set{Name: "within", Type: "ifname . ifname"} // a detour inside one network passes no filter
	from := nft.Set{Name: "from", Type: "ifname : verdict"}
	to := nft.Set{Name: "to", Type: "ifname : verdict"}
	for _, f := range d.Domain.Filters {
		for _, i := range f.Interfaces {
			within.Elements = append(within.Elements, fmt.Sprintf("%q . %[1]q", routerLinkName(i)))
		}
		out, in := filterChain(f, spec.Egress), filterChain(f, spec.Ingress)
		from.Elements = append(from.Elements, jumpsTo(out.Name, f.Interfaces)...)
		to.Elements = append(to.Elements, jumpsTo(in.Name, f.Interfaces)...)
		t.Chains = append(t.Chains, out, in)
	}
	through, returning, nats := d.throughNATs()
	back, inwards := d.byTable("back", d.back)
	plain, passing := d.byTable("plain", d.plainRules)
	t.Sets = []nft.Set{within, from, to, through, returning, back, plain}
	t.Chains = slices.Concat(t.Chains, nats, inwards, passing, []nft.Chain{
		{Name: "untracked", Hook: "type filter hook prerouting priority -300; policy accept;", Rules: []string{"iifname vmap @plain"}},
		{Name: "filters", Hook: "type filter hook forward priority -10; policy accept;", Rules: []string{
			"iifname . oifname @within accept", "iifname vmap @from", "meta nfproto ipv4 rt classid vmap @through",
			"ct direction reply ct reply ip daddr vmap @returning", "oifname vmap @to"}},
		{Name: "back", Rules: []string{"oifname vmap @back", "drop"}}})
	if d.Gateway != nil {
		t.Chains = append(t.Chains, nft.Chain{Name: "guard", Hook: "type filter hook forward priority 0; policy accept;", Rules: []string{
			fmt.Sprintf("meta nfproto ipv6 iifname %s ct state new jump back", d.gatewayLink())}})
	}
	return t
}

// throughNATs lead what a NAT translates through the filter of the network that it is in, inwards and outwards: by the way there,
// and by whom answers are for. What is of that network passes the filter in any case.
func (d domain) throughNATs() (through, returning nft.Set, chains []nft.Chain) {
	through = nft.Set{Name: "through", Type: "realm : verdict"}
	returning = nft.Set{Name: "returning", Type: "ipv4_addr : verdict"}
	for _, n := range d.Domain.NATs {
		i := slices.IndexFunc(d.Domain.Filters, func(f spec.PacketFilter) bool { return slices.Contains(f.Interfaces, n.Interface) })
		if i < 0 {
			continue
		}
		name, link, filter := "nat_"+digest(n.ID)[:12], routerLinkName(n.Interface), d.Domain.Filters[i].ID
		chains = append(chains, nft.Chain{Name: name, Rules: []string{fmt.Sprintf("iifname %q return", link), fmt.Sprintf("oifname %q return", link),
			"jump " + filterName(filter, spec.Ingress), "jump " + filterName(filter, spec.Egress)}})
		through.Elements = append(through.Elements, fmt.Sprintf("%d : jump %s", d.ways[n.ID], name))
		for _, a := range []netip.Addr{n.Internal, n.External} {
			if a.IsValid() {
				returning.Elements = append(returning.Elements, fmt.Sprintf("%s : jump %s", a, name))
			}
		}
	}
	return through, returning, chains
}

// jumpsTo are the elements of a verdict map that lead interfaces to a chain.
func jumpsTo(chain string, interfaces []spec.PortID) []string {
	jumps := make([]string, len(interfaces))
	for i, port := range interfaces {
		jumps[i] = fmt.Sprintf("%q : jump %s", routerLinkName(port), chain)
	}
	return jumps
}

// filterName is the chain of a filter for one direction, as seen from its networks.
func filterName(id string, direction spec.Direction) string {
	return string(direction) + "_" + digest(id)[:12]
}

func filterChain(f spec.PacketFilter, direction spec.Direction) nft.Chain {
	c := nft.Chain{Name: filterName(f.ID, direction)}
	for _, e := range f.Entries {
		if e.Direction == direction && !matchesNothing(e) {
			c.Rules = append(c.Rules, entryText(e))
		}
	}
	c.Rules = append(c.Rules, "drop")
	return c
}

// matchesNothing tells of an entry for the ICMP of the other family.
func matchesNothing(e spec.FilterEntry) bool {
	return e.Prefix.Addr().Is4() && e.Protocol == protoICMPv6
}

// entryText is one entry in nftables' words. As in groups, ICMP with an IPv6 prefix is ICMPv6.
func entryText(e spec.FilterEntry) string {
	r := spec.Rule{Direction: e.Direction, IPv6: e.Prefix.Addr().Is6(), Protocol: e.Protocol, PortMin: -1, PortMax: -1, RemotePrefix: e.Prefix}
	if e.Ports != nil && hasPorts(e.Protocol) {
		r.PortMin, r.PortMax = e.Ports.First, e.Ports.Last
	}
	if p := protocol(r); (p == protoICMP || p == protoICMPv6) && e.ICMPType != nil { // a code means nothing without a type
		r.PortMin, r.PortMax = *e.ICMPType, either(e.ICMPCode, -1)
	}
	family := "meta nfproto ipv4"
	if r.IPv6 {
		family = "meta nfproto ipv6"
	}
	verdict := " drop"
	if e.Allow {
		verdict = " return"
	}
	return family + remoteText(r) + protocolText(r) + verdict
}

func either(n *int, otherwise int) int {
	if n == nil {
		return otherwise
	}
	return *n
}

// byTable makes a chain for each table that has rules, and the map that leads its interfaces to it.
func (d domain) byTable(name string, rules func(leads) []string) (nft.Set, []nft.Chain) {
	jumps := nft.Set{Name: name, Type: "ifname : verdict"}
	var chains []nft.Chain
	for _, t := range d.tables {
		c := nft.Chain{Name: name + "_" + digest(t.ID)[:12], Rules: rules(t.leads)}
		if len(c.Rules) > 0 {
			chains = append(chains, c)
			jumps.Elements = append(jumps.Elements, jumpsTo(c.Name, t.Interfaces)...)
		}
	}
	return jumps, chains
}

// plainRules leave untracked what a table leads to a neighbour as it is.
func (d domain) plainRules(of leads) []string {
	if !slices.ContainsFunc(of, lead.plain) {
		return nil
	}
	of = slices.Concat(of, d.connected()) // whose turn comes after routes to one of them
	slices.SortStableFunc(of, func(a, b lead) int { return b.to.Bits() - a.to.Bits() })
	var rules []string
	for _, l := range of {
		rule := strings.TrimSpace(addressText("daddr", l.to))
		if l.plain() {
			rule += " notrack"
		}
		rules = append(rules, rule+" accept")
	}
	return rules
}

// back are the ways by which IPv6 connections from outside are answered: who is answered by none may not come in.
func (d domain) back(l leads) []string {
	var rules []string
	for _, each := range l {
		if each.to.Addr().Is6() {
			rules = append(rules, fmt.Sprintf("ip6 saddr %s %s", each.to, d.verdictBack(each)))
		}
	}
	return rules
}

func (d domain) verdictBack(l lead) string {
	if d.Gateway != nil && l.link == d.Gateway.Port && !l.oneWay {
		return "accept"
	}
	return "drop"
}
