package network

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// Where things are needed: a network where ports of it are bound and where routers on it run; a
// group where ports in it are bound and where groups that name it as remote are needed; a router on its host, and a
// distributed one also where ports of its networks are bound: there all of its networks are needed.

func (s *Service) hostNeedsNetwork(ctx context.Context, host cloud.HostID, id cloud.NetworkID) (bool, error) {
	n, err := s.Ports.Count(ctx, cloud.Eq("network_id", string(id)), cloud.Eq("host_id", string(host)))
	if err != nil || n > 0 {
		return n > 0, err
	}
	n, err = s.Routers.Count(ctx, cloud.Eq("gateway_network", string(id)), cloud.Eq("host_id", string(host)))
	if err != nil || n > 0 {
		return n > 0, err
	}
	routers, err := s.routersInside(ctx, id)
	if err != nil || len(routers) == 0 {
		return false, err
	}
	n, err = s.Routers.Count(ctx, cloud.In("id", routers), cloud.Eq("host_id", string(host)))
	if err != nil || n > 0 {
		return n > 0, err
	}
	joined, err := s.joined(ctx, id)
	if err != nil || len(joined) == 1 {
		return false, err
	}
	n, err = s.Ports.Count(ctx, cloud.In("network_id", joined), cloud.Eq("host_id", string(host)))
	return n > 0, err
}

// routersInside are the routers with an interface on a network, or with something of theirs on it that is where they are.
func (s *Service) routersInside(ctx context.Context, id cloud.NetworkID) ([]string, error) {
	ports, err := s.Ports.List(ctx, cloud.Where(cloud.Eq("network_id", string(id)), isRouterSide))
	return columnOf(ports, routerOf), err
}

func (s *Service) hostsOfNetwork(ctx context.Context, id cloud.NetworkID) ([]cloud.HostID, error) {
	joined, err := s.joined(ctx, id)
	if err != nil {
		return nil, err
	}
	bound, err := s.Ports.List(ctx, cloud.Where(cloud.In("network_id", joined), isBound))
	if err != nil {
		return nil, err
	}
	hosts := map[cloud.HostID]bool{}
	for _, p := range bound {
		hosts[p.HostID] = true
	}
	inside, err := s.routersInside(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, c := range []cloud.Cond{cloud.Eq("gateway_network", string(id)), cloud.In("id", inside)} {
		routers, err := s.Routers.List(ctx, cloud.Where(c, isBound))
		if err != nil {
			return nil, err
		}
		for _, r := range routers {
			hosts[r.HostID] = true
		}
	}
	return keys(hosts), nil
}

var isRouterInterface = cloud.In("owner", []string{string(cloud.OwnerRouterInterface), string(cloud.OwnerRouterCopy)})

// isRouterSide are ports that are on the host of their router.
var isRouterSide = cloud.In("owner", []string{string(cloud.OwnerRouterInterface), string(cloud.OwnerRouterCopy), string(cloud.OwnerRouterLink), string(cloud.OwnerVPN)})

var isBound = cloud.Cond{Column: "host_id", Op: cloud.OpNe, Value: ""}

func keys[K comparable, V any](m map[K]V) []K {
	out := make([]K, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	return out
}

// groupAndReferrers are a group and the groups whose rules name it as remote.
func (s *Service) groupAndReferrers(ctx context.Context, id cloud.SecurityGroupID) ([]string, error) {
	rules, err := s.Rules.List(ctx, cloud.Where(cloud.Eq("remote_group", string(id))))
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{string(id): true}
	for _, r := range rules {
		seen[string(r.GroupID)] = true
	}
	return keys(seen), nil
}

func (s *Service) hostNeedsGroup(ctx context.Context, host cloud.HostID, id cloud.SecurityGroupID) (bool, error) {
	groups, err := s.groupAndReferrers(ctx, id)
	if err != nil {
		return false, err
	}
	n, err := s.Ports.Count(ctx, cloud.In("security_groups", groups), cloud.Eq("host_id", string(host)))
	return n > 0, err
}

func (s *Service) hostsOfGroup(ctx context.Context, id cloud.SecurityGroupID) ([]cloud.HostID, error) {
	groups, err := s.groupAndReferrers(ctx, id)
	if err != nil {
		return nil, err
	}
	bound, err := s.Ports.List(ctx, cloud.Where(cloud.In("security_groups", groups), isBound))
	hosts := map[cloud.HostID]bool{}
	for _, p := range bound {
		hosts[p.HostID] = true
	}
	return keys(hosts), err
}

// hostsOfRouter are the router's host and those of its copies.
func (s *Service) hostsOfRouter(ctx context.Context, id cloud.RouterID) ([]cloud.HostID, error) {
	r, err := s.placedRouter(ctx, id)
	if r == nil || err != nil {
		return nil, err
	}
	hosts, err := s.copyHosts(ctx, r)
	if r.HostID == "" {
		return hosts, err
	}
	return union([]cloud.HostID{r.HostID}, hosts), err
}

// placedRouter is a router, with a host that is chosen now if the router has work and none yet; nil if it is gone.
func (s *Service) placedRouter(ctx context.Context, id cloud.RouterID) (r *cloud.Router, err error) {
	r, err = s.Routers.Get(ctx, id)
	if cloud.Is(err, cloud.NotFound) {
		return nil, nil
	}
	if err != nil || r.HostID != "" {
		return r, err
	}
	n, err := s.Ports.Count(ctx, cloud.Eq("router_id", string(id)))
	if err != nil || n == 0 {
		return r, err
	}
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if r, err = s.Routers.Get(ctx, id); err != nil {
			return err
		}
		if err := s.placeRouter(ctx, r); err != nil || r.HostID == "" {
			return err
		}
		return s.Routers.Update(ctx, r)
	})
	if err != nil || r.HostID == "" {
		return r, err
	}
	return r, s.nudgeNetworksOf(ctx, r)
}

// nudgeNetworksOf makes the networks of a router that was just placed come to its host.
func (s *Service) nudgeNetworksOf(ctx context.Context, r *cloud.Router) error {
	ports, err := s.Ports.List(ctx, cloud.Where(cloud.Eq("router_id", string(r.ID))))
	for _, p := range ports {
		s.nudgeOn(ctx, r.HostID, kindNetwork, string(p.NetworkID))
	}
	return err
}

func (s *Service) hostOfPort(ctx context.Context, id cloud.PortID) ([]cloud.HostID, error) {
	p, err := s.Ports.Get(ctx, id)
	if cloud.Is(err, cloud.NotFound) || err == nil && p.HostID == "" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []cloud.HostID{p.HostID}, nil
}
