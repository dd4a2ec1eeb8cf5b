package linux

import (
	"fmt"
	"strings"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/nft"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// vpnTables keep a VPN's packets in its tunnels. Between the router and the outside nothing is forwarded that is not, or was not,
// ESP; the outside reaches the daemon alone, and nothing but the daemon speaks to the outside.
func vpnTables(doc spec.VPN, inKernel bool) []nft.Table {
	link := fmt.Sprintf("%q", routerLinkName(doc.Link.Port))
	var names []string
	for _, o := range doc.Outside {
		names = append(names, fmt.Sprintf("%q", routerLinkName(o.Port)))
	}
	outside := "{ " + strings.Join(names, ", ") + " }"
	const daemon = "udp dport { 500, 4500 } accept"
	chains := []nft.Chain{
		{Name: "forward", Hook: "type filter hook forward priority 0; policy drop;", Rules: forwardVPN(link, outside, inKernel)},
		{Name: "input", Hook: "type filter hook input priority 0; policy drop;", Rules: []string{"iifname lo accept",
			"meta l4proto { icmp, icmpv6 } accept", "iifname " + outside + " meta l4proto { esp, ah } accept", "iifname " + outside + " " + daemon}},
		{Name: "output", Hook: "type filter hook output priority 0; policy accept;", Rules: []string{
			"oifname " + outside + " meta l4proto { icmp, icmpv6, esp, ah } accept", "oifname " + outside + " udp sport { 500, 4500 } accept", "oifname " + outside + " drop"}},
	}
	if len(names) == 0 { // an empty set is no expression
		chains = chains[:1]
		chains[0].Rules = nil
	}
	return []nft.Table{{Family: "inet", Name: "nubo", Chains: chains}}
}

// forwardVPN clamps what TCP sends to what fits a tunnel: many drop the messages that would tell it.
func forwardVPN(link, outside string, inKernel bool) []string {
	clamp := "tcp flags syn / syn,rst tcp option maxseg size set rt mtu"
	if inKernel {
		return []string{clamp,
			"iifname " + link + " oifname " + outside + " rt ipsec exists accept",
			"iifname " + outside + " oifname " + link + " meta ipsec exists accept",
			"iifname " + link + " reject with icmpx no-route"}
	}
	return []string{clamp,
		fmt.Sprintf("iifname %s oifname %q accept", link, tunnelLink),
		fmt.Sprintf("iifname %q oifname %s accept", tunnelLink, link),
		"iifname " + link + " reject with icmpx no-route"}
}
