package dns

import (
	"testing"

	"net/netip"
)

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
