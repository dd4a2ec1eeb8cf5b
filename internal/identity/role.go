package identity

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// The roles that first start makes. Each implies the next.
const (
	RoleAdmin   = "admin"
	RoleManager = "manager"
	RoleMember  = "member"
	RoleReader  = "reader"
)

// RoleChange is what an update sets; nil stays.
type RoleChange struct {
	Name, Description *string
	Options, Extra    map[string]any
}

func roleTarget(r *cloud.Role) policy.Target {
	if r == nil {
		return policy.Target{Resource: "role"}
	}
	return policy.Target{Resource: "role", DomainID: r.DomainID}
}

// CreateRole makes a role from r; with a domain it is that domain's own.
func (s *Service) CreateRole(ctx context.Context, r cloud.Role) (*cloud.Role, error) {
	if err := policy.Authorize(ctx, "role.manage", roleTarget(&r)); err != nil {
		return nil, err
	}
	if err := validName("role", r.Name, nameMax); err != nil {
		return nil, err
	}
	if err := checkOptions("role", r.Options, nounOptions); err != nil {
		return nil, err
	}
	if r.ID == "" {
		r.ID = cloud.RoleID(cloud.NewHexID())
	}
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		if r.DomainID != "" {
			if _, err := s.Domains.Get(ctx, r.DomainID); err != nil {
				return err
			}
		}
		return s.Roles.Insert(ctx, &r)
	})
	return &r, err
}

// Role answers one role.
func (s *Service) Role(ctx context.Context, id cloud.RoleID) (*cloud.Role, error) {
	r, err := s.Roles.Get(ctx, id)
	return r, allow(ctx, "role.get", roleTarget(r), err)
}

// ListRoles lists the global roles, or with f.DomainID those of one domain.
func (s *Service) ListRoles(ctx context.Context, f Filter) ([]*cloud.Role, error) {
	if err := policy.Authorize(ctx, "role.list", policy.Target{Resource: "role", DomainID: f.DomainID}); err != nil {
		return nil, err
	}
	where := cloud.Eq("domain_id", f.DomainID)
	f.DomainID, f.Enabled = "", nil
	return s.Roles.List(ctx, f.query(where), func(r *cloud.Role) bool { return f.texts(r.Name, r.Description) })
}

// changeRole lets f change a role.
func (s *Service) changeRole(ctx context.Context, id cloud.RoleID, f func(context.Context, *cloud.Role) error) (r *cloud.Role, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		r, err = s.Roles.Get(ctx, id)
		if err := allow(ctx, "role.manage", roleTarget(r), err); err != nil {
			return err
		}
		if err := f(ctx, r); err != nil {
			return err
		}
		return s.Roles.Update(ctx, r)
	})
	return r, err
}

// UpdateRole changes a role. Tokens that carry its old name become void when the name changes.
func (s *Service) UpdateRole(ctx context.Context, id cloud.RoleID, c RoleChange) (*cloud.Role, error) {
	return s.changeRole(ctx, id, func(ctx context.Context, r *cloud.Role) error {
		rest := c
		rest.Options = nil
		if err := mayChange("role", id, r.Options, c.Options, rest); err != nil {
			return err
		}
		old := r.Name
		set(&r.Name, c.Name)
		set(&r.Description, c.Description)
		r.Options, r.Extra = mergedOptions(r.Options, c.Options), merged(r.Extra, c.Extra)
		if r.Name != old && r.DomainID == "" {
			if err := s.revoke(ctx, cause{kind: voidRole, id: old}); err != nil {
				return err
			}
		}
		return validName("role", r.Name, nameMax)
	})
}

// DeleteRole removes a role wherever it is assigned or implied.
func (s *Service) DeleteRole(ctx context.Context, id cloud.RoleID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		r, err := s.Roles.Get(ctx, id)
		if err := allow(ctx, "role.manage", roleTarget(r), err); err != nil {
			return err
		}
		if err := immutable("role", id, r.Options); err != nil {
			return err
		}
		return s.removeRole(ctx, r)
	})
}

func (s *Service) removeRole(ctx context.Context, r *cloud.Role) error {
	if err := s.dropAssignments(ctx, cloud.Eq("role_id", r.ID)); err != nil {
		return err
	}
	if err := s.dropTrusts(ctx, cloud.Eq("roles", r.ID)); err != nil {
		return err
	}
	implying, err := s.Roles.List(ctx, cloud.Where(cloud.Eq("implies", r.ID)))
	err = each(implying, err, func(prior *cloud.Role) error {
		prior.Implies = without(prior.Implies, r.ID)
		return s.Roles.Update(ctx, prior)
	})
	if err == nil && r.DomainID == "" {
		err = s.revoke(ctx, cause{kind: voidRole, id: r.Name})
	}
	if err != nil {
		return err
	}
	return s.Roles.Delete(ctx, r.ID)
}

// Implication says that whoever has Prior has Implied too.
type Implication struct{ Prior, Implied *cloud.Role }

// Imply makes a role imply another; it may do so already.
func (s *Service) Imply(ctx context.Context, prior, implied cloud.RoleID) (*Implication, error) {
	i := &Implication{}
	var err error
	i.Prior, err = s.changeRole(ctx, prior, func(ctx context.Context, r *cloud.Role) error {
		if i.Implied, err = s.Roles.Get(ctx, implied); err != nil {
			return err
		}
		if err := s.mayImply(ctx, r, i.Implied); err != nil {
			return err
		}
		if !slices.Contains(r.Implies, implied) {
			r.Implies = append(slices.Clone(r.Implies), implied)
		}
		return nil
	})
	return i, err
}

// mayImply: a ring of roles would make all equal, admin must be given by name, and a global
// role must not depend on one domain.
func (s *Service) mayImply(ctx context.Context, prior, implied *cloud.Role) error {
	book, err := s.roleBook(ctx)
	if err != nil {
		return err
	}
	ring := slices.ContainsFunc(book.closure([]cloud.RoleID{implied.ID}), func(r *cloud.Role) bool { return r.ID == prior.ID })
	switch {
	case implied.Name == RoleAdmin && implied.DomainID == "":
		return cloud.Errorf(cloud.Forbidden, "role", implied.ID, "The role %s cannot be implied.", RoleAdmin)
	case prior.DomainID == "" && implied.DomainID != "":
		return cloud.Errorf(cloud.Forbidden, "role", implied.ID, "A global role cannot imply a domain's role.")
	case ring:
		return cloud.Errorf(cloud.Invalid, "role", implied.ID, "Role %s would imply itself.", prior.Name)
	}
	return nil
}

// Unimply ends an implication. Tokens that carry the implied role become void.
func (s *Service) Unimply(ctx context.Context, prior, implied cloud.RoleID) error {
	_, err := s.changeRole(ctx, prior, func(ctx context.Context, r *cloud.Role) error {
		if !slices.Contains(r.Implies, implied) {
			return noImplication(prior, implied)
		}
		r.Implies = without(r.Implies, implied)
		lost, err := s.Roles.Get(ctx, implied)
		if err != nil {
			return err
		}
		return s.revoke(ctx, cause{kind: voidRole, id: lost.Name})
	})
	return err
}

func noImplication(prior, implied cloud.RoleID) error {
	return &cloud.Error{Kind: cloud.NotFound, Resource: "role", ID: string(implied),
		Message: fmt.Sprintf("Role %s does not imply role %s.", prior, implied)}
}

// Implied answers one implication.
func (s *Service) Implied(ctx context.Context, prior, implied cloud.RoleID) (*Implication, error) {
	all, err := s.ImpliedBy(ctx, prior)
	for _, i := range all {
		if i.Implied.ID == implied {
			return i, nil
		}
	}
	if err == nil {
		err = noImplication(prior, implied)
	}
	return nil, err
}

// ImpliedBy lists what a role implies directly.
func (s *Service) ImpliedBy(ctx context.Context, prior cloud.RoleID) (list []*Implication, err error) {
	err = s.Tx.View(ctx, func(ctx context.Context) error {
		r, err := s.Role(ctx, prior)
		if err != nil || len(r.Implies) == 0 {
			return err
		}
		implied, err := s.Roles.List(ctx, cloud.Where(cloud.In("id", r.Implies)))
		for _, i := range implied {
			list = append(list, &Implication{r, i})
		}
		return err
	})
	return list, err
}

// Implications lists all.
func (s *Service) Implications(ctx context.Context) (list []*Implication, err error) {
	if err := policy.Authorize(ctx, "role.list", policy.Target{Resource: "role"}); err != nil {
		return nil, err
	}
	book, err := s.roleBook(ctx)
	for _, r := range book {
		for _, id := range r.Implies {
			if implied, ok := book[id]; ok {
				list = append(list, &Implication{r, implied})
			}
		}
	}
	slices.SortFunc(list, func(a, b *Implication) int {
		if a.Prior.Name != b.Prior.Name {
			return strings.Compare(a.Prior.Name, b.Prior.Name)
		}
		return strings.Compare(a.Implied.Name, b.Implied.Name)
	})
	return list, err
}
