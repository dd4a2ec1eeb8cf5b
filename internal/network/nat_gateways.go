package network

import (
	"context"
	"net/netip"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// NATRequest asks for a NAT gateway.
type NATRequest struct {
	SubnetID cloud.SubnetID
	// FloatingIPID is the address that it lets out under; empty: it is a private one.
	FloatingIPID cloud.FloatingIPID
	Address      netip.Addr // in the subnet; invalid: any
	Words
}

// CreateNATGateway makes a NAT gateway in a subnet of a routing domain. With a floating IP, which must lead nowhere yet, the
// domain needs an internet gateway (WrongState).
func (s *Service) CreateNATGateway(ctx context.Context, r NATRequest) (n *cloud.NATGateway, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		sub, router, err := s.ownDomainSubnet(ctx, r.SubnetID)
		if err != nil {
			return err
		}
		if err := s.nats().may(ctx, router.ProjectID); err != nil {
			return err
		}
		if sub.Prefix.Addr().Is6() {
			return cloud.Invalidf("NAT gateway", "subnet_id", "A NAT gateway is for IPv4, and the prefix of subnet %s is %s.", sub.ID, sub.Prefix)
		}
		n = &cloud.NATGateway{ID: cloud.NATGatewayID(cloud.NewID()), ProjectID: router.ProjectID, RouterID: router.ID, SubnetID: sub.ID, Name: r.Name,
			FloatingIPID: r.FloatingIPID, Meta: cloud.Meta{Labels: r.Labels}}
		p, err := s.natPort(ctx, n, sub, r.Address)
		if err != nil {
			return err
		}
		n.PortID = p.ID
		if err := s.leadToNAT(ctx, router, n, p); err != nil {
			return err
		}
		s.nudgeRouter(ctx, router.ID)
		return s.nats().insert(ctx, s.Tx, n)
	})
	return n, err
}

// natPort takes an address for a NAT gateway, which the router answers for.
func (s *Service) natPort(ctx context.Context, n *cloud.NATGateway, sub *cloud.Subnet, at netip.Addr) (*cloud.Port, error) {
	if err := s.Quota.Reserve(ctx, n.ProjectID, map[string]int64{cloud.QuotaPorts: 1}); err != nil {
		return nil, err
	}
	network, err := s.lockedNetwork(ctx, sub.NetworkID)
	if err != nil {
		return nil, err
	}
	p := &cloud.Port{ID: cloud.PortID(cloud.NewID()), ProjectID: n.ProjectID, NetworkID: network.ID, AdminUp: true, Up: true,
		Owner: cloud.OwnerNATGateway, DeviceText: string(n.ID)}
	return p, s.insertPort(ctx, network, p, "", &[]AddressRequest{{SubnetID: sub.ID, Address: at}})
}

// leadToNAT leads a NAT gateway's floating IP to its port.
func (s *Service) leadToNAT(ctx context.Context, router *cloud.Router, n *cloud.NATGateway, p *cloud.Port) error {
	if n.FloatingIPID == "" {
		return nil
	}
	f, err := s.ownFloating(ctx, n.FloatingIPID, "floating IP.update")
	if err == nil {
		err = mayUse(ctx, "floating IP", string(f.ID), f.ProjectID, n.ProjectID)
	}
	if err != nil {
		return err
	}
	if f.TargetPort != "" || len(f.Forwardings) > 0 || f.Passing {
		return cloud.Errorf(cloud.InUse, "floating IP", f.ID, "Floating IP %s leads to something else already.", f.ID)
	}
	out, err := s.Gateways.Count(ctx, cloud.Eq("router_id", string(router.ID)), cloud.Eq("kind", string(cloud.GatewayInternet)))
	if err != nil {
		return err
	}
	if out == 0 {
		return cloud.Errorf(cloud.WrongState, "routing domain without gateway", router.ID, "Routing domain %s has no internet gateway, which a public NAT gateway needs.", router.ID)
	}
	if err := s.point(ctx, f, p, p.Addresses[0]); err != nil {
		return err
	}
	f.Revisions++
	return s.FloatingIPs.Update(ctx, f)
}

// NATGateway answers one NAT gateway that the caller may see.
func (s *Service) NATGateway(ctx context.Context, id cloud.NATGatewayID) (*cloud.NATGateway, error) {
	return s.nats().get(ctx, id)
}

// ListNATGateways lists the NAT gateways of the caller's project, or all.
func (s *Service) ListNATGateways(ctx context.Context, q cloud.Query, keep ...func(*cloud.NATGateway) bool) ([]*cloud.NATGateway, error) {
	return s.nats().list(ctx, q, keep)
}

// DeleteNATGateway removes a NAT gateway with its address in the subnet. Its floating IP stays the project's; routes to it lead nowhere.
func (s *Service) DeleteNATGateway(ctx context.Context, id cloud.NATGatewayID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		n, err := s.nats().held(ctx, s, id, "delete")
		if err != nil {
			return err
		}
		p, err := s.Ports.Get(ctx, n.PortID)
		if err != nil {
			return missing(err, "port", n.PortID)
		}
		if err := s.lockNetwork(ctx, p.NetworkID); err != nil {
			return err
		}
		if err := s.removePort(ctx, p); err != nil {
			return err
		}
		s.nudgeRouter(ctx, n.RouterID)
		return s.NATGateways.Delete(ctx, id)
	})
}
