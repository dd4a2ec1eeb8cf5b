package network

import (
	"context"
	"net/netip"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// What a connection joins is said in one of two ways: the service's one subnet and the peer's prefixes, or a group of
// subnets here and one of prefixes there. The two are not mixed.

// checkEnds refuses ends that do not fit together, or the service.
func (s *Service) checkEnds(ctx context.Context, v *cloud.VPNService, c *cloud.VPNConnection) error {
	if v.SubnetID != "" {
		return s.checkSubnetEnd(ctx, v, c)
	}
	if len(c.PeerPrefixes) > 0 {
		return cloud.Invalidf("VPN connection", "peer_cidrs", "Peer CIDRs cannot be specified, when using endpoint groups")
	}
	for _, end := range []struct {
		id    cloud.EndpointGroupID
		which string
	}{{c.LocalEndpoints, "local_ep_group_id"}, {c.PeerEndpoints, "peer_ep_group_id"}} {
		if end.id == "" {
			return cloud.Invalidf("VPN connection", "no group", "Missing endpoint group %s for IPSec site-to-site connection", end.which)
		}
		if err := s.lockEndpointGroup(ctx, end.id); err != nil {
			return err
		}
	}
	local, err := s.localEnd(ctx, v, c)
	if err != nil {
		return err
	}
	g, err := s.groupOfKind(ctx, c.PeerEndpoints, cloud.EndpointPrefix, "peer")
	if err != nil {
		return err
	}
	peer := prefixesOf(g.Endpoints)
	if !oneFamily(peer) {
		return mixed(g.ID)
	}
	return fit(local, peer)
}

func (s *Service) checkSubnetEnd(ctx context.Context, v *cloud.VPNService, c *cloud.VPNConnection) error {
	if c.LocalEndpoints != "" || c.PeerEndpoints != "" {
		return cloud.Invalidf("VPN connection", "group", "Endpoint groups cannot be specified, when VPN Service has subnet specified")
	}
	if len(c.PeerPrefixes) == 0 {
		return cloud.Invalidf("VPN connection", "no prefixes", "Missing peer CIDRs for IPsec site-to-site connection")
	}
	if !oneFamily(c.PeerPrefixes) {
		return cloud.Invalidf("VPN connection", "families", "Peer CIDRs do not have the same IP version, as required for IPSec site-to-site connection")
	}
	sub, err := s.Subnets.Get(ctx, v.SubnetID)
	if err != nil {
		return missing(err, "subnet", v.SubnetID)
	}
	return fit([]netip.Prefix{sub.Prefix}, c.PeerPrefixes)
}

// fit refuses ends of different families, and a peer that is where we are.
func fit(local, peer []netip.Prefix) error {
	if local[0].Addr().Is4() != peer[0].Addr().Is4() {
		return cloud.Invalidf("VPN connection", "versions", "IP versions are not compatible between peer and local endpoints")
	}
	for _, l := range local {
		if i := slices.IndexFunc(peer, l.Overlaps); i >= 0 {
			return cloud.Invalidf("VPN connection", "overlap", "What lies behind the peer, %s, overlaps with what lies here, %s.", peer[i], l)
		}
	}
	return nil
}

// localEnd are the prefixes of a connection's group of subnets, all of which its router must be on.
func (s *Service) localEnd(ctx context.Context, v *cloud.VPNService, c *cloud.VPNConnection) ([]netip.Prefix, error) {
	g, err := s.groupOfKind(ctx, c.LocalEndpoints, cloud.EndpointSubnet, "local")
	if err != nil {
		return nil, err
	}
	subnets, err := s.subnetsInside(ctx, v.RouterID)
	if err != nil {
		return nil, err
	}
	var local []netip.Prefix
	for _, id := range g.Endpoints {
		sub := subnets[cloud.SubnetID(id)]
		if sub == nil {
			return nil, cloud.Invalidf("VPN service", "subnet_id", "Subnet %s is not connected to Router %s", id, v.RouterID)
		}
		local = append(local, sub.Prefix)
	}
	if !oneFamily(local) {
		return nil, mixed(g.ID)
	}
	return local, nil
}

func mixed(id cloud.EndpointGroupID) error {
	return cloud.Invalidf("VPN connection", "group families", "Endpoints in group %s do not have the same IP version, as required for IPSec site-to-site connection", id)
}

func (s *Service) groupOfKind(ctx context.Context, id cloud.EndpointGroupID, kind, which string) (*cloud.EndpointGroup, error) {
	g, err := s.EndpointGroup(ctx, id)
	if err == nil && g.Kind != kind {
		err = cloud.Invalidf("VPN connection", "group kind", "Endpoint group %s type is '%s' and should be '%s'", which, g.Kind, kind)
	}
	return g, err
}

// subnetsInside are the subnets that a router has interfaces on.
func (s *Service) subnetsInside(ctx context.Context, id cloud.RouterID) (map[cloud.SubnetID]*cloud.Subnet, error) {
	ports, err := s.Ports.List(ctx, cloud.Where(cloud.Eq("router_id", string(id)), isRouterInterface))
	if err != nil {
		return nil, err
	}
	subnets, err := s.Subnets.List(ctx, cloud.Where(cloud.In("id", subnetIDs(ports))))
	return byID(subnets, func(sub *cloud.Subnet) cloud.SubnetID { return sub.ID }), err
}

// prefixesOf reads what a group of prefixes was made with.
func prefixesOf(texts []string) (prefixes []netip.Prefix) {
	for _, t := range texts {
		if p, err := netip.ParsePrefix(t); err == nil {
			prefixes = append(prefixes, p.Masked())
		}
	}
	return prefixes
}

func oneFamily(prefixes []netip.Prefix) bool {
	return !slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Addr().Is4() != prefixes[0].Addr().Is4() })
}
