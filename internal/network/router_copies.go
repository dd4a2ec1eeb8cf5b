package network

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// A distributed router runs on its own host with its gateway and what hangs on that, and as a copy without them on every
// host that has a port on one of its networks: what guests of one host say to each other stays there.

// isCopied are the interfaces of distributed routers.
var isCopied = cloud.Eq("owner", string(cloud.OwnerRouterCopy))

// authorizeDistributed allows the few to say whether a router runs as copies, even if they say what it does.
func authorizeDistributed(ctx context.Context, r *cloud.Router, to *bool) error {
	if to == nil {
		return nil
	}
	return policy.Authorize(ctx, "router.distributed", routerTarget(r))
}

// changeDistributed makes a router run as copies, or no more. It must be down, as its guests lose it for a moment.
func (s *Service) changeDistributed(ctx context.Context, r *cloud.Router, to *bool) error {
	if err := authorizeDistributed(ctx, r, to); err != nil || !changes(to, r.Distributed) {
		return err
	}
	if err := refuseDomain(r, "run as copies"); err != nil {
		return err
	}
	if r.AdminUp {
		return cloud.Invalidf("router", "distributed", "Bad router request: Cannot change the 'distributed' attribute of active router %s. "+
			"Please set its admin_state_up to False before.", r.ID)
	}
	r.Distributed = *to
	ports, err := s.Ports.List(ctx, cloud.Query{Where: []cloud.Cond{cloud.Eq("router_id", string(r.ID)), isRouterInterface}, Order: []cloud.Order{{Column: "network_id"}}})
	if err != nil {
		return err
	}
	for _, p := range ports {
		if err := s.lockNetwork(ctx, p.NetworkID); err != nil {
			return err
		}
		p.Owner = r.InterfaceOwner()
		if err := s.savePort(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// joined are a network and those that distributed routers join it to. A host with a port on one of them has the routers, and so
// needs them all.
func (s *Service) joined(ctx context.Context, id cloud.NetworkID) ([]string, error) {
	sides, err := s.Ports.List(ctx, cloud.Where(cloud.Eq("network_id", string(id)), isCopied))
	if err != nil || len(sides) == 0 {
		return []string{string(id)}, err
	}
	others, err := s.Ports.List(ctx, cloud.Where(cloud.In("router_id", columnOf(sides, routerOf)), isCopied))
	return union([]string{string(id)}, columnOf(others, networkOf)), err
}

func routerOf(p *cloud.Port) string  { return string(p.RouterID) }
func networkOf(p *cloud.Port) string { return string(p.NetworkID) }

// copyHosts are the hosts that a router has copies on.
func (s *Service) copyHosts(ctx context.Context, r *cloud.Router) ([]cloud.HostID, error) {
	if !r.Distributed {
		return nil, nil
	}
	sides, err := s.Ports.List(ctx, cloud.Where(cloud.Eq("router_id", string(r.ID)), isCopied))
	if err != nil {
		return nil, err
	}
	bound, err := s.Ports.List(ctx, cloud.Where(cloud.In("network_id", columnOf(sides, networkOf)), isBound))
	hosts := map[cloud.HostID]bool{}
	for _, p := range bound {
		hosts[p.HostID] = true
	}
	return keys(hosts), err
}

// copiesOn are the distributed routers on the networks of ports that are bound to a host.
func (s *Service) copiesOn(ctx context.Context, ports []*cloud.Port) ([]*cloud.Router, error) {
	sides, err := s.Ports.List(ctx, cloud.Where(cloud.In("network_id", columnOf(ports, networkOf)), isCopied))
	if err != nil {
		return nil, err
	}
	return s.Routers.List(ctx, cloud.Where(cloud.In("id", columnOf(sides, routerOf))))
}

// runsOn tells whether a host has a router: it is the router's own, or one that has a copy.
func (s *Service) runsOn(ctx context.Context, r *cloud.Router, ports []*cloud.Port, host cloud.HostID) (bool, error) {
	if r.HostID == host || !r.Distributed {
		return r.HostID == host, nil
	}
	n, err := s.Ports.Count(ctx, cloud.In("network_id", columnOf(sidesOn(r, ports, host), networkOf)), cloud.Eq("host_id", string(host)))
	return n > 0, err
}

// sidesOn are those of a router's ports that it has on a host: a copy has no gateway.
func sidesOn(r *cloud.Router, ports []*cloud.Port, host cloud.HostID) []*cloud.Port {
	if r.HostID == host {
		return ports
	}
	var inside []*cloud.Port
	for _, p := range ports {
		if p.Owner == cloud.OwnerRouterCopy {
			inside = append(inside, p)
		}
	}
	return inside
}

// follow makes copies of the distributed routers on a network come to hosts that have a port on it now, and leave those
// that have none any more.
func (f *fabric) follow(ctx context.Context, id cloud.NetworkID) error {
	sides, err := f.s.Ports.List(ctx, cloud.Where(cloud.Eq("network_id", string(id)), isCopied))
	if err != nil {
		return err
	}
	for _, side := range sides {
		hosts, err := f.s.hostsOfRouter(ctx, side.RouterID)
		if err != nil {
			return err
		}
		o := object{kindRouter, string(side.RouterID)}
		for _, h := range differing(hosts, f.placedOn(o)) {
			f.objects.Nudge(key{h, o})
		}
	}
	return nil
}

// differing are what one of two lists has and the other has not.
func differing[T comparable](a, b []T) []T {
	in := map[T]int{}
	for _, v := range a {
		in[v]++
	}
	for _, v := range b {
		in[v]--
	}
	var out []T
	for v, n := range in {
		if n != 0 {
			out = append(out, v)
		}
	}
	return out
}

// leaveNetworks has a host look again whether it needs the networks of a router that it has no more.
func (f *fabric) leaveNetworks(ctx context.Context, k key) error {
	ports, err := f.s.Ports.List(ctx, cloud.Where(cloud.Eq("router_id", k.ID)))
	for _, p := range ports {
		f.objects.Nudge(key{k.Host, object{kindNetwork, string(p.NetworkID)}})
	}
	return err
}
