package network

import (
	"context"
	"net/netip"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// MoreAddresses asks for addresses of one version of IP besides those that a port has.
type MoreAddresses struct {
	IPv6      bool
	Addresses []netip.Addr
	Any       int // that many of the network's choice, too
	// Move: what another port has, but for the address it is known by, is taken from it.
	Move bool
}

// AddAddresses gives a port more addresses and answers those that it did not have. AlreadyExists if another port has one.
func (s *Service) AddAddresses(ctx context.Context, id cloud.PortID, m MoreAddresses) (added []netip.Addr, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		p, n, err := s.ownPort(ctx, id, "port.update")
		if err != nil {
			return err
		}
		sub, err := s.subnetFor(ctx, p, m.IPv6)
		if err != nil {
			return err
		}
		change := PortChange{Fixed: new(append(requestsOf(p), m.requests(p, sub.ID)...))}
		if err := authorizePortChange(ctx, n, p, change); err != nil {
			return err
		}
		if m.Move {
			if err := s.freeAddresses(ctx, p, m.Addresses); err != nil {
				return err
			}
		}
		had := p.Addresses
		if err := s.changeAddresses(ctx, p, *change.Fixed); err != nil {
			return err
		}
		for _, a := range p.Addresses {
			if !slices.Contains(had, a) {
				added = append(added, a.Address)
			}
		}
		return s.savePort(ctx, p)
	})
	return added, err
}

// RemoveAddresses takes addresses from a port, but for the one that it is known by: its first. Floating IPs that lead to them lead
// nowhere.
func (s *Service) RemoveAddresses(ctx context.Context, id cloud.PortID, addresses []netip.Addr) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		p, _, err := s.ownPort(ctx, id, "port.update")
		if err != nil {
			return err
		}
		return s.loseAddresses(ctx, p, addresses)
	})
}

func (s *Service) loseAddresses(ctx context.Context, p *cloud.Port, addresses []netip.Addr) error {
	for _, a := range addresses {
		if i := slices.IndexFunc(p.Addresses, func(h cloud.PortAddress) bool { return h.Address == a }); i < 0 {
			return cloud.Invalidf("port", "addresses", "Port %s does not have the address %s.", p.ID, a)
		} else if i == 0 {
			return cloud.Invalidf("port", "addresses", "The address %s cannot be taken from port %s, which is known by it.", a, p.ID)
		}
	}
	rest := slices.DeleteFunc(requestsOf(p), func(r AddressRequest) bool { return slices.Contains(addresses, r.Address) })
	if err := s.changeAddresses(ctx, p, rest); err != nil {
		return err
	}
	return s.savePort(ctx, p)
}

// requestsOf are the requests that would give a port what it has.
func requestsOf(p *cloud.Port) []AddressRequest {
	requests := make([]AddressRequest, len(p.Addresses))
	for i, a := range p.Addresses {
		requests[i] = AddressRequest{SubnetID: a.SubnetID, Address: a.Address}
	}
	return requests
}

// requests are those for what the port does not have yet.
func (m MoreAddresses) requests(p *cloud.Port, sub cloud.SubnetID) (requests []AddressRequest) {
	for _, a := range m.Addresses {
		if !holds(p, a) {
			requests = append(requests, AddressRequest{SubnetID: sub, Address: a})
		}
	}
	for range m.Any {
		requests = append(requests, AddressRequest{SubnetID: sub})
	}
	return requests
}

// subnetFor is the subnet that a port's addresses of a version come from: where it has one, or the first of its network.
func (s *Service) subnetFor(ctx context.Context, p *cloud.Port, ipv6 bool) (*cloud.Subnet, error) {
	subnets, err := s.usableSubnets(ctx, p)
	if err != nil {
		return nil, err
	}
	subnets = keepSubnets(subnets, func(sub *cloud.Subnet) bool { return sub.Prefix.Addr().Is6() == ipv6 })
	if len(subnets) == 0 {
		return nil, cloud.Invalidf("port", "addresses", "There are no addresses of that version of IP on network %s.", p.NetworkID)
	}
	on := func(sub *cloud.Subnet) bool {
		return slices.ContainsFunc(p.Addresses, func(a cloud.PortAddress) bool { return a.SubnetID == sub.ID })
	}
	return subnets[max(slices.IndexFunc(subnets, on), 0)], nil
}

// freeAddresses takes addresses from the other ports of a network that have them.
func (s *Service) freeAddresses(ctx context.Context, p *cloud.Port, addresses []netip.Addr) error {
	for _, a := range addresses {
		others, err := s.Ports.List(ctx, cloud.Where(cloud.Eq("network_id", string(p.NetworkID)), cloud.Eq("addresses", a)))
		if err != nil {
			return err
		}
		for _, other := range others {
			if other.ID == p.ID {
				continue
			}
			if other, _, err = s.ownPort(ctx, other.ID, "port.update"); err != nil {
				return err
			}
			if err := s.loseAddresses(ctx, other, []netip.Addr{a}); err != nil {
				return err
			}
		}
	}
	return nil
}
