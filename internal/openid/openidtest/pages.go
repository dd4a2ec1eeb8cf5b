package openidtest

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/op"
)

// serveSignIn signs in whoever opens the page, at once, and sends the browser back.
func (p *Provider) serveSignIn(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	of := p.sessions[r.FormValue("id")]
	if of != nil && p.browsing != "" {
		of.subject, of.done, of.since = p.browsing, true, time.Now()
	}
	p.mu.Unlock()
	switch {
	case of == nil:
		http.Error(w, "no such sign-in", http.StatusNotFound)
	case !of.done:
		back := url.Values{"error": {"access_denied"}, "state": {of.request.State}}
		http.Redirect(w, r, of.request.RedirectURI+"?"+back.Encode(), http.StatusFound)
	default:
		ctx := op.ContextWithIssuer(r.Context(), p.Issuer)
		http.Redirect(w, r, op.AuthCallbackURL(p.op)(ctx, of.id), http.StatusFound)
	}
}

// servePassword is the grant that zitadel leaves out.
func (p *Provider) servePassword(w http.ResponseWriter, r *http.Request) {
	app, ok := p.authenticate(r)
	if !ok {
		writeJSON(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	}
	u, ok := p.byName(r.FormValue("username"))
	if !ok || u.Password != r.FormValue("password") {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	of := &session{app: app, subject: u.Subject, scopes: strings.Fields(r.FormValue("scope")), done: true, since: time.Now()}
	ctx := op.ContextWithIssuer(r.Context(), p.Issuer)
	got, err := op.CreateTokenResponse(ctx, of, application{app}, p.op, true, "", "")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeJSON(w, http.StatusOK, got)
}

func (p *Provider) authenticate(r *http.Request) (App, bool) {
	id, secret, basic := r.BasicAuth()
	if basic {
		id, _ = url.QueryUnescape(id) // what does not read is nobody's
		secret, _ = url.QueryUnescape(secret)
	} else {
		id, secret = r.FormValue("client_id"), r.FormValue("client_secret")
	}
	app, ok := p.app(id)
	return app, ok && app.Secret == secret
}

func (p *Provider) byName(name string) (User, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, u := range p.users {
		if u.Name == name {
			return u, true
		}
	}
	return User{}, false
}

// Grant is a JWT or an opaque token for somebody, as an application gets it by password, and without asking for one.
func (p *Provider) Grant(app, subject string, scopes ...string) string {
	a, _ := p.app(app)
	of := &session{app: a, subject: subject, scopes: scopes, done: true, since: time.Now()}
	ctx := op.ContextWithIssuer(context.Background(), p.Issuer)
	token, _, _, err := op.CreateAccessToken(ctx, of, application{a}.AccessTokenType(), p.op, application{a}, "")
	return must(token, err)
}

// Revoke takes back what Grant or a sign-in gave, if it is a JWT whose jti is id.
func (p *Provider) Revoke(id string) { storage{p}.RevokeToken(context.Background(), id, "", "") }
