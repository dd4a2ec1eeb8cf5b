package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// How long a request waits to be granted and fetched, and how long what it becomes holds.
const (
	delegationRequestLife = 8 * time.Hour
	delegationLife        = 24 * time.Hour
)

// RequestDelegation is an application's own call, for which its signature is the proof: it wants to act on a project, for whoever
// grants that.
func (s *Service) RequestDelegation(ctx context.Context, sig Signature, project cloud.ProjectID) (key SignedKey[cloud.DelegationRequestID], ends time.Time, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		a, err := s.checkSignature(ctx, sig, nil)
		if err != nil {
			return err
		}
		if _, err := s.Projects.Get(ctx, project); err != nil {
			return err
		}
		r := &cloud.DelegationRequest{ApplicationID: a.ID, ProjectID: project, ExpiresAt: s.now().Add(delegationRequestLife)}
		if key, r.Sealed, err = sealedKey[cloud.DelegationRequestID](ctx, s); err != nil {
			return err
		}
		r.ID, ends = key.ID, r.ExpiresAt
		return s.DelegationRequests.Insert(ctx, r)
	})
	return key, ends, err
}

// GrantDelegation lets the application act as the caller with some of the caller's roles, once it shows the verifier.
func (s *Service) GrantDelegation(ctx context.Context, id cloud.DelegationRequestID, want []RoleRef) (verifier string, err error) {
	caller := cloud.PrincipalOf(ctx)
	if err := policy.Authorize(ctx, "delegation.grant", delegationTarget(caller.UserID)); err != nil {
		return "", err
	}
	verifier = rand.Text()
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		r, err := s.openRequest(ctx, id)
		if err != nil {
			return err
		}
		if r.Roles, err = s.delegable(ctx, caller, r.ProjectID, want); err != nil {
			return err
		}
		if r.Verifier, err = s.Seal(ctx, string(r.ID), verifier); err != nil {
			return err
		}
		r.UserID = caller.UserID
		return s.DelegationRequests.Update(ctx, r)
	})
	return verifier, err
}

// openRequest answers a request that has not expired.
func (s *Service) openRequest(ctx context.Context, id cloud.DelegationRequestID) (*cloud.DelegationRequest, error) {
	r, err := s.DelegationRequests.Get(ctx, id)
	if err == nil && !s.now().Before(r.ExpiresAt) {
		err = unsigned("The request token has expired; ask for another.")
	}
	return r, err
}

// delegable answers the roles asked for if they are the caller's on the project.
func (s *Service) delegable(ctx context.Context, caller *cloud.Principal, project cloud.ProjectID, want []RoleRef) ([]cloud.RoleID, error) {
	if len(want) == 0 {
		return nil, cloud.Invalidf("delegation", "roles", "Name one role at least that the application shall have.")
	}
	own, err := s.rolesNow(ctx, caller.UserID, Scope{ProjectID: project})
	if err != nil {
		return nil, err
	}
	return chosen(passable(caller, project, own), want, func(w RoleRef) error { return s.undelegable(ctx, w) })
}

// undelegable says why a role cannot be given: it does not exist, or the user does not have it.
func (s *Service) undelegable(ctx context.Context, w RoleRef) error {
	var err error
	if w.ID != "" {
		_, err = s.Roles.Get(ctx, w.ID)
	} else {
		_, err = s.Roles.One(ctx, cloud.Eq("domain_id", ""), cloud.Eq("name_lower", w.Name))
	}
	if err != nil {
		return err
	}
	return unsigned("You do not have all of these roles on the project that the application asks for.")
}

// CreateDelegation is an application's own call: it exchanges a request that was granted, once.
func (s *Service) CreateDelegation(ctx context.Context, sig Signature) (key SignedKey[cloud.DelegationID], ends time.Time, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		r, err := s.grantedRequest(ctx, sig)
		if err != nil {
			return err
		}
		d := &cloud.Delegation{ApplicationID: r.ApplicationID, UserID: r.UserID, ProjectID: r.ProjectID, Roles: r.Roles, ExpiresAt: s.now().Add(delegationLife)}
		if key, d.Sealed, err = sealedKey[cloud.DelegationID](ctx, s); err != nil {
			return err
		}
		d.ID, ends = key.ID, d.ExpiresAt
		if err := s.DelegationRequests.Delete(ctx, r.ID); err != nil {
			return err
		}
		return s.Delegations.Insert(ctx, d)
	})
	return key, ends, err
}

// grantedRequest finds the request that a signature is about, signed by the application that made it.
func (s *Service) grantedRequest(ctx context.Context, sig Signature) (*cloud.DelegationRequest, error) {
	r, err := s.openRequest(ctx, cloud.DelegationRequestID(sig.Key))
	if err != nil {
		return nil, err
	}
	if r.ApplicationID != sig.Application {
		return nil, unsigned("The request token is another consumer's.")
	}
	if _, err := s.checkSignature(ctx, sig, r.Sealed); err != nil {
		return nil, err
	}
	if r.UserID == "" {
		return nil, unsigned("No user has authorized the request token yet.")
	}
	verifier, err := s.Open(ctx, string(r.ID), r.Verifier)
	if err == nil && subtle.ConstantTimeCompare([]byte(verifier), []byte(sig.Verifier)) != 1 {
		err = unsigned("The verifier is not the one that the user was given.")
	}
	return r, err
}
