package linux

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/dhcpv6/nclient6"
	"github.com/miekg/dns"
	"github.com/vishvananda/netlink"

	"github.com/nubo-cloud/nubo/internal/spec"
)

func network6(id spec.NetworkID, mode spec.RAMode) spec.Network {
	return spec.Network{ID: id, Generation: 1, MTU: 1450, AdminUp: true, Domain: "nubo.test", Subnets: []spec.Subnet{{ID: "s6",
		Prefix: prefix("fd00:6::/64"), Gateway: addr("fd00:6::1"), DHCP: true, Service: addr("fd00:6::2"), RAMode: mode}}}
}

func port6(network spec.NetworkID, id spec.PortID, last byte, addresses ...netip.Addr) spec.Port {
	p := portOn(network, id, last, "g")
	p.Addresses = addresses
	return p
}

// By SLAAC a guest gets an address of the prefix, the MTU and, when a router is named, a
// default route to it; and reaches the outside of its network through the router.
func TestSLAACAndRouter(t *testing.T) {
	w := newWorld(t)
	w.group(openGroup("g"))
	routerMAC, _ := parseMAC("fa:16:3e:01:00:02")
	n := network6("n1", spec.RASLAAC)
	n.Subnets[0].RARouter = linkLocal(routerMAC)
	w.network(n)
	far := network6("n2", spec.RANone)
	far.Subnets[0].Prefix, far.Subnets[0].Gateway, far.Subnets[0].Service = prefix("fd00:7::/64"), addr("fd00:7::1"), addr("fd00:7::2")
	w.network(far)
	w.router(spec.Router{ID: "r", Generation: 1, AdminUp: true, Interfaces: []spec.RouterInterface{
		routerInterface("r1", "n1", routerMAC.String(), "fd00:6::1/64"), routerInterface("r2", "n2", "fa:16:3e:01:00:03", "fd00:7::1/64")}})
	mac, _ := parseMAC("fa:16:3e:00:00:0a")
	own := netip.MustParseAddr("fd00:6::f816:3eff:fe00:a") // of the prefix and the MAC, as the control plane computes it
	if b, l := own.As16(), linkLocal(mac).As16(); string(b[8:]) != string(l[8:]) {
		t.Fatalf("test address %s is not made of the MAC", own)
	}
	a := w.plug(port6("n1", "pa", 10, own))
	b := w.guest(port6("n2", "pb", 11, addr("fd00:7::11")))
	must(t, b.ns.Do(func() error { return defaultVia(addr("fd00:7::1")) }))
	answer(t, b.ns, 80)
	soon(t, "address by SLAAC", func() error { return a.ns.Do(func() error { return hasAddress(own) }) })
	soon(t, "default route", func() error { return a.ns.Do(func() error { return hasDefault(linkLocal(routerMAC)) }) })
	soon(t, "MTU", func() error {
		return a.ns.Do(func() error {
			if got := readSetting("ipv6/conf/eth0/mtu"); got != "1450" {
				return errors.New("MTU is " + got)
			}
			return nil
		})
	})
	if _, seen := w.reaches(a.ns, b.port.Addresses[0], 80); seen != own {
		t.Errorf("seen as %s", seen)
	}
}

func hasAddress(want netip.Addr) error {
	l, err := netlink.LinkByName("eth0")
	if err != nil {
		return err
	}
	list, err := netlink.AddrList(l, netlink.FAMILY_V6)
	for _, a := range list {
		if address(a.IP) == want {
			return nil
		}
	}
	return errors.Join(err, errors.New("no such address"))
}

func hasDefault(via netip.Addr) error {
	list, err := netlink.RouteList(nil, netlink.FAMILY_V6)
	for _, r := range list {
		if address(r.Gw) == via {
			return nil
		}
	}
	return errors.Join(err, errors.New("no such route"))
}

// Without a router no default route is learnt, and stateful networks give no
// address by themselves but by DHCPv6.
func TestDHCPv6(t *testing.T) {
	w := newWorld(t)
	w.group(openGroup("g"))
	w.network(network6("n1", spec.RAStateful))
	a := w.plug(port6("n1", "pa", 10, addr("fd00:6::10")))
	reply := a.solicit()
	given := reply.Options.OneIANA().Options.OneAddress()
	if given == nil || address(given.IPv6Addr) != addr("fd00:6::10") {
		t.Errorf("address given: %v", given)
	}
	if servers := reply.Options.DNS(); len(servers) != 1 || address(servers[0]) != addr("fd00:6::2") {
		t.Errorf("DNS servers %v", servers)
	}
	if list := reply.Options.DomainSearchList(); list == nil || list.Labels[0] != "nubo.test" {
		t.Errorf("search list %v", list)
	}
	must(t, a.ns.Do(func() error {
		if hasAddress(addr("fd00:6::f816:3eff:fe00:a")) == nil {
			return errors.New("an address was made of the prefix")
		}
		return nil
	}))
	// The same network turned stateless gives options only.
	n := network6("n1", spec.RAStateless)
	n.Generation = 2
	w.network(n)
	reply = a.solicit()
	if ia := reply.Options.OneIANA(); ia == nil || ia.Options.OneAddress() != nil {
		t.Errorf("stateless network gave %v", ia)
	}
}

// solicit asks by DHCPv6 until there is a reply; the guest's own link-local address takes a moment.
func (g *guest) solicit() (reply *dhcpv6.Message) {
	g.t.Helper()
	soon(g.t, "DHCPv6", func() error {
		var client *nclient6.Client
		err := g.ns.Do(func() error {
			// Bound by device, as names of zones are looked up in the wrong namespace.
			c, err := (&net.ListenConfig{Control: toDevice("eth0")}).ListenPacket(context.Background(), "udp6", "[::]:546")
			if err == nil {
				client, err = nclient6.NewWithConn(c, g.mac(), nclient6.WithTimeout(refusal), nclient6.WithRetry(1),
					nclient6.WithBroadcastAddr(&net.UDPAddr{IP: net.ParseIP("ff02::1:2"), Port: 547}))
			}
			return err
		})
		if err != nil {
			return err
		}
		defer client.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		reply, err = client.RapidSolicit(ctx)
		return err
	})
	return reply
}

// Names of hosts resolve on their network, forwards and backwards; others are
// asked upstream, from the host.
func TestDNS(t *testing.T) {
	w := newWorld(t)
	w.group(openGroup("g"))
	n := privateNetwork("n1")
	n.Hosts = []spec.NetworkHost{
		{Port: "pa", MAC: "fa:16:3e:00:00:0a", Hostname: "One", Addresses: []netip.Addr{addr("10.0.0.10"), addr("fd00:6::10")}},
		{Port: "elsewhere", MAC: "fa:16:3e:00:00:0b", Hostname: "two", Addresses: []netip.Addr{addr("10.0.0.11")}}}
	w.network(n)
	a := w.plug(portOn("n1", "pa", 10, "g"))
	a.lease()
	upstream := &dns.Server{Handler: dns.HandlerFunc(func(rw dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(q)
		m.Answer = []dns.RR{&dns.TXT{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET}, Txt: []string{"from upstream"}}}
		rw.WriteMsg(m)
	})}
	must(t, w.outside.Do(func() (err error) {
		upstream.PacketConn, err = net.ListenPacket("udp", outsideAddr.String()+":53")
		return err
	}))
	go upstream.ActivateAndServe()
	t.Cleanup(func() { upstream.Shutdown() })
	for _, q := range []struct {
		network, name string
		kind          uint16
		want          string
		code          int
	}{
		{"udp", "one.nubo.test.", dns.TypeA, "10.0.0.10", 0},
		{"tcp", "ONE.nubo.test.", dns.TypeAAAA, "fd00:6::10", 0},
		{"udp", "two.nubo.test.", dns.TypeA, "10.0.0.11", 0},
		{"udp", "two.nubo.test.", dns.TypeAAAA, "", 0},
		{"udp", "11.0.0.10.in-addr.arpa.", dns.TypePTR, "two.nubo.test.", 0},
		{"udp", "99.0.0.10.in-addr.arpa.", dns.TypePTR, "", dns.RcodeNameError},
		{"udp", "example.org.", dns.TypeTXT, `"from upstream"`, 0},
	} {
		m, err := a.resolve(q.network, q.name, q.kind)
		if err != nil {
			t.Errorf("%s: %v", q.name, err)
			continue
		}
		got := ""
		if len(m.Answer) > 0 {
			got = m.Answer[0].String()[len(m.Answer[0].Header().String()):]
		}
		if got != q.want || m.Rcode != q.code {
			t.Errorf("%s: %q code %d, want %q code %d", q.name, got, m.Rcode, q.want, q.code)
		}
	}
	n.Generation, n.Hosts = 2, n.Hosts[:1]
	w.network(n)
	upstream.Shutdown()
	if m, err := a.resolve("udp", "two.nubo.test.", dns.TypeA); err == nil && len(m.Answer) > 0 {
		t.Errorf("a host that left still resolves: %v", m.Answer)
	}
}

func (g *guest) resolve(network, name string, kind uint16) (m *dns.Msg, err error) {
	q := new(dns.Msg)
	q.SetQuestion(name, kind)
	var c net.Conn
	err = g.ns.Do(func() error {
		c, err = net.DialTimeout(network, "10.0.0.2:53", patience)
		return err
	})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	m, _, err = (&dns.Client{Net: network, Timeout: patience}).ExchangeWithConn(q, &dns.Conn{Conn: c})
	return m, err
}
