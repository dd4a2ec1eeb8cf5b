package openid_test

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nubo-cloud/nubo/internal/openid"
	"github.com/nubo-cloud/nubo/internal/openid/openidtest"
)

const (
	issuer  = "https://op.example"
	member  = "urn:mace:egi.eu:group:vo.example.eu:role=member#aai.egi.eu"
	someone = "e7f1@example.eu"
	secret  = "se/cret:" // with letters that Basic has to escape
)

// world is a provider with somebody at it, and a client.
type world struct {
	*testing.T
	op     *openidtest.Provider
	client *openid.Client
	s      openid.Settings
}

// still is a world whose time stands still while anybody is at work, and passes when all wait.
func still(t *testing.T, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, op: newProvider(issuer), s: openid.Settings{Issuer: issuer, ClientID: "cloud", ClientSecret: secret}}
		w.client = openid.New(openid.Options{HTTP: openidtest.Client(w.op)})
		f(w)
	})
}

func newProvider(at string) *openidtest.Provider {
	op := openidtest.New(at)
	op.SetUser(openidtest.User{Name: "ada", Password: "pw", Subject: someone, Claims: map[string]any{"email": "ada@example.eu", "eduperson_entitlement": []string{member}}})
	op.SetApp(openidtest.App{ID: "cloud", Secret: secret, Redirects: []string{"https://cloud.example/back"}, InTokens: []string{"eduperson_entitlement"}})
	op.SetApp(openidtest.App{ID: "bare", Secret: secret})
	op.SetApp(openidtest.App{ID: "opaque", Secret: secret, Opaque: true})
	op.SetApp(openidtest.App{ID: "terminal"})
	return op
}

// claims are those of a good access token, with others in place of some; nil takes one away.
func claims(other map[string]any) map[string]any {
	now := time.Now()
	all := map[string]any{"iss": issuer, "sub": someone, "aud": "cloud", "iat": now.Unix(), "exp": now.Add(10 * time.Minute).Unix(),
		"eduperson_entitlement": []string{member}}
	maps.Copy(all, other)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	return all
}

func (w *world) accept(token string) *openid.Person {
	w.Helper()
	p, err := w.client.Bearer(w.Context(), w.s, token)
	if err != nil {
		w.Fatal(err)
	}
	return p
}

func (w *world) refuse(token string, reason openid.Reason) {
	w.Helper()
	p, err := w.client.Bearer(w.Context(), w.s, token)
	refused(w.T, p, err, reason)
}

func refused(t *testing.T, p *openid.Person, err error, reason openid.Reason) {
	t.Helper()
	var r *openid.Refusal
	switch {
	case p != nil:
		t.Errorf("somebody came in: %v", p)
	case !errors.As(err, &r):
		t.Errorf("%v is no refusal", err)
	case r.Reason != reason || r.Detail == "":
		t.Errorf("refused for %q (%s), not for %q", r.Reason, r.Detail, reason)
	}
}

func (w *world) unreachable(token string) {
	w.Helper()
	p, err := w.client.Bearer(w.Context(), w.s, token)
	unreachable(w.T, p, err)
}

func unreachable(t *testing.T, p *openid.Person, err error) {
	t.Helper()
	var u *openid.Unreachable
	if p != nil || !errors.As(err, &u) {
		t.Errorf("got %v, %v; the provider was to be unreachable", p, err)
	}
}

// is proves who came in, with which entitlements.
func (w *world) is(p *openid.Person, subject string, entitlements ...string) {
	w.Helper()
	var got []string
	if raw := p.Claims["eduperson_entitlement"]; raw != nil {
		if err := json.Unmarshal(raw, &got); err != nil {
			w.Error(err)
		}
	}
	if p.Text("iss") != issuer || p.Text("sub") != subject || !slices.Equal(got, entitlements) {
		w.Errorf("%s of %s came in with %v", p.Text("sub"), p.Text("iss"), got)
	}
}

// asked proves how often a path was asked for.
func (w *world) asked(path string, times int) {
	w.Helper()
	if n := w.op.Requests(path); n != times {
		w.Errorf("%s was asked for %d times, not %d", path, n, times)
	}
}

// answering makes a path answer something else.
func (w *world) answering(path string, h http.HandlerFunc) {
	w.op.Be(openidtest.Behaviour{Instead: map[string]http.HandlerFunc{path: h}})
}

func saying(status int, object any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(object)
	}
}
