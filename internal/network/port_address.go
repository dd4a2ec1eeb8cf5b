package network

import (
	"context"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// subnetsOf are the subnets of a network, oldest first.
func (s *Service) subnetsOf(ctx context.Context, n cloud.NetworkID) ([]*cloud.Subnet, error) {
	return s.Subnets.List(ctx, cloud.Where(cloud.Eq("network_id", string(n))))
}

// addressPort takes the addresses of a new port. fixed nil: one IPv4, one of each kind of IPv6
// there is, none on a network without subnets.
func (s *Service) addressPort(ctx context.Context, p *cloud.Port, fixed *[]AddressRequest) ([]cloud.PortAddress, error) {
	if fixed == nil {
		return s.takeDefault(ctx, p)
	}
	if len(*fixed) == 0 {
		return nil, nil
	}
	addresses, err := s.takeAll(ctx, p, *fixed)
	if err != nil || ownedByCloud(p) {
		return addresses, err
	}
	given, err := s.takeGiven(ctx, p, addresses)
	if err != nil {
		return nil, err
	}
	addresses = append(addresses, given...)
	more, err := s.takeAutomatic(ctx, p, addresses)
	return append(addresses, more...), err
}

// ownedByCloud are ports that get exactly the addresses asked for.
func ownedByCloud(p *cloud.Port) bool {
	return p.Owner != cloud.OwnerNone && p.Owner != cloud.OwnerInstance
}

func (s *Service) takeDefault(ctx context.Context, p *cloud.Port) ([]cloud.PortAddress, error) {
	subnets, err := s.usableSubnets(ctx, p)
	if err != nil {
		return nil, err
	}
	var addresses []cloud.PortAddress
	for _, four := range []bool{true, false} {
		candidates := keepSubnets(subnets, func(sub *cloud.Subnet) bool {
			return sub.Prefix.Addr().Is4() == four && !isAutomatic(sub) && !sub.OnRequest
		})
		if len(candidates) == 0 {
			continue
		}
		a, err := s.allocateAny(ctx, candidates, p.ID)
		if err != nil {
			return nil, err
		}
		addresses = append(addresses, a)
	}
	more, err := s.takeAutomatic(ctx, p, addresses)
	return append(addresses, more...), err
}

// usableSubnets are the subnets that a port of its kind gets addresses from.
func (s *Service) usableSubnets(ctx context.Context, p *cloud.Port) ([]*cloud.Subnet, error) {
	subnets, err := s.subnetsOf(ctx, p.NetworkID)
	if err != nil {
		return nil, err
	}
	usable := keepSubnets(subnets, func(sub *cloud.Subnet) bool { return serves(sub, p) })
	if len(usable) == 0 && len(subnets) > 0 {
		return nil, cloud.Errorf(cloud.NoCapacity, "address", p.NetworkID,
			"No valid service subnet for the given device owner, network %s.", p.NetworkID)
	}
	return usable, nil
}

// serves tells whether a subnet's service types, if it has any, include a port's owner.
func serves(sub *cloud.Subnet, p *cloud.Port) bool {
	if len(sub.ServiceTypes) == 0 {
		return true
	}
	return slices.ContainsFunc(sub.ServiceTypes, func(t string) bool {
		return p.Owner != cloud.OwnerNone && t == string(p.Owner) || p.OwnerText != "" && strings.HasPrefix(p.OwnerText, t)
	})
}

func keepSubnets(subnets []*cloud.Subnet, keep func(*cloud.Subnet) bool) []*cloud.Subnet {
	var kept []*cloud.Subnet
	for _, sub := range subnets {
		if keep(sub) {
			kept = append(kept, sub)
		}
	}
	return kept
}

// allocateAny takes an address of the first subnet that has one.
func (s *Service) allocateAny(ctx context.Context, subnets []*cloud.Subnet, p cloud.PortID) (cloud.PortAddress, error) {
	var last error
	for _, sub := range subnets {
		a, err := s.allocate(ctx, sub, p)
		if err == nil {
			return cloud.PortAddress{SubnetID: sub.ID, Address: a}, nil
		}
		if !cloud.Is(err, cloud.NoCapacity) {
			return cloud.PortAddress{}, err
		}
		last = err
	}
	return cloud.PortAddress{}, last
}

// takeAutomatic takes the addresses a NIC will make for itself on the subnets it has none on yet.
func (s *Service) takeAutomatic(ctx context.Context, p *cloud.Port, held []cloud.PortAddress) ([]cloud.PortAddress, error) {
	subnets, err := s.subnetsOf(ctx, p.NetworkID)
	if err != nil {
		return nil, err
	}
	var taken []cloud.PortAddress
	for _, sub := range subnets {
		has := slices.ContainsFunc(held, func(a cloud.PortAddress) bool { return a.SubnetID == sub.ID })
		if !isAutomatic(sub) || has || !serves(sub, p) {
			continue
		}
		a := eui64(sub.Prefix, p.MAC)
		if err := s.take(ctx, sub, p.ID, a); err != nil {
			return nil, err
		}
		taken = append(taken, cloud.PortAddress{SubnetID: sub.ID, Address: a})
	}
	return taken, nil
}

// takeAll takes what requests ask for: certain addresses before any.
func (s *Service) takeAll(ctx context.Context, p *cloud.Port, requests []AddressRequest) ([]cloud.PortAddress, error) {
	if len(requests) == 0 {
		return nil, nil
	}
	subnets, err := s.subnetsOf(ctx, p.NetworkID)
	if err != nil {
		return nil, err
	}
	taken := make([]cloud.PortAddress, len(requests))
	for _, certain := range []bool{true, false} {
		for i, r := range requests {
			if r.Address.IsValid() != certain {
				continue
			}
			if taken[i], err = s.takeOne(ctx, p, subnets, r); err != nil {
				return nil, err
			}
		}
	}
	return taken, nil
}

func (s *Service) takeOne(ctx context.Context, p *cloud.Port, subnets []*cloud.Subnet, r AddressRequest) (cloud.PortAddress, error) {
	sub, err := findSubnet(p, subnets, r)
	if err != nil {
		return cloud.PortAddress{}, err
	}
	a := r.Address
	switch {
	case isAutomatic(sub) && !ownedByCloud(p):
		own := eui64(sub.Prefix, p.MAC)
		if a.IsValid() && a != own {
			return cloud.PortAddress{}, cloud.Invalidf("port", "fixed_ips", "Invalid input for operation: IPv6 address %s cannot be directly assigned to a port on "+
				"subnet %s since the subnet is configured for automatic addresses.", a, sub.ID)
		}
		a = own
	case !a.IsValid():
		a, err = s.allocate(ctx, sub, p.ID)
		return cloud.PortAddress{SubnetID: sub.ID, Address: a}, err
	case sub.RouterID != "" && !ownedByCloud(p) && !inPools(sub, a):
		return cloud.PortAddress{}, cloud.Invalidf("port", "fixed_ips", "IP address %s of subnet %s is kept for the cloud's own use.", a, sub.ID)
	}
	return cloud.PortAddress{SubnetID: sub.ID, Address: a}, s.take(ctx, sub, p.ID, a)
}

// findSubnet is the subnet that an address request means.
func findSubnet(p *cloud.Port, subnets []*cloud.Subnet, r AddressRequest) (*cloud.Subnet, error) {
	if r.SubnetID == "" && !r.Address.IsValid() {
		return nil, cloud.Invalidf("port", "fixed_ips", "Invalid input for operation: IP allocation requires subnet_id or ip_address.")
	}
	for _, sub := range subnets {
		if r.SubnetID != "" && sub.ID != r.SubnetID || r.SubnetID == "" && !sub.Prefix.Contains(r.Address) {
			continue
		}
		if r.Address.IsValid() && !isHost(sub.Prefix, r.Address) {
			return nil, cloud.Invalidf("port", "fixed_ips", "IP address %s is not a valid IP for the specified subnet.", r.Address)
		}
		return sub, nil
	}
	if r.SubnetID != "" {
		return nil, cloud.Invalidf("port", "fixed_ips", "Invalid input for operation: Failed to create port on network %s, "+
			"because fixed_ips included invalid subnet %s.", p.NetworkID, r.SubnetID)
	}
	return nil, cloud.Invalidf("port", "fixed_ips", "IP address %s is not a valid IP for any of the subnets on the specified network.", r.Address)
}

// addAutomatic gives the ports that a new subnet finds on its network the addresses
// they will make for themselves.
func (s *Service) addAutomatic(ctx context.Context, sub *cloud.Subnet) error {
	if !isAutomatic(sub) {
		return nil
	}
	ports, err := s.Ports.List(ctx, cloud.Where(cloud.Eq("network_id", string(sub.NetworkID))), func(p *cloud.Port) bool { return !ownedByCloud(p) })
	if err != nil {
		return err
	}
	for _, p := range ports {
		a := eui64(sub.Prefix, p.MAC)
		if err := s.take(ctx, sub, p.ID, a); err != nil {
			return err
		}
		p.Addresses = append(slices.Clone(p.Addresses), cloud.PortAddress{SubnetID: sub.ID, Address: a})
		if err := s.savePort(ctx, p); err != nil {
			return err
		}
	}
	return nil
}
