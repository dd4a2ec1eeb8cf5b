package network

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// refuseVPNRouter refuses to take a router, or its way out, from VPN services.
func (s *Service) refuseVPNRouter(ctx context.Context, r *cloud.Router) error {
	used, err := s.VPNServices.List(ctx, cloud.Where(cloud.Eq("router_id", string(r.ID)), cloud.Eq("gateway_id", "")))
	if err != nil || len(used) == 0 {
		return err
	}
	return cloud.Errorf(cloud.InUse, "router", r.ID, "Router %s is currently used by VPN service %s.", r.ID, used[0].ID)
}

// refuseVPNSubnets refuses to take subnets from a router whose VPN connections reach them.
func (s *Service) refuseVPNSubnets(ctx context.Context, r *cloud.Router, subnets []*cloud.Subnet) error {
	ids := columnOf(subnets, func(sub *cloud.Subnet) cloud.SubnetID { return sub.ID })
	services, err := s.VPNServices.List(ctx, cloud.Where(cloud.Eq("router_id", string(r.ID))))
	if err != nil || len(services) == 0 {
		return err
	}
	for _, v := range services {
		for _, id := range ids {
			if v.SubnetID == id {
				return cloud.Errorf(cloud.InUse, "subnet by VPN service", id, "Subnet %s is used by VPNService %s", id, v.ID)
			}
		}
	}
	groups, err := s.EndpointGroups.List(ctx, cloud.Where(cloud.In("endpoints", ids)))
	if err != nil {
		return err
	}
	used, err := s.VPNConnections.List(ctx, cloud.Where(cloud.In("service_id", columnOf(services, func(v *cloud.VPNService) cloud.VPNServiceID { return v.ID })),
		cloud.In("endpoint_groups", columnOf(groups, func(g *cloud.EndpointGroup) cloud.EndpointGroupID { return g.ID }))))
	if err != nil || len(used) == 0 {
		return err
	}
	return cloud.Errorf(cloud.InUse, "subnet by VPN connection", r.ID, "Subnet %s is used by ipsec site connection %s", ids[0], used[0].ID)
}

// refuseGroupedSubnet refuses to delete a subnet that an endpoint group names.
func (s *Service) refuseGroupedSubnet(ctx context.Context, id cloud.SubnetID) error {
	groups, err := s.EndpointGroups.List(ctx, cloud.Where(cloud.Eq("endpoints", string(id)), cloud.Eq("kind", cloud.EndpointSubnet)))
	if err != nil || len(groups) == 0 {
		return err
	}
	return cloud.Errorf(cloud.InUse, "subnet by endpoint group", id, "Subnet %s is used by endpoint group %s", id, groups[0].ID)
}
