package dhcp

import (
	"net"
	"net/netip"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/nubo-cloud/nubo/internal/spec"
)

var mac = net.HardwareAddr{0xfa, 0x16, 0x3e, 0, 0, 10}

func testDirectory(options ...spec.DHCPOption) *directory {
	return newDirectory(Config{MAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, MTU: 1500, Domain: "x.test.",
		Subnets: []spec.Subnet{
			{Prefix: netip.MustParsePrefix("10.5.0.0/24"), Service: netip.MustParseAddr("10.5.0.2")}, // DHCP is off here
			{Prefix: netip.MustParsePrefix("10.0.0.0/24"), DHCP: true, Service: netip.MustParseAddr("10.0.0.2"), DNS: []netip.Addr{netip.MustParseAddr("9.9.9.9")}},
		},
		Hosts: []spec.NetworkHost{{MAC: "FA:16:3E:00:00:0A", Options: options,
			Addresses: []netip.Addr{netip.MustParseAddr("10.5.0.10"), netip.MustParseAddr("10.0.0.10")}}}})
}

func ask(t *testing.T, kind dhcpv4.MessageType, mods ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	t.Helper()
	q, err := dhcpv4.New(append([]dhcpv4.Modifier{dhcpv4.WithHwAddr(mac), dhcpv4.WithMessageType(kind)}, mods...)...)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// Which questions are answered, and how (RFC 2131, 4.3).
func TestReply4Kinds(t *testing.T) {
	requested := func(ip string) dhcpv4.Modifier {
		return dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(net.ParseIP(ip)))
	}
	server := func(ip string) dhcpv4.Modifier { return dhcpv4.WithOption(dhcpv4.OptServerIdentifier(net.ParseIP(ip))) }
	for name, c := range map[string]struct {
		q    *dhcpv4.DHCPv4
		want dhcpv4.MessageType
	}{
		"discover":         {ask(t, dhcpv4.MessageTypeDiscover), dhcpv4.MessageTypeOffer},
		"selecting":        {ask(t, dhcpv4.MessageTypeRequest, requested("10.0.0.10"), server("10.0.0.2")), dhcpv4.MessageTypeAck},
		"another's offer":  {ask(t, dhcpv4.MessageTypeRequest, requested("10.0.0.10"), server("10.0.0.3")), 0},
		"rebooting":        {ask(t, dhcpv4.MessageTypeRequest, requested("10.0.0.10")), dhcpv4.MessageTypeAck},
		"rebooting, moved": {ask(t, dhcpv4.MessageTypeRequest, requested("10.0.0.77")), dhcpv4.MessageTypeNak},
		"renewing":         {ask(t, dhcpv4.MessageTypeRequest, dhcpv4.WithClientIP(net.ParseIP("10.0.0.10"))), dhcpv4.MessageTypeAck},
		"renewing another": {ask(t, dhcpv4.MessageTypeRequest, dhcpv4.WithClientIP(net.ParseIP("10.5.0.10"))), dhcpv4.MessageTypeNak},
		"inform":           {ask(t, dhcpv4.MessageTypeInform, dhcpv4.WithClientIP(net.ParseIP("10.0.0.10"))), dhcpv4.MessageTypeAck},
		"release":          {ask(t, dhcpv4.MessageTypeRelease), 0},
		"stranger":         {ask(t, dhcpv4.MessageTypeDiscover, dhcpv4.WithHwAddr(net.HardwareAddr{2, 9, 9, 9, 9, 9})), 0},
		"relayed":          {ask(t, dhcpv4.MessageTypeDiscover, dhcpv4.WithGatewayIP(net.ParseIP("10.0.0.7"))), 0},
	} {
		a, ok := testDirectory().reply4(c.q)
		if ok != (c.want != 0) || ok && a.MessageType() != c.want {
			t.Errorf("%s: answer %v", name, a)
		}
		if ok && c.q.MessageType() == dhcpv4.MessageTypeInform && (!a.YourIPAddr.IsUnspecified() || a.Options.Has(dhcpv4.OptionIPAddressLeaseTime)) {
			t.Errorf("%s: gives a lease: %v", name, a)
		}
	}
}

// Extra options go by number or name, take ours away, and set the header.
func TestExtraOptions4(t *testing.T) {
	a, _ := testDirectory(
		spec.DHCPOption{Name: "bootfile-name", Value: "pxe.0", Version: 4},
		spec.DHCPOption{Name: "server-ip-address", Value: "10.0.0.50", Version: 4},
		spec.DHCPOption{Name: "dns-server", Value: "", Version: 4},
		spec.DHCPOption{Name: "26", Value: "9000", Version: 4},
		spec.DHCPOption{Name: "150", Value: "10.0.0.51,10.0.0.52", Version: 4},
		spec.DHCPOption{Name: "domain-name", Value: "six.test", Version: 6},
		spec.DHCPOption{Name: "no-such-option", Value: "x", Version: 4},
	).reply4(ask(t, dhcpv4.MessageTypeDiscover))
	if a.BootFileName != "pxe.0" || !a.ServerIPAddr.Equal(net.ParseIP("10.0.0.50")) {
		t.Errorf("header: file %q, server %s", a.BootFileName, a.ServerIPAddr)
	}
	if len(a.DNS()) != 0 {
		t.Errorf("DNS servers %v, want none", a.DNS())
	}
	if mtu, _ := dhcpv4.GetUint16(dhcpv4.OptionInterfaceMTU, a.Options); mtu != 9000 {
		t.Errorf("MTU %d", mtu)
	}
	if got := a.Options.Get(dhcpv4.GenericOptionCode(150)); string(got) != "\x0a\x00\x00\x33\x0a\x00\x00\x34" {
		t.Errorf("option 150: %x", got)
	}
	if a.DomainName() != "x.test" {
		t.Errorf("domain %q", a.DomainName())
	}
}

// A gateway outside the subnet is reached on the link.
func TestGatewayOutside4(t *testing.T) {
	d := testDirectory()
	s := &spec.Subnet{Prefix: netip.MustParsePrefix("10.0.0.0/24"), Service: netip.MustParseAddr("10.0.0.2"), Gateway: netip.MustParseAddr("10.9.9.1")}
	routes := d.routes4(s)
	if len(routes) != 2 || routes[0].Dest.String() != "10.9.9.1/32" || !routes[0].Router.IsUnspecified() || routes[1].Router.String() != "10.9.9.1" {
		t.Errorf("routes are %v", routes)
	}
}

// Nothing a guest sends makes the server fall over.
func FuzzReply4(f *testing.F) {
	f.Add(ask(new(testing.T), dhcpv4.MessageTypeDiscover).ToBytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		q, err := dhcpv4.FromBytes(b)
		if err != nil {
			return
		}
		q.ClientHWAddr = mac
		if a, ok := testDirectory().reply4(q); ok && len(a.ToBytes()) == 0 {
			t.Error("empty answer")
		}
	})
}
