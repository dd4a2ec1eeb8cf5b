package linux

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/nft"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Rules as they are written down.
func TestRuleText(t *testing.T) {
	for want, r := range map[string]spec.Rule{
		"ether type ip accept":                                                    anyRule(spec.Ingress, false),
		"ether type ip6 meta l4proto 6 th dport 22 accept":                        tcpRule(22, true),
		"ether type ip ip saddr 10.0.0.0/8 meta l4proto 17 th dport 1-9 accept":   {Direction: spec.Ingress, Protocol: 17, PortMin: 1, PortMax: 9, RemotePrefix: prefix("10.1.2.3/8")},
		"ether type ip meta l4proto 6 accept":                                     {Direction: spec.Egress, Protocol: 6, PortMin: -1, PortMax: -1, RemotePrefix: prefix("0.0.0.0/0")},
		"ether type ip6 meta l4proto 58 icmpv6 type 128 icmpv6 code 0 accept":     {Direction: spec.Egress, IPv6: true, Protocol: 1, PortMin: 128, PortMax: 0},
		"ether type ip ip daddr { 10.0.0.0/24, 10.1.0.1 } meta l4proto 47 accept": {Direction: spec.Egress, Protocol: 47, PortMin: -1, PortMax: -1, RemoteSet: []netip.Prefix{prefix("10.1.0.1/32"), prefix("10.0.0.0/24"), prefix("10.0.0.7/32"), prefix("fd00::/8")}},
	} {
		if got := ruleText(r); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	if !never(spec.Rule{RemoteSet: []netip.Prefix{prefix("fd00::/8")}}) || !never(spec.Rule{RemoteSet: []netip.Prefix{}}) {
		t.Error("an address group without members of the family allows somebody")
	}
	for _, r := range []spec.Rule{
		{Direction: "both", Protocol: -1}, {Direction: spec.Ingress, Protocol: 300}, {Direction: spec.Ingress, Protocol: 6, PortMin: 9, PortMax: 1},
		{Direction: spec.Ingress, Protocol: 6, RemotePrefix: prefix("fd00::/8")},
		{Direction: spec.Ingress, Protocol: 1, PortMin: 256, PortMax: -1},
	} {
		if err := checkRule(r); !errors.Is(err, spec.ErrInvalid) {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

// Text in an address must not end up in a script.
func TestZonesAreRefused(t *testing.T) {
	zoned := netip.MustParseAddr("fe80::1%}; flush ruleset #")
	p := portOn("n", "p", 1)
	p.Addresses = append(p.Addresses, zoned)
	if err := checkPort(p); !errors.Is(err, spec.ErrInvalid) {
		t.Errorf("port: %v", err)
	}
	if err := checkGroup(spec.SecurityGroup{ID: "g", Members: []netip.Addr{zoned}}); !errors.Is(err, spec.ErrInvalid) {
		t.Errorf("group: %v", err)
	}
}

// Whatever a valid document says, the kernel takes the filters made of it.
func TestKernelTakesAnyDocument(t *testing.T) {
	w := newWorld(t)
	random := rand.New(rand.NewPCG(1, 2))
	for range 40 {
		v := view{network: privateNetwork("n"), groups: map[spec.GroupID]spec.SecurityGroup{}, track: trackIP}
		for i := range 4 {
			g := spec.SecurityGroup{ID: spec.GroupID(fmt.Sprint("g", i)), Members: []netip.Addr{randomAddr(random, false), randomAddr(random, true)}}
			for range random.IntN(6) {
				if r := randomRule(random); checkRule(r) == nil {
					g.Rules = append(g.Rules, r)
				}
			}
			v.groups[g.ID] = g
		}
		for i := range 3 {
			p := portOn("n", spec.PortID(fmt.Sprint("p", i)), byte(i), "g0", "g1")
			p.Addresses = append(p.Addresses, randomAddr(random, true))
			p.Security = random.IntN(4) > 0
			for range random.IntN(4) {
				pair := spec.AddressPair{Address: randomPrefix(random, random.IntN(2) == 0)}
				if random.IntN(2) == 0 {
					pair.MAC = fmt.Sprintf("02:00:00:00:00:%02x", random.IntN(3))
				}
				p.AllowedPairs = append(p.AllowedPairs, pair)
			}
			must(t, checkPort(p))
			v.ports = append(v.ports, portView{port: p, ifindex: i + 10})
		}
		script := nft.Replace(v.tables())
		if err := nft.Run(context.Background(), w.outside, script); err != nil {
			t.Fatalf("%v\n%s", err, script)
		}
	}
}

func randomRule(r *rand.Rand) spec.Rule {
	rule := spec.Rule{Direction: []spec.Direction{spec.Ingress, spec.Egress}[r.IntN(2)], IPv6: r.IntN(2) == 0,
		Protocol: []int{-1, 0, 1, 2, 6, 17, 33, 47, 58, 132, 136, 255}[r.IntN(12)], PortMin: r.IntN(300) - 1, PortMax: r.IntN(300) - 1}
	if rule.Protocol == 1 || rule.Protocol == 58 {
		rule.PortMin, rule.PortMax = rule.PortMin%256, rule.PortMax%256
	}
	switch r.IntN(4) {
	case 0:
		rule.RemoteGroup = spec.GroupID(fmt.Sprint("g", r.IntN(4)))
	case 1:
		rule.RemotePrefix = randomPrefix(r, rule.IPv6)
	case 2:
		for range r.IntN(5) {
			rule.RemoteSet = append(rule.RemoteSet, randomPrefix(r, r.IntN(2) == 0))
		}
	}
	return rule
}

func randomPrefix(r *rand.Rand, v6 bool) netip.Prefix {
	a := randomAddr(r, v6)
	return netip.PrefixFrom(a, []int{0, 1, 8, 31, 32, a.BitLen()}[r.IntN(6)])
}

func randomAddr(r *rand.Rand, v6 bool) netip.Addr {
	if v6 {
		return netip.AddrFrom16([16]byte{0xfd, byte(r.IntN(3)), 15: byte(r.IntN(256))})
	}
	return netip.AddrFrom4([4]byte{10, byte(r.IntN(3)), 0, byte(r.IntN(256))})
}
