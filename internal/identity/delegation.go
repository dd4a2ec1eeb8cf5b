package identity

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

func delegationTarget(user cloud.UserID) policy.Target {
	return policy.Target{Resource: "delegation", UserID: user}
}

// Delegation answers one of a user's.
func (s *Service) Delegation(ctx context.Context, user cloud.UserID, id cloud.DelegationID) (*cloud.Delegation, error) {
	if err := policy.Authorize(ctx, "delegation.get", delegationTarget(user)); err != nil {
		return nil, err
	}
	d, err := s.Delegations.Get(ctx, id)
	if err == nil && d.UserID != user {
		err = cloud.NotFoundf("delegation", id)
	}
	return d, err
}

// ListDelegations lists a user's.
func (s *Service) ListDelegations(ctx context.Context, user cloud.UserID, f Filter) ([]*cloud.Delegation, error) {
	if err := policy.Authorize(ctx, "delegation.get", delegationTarget(user)); err != nil {
		return nil, err
	}
	return s.Delegations.List(ctx, cloud.Query{Where: []cloud.Cond{cloud.Eq("user_id", user)}, After: f.Marker, Limit: f.Limit})
}

// DeleteDelegation ends one; its tokens become void.
func (s *Service) DeleteDelegation(ctx context.Context, user cloud.UserID, id cloud.DelegationID) error {
	if err := policy.Authorize(ctx, "delegation.delete", delegationTarget(user)); err != nil {
		return err
	}
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		d, err := s.Delegation(ctx, user, id)
		if err != nil {
			return err
		}
		return s.removeDelegation(ctx, d)
	})
}

func (s *Service) removeDelegation(ctx context.Context, d *cloud.Delegation) error {
	if err := s.revoke(ctx, cause{kind: voidDelegation, id: string(d.ID)}); err != nil {
		return err
	}
	return s.Delegations.Delete(ctx, d.ID)
}

// dropDelegations is for an application, user or project that is going away.
func (s *Service) dropDelegations(ctx context.Context, where cloud.Cond) error {
	requests, err := s.DelegationRequests.List(ctx, cloud.Where(where))
	err = each(requests, err, func(r *cloud.DelegationRequest) error { return s.DelegationRequests.Delete(ctx, r.ID) })
	if err != nil {
		return err
	}
	list, err := s.Delegations.List(ctx, cloud.Where(where))
	return each(list, err, func(d *cloud.Delegation) error { return s.removeDelegation(ctx, d) })
}

// sweepDelegations removes what has expired. A token does not outlive its delegation, so none is voided.
func (s *Service) sweepDelegations(ctx context.Context) error {
	q := expired(s.now())
	_, err := cloud.Trim(ctx, s.Tx, s.UsedSignatures, q, func(u *cloud.UsedSignature) string { return u.ID })
	if err == nil {
		_, err = cloud.Trim(ctx, s.Tx, s.DelegationRequests, q, func(r *cloud.DelegationRequest) cloud.DelegationRequestID { return r.ID })
	}
	if err == nil {
		_, err = cloud.Trim(ctx, s.Tx, s.Delegations, q, func(d *cloud.Delegation) cloud.DelegationID { return d.ID })
	}
	return err
}

// authenticateDelegated lets an application stand for the user who delegated to it.
func (s *Service) authenticateDelegated(ctx context.Context, sig *Signature, who *subject) error {
	var d *cloud.Delegation
	err := s.Tx.Update(ctx, func(ctx context.Context) (err error) {
		if d, err = s.Delegations.Get(ctx, cloud.DelegationID(sig.Key)); err != nil {
			return refusedIfMissing(err)
		}
		if d.ApplicationID != sig.Application || !s.now().Before(d.ExpiresAt) {
			return refused()
		}
		_, err = s.checkSignature(ctx, *sig, d.Sealed)
		return refusedIfMissing(err)
	})
	if err != nil {
		return err
	}
	u, err := s.Users.Get(ctx, d.UserID)
	if err != nil {
		return refusedIfMissing(err)
	}
	if who.user != nil && who.user.ID != u.ID {
		return refused()
	}
	who.user, who.delegation, who.methods = u, d, append(who.methods, MethodDelegated)
	return nil
}
