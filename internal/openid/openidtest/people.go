package openidtest

import (
	"slices"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// User is somebody who has an account at the provider.
type User struct {
	Name, Password string
	Subject        string         // claim sub
	Claims         map[string]any // the others, as userinfo and introspection tell them
}

// App is an application that is registered at the provider. It may use every grant.
type App struct {
	ID, Secret string   // no secret: a public client
	Redirects  []string // where a browser may be sent back to
	Opaque     bool     // its access tokens are no JWTs
	InTokens   []string // claims that its access tokens and ID tokens carry; the others are userinfo's only
	Audience   []string // of its access tokens. Empty: its ID
}

// application is an App as zitadel sees it.
type application struct{ App }

var _ op.Client = application{}

func (a application) GetID() string                      { return a.ID }
func (a application) RedirectURIs() []string             { return a.Redirects }
func (application) PostLogoutRedirectURIs() []string     { return nil }
func (application) LoginURL(id string) string            { return signInPath + "?id=" + id }
func (application) IDTokenLifetime() time.Duration       { return tokenLife }
func (application) DevMode() bool                        { return true } // redirects to http
func (application) IsScopeAllowed(string) bool           { return true }
func (application) IDTokenUserinfoClaimsAssertion() bool { return false }
func (application) ClockSkew() time.Duration             { return 0 }
func (application) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}
func (application) RestrictAdditionalIdTokenScopes() filter     { return same }
func (application) RestrictAdditionalAccessTokenScopes() filter { return same }

type filter = func([]string) []string

func same(scopes []string) []string { return scopes }

func (a application) AuthMethod() oidc.AuthMethod {
	if a.Secret == "" {
		return oidc.AuthMethodNone
	}
	return oidc.AuthMethodBasic
}

// ApplicationType is how zitadel tells who has a secret.
func (a application) ApplicationType() op.ApplicationType {
	if a.Secret == "" {
		return op.ApplicationTypeNative
	}
	return op.ApplicationTypeWeb
}

func (application) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken, oidc.GrantTypeClientCredentials, oidc.GrantTypeDeviceCode}
}

func (a application) AccessTokenType() op.AccessTokenType {
	if a.Opaque {
		return op.AccessTokenTypeBearer
	}
	return op.AccessTokenTypeJWT
}

// inTokens are the claims of u that a's tokens carry.
func (a App) inTokens(u User) map[string]any {
	carried := map[string]any{}
	for name, value := range u.Claims {
		if slices.Contains(a.InTokens, name) {
			carried[name] = value
		}
	}
	return carried
}

func (a App) audience() []string {
	if len(a.Audience) == 0 {
		return []string{a.ID}
	}
	return a.Audience
}

// SetUser adds somebody, or changes who is there with that subject: what userinfo and introspection say from now on.
func (p *Provider) SetUser(u User) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.users[u.Subject] = u
}

// RemoveUser ends an account, with all tokens that were given for it.
func (p *Provider) RemoveUser(subject string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.users, subject)
}

// SetApp registers an application, or changes it.
func (p *Provider) SetApp(a App) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.apps[a.ID] = a
}

// SignIn is who opens the sign-in page from now on. Nobody (an empty subject) is sent back with access_denied.
func (p *Provider) SignIn(subject string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.browsing = subject
}

func (p *Provider) user(subject string) (User, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	u, ok := p.users[subject]
	return u, ok
}

func (p *Provider) app(id string) (App, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, ok := p.apps[id]
	return a, ok
}
