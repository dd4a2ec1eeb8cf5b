package identity

import (
	"context"
	"slices"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// redelegationMax is how many trusts may follow one another.
const redelegationMax = 3

// TrustRequest is what a trust is made from. RedelegationCount counts only if the trust is Redelegable; nil: as many as can be.
type TrustRequest struct {
	Trustor, Trustee  cloud.UserID
	Project           cloud.ProjectID
	Roles             []RoleRef
	Impersonation     bool
	ExpiresAt         *time.Time
	RemainingUses     *int
	Redelegable       bool
	RedelegationCount *int
	Extra             map[string]any
}

// CreateTrust makes a trust of the caller, who is the trustor. With a token of a trust that allows it, the
// new one passes that on, and can do no more.
func (s *Service) CreateTrust(ctx context.Context, r TrustRequest) (t *cloud.Trust, err error) {
	if err := policy.Authorize(ctx, "trust.create", trustTarget(r.Trustor)); err != nil {
		return nil, err
	}
	if err := s.checkTrust(r); err != nil {
		return nil, err
	}
	t = &cloud.Trust{ID: cloud.TrustID(cloud.NewHexID()), TrustorID: r.Trustor, TrusteeID: r.Trustee, ProjectID: r.Project,
		Impersonation: r.Impersonation, ExpiresAt: r.ExpiresAt, RemainingUses: r.RemainingUses,
		RedelegationCount: r.redelegations(), ParentID: cloud.PrincipalOf(ctx).TrustID, Extra: r.Extra}
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		chain, err := s.chainAbove(ctx, t)
		if err != nil {
			return err
		}
		if _, err := s.Users.Get(ctx, t.TrusteeID); err != nil {
			return err
		}
		if t.Roles, err = s.entrusted(ctx, t, chain, r.Roles); err != nil {
			return err
		}
		if len(chain) > 0 {
			if err := r.passOn(chain[0], t); err != nil {
				return err
			}
		}
		return s.Trusts.Insert(ctx, t)
	})
	return t, err
}

func (s *Service) checkTrust(r TrustRequest) error {
	count := r.RedelegationCount
	switch {
	case r.Trustee == "":
		return cloud.Invalidf("trust", "trustee_user_id", "A trust needs a trustee.")
	case r.ExpiresAt != nil && !s.now().Before(*r.ExpiresAt):
		return cloud.Invalidf("trust", "expires_at", "expires_at lies in the past.")
	case r.RemainingUses != nil && *r.RemainingUses < 1:
		return cloud.Invalidf("trust", "remaining_uses", "remaining_uses must be a positive integer or null.")
	case count != nil && *count < 0:
		return cloud.Invalidf("trust", "redelegation_count", "redelegation_count must not be negative.")
	case r.redelegations() > redelegationMax:
		return cloud.Errorf(cloud.Forbidden, "trust", "", "A trust can be passed on %d times at most.", redelegationMax)
	case r.redelegations() > 0 && r.RemainingUses != nil:
		return cloud.Invalidf("trust", "remaining_uses", "remaining_uses must not be set if redelegation is allowed.")
	case r.Project == "" && len(r.Roles) > 0:
		return cloud.Invalidf("trust", "project_id", "Roles can only be entrusted on a project; the request names none.")
	case r.Project != "" && len(r.Roles) == 0:
		return cloud.Errorf(cloud.Forbidden, "trust", "", "At least one role should be specified.")
	case slices.Contains(r.Roles, RoleRef{}):
		return cloud.Invalidf("trust", "roles", "Each role needs an id or a name.")
	}
	return nil
}

// redelegations is how often the trust may be passed on, as far as the request says.
func (r TrustRequest) redelegations() int {
	switch {
	case !r.Redelegable:
		return 0
	case r.RedelegationCount == nil:
		return redelegationMax
	}
	return *r.RedelegationCount
}

// passOn bounds a trust by the one it is made with.
func (r TrustRequest) passOn(parent, t *cloud.Trust) error {
	denied := func(why string) error { return cloud.Errorf(cloud.Forbidden, "trust", parent.ID, "%s", why) }
	left := parent.RedelegationCount - 1
	switch {
	case left < 0:
		return denied("The trust you act by must not be passed on.")
	case r.redelegations() > 0 && r.RedelegationCount != nil && *r.RedelegationCount != left:
		return denied("A trust that is passed on has a redelegation_count one below that of the former. Leave it out.")
	case t.RemainingUses != nil:
		return denied("remaining_uses must not be set where a trust is passed on.")
	case t.ProjectID != parent.ProjectID:
		return denied("A trust can only be passed on for its own project.")
	case t.Impersonation && !parent.Impersonation:
		return denied("Impersonation is not allowed by the trust that is passed on.")
	case t.ExpiresAt != nil && parent.ExpiresAt != nil && t.ExpiresAt.After(*parent.ExpiresAt):
		return denied("The expiry is later than that of the trust that is passed on.")
	case slices.ContainsFunc(t.Roles, func(id cloud.RoleID) bool { return !slices.Contains(parent.Roles, id) }):
		return denied("Some of the roles are not in the trust that is passed on.")
	}
	if t.ExpiresAt == nil {
		t.ExpiresAt = parent.ExpiresAt
	}
	t.RedelegationCount = min(t.RedelegationCount, left)
	return nil
}

// chainAbove are the trusts that t passes on, held until the end of the transaction.
func (s *Service) chainAbove(ctx context.Context, t *cloud.Trust) ([]*cloud.Trust, error) {
	if t.ParentID == "" {
		return nil, nil
	}
	if err := s.lockTrust(ctx, t.ParentID); err != nil {
		return nil, err
	}
	chain, err := s.trustChain(ctx, t.ParentID)
	return chain, refusedIfMissing(err)
}

// trustChain is a trust and those it passes on, the nearest first. All of them must be usable; NotFound if not.
func (s *Service) trustChain(ctx context.Context, id cloud.TrustID) ([]*cloud.Trust, error) {
	var chain []*cloud.Trust
	// The bound also ends a ring, which only a damaged store can have.
	for id != "" && len(chain) <= redelegationMax {
		t, err := s.usableTrust(ctx, id)
		if err != nil {
			return nil, err
		}
		chain, id = append(chain, t), t.ParentID
	}
	return chain, nil
}

// entrusted answers the roles asked for if the one whose roles they are has them all now: the first trustor of the chain.
func (s *Service) entrusted(ctx context.Context, t *cloud.Trust, chain []*cloud.Trust, want []RoleRef) ([]cloud.RoleID, error) {
	if t.ProjectID == "" {
		return nil, nil
	}
	own, err := s.rolesToEntrust(ctx, append([]*cloud.Trust{t}, chain...))
	if err != nil {
		return nil, err
	}
	return chosen(passable(cloud.PrincipalOf(ctx), t.ProjectID, own), want, func(w RoleRef) error {
		return cloud.Errorf(cloud.NotFound, "role", w.ID+cloud.RoleID(w.Name), "Could not find role: %s%s, or the trustor does not have it on the project.", w.ID, w.Name)
	})
}

// chosen are the ids of the roles wanted, each once; missing says why one that is not among those somebody has cannot be had.
func chosen(own []*cloud.Role, want []RoleRef, missing func(RoleRef) error) (ids []cloud.RoleID, err error) {
	for _, w := range want {
		i := slices.IndexFunc(own, w.names)
		if i < 0 {
			return nil, missing(w)
		}
		if !slices.Contains(ids, own[i].ID) {
			ids = append(ids, own[i].ID)
		}
	}
	return ids, nil
}

// names tells whether a reference means the role. The roles of single domains are known by id only.
func (w RoleRef) names(r *cloud.Role) bool {
	return w.ID == r.ID || w.ID == "" && r.DomainID == "" && w.Name == r.Name
}

// rolesToEntrust are the roles, implied ones and those of domains included, that the first trustor of a chain has.
func (s *Service) rolesToEntrust(ctx context.Context, chain []*cloud.Trust) ([]*cloud.Role, error) {
	first := chain[len(chain)-1]
	held, err := s.heldRoles(ctx, first.TrustorID, Scope{ProjectID: first.ProjectID})
	if err != nil {
		return nil, err
	}
	book, err := s.roleBook(ctx)
	return book.closure(held), err
}

// passable: whoever came by a credential entrusts no more than that has.
func passable(caller *cloud.Principal, project cloud.ProjectID, own []*cloud.Role) []*cloud.Role {
	if caller.AppCredentialID == "" {
		return own
	}
	return slices.DeleteFunc(own, func(r *cloud.Role) bool { return caller.ProjectID != project || !caller.Has(r.Name) })
}
