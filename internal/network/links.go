package network

import (
	"context"
	"net/netip"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// A link is a network that nobody owns and nobody else sees, with two ends: routers, or a router and something of the cloud's
// that its routes lead to. Its prefixes are of addresses that are never routed further.

// Links lie in the upper quarter of the link-local addresses: the metadata service is below, and what tunnels use inside.
var (
	linkSpace  = netip.MustParsePrefix("169.254.192.0/18")
	linkSpace6 = netip.MustParsePrefix("fd6e:7562:6f00::/112")
)

// A link's prefixes leave room for two ends.
const (
	linkBits  = 30
	linkBits6 = 126
)

// newLink makes a link between routers, or from one, apart from all that they are on. Its subnets are one of each family.
func (s *Service) newLink(ctx context.Context, routers ...cloud.RouterID) (*cloud.Network, []*cloud.Subnet, error) {
	var have []*cloud.Subnet
	for _, id := range routers {
		_, subnets, err := s.routerPorts(ctx, id)
		if err != nil {
			return nil, nil, err
		}
		have = append(have, subnets...)
	}
	n := &cloud.Network{ID: cloud.NetworkID(cloud.NewID()), Name: "link", AdminUp: true, MTU: s.Config.MTU, Kind: KindLocal}
	if err := s.lockNetwork(ctx, n.ID); err != nil {
		return nil, nil, err
	}
	if err := s.Networks.Insert(ctx, n); err != nil {
		return nil, nil, err
	}
	var subnets []*cloud.Subnet
	for _, p := range []netip.Prefix{freePrefix(linkSpace, linkBits, have), freePrefix(linkSpace6, linkBits6, have)} {
		sub := &cloud.Subnet{ID: cloud.SubnetID(cloud.NewID()), NetworkID: n.ID, Prefix: p, Gateway: firstHost(p), Pools: defaultPools(p, netip.Addr{})}
		if err := s.Subnets.Insert(ctx, sub); err != nil {
			return nil, nil, err
		}
		subnets = append(subnets, sub)
	}
	return n, subnets, nil
}

// freePrefix is the first prefix of a space that overlaps none of the subnets. Routers are on far fewer than there are.
func freePrefix(space netip.Prefix, bits int, have []*cloud.Subnet) netip.Prefix {
	p := netip.PrefixFrom(space.Addr(), bits)
	for slices.ContainsFunc(have, func(sub *cloud.Subnet) bool { return sub.Prefix.Overlaps(p) }) {
		p = nextPrefix(p)
	}
	return p
}

// nextPrefix is the one behind a prefix.
func nextPrefix(p netip.Prefix) netip.Prefix {
	a := p.Addr()
	for p.Contains(a) {
		a = a.Next()
	}
	return netip.PrefixFrom(a, p.Bits())
}

// endLink puts a port at an end of a link: at its first address, or else at the second.
func (s *Service) endLink(ctx context.Context, n *cloud.Network, subnets []*cloud.Subnet, p *cloud.Port, first bool) error {
	p.ID, p.NetworkID, p.AdminUp, p.Up = cloud.PortID(cloud.NewID()), n.ID, true, true
	asked := make([]AddressRequest, len(subnets))
	for i, sub := range subnets {
		asked[i] = AddressRequest{SubnetID: sub.ID, Address: sub.Gateway}
		if !first {
			asked[i].Address = sub.Gateway.Next()
		}
	}
	return s.insertPort(ctx, n, p, "", &asked)
}

// dropLink removes a link with both ends.
func (s *Service) dropLink(ctx context.Context, id cloud.NetworkID) error {
	if err := s.lockNetwork(ctx, id); err != nil {
		return err
	}
	ports, err := s.Ports.List(ctx, cloud.Where(cloud.Eq("network_id", string(id))))
	if err != nil {
		return err
	}
	for _, p := range ports {
		if err := s.removePort(ctx, p); err != nil {
			return err
		}
		s.nudgeRouter(ctx, p.RouterID)
	}
	if err := deleteWhere(ctx, s.Subnets, func(sub *cloud.Subnet) cloud.SubnetID { return sub.ID }, cloud.Eq("network_id", string(id))); err != nil {
		return err
	}
	s.nudge(ctx, kindNetwork, string(id))
	return s.Networks.Delete(ctx, id)
}
