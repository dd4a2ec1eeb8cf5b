package network

import (
	"context"
	"errors"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// What sharing needs to know of QoS policies and of address groups: both say what holds elsewhere, in the data of
// other projects.

func (s *Service) findQoSPolicy(ctx context.Context, id string) (policy.Target, error) {
	p, err := s.QoSPolicy(ctx, cloud.QoSPolicyID(id))
	if err != nil {
		return policy.Target{}, err
	}
	return qosTarget(p), nil
}

func (s *Service) markQoSPolicy(ctx context.Context, id string, m sharing) error {
	p, err := s.QoSPolicies.Get(ctx, cloud.QoSPolicyID(id))
	if err != nil || p.Shared == m.all {
		return err
	}
	p.Shared = m.all
	p.Revisions++
	return s.QoSPolicies.Update(ctx, p)
}

// qosUsers are the projects with something that a policy bounds.
func (s *Service) qosUsers(ctx context.Context, id string, _ cloud.ShareUse) ([]cloud.ProjectID, error) {
	named := cloud.Eq("qos", id)
	ports, errPorts := projectsOf(ctx, s.Ports, func(p *cloud.Port) cloud.ProjectID { return p.ProjectID }, named)
	networks, errNetworks := projectsOf(ctx, s.Networks, func(n *cloud.Network) cloud.ProjectID { return n.ProjectID }, named)
	floating, errFloating := projectsOf(ctx, s.FloatingIPs, func(f *cloud.FloatingIP) cloud.ProjectID { return f.ProjectID }, named)
	routers, errRouters := projectsOf(ctx, s.Routers, func(r *cloud.Router) cloud.ProjectID { return r.ProjectID }, named)
	return slices.Concat(ports, networks, floating, routers), errors.Join(errPorts, errNetworks, errFloating, errRouters)
}

// projectsOf are the projects of the rows that meet a condition.
func projectsOf[T any, ID ~string](ctx context.Context, r cloud.Records[T, ID], project func(*T) cloud.ProjectID, c cloud.Cond) ([]cloud.ProjectID, error) {
	rows, err := r.List(ctx, cloud.Where(c))
	return columnOf(rows, project), err
}

func (s *Service) findAddressGroup(ctx context.Context, id string) (policy.Target, error) {
	g, err := s.AddressGroup(ctx, cloud.AddressGroupID(id))
	if err != nil {
		return policy.Target{}, err
	}
	return addressGroupTarget(g), nil
}

func (s *Service) markAddressGroup(ctx context.Context, id string, m sharing) error {
	g, err := s.AddressGroups.Get(ctx, cloud.AddressGroupID(id))
	if err != nil || g.Shared == m.all {
		return err
	}
	g.Shared = m.all
	g.Revisions++
	return s.AddressGroups.Update(ctx, g)
}

// addressGroupUsers are the projects with rules that name an address group.
func (s *Service) addressGroupUsers(ctx context.Context, id string, _ cloud.ShareUse) ([]cloud.ProjectID, error) {
	rules, err := s.rulesNaming(ctx, cloud.AddressGroupID(id))
	return columnOf(rules, func(r *cloud.SecurityGroupRule) cloud.ProjectID { return r.ProjectID }), err
}
