package network

import (
	"context"
	"crypto/rand"
	"net/netip"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// A domain's subnet of IPv4 has its IPv6 from a second subnet on the same network, beside it: the router's interface has an address on
// each, and what holds for the first, its table of routes and its filter, holds for the second, too. Guests learn their addresses by
// DHCPv6, and have one only if their port asked for it or the subnet gives one to each.

// SubnetIPv6 asks for a domain's subnet to have IPv6.
type SubnetIPv6 struct {
	Prefix netip.Prefix
	// Reserved is how many addresses at the start are kept from ports, as in DomainSubnetRequest.
	Reserved int
}

// AddSubnetIPv6 gives a domain's subnet a prefix of IPv6. Outside the blocks it is Invalid (field "block"); AlreadyExists where
// another subnet is (field "prefix"), and if it has IPv6 already (field "beside"). It answers the subnet that is beside it then.
func (s *Service) AddSubnetIPv6(ctx context.Context, id cloud.SubnetID, r SubnetIPv6) (six *cloud.Subnet, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		sub, router, err := s.ownDomainSubnet(ctx, id)
		if err != nil {
			return err
		}
		if err := s.checkBeside(ctx, router, sub, r.Prefix); err != nil {
			return err
		}
		dhcp := true
		six, err = s.CreateSubnet(ctx, SubnetRequest{ProjectID: router.ProjectID, NetworkID: sub.NetworkID, Name: sub.Name, Prefix: r.Prefix.Masked(), IPv6: true, DHCP: &dhcp,
			RAMode: ModeStateful, AddressMode: ModeStateful, Pools: poolsBehind(r.Prefix, r.Reserved), domain: domainPart{router: router.ID, zone: sub.Zone, beside: sub.ID}})
		if err != nil {
			return err
		}
		p, err := s.standBeside(ctx, router, six)
		if err != nil {
			return err
		}
		return s.interfaceChanged(ctx, router, p)
	})
	return six, err
}

func (s *Service) checkBeside(ctx context.Context, router *cloud.Router, sub *cloud.Subnet, p netip.Prefix) error {
	if p.IsValid() && !p.Addr().Is6() || !sub.Prefix.Addr().Is4() {
		return cloud.Invalidf("domain subnet", "ipv6", "A subnet of IPv4 can have a prefix of IPv6 beside it, not %s beside %s.", p, sub.Prefix)
	}
	if err := s.checkPlace(ctx, router, p); err != nil {
		return err
	}
	have, err := s.Beside(ctx, []cloud.SubnetID{sub.ID})
	if err == nil && have[sub.ID] != nil {
		err = &cloud.Error{Kind: cloud.AlreadyExists, Resource: "domain subnet", ID: string(sub.ID), Field: "beside",
			Message: "Subnet " + string(sub.ID) + " has the IPv6 prefix " + have[sub.ID].Prefix.String() + " already."}
	}
	return err
}

// Beside are the subnets of IPv6 beside those of a domain, by the subnet that each is beside.
func (s *Service) Beside(ctx context.Context, of []cloud.SubnetID) (map[cloud.SubnetID]*cloud.Subnet, error) {
	list, err := s.Subnets.List(ctx, cloud.Where(cloud.In("beside", of)))
	return byID(list, func(sub *cloud.Subnet) cloud.SubnetID { return sub.Beside }), err
}

// standBeside gives the router's interface the gateway address of a subnet that came to its network.
func (s *Service) standBeside(ctx context.Context, router *cloud.Router, six *cloud.Subnet) (*cloud.Port, error) {
	p, err := s.interfaceOn(ctx, router, six.NetworkID)
	if err != nil {
		return nil, err
	}
	taken, err := s.takeAll(ctx, p, []AddressRequest{{SubnetID: six.ID, Address: six.Gateway}})
	if err != nil {
		return nil, err
	}
	p.Addresses = append(slices.Clone(p.Addresses), taken...)
	return p, s.savePort(ctx, p)
}

// interfaceOn is the port by which a domain's router is on a network.
func (s *Service) interfaceOn(ctx context.Context, router *cloud.Router, n cloud.NetworkID) (*cloud.Port, error) {
	ports, err := s.Ports.List(ctx, cloud.Where(cloud.Eq("network_id", string(n)), cloud.Eq("router_id", string(router.ID))),
		func(p *cloud.Port) bool { return p.Owner.IsRouterInterface() })
	if err == nil && len(ports) == 0 {
		err = cloud.NotFoundf("router interface", n)
	}
	if err != nil {
		return nil, err
	}
	return ports[0], nil
}

// RemoveSubnetIPv6 takes its IPv6 from a domain's subnet: id is the subnet of IPv6. InUse while a port has an address of it.
func (s *Service) RemoveSubnetIPv6(ctx context.Context, id cloud.SubnetID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		six, err := s.Subnet(ctx, id)
		if err == nil && six.Beside == "" {
			err = cloud.NotFoundf("domain subnet", id)
		}
		if err != nil {
			return missing(err, "domain subnet", id)
		}
		router, err := s.ownDomain(ctx, six.RouterID, "routing domain.update")
		if err != nil {
			return err
		}
		if err := s.lockNetwork(ctx, six.NetworkID); err != nil {
			return err
		}
		if err := s.checkIPv6Unused(ctx, six); err != nil {
			return err
		}
		p, err := s.interfaceOn(ctx, router, six.NetworkID)
		if err != nil {
			return err
		}
		if err := s.dropAddresses(ctx, p, id); err != nil {
			return err
		}
		if err := s.DeleteSubnet(ctx, id); err != nil {
			return err
		}
		return s.interfaceChanged(ctx, router, p)
	})
}

func (s *Service) checkIPv6Unused(ctx context.Context, six *cloud.Subnet) error {
	ports, err := s.portsOnSubnet(ctx, six)
	if err != nil {
		return err
	}
	for _, p := range ports {
		if !p.Owner.IsRouterInterface() && p.Owner != cloud.OwnerService {
			return cloud.Errorf(cloud.InUse, "domain subnet", six.ID, "The prefix %s is in use: port %s has an address of it.", six.Prefix, p.ID)
		}
	}
	return nil
}

// SetAutoIPv6 says whether new ports on a domain's subnet get an address of IPv6 without asking. WrongState if it has none to give.
func (s *Service) SetAutoIPv6(ctx context.Context, id cloud.SubnetID, on bool) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		if _, _, err := s.ownDomainSubnet(ctx, id); err != nil {
			return err
		}
		beside, err := s.Beside(ctx, []cloud.SubnetID{id})
		if err != nil {
			return err
		}
		six := beside[id]
		switch {
		case six == nil && on:
			return cloud.Errorf(cloud.WrongState, "domain subnet", id, "Subnet %s has no IPv6 prefix to give addresses from.", id)
		case six == nil:
			return nil
		}
		six.OnRequest = !on
		six.Revisions++
		return s.Subnets.Update(ctx, six)
	})
}

// takeGiven takes the addresses of IPv6 that a domain's subnet gives to each new port, where it has none yet.
func (s *Service) takeGiven(ctx context.Context, p *cloud.Port, held []cloud.PortAddress) ([]cloud.PortAddress, error) {
	subnets, err := s.subnetsOf(ctx, p.NetworkID)
	if err != nil || slices.ContainsFunc(held, func(a cloud.PortAddress) bool { return a.Address.Is6() }) {
		return nil, err
	}
	var taken []cloud.PortAddress
	for _, sub := range subnets {
		if sub.Beside == "" || sub.OnRequest {
			continue
		}
		a, err := s.allocate(ctx, sub, p.ID)
		if err != nil {
			return nil, err
		}
		taken = append(taken, cloud.PortAddress{SubnetID: sub.ID, Address: a})
	}
	return taken, nil
}

// providedBits is the length of the blocks of IPv6 that the cloud provides: 256 subnets of the usual length.
const providedBits = 56

// AddProvidedBlock gives a domain a block of IPv6 that the cloud chooses: of the default subnet pool of IPv6, if the operator has made
// one and the caller may use it, else one that is its own in all likelihood, and routed nowhere outside (RFC 4193, 3.2). NoCapacity if
// the pool has none left.
func (s *Service) AddProvidedBlock(ctx context.Context, id cloud.RouterID) (*cloud.Router, error) {
	return s.changeDomain(ctx, id, func(ctx context.Context, r *cloud.Router) error {
		p, pool, err := s.providedBlock(ctx, r.ProjectID)
		if err != nil {
			return err
		}
		return s.addBlock(ctx, r, p, pool)
	})
}

func (s *Service) providedBlock(ctx context.Context, project cloud.ProjectID) (netip.Prefix, cloud.SubnetPoolID, error) {
	pool, err := s.defaultPool(ctx, true)
	if cloud.Is(err, cloud.NotFound) {
		return uniqueLocal(), "", nil
	}
	if err != nil {
		return netip.Prefix{}, "", err
	}
	err = s.authorizeReach(ctx, "subnet pool.use", poolTarget(pool), cloud.UseShared)
	if cloud.Is(err, cloud.Forbidden) || cloud.Is(err, cloud.NotFound) {
		return uniqueLocal(), "", nil
	}
	if err == nil {
		err = s.lockPool(ctx, pool.ID)
	}
	if err != nil {
		return netip.Prefix{}, "", err
	}
	taken, err := s.cutFrom(ctx, pool.ID)
	if err != nil {
		return netip.Prefix{}, "", err
	}
	if err := checkPoolQuota(pool, project, taken, providedBits); err != nil {
		return netip.Prefix{}, "", err
	}
	for _, x := range pool.Prefixes {
		if p, found := firstFree(x, providedBits, prefixesCut(taken)); found {
			return p, pool.ID, nil
		}
	}
	return netip.Prefix{}, "", cloud.Errorf(cloud.NoCapacity, "subnet pool", pool.ID, "The cloud's pool of IPv6 prefixes has no block of %d bits left.", providedBits)
}

// uniqueLocal is a prefix by chance: 40 bits of it, as RFC 4193 has them.
func uniqueLocal() netip.Prefix {
	a := [16]byte{0xfd}
	_, _ = rand.Read(a[1:6]) // it never fails
	return netip.PrefixFrom(netip.AddrFrom16(a), providedBits)
}
