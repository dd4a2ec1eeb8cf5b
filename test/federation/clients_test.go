package federation

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/openid/openidtest"
	"github.com/nubo-cloud/nubo/test/cloudtest"
)

const crewEntitlement = "urn:mace:example.org:group:crew:role=vm_operator#aai.example.org"

// peopleRules make a user of everybody, and a member of a group of those with the entitlement.
func peopleRules(group string) string {
	return `[{"local":[{"user":{"name":"{0}","email":"{1}"}}],"remote":[{"type":"HTTP_OIDC_SUB"},{"type":"HTTP_OIDC_EMAIL"}]},
		{"local":[{"group":{"id":"` + group + `"}}],"remote":[{"type":"OIDC-eduperson_entitlement","entitlement":true,
			"any_one_of":["URN:mace:example.org:group:crew:role=vm_operator"]}]},
		{"local":[{"user":{"name":"{0}"},"group":{"id":"` + group + `"}}],"remote":[{"type":"HTTP_OIDC_SUB","any_one_of":["robot"]},{"type":"HTTP_OIDC_SUB"}]}]`
}

// newHome starts an OpenID provider with a person and two applications.
func newHome(t *testing.T) *openidtest.Provider {
	t.Helper()
	op, stop, err := openidtest.Listen("127.0.0.1:0")
	cloudtest.Check(t, err)
	t.Cleanup(stop)
	op.SetApp(openidtest.App{ID: "robot", Secret: "robot's secret", Redirects: []string{"http://127.0.0.1:1/back"}})
	op.SetUser(openidtest.User{Name: "ann", Password: "ann's password", Subject: "ann@home", Claims: map[string]any{"email": "ann@example.org",
		"eduperson_entitlement": []string{"urn:mace:example.org:group:other:role=member#aai.example.org", crewEntitlement}}})
	op.SetUser(openidtest.User{Name: "robot", Subject: "robot"}) // who client credentials are
	op.SignIn("ann@home")
	return op
}

// trustHome lets the provider's people in.
func (s *site) trustHome(op *openidtest.Provider, v vo) {
	s.t.Helper()
	s.trust("home", "openid", `{"enabled":true,"remote_ids":["`+op.Issuer+`"],"authorization_ttl":10080,
		"nubo:openid":{"client_id":"robot","client_secret":"robot's secret"}}`, peopleRules(v.group))
}

// code is what a browser would bring back from the provider.
func code(t *testing.T, op *openidtest.Provider) string {
	t.Helper()
	q := url.Values{"client_id": {"robot"}, "response_type": {"code"}, "redirect_uri": {"http://127.0.0.1:1/back"}, "scope": {"openid email eduperson_entitlement"}, "state": {"s"}}
	client := &http.Client{CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == "/back" {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	a, err := client.Get(op.Issuer + "/authorize?" + q.Encode())
	cloudtest.Check(t, err)
	defer a.Body.Close()
	back, err := url.Parse(a.Header.Get("Location"))
	cloudtest.Check(t, err)
	return back.Query().Get("code")
}

// with is a map with more in it.
func with(m map[string]string, more map[string]string) map[string]string {
	all := maps.Clone(m)
	maps.Copy(all, more)
	return all
}

// TestClientsSignIn takes Debian's command line through every way to sign in that it has for OpenID, from the list of one's
// projects to a server.
func TestClientsSignIn(t *testing.T) {
	s := newSite(t, nil)
	op := newHome(t)
	v := s.newVO("crew")
	s.trustHome(op, v)
	s.furnish(v)
	base := map[string]string{"OS_AUTH_URL": s.url + "/v3", "OS_IDENTITY_API_VERSION": "3", "OS_IDENTITY_PROVIDER": "home", "OS_PROTOCOL": "openid"}
	client := with(base, map[string]string{"OS_CLIENT_ID": "robot", "OS_CLIENT_SECRET": "robot's secret", "OS_OPENID_SCOPE": "openid email eduperson_entitlement",
		"OS_DISCOVERY_ENDPOINT": op.Issuer + openidtest.Discovery})
	for name, auth := range map[string]func() map[string]string{
		"v3oidcaccesstoken": func() map[string]string {
			return with(base, map[string]string{"OS_ACCESS_TOKEN": op.Grant("robot", "ann@home", "openid", "email", "eduperson_entitlement")})
		},
		"v3oidcpassword": func() map[string]string {
			return with(client, map[string]string{"OS_USERNAME": "ann", "OS_PASSWORD": "ann's password"})
		},
		"v3oidcclientcredentials": func() map[string]string { return client },
		"v3oidcauthcode": func() map[string]string {
			return with(client, map[string]string{"OS_CODE": code(t, op), "OS_REDIRECT_URI": "http://127.0.0.1:1/back"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			sub := *s
			sub.t = t
			sub.boots(name, auth, v)
		})
	}
}

// boots signs in, finds the project and has a server there.
func (s *site) boots(plugin string, auth func() map[string]string, v vo) {
	s.t.Helper()
	run := func(scope map[string]string, args ...string) string {
		s.t.Helper()
		out, err := s.openstack(with(with(auth(), scope), map[string]string{"OS_AUTH_TYPE": plugin}), args...)
		if err != nil {
			s.t.Fatalf("openstack %s: %v\n%s\n%s", strings.Join(args, " "), err, out, tail(s.logged()))
		}
		return out
	}
	var projects []struct{ ID, Name string }
	cloudtest.Check(s.t, json.Unmarshal([]byte(run(nil, "federation", "project", "list", "-f", "json")), &projects))
	if len(projects) != 1 || projects[0].ID != v.project {
		s.t.Fatalf("the projects are %v, want %s", projects, v.project)
	}
	scope := map[string]string{"OS_PROJECT_ID": v.project}
	if got := run(scope, "token", "issue", "-f", "value", "-c", "project_id"); got != v.project {
		s.t.Errorf("rescoped to %s, want %s", got, v.project)
	}
	if got := run(scope, "server", "create", "--flavor", "m1.tiny", "--image", "small", "--network", "own", "--wait", "-f", "value", "-c", "status", plugin); !strings.Contains(got, "ACTIVE") {
		s.t.Errorf("the server is %s", got)
	}
}

func tail(log string) string {
	lines := strings.Split(strings.TrimSpace(log), "\n")
	return strings.Join(lines[max(0, len(lines)-15):], "\n")
}

// TestTokensRefused: every token that is not good is told 401 and no more, and the log says why.
func TestTokensRefused(t *testing.T) {
	s := newSite(t, nil)
	op, foreign := newHome(t), newHome(t)
	s.trustHome(op, s.newVO("crew"))
	good := op.Grant("robot", "ann@home", "openid")
	claims := func(more map[string]any) map[string]any {
		all := map[string]any{"iss": op.Issuer, "sub": "ann@home", "aud": "robot", "exp": 4102444800}
		maps.Copy(all, more)
		return all
	}
	for name, c := range map[string]struct{ token, reason string }{
		"wrong":             {"not a token", "malformed|inactive"},
		"expired":           {op.Sign("", claims(map[string]any{"exp": 1000000000})), "expired"},
		"foreign":           {foreign.Grant("robot", "ann@home", "openid"), "wrong issuer|unknown key|bad signature"},
		"tampered":          {good[:strings.LastIndexByte(good, '.')-3] + "AAA" + good[strings.LastIndexByte(good, '.'):], "bad signature|malformed"},
		"no algorithm":      {openidtest.SignNot(claims(nil)), "bad algorithm"},
		"public key's HMAC": {op.SignWithPublicKey(claims(nil)), "bad algorithm"},
		"wrong audience":    {op.Sign("", claims(map[string]any{"aud": "somebody else"})), "wrong audience"},
	} {
		t.Run(name, func(t *testing.T) {
			sub := *s
			sub.t = t
			a := sub.ask("", "POST", "/v3/OS-FEDERATION/identity_providers/home/protocols/openid/auth", "", "Authorization", "Bearer "+c.token)
			if a.status != http.StatusUnauthorized || strings.Contains(a.body, "issuer") {
				t.Errorf("%d %s", a.status, a.body)
			}
			sub.wantLogged(`sign-in refused: (` + c.reason + `)`)
		})
	}
	if a := s.ask("", "POST", "/v3/OS-FEDERATION/identity_providers/home/protocols/openid/auth", "", "Authorization", "Bearer "+good); a.status != http.StatusCreated {
		t.Errorf("a good token: %d %s", a.status, a.body)
	}
}
