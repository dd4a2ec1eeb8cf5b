package network

import (
	"context"
	"errors"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// The functions below read, on one state of the store, what a document is made of.
// Each answers false when the object should not be on the host.

// part is how much of a document is planned: the whole, or its head, which does not grow with the number of ports.
type part bool

const (
	whole part = false
	head  part = true
)

// planned is a network's or group's document, the same for every host that needs it. exists is false without a row.
type planned struct {
	exists  bool
	network spec.Network
	// unserved are hosts whose DHCP does not serve the network.
	unserved []cloud.HostID
	group    spec.SecurityGroup
	sum      sum
}

// networkOn is the network's document for one host.
func (d *planned) networkOn(host cloud.HostID) spec.Network {
	if !slices.Contains(d.unserved, host) {
		return d.network
	}
	n := d.network
	n.Subnets = slices.Clone(n.Subnets)
	for i := range n.Subnets {
		n.Subnets[i].DHCP = false
	}
	return n
}

// plan makes the document of a network or group from one state of the store.
func (s *Service) plan(ctx context.Context, o object, p part) (doc planned, err error) {
	err = s.Tx.View(ctx, func(ctx context.Context) (err error) {
		generation, err := s.Generations.Generation(ctx)
		if err != nil {
			return err
		}
		if o.Kind == kindNetwork {
			doc, err = s.networkDocument(ctx, cloud.NetworkID(o.ID), p, generation)
			return errors.Join(err, doc.sumNetwork())
		}
		doc.group, doc.exists, err = s.groupDocument(ctx, cloud.SecurityGroupID(o.ID), p, generation)
		return errors.Join(err, doc.sumGroup())
	})
	return doc, err
}

func (d *planned) sumNetwork() (err error) {
	plain := struct {
		spec.Network
		Unserved []cloud.HostID
	}{d.network, d.unserved}
	d.sum.generation, plain.Generation = plain.Generation, 0
	if d.sum.whole, err = hashOf(plain); err != nil {
		return err
	}
	plain.Hosts = nil
	d.sum.head, err = hashOf(plain)
	return err
}

func (d *planned) sumGroup() (err error) {
	plain := d.group
	d.sum.generation, plain.Generation = plain.Generation, 0
	if d.sum.whole, err = hashOf(plain); err != nil {
		return err
	}
	plain.Members = nil
	d.sum.head, err = hashOf(plain)
	return err
}

func (s *Service) networkDocument(ctx context.Context, id cloud.NetworkID, p part, generation int64) (doc planned, err error) {
	n, err := s.Networks.Get(ctx, id)
	if cloud.Is(err, cloud.NotFound) {
		return doc, nil
	}
	if err != nil {
		return doc, err
	}
	r := networkRows{network: n, domain: s.Config.Domain}
	if r.subnets, err = s.subnetsOf(ctx, id); err != nil {
		return doc, err
	}
	if r.told, err = s.toldOn(ctx, n); err != nil {
		return doc, err
	}
	owners := planOwners
	if p == head {
		owners = headOwners
	}
	if r.ports, err = s.Ports.List(ctx, cloud.Where(cloud.Eq("network_id", string(id)), cloud.In("owner", owners))); err != nil {
		return doc, err
	}
	return planned{exists: true, network: planNetwork(r, generation), unserved: n.Unserved}, nil
}

func (s *Service) groupDocument(ctx context.Context, id cloud.SecurityGroupID, p part, generation int64) (doc spec.SecurityGroup, exists bool, err error) {
	g, err := s.Groups.Get(ctx, id)
	if cloud.Is(err, cloud.NotFound) {
		return doc, false, nil
	}
	if err != nil {
		return doc, false, err
	}
	r := groupRows{group: g}
	if r.rules, err = s.Rules.List(ctx, cloud.Where(cloud.Eq("group_id", string(id)))); err != nil {
		return doc, false, err
	}
	if r.addresses, err = s.addressGroupsOf(ctx, r.rules); err != nil {
		return doc, false, err
	}
	remote, err := s.Rules.Count(ctx, cloud.Eq("remote_group", string(id)))
	if err != nil {
		return doc, false, err
	}
	if remote > 0 && p == whole {
		if r.members, err = s.Ports.List(ctx, cloud.Where(cloud.Eq("security_groups", string(id)))); err != nil {
			return doc, false, err
		}
	}
	return planGroup(r, generation), true, nil
}

// needs tells whether a host should have a network or group.
func (s *Service) needs(ctx context.Context, k key) (bool, error) {
	if k.Kind == kindNetwork {
		return s.hostNeedsNetwork(ctx, k.Host, cloud.NetworkID(k.ID))
	}
	return s.hostNeedsGroup(ctx, k.Host, cloud.SecurityGroupID(k.ID))
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
		on, err := s.runsOn(ctx, r, rows.ports, host)
		if wanted = on && len(rows.ports) > 0; err != nil || !wanted {
			return err
		}
		rows.ports, rows.exits = sidesOn(r, rows.ports, host), exitsOf(r, rows.ports, host)
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
	ids := columnOf(rows.ports, func(p *cloud.Port) cloud.NetworkID { return p.NetworkID })
	networks, err := s.Networks.List(ctx, cloud.Where(cloud.In("id", ids)))
	if err != nil {
		return err
	}
	rows.networks = byID(networks, func(n *cloud.Network) cloud.NetworkID { return n.ID })
	if rows.floating, err = s.FloatingIPs.List(ctx, cloud.Where(cloud.Eq("router_id", string(rows.router.ID)))); err != nil {
		return err
	}
	if rows.domain, err = s.loadDomain(ctx, rows.router); err != nil {
		return err
	}
	if rows.qos, err = s.routerQoS(ctx, rows); err != nil {
		return err
	}
	if rows.tunnels, err = s.tunnelRoutes(ctx, rows.router); err != nil {
		return err
	}
	rows.meters, rows.meterRules, err = s.metersAt(ctx, rows.router)
	return err
}

func byID[T any, ID comparable](rows []*T, id func(*T) ID) map[ID]*T {
	m := make(map[ID]*T, len(rows))
	for _, r := range rows {
		m[id(r)] = r
	}
	return m
}

// allBy puts rows to what they belong to, in their order.
func allBy[T any, K comparable](rows []*T, of func(*T) K) map[K][]*T {
	m := map[K][]*T{}
	for _, r := range rows {
		m[of(r)] = append(m[of(r)], r)
	}
	return m
}

// columnOf is one value of each row.
func columnOf[T, V any](rows []*T, value func(*T) V) []V {
	values := make([]V, len(rows))
	for i, r := range rows {
		values[i] = value(r)
	}
	return values
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
		parent, err := s.parentOf(ctx, p)
		if err != nil {
			return err
		}
		want = presenceOf(p, parent, host)
		qos, err := s.PortQoS(ctx, []*cloud.Port{p})
		if err != nil {
			return err
		}
		generation, err := s.Generations.Generation(ctx)
		told, err := s.toldTo(ctx, p)
		if err != nil {
			return err
		}
		doc = planPort(p, qos[p.ID], generation)
		doc.Options = told.options(doc.Options)
		if parent != nil {
			onBranch(&doc, p, parent)
		}
		return err
	})
	return doc, want, err
}
