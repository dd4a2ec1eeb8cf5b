package linux

import (
	"fmt"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/nft"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Limits are kept by nftables' token buckets, in the tables that hold everything else about a port: they come, change and go
// with its rules in one transaction, need no other part of the kernel, and what is above a limit is dropped.

// bucketMin is the least size of a bucket in bytes. Guests hand over packets of up to 64 KiB, to be cut by whoever carries them
// on; one larger than the bucket would never pass. Two fit.
const bucketMin = 128 << 10

// autoShare is the part of a second that a burst nobody chose may take.
const autoShare = 0.8

// limitRules drop what is above a limit. match comes before each rule.
func limitRules(match string, l spec.Limit) []string {
	var rules []string
	if l.Bits > 0 {
		rules = append(rules, fmt.Sprintf("%slimit rate over %d bytes/second burst %d bytes drop", match, max(l.Bits/8, 1),
			max(burst(l.BurstBits, l.Bits)/8, bucketMin)))
	}
	if l.Packets > 0 {
		rules = append(rules, fmt.Sprintf("%slimit rate over %d/second burst %d packets drop", match, l.Packets, max(burst(l.BurstPackets, l.Packets), 1)))
	}
	return rules
}

func burst(chosen, rate int64) int64 {
	if chosen > 0 {
		return chosen
	}
	return int64(float64(rate) * autoShare)
}

// qosFromGuest bounds and marks what comes out of a port.
func qosFromGuest(q spec.QoS) []string {
	rules := limitRules("", q.Out)
	if q.Mark != nil {
		rules = append(rules, fmt.Sprintf("ip dscp set %d", *q.Mark), fmt.Sprintf("ip6 dscp set %d", *q.Mark))
	}
	return rules
}

// qosToGuests are the map and the chains that bound what goes to ports. The hook is the last one, so that services of our own are
// bounded like everybody else.
func (v view) qosToGuests() (nft.Set, []nft.Chain) {
	to := nft.Set{Name: "to", Type: "ifname : verdict"}
	chains := []nft.Chain{{Name: "post", Hook: "type filter hook postrouting priority 0; policy accept;", Rules: []string{"oifname vmap @to"}}}
	for _, p := range v.ports {
		rules := limitRules("", p.port.QoS.In)
		if len(rules) == 0 {
			continue
		}
		tap := tapName(p.port.ID)
		to.Elements = append(to.Elements, fmt.Sprintf("%q : jump to_%s", tap, tap))
		chains = append(chains, nft.Chain{Name: "to_" + tap, Rules: rules})
	}
	return to, chains
}

// routerLimits bound what passes the gateway: inwards before addresses are rewritten, outwards after.
func routerLimits(gateway string, limits []spec.AddressLimits) []nft.Chain {
	in := nft.Chain{Name: "limit_in", Hook: "type filter hook prerouting priority -160; policy accept;"}
	out := nft.Chain{Name: "limit_out", Hook: "type filter hook postrouting priority 150; policy accept;"}
	for _, l := range limits {
		in.Rules = append(in.Rules, limitRules(fmt.Sprintf("iifname %s ip daddr %s ", gateway, l.Address), l.In)...)
		out.Rules = append(out.Rules, limitRules(fmt.Sprintf("oifname %s ip saddr %s ", gateway, l.Address), l.Out)...)
	}
	return []nft.Chain{in, out}
}

// checkQoS refuses what cannot be written down.
func checkQoS(q spec.QoS) error {
	if q.Mark != nil && (*q.Mark < 0 || *q.Mark > 63) {
		return fmt.Errorf("DSCP %d: %w", *q.Mark, spec.ErrInvalid)
	}
	return nil
}
