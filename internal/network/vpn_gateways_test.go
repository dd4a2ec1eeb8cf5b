package network

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// A VPN gateway's connection has two tunnels, which are described before the gateway is attached; when it is, the domain's tables
// lead to what lies behind the peer, also by propagation; when it is not any more, they do not, and in the end nothing is left.
func TestGatewayConnections(t *testing.T) {
	w := newWorld(t, "h1")
	ctx := as("p")
	w.public()
	r, _ := w.domain(ctx, "10.1.0.0/16", "10.1.1.0/24")
	w.settled()
	before := get(w.Ports.Count(w.admin))(t)
	g := get(w.CreateGateway(ctx, WayRequest{Kind: cloud.GatewayVPN, ASN: 65000}))(t)
	peer := get(w.CreateVPNPeer(ctx, VPNPeerRequest{Address: netip.MustParseAddr("198.51.100.9"), ASN: 65001}))(t)
	c := get(w.CreateGatewayConnection(ctx, GatewayConnectionRequest{GatewayID: g.ID, PeerID: peer.ID, StaticRoutes: true}))(t)
	if len(c.Tunnels) != 2 || len(c.Tunnels[0].Secret) != 32 || c.Tunnels[0].Secret == c.Tunnels[1].Secret || c.Tunnels[0].Inside.Overlaps(c.Tunnels[1].Inside) {
		t.Fatalf("tunnels %+v", c.Tunnels)
	}
	get(w.AttachGateway(ctx, g.ID, r.ID))(t)
	get(w.Propagate(ctx, r.Domain.MainTable, g.ID, true))(t)
	get(w.AddConnectionRoute(ctx, c.ID, prefix("10.9.0.0/16")))(t)
	doc := w.routerDoc(r.ID)
	v := w.hosts["h1"].vpns
	if len(v) != 1 {
		t.Fatalf("VPNs %v", v)
	}
	for _, vpn := range v {
		w.wantGatewayVPN(vpn, doc)
	}
	wantKind(t, w.DeleteVPNPeer(ctx, peer.ID), cloud.InUse)
	_, err := w.RemoveConnectionRoute(ctx, c.ID, prefix("10.8.0.0/16"))
	wantKind(t, err, cloud.NotFound)
	get(w.DetachGateway(ctx, g.ID, r.ID))(t)
	if w.routerDoc(r.ID); len(w.hosts["h1"].vpns) != 0 {
		t.Error("a detached gateway's VPN is on a host")
	}
	wantKind(t, w.DeleteGateway(ctx, g.ID), cloud.WrongState)
	w.must(w.DeleteVPNConnection(ctx, c.ID))
	w.must(w.DeleteGateway(ctx, g.ID))
	w.must(w.DeleteVPNPeer(ctx, peer.ID))
	if after := get(w.Ports.Count(w.admin))(t); after != before {
		t.Errorf("%d ports, before %d", after, before)
	}
}

func (w *world) wantGatewayVPN(v spec.VPN, router spec.Router) {
	w.t.Helper()
	if len(v.Tunnels) != 2 || len(v.Outside) != 2 || v.Tunnels[0].Local == v.Tunnels[1].Local || v.Tunnels[0].PeerPrefixes[0] != everywhere(false) ||
		!slices.Equal(v.Inside, []netip.Prefix{prefix("10.1.0.0/16")}) || !slices.Equal(v.Tunnels[0].Routes, []netip.Prefix{prefix("10.9.0.0/16")}) || !v.Tunnels[0].Inside.IsValid() {
		w.t.Errorf("document %+v", v)
	}
	want := spec.TableRoute{Destination: prefix("10.9.0.0/16"), Via: v.Link.Addresses[0].Addr()}
	if router.Domain == nil || !slices.ContainsFunc(router.Domain.Tables, func(t spec.RouteTable) bool { return slices.Contains(t.Routes, want) }) {
		w.t.Errorf("no table leads to the peer: %+v", router.Domain)
	}
}

// Tunnels are as their owner says, within what can be.
func TestTunnelsRefused(t *testing.T) {
	w := newWorld(t, "h1")
	ctx := as("p")
	w.public()
	g := get(w.CreateGateway(ctx, WayRequest{Kind: cloud.GatewayVPN}))(t)
	peer := get(w.CreateVPNPeer(ctx, VPNPeerRequest{Address: netip.MustParseAddr("198.51.100.9"), ASN: 65001}))(t)
	_, err := w.CreateVPNPeer(ctx, VPNPeerRequest{Address: netip.MustParseAddr("0.0.0.0"), ASN: 65001})
	wantKind(t, err, cloud.Invalid)
	make := func(c TunnelChange) (*cloud.VPNConnection, error) {
		return w.CreateGatewayConnection(ctx, GatewayConnectionRequest{GatewayID: g.ID, PeerID: peer.ID, Tunnels: [2]TunnelChange{c}})
	}
	for _, p := range []string{"10.0.0.0/30", "169.254.10.1/30", "169.254.10.0/29", "169.254.169.252/30"} {
		inside := prefix(p)
		if _, err := make(TunnelChange{Inside: &inside}); err == nil {
			t.Errorf("%s is taken", p)
		}
	}
	for _, secret := range []string{"short", "0starting", "with a blank", ""} {
		_, err := make(TunnelChange{Secret: &secret})
		wantKind(t, err, cloud.Invalid)
	}
	inside, secret := prefix("169.254.10.4/30"), "a.fine_secret"
	c := get(make(TunnelChange{Inside: &inside, Secret: &secret, Terms: func(t *cloud.VPNTerms) { t.IKEVersions = []string{"v2"} }}))(t)
	if c.Tunnels[0].Inside != inside || c.Tunnels[0].Secret != secret || len(c.Tunnels[0].Terms.IKEVersions) != 1 || len(c.Tunnels[1].Terms.IKEVersions) != 2 {
		t.Errorf("tunnels %+v", c.Tunnels)
	}
	if _, err := make(TunnelChange{Inside: &inside}); !cloud.Is(err, cloud.AlreadyExists) {
		t.Errorf("an inside prefix is given twice: %v", err)
	}
	ports := get(w.VPNAddresses(ctx, []*cloud.VPNService{get(w.VPNServices.Get(w.admin, c.ServiceID))(t)}))(t)[c.ServiceID]
	another := "another_secret"
	c = get(w.UpdateTunnel(ctx, c.ID, ports[1].Addresses[0].Address, TunnelChange{Secret: &another}))(t)
	if c.Tunnels[0].Secret != secret || c.Tunnels[1].Secret != another {
		t.Errorf("after a change of the second: %+v", c.Tunnels)
	}
}
