package network

import (
	"cmp"
	"context"
	"net/netip"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// DomainSubnetRequest asks for a subnet of a routing domain.
type DomainSubnetRequest struct {
	RouterID cloud.RouterID
	Words
	Prefix netip.Prefix
	Zone   string
	// Reserved is how many addresses at the start are kept from ports, the network's own and the router's among them; and with
	// them the last one. 0: the router's only.
	Reserved   int
	AutoPublic bool
	Default    bool
}

// CreateDomainSubnet cuts a subnet from a domain's blocks: a network with this subnet, which the domain's router stands on. It uses
// the main table and the default filter. Outside the blocks it is Invalid (field "block"); AlreadyExists where another is.
func (s *Service) CreateDomainSubnet(ctx context.Context, r DomainSubnetRequest) (sub *cloud.Subnet, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		router, err := s.ownDomain(ctx, r.RouterID, "routing domain.update")
		if err != nil {
			return err
		}
		if err := s.checkPlace(ctx, router, r.Prefix); err != nil {
			return err
		}
		if err := s.onlyDefaultSubnet(ctx, router, r); err != nil {
			return err
		}
		if sub, err = s.makeDomainSubnet(ctx, router, r); err != nil {
			return err
		}
		p, err := s.joinSubnet(ctx, router, sub.ID)
		if err != nil {
			return err
		}
		if err := s.filterNew(ctx, router, sub.ID); err != nil {
			return err
		}
		return s.interfaceChanged(ctx, router, p)
	})
	return sub, err
}

func (s *Service) makeDomainSubnet(ctx context.Context, router *cloud.Router, r DomainSubnetRequest) (*cloud.Subnet, error) {
	var zones []string
	if r.Zone != "" {
		zones = []string{r.Zone}
	}
	n, err := s.CreateNetwork(ctx, NetworkRequest{ProjectID: router.ProjectID, Name: cmp.Or(r.Name, r.Prefix.String()), Zones: zones, domain: router.ID})
	if err != nil {
		return nil, err
	}
	dhcp := true
	return s.CreateSubnet(ctx, SubnetRequest{ProjectID: router.ProjectID, NetworkID: n.ID, Name: r.Name, Prefix: r.Prefix.Masked(), DHCP: &dhcp,
		Pools: poolsBehind(r.Prefix, r.Reserved), domain: domainPart{router: router.ID, zone: r.Zone, autoPublic: r.AutoPublic, byDefault: r.Default, labels: r.Labels}})
}

// checkPlace refuses a prefix that is not in a block of the domain, or that another subnet of it has.
func (s *Service) checkPlace(ctx context.Context, router *cloud.Router, p netip.Prefix) error {
	within := func(b cloud.AddressBlock) bool { return b.Prefix.Bits() <= p.Bits() && b.Prefix.Contains(p.Addr()) }
	if !p.IsValid() || !slices.ContainsFunc(router.Domain.Blocks, within) {
		return cloud.Invalidf("domain subnet", "block", "The subnet %s is in no block of routing domain %s.", p, router.ID)
	}
	siblings, err := s.Subnets.List(ctx, cloud.Where(cloud.Eq("router_id", string(router.ID))), func(sub *cloud.Subnet) bool { return sub.Prefix.Overlaps(p) })
	if err != nil || len(siblings) == 0 {
		return err
	}
	return &cloud.Error{Kind: cloud.AlreadyExists, Resource: "domain subnet", ID: string(siblings[0].ID), Field: "prefix",
		Message: "The subnet " + p.String() + " overlaps with subnet " + string(siblings[0].ID) + " (" + siblings[0].Prefix.String() + ") of the same routing domain."}
}

// onlyDefaultSubnet refuses a second default subnet for a zone.
func (s *Service) onlyDefaultSubnet(ctx context.Context, router *cloud.Router, r DomainSubnetRequest) error {
	if !r.Default {
		return nil
	}
	n, err := s.Subnets.Count(ctx, cloud.Eq("router_id", string(router.ID)), cloud.Eq("default", true), cloud.Eq("zone", r.Zone))
	if err == nil && n > 0 {
		err = &cloud.Error{Kind: cloud.AlreadyExists, Resource: "domain subnet", Field: "default", Message: "Zone " + r.Zone + " has a default subnet already."}
	}
	return err
}

// poolsBehind is what is left of a prefix to ports: all but the first addresses and the last one.
func poolsBehind(p netip.Prefix, reserved int) []cloud.AddressRange {
	start := p.Masked().Addr()
	if reserved == 0 || p.Bits() >= p.Addr().BitLen()-1 {
		return nil
	}
	for range max(reserved, 2) {
		start = start.Next()
	}
	end := lastOf(p).Prev()
	if end.Less(start) {
		return nil
	}
	return []cloud.AddressRange{{Start: start, End: end}}
}

// inPools tells whether ports may get an address without asking for it.
func inPools(sub *cloud.Subnet, a netip.Addr) bool {
	return slices.ContainsFunc(sub.Pools, func(p cloud.AddressRange) bool { return !a.Less(p.Start) && !p.End.Less(a) })
}

// SetAutoPublic says whether instances on a subnet get a public address from now on.
func (s *Service) SetAutoPublic(ctx context.Context, id cloud.SubnetID, on bool) (*cloud.Subnet, error) {
	return s.changeDomainSubnet(ctx, id, func(sub *cloud.Subnet) error {
		sub.AutoPublic = on
		return nil
	})
}

func (s *Service) changeDomainSubnet(ctx context.Context, id cloud.SubnetID, change func(*cloud.Subnet) error) (sub *cloud.Subnet, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if sub, _, err = s.ownDomainSubnet(ctx, id); err != nil {
			return err
		}
		if err := change(sub); err != nil {
			return err
		}
		sub.Revisions++
		return s.Subnets.Update(ctx, sub)
	})
	return sub, err
}

// ownDomainSubnet locks a domain's router and answers a subnet of it that the caller may change.
func (s *Service) ownDomainSubnet(ctx context.Context, id cloud.SubnetID) (*cloud.Subnet, *cloud.Router, error) {
	sub, err := s.Subnet(ctx, id)
	if err == nil && (sub.RouterID == "" || sub.Beside != "") {
		err = cloud.NotFoundf("domain subnet", id)
	}
	if err != nil {
		return nil, nil, missing(err, "domain subnet", id)
	}
	router, err := s.ownDomain(ctx, sub.RouterID, "routing domain.update")
	if err != nil {
		return nil, nil, err
	}
	if sub, err = s.Subnet(ctx, id); err != nil { // again: it may be gone since we waited
		return nil, nil, missing(err, "domain subnet", id)
	}
	return sub, router, nil
}

// DeleteDomainSubnet removes a subnet with its network, the router's interface there, and its uses of a table and a filter. InUse
// while anything else has an address on it.
func (s *Service) DeleteDomainSubnet(ctx context.Context, id cloud.SubnetID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		sub, router, err := s.ownDomainSubnet(ctx, id)
		if err != nil {
			return err
		}
		if err := s.lockNetwork(ctx, sub.NetworkID); err != nil {
			return err
		}
		p, err := s.deserted(ctx, sub)
		if err != nil {
			return err
		}
		if err := s.removePort(ctx, p); err != nil {
			return err
		}
		if err := s.dropUses(ctx, router, id); err != nil {
			return err
		}
		if err := s.DeleteNetwork(ctx, sub.NetworkID); err != nil {
			return err
		}
		return s.interfaceChanged(ctx, router, p)
	})
}

// deserted answers the router's interface on a subnet that nothing but the cloud itself has an address on.
func (s *Service) deserted(ctx context.Context, sub *cloud.Subnet) (own *cloud.Port, err error) {
	ports, err := s.Ports.List(ctx, cloud.Where(cloud.Eq("network_id", string(sub.NetworkID))))
	if err != nil {
		return nil, err
	}
	for _, p := range ports {
		switch {
		case p.Owner == cloud.OwnerRouterInterface && p.RouterID == sub.RouterID:
			own = p
		case p.Owner != cloud.OwnerService:
			return nil, cloud.Errorf(cloud.InUse, "domain subnet", sub.ID, "Subnet %s is in use: port %s is on it.", sub.ID, p.ID)
		}
	}
	if own == nil {
		return nil, cloud.NotFoundf("router interface", sub.ID)
	}
	return own, nil
}

// FreeAddresses counts the addresses of subnets that ports can still get, by subnet.
func (s *Service) FreeAddresses(ctx context.Context, subnets []*cloud.Subnet) (map[cloud.SubnetID]int64, error) {
	free := map[cloud.SubnetID]int64{}
	ids := make([]cloud.SubnetID, len(subnets))
	pools := map[cloud.SubnetID]*cloud.Subnet{}
	for i, sub := range subnets {
		ids[i], pools[sub.ID] = sub.ID, sub
		for _, p := range sub.Pools {
			free[sub.ID] += int64(min(rangeSize(p), 1<<62))
		}
	}
	used, err := s.Addresses.List(ctx, cloud.Where(cloud.In("subnet_id", ids)))
	for _, u := range used {
		if inPools(pools[u.SubnetID], u.Address) {
			free[u.SubnetID]--
		}
	}
	return free, err
}
