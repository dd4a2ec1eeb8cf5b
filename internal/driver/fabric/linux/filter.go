package linux

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/nft"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// The packet mark carries what one layer knows and another needs.
const (
	markPort        = 0x00ffffff // ifindex of the tap the packet came from, 0: not from a guest
	markEstablished = 0x01000000 // connection tracking knows its connection
	markInvalid     = 0x02000000 // connection tracking cannot place it
)

// Addresses of the metadata service, the same on every network.
var (
	metadataV4 = netip.MustParseAddr("169.254.169.254")
	metadataV6 = netip.MustParseAddr("fe80::a9fe:a9fe")
)

// tracking says where connection states are read.
type tracking string

// The ways. Both end in the same marks, so nothing else depends on the choice.
const (
	// trackIP lets br_netfilter show bridged packets to the inet hooks.
	trackIP tracking = "br_netfilter"
	// trackBridge reads them in the bridge hooks (nf_conntrack_bridge).
	trackBridge tracking = "nf_conntrack_bridge"
)

// view is everything the filter of one network depends on.
type view struct {
	network spec.Network
	ports   []portView
	groups  map[spec.GroupID]spec.SecurityGroup
	track   tracking
	uplink  string // the MAC of its way to other hosts, if filters need it
}

type portView struct {
	port      spec.Port
	ifindex   int
	linkLocal netip.Addr
}

// tables are the wanted nftables tables of a network's namespace.
//
// The path of a frame from guest A to guest B:
//
//	bridge prerouting -310  entering  from other hosts: nothing about routers that they have as well
//	bridge prerouting -300  pre      A's "from" chain: limits, DSCP, spoofing; mark = A's tap
//	bridge prerouting -290  metadata 169.254.169.254 is ours, whoever's MAC it was sent to
//	inet   prerouting -150  track    connection state -> mark (br_netfilter calls it)
//	bridge forward       0  egress   A's "out" chain: A's groups
//	bridge forward      10  ingress  B's "in" chain: B's groups
//	bridge postrouting -10  leaving   to other hosts: the same, and a router's MAC is changed
//	bridge postrouting   0  post     B's "to" chain: limits
//
// A packet dropped in forward is never confirmed, so no connection is
// "established" that both sides have not allowed.
func (v view) tables() []nft.Table {
	bridge := nft.Table{Family: "bridge", Name: "nubo", Chains: append(v.baseChains(), v.copyChains()...)}
	from := nft.Set{Name: "from", Type: "ifname : verdict"}
	out := nft.Set{Name: "out", Type: "ifname : verdict"}
	in := nft.Set{Name: "in", Type: "ifname : verdict"}
	for _, p := range v.ports {
		tap := tapName(p.port.ID)
		from.Elements = append(from.Elements, fmt.Sprintf("%q : jump from_%s", tap, tap))
		bridge.Chains = append(bridge.Chains, nft.Chain{Name: "from_" + tap, Rules: fromGuest(p.port, p.ifindex)})
		if !p.port.Security {
			continue
		}
		out.Elements = append(out.Elements, fmt.Sprintf("%q : jump out_%s", tap, tap))
		in.Elements = append(in.Elements, fmt.Sprintf("%q : jump in_%s", tap, tap))
		bridge.Chains = append(bridge.Chains,
			nft.Chain{Name: "out_" + tap, Rules: v.outRules(p.port)},
			nft.Chain{Name: "in_" + tap, Rules: v.inRules(p.port)})
	}
	sets, chains := v.groupObjects()
	to, limits := v.qosToGuests()
	bridge.Sets = append([]nft.Set{from, out, in, to}, sets...)
	bridge.Chains = slices.Concat(bridge.Chains, chains, limits)
	if v.track == trackBridge {
		bridge.Chains = append(bridge.Chains, trackChain())
		return []nft.Table{bridge}
	}
	return []nft.Table{bridge, {Family: "inet", Name: "nubo", Chains: []nft.Chain{trackChain()}}}
}

func trackChain() nft.Chain {
	return nft.Chain{Name: "track", Hook: "type filter hook prerouting priority -150; policy accept;", Rules: []string{
		fmt.Sprintf("ct state established,related meta mark set meta mark or %#08x", markEstablished),
		fmt.Sprintf("ct state invalid meta mark set meta mark or %#08x", markInvalid),
	}}
}

func (v view) baseChains() []nft.Chain {
	return []nft.Chain{
		{Name: "pre", Hook: "type filter hook prerouting priority -300; policy accept;", Rules: []string{"iifname vmap @from"}},
		{Name: "metadata", Hook: "type filter hook prerouting priority -290; policy accept;", Rules: []string{
			fmt.Sprintf("ip daddr %s meta pkttype set host ether daddr set %s", metadataV4, bridgeMAC(v.network.ID))}},
		{Name: "egress", Hook: "type filter hook forward priority 0; policy accept;", Rules: []string{"iifname vmap @out"}},
		{Name: "ingress", Hook: "type filter hook forward priority 10; policy accept;", Rules: []string{"oifname vmap @in"}},
		{Name: "local", Hook: "type filter hook input priority 0; policy accept;", Rules: localRules(v.network.NoDNS)},
		{Name: "always_out", Rules: alwaysOut()},
		{Name: "always_in", Rules: alwaysIn()},
		{Name: "answers", Rules: answers()},
	}
}

// localRules let guests and routers reach our services in the namespace, nothing else.
func localRules(noDNS bool) []string {
	names := []string{"meta l4proto { tcp, udp } th dport 53 accept"}
	if noDNS {
		names = nil
	}
	return append(names,
		"ether type arp accept",
		"udp dport { 67, 547 } accept",
		fmt.Sprintf("ip daddr %s tcp dport 80 meta mark and %#x != 0 accept", metadataV4, markPort),
		fmt.Sprintf("ip6 daddr %s tcp dport 80 meta mark and %#x != 0 accept", metadataV6, markPort),
		"icmp type echo-request accept",
		"icmpv6 type { 128, 130, 131, 132, 133, 135, 136, 143 } accept",
		fmt.Sprintf("meta mark and %#08x != 0 accept", markEstablished),
		"drop",
	)
}

// alwaysOut is what every guest may or may not send, whatever its groups say.
func alwaysOut() []string {
	return []string{
		"icmpv6 type { 134, 137 } drop",    // a guest is no router
		"udp sport 67 udp dport 68 drop",   // nor a DHCP server
		"udp sport 547 udp dport 546 drop", // of either family
		"ether type arp accept",            // checked for spoofing before
		"icmpv6 type { 133, 135, 136 } accept",
		"icmpv6 type { 131, 132, 143 } accept",
		"udp sport 68 udp dport 67 accept",
		"udp sport 546 udp dport 547 accept",
	}
}

// alwaysIn is what every guest gets, whatever its groups say.
func alwaysIn() []string {
	return []string{
		"ether type arp accept",
		"icmpv6 type { 130, 134, 135, 136 } accept",
		"udp sport 67 udp dport 68 accept",
		"udp sport 547 udp dport 546 accept",
	}
}

// answers let through what belongs to a connection that was allowed.
func answers() []string {
	return []string{
		fmt.Sprintf("meta mark and %#08x != 0 accept", markEstablished),
		fmt.Sprintf("meta mark and %#08x != 0 drop", markInvalid),
	}
}

// remembers are the rules of a port that is not in groups without memory: those look at each packet alone.
func (v view) remembers(p spec.Port) []string {
	if slices.ContainsFunc(p.Groups, func(g spec.GroupID) bool { return v.groups[g].Stateless }) {
		return nil
	}
	return []string{"jump answers"}
}

func (v view) outRules(p spec.Port) []string {
	rules := append([]string{"jump always_out"}, v.remembers(p)...)
	for _, g := range p.Groups {
		rules = append(rules, "jump out_"+groupName(g))
	}
	return append(rules, "drop")
}

// inRules begin with the privacy of others: a frame flooded by the bridge
// reaches no port it is not addressed to.
func (v view) inRules(p spec.Port) []string {
	macs := ""
	for i, s := range sources(p) {
		if i > 0 {
			macs += ", "
		}
		macs += s.mac
	}
	rules := []string{
		"ether daddr and 01:00:00:00:00:00 == 00:00:00:00:00:00 ether daddr != { " + macs + " } drop",
		"jump always_in",
	}
	rules = append(rules, v.remembers(p)...)
	for _, g := range p.Groups {
		rules = append(rules, "jump in_"+groupName(g))
	}
	return append(rules, "drop")
}

// groupObjects are the chains of the groups in use here, and the member sets
// their rules name.
func (v view) groupObjects() ([]nft.Set, []nft.Chain) {
	used, remote := v.usedGroups()
	var sets []nft.Set
	for _, id := range remote {
		sets = append(sets, v.memberSets(id)...)
	}
	var chains []nft.Chain
	for _, id := range used {
		in := nft.Chain{Name: "in_" + groupName(id)}
		out := nft.Chain{Name: "out_" + groupName(id)}
		for _, r := range v.groups[id].Rules {
			switch {
			case never(r):
			case r.Direction == spec.Ingress:
				in.Rules = append(in.Rules, ruleText(r))
			default:
				out.Rules = append(out.Rules, ruleText(r))
			}
		}
		chains = append(chains, in, out)
	}
	return sets, chains
}

func (v view) usedGroups() (used, remote []spec.GroupID) {
	for _, p := range v.ports {
		if p.port.Security {
			used = append(used, p.port.Groups...)
		}
	}
	used = unique(used)
	for _, id := range used {
		for _, r := range v.groups[id].Rules {
			if r.RemoteGroup != "" {
				remote = append(remote, r.RemoteGroup)
			}
		}
	}
	return used, unique(remote)
}

func (v view) memberSets(id spec.GroupID) []nft.Set {
	v4 := nft.Set{Name: memberSet(id, false), Type: "ipv4_addr"}
	v6 := nft.Set{Name: memberSet(id, true), Type: "ipv6_addr"}
	for _, a := range unique(v.groups[id].Members) {
		if a.Is4() {
			v4.Elements = append(v4.Elements, a.String())
		} else {
			v6.Elements = append(v6.Elements, a.String())
		}
	}
	return []nft.Set{v4, v6}
}

func memberSet(id spec.GroupID, v6 bool) string {
	if v6 {
		return groupName(id) + "_6"
	}
	return groupName(id) + "_4"
}

// unique keeps the first of each, in order.
func unique[T comparable](list []T) []T {
	seen := make(map[T]bool, len(list))
	return slices.DeleteFunc(slices.Clone(list), func(t T) bool {
		if seen[t] {
			return true
		}
		seen[t] = true
		return false
	})
}
