package linux

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// pair is two guests on one dual-stack network, each in a group of its own that
// lets everything out.
func pair(t *testing.T) (w *world, a, b *guest) {
	w = newWorld(t)
	n := privateNetwork("n1")
	n.Subnets = append(n.Subnets, spec.Subnet{ID: "s6", Prefix: netip.MustParsePrefix("fd00:1::/64")})
	w.network(n)
	out := []spec.Rule{anyRule(spec.Egress, false), anyRule(spec.Egress, true)}
	w.group(spec.SecurityGroup{ID: "ga", Generation: 1, Rules: out})
	w.group(spec.SecurityGroup{ID: "gb", Generation: 1, Rules: out})
	pa, pb := portOn("n1", "pa", 10, "ga"), portOn("n1", "pb", 11, "gb")
	pa.Addresses = append(pa.Addresses, netip.MustParseAddr("fd00:1::10"))
	pb.Addresses = append(pb.Addresses, netip.MustParseAddr("fd00:1::11"))
	a, b = w.guest(pa), w.guest(pb)
	answer(t, b.ns, 22)
	answer(t, b.ns, 23)
	return w, a, b
}

func ingressGroup(id spec.GroupID, generation int64, rules ...spec.Rule) spec.SecurityGroup {
	return spec.SecurityGroup{ID: id, Generation: generation,
		Rules: append([]spec.Rule{anyRule(spec.Egress, false), anyRule(spec.Egress, true)}, rules...)}
}

// What no rule allows is dropped; what one allows is answered; taking the rule away ends
// new and running connections, and only those. Both families.
func TestGroupsAreStateful(t *testing.T) {
	w, a, b := pair(t)
	for _, to := range b.port.Addresses {
		w.blocked(a.ns, to, 22)
	}
	w.group(ingressGroup("gb", 2, tcpRule(22, false), tcpRule(22, true), tcpRule(23, false), tcpRule(23, true)))
	var ending, staying []net.Conn
	for _, to := range b.port.Addresses {
		c, _ := w.reaches(a.ns, to, 22)
		ending = append(ending, c)
		c, _ = w.reaches(a.ns, to, 23)
		staying = append(staying, c)
	}
	w.group(ingressGroup("gb", 3, tcpRule(23, false), tcpRule(23, true)))
	for i, to := range b.port.Addresses {
		if alive(ending[i], refusal) {
			t.Errorf("connection to %s port 22 goes on after its rule is gone", to)
		}
		w.blocked(a.ns, to, 22)
		if !alive(staying[i], patience) {
			t.Errorf("connection to %s port 23 was cut with another's rule", to)
		}
	}
	// An old document arriving late changes nothing.
	w.group(ingressGroup("gb", 2, tcpRule(22, false)))
	w.blocked(a.ns, b.port.Addresses[0], 22)
}

// Without memory, answers pass only if a rule lets them, in either direction; the other side, which remembers, is not disturbed.
func TestStatelessGroups(t *testing.T) {
	w, a, b := pair(t)
	answer(t, a.ns, 22)
	to, from := b.port.Addresses[0], a.port.Addresses[0]
	w.group(ingressGroup("ga", 2, tcpRule(22, false)))
	silent := spec.SecurityGroup{ID: "gb", Generation: 2, Stateless: true, Rules: []spec.Rule{tcpRule(22, false)}}
	w.group(silent)
	w.blocked(a.ns, to, 22)
	w.group(spec.SecurityGroup{ID: "gb", Generation: 3, Rules: silent.Rules})
	w.reaches(a.ns, to, 22)
	speaking := ingressGroup("gb", 4, tcpRule(22, false))
	speaking.Stateless = true
	w.group(speaking)
	w.reaches(a.ns, to, 22)
	w.blocked(b.ns, from, 22)
	speaking.Generation, speaking.Rules = 5, append(speaking.Rules, anyRule(spec.Ingress, false))
	w.group(speaking)
	w.reaches(b.ns, from, 22)
}

// Egress rules hold as well, and ICMP is matched by type.
func TestEgressAndICMP(t *testing.T) {
	w, a, b := pair(t)
	w.group(ingressGroup("gb", 2, anyRule(spec.Ingress, false), spec.Rule{ID: "i", Direction: spec.Ingress, IPv6: true, Protocol: 1, PortMin: 128, PortMax: 0}))
	for _, to := range b.port.Addresses {
		soon(t, "ping", func() error { return ping(a.ns, to) })
	}
	w.blocked(a.ns, b.port.Addresses[1], 22) // only echo requests over IPv6
	w.group(spec.SecurityGroup{ID: "ga", Generation: 2, Rules: []spec.Rule{{ID: "o", Direction: spec.Egress, Protocol: protoTCP,
		PortMin: 20, PortMax: 22, RemotePrefix: netip.MustParsePrefix("10.0.0.0/28")}}})
	w.reaches(a.ns, b.port.Addresses[0], 22)
	w.blocked(a.ns, b.port.Addresses[0], 23)
	if ping(a.ns, b.port.Addresses[0]) == nil {
		t.Error("ping leaves although only TCP may")
	}
}

// A rule that names a group follows the members of that group, without a rule per member.
func TestRemoteGroup(t *testing.T) {
	w, a, b := pair(t)
	w.group(ingressGroup("gb", 2, spec.Rule{ID: "r", Direction: spec.Ingress, Protocol: -1, PortMin: -1, PortMax: -1, RemoteGroup: "ga"}))
	w.blocked(a.ns, b.port.Addresses[0], 22)
	members := ingressGroup("ga", 2)
	members.Members = a.port.Addresses
	w.group(members)
	c, _ := w.reaches(a.ns, b.port.Addresses[0], 22)
	w.group(ingressGroup("ga", 3))
	if alive(c, refusal) {
		t.Error("connection goes on after the member left")
	}
	w.blocked(a.ns, b.port.Addresses[0], 22)
}

// send puts a frame on the guest's wire.
func (g *guest) send(frame []byte) {
	g.t.Helper()
	_, err := g.wire.Write(frame)
	must(g.t, err)
}

// A guest cannot speak as another: not by MAC, ARP, IPv4, IPv6 or neighbour
// advertisement; nor as DHCP server or router. It can as itself and as its allowed pairs.
func TestSpoofing(t *testing.T) {
	w, a, b := pair(t)
	w.group(ingressGroup("gb", 2, anyRule(spec.Ingress, false), anyRule(spec.Ingress, true)))
	ear := listenFrames(t, b)
	good := spoof{a.mac(), a.port.Addresses[0], a.port.Addresses[1], linkLocal(a.mac())}
	for name, build := range spoofs() {
		// First as itself, to know that the frame arrives when nothing is wrong.
		if build.rogue == nil {
			a.send(build.frame(good, b.mac()))
			if !ear.hears(good.tag(build), patience) {
				t.Errorf("%s: a true frame does not arrive", name)
			}
		}
		for what, lie := range good.lies(build) {
			a.send(build.frame(lie, b.mac()))
			if ear.hears(lie.tag(build), refusal/4) {
				t.Errorf("%s: passes with a wrong %s", name, what)
			}
		}
	}
	p := a.port
	p.Generation++
	p.AllowedPairs = []spec.AddressPair{{Address: netip.MustParsePrefix("10.0.0.66/32")}}
	_, err := w.fabric.EnsurePort(context.Background(), p)
	must(t, err)
	lie := good
	lie.v4 = netip.MustParseAddr("10.0.0.66")
	for name, build := range spoofs() {
		if build.uses == "v4" && build.rogue == nil {
			a.send(build.frame(lie, b.mac()))
			if !ear.hears(lie.tag(build), patience) {
				t.Errorf("%s: an allowed pair does not arrive", name)
			}
		}
	}
	p.Generation++
	p.Security, p.AllowedPairs, p.Groups = false, nil, nil
	_, err = w.fabric.EnsurePort(context.Background(), p)
	must(t, err)
	lie.v4 = netip.MustParseAddr("10.0.0.67")
	for name, build := range spoofs() {
		if build.uses == "v4" {
			a.send(build.frame(lie, b.mac()))
			if !ear.hears(lie.tag(build), patience) {
				t.Errorf("%s: dropped although port security is off", name)
			}
		}
	}
}

// A guest speaks as each of its addresses. One that forwards sends from any, but claims none that is not its own.
func TestSecondAddressAndForwarding(t *testing.T) {
	w, a, b := pair(t)
	w.group(ingressGroup("gb", 2, anyRule(spec.Ingress, false)))
	ear, frames, p := listenFrames(t, b), spoofs(), a.port
	arrives := func(kind, from string, within time.Duration) bool {
		as := spoof{a.mac(), netip.MustParseAddr(from), p.Addresses[1], linkLocal(a.mac())}
		a.send(frames[kind].frame(as, b.mac()))
		return ear.hears(as.tag(frames[kind]), within)
	}
	change := func(edit func()) {
		p.Generation++
		edit()
		_, err := w.fabric.EnsurePort(context.Background(), p)
		must(t, err)
	}
	change(func() { p.Addresses = append(slices.Clone(p.Addresses), netip.MustParseAddr("10.0.0.66")) })
	for _, kind := range []string{"IPv4", "ARP"} {
		if !arrives(kind, "10.0.0.66", patience) {
			t.Errorf("%s: the second address does not arrive", kind)
		}
	}
	change(func() { p.Forwards = true })
	if !arrives("IPv4", "192.0.2.1", patience) {
		t.Error("what it forwards does not arrive")
	}
	if arrives("ARP", "10.0.0.67", refusal/4) {
		t.Error("one that forwards claims another's address")
	}
	change(func() { p.Forwards = false })
	if arrives("IPv4", "192.0.2.2", refusal/4) {
		t.Error("what it forwards still arrives when it may not")
	}
}

// A port that is administratively down carries nothing, and comes back.
func TestAdminDown(t *testing.T) {
	w, a, b := pair(t)
	w.group(ingressGroup("gb", 2, anyRule(spec.Ingress, false)))
	soon(t, "ping", func() error { return ping(a.ns, b.port.Addresses[0]) })
	down := a.port
	down.Generation, down.AdminUp = 2, false
	_, err := w.fabric.EnsurePort(context.Background(), down)
	must(t, err)
	if ping(a.ns, b.port.Addresses[0]) == nil {
		t.Error("a port that is down carries frames")
	}
	up := a.port
	up.Generation = 3
	_, err = w.fabric.EnsurePort(context.Background(), up)
	must(t, err)
	soon(t, "ping again", func() error { return ping(a.ns, b.port.Addresses[0]) })
	stats, err := w.fabric.PortStats(context.Background(), a.port.ID)
	must(t, err)
	if stats.SentPackets == 0 || stats.ReceivedBytes == 0 {
		t.Errorf("no traffic counted: %+v", stats)
	}
}

func (g *guest) mac() net.HardwareAddr {
	mac, _ := parseMAC(g.port.MAC)
	return mac
}

// A rule with a fixed list of addresses follows the list; an empty list is nobody.
func TestAddressLists(t *testing.T) {
	w, a, b := pair(t)
	rules := func(generation int64, addresses ...netip.Prefix) {
		four, six := tcpRule(22, false), tcpRule(22, true)
		four.RemoteSet, six.RemoteSet = addresses, addresses
		w.group(ingressGroup("gb", generation, four, six))
	}
	rules(2, prefix("10.0.0.10/32"), prefix("10.0.0.0/28"), prefix("fd00:1::/64"))
	var running []net.Conn
	for _, to := range b.port.Addresses {
		c, _ := w.reaches(a.ns, to, 22)
		running = append(running, c)
	}
	rules(3, make([]netip.Prefix, 0)...)
	for i, to := range b.port.Addresses {
		w.blocked(a.ns, to, 22)
		if alive(running[i], refusal) {
			t.Errorf("connection to %s goes on after its address left the list", to)
		}
	}
}
