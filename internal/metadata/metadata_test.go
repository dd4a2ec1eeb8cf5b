package metadata

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nubo-cloud/nubo/internal/spec"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// zeroes makes random_seed the same each time.
type zeroes struct{}

func (zeroes) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// sample has one of everything.
func sample() spec.Metadata {
	return spec.Metadata{
		InstanceID: "83679162-1378-4288-a2d4-70e13ec132aa", Name: "web 1", Hostname: "web-1.example.org", ProjectID: "p1", Zone: "nova",
		LaunchIndex: 1, ReservationID: "r-1", ImageID: "image-1", Size: "m1.small",
		Keys:       []spec.PublicKey{{Name: "mykey", Type: "ssh", Data: "ssh-ed25519 AAAA me"}, {Name: "cert", Type: "x509", Data: "MII"}, {Name: "second", Type: "ssh", Data: "ssh-rsa BBBB me"}},
		Properties: map[string]string{"role": "web", "tier": "1 & <2>"}, UserData: []byte("#cloud-config\n{}\n"), VendorData: []byte(`{"site":"here"}`),
		AdminPassword: "s3cret",
		NICs: []spec.MetadataNIC{
			{Port: "11111111-2222-3333", Network: "net-1", MAC: "fa:16:3e:00:00:01", MTU: 1450, Tag: "front",
				Addresses: []spec.MetadataAddress{
					{Address: netip.MustParsePrefix("10.0.0.5/24"), Gateway: netip.MustParseAddr("10.0.0.1"), Mode: "dhcp4"},
					{Address: netip.MustParsePrefix("2001:db8::5/64"), Gateway: netip.MustParseAddr("2001:db8::1"), Mode: "slaac"},
				},
				DNS: []netip.Addr{netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("2001:db8::2")}, Public: []spec.MetadataPublic{{Address: netip.MustParseAddr("192.0.2.7"), Fixed: netip.MustParseAddr("10.0.0.5")}},
				Groups: []string{"default", "web"}, Blocks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16"), netip.MustParsePrefix("10.4.0.0/16"), netip.MustParsePrefix("2001:db8::/56")},
				Short: spec.MetadataNICShort{Port: "1111", Subnet: "2222", Domain: "3333", Groups: []string{"4444", "5555"}}},
			{Port: "p2", Network: "net-2", MAC: "fa:16:3e:00:00:02",
				Addresses: []spec.MetadataAddress{{Address: netip.MustParsePrefix("10.1.0.9/16"), Gateway: netip.MustParseAddr("10.1.0.1"), Mode: "static",
					Routes: []spec.Route{{Destination: netip.MustParsePrefix("172.16.0.0/12"), NextHop: netip.MustParseAddr("10.1.0.254")}}}},
				DNS: []netip.Addr{netip.MustParseAddr("10.0.0.2")}, Groups: []string{"default"}},
		},
		Account: "123456789012", Short: spec.MetadataShort{Instance: "83679162", Image: "abcd", Reservation: "0001"}, CreatedAt: time.Unix(1_700_000_000, 0),
		Access: spec.MetadataAccess{ShowProperties: true},
		Disks:  []spec.MetadataDisk{{Volume: "v1", Serial: "v1", Bus: spec.BusVirtio}, {Volume: "v2", Serial: "v2", Bus: spec.BusVirtio, Tag: "data"}, {Volume: "v3", Bus: spec.BusSCSI}},
	}
}

// guest asks a Handler as the guest behind a port.
type guest struct {
	t *testing.T
	h *Handler
}

func newGuest(t *testing.T, md spec.Metadata, passwords Passwords) guest {
	lookup := func(_ context.Context, port spec.PortID) (spec.Metadata, error) {
		switch port {
		case "gone":
			return spec.Metadata{}, spec.ErrMissing
		case "broken":
			return spec.Metadata{}, errors.New("no store")
		}
		return md, nil
	}
	return guest{t, NewHandler(lookup, Layout{Random: zeroes{}}, passwords, nil)}
}

func (g guest) do(method, path, body string, header ...string) *httptest.ResponseRecorder {
	return g.as("port", method, path, body, header...)
}

func (g guest) as(port spec.PortID, method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://169.254.169.254"+path, strings.NewReader(body))
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	g.h.ServeMetadata(w, r, port)
	return w
}

func (g guest) want(status int, method, path string, header ...string) string {
	g.t.Helper()
	w := g.do(method, path, "", header...)
	if w.Code != status {
		g.t.Fatalf("%s %s: %d %s, want %d", method, path, w.Code, w.Body, status)
	}
	return w.Body.String()
}

// golden compares with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Fatalf("%s differs from testdata; got:\n%s", name, got)
	}
}

// walk reads a tree as cloud-init does: listings, then what they name.
func (g guest) walk(out *strings.Builder, path string) {
	g.t.Helper()
	listing := g.want(http.StatusOK, "GET", path)
	for line := range strings.SplitSeq(listing, "\n") {
		name, _, labelled := strings.Cut(line, "=")
		switch {
		case labelled:
			g.walk(out, path+name+"/")
		case strings.HasSuffix(name, "/"):
			g.walk(out, path+name)
		default:
			fmt.Fprintf(out, "== %s%s\n%s\n", path, name, g.want(http.StatusOK, "GET", path+name))
		}
	}
	fmt.Fprintf(out, "== %s\n%s\n", path, listing)
}

// TestEC2Tree proves that every name of every listing can be read, and what it says.
func TestEC2Tree(t *testing.T) {
	g := newGuest(t, sample(), nil)
	var out strings.Builder
	g.walk(&out, "/latest/")
	golden(t, "ec2.txt", out.String())
}

// TestOpenStackTree proves what each version has, no more and no less.
func TestOpenStackTree(t *testing.T) {
	g := newGuest(t, sample(), nil)
	var out strings.Builder
	versions := g.want(http.StatusOK, "GET", "/openstack")
	fmt.Fprintf(&out, "== /openstack\n%s\n", versions)
	seed := strings.Repeat("A", 682) + "A="
	for version := range strings.SplitSeq(versions, "\n") {
		listing := g.want(http.StatusOK, "GET", "/openstack/"+version+"/")
		fmt.Fprintf(&out, "== /openstack/%s\n%s\n", version, listing)
		for name := range strings.SplitSeq(listing, "\n") {
			if name == metaDataFile || version == latest {
				body := g.want(http.StatusOK, "GET", "/openstack/"+version+"/"+name)
				fmt.Fprintf(&out, "== /openstack/%s/%s\n%s\n", version, name, strings.ReplaceAll(body, seed, "SEED"))
			}
		}
	}
	golden(t, "openstack.txt", out.String())
}

// TestPaths proves the rules about slashes, unknown names and methods that cloud-init and curl rely on.
func TestPaths(t *testing.T) {
	g := newGuest(t, sample(), nil)
	bare := sample()
	bare.UserData, bare.Keys, bare.NICs, bare.Disks, bare.VendorData = nil, nil, nil, nil, nil
	empty := newGuest(t, bare, nil)
	for _, c := range []struct {
		g            guest
		method, path string
		status       int
		begins       string
	}{
		{g, "GET", "/", 200, "1.0\n2007-01-19"},
		{g, "GET", "", 200, "1.0\n2007-01-19"},
		{g, "GET", "//latest//meta-data//instance-id", 200, "i-83679162"},
		{g, "GET", "/2009-04-04/meta-data/instance-id", 200, "i-83679162"},
		{g, "GET", "/2021-03-23/meta-data/instance-id", 200, "i-83679162"},
		{g, "GET", "/2022-09-24/meta-data/instance-id", 404, ""},
		{g, "GET", "/ec2/latest/meta-data/instance-id", 200, "i-83679162"},
		{g, "GET", "/latest/meta-data/public-keys/0/openssh-key", 200, "ssh-ed25519 AAAA me"},
		{g, "GET", "/latest/meta-data/public-keys/", 200, "0=mykey\n1=second"},
		{g, "GET", "/latest/meta-data/public-keys/2", 404, ""},
		{g, "GET", "/latest/meta-data/nothing", 404, ""},
		{g, "GET", "/latest/meta-data/instance-id/deeper", 404, ""},
		{g, "GET", "/latest/user-data", 200, "#cloud-config"},
		{g, "GET", "/2011-01-01/dynamic/fws/instance-monitoring/", 200, "disabled"},
		{empty, "GET", "/latest/meta-data/public-ipv4", 404, ""},
		{g, "HEAD", "/latest/user-data", 200, ""},
		{g, "POST", "/latest/user-data", 405, ""},
		{g, "GET", "/openstack/", 200, "2012-08-10"},
		{g, "GET", "/openstack/2012-08-10/vendor_data.json", 404, ""},
		{g, "GET", "/openstack/2013-10-17/network_data.json", 404, ""},
		{g, "GET", "/openstack/2015-10-15/network_data.json", 200, `{"links"`},
		{g, "GET", "/openstack/2016-06-30/vendor_data2.json", 404, ""},
		{g, "GET", "/openstack/2014-01-01", 404, ""},
		{g, "GET", "/openstack/latest/meta_data.json/x", 404, ""},
		{g, "PUT", "/openstack/latest/meta_data.json", 405, ""},
		{g, "GET", "/../../etc/passwd", 404, ""},
		{empty, "GET", "/latest/user-data", 404, ""},
		{empty, "GET", "/openstack/latest/user_data", 404, ""},
		{empty, "GET", "/openstack/latest/vendor_data.json", 200, "{}"},
		{empty, "GET", "/openstack/latest/vendor_data2.json", 200, "{}"},
		{empty, "GET", "/openstack/latest/network_data.json", 200, `{"links":[],"networks":[],"services":[]}`},
		{empty, "GET", "/latest/meta-data/local-ipv4", 200, ""},
	} {
		c.g.t = t
		if body := c.g.want(c.status, c.method, c.path); !strings.HasPrefix(body, c.begins) {
			t.Errorf("%s %s: %q", c.method, c.path, body)
		}
	}
	if w := g.do("GET", "/openstack/latest/meta_data.json", ""); w.Header().Get("Content-Type") != kindJSON || strings.Contains(w.Body.String(), "s3cret") {
		t.Errorf("%s %s", w.Header(), w.Body)
	}
}

// TestLookupErrors: guests must ask again when we fail, and not when there is nothing.
func TestLookupErrors(t *testing.T) {
	g := newGuest(t, sample(), nil)
	if w := g.as("gone", "GET", "/latest/meta-data/", ""); w.Code != 404 {
		t.Fatal(w.Code)
	}
	if w := g.as("broken", "GET", "/openstack/latest/meta_data.json", ""); w.Code != 500 || strings.Contains(w.Body.String(), "store") {
		t.Fatal(w.Code, w.Body)
	}
}

// TestTokens proves that a session token works for its guest, in its time, and that a wrong one is refused.
func TestTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuest(t, sample(), nil)
		w := g.do("PUT", "/latest/api/token", "", tokenTTLHeader, "60")
		token := w.Body.String()
		if w.Code != 200 || token == "" || w.Header().Get(tokenTTLHeader) != "60" {
			t.Fatal(w.Code, w.Header())
		}
		g.want(200, "GET", "/latest/meta-data/instance-id", tokenHeader, token)
		g.want(401, "GET", "/latest/meta-data/instance-id", tokenHeader, token+"x")
		g.want(401, "GET", "/latest/meta-data/instance-id", tokenHeader, "bm9uZQ==")
		if w := g.as("another port of it", "GET", "/latest/meta-data/instance-id", "", tokenHeader, token); w.Code != 200 {
			t.Fatal("a token was not taken on another port of its guest")
		}
		other := sample()
		other.InstanceID = "other"
		if w := (guest{t, NewHandler(func(context.Context, spec.PortID) (spec.Metadata, error) { return other, nil }, Layout{TokenKey: g.h.tokens.key}, nil, nil)}).do("GET", "/latest/", "", tokenHeader, token); w.Code != 401 {
			t.Fatal("a token of another guest was taken")
		}
		for _, ttl := range []string{"", "0", "21601", "x"} {
			g.want(400, "PUT", "/latest/api/token", tokenTTLHeader, ttl)
		}
		g.want(403, "PUT", "/latest/api/token", tokenTTLHeader, "60", "X-Forwarded-For", "10.0.0.1")
		g.want(405, "GET", "/latest/api/token")
		time.Sleep(61 * time.Second) // of the test's own clock
		g.want(401, "GET", "/latest/meta-data/instance-id", tokenHeader, token)
	})
}

// limited is a ResponseWriter that knows hops.
type limited struct {
	*httptest.ResponseRecorder
	hops int
}

func (l *limited) SetHopLimit(hops int) error { l.hops = hops; return nil }

// TestAccess: what the owner says of the service holds for both trees.
func TestAccess(t *testing.T) {
	md := sample()
	md.Access = spec.MetadataAccess{Disabled: true}
	off := newGuest(t, md, nil)
	off.want(403, "GET", "/latest/meta-data/")
	off.want(403, "GET", "/openstack/latest/meta_data.json")
	off.want(403, "PUT", "/latest/api/token", tokenTTLHeader, "60")

	md.Access = spec.MetadataAccess{TokensRequired: true, HopLimit: 3}
	g := newGuest(t, md, nil)
	for _, path := range []string{"/", "/latest/meta-data/instance-id", "/latest/user-data", "/openstack/latest/meta_data.json"} {
		g.want(401, "GET", path)
	}
	w := &limited{ResponseRecorder: httptest.NewRecorder()}
	r := httptest.NewRequest("PUT", "/latest/api/token", nil)
	r.Header.Set(tokenTTLHeader, "60")
	g.h.ServeMetadata(w, r, "port")
	token := w.Body.String()
	if w.hops != 3 {
		t.Errorf("the token may go %d hops", w.hops)
	}
	for _, path := range []string{"/", "/latest/meta-data/instance-id", "/openstack/latest/meta_data.json"} {
		g.want(200, "GET", path, tokenHeader, token)
	}
	g.want(404, "GET", "/latest/meta-data/tags/", tokenHeader, token)
}

// TestTokensOutliveTheProcess: a key from a file is the same each time.
func TestTokensOutliveTheProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	first, err := TokenKey(path)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := TokenKey(path); err != nil || string(again) != string(first) || len(first) != tokenKeyBytes {
		t.Errorf("the key became %x: %v", again, err)
	}
}

// memoryPasswords is a Passwords that keeps state.
type memoryPasswords map[string]string

func (m memoryPasswords) Get(_ context.Context, id string) (string, error) { return m[id], nil }

func (m memoryPasswords) Set(_ context.Context, id, encrypted string) error {
	if m[id] != "" {
		return spec.ErrExists
	}
	m[id] = encrypted
	return nil
}

// TestPassword proves that a guest can post its password once.
func TestPassword(t *testing.T) {
	kept := memoryPasswords{}
	g := newGuest(t, sample(), kept)
	const path = "/openstack/latest/password"
	if body := g.want(200, "GET", path); body != "" {
		t.Fatal(body)
	}
	if w := g.do("POST", path, strings.Repeat("x", passwordBytesMax+1)); w.Code != 400 {
		t.Fatal(w.Code)
	}
	if w := g.do("POST", path, "encrypted"); w.Code != 200 || kept[sample().InstanceID] != "encrypted" {
		t.Fatal(w.Code, kept)
	}
	if w := g.do("POST", path, "other"); w.Code != 409 {
		t.Fatal(w.Code)
	}
	if body := g.want(200, "GET", path); body != "encrypted" {
		t.Fatal(body)
	}
	g.want(404, "GET", "/openstack/2012-08-10/password")
	if w := newGuest(t, sample(), nil).do("POST", path, "x"); w.Code != 405 {
		t.Fatal(w.Code)
	}
}

// FuzzPath proves that no path makes the handler panic or answer with anything but a few statuses.
func FuzzPath(f *testing.F) {
	for _, path := range []string{"/", "/latest/meta-data/", "/openstack/latest/meta_data.json", "/ec2", "/latest/api/token", "//..//"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		g := newGuest(t, sample(), nil)
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.Path = path
		w := httptest.NewRecorder()
		g.h.ServeMetadata(w, r, "port")
		if w.Code != 200 && w.Code != 404 && w.Code != 405 {
			t.Fatalf("%q: %d", path, w.Code)
		}
	})
}

// BenchmarkHandler shows what one question costs.
func BenchmarkHandler(b *testing.B) {
	h := NewHandler(func(context.Context, spec.PortID) (spec.Metadata, error) { return sample(), nil }, Layout{}, nil, nil)
	for _, path := range []string{"/openstack/latest/meta_data.json", "/latest/meta-data/instance-id"} {
		b.Run(filepath.Base(path), func(b *testing.B) {
			r := httptest.NewRequest("GET", path, nil)
			for b.Loop() {
				w := httptest.NewRecorder()
				h.ServeMetadata(w, r, "port")
				io.Copy(io.Discard, w.Body)
			}
		})
	}
}
