package identity

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/mapping"
	"github.com/nubo-cloud/nubo/internal/openid"
	"github.com/nubo-cloud/nubo/internal/openid/openidtest"
)

// asked is a federation whose provider really answers.
type asked struct {
	*federation
	op *openidtest.Provider
}

func newAsked(t *testing.T) *asked {
	t.Helper()
	a := &asked{federation: newFederation(t, Options{}), op: openidtest.New(issuer)}
	a.OpenID = openid.New(openid.Options{HTTP: openidtest.Client(a.op), Now: a.clock.Now})
	a.op.SetApp(openidtest.App{ID: "cloud", Secret: "secret"})
	secret := "secret"
	client := &OpenIDClient{OpenIDClient: cloud.OpenIDClient{ClientID: "cloud"}, Secret: &secret}
	_, err := a.UpdateProvider(a.admin, "home", ProviderChange{OpenID: &client})
	a.ok(err)
	a.member(true)
	return a
}

// member says at the provider whether ann is in the crew.
func (a *asked) member(is bool) {
	entitlements := []string{"other"}
	if is {
		entitlements = append(entitlements, "crew")
	}
	a.op.SetUser(openidtest.User{Subject: "ann", Claims: map[string]any{"email": "ann@example.org", "eduperson_entitlement": entitlements}})
}

// brings signs ann in by her access token.
func (a *asked) brings() *Token {
	a.t.Helper()
	return must[*Token](a.t)(a.AdmitBearer(context.Background(), "home", "openid", a.op.Grant("cloud", "ann", "openid", "email", "eduperson_entitlement")))
}

// looks has the provider asked about whoever is due after a while.
func (a *asked) looks(after time.Duration) {
	a.t.Helper()
	a.clock.pass(after)
	a.ok(a.LookAtMemberships(context.Background()))
}

func (a *asked) works(login Login) bool {
	a.t.Helper()
	_, err := a.Issue(context.Background(), login, ScopeRequest{})
	if err != nil {
		a.wants(cloud.Unauthenticated, err)
	}
	return err == nil
}

func (a *asked) standing() *cloud.Standing {
	a.t.Helper()
	return must[*cloud.Standing](a.t)(a.Standings.One(a.admin, cloud.Eq("provider_id", "home")))
}

// Who leaves a group at home leaves it here at the next look, and whoever comes back is back.
func TestMembershipIsAskedAgain(t *testing.T) {
	a := newAsked(t)
	first := a.brings()
	login := a.credential(first)
	scoped := must[*Token](t)(a.rescoped(first))
	a.member(false)
	a.looks(time.Minute) // not due yet
	if !a.works(login) {
		t.Error("gone before anybody was asked")
	}
	a.looks(5 * time.Minute)
	if a.works(login) || a.alive(scoped) {
		t.Error("still a member")
	}
	a.member(true)
	if a.brings(); !a.works(login) {
		t.Error("came back, and is no member")
	}
}

// A provider that is down takes nothing away, and is asked again when it is back.
func TestMembershipWhileProviderIsDown(t *testing.T) {
	a := newAsked(t)
	login := a.credential(a.brings())
	a.member(false)
	a.op.Be(openidtest.Behaviour{Down: true})
	a.looks(6 * time.Minute)
	if !a.works(login) {
		t.Error("a member was put out by a provider that is down")
	}
	a.op.Be(openidtest.Behaviour{})
	if a.looks(3 * time.Minute); !a.works(login) {
		t.Error("asked again too soon")
	}
}

// What the provider was asked with ends, and the asking with it; the word holds until its own end.
func TestMembershipAfterTheToken(t *testing.T) {
	a := newAsked(t)
	login := a.credential(a.brings())
	until := a.standing().Until
	a.looks(24 * time.Hour)
	if st := a.standing(); !st.LookAt.IsZero() || st.Sealed != nil || !st.Until.Equal(until) {
		t.Errorf("standing %+v", st)
	}
	if !a.works(login) {
		t.Error("the word does not hold")
	}
	if a.clock.pass(7 * 24 * time.Hour); a.works(login) {
		t.Error("the word holds for ever")
	}
}

// Whom the mapping no longer lets in at a look has no groups.
func TestMembershipAfterTheMappingChanged(t *testing.T) {
	a := newAsked(t)
	login := a.credential(a.brings())
	a.rules(mapping.V1, `[{"local":[{"user":{"name":"{0}"}}],"remote":[{"type":"HTTP_OIDC_SUB"},{"type":"nothing"}]}]`)
	if a.looks(6 * time.Minute); a.works(login) || len(a.standing().Groups) != 0 {
		t.Errorf("standing %+v", a.standing())
	}
	if st := a.standing(); st.LookAt.IsZero() {
		t.Error("and is not asked about again")
	}
}

// A standing is asked about once, by whichever process takes its turn first.
func TestMembershipTurns(t *testing.T) {
	a := newAsked(t)
	a.brings()
	a.clock.pass(6 * time.Minute)
	before := a.op.Requests(openidtest.Introspection)
	for range 2 {
		a.ok(a.look(cloud.WithPrincipal(context.Background(), cloud.System()), a.standing().ID))
	}
	if n := a.op.Requests(openidtest.Introspection) - before; n != 1 {
		t.Errorf("asked %d times", n)
	}
}

const (
	dashboard = "https://dashboard.example/"
	redirect  = "https://cloud.example/redirect"
)

// browses signs ann in with a browser.
func (a *asked) browses() {
	a.t.Helper()
	ctx := context.Background()
	a.op.SignIn("ann")
	d := must[*Departure](a.t)(a.Depart(ctx, Journey{ProviderID: "home", Protocol: "openid", Origin: dashboard}, redirect, Site{}))
	client := openidtest.Client(a.op)
	client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == "/redirect" {
			return http.ErrUseLastResponse
		}
		return nil
	}
	back := must[*http.Response](a.t)(client.Get(d.URL))
	defer back.Body.Close()
	at := must[*url.URL](a.t)(url.Parse(back.Header.Get("Location")))
	_, origin, err := a.Arrive(ctx, d.Sealed, redirect, at.Query())
	a.ok(err)
	if origin != dashboard {
		a.t.Errorf("came back for %s", origin)
	}
}

// Who signed in with a browser is asked about by a refresh token, which is another one each time and must not be lost.
func TestMembershipByRefreshTokens(t *testing.T) {
	a := newAsked(t)
	a.Options.TrustedOrigins, a.Options.MembershipPause = []string{dashboard}, time.Minute
	const soon = 70 * time.Second // the provider lives by a clock of its own, and its tokens for ten minutes
	a.op.SetApp(openidtest.App{ID: "cloud", Secret: "secret", Redirects: []string{redirect}})
	client := &OpenIDClient{OpenIDClient: cloud.OpenIDClient{ClientID: "cloud", Scopes: []string{"openid", "email", "eduperson_entitlement", "offline_access"}}}
	_, err := a.UpdateProvider(a.admin, "home", ProviderChange{OpenID: &client})
	a.ok(err)
	a.browses()
	for range 3 {
		if a.looks(soon); len(a.standing().Groups) != 1 {
			t.Fatalf("standing %+v", a.standing())
		}
	}
	a.member(false)
	if a.looks(soon); len(a.standing().Groups) != 0 {
		t.Errorf("standing %+v", a.standing())
	}
	a.member(true)
	if a.looks(soon); len(a.standing().Groups) != 1 {
		t.Errorf("came back: standing %+v", a.standing())
	}
}
