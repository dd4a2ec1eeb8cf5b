package network

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// DomainRequest asks for a routing domain.
type DomainRequest struct {
	ProjectID cloud.ProjectID // empty: the caller's
	Words
	Blocks    []netip.Prefix // one at least
	Default   bool
	Options   cloud.DHCPOptionSetID // empty: what the cloud tells everybody
	Resolver  *bool                 // nil: true
	Hostnames bool
}

func domainTarget(r *cloud.Router) policy.Target {
	return policy.Target{Resource: "routing domain", ID: string(r.ID), ProjectID: r.ProjectID}
}

// CreateDomain makes a routing domain with all that each has: a main table of routes, a filter that lets everything through, and a
// security group for who names none.
func (s *Service) CreateDomain(ctx context.Context, r DomainRequest) (router *cloud.Router, err error) {
	r.ProjectID = owner(ctx, r.ProjectID)
	if err := policy.Authorize(ctx, "routing domain.create", policy.Target{Resource: "routing domain", ProjectID: r.ProjectID}); err != nil {
		return nil, err
	}
	blocks, err := newBlocks(r.Blocks)
	if err != nil {
		return nil, err
	}
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.Quota.Reserve(ctx, r.ProjectID, map[string]int64{cloud.QuotaRouters: 1}); err != nil {
			return err
		}
		if err := s.usableOptions(ctx, r.ProjectID, r.Options); err != nil {
			return err
		}
		router = &cloud.Router{ID: cloud.RouterID(cloud.NewID()), ProjectID: r.ProjectID, Name: r.Name, AdminUp: true, Meta: cloud.Meta{Labels: r.Labels},
			Domain: &cloud.RoutingDomain{Blocks: blocks, Default: r.Default, Options: r.Options, Resolver: or(r.Resolver, true), Hostnames: r.Hostnames}}
		if err := s.furnish(ctx, router); err != nil {
			return err
		}
		return s.Routers.Insert(ctx, router)
	})
	return router, err
}

// furnish makes what lives and dies with a domain.
func (s *Service) furnish(ctx context.Context, r *cloud.Router) error {
	main := &cloud.RouteTable{ID: cloud.RouteTableID(cloud.NewID()), ProjectID: r.ProjectID, RouterID: r.ID, Main: true, Uses: []cloud.TableUse{newUse("")}}
	filter := &cloud.PacketFilter{ID: cloud.PacketFilterID(cloud.NewID()), ProjectID: r.ProjectID, RouterID: r.ID, Default: true, Entries: openEntries(false)}
	group := &cloud.SecurityGroup{ID: cloud.SecurityGroupID(cloud.NewID()), ProjectID: r.ProjectID, RouterID: r.ID, Name: defaultGroupName,
		Description: "default group of its routing domain"}
	rules := domainRules(group, false)
	if hasIPv6(r) {
		filter.Entries = append(filter.Entries, openEntries(true)...)
		rules = append(rules, domainRules(group, true)...)
	}
	if err := s.tables().insert(ctx, s.Tx, main); err != nil {
		return err
	}
	if err := s.filters().insert(ctx, s.Tx, filter); err != nil {
		return err
	}
	if err := s.Groups.Insert(ctx, group); err != nil { // whatever the quota says, as of a project's own default group
		return err
	}
	r.Domain.MainTable, r.Domain.DefaultFilter, r.Domain.DefaultGroup = main.ID, filter.ID, group.ID
	return s.insertRules(ctx, rules)
}

// domainRules are those of a domain's default group: everything out, and in what comes from its members, of both versions of IP.
func domainRules(g *cloud.SecurityGroup, ipv6 bool) []*cloud.SecurityGroupRule {
	rules := []*cloud.SecurityGroupRule{outRule(g, ipv6)}
	if !ipv6 {
		rules = append(rules, &cloud.SecurityGroupRule{ProjectID: g.ProjectID, GroupID: g.ID, Direction: "ingress", AnyVersion: true, RemoteGroup: g.ID})
	}
	return rules
}

func outRule(g *cloud.SecurityGroup, ipv6 bool) *cloud.SecurityGroupRule {
	return &cloud.SecurityGroupRule{ProjectID: g.ProjectID, GroupID: g.ID, Direction: "egress", IPv6: ipv6, RemotePrefix: everywhere(ipv6)}
}

// everywhere is the prefix of all addresses of a family.
func everywhere(ipv6 bool) netip.Prefix {
	if ipv6 {
		return netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	}
	return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
}

func newUse(sub cloud.SubnetID) cloud.TableUse {
	return cloud.TableUse{ID: cloud.NewID(), SubnetID: sub}
}

// Domain answers one routing domain that the caller may see.
func (s *Service) Domain(ctx context.Context, id cloud.RouterID) (*cloud.Router, error) {
	r, err := s.Routers.Get(ctx, id)
	if err == nil && r.Domain == nil {
		err = cloud.NotFoundf("routing domain", id)
	}
	if err != nil {
		return nil, missing(err, "routing domain", id)
	}
	return r, policy.Authorize(ctx, "routing domain.get", domainTarget(r))
}

// ListDomains lists the routing domains of the caller's project, or all.
func (s *Service) ListDomains(ctx context.Context, q cloud.Query, keep ...func(*cloud.Router) bool) ([]*cloud.Router, error) {
	q.Where = append(slices.Clip(q.Where), cloud.Eq("domain", true))
	return s.Routers.List(ctx, visible(ctx, "routing domain.get", q), keep...)
}

// ownDomain locks and answers a domain that the caller may do something with.
func (s *Service) ownDomain(ctx context.Context, id cloud.RouterID, action policy.Action) (*cloud.Router, error) {
	if err := s.lockRouter(ctx, id); err != nil {
		return nil, err
	}
	r, err := s.Domain(ctx, id)
	if err != nil {
		return nil, err
	}
	return r, policy.Authorize(ctx, action, domainTarget(r))
}

// DomainChange changes what is not nil.
type DomainChange struct {
	Options   *cloud.DHCPOptionSetID // empty: what the cloud tells everybody
	Resolver  *bool
	Hostnames *bool
}

// UpdateDomain changes what a domain's guests are told.
func (s *Service) UpdateDomain(ctx context.Context, id cloud.RouterID, c DomainChange) (*cloud.Router, error) {
	return s.changeDomain(ctx, id, func(ctx context.Context, r *cloud.Router) error {
		if c.Options != nil {
			if err := s.usableOptions(ctx, r.ProjectID, *c.Options); err != nil {
				return err
			}
		}
		apply(&r.Domain.Options, c.Options)
		apply(&r.Domain.Resolver, c.Resolver)
		apply(&r.Domain.Hostnames, c.Hostnames)
		return s.nudgeDomain(ctx, id)
	})
}

func (s *Service) changeDomain(ctx context.Context, id cloud.RouterID, change func(context.Context, *cloud.Router) error) (r *cloud.Router, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if r, err = s.ownDomain(ctx, id, "routing domain.update"); err != nil {
			return err
		}
		domain := *r.Domain
		r.Domain = &domain
		if err := change(ctx, r); err != nil {
			return err
		}
		r.Revisions++
		return s.saveRouter(ctx, r)
	})
	return r, err
}

// nudgeDomain tells the networks of a domain that what their guests are told has changed.
func (s *Service) nudgeDomain(ctx context.Context, id cloud.RouterID) error {
	networks, err := s.Networks.List(ctx, cloud.Where(cloud.Eq("router_id", string(id))))
	for _, n := range networks {
		s.nudge(ctx, kindNetwork, string(n.ID))
	}
	return err
}

// DeleteDomain removes a domain that has nothing left but what it was made with. WrongState names what it still has.
func (s *Service) DeleteDomain(ctx context.Context, id cloud.RouterID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		r, err := s.ownDomain(ctx, id, "routing domain.delete")
		if err != nil {
			return err
		}
		return s.removeDomain(ctx, r)
	})
}

// removeDomain removes a domain that is locked.
func (s *Service) removeDomain(ctx context.Context, r *cloud.Router) error {
	if err := s.checkDeserted(ctx, r); err != nil {
		return err
	}
	if err := s.clearGateway(ctx, r); err != nil {
		return err
	}
	if r.Domain.Default {
		if err := s.decline(ctx, r.ProjectID); err != nil {
			return err
		}
	}
	if err := s.RouteTables.Delete(ctx, r.Domain.MainTable); err != nil {
		return err
	}
	if err := s.Filters.Delete(ctx, r.Domain.DefaultFilter); err != nil {
		return err
	}
	if err := s.removeGroup(ctx, r.Domain.DefaultGroup); err != nil {
		return err
	}
	s.nudgeRouter(ctx, r.ID)
	s.nudgeOn(ctx, r.HostID, kindRouter, string(r.ID))
	return s.Routers.Delete(ctx, r.ID)
}

// checkDeserted is WrongState with the names of what a domain still has.
func (s *Service) checkDeserted(ctx context.Context, r *cloud.Router) error {
	mine := cloud.Eq("router_id", string(r.ID))
	living := cloud.In("state", []string{string(cloud.PeeringPending), string(cloud.PeeringActive)})
	not := func(column string, v any) cloud.Cond { return cloud.Cond{Column: column, Op: cloud.OpNe, Value: v} }
	var left []string
	for _, of := range []struct {
		what  string
		count func(context.Context, ...cloud.Cond) (int64, error)
		where []cloud.Cond
	}{
		{"subnets", s.Subnets.Count, []cloud.Cond{mine}},
		{"gateways", s.Gateways.Count, []cloud.Cond{mine}},
		{"NAT gateways", s.NATGateways.Count, []cloud.Cond{mine}},
		{"security groups", s.Groups.Count, []cloud.Cond{mine, not("id", string(r.Domain.DefaultGroup))}},
		{"route tables", s.RouteTables.Count, []cloud.Cond{mine, not("main", true)}},
		{"packet filters", s.Filters.Count, []cloud.Cond{mine, not("default", true)}},
		{"peerings", s.Peerings.Count, []cloud.Cond{mine, living}},
		{"peerings", s.Peerings.Count, []cloud.Cond{cloud.Eq("accepter_router", string(r.ID)), living}},
		{"VPN services", s.Ports.Count, []cloud.Cond{mine, cloud.Eq("owner", string(cloud.OwnerRouterLink))}},
	} {
		n, err := of.count(ctx, of.where...)
		if err != nil {
			return err
		}
		if n > 0 && !slices.Contains(left, of.what) {
			left = append(left, of.what)
		}
	}
	if len(left) == 0 {
		return nil
	}
	return &cloud.Error{Kind: cloud.WrongState, Resource: "routing domain", ID: string(r.ID), Field: left[0],
		Message: fmt.Sprintf("Routing domain %s still has %s: delete or detach them first.", r.ID, strings.Join(left, ", "))}
}
