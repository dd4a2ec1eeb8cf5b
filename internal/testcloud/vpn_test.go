package testcloud

import (
	"net/netip"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/network"
)

// TestVPN: what hosts say of a tunnel reaches its owner, also after a restart of the control plane, and a VPN that is gone leaves nothing.
func TestVPN(t *testing.T) {
	c := New(t, Options{})
	n, net := c.Tenant(t), c.Services().Network
	r, err := net.CreateDomain(n.Context(), network.DomainRequest{Blocks: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}})
	n.must(err)
	g, err := net.CreateGateway(n.Context(), network.WayRequest{Kind: cloud.GatewayVPN})
	n.must(err)
	_, err = net.AttachGateway(n.Context(), g.ID, r.ID)
	n.must(err)
	peer, err := net.CreateVPNPeer(n.Context(), network.VPNPeerRequest{Address: netip.MustParseAddr("198.51.100.9"), ASN: 65001})
	n.must(err)
	conn, err := net.CreateGatewayConnection(n.Context(), network.GatewayConnectionRequest{GatewayID: g.ID, PeerID: peer.ID, StaticRoutes: true})
	n.must(err)
	up := func() bool {
		now, err := c.Services().Network.VPNConnection(n.Context(), conn.ID)
		return err == nil && now.Tunnels[0].Up && now.Tunnels[1].Up && now.Tunnels[0].Secret == conn.Tunnels[0].Secret
	}
	n.must(poll(up, settleMax))
	c.Restart()
	n.must(poll(up, settleMax))
	net = c.Services().Network
	n.must(net.DeleteVPNConnection(n.Context(), conn.ID))
	_, err = net.DetachGateway(n.Context(), g.ID, r.ID)
	n.must(err)
	n.must(net.DeleteGateway(n.Context(), g.ID))
	n.must(net.DeleteVPNPeer(n.Context(), peer.ID))
	n.must(net.DeleteDomain(n.Context(), r.ID))
	c.Settle(t)
	c.Check(t)
	if left := c.Leftovers(); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}
