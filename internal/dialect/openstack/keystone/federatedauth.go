package keystone

import (
	"net/http"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/identity"
)

// Sign-in by the word of an identity provider, for programs: by an access token in the Authorization header, or by carrying a
// SAML envelope there and back. Clients use both verbs.

func (a *api) federatedAuthRoutes() {
	for _, verb := range []string{"GET", "POST"} {
		a.Public(verb+federation+"identity_providers/{provider}/protocols/{protocol}/auth", a.federatedAuth)
	}
	// What older clients ask in place of /v3/auth/projects and /v3/auth/domains.
	a.Handle("GET"+federation+"projects", a.listAuthProjects)
	a.Handle("GET"+federation+"domains", a.listAuthDomains)
}

func (a *api) federatedAuth(w http.ResponseWriter, r *http.Request) error {
	t, err := a.admitted(r)
	if err == nil && t == nil && speaksPAOS(r) {
		return a.sendEnvelope(w, r)
	}
	if err == nil && t == nil {
		w.Header().Set("WWW-Authenticate", "Bearer")
		err = &cloud.Error{Kind: cloud.Unauthenticated, Message: "Sign-in by an identity provider needs its access token in the header Authorization: Bearer."}
	}
	if err != nil {
		return err
	}
	w.Header().Set(subjectHeader, t.Value)
	return a.writeToken(w, r, http.StatusCreated, t)
}

// admitted is the token of whoever shows something to sign in by; nil for who shows nothing.
func (a *api) admitted(r *http.Request) (*identity.Token, error) {
	if token, ok := bearerToken(r); ok {
		return a.identity.AdmitBearer(r.Context(), providerID(r), r.PathValue("protocol"), token)
	}
	if session, err := r.Cookie(sessionCookieName); err == nil {
		return a.identity.AdmitTicket(r.Context(), session.Value)
	}
	return nil, nil
}

// bearerToken is the token of RFC 6750, section 2.1.
func bearerToken(r *http.Request) (string, bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	return token, strings.EqualFold(scheme, "Bearer") && token != ""
}
