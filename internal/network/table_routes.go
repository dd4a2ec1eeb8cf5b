package network

import (
	"context"
	"net/netip"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// tableRoutesMax bounds the routes of one table.
const tableRoutesMax = 200

// AddTableRoute adds a route to a table. AlreadyExists if it has one to that destination that nobody learned.
func (s *Service) AddTableRoute(ctx context.Context, id cloud.RouteTableID, r cloud.TableRoute) (*cloud.RouteTable, error) {
	return s.changeRouteTo(ctx, id, r.Destination, func(ctx context.Context, t *cloud.RouteTable, at int) error {
		if at >= 0 && !t.Routes[at].Learned {
			return cloud.Errorf(cloud.AlreadyExists, "route", r.Destination.String(), "Route table %s has a route to %s already.", id, r.Destination)
		}
		if at >= 0 { // a learned one goes behind what its owner wants
			t.Routes = slices.Delete(slices.Clone(t.Routes), at, at+1)
		}
		if len(t.Routes) >= tableRoutesMax {
			return &cloud.Error{Kind: cloud.QuotaExceeded, Resource: "route table", ID: string(id), Field: "routes", Message: "The route table has as many routes as it can have."}
		}
		return s.putRoute(ctx, t, len(t.Routes), r)
	})
}

// ReplaceTableRoute leads a destination elsewhere. NotFound if the table has no route to it.
func (s *Service) ReplaceTableRoute(ctx context.Context, id cloud.RouteTableID, r cloud.TableRoute) (*cloud.RouteTable, error) {
	return s.changeRouteTo(ctx, id, r.Destination, func(ctx context.Context, t *cloud.RouteTable, at int) error {
		if at < 0 {
			return noRoute(id, r.Destination)
		}
		return s.putRoute(ctx, t, at, r)
	})
}

// RemoveTableRoute removes the route to a destination.
func (s *Service) RemoveTableRoute(ctx context.Context, id cloud.RouteTableID, destination netip.Prefix) (*cloud.RouteTable, error) {
	return s.changeRouteTo(ctx, id, destination, func(_ context.Context, t *cloud.RouteTable, at int) error {
		if at < 0 {
			return noRoute(id, destination)
		}
		if t.Routes[at].Learned {
			return cloud.Errorf(cloud.WrongState, "route", destination.String(), "The route to %s came by propagation, and goes with that.", destination)
		}
		t.Routes = slices.Delete(slices.Clone(t.Routes), at, at+1)
		return nil
	})
}

func noRoute(id cloud.RouteTableID, destination netip.Prefix) error {
	return cloud.Errorf(cloud.NotFound, "route", destination.String(), "Route table %s has no route to %s.", id, destination)
}

// changeRouteTo changes a table, of which change is told where the route to a destination stands; -1: it has none.
func (s *Service) changeRouteTo(ctx context.Context, id cloud.RouteTableID, to netip.Prefix, change func(context.Context, *cloud.RouteTable, int) error) (*cloud.RouteTable, error) {
	return s.tables().change(ctx, s, id, "update", func(ctx context.Context, t *cloud.RouteTable) error {
		return change(ctx, t, slices.IndexFunc(t.Routes, func(r cloud.TableRoute) bool { return r.Destination == to.Masked() }))
	})
}

// putRoute writes a route at a place in its table, if its target is there.
func (s *Service) putRoute(ctx context.Context, t *cloud.RouteTable, at int, r cloud.TableRoute) error {
	if !r.Destination.IsValid() || r.Destination.Addr().Is4In6() {
		return cloud.Invalidf("route", "destination", "'%s' is not a block of addresses.", r.Destination)
	}
	r.Destination, r.Learned = r.Destination.Masked(), false
	router, err := s.Routers.Get(ctx, t.RouterID)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(router.Domain.Blocks, func(b cloud.AddressBlock) bool { return b.Prefix == r.Destination }) {
		return cloud.Invalidf("route", "destination", "The block %s of the routing domain is reached without a route.", r.Destination)
	}
	if err := s.checkTarget(ctx, router, r); err != nil {
		return err
	}
	t.Routes = append(slices.Clone(t.Routes[:at]), append([]cloud.TableRoute{r}, t.Routes[min(at+1, len(t.Routes)):]...)...)
	return nil
}

// checkTarget refuses a route to what is not there, or not in reach of the domain.
func (s *Service) checkTarget(ctx context.Context, r *cloud.Router, route cloud.TableRoute) error {
	router, err := s.routerOfTarget(ctx, r, route)
	switch {
	case err != nil:
		return err
	case router != r.ID:
		return cloud.Invalidf("route", "target", "The target %s of the route to %s is not attached to routing domain %s.", route.Target, route.Destination, r.ID)
	case route.Kind == cloud.TargetEgress && route.Destination.Addr().Is4():
		return cloud.Invalidf("route", "destination", "An egress gateway is for IPv6, and %s is not.", route.Destination)
	case route.Kind == cloud.TargetNAT && route.Destination.Addr().Is6():
		return cloud.Invalidf("route", "destination", "A NAT gateway is for IPv4, and %s is not.", route.Destination)
	}
	return nil
}

// gatewayKinds are the gateways that each kind of target is.
var gatewayKinds = map[cloud.RouteTargetKind]cloud.GatewayKind{cloud.TargetInternet: cloud.GatewayInternet, cloud.TargetEgress: cloud.GatewayEgress, cloud.TargetVPN: cloud.GatewayVPN}

// routerOfTarget is the router that a route's target is at, for which the caller must be allowed to see it.
func (s *Service) routerOfTarget(ctx context.Context, r *cloud.Router, route cloud.TableRoute) (cloud.RouterID, error) {
	switch route.Kind {
	case cloud.TargetInternet, cloud.TargetEgress, cloud.TargetVPN:
		g, err := s.Gateway(ctx, cloud.GatewayID(route.Target))
		if err == nil && g.Kind != gatewayKinds[route.Kind] {
			err = cloud.Invalidf("route", "target", "Gateway %s is not of the kind that the route asks for.", route.Target)
		}
		if err != nil {
			return "", err
		}
		return g.RouterID, nil
	case cloud.TargetNAT:
		n, err := s.NATGateway(ctx, cloud.NATGatewayID(route.Target))
		if err != nil {
			return "", err
		}
		return n.RouterID, nil
	case cloud.TargetPort:
		return s.routerOfPort(ctx, cloud.PortID(route.Target))
	case cloud.TargetPeering:
		p, err := s.Peering(ctx, cloud.PeeringID(route.Target))
		if err != nil {
			return "", err
		}
		if p.State.Ended() {
			return "", cloud.Errorf(cloud.WrongState, "peering", p.ID, "Peering %s has ended: it is %s.", p.ID, p.State)
		}
		if p.AccepterRouter == r.ID {
			return p.AccepterRouter, nil
		}
		return p.RouterID, nil
	}
	return "", cloud.Invalidf("route", "target", "A route cannot lead to a target of the kind '%s'.", route.Kind)
}

// routerOfPort is the domain that a port is in, which must be one that forwards for others or could.
func (s *Service) routerOfPort(ctx context.Context, id cloud.PortID) (cloud.RouterID, error) {
	p, err := s.Port(ctx, id)
	if err != nil {
		return "", err
	}
	if ownedByCloud(p) || len(p.Addresses) == 0 {
		return "", cloud.Invalidf("route", "target", "Port %s is not one that a route can lead to.", id)
	}
	n, err := s.Networks.Get(ctx, p.NetworkID)
	if err != nil {
		return "", err
	}
	return n.RouterID, nil
}

// Propagate makes a table have the routes that VPN connections of a gateway bring, or no more.
func (s *Service) Propagate(ctx context.Context, id cloud.RouteTableID, gateway cloud.GatewayID, on bool) (*cloud.RouteTable, error) {
	return s.tables().change(ctx, s, id, "update", func(ctx context.Context, t *cloud.RouteTable) error {
		g, err := s.Gateway(ctx, gateway)
		if err != nil {
			return err
		}
		if g.Kind != cloud.GatewayVPN || on && g.RouterID != t.RouterID {
			return cloud.Invalidf("route table", "gateway_id", "Gateway %s is not a VPN gateway that is attached to routing domain %s.", gateway, t.RouterID)
		}
		t.Propagating = slices.DeleteFunc(slices.Clone(t.Propagating), func(o cloud.GatewayID) bool { return o == gateway })
		if on {
			t.Propagating = append(t.Propagating, gateway)
		}
		return s.relearn(ctx, t)
	})
}

// Relearn brings what a VPN gateway's connections reach into the tables that have its routes by propagation.
func (s *Service) Relearn(ctx context.Context, g *cloud.Gateway) error {
	tables, err := s.RouteTables.List(ctx, cloud.Where(cloud.Eq("propagating", string(g.ID))))
	if err != nil {
		return err
	}
	for _, t := range tables {
		if err := s.relearn(ctx, t); err != nil {
			return err
		}
		if err := s.tables().save(ctx, s, t); err != nil {
			return err
		}
	}
	return nil
}

// relearn makes a table's learned routes those of the gateways that propagate to it. Where its owner leads elsewhere, that holds.
func (s *Service) relearn(ctx context.Context, t *cloud.RouteTable) error {
	t.Routes = slices.DeleteFunc(slices.Clone(t.Routes), func(r cloud.TableRoute) bool { return r.Learned })
	for _, g := range t.Propagating {
		learned, err := s.learnedPrefixes(ctx, g)
		if err != nil {
			return err
		}
		for _, p := range learned {
			if !slices.ContainsFunc(t.Routes, func(r cloud.TableRoute) bool { return r.Destination == p }) {
				t.Routes = append(t.Routes, cloud.TableRoute{Destination: p, Kind: cloud.TargetVPN, Target: string(g), Learned: true})
			}
		}
	}
	return nil
}
