package identity

import (
	"context"
	"slices"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// scopeToTrust gives the trustee the trust's roles on its project, under the trustor's name if the trust says so.
func (s *Service) scopeToTrust(ctx context.Context, t *Token, id cloud.TrustID) error {
	chain, err := s.trustChain(ctx, id)
	if err != nil {
		return refusedIfMissing(err)
	}
	t.Trust = chain[0]
	if t.Trust.TrusteeID != t.User.ID {
		return trustFails(t.Trust, "User is not a trustee.")
	}
	if err := s.standBehind(ctx, t, chain); err != nil {
		return err
	}
	if t.Trust.ProjectID == "" {
		return nil
	}
	if err := s.enterProject(ctx, t, ProjectRef{ID: t.Trust.ProjectID}); err != nil {
		return err
	}
	return s.fillTrustRoles(ctx, t, chain)
}

func trustFails(t *cloud.Trust, why string) error {
	return cloud.Errorf(cloud.Forbidden, "trust", t.ID, "%s", why)
}

// standBehind checks that everybody the trust rests on may still sign in, and puts the trustor in the user's place to impersonate it.
func (s *Service) standBehind(ctx context.Context, t *Token, chain []*cloud.Trust) error {
	parties, err := s.Users.List(ctx, cloud.Where(cloud.In("id", usersOf(chain))))
	if err != nil {
		return err
	}
	for _, u := range parties {
		d, err := s.Domains.Get(ctx, u.DomainID)
		if err != nil {
			return err
		}
		if !u.Enabled || !d.Enabled {
			return trustFails(t.Trust, "A user that the trust rests on is disabled.")
		}
		if t.Trust.Impersonation && u.ID == t.Trust.TrustorID {
			t.User, t.UserDomain = u, d
		}
	}
	for _, u := range parties {
		if u.ID != t.User.ID {
			t.behind = append(t.behind, party{u.ID, u.DomainID})
		}
	}
	return nil
}

// usersOf are the two users of each trust, each once.
func usersOf(chain []*cloud.Trust) []cloud.UserID {
	var ids []cloud.UserID
	for _, t := range chain {
		ids = append(ids, t.TrustorID, t.TrusteeID)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// fillTrustRoles: the first trustor must still have all that was entrusted.
func (s *Service) fillTrustRoles(ctx context.Context, t *Token, chain []*cloud.Trust) error {
	own, err := s.rolesToEntrust(ctx, chain)
	if err != nil {
		return err
	}
	for _, id := range t.Trust.Roles {
		if !slices.ContainsFunc(own, RoleRef{ID: id}.names) {
			return trustFails(t.Trust, "The trustor no longer has all the roles of the trust.")
		}
	}
	book, err := s.roleBook(ctx)
	if err != nil {
		return err
	}
	t.Roles = book.expand(t.Trust.Roles)
	return sortRoles(t)
}

// useTrust counts one use of a trust whose uses are counted. After the last one the row stays as long as the token
// made with it may live: deleting the trust ends that token.
func (s *Service) useTrust(ctx context.Context, t *cloud.Trust) error {
	if t.RemainingUses == nil {
		return nil
	}
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.lockTrust(ctx, t.ID); err != nil {
			return err
		}
		fresh, err := s.usableTrust(ctx, t.ID)
		if err != nil {
			return refusedIfMissing(err)
		}
		left := *fresh.RemainingUses - 1
		fresh.RemainingUses = &left
		if left == 0 {
			fresh.ExpiresAt = earlier(fresh.ExpiresAt, s.now().Add(tokenLifetimeMax))
		}
		return s.Trusts.Update(ctx, fresh)
	})
}

// earlier is end, or t if that is sooner.
func earlier(end *time.Time, t time.Time) *time.Time {
	if end != nil && end.Before(t) {
		return end
	}
	return &t
}
