package identity

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// assignmentsOf are all assignments of a user, those of its groups and of the groups that a provider names included.
func (s *Service) assignmentsOf(ctx context.Context, user cloud.UserID) ([]*cloud.Assignment, error) {
	own, err := s.Assignments.List(ctx, cloud.Where(cloud.Eq("user_id", user)))
	if err != nil {
		return nil, err
	}
	groups, err := s.groupsOf(ctx, user)
	if err != nil {
		return nil, err
	}
	vouched, err := s.standingsOf(ctx, user)
	if err != nil || len(groups)+len(vouched) == 0 {
		return own, err
	}
	var ids []cloud.GroupID
	for _, g := range groups {
		ids = append(ids, g.ID)
	}
	for _, v := range vouched {
		ids = append(ids, v.Groups...)
	}
	through, err := s.Assignments.List(ctx, cloud.Where(cloud.In("group_id", ids)))
	return append(own, through...), err
}

// heldRoles are the roles a user was given on a scope, directly, through groups and
// by inheritance; what they imply is not included.
func (s *Service) heldRoles(ctx context.Context, user cloud.UserID, scope Scope) ([]cloud.RoleID, error) {
	all, err := s.assignmentsOf(ctx, user)
	if err != nil {
		return nil, err
	}
	reach, err := s.reachOf(ctx, scope)
	if err != nil {
		return nil, err
	}
	var ids []cloud.RoleID
	for _, a := range all {
		if reach.covers(a) {
			ids = append(ids, a.RoleID)
		}
	}
	return ids, nil
}

// reach is from where roles reach a scope.
type reach struct {
	scope  Scope
	above  map[cloud.ProjectID]bool
	domain cloud.DomainID // whose inherited roles count
}

func (s *Service) reachOf(ctx context.Context, scope Scope) (reach, error) {
	r := reach{scope: scope, above: map[cloud.ProjectID]bool{}}
	if scope.ProjectID == "" {
		return r, nil
	}
	p, err := s.Projects.Get(ctx, scope.ProjectID)
	if err != nil {
		return r, err
	}
	r.domain = p.DomainID
	above, err := s.ancestors(ctx, p)
	for _, a := range above {
		r.above[a.ID] = true
	}
	return r, err
}

func (r reach) covers(a *cloud.Assignment) bool {
	if a.Inherited {
		return a.ProjectID != "" && r.above[a.ProjectID] || a.DomainID != "" && a.DomainID == r.domain
	}
	return scopeOf(a) == r.scope
}

// reached are the projects on which assignments give a role.
func (s *Service) reached(ctx context.Context, list []*cloud.Assignment) ([]*cloud.Project, error) {
	var found []*cloud.Project
	seen := map[cloud.ProjectID]bool{}
	for _, a := range list {
		projects, err := s.targets(ctx, a)
		if err != nil {
			return nil, err
		}
		for _, p := range projects {
			if !seen[p.ID] {
				seen[p.ID] = true
				found = append(found, p)
			}
		}
	}
	return found, nil
}

// targets are the projects one assignment gives its role on.
func (s *Service) targets(ctx context.Context, a *cloud.Assignment) ([]*cloud.Project, error) {
	switch {
	case a.ProjectID != "" && a.Inherited:
		return s.descendants(ctx, a.ProjectID)
	case a.DomainID != "" && a.Inherited:
		return s.Projects.List(ctx, cloud.Where(cloud.Eq("domain_id", a.DomainID)))
	case a.ProjectID != "":
		p, err := s.Projects.Get(ctx, a.ProjectID)
		return []*cloud.Project{p}, err
	}
	return nil, nil
}

// ProjectsOf lists the projects a user has a role on.
func (s *Service) ProjectsOf(ctx context.Context, user cloud.UserID, f Filter) (list []*cloud.Project, err error) {
	u, err := s.Users.Get(ctx, user)
	target := userTarget(u)
	target.UserID = user
	if err := allow(ctx, "user.projects", target, err); err != nil {
		return nil, err
	}
	err = s.Tx.View(ctx, func(ctx context.Context) error {
		held, err := s.assignmentsOf(ctx, user)
		if err != nil {
			return err
		}
		all, err := s.reached(ctx, held)
		for _, p := range all {
			if f.project(p) {
				list = append(list, p)
			}
		}
		return err
	})
	return list, err
}

// project tells whether a project matches, where the store was not asked with the Filter.
func (f Filter) project(p *cloud.Project) bool {
	return (f.Name == "" || Match{Op: "iexact", Value: f.Name}.holds(p.Name)) && (f.DomainID == "" || f.DomainID == p.DomainID) &&
		(f.Enabled == nil || *f.Enabled == p.Enabled) && (f.ParentID == "" || f.ParentID == p.ParentID) &&
		f.texts(p.Name, p.Description) && f.tags(p.Tags)
}

// DomainsOf lists the domains a user has a role on.
func (s *Service) DomainsOf(ctx context.Context, user cloud.UserID) (list []*cloud.Domain, err error) {
	err = policy.Authorize(ctx, "user.projects", policy.Target{Resource: "user", UserID: user})
	if err != nil {
		return nil, err
	}
	held, err := s.assignmentsOf(ctx, user)
	if err != nil {
		return nil, err
	}
	var ids []cloud.DomainID
	for _, a := range held {
		if a.DomainID != "" && !a.Inherited {
			ids = append(ids, a.DomainID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return s.Domains.List(ctx, cloud.Query{Where: []cloud.Cond{cloud.In("id", ids), cloud.Eq("enabled", true)}, Order: []cloud.Order{{Column: "name"}}})
}

// OnSystem tells whether a user has a role on the system.
func (s *Service) OnSystem(ctx context.Context, user cloud.UserID) (bool, error) {
	if err := policy.Authorize(ctx, "user.projects", policy.Target{Resource: "user", UserID: user}); err != nil {
		return false, err
	}
	held, err := s.heldRoles(ctx, user, Scope{System: true})
	return len(held) > 0, err
}
