package network

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// The functions below read, on one state of the store, what a document is made of.
// Each answers false when the object should not be on the host.

func (s *Service) loadNetwork(ctx context.Context, host cloud.HostID, id cloud.NetworkID) (doc spec.Network, wanted bool, err error) {
	err = s.Tx.View(ctx, func(ctx context.Context) error {
		n, err := s.Networks.Get(ctx, id)
		if cloud.Is(err, cloud.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if wanted, err = s.hostNeedsNetwork(ctx, host, id); err != nil || !wanted {
			return err
		}
		r := networkRows{network: n, domain: s.Config.Domain}
		if r.subnets, err = s.subnetsOf(ctx, id); err != nil {
			return err
		}
		if r.ports, err = s.Ports.List(ctx, cloud.Where(cloud.Eq("network_id", string(id)), cloud.In("owner", planOwners))); err != nil {
			return err
		}
		generation, err := s.Generations.Generation(ctx)
		doc = planNetwork(r, generation)
		return err
	})
	return doc, wanted, err
}

func (s *Service) loadGroup(ctx context.Context, host cloud.HostID, id cloud.SecurityGroupID) (doc spec.SecurityGroup, wanted bool, err error) {
	err = s.Tx.View(ctx, func(ctx context.Context) error {
		g, err := s.Groups.Get(ctx, id)
		if cloud.Is(err, cloud.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if wanted, err = s.hostNeedsGroup(ctx, host, id); err != nil || !wanted {
			return err
		}
		r := groupRows{group: g}
		if r.rules, err = s.Rules.List(ctx, cloud.Where(cloud.Eq("group_id", string(id)))); err != nil {
			return err
		}
		if r.addresses, err = s.addressGroupsOf(ctx, r.rules); err != nil {
			return err
		}
		remote, err := s.Rules.Count(ctx, cloud.Eq("remote_group", string(id)))
		if err != nil {
			return err
		}
		if remote > 0 {
			if r.members, err = s.Ports.List(ctx, cloud.Where(cloud.Eq("security_groups", string(id)))); err != nil {
				return err
			}
		}
		generation, err := s.Generations.Generation(ctx)
		doc = planGroup(r, generation)
		return err
	})
	return doc, wanted, err
}

func (s *Service) loadRouter(ctx context.Context, host cloud.HostID, id cloud.RouterID) (doc spec.Router, wanted bool, err error) {
	err = s.Tx.View(ctx, func(ctx context.Context) error {
		r, err := s.Routers.Get(ctx, id)
		if cloud.Is(err, cloud.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		rows := routerRows{router: r}
		var subnets []*cloud.Subnet
		if rows.ports, subnets, err = s.routerPorts(ctx, id); err != nil {
			return err
		}
		if wanted = r.HostID == host && len(rows.ports) > 0; !wanted {
			return nil
		}
		if err := s.loadRouterSides(ctx, &rows, subnets); err != nil {
			return err
		}
		generation, err := s.Generations.Generation(ctx)
		doc = planRouter(rows, generation)
		return err
	})
	return doc, wanted, err
}

func (s *Service) loadRouterSides(ctx context.Context, rows *routerRows, subnets []*cloud.Subnet) error {
	rows.subnets = byID(subnets, func(sub *cloud.Subnet) cloud.SubnetID { return sub.ID })
	var ids []string
	for _, p := range rows.ports {
		ids = append(ids, string(p.NetworkID))
	}
	networks, err := s.Networks.List(ctx, cloud.Where(cloud.In("id", ids)))
	if err != nil {
		return err
	}
	rows.networks = byID(networks, func(n *cloud.Network) cloud.NetworkID { return n.ID })
	rows.floating, err = s.FloatingIPs.List(ctx, cloud.Where(cloud.Eq("router_id", string(rows.router.ID))))
	return err
}

func byID[T any, ID comparable](rows []*T, id func(*T) ID) map[ID]*T {
	m := make(map[ID]*T, len(rows))
	for _, r := range rows {
		m[id(r)] = r
	}
	return m
}

// presence is what a host should do about a port.
type presence int

const (
	absent presence = iota
	asIs            // being plugged or unplugged by somebody: leave it
	present
)

func (s *Service) loadPort(ctx context.Context, host cloud.HostID, id cloud.PortID) (doc spec.Port, want presence, err error) {
	err = s.Tx.View(ctx, func(ctx context.Context) error {
		p, err := s.Ports.Get(ctx, id)
		if cloud.Is(err, cloud.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		switch {
		case p.HostID != host || p.Owner != cloud.OwnerInstance:
			want = absent
		case !p.Up:
			want = asIs
		default:
			want = present
		}
		generation, err := s.Generations.Generation(ctx)
		doc = planPort(p, generation)
		return err
	})
	return doc, want, err
}
