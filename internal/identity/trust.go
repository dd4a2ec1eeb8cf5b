package identity

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// TrustFilter selects trusts; what is empty selects all.
type TrustFilter struct {
	Trustor, Trustee cloud.UserID
	Limit            int
	Marker           string
}

func trustTarget(user cloud.UserID) policy.Target {
	return policy.Target{Resource: "trust", UserID: user}
}

// mayReadTrust: the two users of a trust read it, as do those who read everything.
func mayReadTrust(ctx context.Context, trustor, trustee cloud.UserID) error {
	if policy.May(ctx, "trust.get", trustTarget(trustee)) {
		return nil
	}
	return policy.Authorize(ctx, "trust.get", trustTarget(trustor))
}

// Trust answers one trust. One that has expired or is used up is gone.
func (s *Service) Trust(ctx context.Context, id cloud.TrustID) (*cloud.Trust, error) {
	t, err := s.usableTrust(ctx, id)
	if err != nil {
		return nil, err
	}
	return t, mayReadTrust(ctx, t.TrustorID, t.TrusteeID)
}

func (s *Service) usableTrust(ctx context.Context, id cloud.TrustID) (*cloud.Trust, error) {
	t, err := s.Trusts.Get(ctx, id)
	if err == nil && !s.trustHolds(t) {
		err = cloud.NotFoundf("trust", id)
	}
	return t, err
}

func (s *Service) trustHolds(t *cloud.Trust) bool {
	return (t.ExpiresAt == nil || s.now().Before(*t.ExpiresAt)) && (t.RemainingUses == nil || *t.RemainingUses > 0)
}

// ListTrusts lists trusts that can be used. All of them are for those who read everything; others name themselves as one side.
func (s *Service) ListTrusts(ctx context.Context, f TrustFilter) ([]*cloud.Trust, error) {
	if err := mayReadTrust(ctx, f.Trustor, f.Trustee); err != nil {
		return nil, err
	}
	var where []cloud.Cond
	if f.Trustor != "" {
		where = append(where, cloud.Eq("trustor_id", f.Trustor))
	}
	if f.Trustee != "" {
		where = append(where, cloud.Eq("trustee_id", f.Trustee))
	}
	return s.Trusts.List(ctx, cloud.Query{Where: where, After: f.Marker, Limit: f.Limit}, s.trustHolds)
}

// DeleteTrust ends a trust and those that passed it on; their tokens become void. One that is used up can be
// deleted for the sake of its tokens.
func (s *Service) DeleteTrust(ctx context.Context, id cloud.TrustID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		t, err := s.Trusts.Get(ctx, id)
		if err != nil {
			return err
		}
		if err := policy.Authorize(ctx, "trust.delete", trustTarget(t.TrustorID)); err != nil {
			return err
		}
		return s.removeTrust(ctx, t)
	})
}

// removeTrust may find the trust gone: those that passed it on went with it.
func (s *Service) removeTrust(ctx context.Context, t *cloud.Trust) error {
	if err := s.lockTrust(ctx, t.ID); err != nil {
		return err
	}
	if err := s.dropTrusts(ctx, cloud.Eq("parent_id", t.ID)); err != nil {
		return err
	}
	if err := s.revoke(ctx, cause{kind: voidTrust, id: string(t.ID)}); err != nil {
		return err
	}
	err := s.Trusts.Delete(ctx, t.ID)
	if cloud.Is(err, cloud.NotFound) {
		return nil
	}
	return err
}

// lockTrust is for whoever counts the uses of a trust, passes it on or ends it.
func (s *Service) lockTrust(ctx context.Context, id cloud.TrustID) error {
	return s.Tx.Lock(ctx, "trust "+string(id))
}

// dropTrusts is for a user, project or role that is going away.
func (s *Service) dropTrusts(ctx context.Context, where cloud.Cond) error {
	list, err := s.Trusts.List(ctx, cloud.Where(where))
	return each(list, err, func(t *cloud.Trust) error { return s.removeTrust(ctx, t) })
}

func (s *Service) sweepTrusts(ctx context.Context) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		expired, err := s.Trusts.List(ctx, cloud.Query{Limit: 1000,
			Where: []cloud.Cond{{Column: "expires_at", Op: cloud.OpLt, Value: s.now()}}})
		return each(expired, err, func(t *cloud.Trust) error { return s.removeTrust(ctx, t) })
	})
}
