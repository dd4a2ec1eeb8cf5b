package network

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// ownable is what is alike in the nouns of routing domains: a project owns them, and a change of one is a change of its router.
type ownable[T any, ID ~string] struct {
	resource string // also the noun of its actions
	rows     cloud.Records[T, ID]
	parts    func(*T) parts[ID]
}

// parts are what ownable has to know of a row.
type parts[ID ~string] struct {
	id        ID
	project   cloud.ProjectID
	router    cloud.RouterID
	revisions *int
}

// Words are what owners call what they have.
type Words struct {
	Name   string
	Labels map[string]string
}

func (o ownable[T, ID]) action(verb string) policy.Action {
	return policy.Action(o.resource + "." + verb)
}

// get answers one that the caller may see.
func (o ownable[T, ID]) get(ctx context.Context, id ID) (*T, error) { return o.own(ctx, id, "get") }

// own answers one that the caller may do something with.
func (o ownable[T, ID]) own(ctx context.Context, id ID, verb string) (*T, error) {
	row, err := o.rows.Get(ctx, id)
	if err != nil {
		return nil, missing(err, o.resource, id)
	}
	return row, policy.Authorize(ctx, o.action(verb), policy.Target{Resource: o.resource, ID: string(id), ProjectID: o.parts(row).project})
}

// list lists those of the caller's project, or all.
func (o ownable[T, ID]) list(ctx context.Context, q cloud.Query, keep []func(*T) bool) ([]*T, error) {
	return o.rows.List(ctx, visible(ctx, o.action("get"), q), keep...)
}

// may asks whether the caller may make one for a project.
func (o ownable[T, ID]) may(ctx context.Context, p cloud.ProjectID) error {
	return policy.Authorize(ctx, o.action("create"), policy.Target{Resource: o.resource, ProjectID: p})
}

// nounsMax bounds the nouns of one kind that a project has: they have no quota, but rows cost.
const nounsMax = 200

// insert stores a new one, if its project may have one more.
func (o ownable[T, ID]) insert(ctx context.Context, tx cloud.Transactor, row *T) error {
	project := o.parts(row).project
	if err := tx.Lock(ctx, o.resource+"s of "+string(project)); err != nil {
		return err
	}
	n, err := o.rows.Count(ctx, cloud.Eq("project_id", string(project)))
	if err != nil {
		return err
	}
	if n >= nounsMax {
		return &cloud.Error{Kind: cloud.QuotaExceeded, Resource: o.resource, Field: o.resource,
			Message: cloud.Title(o.resource) + "s: the project has as many as it can have. Delete some first."}
	}
	return o.rows.Insert(ctx, row)
}

// change changes one whose router is locked, and has the router made what it is then.
func (o ownable[T, ID]) change(ctx context.Context, s *Service, id ID, verb string, change func(context.Context, *T) error) (row *T, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if row, err = o.held(ctx, s, id, verb); err != nil {
			return err
		}
		if err := change(ctx, row); err != nil {
			return err
		}
		return o.save(ctx, s, row)
	})
	return row, err
}

// held locks the router of one, and answers it.
func (o ownable[T, ID]) held(ctx context.Context, s *Service, id ID, verb string) (*T, error) {
	row, err := o.own(ctx, id, verb)
	if err != nil || o.parts(row).router == "" {
		return row, err
	}
	if err := s.lockRouter(ctx, o.parts(row).router); err != nil {
		return nil, err
	}
	return o.own(ctx, id, verb) // again: it may have changed while we waited
}

func (o ownable[T, ID]) save(ctx context.Context, s *Service, row *T) error {
	p := o.parts(row)
	*p.revisions++
	s.nudgeRouter(ctx, p.router)
	return o.rows.Update(ctx, row)
}

func (s *Service) tables() ownable[cloud.RouteTable, cloud.RouteTableID] {
	return ownable[cloud.RouteTable, cloud.RouteTableID]{"route table", s.RouteTables, func(t *cloud.RouteTable) parts[cloud.RouteTableID] {
		return parts[cloud.RouteTableID]{t.ID, t.ProjectID, t.RouterID, &t.Revisions}
	}}
}

func (s *Service) filters() ownable[cloud.PacketFilter, cloud.PacketFilterID] {
	return ownable[cloud.PacketFilter, cloud.PacketFilterID]{"packet filter", s.Filters, func(f *cloud.PacketFilter) parts[cloud.PacketFilterID] {
		return parts[cloud.PacketFilterID]{f.ID, f.ProjectID, f.RouterID, &f.Revisions}
	}}
}

func (s *Service) gateways() ownable[cloud.Gateway, cloud.GatewayID] {
	return ownable[cloud.Gateway, cloud.GatewayID]{"gateway", s.Gateways, func(g *cloud.Gateway) parts[cloud.GatewayID] {
		return parts[cloud.GatewayID]{g.ID, g.ProjectID, g.RouterID, &g.Revisions}
	}}
}

func (s *Service) nats() ownable[cloud.NATGateway, cloud.NATGatewayID] {
	return ownable[cloud.NATGateway, cloud.NATGatewayID]{"NAT gateway", s.NATGateways, func(n *cloud.NATGateway) parts[cloud.NATGatewayID] {
		return parts[cloud.NATGatewayID]{n.ID, n.ProjectID, n.RouterID, &n.Revisions}
	}}
}

func (s *Service) optionSets() ownable[cloud.DHCPOptionSet, cloud.DHCPOptionSetID] {
	return ownable[cloud.DHCPOptionSet, cloud.DHCPOptionSetID]{"DHCP option set", s.OptionSets, func(d *cloud.DHCPOptionSet) parts[cloud.DHCPOptionSetID] {
		return parts[cloud.DHCPOptionSetID]{d.ID, d.ProjectID, "", &d.Revisions}
	}}
}
