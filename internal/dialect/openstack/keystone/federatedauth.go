package keystone

import (
	"net/http"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// Sign-in by the word of an identity provider, for programs: an access token in the Authorization header. Clients use
// both verbs.

func (a *api) federatedAuthRoutes() {
	for _, verb := range []string{"GET", "POST"} {
		a.Public(verb+federation+"identity_providers/{provider}/protocols/{protocol}/auth", a.federatedAuth)
	}
	// What older clients ask in place of /v3/auth/projects and /v3/auth/domains.
	a.Handle("GET"+federation+"projects", a.listAuthProjects)
	a.Handle("GET"+federation+"domains", a.listAuthDomains)
}

func (a *api) federatedAuth(w http.ResponseWriter, r *http.Request) error {
	token, ok := bearerToken(r)
	if !ok {
		w.Header().Set("WWW-Authenticate", "Bearer")
		return &cloud.Error{Kind: cloud.Unauthenticated, Message: "Sign-in by an identity provider needs its access token in the header Authorization: Bearer."}
	}
	t, err := a.identity.AdmitBearer(r.Context(), providerID(r), r.PathValue("protocol"), token)
	if err != nil {
		return err
	}
	w.Header().Set(subjectHeader, t.Value)
	return a.writeToken(w, r, http.StatusCreated, t)
}

// bearerToken is the token of RFC 6750, section 2.1.
func bearerToken(r *http.Request) (string, bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	return token, strings.EqualFold(scheme, "Bearer") && token != ""
}
