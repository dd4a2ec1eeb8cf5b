package federation

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

// peopleRules make a user of everybody, and a member of a group of those with the entitlement.
func peopleRules(group string) string {
	return `[{"local":[{"user":{"name":"{0}","email":"{1}"}}],"remote":[{"type":"HTTP_OIDC_SUB"},{"type":"HTTP_OIDC_EMAIL"}]},
		{"local":[{"group":{"id":"` + group + `"}}],"remote":[{"type":"OIDC-eduperson_entitlement","entitlement":true,
			"any_one_of":["URN:mace:example.org:group:crew:role=vm_operator"]}]},
		{"local":[{"user":{"name":"{0}"},"group":{"id":"` + group + `"}}],"remote":[{"type":"HTTP_OIDC_SUB","any_one_of":["robot"]},{"type":"HTTP_OIDC_SUB"}]}]`
}

// trustHome lets the provider's people in, with tokens for robot and terminal. scopes are asked of browsers, if not the usual ones.
func (s *site) trustHome(op provider, v vo, scopes ...string) {
	s.t.Helper()
	asked, err := json.Marshal(scopes)
	cloudtest.Check(s.t, err)
	s.trust("home", "openid", `{"enabled":true,"remote_ids":["`+op.issuer()+`"],"authorization_ttl":10080,
		"nubo:openid":{"client_id":"robot","client_secret":"`+robotsSecret+`","audiences":["robot","terminal"],"scopes":`+string(asked)+`}}`, peopleRules(v.group))
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
	onEach(t, func(t *testing.T, op provider) {
		s := newSite(t, nil)
		v := s.newVO("crew")
		s.trustHome(op, v)
		s.furnish(v)
		for name, auth := range s.plugins(t, op) {
			t.Run(name, func(t *testing.T) {
				sub := *s
				sub.t = t
				sub.boots(name, auth, v)
			})
		}
	})
}

// plugins are the command line's ways to sign in, with what each is told.
func (s *site) plugins(t *testing.T, op provider) map[string]func() map[string]string {
	t.Helper()
	base := map[string]string{"OS_AUTH_URL": s.url + "/v3", "OS_IDENTITY_API_VERSION": "3", "OS_IDENTITY_PROVIDER": "home", "OS_PROTOCOL": "openid"}
	client := func(grant string, more map[string]string) map[string]string {
		return with(with(with(base, tokensAt(t, op, grant)), more),
			map[string]string{"OS_CLIENT_ID": "robot", "OS_CLIENT_SECRET": robotsSecret, "OS_OPENID_SCOPE": scopes})
	}
	return map[string]func() map[string]string{
		"v3oidcaccesstoken": func() map[string]string {
			return with(base, map[string]string{"OS_ACCESS_TOKEN": op.granted(t, "robot")})
		},
		"v3oidcpassword": func() map[string]string {
			return client("password", map[string]string{"OS_USERNAME": "ann", "OS_PASSWORD": annsPassword})
		},
		"v3oidcclientcredentials": func() map[string]string { return client("client_credentials", nil) },
		"v3oidcauthcode": func() map[string]string {
			return client("authorization_code", map[string]string{"OS_CODE": op.code(t), "OS_REDIRECT_URI": backURL})
		},
	}
}

// boots signs in, finds the project and has a server there.
func (s *site) boots(plugin string, auth func() map[string]string, v vo) {
	s.t.Helper()
	run := func(scope map[string]string, args ...string) string {
		s.t.Helper()
		out, err := s.openstack(with(with(auth(), scope), map[string]string{"OS_AUTH_TYPE": plugin}), args...)
		if err != nil {
			s.t.Fatalf("openstack %s: %v\n%s", strings.Join(args, " "), err, out)
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
