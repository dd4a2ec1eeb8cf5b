package network

import (
	"context"
	"net/netip"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// domainRows is what the part of a router's document that is its routing domain's is made of.
type domainRows struct {
	tables  []*cloud.RouteTable
	filters []*cloud.PacketFilter
	nats    []*cloud.NATGateway
	natPort map[cloud.PortID]*cloud.Port
	// reach is what routes lead to now, by target.
	reach map[string]reached
}

// reached is where a target is: out, or at a neighbour. A target that cannot be used is in no map of them.
type reached struct {
	out bool
	via []netip.Addr // one per family at most
}

// of is the neighbour for a destination, invalid if there is none of its family.
func (r reached) of(p netip.Prefix) netip.Addr {
	for _, a := range r.via {
		if a.Is4() == p.Addr().Is4() {
			return a
		}
	}
	return netip.Addr{}
}

func (s *Service) loadDomain(ctx context.Context, r *cloud.Router) (*domainRows, error) {
	if r.Domain == nil {
		return nil, nil
	}
	mine, d := cloud.Where(cloud.Eq("router_id", string(r.ID))), &domainRows{}
	var err error
	if d.tables, err = s.RouteTables.List(ctx, mine); err != nil {
		return nil, err
	}
	if d.filters, err = s.Filters.List(ctx, mine); err != nil {
		return nil, err
	}
	if d.nats, err = s.NATGateways.List(ctx, mine); err != nil {
		return nil, err
	}
	ports, err := s.Ports.List(ctx, cloud.Where(cloud.In("id", columnOf(d.nats, func(n *cloud.NATGateway) cloud.PortID { return n.PortID }))))
	if err != nil {
		return nil, err
	}
	d.natPort = byID(ports, func(p *cloud.Port) cloud.PortID { return p.ID })
	d.reach, err = s.reachOf(ctx, map[cloud.RouterID]bool{r.ID: true}, d.tables)
	return d, err
}

// reachOf is where the targets of tables' routes are, for tables of these routers, with a fixed number of queries. NAT gateways are
// not in it: whether one lets anything out, its own subnet's table says.
func (s *Service) reachOf(ctx context.Context, routers map[cloud.RouterID]bool, tables []*cloud.RouteTable) (map[string]reached, error) {
	targets := map[cloud.RouteTargetKind][]string{}
	for _, t := range tables {
		for _, r := range t.Routes {
			targets[r.Kind] = append(targets[r.Kind], r.Target)
		}
	}
	reach := map[string]reached{}
	for _, find := range []func(context.Context, map[cloud.RouterID]bool, map[cloud.RouteTargetKind][]string, map[string]reached) error{
		s.reachGateways, s.reachPorts, s.reachPeerings} {
		if err := find(ctx, routers, targets, reach); err != nil {
			return nil, err
		}
	}
	return reach, nil
}

func (s *Service) reachGateways(ctx context.Context, routers map[cloud.RouterID]bool, targets map[cloud.RouteTargetKind][]string, reach map[string]reached) error {
	ids := append(append(append([]string(nil), targets[cloud.TargetInternet]...), targets[cloud.TargetEgress]...), targets[cloud.TargetVPN]...)
	if len(ids) == 0 {
		return nil
	}
	attached, err := s.Gateways.List(ctx, cloud.Where(cloud.In("id", ids), cloud.In("router_id", keys(routers))))
	if err != nil {
		return err
	}
	var ends []cloud.GatewayID
	for _, g := range attached {
		if g.Kind == cloud.GatewayVPN {
			ends = append(ends, g.ID)
		} else {
			reach[string(g.ID)] = reached{out: true}
		}
	}
	via, err := s.vpnNeighbours(ctx, ends)
	for id, addresses := range via {
		reach[string(id)] = reached{via: addresses}
	}
	return err
}

func (s *Service) reachPorts(ctx context.Context, _ map[cloud.RouterID]bool, targets map[cloud.RouteTargetKind][]string, reach map[string]reached) error {
	if len(targets[cloud.TargetPort]) == 0 {
		return nil
	}
	ports, err := s.Ports.List(ctx, cloud.Where(cloud.In("id", targets[cloud.TargetPort])))
	for _, p := range ports {
		reach[string(p.ID)] = reached{via: firstOfEach(p)}
	}
	return err
}

// firstOfEach is the first address of each family that a port has.
func firstOfEach(p *cloud.Port) (first []netip.Addr) {
	seen := map[bool]bool{}
	for _, a := range p.Addresses {
		if is4 := a.Address.Is4(); !seen[is4] {
			seen[is4] = true
			first = append(first, a.Address)
		}
	}
	return first
}

// reachPeerings finds the other end of each link: a table is of one of the two routers.
func (s *Service) reachPeerings(ctx context.Context, routers map[cloud.RouterID]bool, targets map[cloud.RouteTargetKind][]string, reach map[string]reached) error {
	if len(targets[cloud.TargetPeering]) == 0 {
		return nil
	}
	active, err := s.Peerings.List(ctx, cloud.Where(cloud.In("id", targets[cloud.TargetPeering]), cloud.Eq("state", string(cloud.PeeringActive))))
	if err != nil {
		return err
	}
	ends, err := s.Ports.List(ctx, cloud.Where(cloud.In("network_id", columnOf(active, func(p *cloud.Peering) cloud.NetworkID { return p.NetworkID })),
		cloud.Eq("owner", string(cloud.OwnerRouterLink))))
	by := allBy(ends, func(p *cloud.Port) cloud.NetworkID { return p.NetworkID })
	for _, p := range active {
		for _, end := range by[p.NetworkID] {
			if len(routers) > 1 || !routers[end.RouterID] {
				reach[string(p.ID)] = reached{via: firstOfEach(end)}
			}
		}
	}
	return err
}

// LiveTargets tells which targets of tables' routes can be used now: routes to others are black holes.
func (s *Service) LiveTargets(ctx context.Context, tables []*cloud.RouteTable) (map[string]bool, error) {
	routers := map[cloud.RouterID]bool{}
	var nats []string
	for _, t := range tables {
		routers[t.RouterID] = true
		for _, r := range t.Routes {
			if r.Kind == cloud.TargetNAT {
				nats = append(nats, r.Target)
			}
		}
	}
	reach, err := s.reachOf(ctx, routers, tables)
	if err != nil {
		return nil, err
	}
	live := map[string]bool{}
	for id := range reach {
		live[id] = true
	}
	there, err := s.NATGateways.List(ctx, cloud.Where(cloud.In("id", nats)))
	for _, n := range there {
		live[string(n.ID)] = true
	}
	return live, err
}

// nudgeRoutesTo tells the routers whose routes lead to a port that it has changed, or is gone.
func (s *Service) nudgeRoutesTo(ctx context.Context, id cloud.PortID) error {
	tables, err := s.RouteTables.List(ctx, cloud.Where(cloud.Eq("targets", string(id))))
	for _, t := range tables {
		s.nudgeRouter(ctx, t.RouterID)
	}
	return err
}
