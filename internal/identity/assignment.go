package identity

import (
	"context"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// Grant names one role assignment by its parts: one of User and Group, and a Scope. Inherited ones apply to
// the projects below the scope, not to the scope itself.
type Grant struct {
	Role      cloud.RoleID
	User      cloud.UserID
	Group     cloud.GroupID
	Scope     Scope
	Inherited bool
}

func (g Grant) id() string {
	subject := "user:" + string(g.User)
	if g.Group != "" {
		subject = "group:" + string(g.Group)
	}
	parts := []string{subject, strings.ReplaceAll(g.Scope.word(), " ", ":"), string(g.Role)}
	if g.Inherited {
		parts = append(parts, "inherited")
	}
	return strings.Join(parts, "/")
}

func (g Grant) row() *cloud.Assignment {
	return &cloud.Assignment{ID: g.id(), RoleID: g.Role, UserID: g.User, GroupID: g.Group,
		ProjectID: g.Scope.ProjectID, DomainID: g.Scope.DomainID, System: g.Scope.System, Inherited: g.Inherited}
}

func scopeOf(a *cloud.Assignment) Scope {
	return Scope{ProjectID: a.ProjectID, DomainID: a.DomainID, System: a.System}
}

// parties are the nouns that a Grant names. role is nil for a list.
type parties struct {
	role         *cloud.Role
	subject      cloud.DomainID // the domain of the user or group
	scope        cloud.DomainID // the domain of the project, or the domain itself; empty: the system
	scopeProject cloud.ProjectID
}

// partiesOf looks up what a Grant names; NotFound if one is missing.
func (s *Service) partiesOf(ctx context.Context, g Grant) (p parties, err error) {
	if g.Role != "" {
		if p.role, err = s.Roles.Get(ctx, g.Role); err != nil {
			return p, err
		}
	}
	if g.User != "" {
		u, err := s.Users.Get(ctx, g.User)
		if err != nil {
			return p, err
		}
		p.subject = u.DomainID
	}
	if g.Group != "" {
		group, err := s.Groups.Get(ctx, g.Group)
		if err != nil {
			return p, err
		}
		p.subject = group.DomainID
	}
	return p, s.scopeParty(ctx, g.Scope, &p)
}

func (s *Service) scopeParty(ctx context.Context, scope Scope, p *parties) error {
	switch {
	case scope.ProjectID != "":
		project, err := s.Projects.Get(ctx, scope.ProjectID)
		if err != nil {
			return err
		}
		p.scope, p.scopeProject = project.DomainID, project.ID
	case scope.DomainID != "":
		if _, err := s.Domains.Get(ctx, scope.DomainID); err != nil {
			return err
		}
		p.scope = scope.DomainID
	}
	return nil
}

// delegable are the roles that a domain's manager may give.
var delegable = []string{RoleManager, RoleMember, RoleReader}

// mayGrant: the scope, the subject and the role must all be the caller's to deal with.
func mayGrant(ctx context.Context, p parties, missing error) error {
	const action = "role assignment.manage"
	target := policy.Target{Resource: "role assignment", DomainID: p.scope}
	if err := allow(ctx, action, target, missing); err != nil {
		return err
	}
	target.DomainID = p.subject
	if err := policy.Authorize(ctx, action, target); err != nil {
		return err
	}
	if p.role.DomainID == p.scope && p.scope != "" || p.role.DomainID == "" && slices.Contains(delegable, p.role.Name) {
		return nil
	}
	return policy.Authorize(ctx, "role assignment.any_role", target)
}

// Assign gives a role; it may be there already.
func (s *Service) Assign(ctx context.Context, g Grant) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		p, err := s.partiesOf(ctx, g)
		if err := mayGrant(ctx, p, err); err != nil {
			return err
		}
		if p.scopeProject != "" && p.role.DomainID != "" && p.role.DomainID != p.scope {
			return cloud.Errorf(cloud.Forbidden, "role", p.role.ID, "The role belongs to another domain.")
		}
		if _, err := s.Assignments.Get(ctx, g.id()); !cloud.Is(err, cloud.NotFound) {
			return err
		}
		return s.Assignments.Insert(ctx, g.row())
	})
}

// Unassign takes a role away; the tokens that rest on it become void. NotFound if it was not given.
func (s *Service) Unassign(ctx context.Context, g Grant) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		p, err := s.partiesOf(ctx, g)
		if err := mayGrant(ctx, p, err); err != nil {
			return err
		}
		a, err := s.Assignments.Get(ctx, g.id())
		if err != nil {
			return notAssigned(g)
		}
		return s.dropAssignment(ctx, a)
	})
}

func notAssigned(g Grant) error {
	return cloud.Errorf(cloud.NotFound, "role assignment", g.Role, "Could not find role assignment with role: %s, user or group: %s%s, project, domain or system: %s%s.",
		g.Role, g.User, g.Group, g.Scope.ProjectID, g.Scope.DomainID)
}

// Assigned answers nil if the role is given, NotFound if not.
func (s *Service) Assigned(ctx context.Context, g Grant) error {
	return s.Tx.View(ctx, func(ctx context.Context) error {
		p, err := s.partiesOf(ctx, g)
		target := policy.Target{Resource: "role assignment", DomainID: p.scope}
		if err := allow(ctx, "role assignment.get", target, err); err != nil {
			return err
		}
		if _, err := s.Assignments.Get(ctx, g.id()); err != nil {
			return notAssigned(g)
		}
		return nil
	})
}

// AssignedRoles lists the roles that a user or group was given on a scope; g.Role is left out of account.
func (s *Service) AssignedRoles(ctx context.Context, g Grant) (roles []*cloud.Role, err error) {
	g.Role = ""
	err = s.Tx.View(ctx, func(ctx context.Context) error {
		p, err := s.partiesOf(ctx, g)
		target := policy.Target{Resource: "role assignment", DomainID: p.scope}
		if err := allow(ctx, "role assignment.get", target, err); err != nil {
			return err
		}
		rows, err := s.Assignments.List(ctx, cloud.Where(g.subject()), func(a *cloud.Assignment) bool {
			return scopeOf(a) == g.Scope && a.Inherited == g.Inherited
		})
		if err != nil || len(rows) == 0 {
			return err
		}
		ids := make([]cloud.RoleID, len(rows))
		for i, a := range rows {
			ids[i] = a.RoleID
		}
		roles, err = s.Roles.List(ctx, cloud.Query{Where: []cloud.Cond{cloud.In("id", ids)}, Order: []cloud.Order{{Column: "name"}}})
		return err
	})
	return roles, err
}

func (g Grant) subject() cloud.Cond {
	if g.Group != "" {
		return cloud.Eq("group_id", g.Group)
	}
	return cloud.Eq("user_id", g.User)
}

// dropAssignments removes all assignments that match.
func (s *Service) dropAssignments(ctx context.Context, where cloud.Cond) error {
	rows, err := s.Assignments.List(ctx, cloud.Where(where))
	return each(rows, err, func(a *cloud.Assignment) error { return s.dropAssignment(ctx, a) })
}

// dropAssignment removes one and voids the tokens that may rest on it.
func (s *Service) dropAssignment(ctx context.Context, a *cloud.Assignment) error {
	users := []cloud.UserID{a.UserID}
	if a.GroupID != "" {
		g, err := s.Groups.Get(ctx, a.GroupID)
		if err != nil {
			return err
		}
		users = g.Members
	}
	for _, u := range users {
		if err := s.revoke(ctx, lostBy(a, u)); err != nil {
			return err
		}
	}
	return s.Assignments.Delete(ctx, a.ID)
}

// lostBy is what a user's loss of an assignment voids: the tokens of its scope, or
// all where the assignment reaches many scopes.
func lostBy(a *cloud.Assignment, u cloud.UserID) cause {
	if a.Inherited {
		return cause{kind: voidUser, id: string(u)}
	}
	return cause{kind: voidGrant, id: string(u), scope: scopeOf(a).word()}
}
