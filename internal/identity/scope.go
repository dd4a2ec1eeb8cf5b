package identity

import (
	"context"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// scoped finds the scope that is wanted and the roles the subject has there.
func (s *Service) scoped(ctx context.Context, who *subject, want ScopeRequest) (*Token, error) {
	t := &Token{User: who.user, UserDomain: who.domain, Credential: who.credential, Delegation: who.delegation, Provider: who.provider, Protocol: who.protocol}
	if who.credential != nil {
		return t, s.scopeOfCredential(ctx, t, want)
	}
	if who.delegation != nil {
		// It has one project; what else is asked for is not looked at, as the protocol has it.
		return t, s.scopeToProject(ctx, t, ProjectRef{ID: who.delegation.ProjectID})
	}
	switch {
	case want.Trust != "":
		return t, s.scopeToTrust(ctx, t, want.Trust)
	case want.None:
		return t, nil
	case want.Project != nil:
		return t, s.scopeToProject(ctx, t, *want.Project)
	case want.Domain != nil:
		return t, s.scopeToDomain(ctx, t, *want.Domain)
	case want.System:
		t.System = true
		return t, s.fillRoles(ctx, t, Scope{System: true})
	case who.parent != nil || who.user.DefaultProjectID == "":
		return t, nil
	}
	return s.scopeToDefault(ctx, t)
}

// scopeToDefault uses the default project if it can be used, and no scope otherwise.
func (s *Service) scopeToDefault(ctx context.Context, t *Token) (*Token, error) {
	scoped := *t
	err := s.scopeToProject(ctx, &scoped, ProjectRef{ID: t.User.DefaultProjectID})
	if cloud.Is(err, cloud.Unauthenticated) {
		return t, nil
	}
	return &scoped, err
}

// scopeOfCredential: an application credential has one project; asking for another scope is refused.
func (s *Service) scopeOfCredential(ctx context.Context, t *Token, want ScopeRequest) error {
	if want.None || want.System || want.Domain != nil || want.Trust != "" {
		return refused()
	}
	own := t.Credential.ProjectID
	if want.Project != nil {
		p, err := s.findProject(ctx, *want.Project)
		if err != nil {
			return refusedIfMissing(err)
		}
		if p.ID != own {
			return refused()
		}
	}
	return s.scopeToProject(ctx, t, ProjectRef{ID: own})
}

func (s *Service) findProject(ctx context.Context, ref ProjectRef) (*cloud.Project, error) {
	if ref.ID != "" {
		return s.Projects.Get(ctx, ref.ID)
	}
	d, err := s.findDomain(ctx, ref.Domain)
	if err != nil {
		return nil, err
	}
	return s.Projects.One(ctx, cloud.Eq("domain_id", d), cloud.Eq("name_lower", ref.Name))
}

func (s *Service) scopeToProject(ctx context.Context, t *Token, ref ProjectRef) error {
	if err := s.enterProject(ctx, t, ref); err != nil {
		return err
	}
	return s.fillRoles(ctx, t, Scope{ProjectID: t.Project.ID})
}

// enterProject makes a project the token's scope if it can be used; whether the subject has roles there is another question.
func (s *Service) enterProject(ctx context.Context, t *Token, ref ProjectRef) error {
	p, err := s.findProject(ctx, ref)
	if err != nil {
		return refusedIfMissing(err)
	}
	if !p.Enabled {
		return refused()
	}
	if t.ProjectDomain, err = s.enabledDomain(ctx, p.DomainID); err != nil {
		return err
	}
	t.Project = p
	return nil
}

func (s *Service) scopeToDomain(ctx context.Context, t *Token, ref DomainRef) error {
	id, err := s.findDomain(ctx, ref)
	if err != nil {
		return refusedIfMissing(err)
	}
	if t.Domain, err = s.enabledDomain(ctx, id); err != nil {
		return err
	}
	return s.fillRoles(ctx, t, Scope{DomainID: id})
}

// fillRoles gives the token the subject's roles on a scope; without any there is no token.
func (s *Service) fillRoles(ctx context.Context, t *Token, scope Scope) error {
	var err error
	if t.Roles, err = s.rolesNow(ctx, t.User.ID, scope); err != nil {
		return err
	}
	// Who signed in by a provider has a token as long as its word: only what was made otherwise must not outlive it.
	if len(t.User.Federated) > 0 && t.Provider == "" {
		if t.until, err = s.vouchedUntil(ctx, t.User.ID); err != nil {
			return err
		}
	}
	if bound, ok := t.boundRoles(); ok {
		book, err := s.roleBook(ctx)
		if err != nil {
			return err
		}
		t.Roles = common(t.Roles, book.expand(bound))
	}
	return sortRoles(t)
}

// boundRoles are those beyond which a credential or a delegation does not go, if the token is of one.
func (t *Token) boundRoles() ([]cloud.RoleID, bool) {
	switch {
	case t.Credential != nil:
		return t.Credential.Roles, true
	case t.Delegation != nil:
		return t.Delegation.Roles, true
	}
	return nil, false
}

// sortRoles: a token of a scope has roles, or does not exist.
func sortRoles(t *Token) error {
	if len(t.Roles) == 0 {
		return refused()
	}
	slices.SortFunc(t.Roles, func(a, b *cloud.Role) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

// rolesNow are the roles a user has on a scope, implied ones included.
func (s *Service) rolesNow(ctx context.Context, user cloud.UserID, scope Scope) ([]*cloud.Role, error) {
	book, err := s.roleBook(ctx)
	if err != nil {
		return nil, err
	}
	held, err := s.heldRoles(ctx, user, scope)
	return book.expand(held), err
}

// common is the roles of a that are in b.
func common(a, b []*cloud.Role) []*cloud.Role {
	in := map[cloud.RoleID]bool{}
	for _, r := range b {
		in[r.ID] = true
	}
	var both []*cloud.Role
	for _, r := range a {
		if in[r.ID] {
			both = append(both, r)
		}
	}
	return both
}

// roleBook is all roles, for following what they imply.
type roleBook map[cloud.RoleID]*cloud.Role

func (s *Service) roleBook(ctx context.Context) (roleBook, error) {
	all, err := s.Roles.List(ctx, cloud.Query{})
	if err != nil {
		return nil, err
	}
	book := roleBook{}
	for _, r := range all {
		book[r.ID] = r
	}
	return book, nil
}

// closure is ids and all they imply, each once, those before the ones they imply.
func (b roleBook) closure(ids []cloud.RoleID) []*cloud.Role {
	var found []*cloud.Role
	seen := map[cloud.RoleID]bool{}
	for queue := append([]cloud.RoleID(nil), ids...); len(queue) > 0; queue = queue[1:] {
		r, ok := b[queue[0]]
		if !ok || seen[r.ID] {
			continue
		}
		seen[r.ID] = true
		found = append(found, r)
		queue = append(queue, r.Implies...)
	}
	return found
}

// expand is closure without the roles of single domains, which count only by what they imply.
func (b roleBook) expand(ids []cloud.RoleID) []*cloud.Role {
	var global []*cloud.Role
	for _, r := range b.closure(ids) {
		if r.DomainID == "" {
			global = append(global, r)
		}
	}
	return global
}
