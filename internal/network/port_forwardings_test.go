package network

import (
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// forwardingWorld is a floating IP, and a port behind a router to its network.
func forwardingWorld(t *testing.T) (w *world, f *cloud.FloatingIP, p *cloud.Port, r *cloud.Router) {
	w = newWorld(t, "h1")
	public := w.public()
	n, subnets := w.network(w.admin, "10.0.0.0/24")
	r = get(w.CreateRouter(w.admin, RouterRequest{Gateway: &GatewayRequest{NetworkID: public.ID}}))(t)
	get(w.AddInterface(w.admin, r.ID, InterfaceRequest{SubnetID: subnets[0].ID}))(t)
	p = get(w.CreatePort(w.admin, PortRequest{NetworkID: n.ID}))(t)
	return w, get(w.CreateFloatingIP(w.admin, FloatingIPRequest{NetworkID: public.ID}))(t), p, r
}

func forwardTo(p *cloud.Port, protocol string, outer, inner cloud.PortRange) PortForwardingChange {
	return PortForwardingChange{Protocol: &protocol, External: &outer, Internal: &inner, PortID: &p.ID}
}

// A forwarding reaches the router's document, keeps the floating IP from leading elsewhere and the interface in place, and goes
// with its port.
func TestPortForwardings(t *testing.T) {
	w, f, p, r := forwardingWorld(t)
	ssh := cloud.PortRange{First: 22, Last: 22}
	many := cloud.PortRange{First: 2000, Last: 2009}
	made := get(w.CreatePortForwarding(w.admin, f.ID, forwardTo(p, "tcp", many, ssh)))(t)
	get(w.CreatePortForwarding(w.admin, f.ID, forwardTo(p, "udp", many, many)))(t)
	forwards := func(n int) func() bool {
		return func() (is bool) {
			h := w.hosts["h1"]
			h.with(func() { is = len(h.routers[spec.RouterID(r.ID)].Forwards) == n })
			return is
		}
	}
	w.eventually("two forwardings on the host", forwards(2))
	for _, bad := range []PortForwardingChange{forwardTo(p, "tcp", cloud.PortRange{First: 2009, Last: 2010}, ssh), forwardTo(p, "icmp", ssh, ssh),
		forwardTo(p, "tcp", many, cloud.PortRange{First: 1, Last: 2}), forwardTo(p, "tcp", cloud.PortRange{First: 0, Last: 1}, ssh),
		forwardTo(p, "tcp", cloud.PortRange{First: 3, Last: 70000}, ssh), {Description: ptr("nothing else")}} {
		_, err := w.CreatePortForwarding(w.admin, f.ID, bad)
		wantKind(t, err, cloud.Invalid)
	}
	_, err := w.UpdateFloatingIP(w.admin, f.ID, FloatingIPChange{Target: &TargetRequest{PortID: p.ID}})
	wantKind(t, err, cloud.Conflict)
	_, err = w.RemoveInterface(w.admin, r.ID, InterfaceRequest{SubnetID: p.Addresses[0].SubnetID})
	wantKind(t, err, cloud.InUse)
	get(w.UpdatePortForwarding(w.admin, f.ID, made.ID, PortForwardingChange{External: &cloud.PortRange{First: 3000, Last: 3009}, Internal: &many}))(t)
	w.must(w.DeletePortForwarding(w.admin, f.ID, made.ID))
	wantKind(t, w.DeletePortForwarding(w.admin, f.ID, made.ID), cloud.NotFound)
	w.eventually("one forwarding on the host", forwards(1))
	w.must(w.DeletePort(w.admin, p.ID))
	w.eventually("none without the port", forwards(0))
	if left := get(w.FloatingIP(w.admin, f.ID))(t); left.RouterID != "" || len(left.Forwardings) != 0 {
		t.Errorf("floating IP is left with %+v", left)
	}
}

// A floating IP that leads somewhere has no forwardings, and an address with a floating IP is not forwarded to.
func TestForwardingsAndTargets(t *testing.T) {
	w, f, p, _ := forwardingWorld(t)
	led := get(w.CreateFloatingIP(w.admin, FloatingIPRequest{NetworkID: f.NetworkID, Target: TargetRequest{PortID: p.ID}}))(t)
	ssh := cloud.PortRange{First: 22, Last: 22}
	_, err := w.CreatePortForwarding(w.admin, led.ID, forwardTo(p, "tcp", ssh, ssh))
	wantKind(t, err, cloud.Conflict)
	_, err = w.CreatePortForwarding(w.admin, f.ID, forwardTo(p, "tcp", ssh, ssh))
	wantKind(t, err, cloud.Conflict)
}

// One place is forwarded to once for a protocol, and a floating IP stays as long as it forwards.
func TestForwardingsHoldTheirFloatingIP(t *testing.T) {
	w, f, p, _ := forwardingWorld(t)
	ssh, other := cloud.PortRange{First: 22, Last: 22}, cloud.PortRange{First: 2222, Last: 2222}
	get(w.CreatePortForwarding(w.admin, f.ID, forwardTo(p, "tcp", ssh, ssh)))(t)
	_, err := w.CreatePortForwarding(w.admin, f.ID, forwardTo(p, "tcp", other, ssh))
	wantKind(t, err, cloud.Invalid)
	get(w.CreatePortForwarding(w.admin, f.ID, forwardTo(p, "udp", other, ssh)))(t)
	wantKind(t, w.DeleteFloatingIP(w.admin, f.ID), cloud.Conflict)
	for _, left := range get(w.FloatingIP(w.admin, f.ID))(t).Forwardings {
		w.must(w.DeletePortForwarding(w.admin, f.ID, left.ID))
	}
	w.must(w.DeleteFloatingIP(w.admin, f.ID))
}
