package dns

import (
	"net/netip"
	"testing"

	"github.com/miekg/dns"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// A host with a domain of its own is found there, and below its network's.
func TestNamesInTwoDomains(t *testing.T) {
	address := netip.MustParseAddr("10.0.0.7")
	z := newZone(Config{Domain: "net.example", Hosts: []spec.NetworkHost{{Hostname: "www", Domain: "example.org", Addresses: []netip.Addr{address}}}})
	for _, name := range []string{"www.net.example.", "www.example.org."} {
		if got := z.forward[name]; len(got) != 1 || got[0] != address {
			t.Errorf("%s: %v", name, got)
		}
	}
	if got, _ := dns.ReverseAddr("10.0.0.7"); z.reverse[got] != "www.net.example." {
		t.Errorf("the address is called %v", z.reverse)
	}
}

// Reverse names are read as the addresses they stand for, and nonsense is not.
func TestReverseAddress(t *testing.T) {
	for name, want := range map[string]string{
		"4.3.2.1.in-addr.arpa.": "1.2.3.4",
		"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa.": "fd00::1",
	} {
		if got, ok := reverseAddress(name); !ok || got != netip.MustParseAddr(want) {
			t.Errorf("%s: %s", name, got)
		}
	}
	for _, name := range []string{"in-addr.arpa.", "x.3.2.1.in-addr.arpa.", "1.0.ip6.arpa.", "example.org."} {
		if got, ok := reverseAddress(name); ok {
			t.Errorf("%s read as %s", name, got)
		}
	}
}
