package identity

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/mapping"
	"github.com/nubo-cloud/nubo/internal/openid"
)

// How often watchMemberships looks for standings that are due, how many of them at once, and how long one may take.
const (
	lookEvery   = time.Second
	lookBatch   = 64
	lookWorkers = 8
	lookMax     = 15 * time.Second
)

// sealProof keeps with a standing what its provider can be asked with.
func (s *Service) sealProof(ctx context.Context, st *cloud.Standing, p Proof) error {
	if p == (Proof{}) {
		return nil
	}
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	st.AskUntil, st.LookAt = p.Until, s.now().Truncate(time.Microsecond).Add(s.Options.MembershipPause)
	st.Sealed, err = s.Seal(ctx, st.ID, string(text))
	return err
}

// watchMemberships asks providers again and again what they say of the users they vouch for, until ctx ends.
func (s *Service) watchMemberships(ctx context.Context) {
	if s.OpenID == nil {
		return
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.attempt("look at memberships", s.LookAtMemberships(ctx))
		}
	}
}

// LookAtMemberships asks about the standings that are due. One that cannot be asked about now is due again later.
func (s *Service) LookAtMemberships(ctx context.Context) error {
	ctx = cloud.WithPrincipal(ctx, cloud.System())
	due, err := s.Standings.List(ctx, cloud.Query{Order: []cloud.Order{{Column: "look_at"}}, Limit: lookBatch, Where: []cloud.Cond{
		{Column: "look_at", Op: cloud.OpGt, Value: time.Time{}}, {Column: "look_at", Op: cloud.OpLt, Value: s.now()}}})
	if err != nil {
		return err
	}
	var g errgroup.Group
	g.SetLimit(lookWorkers)
	for _, st := range due {
		g.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, lookMax)
			defer cancel()
			return s.look(ctx, st.ID)
		})
	}
	return g.Wait()
}

// look asks a provider about one user.
func (s *Service) look(ctx context.Context, id string) error {
	st, proof, err := s.takeTurn(ctx, id)
	if err != nil || st == nil {
		return err
	}
	p, err := s.Providers.Get(ctx, st.ProviderID)
	if err != nil || !p.Enabled {
		return ignoreMissing(err)
	}
	settings, err := s.openIDSettings(ctx, p, proof.Issuer)
	if err != nil {
		return err
	}
	person, err := s.ask(ctx, settings, proof)
	if refusal := (*openid.Refusal)(nil); errors.As(err, &refusal) {
		// It says no more about the person than that this token is done: sessions end without anybody leaving a group.
		s.Log.Info("a provider can no longer be asked about a user", "provider", p.ID, "user", st.UserID, "because", refusal)
		return s.stopAsking(ctx, id)
	}
	if err != nil {
		s.Log.Warn("cannot ask a provider about a user", "provider", p.ID, "user", st.UserID, "error", err)
		return nil
	}
	return s.heed(ctx, st, proof, person)
}

func ignoreMissing(err error) error {
	if cloud.Is(err, cloud.NotFound) {
		return nil
	}
	return err
}

// takeTurn puts off a standing's next look, so that of several processes one asks, and opens what to ask with. The
// standing is nil if it is not due any more.
func (s *Service) takeTurn(ctx context.Context, id string) (st *cloud.Standing, proof Proof, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		st, err = s.Standings.Get(ctx, id)
		now := s.now()
		switch {
		case cloud.Is(err, cloud.NotFound) || err == nil && (st.LookAt.IsZero() || st.LookAt.After(now)):
			st = nil
			return nil
		case err != nil:
			return err
		}
		st.LookAt = now.Truncate(time.Microsecond).Add(s.Options.MembershipPause)
		return s.Standings.Update(ctx, st)
	})
	if err != nil || st == nil {
		return nil, proof, err
	}
	text, err := s.Open(ctx, st.ID, st.Sealed)
	if err == nil {
		err = json.Unmarshal([]byte(text), &proof)
	}
	return st, proof, err
}

func (s *Service) ask(ctx context.Context, settings openid.Settings, proof Proof) (*openid.Person, error) {
	if proof.Refresh != "" {
		return s.OpenID.Refresh(ctx, settings, proof.Refresh)
	}
	if !s.now().Before(proof.Until) {
		return nil, &openid.Refusal{Issuer: settings.Issuer, Reason: openid.Expired, Detail: "the access token has ended"}
	}
	return s.OpenID.Look(ctx, settings, proof.Access)
}

// stopAsking leaves a standing to its end.
func (s *Service) stopAsking(ctx context.Context, id string) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		st, err := s.Standings.Get(ctx, id)
		if err != nil {
			return ignoreMissing(err)
		}
		st.LookAt, st.AskUntil, st.Sealed = time.Time{}, time.Time{}, nil
		return s.Standings.Update(ctx, st)
	})
}

// heed puts through what a provider says of a user now. Whom the mapping no longer lets in has no groups.
func (s *Service) heed(ctx context.Context, st *cloud.Standing, proof Proof, person *openid.Person) error {
	said, err := s.saidBy(st.ProviderID, st.Protocol, person, proof)
	if err != nil {
		return err
	}
	_, err = s.settle(ctx, said)
	if !cloud.Is(err, cloud.Unauthenticated) {
		return err
	}
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		bare, err := s.Standings.Get(ctx, st.ID)
		if err != nil {
			return ignoreMissing(err)
		}
		bare.Groups = nil
		if err := s.sealProof(ctx, bare, said.Proof); err != nil {
			return err
		}
		return s.stand(ctx, bare, true)
	})
}

// saidBy is what an OpenID provider says of a person, as the mapping reads it.
func (s *Service) saidBy(id cloud.IdentityProviderID, protocol string, person *openid.Person, proof Proof) (said Said, err error) {
	said = Said{ProviderID: id, Protocol: protocol, RemoteID: proof.Issuer, Proof: proof}
	if person.RefreshToken != "" {
		said.Proof = Proof{Issuer: proof.Issuer, Refresh: person.RefreshToken}
	}
	said.Assertion, err = mapping.FromClaims(person.Claims)
	return said, err
}
