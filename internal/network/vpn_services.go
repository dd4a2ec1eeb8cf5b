package network

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// A VPN service is a place of its own beside its router: an address on the external network, a link to the router
// (links.go), and the tunnels of its connections. It runs on the router's host.

// VPNServiceRequest asks for a VPN service of a router.
type VPNServiceRequest struct {
	ProjectID         cloud.ProjectID // empty: the caller's
	Name, Description string
	RouterID          cloud.RouterID
	SubnetID          cloud.SubnetID // empty: connections name what is reached
	AdminUp           *bool
}

func vpnTarget(noun string, project cloud.ProjectID, id string) policy.Target {
	return policy.Target{Resource: noun, ID: id, ProjectID: project}
}

// CreateVPNService makes a VPN service of a router that has a way out.
func (s *Service) CreateVPNService(ctx context.Context, r VPNServiceRequest) (v *cloud.VPNService, err error) {
	r.ProjectID = owner(ctx, r.ProjectID)
	if err := policy.Authorize(ctx, "VPN service.create", vpnTarget("VPN service", r.ProjectID, "")); err != nil {
		return nil, err
	}
	if r.ProjectID == "" {
		return nil, cloud.Invalidf("VPN service", "project_id", "A VPN service needs a project.")
	}
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		router, err := s.ownRouter(ctx, r.RouterID, "router.update")
		if err != nil {
			return err
		}
		if err := s.checkVPNRouter(ctx, router, r.SubnetID); err != nil {
			return err
		}
		if err := s.Quota.Reserve(ctx, r.ProjectID, map[string]int64{cloud.QuotaVPNServices: 1}); err != nil {
			return err
		}
		v = &cloud.VPNService{ID: cloud.VPNServiceID(cloud.NewID()), ProjectID: r.ProjectID, RouterID: router.ID, Name: r.Name,
			Description: r.Description, AdminUp: or(r.AdminUp, true), SubnetID: r.SubnetID}
		if err := s.openVPN(ctx, v, router.Gateway.NetworkID, 1); err != nil {
			return err
		}
		if err := s.linkVPN(ctx, v, router); err != nil {
			return err
		}
		return s.VPNServices.Insert(ctx, v)
	})
	return v, err
}

// checkVPNRouter refuses routers without a way out, and subnets that are not theirs.
func (s *Service) checkVPNRouter(ctx context.Context, r *cloud.Router, sub cloud.SubnetID) error {
	if r.Domain != nil {
		return cloud.Errorf(cloud.Conflict, "VPN service", r.ID, "Router %s is a routing domain: attach a VPN gateway to it.", r.ID)
	}
	if r.Gateway == nil {
		return cloud.Invalidf("VPN service", "router_id", "Router %s has no external network gateway set", r.ID)
	}
	if sub == "" {
		return nil
	}
	if _, err := s.Subnet(ctx, sub); err != nil {
		return err
	}
	n, err := s.Ports.Count(ctx, cloud.Eq("router_id", string(r.ID)), isRouterInterface, cloud.Eq("subnets", string(sub)))
	if err == nil && n == 0 {
		err = cloud.Invalidf("VPN service", "subnet_id", "Subnet %s is not connected to Router %s", sub, r.ID)
	}
	return err
}

// openVPN gives a VPN service its addresses outside.
func (s *Service) openVPN(ctx context.Context, v *cloud.VPNService, network cloud.NetworkID, addresses int) error {
	n, err := s.externalNetwork(ctx, network)
	if err != nil {
		return err
	}
	for range addresses {
		p := &cloud.Port{ID: cloud.PortID(cloud.NewID()), NetworkID: n.ID, AdminUp: true, Owner: cloud.OwnerVPN, RouterID: v.RouterID, DeviceText: string(v.ID), Up: true}
		if err := s.insertPort(ctx, n, p, "", nil); err != nil {
			return err
		}
		v.OutsidePorts = append(v.OutsidePorts, p.ID)
	}
	s.nudge(ctx, kindNetwork, string(n.ID))
	return nil
}

// linkVPN joins a VPN service to its router, at whose host it is from then on.
func (s *Service) linkVPN(ctx context.Context, v *cloud.VPNService, r *cloud.Router) error {
	n, subnets, err := s.newLink(ctx, r.ID)
	if err != nil {
		return err
	}
	if err := s.endLink(ctx, n, subnets, &cloud.Port{Owner: cloud.OwnerRouterLink, RouterID: r.ID}, true); err != nil {
		return err
	}
	if err := s.endLink(ctx, n, subnets, &cloud.Port{Owner: cloud.OwnerVPN, RouterID: r.ID, DeviceText: string(v.ID)}, false); err != nil {
		return err
	}
	v.NetworkID = n.ID
	if err := s.placeRouter(ctx, r); err != nil {
		return err
	}
	s.nudge(ctx, kindVPN, string(v.ID))
	return s.saveRouter(ctx, r)
}

// closeVPN gives back what a VPN service has on networks.
func (s *Service) closeVPN(ctx context.Context, v *cloud.VPNService) error {
	if v.NetworkID != "" {
		if err := s.dropLink(ctx, v.NetworkID); err != nil {
			return err
		}
	}
	for _, id := range v.OutsidePorts {
		p, err := s.Ports.Get(ctx, id)
		if err != nil {
			return missing(err, "port", id)
		}
		if err := s.lockNetwork(ctx, p.NetworkID); err != nil {
			return err
		}
		if err := s.removePort(ctx, p); err != nil {
			return err
		}
		s.nudge(ctx, kindNetwork, string(p.NetworkID))
	}
	s.nudge(ctx, kindVPN, string(v.ID))
	s.nudgeRouter(ctx, v.RouterID)
	return nil
}

// VPNService answers one VPN service that the caller may see.
func (s *Service) VPNService(ctx context.Context, id cloud.VPNServiceID) (*cloud.VPNService, error) {
	v, err := s.VPNServices.Get(ctx, id)
	if err != nil {
		return nil, missing(err, "VPN service", id)
	}
	return v, policy.Authorize(ctx, "VPN service.get", vpnTarget("VPN service", v.ProjectID, string(id)))
}

// ListVPNServices lists the VPN services that the caller may see.
func (s *Service) ListVPNServices(ctx context.Context, q cloud.Query, keep ...func(*cloud.VPNService) bool) ([]*cloud.VPNService, error) {
	return s.VPNServices.List(ctx, visible(ctx, "VPN service.get", q), keep...)
}

// lockVPN makes whoever changes a VPN service, or its connections, wait for each other.
func (s *Service) lockVPN(ctx context.Context, id cloud.VPNServiceID) error {
	return s.Tx.Lock(ctx, "vpn/"+string(id))
}

// ownVPN locks and answers a VPN service that the caller may change.
func (s *Service) ownVPN(ctx context.Context, id cloud.VPNServiceID, action policy.Action) (*cloud.VPNService, error) {
	if err := s.lockVPN(ctx, id); err != nil {
		return nil, err
	}
	v, err := s.VPNService(ctx, id)
	if err != nil {
		return nil, err
	}
	return v, policy.Authorize(ctx, action, vpnTarget("VPN service", v.ProjectID, string(id)))
}

// VPNServiceChange changes what is not nil.
type VPNServiceChange struct {
	Name, Description *string
	AdminUp           *bool
}

// UpdateVPNService changes a VPN service. One that is not to be up has no tunnels.
func (s *Service) UpdateVPNService(ctx context.Context, id cloud.VPNServiceID, c VPNServiceChange) (v *cloud.VPNService, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if v, err = s.ownVPN(ctx, id, "VPN service.update"); err != nil {
			return err
		}
		apply(&v.Name, c.Name)
		apply(&v.Description, c.Description)
		apply(&v.AdminUp, c.AdminUp)
		v.Revisions++
		s.nudge(ctx, kindVPN, string(id))
		return s.VPNServices.Update(ctx, v)
	})
	return v, err
}

// DeleteVPNService removes a VPN service. InUse while connections end at it.
func (s *Service) DeleteVPNService(ctx context.Context, id cloud.VPNServiceID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		v, err := s.ownVPN(ctx, id, "VPN service.delete")
		if err != nil {
			return err
		}
		if v.GatewayID != "" {
			return cloud.Errorf(cloud.InUse, "VPN service", id, "VPN service %s is its gateway's, and goes with it.", id)
		}
		return s.dropVPN(ctx, v)
	})
}

// dropVPN removes a VPN service that no connection ends at.
func (s *Service) dropVPN(ctx context.Context, v *cloud.VPNService) error {
	n, err := s.VPNConnections.Count(ctx, cloud.Eq("service_id", string(v.ID)))
	if err != nil {
		return err
	}
	if n > 0 {
		return cloud.Errorf(cloud.InUse, "VPN service", v.ID, "VPNService %s is still in use", v.ID)
	}
	if err := s.closeVPN(ctx, v); err != nil {
		return err
	}
	return s.VPNServices.Delete(ctx, v.ID)
}

// VPNAddresses answers the addresses outside of services, each in the order of its ports.
func (s *Service) VPNAddresses(ctx context.Context, services []*cloud.VPNService) (map[cloud.VPNServiceID][]*cloud.Port, error) {
	var ids []string
	for _, v := range services {
		for _, p := range v.OutsidePorts {
			ids = append(ids, string(p))
		}
	}
	ports, err := s.Ports.List(ctx, cloud.Where(cloud.In("id", ids)))
	by := byID(ports, func(p *cloud.Port) cloud.PortID { return p.ID })
	of := make(map[cloud.VPNServiceID][]*cloud.Port, len(services))
	for _, v := range services {
		for _, id := range v.OutsidePorts {
			if p := by[id]; p != nil {
				of[v.ID] = append(of[v.ID], p)
			}
		}
	}
	return of, err
}
