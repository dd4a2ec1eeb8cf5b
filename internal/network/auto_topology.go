package network

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// A project that asks for it gets a network of its own that works at once: subnets from the default pools, and a router to
// the default external network. It is made once per project and is then the project's, like any other.

const autoName = "auto_allocated"

// AutoTopology answers a project's own network, making it if there is none. With dry it only checks that it could.
func (s *Service) AutoTopology(ctx context.Context, p cloud.ProjectID, dry bool) (n *cloud.Network, err error) {
	p = owner(ctx, p)
	if err := policy.Authorize(ctx, "network.create", policy.Target{Resource: "network", ProjectID: p}); err != nil {
		return nil, err
	}
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.Tx.Lock(ctx, "auto topology/"+string(p)); err != nil {
			return err
		}
		if n, err = s.autoNetwork(ctx, p); err != nil || n != nil {
			return err
		}
		outside, pools, err := s.autoParts(ctx)
		if err != nil || dry {
			return err
		}
		n, err = s.makeAuto(ctx, p, outside, pools)
		return err
	})
	return n, err
}

// autoNetwork is the network that was made for a project, nil if there is none.
func (s *Service) autoNetwork(ctx context.Context, p cloud.ProjectID) (*cloud.Network, error) {
	n, err := s.Networks.One(ctx, cloud.Eq("project_id", string(p)), cloud.Eq("auto", true))
	if cloud.Is(err, cloud.NotFound) {
		return nil, nil
	}
	return n, err
}

// autoParts are what an operator provides: the default external network, and a default pool or two.
func (s *Service) autoParts(ctx context.Context) (*cloud.Network, []*cloud.SubnetPool, error) {
	outside, err := s.Networks.List(ctx, cloud.Where(cloud.Eq("external", true)), func(n *cloud.Network) bool { return n.Default })
	if err != nil {
		return nil, nil, err
	}
	if len(outside) == 0 {
		return nil, nil, noTopology("No default router:external network.")
	}
	pools, err := s.SubnetPools.List(ctx, cloud.Where(cloud.Eq("default", true), cloud.Eq("shared", true)))
	if err == nil && len(pools) == 0 {
		err = noTopology("No default subnetpools defined.")
	}
	return outside[0], pools, err
}

func noTopology(why string) error {
	return cloud.Errorf(cloud.Conflict, "auto topology", "", "Deployment error: %s", why)
}

func (s *Service) makeAuto(ctx context.Context, p cloud.ProjectID, outside *cloud.Network, pools []*cloud.SubnetPool) (*cloud.Network, error) {
	n, err := s.CreateNetwork(ctx, NetworkRequest{ProjectID: p, Name: autoName + "_network", Auto: true})
	if err != nil {
		return nil, err
	}
	router, err := s.CreateRouter(ctx, RouterRequest{ProjectID: p, Name: autoName + "_router", Gateway: &GatewayRequest{NetworkID: outside.ID}})
	if err != nil {
		return nil, err
	}
	for _, pool := range pools {
		name := autoName + "_subnet_v4"
		if poolIPv6(pool) {
			name = autoName + "_subnet_v6"
		}
		sub, err := s.CreateSubnet(ctx, SubnetRequest{ProjectID: p, NetworkID: n.ID, Name: name, PoolID: pool.ID, IPv6: poolIPv6(pool)})
		if err != nil {
			return nil, err
		}
		if _, err := s.AddInterface(ctx, router.ID, InterfaceRequest{SubnetID: sub.ID}); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// DeleteAutoTopology removes what AutoTopology made for a project. InUse while anything else is on the network.
func (s *Service) DeleteAutoTopology(ctx context.Context, p cloud.ProjectID) error {
	p = owner(ctx, p)
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		n, err := s.autoNetwork(ctx, p)
		if err != nil {
			return err
		}
		if n == nil {
			return cloud.NotFoundf("auto topology", p)
		}
		if err := s.authorizeReach(ctx, "network.delete", networkTarget(n)); err != nil {
			return err
		}
		routers, err := s.routersInside(ctx, n.ID)
		if err != nil {
			return err
		}
		for _, id := range slices.Compact(slices.Sorted(slices.Values(routers))) {
			if err := s.dropAutoRouter(ctx, n, cloud.RouterID(id)); err != nil {
				return err
			}
		}
		return s.DeleteNetwork(ctx, n.ID)
	})
}

// dropAutoRouter takes a router off the network, and away if nothing else is on it.
func (s *Service) dropAutoRouter(ctx context.Context, n *cloud.Network, id cloud.RouterID) error {
	ports, _, err := s.routerPorts(ctx, id)
	if err != nil {
		return err
	}
	others := 0
	for _, p := range ports {
		switch {
		case p.Owner == cloud.OwnerRouterGateway:
		case p.NetworkID != n.ID:
			others++
		default:
			if _, err := s.RemoveInterface(ctx, id, InterfaceRequest{PortID: p.ID}); err != nil {
				return err
			}
		}
	}
	if others > 0 {
		return nil
	}
	return s.DeleteRouter(ctx, id)
}
