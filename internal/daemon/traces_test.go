package daemon

import (
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/nubo-cloud/nubo/internal/config"
)

// A client's word about where it is counts for nothing; a proxy's that the operator named counts as far as it is the last.
func TestClientOf(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	for _, c := range []struct {
		remote, forwarded, want string
		proxies                 []netip.Prefix
	}{
		{"192.0.2.1:1", "", "192.0.2.1", proxies},
		{"192.0.2.1:1", "198.51.100.7", "192.0.2.1", proxies},
		{"10.0.0.1:1", "198.51.100.7", "10.0.0.1", nil},
		{"10.0.0.1:1", "198.51.100.7", "198.51.100.7", proxies},
		{"10.0.0.1:1", "203.0.113.9, 198.51.100.7", "198.51.100.7", proxies},
		{"10.0.0.1:1", "198.51.100.7, 10.2.2.2", "198.51.100.7", proxies},
		{"[2001:db8::1]:1", "198.51.100.7", "198.51.100.7", proxies},
		{"[::ffff:10.0.0.1]:1", "198.51.100.7", "198.51.100.7", proxies},
		{"10.0.0.1:1", "unknown", "10.0.0.1", proxies},
		{"10.0.0.1:1", "", "10.0.0.1", proxies},
	} {
		r := httptest.NewRequest("POST", "/", nil)
		r.RemoteAddr = c.remote
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		d := &Daemon{config: config.Config{TrustedProxies: c.proxies}}
		if got := d.clientOf(r); got != c.want {
			t.Errorf("%s, %q: %s, not %s", c.remote, c.forwarded, got, c.want)
		}
	}
}
