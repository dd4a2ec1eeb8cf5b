package network

import (
	"context"
	"net/netip"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// The VPN service of a gateway is made with the gateway's first connection, or when the gateway is first attached, whichever comes
// first: connections may be described to the other side before there is a routing domain. It has two addresses outside.

const gatewayAddresses = 2

// vpnOf is a gateway's VPN service, nil if it has none yet.
func (s *Service) vpnOf(ctx context.Context, id cloud.GatewayID) (*cloud.VPNService, error) {
	v, err := s.VPNServices.One(ctx, cloud.Eq("gateway_id", string(id)))
	if cloud.Is(err, cloud.NotFound) {
		return nil, nil
	}
	return v, err
}

// gatewayVPN is a gateway's VPN service, made now if it has none.
func (s *Service) gatewayVPN(ctx context.Context, g *cloud.Gateway) (*cloud.VPNService, error) {
	if err := s.Tx.Lock(ctx, "gateway/"+string(g.ID)); err != nil {
		return nil, err
	}
	v, err := s.vpnOf(ctx, g.ID)
	if v != nil || err != nil {
		return v, err
	}
	outside, err := s.defaultOutside(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.Quota.Reserve(ctx, g.ProjectID, map[string]int64{cloud.QuotaVPNServices: 1}); err != nil {
		return nil, err
	}
	v = &cloud.VPNService{ID: cloud.VPNServiceID(cloud.NewID()), ProjectID: g.ProjectID, GatewayID: g.ID, Name: g.Name, AdminUp: true}
	if err := s.openVPN(ctx, v, outside.ID, gatewayAddresses); err != nil {
		return nil, err
	}
	return v, s.VPNServices.Insert(ctx, v)
}

// followGateway has a VPN gateway's service be where the gateway is attached: at r, unless it was just taken from there.
func (s *Service) followGateway(ctx context.Context, g *cloud.Gateway, r *cloud.Router) error {
	if g.Kind != cloud.GatewayVPN {
		return nil
	}
	v, err := s.gatewayVPN(ctx, g)
	if err != nil || v.RouterID == g.RouterID {
		return err
	}
	if err := s.lockVPN(ctx, v.ID); err != nil {
		return err
	}
	if v.NetworkID != "" {
		if err := s.dropLink(ctx, v.NetworkID); err != nil {
			return err
		}
	}
	v.NetworkID, v.RouterID = "", g.RouterID
	if err := s.moveOutside(ctx, v); err != nil {
		return err
	}
	if g.RouterID != "" {
		if err := s.linkVPN(ctx, v, r); err != nil {
			return err
		}
	} else if err := s.unobserve(ctx, v); err != nil {
		return err
	}
	s.nudge(ctx, kindVPN, string(v.ID))
	if err := s.VPNServices.Update(ctx, v); err != nil {
		return err
	}
	return s.Relearn(ctx, g)
}

// moveOutside has a service's addresses outside be where its router is.
func (s *Service) moveOutside(ctx context.Context, v *cloud.VPNService) error {
	for _, id := range v.OutsidePorts {
		p, err := s.Ports.Get(ctx, id)
		if err != nil {
			return missing(err, "port", id)
		}
		if err := s.lockNetwork(ctx, p.NetworkID); err != nil {
			return err
		}
		p.RouterID = v.RouterID
		if err := s.savePort(ctx, p); err != nil {
			return err
		}
		s.nudge(ctx, kindNetwork, string(p.NetworkID))
	}
	return nil
}

// unobserve notes that a service is on no host any more.
func (s *Service) unobserve(ctx context.Context, v *cloud.VPNService) error {
	nowhere := "the gateway is attached to nothing"
	v.Up, v.Reason, v.ChangedAt = false, nowhere, s.Now()
	connections, err := s.VPNConnections.List(ctx, cloud.Where(cloud.Eq("service_id", string(v.ID))))
	if err != nil {
		return err
	}
	for _, c := range connections {
		for i := range c.Tunnels {
			c.Tunnels[i].Up, c.Tunnels[i].Reason, c.Tunnels[i].ChangedAt = false, nowhere, s.Now()
		}
		if err := s.VPNConnections.Update(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// dropGatewayVPN removes a gateway's service. WrongState while connections end at it.
func (s *Service) dropGatewayVPN(ctx context.Context, g *cloud.Gateway) error {
	v, err := s.vpnOf(ctx, g.ID)
	if v == nil || err != nil {
		return err
	}
	if err := s.lockVPN(ctx, v.ID); err != nil {
		return err
	}
	err = s.dropVPN(ctx, v)
	if cloud.Is(err, cloud.InUse) {
		err = cloud.Errorf(cloud.WrongState, "gateway", g.ID, "Gateway %s has VPN connections: delete them first.", g.ID)
	}
	return err
}

// vpnNeighbours are the addresses at which VPN gateways are reached from the routers that they are attached to.
func (s *Service) vpnNeighbours(ctx context.Context, ids []cloud.GatewayID) (map[cloud.GatewayID][]netip.Addr, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	services, err := s.VPNServices.List(ctx, cloud.Where(cloud.In("gateway_id", ids)))
	if err != nil {
		return nil, err
	}
	ends, err := s.linkEnds(ctx, services)
	via := make(map[cloud.GatewayID][]netip.Addr, len(services))
	for _, v := range services {
		via[v.GatewayID] = ends[v.ID]
	}
	return via, err
}

// learnedPrefixes are what lies behind the peers of a VPN gateway's connections.
func (s *Service) learnedPrefixes(ctx context.Context, id cloud.GatewayID) (prefixes []netip.Prefix, err error) {
	v, err := s.vpnOf(ctx, id)
	if v == nil || err != nil {
		return nil, err
	}
	connections, err := s.VPNConnections.List(ctx, cloud.Where(cloud.Eq("service_id", string(v.ID))))
	for _, c := range connections {
		prefixes = append(prefixes, c.PeerPrefixes...)
	}
	return prefixes, err
}
