package identity

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/openid"
)

// OpenID asks OpenID providers; openid.Client is one.
type OpenID interface {
	Bearer(ctx context.Context, s openid.Settings, token string) (*openid.Person, error)
	Look(ctx context.Context, s openid.Settings, token string) (*openid.Person, error)
	Refresh(ctx context.Context, s openid.Settings, refreshToken string) (*openid.Person, error)
	Begin(ctx context.Context, s openid.Settings, redirect string) (string, openid.Pending, error)
	Finish(ctx context.Context, s openid.Settings, redirect string, p openid.Pending, answer url.Values) (*openid.Person, error)
}

// AdmitBearer signs in the owner of an access token of an OpenID provider. Unauthenticated for a token that is none of the
// provider's or does not hold, Unavailable where the provider would have to be asked and does not answer; else as Admit.
func (s *Service) AdmitBearer(ctx context.Context, id cloud.IdentityProviderID, protocol, token string) (t *Token, err error) {
	defer func() { s.account(ctx, cloud.SignIn{ProviderID: id, Protocol: protocol}, t, err) }()
	ctx = cloud.WithPrincipal(ctx, cloud.System())
	p, _, err := s.way(ctx, id, protocol)
	if err != nil {
		return nil, err
	}
	if bySAML(p, protocol) {
		return nil, s.turnedAway("the provider speaks SAML by this protocol, and gives no access tokens", "provider", id, "protocol", protocol)
	}
	settings, err := s.openIDSettings(ctx, p, claimed(token).Iss)
	if err != nil {
		return nil, err
	}
	person, err := s.OpenID.Bearer(ctx, settings, token)
	if err != nil {
		return nil, s.notVouched(p, protocol, err)
	}
	until := person.Expires
	if until.IsZero() {
		until = s.now().Add(s.Options.TokenLifetime)
	}
	said, err := s.saidBy(id, protocol, person, Proof{Issuer: settings.Issuer, Access: token, Until: until.Truncate(time.Microsecond)})
	if err != nil {
		return nil, err
	}
	return s.Admit(ctx, said)
}

// notVouched tells the log why somebody does not get in, and the caller no more than must be.
func (s *Service) notVouched(p *cloud.IdentityProvider, protocol string, err error) error {
	refusal, unreachable := (*openid.Refusal)(nil), (*openid.Unreachable)(nil)
	switch {
	case errors.As(err, &refusal):
		return s.turnedAway(string(refusal.Reason), "provider", p.ID, "protocol", protocol, "because", refusal)
	case errors.As(err, &unreachable):
		s.Log.Error("sign-in failed: the provider cannot be asked", "provider", p.ID, "protocol", protocol, "error", err)
		return &cloud.Error{Kind: cloud.Unavailable, Resource: "identity provider", ID: string(p.ID), Cause: err,
			Message: "The identity provider " + string(p.ID) + " cannot be asked at the moment. Try again later."}
	}
	return err
}

// openIDSettings is what this cloud is at one issuer of a provider; its first if the issuer is none of its own, whose keys then
// say so.
func (s *Service) openIDSettings(ctx context.Context, p *cloud.IdentityProvider, issuer string) (openid.Settings, error) {
	if !slices.Contains(p.RemoteIDs, issuer) {
		at := slices.IndexFunc(p.RemoteIDs, func(id string) bool { return strings.HasPrefix(id, "https://") || strings.HasPrefix(id, "http://") })
		if at < 0 {
			return openid.Settings{}, s.turnedAway("none of the provider's remote ids is an OpenID issuer", "provider", p.ID)
		}
		issuer = p.RemoteIDs[at]
	}
	set := openid.Settings{Issuer: issuer}
	c := p.OpenID
	if c == nil {
		return set, nil
	}
	set.ClientID, set.Scopes, set.Audiences, set.Introspect = c.ClientID, c.Scopes, c.Audiences, c.Introspect
	if len(c.Sealed) == 0 {
		return set, nil
	}
	var err error
	set.ClientSecret, err = s.Open(ctx, clientSeal(p.ID, c.ClientID), c.Sealed)
	return set, err
}

// claim is what a token says of itself before anybody has checked it: by whom it is, for choosing among issuers, and until when.
type claim struct {
	Iss string
	Exp float64
}

func claimed(token string) (c claim) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return c
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return c
	}
	_ = json.Unmarshal(text, &c) // what does not read claims nothing
	return c
}
