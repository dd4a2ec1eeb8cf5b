package webfetch

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// Addresses that lead inside are refused in every form they can be written in.
func TestReachable(t *testing.T) {
	f := New(prefixes("10.9.0.0/16"))
	for text, want := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1111": true, "10.9.1.1": true, "::ffff:10.9.1.1": true,
		"127.0.0.1": false, "10.8.0.1": false, "169.254.169.254": false, "100.64.0.1": false, "0.0.0.0": false, "255.255.255.255": false,
		"::1": false, "::": false, "::ffff:127.0.0.1": false, "fe80::1%lo": false, "fd00::1": false, "64:ff9b::7f00:1": false,
		"2002:7f00:1::": false, "::127.0.0.1": false, "ff02::1": false,
	} {
		if got := f.reachable(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

// What is no URL of the web is refused before anybody is asked.
func TestCheck(t *testing.T) {
	f := New(nil)
	for _, uri := range []string{"", "bad", "file:///etc/passwd", "ftp://example.org/x", "http://", "http://u:p@example.org/", "http://[::1]/x", "http://127.0.0.1:1/", "http://exa mple/", "gopher://x"} {
		if err := f.Check(uri); !cloud.Is(err, cloud.Invalid) {
			t.Errorf("%q: %v", uri, err)
		}
	}
	if err := f.Check("https://example.org/image"); err != nil {
		t.Error(err)
	}
}

// A name that resolves inside, and a redirect inside, get as far as a literal address: nowhere.
func TestFetch(t *testing.T) {
	reached := false
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reached = true
		_, _ = io.WriteString(w, "secret")
	}))
	defer target.Close()
	byName := strings.Replace(target.URL, "127.0.0.1", "localhost", 1)
	if _, _, err := New(nil).Fetch(t.Context(), byName); !cloud.Is(err, cloud.Invalid) || reached {
		t.Errorf("by name: %v, reached %v", err, reached)
	}
	allowed := New(prefixes("127.0.0.0/8", "::1/128"))
	away := httptest.NewServer(http.RedirectHandler("http://169.254.169.254/latest", http.StatusFound))
	defer away.Close()
	if _, _, err := allowed.Fetch(t.Context(), away.URL); !cloud.Is(err, cloud.Invalid) || !strings.Contains(err.Error(), "not fetched from") {
		t.Errorf("redirected: %v", err)
	}
	r, n, err := allowed.Fetch(t.Context(), target.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if b, err := io.ReadAll(r); err != nil || string(b) != "secret" || n != 6 {
		t.Errorf("allowed: %q, %d, %v", b, n, err)
	}
}
