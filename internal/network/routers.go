package network

import (
	"context"
	"net/netip"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// RouterRequest asks for a router.
type RouterRequest struct {
	ProjectID         cloud.ProjectID // empty: the caller's
	Name, Description string
	AdminUp           *bool
	Gateway           *GatewayRequest
	Zones             []string
	Tags              []string
	Flavor            cloud.RouterFlavorID
	Distributed       *bool // nil: as the cloud's operator prefers
}

func routerTarget(r *cloud.Router) policy.Target {
	return policy.Target{Resource: "router", ID: string(r.ID), ProjectID: r.ProjectID}
}

// lockRouter makes changes of a router's ways wait for each other.
func (s *Service) lockRouter(ctx context.Context, id cloud.RouterID) error {
	return s.Tx.Lock(ctx, "router/"+string(id))
}

// CreateRouter makes a router.
func (s *Service) CreateRouter(ctx context.Context, r RouterRequest) (router *cloud.Router, err error) {
	r.ProjectID = owner(ctx, r.ProjectID)
	if err := policy.Authorize(ctx, "router.create", policy.Target{Resource: "router", ProjectID: r.ProjectID}); err != nil {
		return nil, err
	}
	if err := authorizeDistributed(ctx, &cloud.Router{ProjectID: r.ProjectID}, r.Distributed); err != nil {
		return nil, err
	}
	if r.ProjectID == "" {
		return nil, cloud.Invalidf("router", "project_id", "A router needs a project.")
	}
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.Quota.Reserve(ctx, r.ProjectID, map[string]int64{cloud.QuotaRouters: 1}); err != nil {
			return err
		}
		if err := s.useRouterFlavor(ctx, r.Flavor); err != nil {
			return err
		}
		router = &cloud.Router{ID: cloud.RouterID(cloud.NewID()), ProjectID: r.ProjectID, Name: r.Name, Description: r.Description,
			AdminUp: or(r.AdminUp, true), Zones: r.Zones, Tags: r.Tags, Flavor: r.Flavor,
			Distributed: or(r.Distributed, s.Config.Distributed)}
		if err := s.Routers.Insert(ctx, router); err != nil || r.Gateway == nil {
			return err
		}
		if err := s.setGateway(ctx, router, *r.Gateway); err != nil {
			return err
		}
		return s.saveRouter(ctx, router)
	})
	return router, err
}

// saveRouter stores a changed router and tells its host.
func (s *Service) saveRouter(ctx context.Context, r *cloud.Router) error {
	s.nudge(ctx, kindRouter, string(r.ID))
	return s.Routers.Update(ctx, r)
}

// Router answers one router that the caller may see.
func (s *Service) Router(ctx context.Context, id cloud.RouterID) (*cloud.Router, error) {
	r, err := s.Routers.Get(ctx, id)
	if err != nil {
		return nil, missing(err, "router", id)
	}
	return r, policy.Authorize(ctx, "router.get", routerTarget(r))
}

// ListRouters lists the routers of the caller's project, or all.
func (s *Service) ListRouters(ctx context.Context, q cloud.Query, keep ...func(*cloud.Router) bool) ([]*cloud.Router, error) {
	return s.Routers.List(ctx, visible(ctx, "router.get", q), keep...)
}

// ownRouter locks and answers a router that the caller may change.
func (s *Service) ownRouter(ctx context.Context, id cloud.RouterID, action policy.Action) (*cloud.Router, error) {
	if err := s.lockRouter(ctx, id); err != nil {
		return nil, err
	}
	r, err := s.Router(ctx, id)
	if err != nil {
		return nil, err
	}
	return r, policy.Authorize(ctx, action, routerTarget(r))
}

// RouterChange changes what is not nil.
type RouterChange struct {
	Name, Description *string
	AdminUp           *bool
	Gateway           **GatewayRequest // pointer to nil: none
	Routes            *[]cloud.Route
	Tags              *[]string
	Distributed       *bool
}

// UpdateRouter changes a router.
func (s *Service) UpdateRouter(ctx context.Context, id cloud.RouterID, c RouterChange) (r *cloud.Router, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if r, err = s.ownRouter(ctx, id, "router.update"); err != nil {
			return err
		}
		if err := s.changeDistributed(ctx, r, c.Distributed); err != nil {
			return err
		}
		apply(&r.Name, c.Name)
		apply(&r.Description, c.Description)
		apply(&r.AdminUp, c.AdminUp)
		apply(&r.Tags, c.Tags)
		if err := s.changeWays(ctx, r, c); err != nil {
			return err
		}
		r.Revisions++
		return s.saveRouter(ctx, r)
	})
	return r, err
}

// changeWays changes where a router leads.
func (s *Service) changeWays(ctx context.Context, r *cloud.Router, c RouterChange) error {
	if c.Gateway != nil || c.Routes != nil {
		if err := refuseDomain(r, "have its ways changed but by its gateways and its route tables"); err != nil {
			return err
		}
	}
	if c.Gateway != nil {
		if err := s.changeGateway(ctx, r, *c.Gateway); err != nil {
			return err
		}
	}
	if err := s.settleExits(ctx, r); err != nil || c.Routes == nil {
		return err
	}
	r.Routes = *c.Routes
	return s.checkRoutes(ctx, r)
}

// AddRoutes adds routes that the router does not have yet.
func (s *Service) AddRoutes(ctx context.Context, id cloud.RouterID, routes []cloud.Route) (*cloud.Router, error) {
	return s.changeRoutes(ctx, id, func(have []cloud.Route) []cloud.Route {
		for _, r := range routes {
			if !slices.Contains(have, r) {
				have = append(have, r)
			}
		}
		return have
	})
}

// RemoveRoutes removes routes; those it does not have are no error.
func (s *Service) RemoveRoutes(ctx context.Context, id cloud.RouterID, routes []cloud.Route) (*cloud.Router, error) {
	return s.changeRoutes(ctx, id, func(have []cloud.Route) []cloud.Route {
		return slices.DeleteFunc(have, func(r cloud.Route) bool { return slices.Contains(routes, r) })
	})
}

func (s *Service) changeRoutes(ctx context.Context, id cloud.RouterID, change func([]cloud.Route) []cloud.Route) (r *cloud.Router, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		current, err := s.ownRouter(ctx, id, "router.update")
		if err != nil {
			return err
		}
		routes := change(slices.Clone(current.Routes))
		r, err = s.UpdateRouter(ctx, id, RouterChange{Routes: &routes})
		return err
	})
	return r, err
}

// routesMax bounds the routes of one router.
const routesMax = 30

// checkRoutes refuses routes whose next hop is not a neighbour of the router.
func (s *Service) checkRoutes(ctx context.Context, r *cloud.Router) error {
	if len(r.Routes) > routesMax {
		return &cloud.Error{Kind: cloud.Invalid, Resource: "router", ID: string(r.ID), Field: "routes",
			Message: "Unable to complete operation: the number of routes exceeds the maximum of 30."}
	}
	ports, subnets, err := s.routerPorts(ctx, r.ID)
	if err != nil {
		return err
	}
	for i, route := range r.Routes {
		if slices.Contains(r.Routes[:i], route) {
			return invalidRoute(route, "it is given twice")
		}
		if !route.Destination.IsValid() || !route.NextHop.IsValid() || route.Destination.Addr().Is4() != route.NextHop.Is4() {
			return invalidRoute(route, "its parts are not of one IP version")
		}
		if !slices.ContainsFunc(subnets, func(sub *cloud.Subnet) bool { return sub.Prefix.Contains(route.NextHop) }) {
			return invalidRoute(route, "the nexthop is not connected with router")
		}
		if slices.ContainsFunc(ports, func(p *cloud.Port) bool { return holds(p, route.NextHop) }) {
			return invalidRoute(route, "the nexthop is used by router")
		}
	}
	return nil
}

func invalidRoute(route cloud.Route, why string) error {
	return cloud.Invalidf("router", "routes", "Invalid format for routes: %s via %s, %s", route.Destination, route.NextHop, why)
}

func holds(p *cloud.Port, a netip.Addr) bool {
	return slices.ContainsFunc(p.Addresses, func(h cloud.PortAddress) bool { return h.Address == a })
}

// routerPorts are a router's ports, gateway included, and the subnets they have addresses on.
func (s *Service) routerPorts(ctx context.Context, id cloud.RouterID) ([]*cloud.Port, []*cloud.Subnet, error) {
	ports, err := s.Ports.List(ctx, cloud.Where(cloud.Eq("router_id", string(id))))
	if err != nil {
		return nil, nil, err
	}
	subnets, err := s.Subnets.List(ctx, cloud.Where(cloud.In("id", subnetIDs(ports))))
	return ports, subnets, err
}

// subnetIDs are the ids of all subnets that ports have addresses on, each once.
func subnetIDs(ports []*cloud.Port) []string {
	var ids []string
	seen := map[cloud.SubnetID]bool{}
	for _, p := range ports {
		for _, a := range p.Addresses {
			if !seen[a.SubnetID] {
				seen[a.SubnetID] = true
				ids = append(ids, string(a.SubnetID))
			}
		}
	}
	return ids
}

// DeleteRouter removes a router with its gateway. InUse while it has interfaces or floating IPs. A routing domain goes as DeleteDomain says.
func (s *Service) DeleteRouter(ctx context.Context, id cloud.RouterID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		r, err := s.ownRouter(ctx, id, "router.delete")
		if err != nil {
			return err
		}
		if r.Domain != nil {
			return s.removeDomain(ctx, r)
		}
		n, err := s.Ports.Count(ctx, cloud.Eq("router_id", string(id)), isRouterInterface)
		if err != nil {
			return err
		}
		if n > 0 {
			return cloud.Errorf(cloud.InUse, "router", id, "Router %s still has ports", id)
		}
		if err := s.refuseVPNRouter(ctx, r); err != nil {
			return err
		}
		if err := s.clearGateway(ctx, r); err != nil {
			return err
		}
		s.nudge(ctx, kindRouter, string(id))
		s.nudgeOn(ctx, r.HostID, kindRouter, string(id))
		return s.Routers.Delete(ctx, id)
	})
}
