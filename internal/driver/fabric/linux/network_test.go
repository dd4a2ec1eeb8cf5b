package linux

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/miekg/dns"
	"github.com/vishvananda/netlink"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// get asks the metadata service from a namespace.
func get(ns *netns.Handle, url string) (string, error) {
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (c net.Conn, err error) {
		err = ns.Do(func() error {
			c, err = (&net.Dialer{Timeout: refusal}).DialContext(ctx, network, address)
			return err
		})
		return c, err
	}}
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport}).Get(url)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	return string(b), err
}

// A guest gets its address and everything else by DHCP, reaches its neighbour, and is told
// about itself by the metadata service.
func TestLeaseNeighbourMetadata(t *testing.T) {
	w := newWorld(t)
	n := privateNetwork("n1")
	n.MTU = 1400
	n.Subnets[0].Routes = []spec.Route{{Destination: netip.MustParsePrefix("10.9.0.0/16"), NextHop: netip.MustParseAddr("10.0.0.7")}}
	n.Hosts = []spec.NetworkHost{{Port: "p1", MAC: "fa:16:3e:00:00:0a", Hostname: "one", Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.10")},
		Options: []spec.DHCPOption{{Name: "tftp-server", Value: "10.0.0.99", Version: 4}, {Name: "42", Value: "10.0.0.98", Version: 4}}}}
	w.network(n)
	w.group(openGroup("g"))
	a, b := w.plug(portOn("n1", "p1", 10, "g")), w.plug(portOn("n1", "p2", 11, "g"))
	ack := a.lease()
	b.lease()
	if got := ack.HostName(); got != "one" {
		t.Errorf("hostname %q", got)
	}
	if got := ack.DomainName(); got != "nubo.test" {
		t.Errorf("domain %q", got)
	}
	if mtu, _ := dhcpv4.GetUint16(dhcpv4.OptionInterfaceMTU, ack.Options); mtu != 1400 {
		t.Errorf("MTU option %d", mtu)
	}
	if dns := ack.DNS(); len(dns) != 1 || address(dns[0]).String() != "10.0.0.2" {
		t.Errorf("DNS servers %v", dns)
	}
	if got := string(ack.Options.Get(dhcpv4.OptionTFTPServerName)); got != "10.0.0.99" {
		t.Errorf("TFTP server %q", got)
	}
	if got := ack.NTPServers(); len(got) != 1 || got[0].String() != "10.0.0.98" {
		t.Errorf("NTP servers %v", got)
	}
	if got := fmt.Sprint(ack.ClasslessStaticRoute()); got != "[route to 169.254.169.254/32 via 10.0.0.2 route to 10.9.0.0/16 via 10.0.0.7 route to 0.0.0.0/0 via 10.0.0.1]" {
		t.Errorf("routes %s", got)
	}
	soon(t, "ping the neighbour", func() error { return ping(a.ns, b.port.Addresses[0]) })
	if err := ping(a.ns, b.port.Addresses[0], "-M", "do", "-s", "1372"); err != nil {
		t.Errorf("a packet of 1400 bytes does not fit: %v", err)
	}
	for _, g := range []*guest{a, b} {
		got, err := get(g.ns, "http://169.254.169.254/latest")
		if err != nil || got != string(g.port.ID)+" /latest" {
			t.Errorf("metadata for %s: %q, %v", g.port.ID, got, err)
		}
	}
	got, err := get(a.ns, fmt.Sprintf("http://[fe80::a9fe:a9fe%%25%d]/latest", a.index()))
	if err != nil || got != "p1 /latest" {
		t.Errorf("metadata over IPv6: %q, %v", got, err)
	}
}

// A network without DNS tells guests of no server of ours and answers no question; everything else is served.
func TestNoDNS(t *testing.T) {
	w := newWorld(t)
	w.group(openGroup("g"))
	n := privateNetwork("n1")
	w.network(n)
	a := w.plug(portOn("n1", "pa", 10, "g"))
	a.lease()
	if _, err := a.resolve("tcp", "host-10-0-0-10.nubo.test.", dns.TypeA); err != nil {
		t.Fatal(err)
	}
	n.Generation, n.NoDNS = 2, true
	w.network(n)
	if ack := a.lease(); len(ack.DNS()) != 0 {
		t.Errorf("DNS servers %v, want none", ack.DNS())
	}
	w.blocked(a.ns, addr("10.0.0.2"), 53)
	if got, err := get(a.ns, "http://169.254.169.254/latest"); err != nil || got != "pa /latest" {
		t.Errorf("metadata: %q, %v", got, err)
	}
}

// A client in the field gets its lease as well as our own.
func TestLeaseByUdhcpc(t *testing.T) {
	w := newWorld(t)
	if _, err := exec.LookPath("busybox"); err != nil {
		t.Skip("needs busybox, for udhcpc")
	}
	w.network(privateNetwork("n1"))
	a := w.plug(portOn("n1", "p1", 10))
	out := w.run(a.ns, "busybox", "udhcpc", "-i", "eth0", "-n", "-q", "-f", "-s", "/bin/true", "-t", "4", "-T", "1")
	if !strings.Contains(out, "lease of 10.0.0.10 obtained from 10.0.0.2") {
		t.Errorf("udhcpc says:\n%s", out)
	}
}

// A guest whose MAC is on no port gets no answer, and one that asks for another's address is refused.
func TestLeaseRefused(t *testing.T) {
	w := newWorld(t)
	w.network(privateNetwork("n1"))
	p := portOn("n1", "p1", 10)
	p.Security = false // or the stranger would not even be heard
	a := w.plug(p)
	a.lease()
	must(t, a.ns.Do(func() error {
		l, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		mac, _ := parseMAC("02:00:00:00:00:99")
		return netlink.LinkSetHardwareAddr(l, mac)
	}))
	if ack, err := a.tryLease(refusal); err == nil {
		t.Errorf("a stranger got %s", ack.YourIPAddr)
	}
}

// Without security a port speaks as it likes, yet metadata knows who it is.
func TestMetadataNotFooled(t *testing.T) {
	w := newWorld(t)
	w.network(privateNetwork("n1"))
	w.group(openGroup("g"))
	p := portOn("n1", "liar", 10)
	p.Security = false
	liar := w.plug(p)
	w.guest(portOn("n1", "victim", 11, "g"))
	must(t, liar.ns.Do(func() error {
		if err := addressed("eth0", prefix("10.0.0.11/24")); err != nil {
			return err
		}
		return defaultVia(addr("10.0.0.2"))
	}))
	if got, err := get(liar.ns, "http://169.254.169.254/"); err == nil && got != "liar /" {
		t.Errorf("metadata told %q", got)
	}
}
