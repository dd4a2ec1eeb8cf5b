package network

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// Where things are needed: a network where ports of it are bound and where routers on it run; a
// group where ports in it are bound and where groups that name it as remote are needed; a router on its host.

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
	return n > 0, err
}

// routersInside are the routers with an interface on a network.
func (s *Service) routersInside(ctx context.Context, id cloud.NetworkID) ([]string, error) {
	ports, err := s.Ports.List(ctx, cloud.Where(cloud.Eq("network_id", string(id)), cloud.Eq("owner", string(cloud.OwnerRouterInterface))))
	return columnOf(ports, func(p *cloud.Port) string { return string(p.RouterID) }), err
}

func (s *Service) hostsOfNetwork(ctx context.Context, id cloud.NetworkID) ([]cloud.HostID, error) {
	bound, err := s.Ports.List(ctx, cloud.Where(cloud.Eq("network_id", string(id)), isBound))
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

// hostsOfRouter is the router's host, chosen now if the router has work and no host yet.
func (s *Service) hostsOfRouter(ctx context.Context, id cloud.RouterID) (hosts []cloud.HostID, err error) {
	r, err := s.Routers.Get(ctx, id)
	if cloud.Is(err, cloud.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if r.HostID != "" {
		return []cloud.HostID{r.HostID}, nil
	}
	n, err := s.Ports.Count(ctx, cloud.Eq("router_id", string(id)))
	if err != nil || n == 0 {
		return nil, err
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
		return nil, err
	}
	return []cloud.HostID{r.HostID}, s.nudgeNetworksOf(ctx, r)
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
