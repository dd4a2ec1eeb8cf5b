package openidtest

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// tokenLife is how long tokens are good for.
const tokenLife = 10 * time.Minute

// storage is a Provider as zitadel sees it.
type storage struct{ *Provider }

var (
	_ op.Storage                        = storage{}
	_ op.ClientCredentialsStorage       = storage{}
	_ op.DeviceAuthorizationStorage     = storage{}
	_ op.CanSetUserinfoFromRequest      = storage{}
	_ op.CanGetPrivateClaimsFromRequest = storage{}
)

// errNone is what zitadel makes the answer of, wherever something is not there.
var errNone = errors.New("there is none")

// given is an access token.
type given struct {
	subject string
	app     App
	scopes  []string
	ends    time.Time
}

func (s storage) CreateAuthRequest(_ context.Context, r *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	app, ok := s.app(r.ClientID)
	if !ok {
		return nil, errNone
	}
	begun := &session{id: rand.Text(), request: *r, app: app, scopes: r.Scopes}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions[begun.id] = begun
	return begun, nil
}

func (s storage) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	return found(s, s.sessions, id)
}

func (s storage) AuthRequestByCode(_ context.Context, code string) (op.AuthRequest, error) {
	return found(s, s.codes, code)
}

func (s storage) TokenRequestByRefreshToken(_ context.Context, token string) (op.RefreshTokenRequest, error) {
	of, err := found(s, s.refreshes, token)
	if err != nil {
		return nil, err
	}
	if _, ok := s.user(of.subject); !ok {
		return nil, errNone
	}
	return of, nil
}

func found(s storage, in map[string]*session, id string) (*session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of, ok := in[id]
	if !ok {
		return nil, errNone
	}
	return of, nil
}

func (s storage) SaveAuthCode(_ context.Context, id, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[code] = s.sessions[id]
	return nil
}

// DeleteAuthRequest makes codes good for one time.
func (s storage) DeleteAuthRequest(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, id)
	for code, of := range s.codes {
		if of.id == id {
			delete(s.codes, code)
		}
	}
	return nil
}

func (s storage) CreateAccessToken(_ context.Context, r op.TokenRequest) (string, time.Time, error) {
	id, token := rand.Text(), given{subject: r.GetSubject(), scopes: r.GetScopes(), ends: time.Now().Add(tokenLife)}
	if of, ok := r.(interface{ GetClientID() string }); ok {
		token.app, _ = s.app(of.GetClientID())
	} else {
		token.app, _ = s.app(r.GetSubject()) // a service's own
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[id] = token
	return id, token.ends, nil
}

func (s storage) CreateAccessAndRefreshTokens(ctx context.Context, r op.TokenRequest, current string) (id, refresh string, ends time.Time, err error) {
	if id, ends, err = s.CreateAccessToken(ctx, r); err != nil {
		return "", "", ends, err
	}
	refresh = rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	of, ok := s.refreshes[current]
	if !ok {
		of = &session{id: rand.Text(), app: s.tokens[id].app, subject: r.GetSubject(), scopes: r.GetScopes(), done: true, since: time.Now()}
	}
	delete(s.refreshes, current)
	s.refreshes[refresh] = of
	return id, refresh, ends, nil
}

func (storage) TerminateSession(context.Context, string, string) error { return nil }

func (s storage) RevokeToken(_ context.Context, id, _, _ string) *oidc.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked[id] = true
	delete(s.refreshes, id)
	return nil
}

func (s storage) GetRefreshTokenInfo(_ context.Context, _, token string) (user, id string, err error) {
	of, err := found(s, s.refreshes, token)
	if err != nil {
		return "", "", op.ErrInvalidRefreshToken
	}
	return of.subject, token, nil
}

func (s storage) SigningKey(context.Context) (op.SigningKey, error) { return signing{s.current()}, nil }

func (s storage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{s.current().algorithm}, nil
}

func (s storage) KeySet(context.Context) ([]op.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []op.Key
	for _, k := range s.keys {
		all = append(all, published{k})
	}
	return all, nil
}

func (s storage) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	app, ok := s.app(id)
	if !ok {
		return nil, errNone
	}
	return application{app}, nil
}

func (s storage) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	if app, ok := s.app(id); !ok || app.Secret == "" || app.Secret != secret {
		return errNone
	}
	return nil
}

func (s storage) ClientCredentials(ctx context.Context, id, secret string) (op.Client, error) {
	if err := s.AuthorizeClientIDSecret(ctx, id, secret); err != nil {
		return nil, err
	}
	return s.GetClientByClientID(ctx, id)
}

// ClientCredentialsTokenRequest is for a service: its token's subject is the application itself, which has an account if a test gave it one.
func (s storage) ClientCredentialsTokenRequest(_ context.Context, id string, scopes []string) (op.TokenRequest, error) {
	app, ok := s.app(id)
	if !ok {
		return nil, errNone
	}
	return &session{id: rand.Text(), app: app, subject: id, scopes: scopes, done: true, since: time.Now()}, nil
}

func (storage) SetUserinfoFromScopes(context.Context, *oidc.UserInfo, string, string, []string) error {
	return nil
}

// SetUserinfoFromRequest is about an ID token.
func (s storage) SetUserinfoFromRequest(_ context.Context, into *oidc.UserInfo, r op.IDTokenRequest, _ []string) error {
	u, ok := s.user(r.GetSubject())
	app, registered := s.app(r.GetClientID())
	if !ok || !registered {
		return errNone
	}
	into.Subject = u.Subject
	for name, value := range app.inTokens(u) {
		into.AppendClaims(name, value)
	}
	return nil
}

// GetPrivateClaimsFromRequest is about an access token that is a JWT.
func (s storage) GetPrivateClaimsFromRequest(_ context.Context, r op.TokenRequest, _ []string) (map[string]any, error) {
	u, _ := s.user(r.GetSubject())
	of, _ := r.(interface{ GetClientID() string })
	app, _ := s.app(of.GetClientID())
	return app.inTokens(u), nil
}

func (storage) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return nil, nil
}

// SetUserinfoFromToken is the userinfo endpoint. A JWT that a test signed is good although it was never given.
func (s storage) SetUserinfoFromToken(_ context.Context, into *oidc.UserInfo, id, subject, _ string) error {
	u, token, err := s.good(id, subject)
	if err != nil {
		return err
	}
	if token.scopes != nil && !slices.Contains(token.scopes, oidc.ScopeOpenID) {
		return &oidc.Error{ErrorType: "insufficient_scope"}
	}
	into.Subject = u.Subject
	if other := s.Behaviour().Subject; other != "" {
		into.Subject = other
	}
	for name, value := range u.Claims {
		into.AppendClaims(name, value)
	}
	return nil
}

// SetIntrospectionFromToken is the introspection endpoint. It tells every application about every token.
func (s storage) SetIntrospectionFromToken(_ context.Context, into *oidc.IntrospectionResponse, id, subject, _ string) error {
	u, token, err := s.good(id, subject)
	if err != nil {
		return err
	}
	into.Subject, into.ClientID, into.Scope, into.Issuer = u.Subject, token.app.ID, token.scopes, s.Issuer
	into.Audience = token.app.audience()
	if !token.ends.IsZero() {
		into.Expiration = oidc.FromTime(token.ends)
	}
	into.Claims = map[string]any{}
	for name, value := range u.Claims {
		into.Claims[name] = value
	}
	return nil
}

// good finds who is behind a token that still is good.
func (s storage) good(id, subject string) (User, given, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.users[subject]
	token, known := s.tokens[id]
	if !ok || s.revoked[id] || known && time.Now().After(token.ends) {
		return u, token, oidc.ErrAccessDenied()
	}
	return u, token, nil
}

func (storage) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errNone
}

func (storage) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, errNone
}

func (storage) Health(context.Context) error { return nil }
