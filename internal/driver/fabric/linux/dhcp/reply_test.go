package dhcp

import (
	"net"
	"net/netip"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/rfc1035label"

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

// Whoever is told no server of ours hears of the others, or of none.
func TestNoDNS(t *testing.T) {
	d := testDirectory()
	d.NoDNS = true
	if a, _ := d.reply4(ask(t, dhcpv4.MessageTypeDiscover)); len(a.DNS()) != 1 {
		t.Errorf("DNS servers %v, want the subnet's", a.DNS())
	}
	d.Subnets[1].DNS = nil
	if a, _ := d.reply4(ask(t, dhcpv4.MessageTypeDiscover)); a.Options.Has(dhcpv4.OptionDomainNameServer) {
		t.Errorf("DNS servers %v, want none", a.DNS())
	}
}

// What an organisation tells its guests arrives in the form that clients read, over what we would say.
func TestOptionSet(t *testing.T) {
	a, _ := testDirectory(
		spec.DHCPOption{Name: "15", Value: "corp.example", Version: 4},
		spec.DHCPOption{Name: "6", Value: "10.0.0.53,10.0.0.54", Version: 4},
		spec.DHCPOption{Name: "42", Value: "10.0.0.123", Version: 4},
		spec.DHCPOption{Name: "44", Value: "10.0.0.44,10.0.0.45", Version: 4},
		spec.DHCPOption{Name: "46", Value: "2", Version: 4},
	).reply4(ask(t, dhcpv4.MessageTypeDiscover))
	if a.DomainName() != "corp.example" || len(a.DNS()) != 2 || a.DNS()[1].String() != "10.0.0.54" || len(a.NTPServers()) != 1 {
		t.Errorf("domain %q, DNS %v, NTP %v", a.DomainName(), a.DNS(), a.NTPServers())
	}
	if servers, kind := a.Options.Get(dhcpv4.GenericOptionCode(44)), a.Options.Get(dhcpv4.GenericOptionCode(46)); string(servers) != "\x0a\x00\x00\x2c\x0a\x00\x00\x2d" || string(kind) != "\x02" {
		t.Errorf("NetBIOS servers %x, node type %x", servers, kind)
	}
}

// The same over DHCPv6, where each option has a form of its own.
func TestExtraOptions6(t *testing.T) {
	message := &dhcpv6.Message{}
	message.UpdateOption(dhcpv6.OptDomainSearchList(&rfc1035label.Labels{Labels: []string{"x.test"}}))
	extra6(message, []spec.DHCPOption{
		{Name: "dns-server", Value: "fd00::53,fd00::54", Version: 6},
		{Name: "24", Value: "corp.example,example.org", Version: 6},
		{Name: "56", Value: "fd00::123", Version: 6},
		{Name: "15", Value: "four.test", Version: 4},
	})
	read, err := dhcpv6.MessageFromBytes(message.ToBytes())
	if err != nil {
		t.Fatal(err)
	}
	if servers := read.Options.DNS(); len(servers) != 2 || servers[1].String() != "fd00::54" {
		t.Errorf("DNS servers %v", servers)
	}
	if list := read.Options.DomainSearchList(); list == nil || len(list.Labels) != 2 || list.Labels[1] != "example.org" {
		t.Errorf("search list %v", list)
	}
	if servers := read.Options.NTPServers(); len(servers) != 1 || servers[0].String() != "fd00::123" {
		t.Errorf("NTP servers %v", servers)
	}
	extra6(message, []spec.DHCPOption{{Name: "24", Version: 6}})
	if list := message.Options.DomainSearchList(); list != nil {
		t.Errorf("search list %v, want none", list)
	}
}
