package identity

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/mapping"
)

// mappedGroups are the groups that a mapping gives. One that it names by an id must be there: the operator meant a certain
// one; a name may be that of a group which is yet to be made.
func (s *Service) mappedGroups(ctx context.Context, said Said, got *mapping.Result) (ids []cloud.GroupID, err error) {
	for _, id := range got.GroupIDs {
		ids = append(ids, cloud.GroupID(id))
	}
	if len(ids) > 0 {
		there, err := s.Groups.List(ctx, cloud.Where(cloud.In("id", ids)))
		if err != nil {
			return nil, err
		}
		if len(there) < len(ids) {
			return nil, s.turnedAway("the mapping names a group that is not here", "provider", said.ProviderID, "protocol", said.Protocol, "groups", ids)
		}
	}
	for _, g := range got.Groups {
		id, err := s.groupNamed(ctx, g)
		if cloud.Is(err, cloud.NotFound) {
			s.Log.Warn("a mapping names a group that is not here", "provider", said.ProviderID, "group", g.Name)
			continue
		}
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

func (s *Service) groupNamed(ctx context.Context, g mapping.Group) (cloud.GroupID, error) {
	domain, err := s.findDomain(ctx, DomainRef{ID: cloud.DomainID(g.Domain.ID), Name: g.Domain.Name})
	if err != nil {
		return "", err
	}
	found, err := s.Groups.One(ctx, cloud.Eq("domain_id", domain), cloud.Eq("name_lower", g.Name))
	if err != nil {
		return "", err
	}
	return found.ID, nil
}

// provision makes the projects that a mapping gives a user, with the roles on them. By rules of version 3, what the user had
// on other projects of the provider's domain is taken away.
func (s *Service) provision(ctx context.Context, v vouching, u *cloud.User, projects []mapping.Project) error {
	wanted := map[string]*cloud.Assignment{}
	for _, p := range projects {
		made, err := s.provisioned(ctx, v, p)
		if err != nil {
			return err
		}
		for _, r := range p.Roles {
			role, err := s.Roles.One(ctx, cloud.Eq("name_lower", r.Name), cloud.Eq("domain_id", ""))
			if cloud.Is(err, cloud.NotFound) {
				return s.turnedAway("the mapping names a role that is not here", "provider", v.provider.ID, "role", r.Name)
			}
			if err != nil {
				return err
			}
			a := Grant{Role: role.ID, User: u.ID, Scope: Scope{ProjectID: made.ID}}.row()
			wanted[a.ID] = a
		}
	}
	return s.assign(ctx, v, u, wanted)
}

// provisioned is the project of a mapping, which is made when it is missing.
func (s *Service) provisioned(ctx context.Context, v vouching, p mapping.Project) (*cloud.Project, error) {
	domain := v.provider.DomainID
	if v.mapping.Version != mapping.V1 && p.Domain != nil {
		id, err := s.findDomain(ctx, DomainRef{ID: cloud.DomainID(p.Domain.ID), Name: p.Domain.Name})
		if err != nil {
			return nil, refusedIfMissing(err)
		}
		domain = id
	}
	found, err := s.Projects.One(ctx, cloud.Eq("domain_id", domain), cloud.Eq("name_lower", p.Name))
	if !cloud.Is(err, cloud.NotFound) {
		return found, err
	}
	return s.CreateProject(ctx, cloud.Project{Name: p.Name, DomainID: domain, Enabled: true,
		Description: "Made for users of the identity provider " + string(v.provider.ID)})
}

// assign gives a user roles that it does not have yet.
func (s *Service) assign(ctx context.Context, v vouching, u *cloud.User, wanted map[string]*cloud.Assignment) error {
	have, err := s.Assignments.List(ctx, cloud.Where(cloud.Eq("user_id", u.ID)))
	if err != nil {
		return err
	}
	for _, a := range have {
		if _, ok := wanted[a.ID]; ok {
			delete(wanted, a.ID)
			continue
		}
		if v.mapping.Version == mapping.V3 {
			if err := s.dropProvisioned(ctx, v, a); err != nil {
				return err
			}
		}
	}
	for _, a := range wanted {
		if err := s.Assignments.Insert(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

// dropProvisioned takes away a role on a project of the provider's domain.
func (s *Service) dropProvisioned(ctx context.Context, v vouching, a *cloud.Assignment) error {
	if a.ProjectID == "" || a.Inherited {
		return nil
	}
	p, err := s.Projects.Get(ctx, a.ProjectID)
	if err != nil || p.DomainID != v.provider.DomainID {
		return err
	}
	if err := s.revoke(ctx, lostBy(a, a.UserID)); err != nil {
		return err
	}
	return s.Assignments.Delete(ctx, a.ID)
}
