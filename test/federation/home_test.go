package federation

import (
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/openid/openidtest"
	"github.com/nubo-cloud/nubo/test/cloudtest"
)

// home is the provider of our own, which is told what to do.
type home struct{ *openidtest.Provider }

func newHome(t *testing.T) home {
	t.Helper()
	op, stop, err := openidtest.Listen("127.0.0.1:0")
	cloudtest.Check(t, err)
	t.Cleanup(stop)
	for _, app := range []string{"robot", "portal"} {
		op.SetApp(openidtest.App{ID: app, Secret: robotsSecret, Redirects: []string{backURL}})
	}
	op.SetApp(openidtest.App{ID: "terminal"})
	op.SetUser(openidtest.User{Name: "robot", Subject: "robot"}) // who client credentials are
	op.SignIn("ann@home")
	h := home{op}
	h.entitle(t, otherEntitlement, crewEntitlement)
	return h
}

func (h home) issuer() string { return h.Issuer }

func (h home) comesBack(_ *testing.T, to string) {
	h.SetApp(openidtest.App{ID: "robot", Secret: robotsSecret, Redirects: []string{backURL, to}})
}

func (h home) granted(_ *testing.T, app string) string {
	return h.Grant(app, "ann@home", strings.Fields(scopes)...)
}

func (h home) code(t *testing.T) string { return codeAt(t, pageAddress(t, h), nil) }

func (h home) allow(_ *testing.T, code string) bool { return h.Approve(code, "ann@home") }

// signIn has nothing to do: whoever opens the page is ann.
func (h home) signIn(*browser) {}

func (h home) entitle(_ *testing.T, entitlements ...string) {
	h.SetUser(openidtest.User{Name: "ann", Password: annsPassword, Subject: "ann@home",
		Claims: map[string]any{"email": "ann@example.org", "eduperson_entitlement": entitlements}})
}

func (h home) sign(_ *testing.T, claims map[string]any) string { return h.Sign("", claims) }

func (h home) signWithPublicKey(_ *testing.T, claims map[string]any) string {
	return h.SignWithPublicKey(claims)
}
