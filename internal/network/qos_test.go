package network

import (
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// qosIs waits until the host's document of a port bounds what it sends to this.
func (w *world) qosIs(host cloud.HostID, p cloud.PortID, bits int64) {
	w.t.Helper()
	w.eventually("the port's limit", func() (is bool) {
		h := w.hosts[host]
		h.with(func() { is = h.ports[spec.PortID(p)].QoS.Out.Bits == bits })
		return is
	})
}

// A port in use follows its own policy, then its network's, live; a policy stays while anything uses it.
func TestPortsFollowPolicies(t *testing.T) {
	w := newWorld(t, "h1")
	mine, manager := as("mine"), as("mine", "manager", "member", "reader")
	n, _ := w.network(mine, "10.0.0.0/24")
	in, ports := w.instance(mine, "i", "h1", n.ID)
	w.must(w.PlugInstance(mine, in.ID, "h1"))
	port := ports[0].ID
	own := get(w.CreateQoSPolicy(manager, QoSPolicyRequest{Name: "own"}))(t)
	rate := func(n int) QoSRuleChange { return QoSRuleChange{Rate: &n} }
	r := get(w.CreateQoSRule(manager, own.ID, cloud.QoSBandwidthLimit, rate(1000)))(t)
	get(w.UpdatePort(mine, port, PortChange{QoS: &own.ID}))(t)
	w.qosIs("h1", port, 1000000)
	get(w.UpdateQoSRule(manager, own.ID, r.ID, cloud.QoSBandwidthLimit, rate(2000)))(t)
	w.qosIs("h1", port, 2000000)
	of := get(w.CreateQoSPolicy(manager, QoSPolicyRequest{Name: "network's"}))(t)
	get(w.CreateQoSRule(manager, of.ID, cloud.QoSBandwidthLimit, rate(3000)))(t)
	get(w.UpdateNetwork(mine, n.ID, NetworkChange{QoS: &of.ID}))(t)
	get(w.UpdatePort(mine, port, PortChange{QoS: ptr(cloud.QoSPolicyID(""))}))(t)
	w.qosIs("h1", port, 3000000)
	wantKind(t, w.DeleteQoSPolicy(manager, of.ID), cloud.InUse)
	get(w.UpdateNetwork(mine, n.ID, NetworkChange{QoS: ptr(cloud.QoSPolicyID(""))}))(t)
	w.qosIs("h1", port, 0)
	w.must(w.DeleteQoSPolicy(manager, of.ID))
	w.must(w.DeleteQoSRule(manager, own.ID, r.ID, cloud.QoSBandwidthLimit))
	w.must(w.DeleteQoSPolicy(manager, own.ID))
}

// Bandwidth is promised to ports of networks that a NIC carries; nobody could keep it for others.
func TestBandwidthNeedsANIC(t *testing.T) {
	w, rate := newWorld(t), 100
	q := get(w.CreateQoSPolicy(w.admin, QoSPolicyRequest{Name: "fast"}))(t)
	get(w.CreateQoSRule(w.admin, q.ID, cloud.QoSMinimumBandwidth, QoSRuleChange{Rate: &rate}))(t)
	n, _ := w.network(w.admin, "10.0.0.0/24")
	_, err := w.CreatePort(w.admin, PortRequest{NetworkID: n.ID, QoS: q.ID})
	wantKind(t, err, cloud.Conflict)
	p := get(w.CreatePort(w.admin, PortRequest{NetworkID: n.ID}))(t)
	_, err = w.UpdatePort(w.admin, p.ID, PortChange{QoS: &q.ID})
	wantKind(t, err, cloud.Conflict)
}

// Members use policies and do not make them; others use shared ones only; new networks get their project's default.
func TestWhoUsesPolicies(t *testing.T) {
	w := newWorld(t)
	mine, manager := as("mine"), as("mine", "manager", "member", "reader")
	_, err := w.CreateQoSPolicy(mine, QoSPolicyRequest{})
	wantKind(t, err, cloud.Forbidden)
	_, err = w.CreateQoSPolicy(manager, QoSPolicyRequest{Shared: true})
	wantKind(t, err, cloud.Forbidden)
	p := get(w.CreateQoSPolicy(manager, QoSPolicyRequest{Default: true}))(t)
	_, err = w.CreateQoSPolicy(manager, QoSPolicyRequest{Default: true})
	wantKind(t, err, cloud.AlreadyExists)
	n := get(w.CreateNetwork(mine, NetworkRequest{}))(t)
	if n.QoS != p.ID {
		t.Errorf("a new network has policy %q, want the default", n.QoS)
	}
	_, err = w.CreateNetwork(as("other"), NetworkRequest{QoS: &p.ID})
	wantKind(t, err, cloud.NotFound)
	get(w.UpdateQoSPolicy(w.admin, p.ID, QoSPolicyChange{Shared: ptr(true)}))(t)
	get(w.CreateNetwork(as("other"), NetworkRequest{QoS: &p.ID}))(t)
	if seen := get(w.ListQoSPolicies(as("other"), cloud.Query{}))(t); len(seen) != 1 {
		t.Errorf("another project sees %d policies, want the shared one", len(seen))
	}
}

// Rules of one policy do not contradict each other.
func TestQoSRulesAgree(t *testing.T) {
	w := newWorld(t)
	p := get(w.CreateQoSPolicy(w.admin, QoSPolicyRequest{}))(t)
	add := func(k cloud.QoSKind, direction string, n int) error {
		_, err := w.CreateQoSRule(w.admin, p.ID, k, QoSRuleChange{Direction: &direction, Rate: &n, Mark: &n})
		return err
	}
	for _, c := range []struct {
		kind      cloud.QoSKind
		direction string
		n         int
		want      cloud.Kind
	}{
		{cloud.QoSBandwidthLimit, "egress", 1000, ""}, {cloud.QoSBandwidthLimit, "egress", 2000, cloud.Conflict}, {cloud.QoSBandwidthLimit, "ingress", 1, ""},
		{cloud.QoSBandwidthLimit, "any", 1, cloud.Invalid}, {cloud.QoSMinimumBandwidth, "egress", 1001, cloud.Conflict}, {cloud.QoSMinimumBandwidth, "egress", 1000, ""},
		{cloud.QoSMinimumBandwidth, "ingress", -1, cloud.Invalid}, {cloud.QoSMinimumPackets, "any", 5, ""}, {cloud.QoSMinimumPackets, "egress", 5, cloud.Conflict},
		{cloud.QoSPacketLimit, "egress", 4, cloud.Conflict}, {cloud.QoSMark, "", 7, cloud.Invalid}, {cloud.QoSMark, "", 46, ""}, {cloud.QoSMark, "", 48, cloud.Conflict},
	} {
		if err := add(c.kind, c.direction, c.n); cloud.KindOf(err) != c.want && !(err == nil && c.want == "") {
			t.Errorf("%s %s %d: %v, want %q", c.kind, c.direction, c.n, err, c.want)
		}
	}
}

// Floating IPs and gateways have policies that reach the router's document.
func TestRouterPolicies(t *testing.T) {
	w := newWorld(t, "h1")
	public := w.public()
	p := get(w.CreateQoSPolicy(w.admin, QoSPolicyRequest{}))(t)
	rate := 1000
	get(w.CreateQoSRule(w.admin, p.ID, cloud.QoSBandwidthLimit, QoSRuleChange{Rate: &rate}))(t)
	r := get(w.CreateRouter(w.admin, RouterRequest{Gateway: &GatewayRequest{NetworkID: public.ID, QoS: &p.ID}}))(t)
	limits := func(n int) func() bool {
		return func() (is bool) {
			h := w.hosts["h1"]
			h.with(func() { is = len(h.routers[spec.RouterID(r.ID)].Limits) == n })
			return is
		}
	}
	w.eventually("the gateway's limit", limits(1))
	wantKind(t, w.DeleteQoSPolicy(w.admin, p.ID), cloud.InUse)
	gateway := &GatewayRequest{NetworkID: public.ID, QoS: ptr(cloud.QoSPolicyID(""))}
	get(w.UpdateRouter(w.admin, r.ID, RouterChange{Gateway: &gateway}))(t)
	w.eventually("no limit", limits(0))
	f := get(w.CreateFloatingIP(w.admin, FloatingIPRequest{NetworkID: public.ID, QoS: p.ID}))(t)
	wantKind(t, w.DeleteQoSPolicy(w.admin, p.ID), cloud.InUse)
	get(w.UpdateFloatingIP(w.admin, f.ID, FloatingIPChange{QoS: ptr(cloud.QoSPolicyID(""))}))(t)
	w.must(w.DeleteQoSPolicy(w.admin, p.ID))
}
