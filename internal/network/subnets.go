package network

import (
	"context"
	"net/netip"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// SubnetRequest asks for a subnet.
type SubnetRequest struct {
	ProjectID         cloud.ProjectID // empty: the caller's
	NetworkID         cloud.NetworkID
	Name, Description string
	// Prefix of the subnet; if it is invalid, one is cut from the pool.
	Prefix netip.Prefix
	// PoolID names the pool that the prefix must come from. DefaultPool takes the default one of the IP version instead.
	PoolID      cloud.SubnetPoolID
	DefaultPool bool
	// IPv6 and Bits (0: the pool's default) say what to cut from the pool when Prefix does not.
	IPv6 bool
	Bits int
	// Gateway: nil is the first address, an invalid one is none.
	Gateway      *netip.Addr
	DHCP         *bool
	Pools        []cloud.AddressRange // empty: all but the gateway
	DNS          []netip.Addr
	Routes       []cloud.Route
	RAMode       string
	AddressMode  string
	ServiceTypes []string
	SegmentID    cloud.SegmentID // empty: none
	Tags         []string
	domain       domainPart
}

func subnetTarget(sub *cloud.Subnet, shared bool) policy.Target {
	return policy.Target{Resource: "subnet", ID: string(sub.ID), ProjectID: sub.ProjectID, Shared: shared}
}

// CreateSubnet makes a subnet and, if it has DHCP, takes an address for ourselves on it.
func (s *Service) CreateSubnet(ctx context.Context, r SubnetRequest) (sub *cloud.Subnet, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		n, err := s.lockedNetwork(ctx, r.NetworkID)
		if err == nil {
			err = refusePart(n, r.domain)
		}
		if err != nil {
			return err
		}
		if sub, err = s.prepareSubnet(ctx, n, r); err != nil {
			return err
		}
		if err := s.Quota.Reserve(ctx, sub.ProjectID, map[string]int64{cloud.QuotaSubnets: 1}); err != nil {
			return err
		}
		if err := s.Subnets.Insert(ctx, sub); err != nil {
			return err
		}
		if err := s.addAutomatic(ctx, sub); err != nil {
			return err
		}
		if err := s.addressGateways(ctx, sub); err != nil {
			return err
		}
		return s.settleSubnet(ctx, n, sub)
	})
	return sub, err
}

func (s *Service) prepareSubnet(ctx context.Context, n *cloud.Network, r SubnetRequest) (*cloud.Subnet, error) {
	if err := policy.Authorize(ctx, "subnet.create", policy.Target{Resource: "subnet", ProjectID: n.ProjectID}); err != nil {
		return nil, err
	}
	sub := &cloud.Subnet{ID: cloud.SubnetID(cloud.NewID()), ProjectID: r.ProjectID, NetworkID: n.ID, Name: r.Name,
		Description: r.Description, DHCP: or(r.DHCP, true), Pools: r.Pools, DNS: r.DNS, Routes: r.Routes,
		RAMode: r.RAMode, AddressMode: r.AddressMode, ServiceTypes: r.ServiceTypes, SegmentID: r.SegmentID, Tags: r.Tags,
		RouterID: r.domain.router, Zone: r.domain.zone, AutoPublic: r.domain.autoPublic, Default: r.domain.byDefault, Meta: cloud.Meta{Labels: r.domain.labels},
		Beside: r.domain.beside, OnRequest: r.domain.beside != ""}
	if sub.ProjectID == "" {
		sub.ProjectID = n.ProjectID
	}
	own := policy.Target{Resource: "subnet", ProjectID: sub.ProjectID}
	if err := authorizeAll(ctx, map[policy.Action]bool{"subnet.create": true, "subnet.service_types": len(r.ServiceTypes) > 0}, own); err != nil {
		return nil, err
	}
	if err := s.takePrefix(ctx, sub, r); err != nil {
		return nil, err
	}
	if err := checkPrefix(sub); err != nil {
		return nil, err
	}
	sub.Gateway = or(r.Gateway, firstHost(sub.Prefix))
	if len(sub.Pools) == 0 {
		sub.Pools = defaultPools(sub.Prefix, sub.Gateway)
	}
	if err := checkSubnet(sub); err != nil {
		return nil, err
	}
	if err := s.checkSubnetSegment(ctx, sub); err != nil {
		return nil, err
	}
	return sub, s.checkOverlap(ctx, sub)
}

// checkOverlap keeps the subnets of one network apart.
func (s *Service) checkOverlap(ctx context.Context, sub *cloud.Subnet) error {
	others, err := s.Subnets.List(ctx, cloud.Where(cloud.Eq("network_id", string(sub.NetworkID))))
	if err != nil {
		return err
	}
	for _, o := range others {
		if o.ID != sub.ID && o.Prefix.Overlaps(sub.Prefix) {
			return cloud.Invalidf("subnet", "cidr", "Invalid input for operation: Requested subnet with cidr: %s for network: %s overlaps with another subnet (%s).",
				sub.Prefix, sub.NetworkID, o.Prefix)
		}
	}
	return nil
}

// settleSubnet makes our service address right and tells the hosts.
func (s *Service) settleSubnet(ctx context.Context, n *cloud.Network, sub *cloud.Subnet) error {
	n.Revisions++ // it shows its subnets
	if err := s.Networks.Update(ctx, n); err != nil {
		return err
	}
	if err := s.settleServicePort(ctx, n); err != nil {
		return err
	}
	s.nudge(ctx, kindNetwork, string(n.ID))
	return s.nudgeRoutersOf(ctx, n.ID)
}

// Subnet answers one subnet that the caller may see.
func (s *Service) Subnet(ctx context.Context, id cloud.SubnetID) (*cloud.Subnet, error) {
	sub, err := s.Subnets.Get(ctx, id)
	if err != nil {
		return nil, missing(err, "subnet", id)
	}
	if policy.May(ctx, "subnet.get", subnetTarget(sub, false)) {
		return sub, nil
	}
	n, err := s.Networks.Get(ctx, sub.NetworkID)
	if err != nil {
		return nil, missing(err, "subnet", id)
	}
	t, err := s.reach(ctx, policy.Target{ID: string(n.ID), ProjectID: n.ProjectID, Shared: n.Shared}, cloud.UseShared)
	if err != nil || policy.May(ctx, "subnet.get", subnetTarget(&cloud.Subnet{ID: id, ProjectID: n.ProjectID}, t.Shared)) {
		return sub, err
	}
	return nil, cloud.NotFoundf("subnet", id)
}

// ListSubnets lists what the caller may see: its project's, and those of shared networks.
func (s *Service) ListSubnets(ctx context.Context, q cloud.Query, keep ...func(*cloud.Subnet) bool) ([]*cloud.Subnet, error) {
	all, own := policy.Visible(ctx, "subnet.get")
	if all {
		return s.Subnets.List(ctx, q, keep...)
	}
	shared, err := s.SharedNetworks(ctx)
	if err != nil {
		return nil, err
	}
	return listUnion(ctx, s.Subnets, q, subnetColumn, func(n *cloud.Subnet) string { return string(n.ID) }, keep,
		cloud.Eq("project_id", string(own)), cloud.In("network_id", keys(shared)))
}

// SharedNetworks answers the networks that are shared with every project, or with the caller's by name.
func (s *Service) SharedNetworks(ctx context.Context) (map[cloud.NetworkID]bool, error) {
	all, err := s.Networks.List(ctx, cloud.Where(cloud.Eq("shared", true)))
	if err != nil {
		return nil, err
	}
	with, err := s.SharedWithCaller(ctx, cloud.ShareNetwork, cloud.UseShared)
	ids := map[cloud.NetworkID]bool{}
	for _, n := range all {
		ids[n.ID] = true
	}
	for id := range with {
		ids[cloud.NetworkID(id)] = true
	}
	return ids, err
}

func networkIDs(networks []*cloud.Network) []string {
	return columnOf(networks, func(n *cloud.Network) string { return string(n.ID) })
}

// SubnetChange changes what is not nil.
type SubnetChange struct {
	Name, Description *string
	Gateway           *netip.Addr // invalid: none
	DHCP              *bool
	Pools             *[]cloud.AddressRange
	DNS               *[]netip.Addr
	Routes            *[]cloud.Route
	ServiceTypes      *[]string
	SegmentID         *cloud.SegmentID
	Tags              *[]string
}

// UpdateSubnet changes a subnet. Its prefix and IPv6 modes are for life.
func (s *Service) UpdateSubnet(ctx context.Context, id cloud.SubnetID, c SubnetChange) (sub *cloud.Subnet, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		var n *cloud.Network
		if sub, n, err = s.ownSubnet(ctx, id, "subnet.update"); err != nil {
			return err
		}
		if err := s.changeSubnet(ctx, sub, c); err != nil {
			return err
		}
		sub.Revisions++
		if err := s.Subnets.Update(ctx, sub); err != nil {
			return err
		}
		return s.settleSubnet(ctx, n, sub)
	})
	return sub, err
}

// ownSubnet locks and answers a subnet, with its network, that the caller may change: as
// owner of either.
func (s *Service) ownSubnet(ctx context.Context, id cloud.SubnetID, action policy.Action) (*cloud.Subnet, *cloud.Network, error) {
	sub, err := s.Subnet(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	if err := s.lockNetwork(ctx, sub.NetworkID); err != nil {
		return nil, nil, err
	}
	if sub, err = s.Subnet(ctx, id); err != nil { // again: it may have changed while we waited
		return nil, nil, err
	}
	n, err := s.Networks.Get(ctx, sub.NetworkID)
	if err != nil {
		return nil, nil, missing(err, "network", sub.NetworkID)
	}
	if policy.May(ctx, action, policy.Target{ProjectID: n.ProjectID}) {
		return sub, n, nil
	}
	return sub, n, policy.Authorize(ctx, action, subnetTarget(sub, n.Shared))
}

func (s *Service) changeSubnet(ctx context.Context, sub *cloud.Subnet, c SubnetChange) error {
	if c.ServiceTypes != nil {
		if err := policy.Authorize(ctx, "subnet.service_types", subnetTarget(sub, false)); err != nil {
			return err
		}
	}
	if c.Gateway != nil && *c.Gateway != sub.Gateway {
		if err := s.checkGatewayUnused(ctx, sub); err != nil {
			return err
		}
	}
	if err := s.changeSubnetSegment(ctx, sub, c.SegmentID); err != nil {
		return err
	}
	apply(&sub.Name, c.Name)
	apply(&sub.Description, c.Description)
	apply(&sub.Gateway, c.Gateway)
	apply(&sub.DHCP, c.DHCP)
	apply(&sub.Pools, c.Pools)
	apply(&sub.DNS, c.DNS)
	apply(&sub.Routes, c.Routes)
	apply(&sub.ServiceTypes, c.ServiceTypes)
	apply(&sub.Tags, c.Tags)
	return checkSubnet(sub)
}

// checkGatewayUnused refuses to move a gateway that a router stands on.
func (s *Service) checkGatewayUnused(ctx context.Context, sub *cloud.Subnet) error {
	if !sub.Gateway.IsValid() {
		return nil
	}
	p, err := s.portAt(ctx, sub.ID, sub.Gateway)
	if err != nil || p == nil || !p.Owner.IsRouterInterface() {
		return err
	}
	return cloud.Errorf(cloud.InUse, "gateway IP", sub.ID, "Current gateway ip %s already in use by port %s. Unable to update.", sub.Gateway, p.ID)
}

// portAt is the port that holds an address, nil if nobody does.
func (s *Service) portAt(ctx context.Context, sub cloud.SubnetID, a netip.Addr) (*cloud.Port, error) {
	u, err := s.Addresses.Get(ctx, addressID(sub, a))
	if cloud.Is(err, cloud.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	p, err := s.Ports.Get(ctx, u.PortID)
	if cloud.Is(err, cloud.NotFound) {
		return nil, nil
	}
	return p, err
}

// DeleteSubnet removes a subnet. InUse while ports other than our own, or with addresses they
// did not make themselves, have addresses on it.
func (s *Service) DeleteSubnet(ctx context.Context, id cloud.SubnetID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		sub, n, err := s.ownSubnet(ctx, id, "subnet.delete")
		if err != nil {
			return err
		}
		if err := s.freeSubnet(ctx, sub); err != nil {
			return err
		}
		if err := s.Subnets.Delete(ctx, id); err != nil {
			return err
		}
		return s.settleSubnet(ctx, n, sub)
	})
}

func (s *Service) freeSubnet(ctx context.Context, sub *cloud.Subnet) error {
	if err := s.refuseGroupedSubnet(ctx, sub.ID); err != nil {
		return err
	}
	ports, err := s.portsOnSubnet(ctx, sub)
	if err != nil {
		return err
	}
	for _, p := range ports {
		if p.Owner != cloud.OwnerService && (!isAutomatic(sub) || p.Owner.IsRouterInterface()) {
			return cloud.Errorf(cloud.InUse, "subnet", sub.ID, "Unable to complete operation on subnet %s: "+
				"One or more ports have an IP allocation from this subnet.", sub.ID)
		}
	}
	for _, p := range ports {
		if err := s.dropAddresses(ctx, p, sub.ID); err != nil {
			return err
		}
	}
	return nil
}

// portsOnSubnet are the ports with an address on a subnet.
func (s *Service) portsOnSubnet(ctx context.Context, sub *cloud.Subnet) ([]*cloud.Port, error) {
	return s.Ports.List(ctx, cloud.Where(cloud.Eq("subnets", string(sub.ID))))
}

// dropAddresses takes a port's addresses on one subnet away.
func (s *Service) dropAddresses(ctx context.Context, p *cloud.Port, sub cloud.SubnetID) error {
	var kept, gone []cloud.PortAddress
	for _, a := range p.Addresses {
		if a.SubnetID == sub {
			gone = append(gone, a)
		} else {
			kept = append(kept, a)
		}
	}
	if err := s.release(ctx, gone); err != nil {
		return err
	}
	p.Addresses = kept
	return s.savePort(ctx, p)
}
