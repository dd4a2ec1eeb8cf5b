package isolation

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/routers"

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

// TestGuestsOnNetworks: one and two are on a network, far is on another.
func TestGuestsOnNetworks(t *testing.T) {
	s := newSite(t)
	near, other := s.place("near", "10.31.0.0/24"), s.place("other", "10.32.0.0/24")
	edge := s.router(near)
	farEdge := s.router(other)
	one, two, far := s.boot("one", near), s.boot("two", near), s.boot("far", other)
	for _, g := range []*guest{one, two, far} {
		s.login(g)
	}
	absent := s.port(near) // another's addresses, with nobody who would answer for them
	p := &pair{from: two, to: one}

	t.Run("one network", func(t *testing.T) {
		ping(t, one, two.address, true)
		ping(t, two, one.address, true)
	})
	t.Run("two networks without a router between them", func(t *testing.T) {
		ping(t, one, far.address, false)
		ping(t, far, one.address, false)
	})
	t.Run("metadata", func(t *testing.T) { metadata(t, one, two, absent.FixedIPs[0].IPAddress) })
	t.Run("spoofing", func(t *testing.T) { p.spoofing(t, absent.FixedIPs[0].IPAddress, absent.MACAddress) })
	t.Run("two networks with a router between them", func(t *testing.T) {
		far.Guest.Close()
		s.move(other, farEdge, edge)
		cloudtest.Eventually(t, cloudtest.Patience(10*time.Second), func() error {
			_, err := one.Try("ping -c 1 -W 2 "+far.address, cloudtest.Patience(5*time.Second))
			return err
		})
	})
}

// move takes the gateway of a network from one router to another.
func (s *site) move(p place, from, to string) {
	s.t.Helper()
	s.releaseFloating(p)
	_, err := routers.RemoveInterface(s.ctx(), s.sdk.Network, from, routers.RemoveInterfaceOpts{SubnetID: p.subnet}).Extract()
	s.check(err)
	_, err = routers.AddInterface(s.ctx(), s.sdk.Network, to, routers.AddInterfaceOpts{SubnetID: p.subnet}).Extract()
	s.check(err)
}

func ping(t *testing.T, from *guest, to string, answers bool) {
	t.Helper()
	out, err := from.Try("ping -c 2 -W 2 "+to, cloudtest.Patience(5*time.Second))
	if (err == nil) != answers {
		t.Errorf("ping from %s to %s: %v\n%s", from.name, to, err, out)
	}
}

const metadataURL = "http://169.254.169.254/openstack/latest/meta_data.json"

// metadata tells each guest about itself, whatever it pretends.
func metadata(t *testing.T, one, two *guest, stolen string) {
	for _, g := range []*guest{one, two} {
		for _, lie := range []string{"", "-H 'X-Forwarded-For: " + one.address + "' ", "-H 'X-Instance-ID: " + one.id + "' -H 'X-Real-IP: " + one.address + "' "} {
			if got := g.Run("curl -s " + lie + metadataURL); !strings.Contains(got, g.id) {
				t.Errorf("metadata of %s, asked with %q, is %s", g.name, lie, got)
			}
		}
	}
	// With another's address the question is never answered.
	two.Run("sudo ip addr add " + stolen + "/32 dev eth0 && sudo ip route add 169.254.169.254/32 dev eth0 src " + stolen)
	if out, err := two.Try("curl -s -m 4 "+metadataURL, cloudtest.Patience(5*time.Second)); err == nil {
		t.Errorf("metadata for a stolen address: %s", out)
	}
	two.Run("sudo ip route del 169.254.169.254/32 dev eth0 src " + stolen + " && sudo ip addr del " + stolen + "/32 dev eth0")
	if got := two.Run("curl -s " + metadataURL); !strings.Contains(got, two.id) {
		t.Errorf("metadata afterwards is %s", got)
	}
}

// pair sends frames from one guest to another.
type pair struct {
	from, to *guest
}

// spoofing tries frames with somebody else's addresses. They are followed by an honest one, whose arrival
// shows that the others would have arrived as well.
func (p *pair) spoofing(t *testing.T, address, mac string) {
	p.to.Run("for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 | sudo tee $f; done") // the guest itself refuses nothing
	local6 := func(g *guest) string {
		return strings.Fields(g.Run("ip -o -6 addr show dev eth0 scope link"))[3]
	}
	to6 := strings.TrimSuffix(local6(p.to), "/64")
	own6 := strings.TrimSuffix(local6(p.from), "/64")
	own := "-src-ip " + p.from.address
	for _, c := range []struct {
		name, to, flags string
		arrives         bool
	}{
		{"honest", p.to.address, own, true},
		{"another's IP", p.to.address, "-src-ip " + address, false},
		{"another's MAC", p.to.address, own + " -src-mac " + mac, false},
		{"another's MAC and IP", p.to.address, "-src-ip " + address + " -src-mac " + mac, false},
		{"address of nobody", p.to.address, "-src-ip 192.0.2.1", false},
		{"honest IPv6", to6, "-src-ip " + own6, true},
		{"another's IPv6", to6, "-src-ip fe80::1234", false},
		{"another's MAC by IPv6", to6, "-src-ip " + own6 + " -src-mac " + mac, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := p.arrives(t, c.to, c.flags, own); got != c.arrives {
				t.Errorf("frame arrived: %v", got)
			}
		})
	}
	t.Run("ARP", func(t *testing.T) { p.arp(t, address, mac) })
}

// arrives tells whether datagrams with these flags reach the other guest. Nobody listens there: its
// kernel counts what comes for closed ports.
func (p *pair) arrives(t *testing.T, to, flags, honest string) bool {
	t.Helper()
	const many = 20 // more than there will ever be honest ones
	send := func(count int, to, flags string) {
		t.Helper()
		p.from.Run(fmt.Sprintf("sudo rawsend -i eth0 -c %d -interval 1ms -dst-mac %s -dst-ip %s -dport 20009 %s", count, p.to.mac, to, flags))
	}
	before := p.counted(t)
	send(many, to, flags)
	var arrived int
	cloudtest.Eventually(t, cloudtest.Patience(10*time.Second), func() error {
		send(1, p.to.address, honest)
		if arrived = p.counted(t) - before; arrived == 0 {
			return fmt.Errorf("not even the honest datagram has arrived")
		}
		return nil
	})
	return arrived >= many
}

// counted is how many datagrams for closed ports the other guest has seen.
func (p *pair) counted(t *testing.T) int {
	t.Helper()
	n := 0
	for _, command := range []string{"awk '/^Udp:/ {print $3}' /proc/net/snmp | tail -1", "awk '/^Udp6NoPorts/ {print $2}' /proc/net/snmp6"} {
		more, err := strconv.Atoi(p.to.Run(command))
		cloudtest.Check(t, err)
		n += more
	}
	return n
}

// arp claims another's address for oneself: the neighbours must not believe it.
func (p *pair) arp(t *testing.T, address, mac string) {
	for _, kind := range []string{"arp-request", "arp-reply"} {
		p.from.Run(fmt.Sprintf("sudo rawsend -i eth0 -type %s -dst-mac %s -src-ip %s -dst-ip %s", kind, p.to.mac, address, p.to.address))
		p.from.Run(fmt.Sprintf("sudo rawsend -i eth0 -type %s -dst-mac %s -src-mac %s -src-ip %s -dst-ip %s", kind, p.to.mac, mac, address, p.to.address))
	}
	if !p.arrives(t, p.to.address, "-src-ip "+p.from.address, "-src-ip "+p.from.address) {
		t.Error("an honest datagram did not arrive")
	}
	if table := p.to.Run("cat /proc/net/arp"); strings.Contains(table, address+" ") {
		t.Errorf("the other guest believes:\n%s", table)
	}
}
