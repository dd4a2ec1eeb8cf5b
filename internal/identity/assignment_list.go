package identity

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// AssignmentFilter selects role assignments. Empty fields select nothing out.
type AssignmentFilter struct {
	Role      cloud.RoleID
	User      cloud.UserID
	Group     cloud.GroupID
	Scope     Scope
	Inherited bool // only those that are inherited by others
	// Effective asks who really has which role where: groups become their members,
	// inherited ones stand where they reach, and implied roles are listed too.
	Effective bool
	// Subtree adds the projects below Scope.ProjectID.
	Subtree bool
}

// AssignmentView is an assignment in a list. In an effective list Via is the stored assignment it comes
// from, Member the user it is listed for, Prior the role that implies it.
type AssignmentView struct {
	cloud.Assignment
	Via    *cloud.Assignment
	Member cloud.UserID
	Prior  cloud.RoleID
}

// ListAssignments lists assignments. A reader of a domain sees those on the domain and its projects; an
// administrator of a project may ask about its tree.
func (s *Service) ListAssignments(ctx context.Context, f AssignmentFilter) (list []AssignmentView, err error) {
	if f.Effective && f.Group != "" {
		return nil, cloud.Invalidf("role assignment", "effective", "An effective list names no groups: effective and group cannot be combined.")
	}
	err = s.Tx.View(ctx, func(ctx context.Context) error {
		only, err := s.assignmentDomain(ctx, f)
		if err != nil {
			return err
		}
		inside, err := s.scopeTest(ctx, f, only)
		if err != nil {
			return err
		}
		list, err = s.listAssignments(ctx, f, inside)
		return err
	})
	return list, err
}

// assignmentDomain says which domain the caller is bounded to; empty: none.
func (s *Service) assignmentDomain(ctx context.Context, f AssignmentFilter) (cloud.DomainID, error) {
	only, err := listDomain(ctx, "role assignment.list", "")
	if err == nil || f.Scope.ProjectID == "" {
		return only, err
	}
	p, missing := s.Projects.Get(ctx, f.Scope.ProjectID)
	return "", allow(ctx, "role assignment.tree", projectTarget(p), missing)
}

// scopeTest makes the test whether a scope is asked for and the caller's to see.
func (s *Service) scopeTest(ctx context.Context, f AssignmentFilter, only cloud.DomainID) (func(Scope) bool, error) {
	projects, err := s.askedProjects(ctx, f)
	if err != nil {
		return nil, err
	}
	own := map[cloud.ProjectID]bool{}
	if only != "" {
		in, err := s.Projects.List(ctx, cloud.Where(cloud.Eq("domain_id", only)))
		if err != nil {
			return nil, err
		}
		for _, p := range in {
			own[p.ID] = true
		}
	}
	return func(at Scope) bool {
		if only != "" && at.DomainID != only && !own[at.ProjectID] {
			return false
		}
		if projects != nil {
			return projects[at.ProjectID]
		}
		return f.Scope == (Scope{}) || at == f.Scope
	}, nil
}

func (s *Service) askedProjects(ctx context.Context, f AssignmentFilter) (map[cloud.ProjectID]bool, error) {
	if f.Subtree && f.Scope.ProjectID == "" {
		return nil, cloud.Invalidf("role assignment", "include_subtree", "A subtree needs scope.project.id.")
	}
	if f.Scope.ProjectID == "" {
		return nil, nil
	}
	asked := map[cloud.ProjectID]bool{f.Scope.ProjectID: true}
	if f.Subtree {
		below, err := s.below(ctx, f.Scope.ProjectID)
		if err != nil {
			return nil, err
		}
		for _, p := range below {
			asked[p.ID] = true
		}
	}
	return asked, nil
}

// below is the projects below one, or in a domain: clients name the top of a tree by either.
func (s *Service) below(ctx context.Context, id cloud.ProjectID) ([]*cloud.Project, error) {
	if s.isDomain(ctx, string(id)) {
		return s.Projects.List(ctx, cloud.Where(cloud.Eq("domain_id", id)))
	}
	return s.descendants(ctx, id)
}

func (s *Service) listAssignments(ctx context.Context, f AssignmentFilter, inside func(Scope) bool) ([]AssignmentView, error) {
	rows, err := s.candidates(ctx, f)
	if err != nil {
		return nil, err
	}
	if f.Effective {
		return s.effective(ctx, f, rows, inside)
	}
	var list []AssignmentView
	for _, a := range rows {
		if inside(scopeOf(a)) && (f.Role == "" || a.RoleID == f.Role) && (!f.Inherited || a.Inherited) {
			list = append(list, AssignmentView{Assignment: *a})
		}
	}
	return list, nil
}

// candidates reads the stored assignments that may matter.
func (s *Service) candidates(ctx context.Context, f AssignmentFilter) ([]*cloud.Assignment, error) {
	switch {
	case f.User != "" && f.Effective:
		return s.assignmentsOf(ctx, f.User)
	case f.User != "":
		return s.Assignments.List(ctx, cloud.Where(cloud.Eq("user_id", f.User)))
	case f.Group != "":
		return s.Assignments.List(ctx, cloud.Where(cloud.Eq("group_id", f.Group)))
	case f.Effective || f.Subtree || f.Scope == (Scope{}):
		return s.Assignments.List(ctx, cloud.Query{})
	case f.Scope.ProjectID != "":
		return s.Assignments.List(ctx, cloud.Where(cloud.Eq("project_id", f.Scope.ProjectID)))
	case f.Scope.DomainID != "":
		return s.Assignments.List(ctx, cloud.Where(cloud.Eq("domain_id", f.Scope.DomainID)))
	}
	return s.Assignments.List(ctx, cloud.Where(cloud.Eq("system", true)))
}

// effective unfolds stored assignments into who has which role where.
func (s *Service) effective(ctx context.Context, f AssignmentFilter, rows []*cloud.Assignment, inside func(Scope) bool) ([]AssignmentView, error) {
	book, err := s.roleBook(ctx)
	if err != nil {
		return nil, err
	}
	var list []AssignmentView
	for _, a := range rows {
		if f.Inherited && !a.Inherited {
			continue
		}
		users, err := s.membersOf(ctx, a, f.User)
		if err != nil {
			return nil, err
		}
		scopes, err := s.scopesOf(ctx, a)
		if err != nil {
			return nil, err
		}
		for _, scope := range slices.DeleteFunc(scopes, func(at Scope) bool { return !inside(at) }) {
			list = append(list, unfold(book, a, scope, users, f.Role)...)
		}
	}
	return distinct(list), nil
}

// membersOf is the users an assignment is for, only the given one if there is one.
func (s *Service) membersOf(ctx context.Context, a *cloud.Assignment, only cloud.UserID) ([]cloud.UserID, error) {
	if a.GroupID == "" {
		return []cloud.UserID{a.UserID}, nil
	}
	if only != "" {
		return []cloud.UserID{only}, nil
	}
	g, err := s.Groups.Get(ctx, a.GroupID)
	if err != nil {
		return nil, err
	}
	return g.Members, nil
}

func (s *Service) scopesOf(ctx context.Context, a *cloud.Assignment) ([]Scope, error) {
	if !a.Inherited {
		return []Scope{scopeOf(a)}, nil
	}
	projects, err := s.targets(ctx, a)
	scopes := make([]Scope, len(projects))
	for i, p := range projects {
		scopes[i] = Scope{ProjectID: p.ID}
	}
	return scopes, err
}

// unfold lists one assignment on one scope for each user and role.
func unfold(book roleBook, a *cloud.Assignment, at Scope, users []cloud.UserID, only cloud.RoleID) []AssignmentView {
	var list []AssignmentView
	for _, role := range book.expand([]cloud.RoleID{a.RoleID}) {
		if only != "" && role.ID != only {
			continue
		}
		for _, u := range users {
			v := AssignmentView{Via: a, Member: u, Assignment: cloud.Assignment{RoleID: role.ID, UserID: u,
				ProjectID: at.ProjectID, DomainID: at.DomainID, System: at.System}}
			if role.ID != a.RoleID {
				v.Prior = a.RoleID
			}
			list = append(list, v)
		}
	}
	return list
}

// distinct keeps the first of those with the same role, user and scope.
func distinct(list []AssignmentView) []AssignmentView {
	type key struct {
		role  cloud.RoleID
		user  cloud.UserID
		scope Scope
	}
	seen := map[key]bool{}
	return slices.DeleteFunc(list, func(v AssignmentView) bool {
		k := key{v.RoleID, v.UserID, scopeOf(&v.Assignment)}
		twice := seen[k]
		seen[k] = true
		return twice
	})
}

// AssignmentNames are the nouns of a list of assignments by id, for answers that show names.
type AssignmentNames struct {
	Roles    map[cloud.RoleID]*cloud.Role
	Users    map[cloud.UserID]*cloud.User
	Groups   map[cloud.GroupID]*cloud.Group
	Projects map[cloud.ProjectID]*cloud.Project
	Domains  map[cloud.DomainID]*cloud.Domain
}

// NamesOf looks up the nouns of a list that ListAssignments answered.
func (s *Service) NamesOf(ctx context.Context, list []AssignmentView) (n *AssignmentNames, err error) {
	if err := policy.Authorize(ctx, "domain.get", policy.Target{DomainID: callersDomain(ctx)}); err != nil {
		return nil, err
	}
	n = &AssignmentNames{}
	err = s.Tx.View(ctx, func(ctx context.Context) (err error) {
		if n.Roles, err = byID(ctx, s.Roles, ids(list, func(v AssignmentView) cloud.RoleID { return v.RoleID }), func(r *cloud.Role) cloud.RoleID { return r.ID }); err != nil {
			return err
		}
		if n.Users, err = byID(ctx, s.Users, ids(list, func(v AssignmentView) cloud.UserID { return v.UserID }), func(u *cloud.User) cloud.UserID { return u.ID }); err != nil {
			return err
		}
		if n.Groups, err = byID(ctx, s.Groups, ids(list, func(v AssignmentView) cloud.GroupID { return v.GroupID }), func(g *cloud.Group) cloud.GroupID { return g.ID }); err != nil {
			return err
		}
		if n.Projects, err = byID(ctx, s.Projects, ids(list, func(v AssignmentView) cloud.ProjectID { return v.ProjectID }), func(p *cloud.Project) cloud.ProjectID { return p.ID }); err != nil {
			return err
		}
		// There are few domains: all of them is one query and covers those of all the nouns above.
		n.Domains, err = byID(ctx, s.Domains, nil, func(d *cloud.Domain) cloud.DomainID { return d.ID })
		return err
	})
	return n, err
}

func ids[ID ~string](list []AssignmentView, of func(AssignmentView) ID) []ID {
	found := make([]ID, 0, len(list))
	for _, v := range list {
		if id := of(v); id != "" {
			found = append(found, id)
		}
	}
	return found
}

// byID reads the rows of the ids, or all if ids is nil.
func byID[T any, ID ~string](ctx context.Context, from cloud.Records[T, ID], ids []ID, idOf func(*T) ID) (map[ID]*T, error) {
	var where []cloud.Cond
	if ids != nil {
		slices.Sort(ids)
		where = append(where, cloud.In("id", slices.Compact(ids)))
	}
	rows, err := from.List(ctx, cloud.Where(where...))
	found := map[ID]*T{}
	for _, r := range rows {
		found[idOf(r)] = r
	}
	return found, err
}
