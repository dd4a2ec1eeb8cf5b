package ec2

import (
	"context"
	"net/netip"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
	"github.com/nubo-cloud/nubo/internal/network"
)

// modifyConnection gives a connection another customer gateway. It stays with its VPN gateway, whose addresses its tunnels have.
func (a *api) modifyConnection(ctx context.Context, in *shape.ModifyVpnConnectionRequest) (*shape.ModifyVpnConnectionResult, error) {
	c, err := a.connection(ctx, in.VpnConnectionId)
	if err != nil {
		return nil, err
	}
	if in.VpnGatewayId != "" {
		return nil, unsupported("A VPN connection cannot move to another VPN gateway: make a new one there.")
	}
	if in.CustomerGatewayId == "" {
		return nil, missingParameter("CustomerGatewayId")
	}
	peer, err := findOne(ctx, peerIDs, in.CustomerGatewayId, a.peers, peerID)
	if err != nil {
		return nil, err
	}
	shown, err := a.changeConnection(ctx, c.ID, network.GatewayConnectionChange{PeerID: &peer.ID})
	return &shape.ModifyVpnConnectionResult{VpnConnection: shown}, err
}

// modifyConnectionOptions bounds what a connection carries.
func (a *api) modifyConnectionOptions(ctx context.Context, in *shape.ModifyVpnConnectionOptionsRequest) (*shape.ModifyVpnConnectionOptionsResult, error) {
	c, err := a.connection(ctx, in.VpnConnectionId)
	if err != nil {
		return nil, err
	}
	var change network.GatewayConnectionChange
	if change.LocalSelector, err = selector("LocalIpv4NetworkCidr", in.LocalIpv4NetworkCidr); err != nil {
		return nil, err
	}
	if change.PeerSelector, err = selector("RemoteIpv4NetworkCidr", in.RemoteIpv4NetworkCidr); err != nil {
		return nil, err
	}
	shown, err := a.changeConnection(ctx, c.ID, change)
	return &shape.ModifyVpnConnectionOptionsResult{VpnConnection: shown}, err
}

// selector reads a bound of what a connection carries; nil for none given. The customer's side is called local there.
func selector(parameter, text string) (*netip.Prefix, error) {
	if text == "" {
		return nil, nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil || !p.Addr().Is4() {
		return nil, invalidParameter("Value (%s) for parameter %s is invalid. This is not a valid CIDR block.", text, parameter)
	}
	return new(p.Masked()), nil
}

func (a *api) changeConnection(ctx context.Context, id cloud.VPNConnectionID, change network.GatewayConnectionChange) (*shape.VpnConnection, error) {
	c, err := a.Network.UpdateGatewayConnection(ctx, id, change)
	if err != nil {
		return nil, err
	}
	return a.showConnection(ctx, c)
}
