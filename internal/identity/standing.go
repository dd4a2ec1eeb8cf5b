package identity

import (
	"context"
	"slices"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// standingsOf are what providers that count say of a user now.
func (s *Service) standingsOf(ctx context.Context, user cloud.UserID) ([]*cloud.Standing, error) {
	said, err := s.Standings.List(ctx, cloud.Where(cloud.Eq("user_id", user), cloud.Cond{Column: "until", Op: cloud.OpGt, Value: s.now()}))
	if err != nil || len(said) == 0 {
		return nil, err
	}
	var ids []cloud.IdentityProviderID
	for _, v := range said {
		ids = append(ids, v.ProviderID)
	}
	enabled, err := s.enabledProviders(ctx, ids)
	return slices.DeleteFunc(said, func(v *cloud.Standing) bool { return !slices.Contains(enabled, v.ProviderID) }), err
}

func (s *Service) enabledProviders(ctx context.Context, of []cloud.IdentityProviderID) (ids []cloud.IdentityProviderID, err error) {
	list, err := s.Providers.List(ctx, cloud.Where(cloud.In("id", of), cloud.Eq("enabled", true)))
	for _, p := range list {
		ids = append(ids, p.ID)
	}
	return ids, err
}

// vouchedUntil is until when all that providers say of a user holds; nil if they say nothing.
func (s *Service) vouchedUntil(ctx context.Context, user cloud.UserID) (until *time.Time, err error) {
	said, err := s.standingsOf(ctx, user)
	for _, v := range said {
		if len(v.Groups) > 0 && (until == nil || v.Until.Before(*until)) {
			until = &v.Until
		}
	}
	return until, err
}

// groupsVouched are the groups that a token without a scope tells: those named by the provider it comes from.
func (s *Service) groupsVouched(ctx context.Context, t *Token) ([]cloud.GroupID, error) {
	if t.Provider == "" || t.Project != nil || t.Domain != nil || t.System {
		return nil, nil
	}
	v, err := s.Standings.Get(ctx, cloud.NewStandingID(t.User.ID, t.Provider, t.Protocol))
	if cloud.Is(err, cloud.NotFound) || err == nil && !s.now().Before(v.Until) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return v.Groups, nil
}

// checkVouched refuses a user whom only providers vouched for that are disabled or gone.
func (s *Service) checkVouched(ctx context.Context, who *subject) error {
	if len(who.user.Federated) == 0 || len(who.user.Passwords) > 0 {
		return nil
	}
	var ids []cloud.IdentityProviderID
	for _, f := range who.user.Federated {
		ids = append(ids, f.ProviderID)
	}
	enabled, err := s.enabledProviders(ctx, ids)
	if err == nil && len(enabled) == 0 {
		err = refused()
	}
	return err
}

// revokeVouched voids the tokens of all users that a provider vouches for, however they were made.
func (s *Service) revokeVouched(ctx context.Context, p *cloud.IdentityProvider) error {
	users, err := s.Users.List(ctx, cloud.Where(cloud.Eq("federated", cloud.ProviderKey(p.ID))))
	return each(users, err, func(u *cloud.User) error { return s.revoke(ctx, cause{kind: voidUser, id: string(u.ID)}) })
}

// stand writes down what a provider says of a user, and voids the tokens that rest on groups it no longer names. What is
// hardly new is written only if it must be.
func (s *Service) stand(ctx context.Context, v *cloud.Standing, must bool) error {
	old, err := s.Standings.Get(ctx, v.ID)
	if cloud.Is(err, cloud.NotFound) {
		return s.Standings.Insert(ctx, v)
	}
	if err != nil || !must && sameStanding(old, v) {
		return err
	}
	if err := s.revokeLeft(ctx, old, v.Groups); err != nil {
		return err
	}
	v.Meta = old.Meta
	return s.Standings.Update(ctx, v)
}

// revokeLeft voids the tokens that rest on groups which a user has left.
func (s *Service) revokeLeft(ctx context.Context, old *cloud.Standing, now []cloud.GroupID) error {
	for _, g := range old.Groups {
		if slices.Contains(now, g) {
			continue
		}
		lost, err := s.Assignments.List(ctx, cloud.Where(cloud.Eq("group_id", g)))
		if err := each(lost, err, func(a *cloud.Assignment) error { return s.revoke(ctx, lostBy(a, old.UserID)) }); err != nil {
			return err
		}
	}
	return nil
}

// sameStanding spares a sign-in the write: the same groups, and hardly longer than before.
func sameStanding(old, v *cloud.Standing) bool {
	const hardly = time.Minute
	return slices.Equal(old.Groups, v.Groups) && v.Until.Sub(old.Until).Abs() < hardly && v.AskUntil.Sub(old.AskUntil).Abs() < hardly
}

func (s *Service) dropStandings(ctx context.Context, where cloud.Cond) error {
	list, err := s.Standings.List(ctx, cloud.Where(where))
	return each(list, err, func(v *cloud.Standing) error { return s.Standings.Delete(ctx, v.ID) })
}

// sweepStandings removes what has not counted for a while.
func (s *Service) sweepStandings(ctx context.Context) error {
	q := cloud.Query{Order: []cloud.Order{{Column: "until"}}, Where: []cloud.Cond{{Column: "until", Op: cloud.OpLt, Value: s.now().Add(-standingKept)}}}
	_, err := cloud.Trim(ctx, s.Tx, s.Standings, q, func(v *cloud.Standing) string { return v.ID })
	return err
}

// standingKept is how long after its end a standing is still there to be looked at.
const standingKept = 24 * time.Hour
