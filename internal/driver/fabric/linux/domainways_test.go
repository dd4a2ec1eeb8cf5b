package linux

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// wayDomain has a way of each kind, and nothing in the kernel.
func wayDomain() domain {
	return newDomain(spec.Router{ID: "r", Gateway: gateway(), Floating: []spec.FloatingIP{{External: floatingA, Internal: addr("10.0.0.10")}},
		Interfaces: []spec.RouterInterface{
			routerInterface("r1", "n1", "fa:16:3e:01:00:01", "10.0.0.1/24"), routerInterface("r2", "n2", "fa:16:3e:01:00:02", "10.0.1.1/24"),
			routerInterface("link", "link", "fa:16:3e:01:00:03", "169.254.7.1/30")},
		Domain: &spec.RoutingDomain{
			Blocks: []netip.Prefix{prefix("10.0.0.0/16"), prefix("10.0.1.0/24")},
			Tables: []spec.RouteTable{
				{ID: "public", Interfaces: []spec.PortID{"r1"}, Routes: []spec.TableRoute{
					{Destination: prefix("0.0.0.0/0"), Out: true}, {Destination: prefix("10.9.0.0/16"), Via: addr("169.254.7.2")},
					{Destination: prefix("10.9.9.0/24")}, {Destination: prefix("10.0.1.10/32"), Via: addr("10.0.0.77")}}},
				{ID: "private", Interfaces: []spec.PortID{"r2"}, Routes: []spec.TableRoute{
					{Destination: prefix("0.0.0.0/0"), NAT: "open"}, {Destination: prefix("10.8.0.0/15"), NAT: "closed"}, {Destination: prefix("10.9.128.0/17")}}}},
			NATs: []spec.NAT{{ID: "open", Interface: "r1", Internal: addr("10.0.0.50"), External: underNAT}, {ID: "closed", Interface: "r1", Internal: addr("10.0.0.51")}}}})
}

// The longest prefix decides; behind a NAT that of the table where the NAT is, as far as the route to the NAT goes.
func TestWays(t *testing.T) {
	d := wayDomain()
	for _, c := range []struct{ source, to, via, seenAs string }{
		{"10.0.0.10", "9.9.9.9", "172.24.4.1", floatingA.String()},
		{"10.0.0.11", "9.9.9.9", "172.24.4.1", "invalid IP"}, // nobody lets it out
		{"10.0.0.11", "10.9.1.1", "169.254.7.2", "10.0.0.11"},
		{"10.0.0.11", "10.9.9.1", "invalid IP", ""},
		{"10.0.0.11", "10.0.1.10", "10.0.0.77", "10.0.0.11"},
		{"10.0.0.11", "10.0.1.11", "connected", ""},
		{"10.0.0.11", "10.0.7.7", "invalid IP", ""}, // nobody's, but of the domain
		{"10.0.1.10", "9.9.9.9", "172.24.4.1", underNAT.String()},
		{"10.0.1.10", "10.9.1.1", "169.254.7.2", "10.0.0.51"},
		{"10.0.1.10", "10.9.9.1", "invalid IP", ""},
		{"10.0.1.10", "10.9.200.1", "invalid IP", ""},
		{"10.0.1.10", "10.8.1.1", "invalid IP", ""}, // out, but under no address
		{"10.0.1.10", "10.0.0.10", "connected", ""},
	} {
		from, _ := d.interfaceOf(addr(c.source))
		w, connected := d.wayFrom(from, addr(c.to))
		got := w.via.String()
		if connected {
			got = "connected"
		}
		if got != c.via || w.link != "" && d.addressOf(addr(c.source), w).String() != c.seenAs {
			t.Errorf("%s to %s goes by %s as %s, want %s as %q", c.source, c.to, got, d.addressOf(addr(c.source), w), c.via, c.seenAs)
		}
	}
}

// A connection is ended when it goes where, or as whom, it would not begin now; all others are left alone.
func TestAstray(t *testing.T) {
	d := wayDomain()
	for _, c := range []struct {
		source, destination, answers, seenAs string
		astray                               bool
	}{
		{"10.0.0.10", "9.9.9.9", "9.9.9.9", "172.24.4.100", false},
		{"10.0.0.10", "9.9.9.9", "9.9.9.9", "172.24.4.50", true},
		{"10.0.0.10", "9.9.9.9", "9.9.9.9", "10.0.0.10", true},
		{"10.0.1.10", "9.9.9.9", "9.9.9.9", "172.24.4.50", false},
		{"10.0.1.10", "172.24.4.100", "10.0.0.10", "172.24.4.50", false},
		{"10.0.1.10", "10.9.1.1", "10.9.1.1", "10.0.0.51", false},
		{"10.0.1.10", "10.9.9.1", "10.9.9.1", "10.0.0.51", true},
		{"10.0.1.10", "10.0.0.11", "10.0.0.11", "10.0.1.10", false},
		{"9.9.9.9", "172.24.4.100", "10.0.0.10", "9.9.9.9", false},
		{"9.9.9.9", "172.24.4.101", "10.0.0.10", "9.9.9.9", true},
		{"10.9.1.1", "10.0.0.11", "10.0.0.11", "10.9.1.1", false},
		{"10.9.9.1", "10.0.0.11", "10.0.0.11", "10.9.9.1", true},
		{"10.0.0.12", "10.9.1.1", "10.9.1.1", "10.0.0.12", false},   // by a neighbour, as it is
		{"9.9.9.9", "172.24.4.10", "172.24.4.10", "9.9.9.9", false}, // with the router itself
	} {
		k := flow{source: addr(c.source), destination: addr(c.destination), answers: addr(c.answers), seenAs: addr(c.seenAs)}
		if d.astray(k) != c.astray {
			t.Errorf("%+v is astray: %v", k, !c.astray)
		}
	}
}

// Numbers are an id's own, whoever else is there, and none is given twice.
func TestNumbers(t *testing.T) {
	var ids []string
	for i := range 500 {
		ids = append(ids, fmt.Sprint("table-", i))
	}
	all, few := numbered(ids, wayOut), numbered(ids[7:9])
	given := map[uint32]bool{wayOut: true}
	for _, id := range ids {
		n := all[id]
		if given[n] || n&0xffff == 0 || n>>16 == 0 || n > 0x7fffffff {
			t.Errorf("%s has the number %#x", id, n)
		}
		given[n] = true
	}
	if all[ids[7]] != few[ids[7]] || all[ids[8]] != few[ids[8]] {
		t.Error("numbers depend on who else is there")
	}
	taken := numbered([]string{"table-7"}, all["table-7"])
	if taken["table-7"] == all["table-7"] {
		t.Error("a number that is taken is given")
	}
}

// Documents that contradict themselves are refused.
func TestDomainRefused(t *testing.T) {
	for name, d := range map[string]spec.RoutingDomain{
		"interface in two tables": {Tables: []spec.RouteTable{{ID: "a", Interfaces: []spec.PortID{"i"}}, {ID: "b", Interfaces: []spec.PortID{"i"}}}},
		"no such NAT":             {Tables: []spec.RouteTable{{ID: "a", Routes: []spec.TableRoute{{Destination: prefix("0.0.0.0/0"), NAT: "n"}}}}},
		"two ways":                {Tables: []spec.RouteTable{{ID: "a", Routes: []spec.TableRoute{{Destination: prefix("0.0.0.0/0"), Out: true, Via: addr("10.0.0.9")}}}}},
		"via another family":      {Tables: []spec.RouteTable{{ID: "a", Routes: []spec.TableRoute{{Destination: prefix("::/0"), Via: addr("10.0.0.9")}}}}},
		"twice to the same": {Tables: []spec.RouteTable{{ID: "a", Routes: []spec.TableRoute{
			{Destination: prefix("10.9.0.0/16"), Out: true}, {Destination: netip.PrefixFrom(addr("10.9.1.1"), 16)}}}}},
		"NAT of nothing":    {NATs: []spec.NAT{{ID: "n"}}},
		"no direction":      {Filters: []spec.PacketFilter{{ID: "f", Entries: []spec.FilterEntry{{Prefix: prefix("::/0")}}}}},
		"ports upside down": {Filters: []spec.PacketFilter{{ID: "f", Entries: []spec.FilterEntry{allow(spec.Ingress, 6, 9, 8, "::/0")}}}},
	} {
		if err := d.Check(); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if err := wayDomain().Domain.Check(); err != nil {
		t.Error(err)
	}
}
