// Package webfetch fetches what users name by URL, and never from inside: no address that is not
// routed on the internet, none of this machine's own, unless the operator allows its range.
//
// The address is judged when the connection is made, after names are resolved, and for every redirect again. So
// a name that answers differently the second time, or a redirect inwards, gets no further than a
// literal address does. No proxy is used: it would resolve names out of sight.
//
// Package image is its user, wired in daemon.
package webfetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"syscall"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

const (
	redirectsMax  = 5
	connectWait   = 15 * time.Second
	answerWait    = 30 * time.Second
	headerMaxByte = 64 << 10
)

// Fetcher fetches from the web. It is safe for concurrent use.
type Fetcher struct {
	client *http.Client
	allow  []netip.Prefix
	own    func() ([]net.Addr, error)
}

// New makes a Fetcher that may also reach the ranges of allow.
func New(allow []netip.Prefix) *Fetcher {
	f := &Fetcher{allow: allow, own: net.InterfaceAddrs}
	dialer := &net.Dialer{Timeout: connectWait, Control: f.control}
	f.client = &http.Client{CheckRedirect: redirect, Transport: &http.Transport{
		DialContext: dialer.DialContext, TLSHandshakeTimeout: connectWait, ResponseHeaderTimeout: answerWait,
		MaxResponseHeaderBytes: headerMaxByte, DisableCompression: true, DisableKeepAlives: true,
	}}
	return f
}

// Check refuses what is no URL that could be fetched, without asking anybody.
func (f *Fetcher) Check(uri string) error {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return cloud.Invalidf("image", "uri", "The URI must be http:// or https:// with a host and without a password, not '%s'.", uri)
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && !f.reachable(ip) {
		return cloud.Invalidf("image", "uri", "Addresses like %s are not fetched from.", ip)
	}
	return nil
}

// Fetch opens what uri names and tells its length, negative if the server does not say. Failures are Invalid: they are
// the URI's, and trying again is up to its owner. The caller closes the stream.
func (f *Fetcher) Fetch(ctx context.Context, uri string) (io.ReadCloser, int64, error) {
	if err := f.Check(uri); err != nil {
		return nil, 0, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
	if err != nil {
		return nil, 0, failed(err)
	}
	answer, err := f.client.Do(r)
	if ctx.Err() != nil {
		return nil, 0, ctx.Err()
	}
	if err != nil {
		return nil, 0, failed(err)
	}
	if answer.StatusCode != http.StatusOK {
		answer.Body.Close()
		return nil, 0, failed(fmt.Errorf("the server answered %s", answer.Status))
	}
	return answer.Body, answer.ContentLength, nil
}

// failed keeps the cause for the log: what a resolver or a socket said is a map of the inside.
func failed(cause error) error {
	message := "The data could not be fetched from the URI."
	if errors.Is(cause, errInside) {
		message = "The URI leads to an address that is not fetched from."
	}
	return &cloud.Error{Kind: cloud.Invalid, Resource: "image", Field: "uri", Message: message, Cause: cause}
}

func redirect(r *http.Request, via []*http.Request) error {
	if len(via) > redirectsMax {
		return errors.New("too many redirects")
	}
	if r.URL.Scheme != "http" && r.URL.Scheme != "https" {
		return fmt.Errorf("redirect to scheme %q", r.URL.Scheme)
	}
	return nil
}

var errInside = errors.New("the address is inside")

// control is asked by the dialer about the very address that it is about to connect to.
func (f *Fetcher) control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if !f.reachable(at.Addr()) {
		return fmt.Errorf("%s: %w", at, errInside)
	}
	return nil
}

func (f *Fetcher) reachable(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	in := func(p netip.Prefix) bool { return p.Contains(ip) }
	if slices.ContainsFunc(f.allow, in) {
		return true
	}
	return ip.IsGlobalUnicast() && !slices.ContainsFunc(inside, in) && !f.ours(ip)
}

// ours finds the addresses of this machine, which may be public and still lead to what listens only here.
func (f *Fetcher) ours(ip netip.Addr) bool {
	own, err := f.own()
	if err != nil {
		return true
	}
	return slices.ContainsFunc(own, func(a net.Addr) bool {
		p, err := netip.ParsePrefix(a.String())
		return err == nil && p.Addr().Unmap() == ip
	})
}

// inside are the ranges of IANA's special-purpose registries that no public server has, and those that carry an IPv4
// address in an IPv6 one, which some router would unpack.
var inside = prefixes("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
	"192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
	"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16",
	"fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8")

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for n, t := range texts {
		list[n] = netip.MustParsePrefix(t)
	}
	return list
}
