package network

import (
	"context"
	"net/netip"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// SetForwarding lets an instance forward for others, by letting its port send and get what is not its own, or no more.
func (s *Service) SetForwarding(ctx context.Context, id cloud.PortID, on bool) (p *cloud.Port, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if p, err = s.Port(ctx, id); err != nil || Forwards(p) == on {
			return err
		}
		pairs := slices.DeleteFunc(slices.Clone(p.AllowedPairs), isAnybody)
		if on {
			pairs = append(pairs, cloud.AddressPair{Address: everywhere(false)}, cloud.AddressPair{Address: everywhere(true)})
		}
		p, err = s.UpdatePort(ctx, id, PortChange{AllowedPairs: &pairs})
		return err
	})
	return p, err
}

func isAnybody(p cloud.AddressPair) bool { return p.MAC == "" && p.Address.Bits() == 0 }

// Forwards tells whether a port's instance forwards for others.
func Forwards(p *cloud.Port) bool {
	return !p.PortSecurity || slices.ContainsFunc(p.AllowedPairs, isAnybody)
}

// AddAddresses gives a port certain addresses of its subnets, and a number of any on the subnet of its first. They are behind
// those that it has.
func (s *Service) AddAddresses(ctx context.Context, id cloud.PortID, certain []netip.Addr, number int) (p *cloud.Port, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if p, err = s.Port(ctx, id); err != nil {
			return err
		}
		if len(p.Addresses) == 0 {
			return cloud.Invalidf("port", "fixed_ips", "Port %s has no address beside which it could have another.", id)
		}
		wanted := asRequests(p.Addresses)
		for _, a := range certain {
			wanted = append(wanted, AddressRequest{Address: a})
		}
		for range number {
			wanted = append(wanted, AddressRequest{SubnetID: p.Addresses[0].SubnetID})
		}
		p, err = s.UpdatePort(ctx, id, PortChange{Fixed: &wanted})
		return err
	})
	return p, err
}

// RemoveAddresses takes addresses from a port other than its first one. Invalid if it does not have one of them.
func (s *Service) RemoveAddresses(ctx context.Context, id cloud.PortID, gone []netip.Addr) (p *cloud.Port, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if p, err = s.Port(ctx, id); err != nil {
			return err
		}
		for _, a := range gone {
			if !holds(p, a) || p.Addresses[0].Address == a {
				return cloud.Invalidf("port", "fixed_ips", "%s is not an address of port %s besides its first.", a, id)
			}
		}
		left := asRequests(slices.DeleteFunc(slices.Clone(p.Addresses), func(a cloud.PortAddress) bool { return slices.Contains(gone, a.Address) }))
		p, err = s.UpdatePort(ctx, id, PortChange{Fixed: &left})
		return err
	})
	return p, err
}

// asRequests asks for the addresses that there are.
func asRequests(addresses []cloud.PortAddress) []AddressRequest {
	asked := make([]AddressRequest, len(addresses))
	for i, a := range addresses {
		asked[i] = AddressRequest(a)
	}
	return asked
}
