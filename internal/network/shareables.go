package network

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// shareable is what sharing needs to know of a kind of noun.
type shareable struct {
	uses []cloud.ShareUse
	// find answers a noun that the caller sees, as policy knows it.
	find func(ctx context.Context, id string) (policy.Target, error)
	// mark makes the noun's own marks say what its shares say.
	mark func(ctx context.Context, id string, m sharing) error
	// users are the projects that have something that stands on the noun.
	users func(ctx context.Context, id string, use cloud.ShareUse) ([]cloud.ProjectID, error)
	// suits refuses a receiver who could not use the noun; nil: all could.
	suits func(ctx context.Context, id string, to cloud.ProjectID) error
}

// sharing says with whom a noun is shared for a use.
type sharing struct {
	use       cloud.ShareUse
	some, all bool
}

// shareable finds what is known of a kind of noun. A use that the kind does not have is Invalid.
func (s *Service) shareable(noun cloud.ShareNoun, use cloud.ShareUse) (shareable, error) {
	kinds := map[cloud.ShareNoun]shareable{
		cloud.ShareNetwork:       {[]cloud.ShareUse{cloud.UseShared, cloud.UseExternal}, s.findNetwork, s.markNetwork, s.networkUsers, nil},
		cloud.ShareSubnetPool:    {[]cloud.ShareUse{cloud.UseShared}, s.findPool, s.markPool, s.poolUsers, s.seesScopeOf},
		cloud.ShareAddressScope:  {[]cloud.ShareUse{cloud.UseShared}, s.findScope, s.markScope, s.scopeUsers, nil},
		cloud.ShareSecurityGroup: {[]cloud.ShareUse{cloud.UseShared}, s.findGroup, s.markGroup, s.groupUsers, nil},
		cloud.ShareQoSPolicy:     {[]cloud.ShareUse{cloud.UseShared}, s.findQoSPolicy, s.markQoSPolicy, s.qosUsers, nil},
		cloud.ShareAddressGroup:  {[]cloud.ShareUse{cloud.UseShared}, s.findAddressGroup, s.markAddressGroup, s.addressGroupUsers, nil},
	}
	kind, ok := kinds[noun]
	if !ok {
		return kind, cloud.Invalidf("share", "noun", "'%s' is not a kind of resource that can be shared.", noun)
	}
	for _, u := range kind.uses {
		if u == use {
			return kind, nil
		}
	}
	return kind, cloud.Invalidf("share", "use", "A %s cannot be shared for this use.", noun)
}

func (s *Service) findNetwork(ctx context.Context, id string) (policy.Target, error) {
	n, err := s.Network(ctx, cloud.NetworkID(id))
	if err != nil {
		return policy.Target{}, err
	}
	return networkTarget(n), nil
}

func (s *Service) markNetwork(ctx context.Context, id string, m sharing) error {
	n, err := s.Networks.Get(ctx, cloud.NetworkID(id))
	if err != nil {
		return err
	}
	was := *n
	if m.use == cloud.UseShared {
		n.Shared = m.all
	} else {
		n.External, n.Restricted = m.some, m.some && !m.all
	}
	if n.Default && (!n.External || n.Restricted && !was.Restricted) {
		return cloud.Errorf(cloud.InUse, "share", id, "RBAC policy on object %s cannot be removed because other objects depend on it. "+
			"Details: it is the default external network, which every project may need.", id)
	}
	if n.Shared == was.Shared && n.External == was.External && n.Restricted == was.Restricted {
		return nil
	}
	if n.External != was.External {
		if err := policy.Authorize(ctx, "network.external", networkTarget(n)); err != nil {
			return err
		}
		if err := s.checkExternalChange(ctx, n); err != nil {
			return err
		}
	}
	n.Revisions++
	s.nudge(ctx, kindNetwork, id)
	return s.Networks.Update(ctx, n)
}

// networkUsers are the projects with ports on a network, or with ways out through it.
func (s *Service) networkUsers(ctx context.Context, id string, use cloud.ShareUse) ([]cloud.ProjectID, error) {
	if use == cloud.UseExternal {
		return s.outsideUsers(ctx, id)
	}
	ports, err := s.Ports.List(ctx, cloud.Where(cloud.Eq("network_id", id)), func(p *cloud.Port) bool { return p.Owner != cloud.OwnerService })
	return columnOf(ports, func(p *cloud.Port) cloud.ProjectID { return p.ProjectID }), err
}

func (s *Service) outsideUsers(ctx context.Context, id string) ([]cloud.ProjectID, error) {
	floating, err := s.FloatingIPs.List(ctx, cloud.Where(cloud.Eq("network_id", id)))
	if err != nil {
		return nil, err
	}
	routers, err := s.Routers.List(ctx, cloud.Where(cloud.Eq("gateway_network", id)))
	return append(columnOf(floating, func(f *cloud.FloatingIP) cloud.ProjectID { return f.ProjectID }),
		columnOf(routers, func(r *cloud.Router) cloud.ProjectID { return r.ProjectID })...), err
}

func (s *Service) findPool(ctx context.Context, id string) (policy.Target, error) {
	p, err := s.SubnetPool(ctx, cloud.SubnetPoolID(id))
	if err != nil {
		return policy.Target{}, err
	}
	return poolTarget(p), nil
}

func (s *Service) markPool(ctx context.Context, id string, m sharing) error {
	p, err := s.SubnetPools.Get(ctx, cloud.SubnetPoolID(id))
	if err != nil || p.Shared == m.all {
		return err
	}
	p.Shared = m.all
	p.Revisions++
	return s.SubnetPools.Update(ctx, p)
}

func (s *Service) poolUsers(ctx context.Context, id string, _ cloud.ShareUse) ([]cloud.ProjectID, error) {
	cut, err := s.cutFrom(ctx, cloud.SubnetPoolID(id))
	projects := make([]cloud.ProjectID, len(cut))
	for i, c := range cut {
		projects[i] = c.project
	}
	return projects, err
}

// seesScopeOf refuses to share a pool with a project that may not use the scope it is in.
func (s *Service) seesScopeOf(ctx context.Context, id string, to cloud.ProjectID) error {
	p, err := s.SubnetPools.Get(ctx, cloud.SubnetPoolID(id))
	if err != nil || p.ScopeID == "" {
		return err
	}
	a, err := s.Scopes.Get(ctx, p.ScopeID)
	if err != nil || a.Shared || a.ProjectID == to {
		return err
	}
	shared, err := s.sharedWith(ctx, string(a.ID), to, cloud.UseShared)
	if err == nil && !shared {
		err = cloud.Invalidf("share", "to", "Subnet pool %s cannot be shared with project %s: its address scope %s is not.", id, to, a.ID)
	}
	return err
}

func (s *Service) findScope(ctx context.Context, id string) (policy.Target, error) {
	a, err := s.AddressScope(ctx, cloud.AddressScopeID(id))
	if err != nil {
		return policy.Target{}, err
	}
	return scopeTarget(a), nil
}

func (s *Service) markScope(ctx context.Context, id string, m sharing) error {
	a, err := s.Scopes.Get(ctx, cloud.AddressScopeID(id))
	if err != nil || a.Shared == m.all {
		return err
	}
	a.Shared = m.all
	return s.Scopes.Update(ctx, a)
}

func (s *Service) scopeUsers(ctx context.Context, id string, _ cloud.ShareUse) ([]cloud.ProjectID, error) {
	pools, err := s.poolsIn(ctx, cloud.AddressScopeID(id))
	return columnOf(pools, func(p *cloud.SubnetPool) cloud.ProjectID { return p.ProjectID }), err
}

func (s *Service) findGroup(ctx context.Context, id string) (policy.Target, error) {
	g, err := s.SecurityGroup(ctx, cloud.SecurityGroupID(id))
	if err != nil {
		return policy.Target{}, err
	}
	return groupTarget(g), nil
}

func (s *Service) markGroup(ctx context.Context, id string, m sharing) error {
	g, err := s.Groups.Get(ctx, cloud.SecurityGroupID(id))
	if err != nil || g.Shared == m.all {
		return err
	}
	g.Shared = m.all
	g.Revisions++
	return s.Groups.Update(ctx, g)
}

func (s *Service) groupUsers(ctx context.Context, id string, _ cloud.ShareUse) ([]cloud.ProjectID, error) {
	ports, err := s.Ports.List(ctx, cloud.Where(cloud.Eq("security_groups", id)))
	return columnOf(ports, func(p *cloud.Port) cloud.ProjectID { return p.ProjectID }), err
}
