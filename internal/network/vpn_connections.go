package network

import (
	"context"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// Secrets seals what the store may not hold in clear. What is sealed under one id does not open under another.
type Secrets interface {
	Seal(ctx context.Context, id, text string) ([]byte, error)
	Open(ctx context.Context, id string, sealed []byte) (string, error)
}

// VPNConnectionRequest asks for a connection of a VPN service to a peer.
type VPNConnectionRequest struct {
	ProjectID cloud.ProjectID // empty: the caller's
	ServiceID cloud.VPNServiceID
	IKE, ESP  cloud.VPNProposalID
	VPNConnectionChange
}

// CreateVPNConnection makes a connection. Its tunnel comes up when the peer is there.
func (s *Service) CreateVPNConnection(ctx context.Context, r VPNConnectionRequest) (c *cloud.VPNConnection, err error) {
	r.ProjectID = owner(ctx, r.ProjectID)
	if err := policy.Authorize(ctx, "VPN connection.create", vpnTarget("VPN connection", r.ProjectID, "")); err != nil {
		return nil, err
	}
	if r.ProjectID == "" {
		return nil, cloud.Invalidf("VPN connection", "project_id", "A VPN connection needs a project.")
	}
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		v, err := s.ownVPN(ctx, r.ServiceID, "VPN service.update")
		if err != nil {
			return err
		}
		if v.GatewayID != "" {
			return cloud.Errorf(cloud.Conflict, "VPN connection", v.ID, "VPN service %s is a gateway's: its connections are made with the gateway.", v.ID)
		}
		if err := s.Quota.Reserve(ctx, r.ProjectID, map[string]int64{cloud.QuotaVPNConnections: 1}); err != nil {
			return err
		}
		c = newVPNConnection(r, v)
		if err := s.checkProposals(ctx, c); err != nil {
			return err
		}
		if err := s.changeVPNConnection(ctx, v, c, r.VPNConnectionChange); err != nil {
			return err
		}
		s.vpnChanged(ctx, v)
		return s.VPNConnections.Insert(ctx, c)
	})
	return c, err
}

func newVPNConnection(r VPNConnectionRequest, v *cloud.VPNService) *cloud.VPNConnection {
	return &cloud.VPNConnection{ID: cloud.VPNConnectionID(cloud.NewID()), ProjectID: r.ProjectID, ServiceID: r.ServiceID, IKE: r.IKE, ESP: r.ESP,
		AdminUp: true, MTU: 1500, Initiator: cloud.InitiatorBoth, DPDAction: cloud.DPDHold, DPDInterval: 30 * time.Second, DPDTimeout: 120 * time.Second,
		Tunnels: []cloud.VPNTunnel{{PortID: v.OutsidePorts[0]}}}
}

// checkProposals locks both proposals, so that they stay as they are, and refuses what no host could do.
func (s *Service) checkProposals(ctx context.Context, c *cloud.VPNConnection) error {
	for _, id := range []cloud.VPNProposalID{min(c.IKE, c.ESP), max(c.IKE, c.ESP)} {
		if err := s.lockProposal(ctx, id); err != nil {
			return err
		}
	}
	if _, err := s.VPNProposal(ctx, UseIKE, c.IKE); err != nil {
		return err
	}
	esp, err := s.VPNProposal(ctx, UseESP, c.ESP)
	if err == nil && esp.Transform == "ah-esp" {
		err = cloud.Invalidf("ESP proposal", "unsupported", "IPSec does not support ipsec_policy attribute transform_protocol with value '%s'", esp.Transform)
	}
	return err
}

// vpnChanged tells the hosts that a service's connections are others: its router routes to them.
func (s *Service) vpnChanged(ctx context.Context, v *cloud.VPNService) {
	s.nudge(ctx, kindVPN, string(v.ID))
	s.nudgeRouter(ctx, v.RouterID)
}

// VPNConnection answers one connection, with its secrets, that the caller may see.
func (s *Service) VPNConnection(ctx context.Context, id cloud.VPNConnectionID) (*cloud.VPNConnection, error) {
	c, err := s.VPNConnections.Get(ctx, id)
	if err != nil {
		return nil, missing(err, "VPN connection", id)
	}
	if err := policy.Authorize(ctx, "VPN connection.get", vpnTarget("VPN connection", c.ProjectID, string(id))); err != nil {
		return nil, err
	}
	return c, s.unseal(ctx, c)
}

// ListVPNConnections lists the connections, with their secrets, that the caller may see.
func (s *Service) ListVPNConnections(ctx context.Context, q cloud.Query, keep ...func(*cloud.VPNConnection) bool) ([]*cloud.VPNConnection, error) {
	list, err := s.VPNConnections.List(ctx, visible(ctx, "VPN connection.get", q), keep...)
	if err != nil {
		return nil, err
	}
	return list, s.unseal(ctx, list...)
}

// unseal puts the secrets of tunnels where they are read.
func (s *Service) unseal(ctx context.Context, list ...*cloud.VPNConnection) (err error) {
	for _, c := range list {
		for i := range c.Tunnels {
			t := &c.Tunnels[i]
			if t.Secret, err = s.Secrets.Open(ctx, tunnelID(c, i), t.Sealed); err != nil {
				return err
			}
		}
	}
	return nil
}

// seal makes a tunnel's secret what the store may hold.
func (s *Service) seal(ctx context.Context, c *cloud.VPNConnection, i int, secret string) (err error) {
	c.Tunnels[i].Secret = secret
	c.Tunnels[i].Sealed, err = s.Secrets.Seal(ctx, tunnelID(c, i), secret)
	return err
}

// ownVPNConnection locks and answers a connection that the caller may change, with its service.
func (s *Service) ownVPNConnection(ctx context.Context, id cloud.VPNConnectionID, action policy.Action) (*cloud.VPNConnection, *cloud.VPNService, error) {
	c, err := s.VPNConnection(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	if err := policy.Authorize(ctx, action, vpnTarget("VPN connection", c.ProjectID, string(id))); err != nil {
		return nil, nil, err
	}
	if err := s.lockVPN(ctx, c.ServiceID); err != nil {
		return nil, nil, err
	}
	v, err := s.VPNServices.Get(ctx, c.ServiceID)
	if err != nil {
		return nil, nil, missing(err, "VPN service", c.ServiceID)
	}
	c, err = s.VPNConnection(ctx, id) // again: it may have changed while we waited
	return c, v, err
}

// UpdateVPNConnection changes a connection. Its tunnel is made anew where that matters to it.
func (s *Service) UpdateVPNConnection(ctx context.Context, id cloud.VPNConnectionID, change VPNConnectionChange) (c *cloud.VPNConnection, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		var v *cloud.VPNService
		if c, v, err = s.ownVPNConnection(ctx, id, "VPN connection.update"); err != nil {
			return err
		}
		if err := s.changeVPNConnection(ctx, v, c, change); err != nil {
			return err
		}
		c.Revisions++
		s.vpnChanged(ctx, v)
		return s.VPNConnections.Update(ctx, c)
	})
	return c, err
}

// DeleteVPNConnection removes a connection.
func (s *Service) DeleteVPNConnection(ctx context.Context, id cloud.VPNConnectionID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		c, v, err := s.ownVPNConnection(ctx, id, "VPN connection.delete")
		if err != nil {
			return err
		}
		if err := s.VPNConnections.Delete(ctx, c.ID); err != nil {
			return err
		}
		return s.connectionsChanged(ctx, v)
	})
}
