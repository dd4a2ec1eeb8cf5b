package netconf

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/mdlayher/ndp"
)

func ack(t *testing.T, mods ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	t.Helper()
	m, err := dhcpv4.New(append([]dhcpv4.Modifier{
		dhcpv4.WithYourIP(net.IPv4(10, 0, 0, 7)), dhcpv4.WithNetmask(net.CIDRMask(24, 32)),
		dhcpv4.WithRouter(net.IPv4(10, 0, 0, 1)), dhcpv4.WithDNS(net.IPv4(10, 0, 0, 2), net.IPv4(10, 0, 0, 3)),
		dhcpv4.WithLeaseTime(600),
	}, mods...)...)
	if err != nil {
		t.Fatal(err)
	}
	// Through the wire form, as it arrives.
	back, err := dhcpv4.FromBytes(m.ToBytes())
	if err != nil {
		t.Fatal(err)
	}
	return back
}

func TestParseLease4(t *testing.T) {
	l, err := parseLease4(ack(t, dhcpv4.WithGeneric(dhcpv4.OptionInterfaceMTU, []byte{0x05, 0xAA}),
		dhcpv4.WithGeneric(dhcpv4.OptionDomainName, []byte("example.org"))))
	if err != nil {
		t.Fatal(err)
	}
	want := lease4{
		address: netip.MustParsePrefix("10.0.0.7/24"), mtu: 1450, seconds: 600, renewIn: 5 * time.Minute,
		dns: []netip.Addr{netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.0.3")}, search: []string{"example.org"},
		routes: []Route{{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParseAddr("10.0.0.1")}},
	}
	if !reflect.DeepEqual(l, want) {
		t.Errorf("got  %+v\nwant %+v", l, want)
	}
}

func TestClasslessRoutesReplaceTheRouter(t *testing.T) {
	l, err := parseLease4(ack(t, dhcpv4.WithOption(dhcpv4.OptClasslessStaticRoute(
		&dhcpv4.Route{Dest: &net.IPNet{IP: net.IPv4(169, 254, 169, 254).To4(), Mask: net.CIDRMask(32, 32)}, Router: net.IPv4(10, 0, 0, 9).To4()},
		&dhcpv4.Route{Dest: &net.IPNet{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}, Router: net.IPv4(10, 0, 0, 254).To4()},
	))))
	if err != nil {
		t.Fatal(err)
	}
	want := []Route{
		{netip.MustParsePrefix("169.254.169.254/32"), netip.MustParseAddr("10.0.0.9")},
		{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParseAddr("10.0.0.254")},
	}
	if !reflect.DeepEqual(l.routes, want) {
		t.Errorf("got %v", l.routes)
	}
}

func TestInfiniteLeaseAndServersRenewalTime(t *testing.T) {
	l, err := parseLease4(ack(t, dhcpv4.WithLeaseTime(0xFFFFFFFF)))
	if err != nil || l.seconds != 0 || l.renewIn <= 0 {
		t.Errorf("infinite: %+v, %v", l, err)
	}
	l, err = parseLease4(ack(t, dhcpv4.WithGeneric(dhcpv4.OptionRenewTimeValue, []byte{0, 0, 0, 30})))
	if err != nil || l.renewIn != 30*time.Second {
		t.Errorf("renewal time: %v, %v", l.renewIn, err)
	}
}

func TestLeaseWithoutAddressIsRefused(t *testing.T) {
	if l, err := parseLease4(ack(t, dhcpv4.WithYourIP(net.IPv4zero))); err == nil {
		t.Errorf("got %+v", l)
	}
}

func TestParseLease6(t *testing.T) {
	m, err := dhcpv6.NewMessage()
	if err != nil {
		t.Fatal(err)
	}
	m.MessageType = dhcpv6.MessageTypeReply
	m.AddOption(dhcpv6.OptDNS(net.ParseIP("2001:db8::53")))
	m.AddOption(&dhcpv6.OptIANA{T1: 30 * time.Second, Options: dhcpv6.IdentityOptions{Options: dhcpv6.Options{
		&dhcpv6.OptIAAddress{IPv6Addr: net.ParseIP("2001:db8::7"), ValidLifetime: 10 * time.Minute, PreferredLifetime: 5 * time.Minute},
	}}})
	l, err := parseLease6(m)
	if err != nil || l.address != netip.MustParseAddr("2001:db8::7") || l.seconds != 600 || l.renewIn != 30*time.Second {
		t.Errorf("got %+v, %v", l, err)
	}
	if len(l.dns) != 1 || l.dns[0] != netip.MustParseAddr("2001:db8::53") {
		t.Errorf("name servers: %v", l.dns)
	}
}

func TestParseAdvertisement(t *testing.T) {
	a := parseAdvertisement(&ndp.RouterAdvertisement{ManagedConfiguration: true, Options: []ndp.Option{
		ndp.NewMTU(1400), &ndp.RecursiveDNSServer{Servers: []netip.Addr{netip.MustParseAddr("fe80::1")}},
	}})
	if !a.managed || a.other || a.mtu != 1400 || len(a.dns) != 1 {
		t.Errorf("got %+v", a)
	}
}

func TestResolverJoinsSources(t *testing.T) {
	r := resolver{path: filepath.Join(t.TempDir(), "resolv.conf")}
	r.set("eth0", "dhcp4", []netip.Addr{netip.MustParseAddr("10.0.0.2")}, []string{"a.example"})
	r.set("eth1", "ra", []netip.Addr{netip.MustParseAddr("fe80::1"), netip.MustParseAddr("10.0.0.2")}, []string{"a.example"})
	check := func(want string) {
		t.Helper()
		b, err := os.ReadFile(r.path)
		if err != nil || string(b) != want {
			t.Errorf("got %q, %v", b, err)
		}
	}
	check("search a.example\nnameserver 10.0.0.2\nnameserver fe80::1%eth1\n")
	r.forget("eth1")
	check("search a.example\nnameserver 10.0.0.2\n")
}
