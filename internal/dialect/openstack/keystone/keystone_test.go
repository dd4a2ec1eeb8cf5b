package keystone

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/identity"
	"github.com/nubo-cloud/nubo/internal/store"
)

// site is an Identity API that really listens, on a real store.
type site struct {
	t       testing.TB
	url     string
	api     *openstack.Service
	service *identity.Service
	made    *identity.Bootstrapped
	token   string // of admin on project admin
}

const adminPassword, demoPassword = "admin pässword", "demo-pw"

func newSite(t testing.TB) *site {
	t.Helper()
	return newSiteWith(t, func(*identity.Deps) {})
}

// newSiteWith is newSite with other things that it is made of.
func newSiteWith(t testing.TB, change func(*identity.Deps)) *site {
	t.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	st, err := store.Open(context.Background(), "sqlite::memory:", store.Options{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	deps := identity.Deps{Domains: st.Domains, Projects: st.Projects, Users: st.Users, Groups: st.Groups, Roles: st.Roles,
		Assignments: st.Assignments, Credentials: st.ApplicationCredentials, Secrets: st.Secrets, Trusts: st.Trusts,
		Applications: st.Applications, DelegationRequests: st.DelegationRequests, Delegations: st.Delegations, UsedSignatures: st.UsedSignatures,
		RegisteredLimits: st.RegisteredLimits, Limits: st.Limits, PolicyDocuments: st.PolicyDocuments,
		Providers: st.IdentityProviders, Mappings: st.Mappings, Protocols: st.Protocols, Standings: st.Standings, ServiceProviders: st.ServiceProviders, Revocations: st.Revocations, Settings: st.Settings, Tx: st,
		Log: log, Options: identity.Options{Hashing: identity.Hashing{MemoryKiB: 64, Passes: 1}}}
	change(&deps)
	s := identity.New(deps)
	made, err := s.Bootstrap(context.Background(), identity.Bootstrap{AdminPassword: adminPassword, DemoPassword: demoPassword})
	if err != nil {
		t.Fatal(err)
	}
	api := New(Deps{Identity: s, Log: log, Prefix: "/identity"})
	mux := http.NewServeMux()
	mux.Handle("/identity", http.StripPrefix("/identity", api))
	mux.Handle("/identity/", http.StripPrefix("/identity", api))
	mux.Handle("/v3", api)
	mux.Handle("/v3/", api)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	v := &site{t: t, url: server.URL, api: api, service: s, made: made}
	v.token = v.signIn("admin", adminPassword, `{"project":{"id":"`+string(made.AdminProjectID)+`"}}`)
	return v
}

func (s *site) signIn(user, password, scope string) string {
	s.t.Helper()
	a := s.call("", "POST", "/v3/auth/tokens", passwordBody(user, password, scope))
	a.is(http.StatusCreated)
	return a.header.Get("X-Subject-Token")
}

func passwordBody(user, password, scope string) string {
	if scope == "" {
		scope = `"unscoped"`
	}
	return fmt.Sprintf(`{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":%q,"domain":{"id":"default"},"password":%q}}},"scope":%s}}`, user, password, scope)
}

// answer is what came back.
type answer struct {
	s      *site
	what   string
	status int
	header http.Header
	body   string
}

func (s *site) call(token, method, path, body string, headers ...string) answer {
	s.t.Helper()
	r, err := http.NewRequest(method, s.url+path, bytes.NewReader([]byte(body)))
	if err != nil {
		s.t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("X-Auth-Token", token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{s, method + " " + path, resp.StatusCode, resp.Header, string(b)}
}

// admin calls as the administrator.
func (s *site) admin(method, path, body string) answer {
	s.t.Helper()
	return s.call(s.token, method, path, body)
}

func (a answer) is(status int) answer {
	a.s.t.Helper()
	if a.status != status {
		a.s.t.Fatalf("%s: %d, want %d: %s", a.what, a.status, status, a.body)
	}
	return a
}

// get walks the answer by keys and indexes: "token.roles.0.name".
func (a answer) get(path string) any {
	a.s.t.Helper()
	var v any
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		a.s.t.Fatalf("%s: %v: %s", a.what, err, a.body)
	}
	for _, key := range strings.Split(path, ".") {
		switch n := v.(type) {
		case map[string]any:
			v = n[key]
		case []any:
			var i int
			if _, err := fmt.Sscan(key, &i); err != nil || i >= len(n) {
				a.s.t.Fatalf("%s: no %s in %s", a.what, path, a.body)
			}
			v = n[i]
		default:
			return nil
		}
	}
	return v
}

func (a answer) text(path string) string {
	a.s.t.Helper()
	v, ok := a.get(path).(string)
	if !ok {
		a.s.t.Fatalf("%s: %s is not a text in %s", a.what, path, a.body)
	}
	return v
}

func (a answer) len(path string) int {
	a.s.t.Helper()
	v, ok := a.get(path).([]any)
	if !ok {
		a.s.t.Fatalf("%s: %s is not a list in %s", a.what, path, a.body)
	}
	return len(v)
}

func TestRoutesAreTheListedOnes(t *testing.T) {
	got := strings.Join(newSite(t).api.Routes(), "\n") + "\n"
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile("testdata/routes.txt", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/routes.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the routes differ from testdata/routes.txt (run with UPDATE_GOLDEN=1 if that is meant):\n%s", got)
	}
}

// TestEveryRouteWantsAToken: all but the public ones, which are named here.
func TestEveryRouteWantsAToken(t *testing.T) {
	s := newSite(t)
	public := map[string]bool{"GET /v3/mellon/metadata": true, "POST /v3/mellon/postResponse": true, "POST /v3/mellon/paosResponse": true, "GET /v3/auth/OS-FEDERATION/websso/{protocol}": true, "POST /v3/auth/OS-FEDERATION/websso/{protocol}": true,
		"GET /v3/auth/OS-FEDERATION/identity_providers/{provider}/protocols/{protocol}/websso":  true,
		"POST /v3/auth/OS-FEDERATION/identity_providers/{provider}/protocols/{protocol}/websso": true,
		"GET /{$}": true, "GET /v3": true, "POST /v3/auth/tokens": true, "POST /v3/users/{user}/password": true,
		"POST /v3/OS-OAUTH1/request_token": true, "POST /v3/OS-OAUTH1/access_token": true}
	parameter := regexp.MustCompile(`\{[a-z]+\}`)
	for _, route := range s.api.Routes() {
		if public[route] {
			continue
		}
		method, path, _ := strings.Cut(route, " ")
		path = parameter.ReplaceAllString(path, "x")
		s.call("", method, path, "{}").is(http.StatusUnauthorized)
		s.call("nubo1.forged", method, path, "{}").is(http.StatusUnauthorized)
	}
}

func TestDiscovery(t *testing.T) {
	s := newSite(t)
	for prefix, link := range map[string]string{"/identity": s.url + "/identity/v3/", "": s.url + "/v3/"} {
		a := s.call("", "GET", prefix+"/v3", "").is(http.StatusOK)
		if got := a.text("version.links.0.href"); got != link || a.text("version.id") != "v3.14" || a.text("version.status") != "stable" {
			t.Errorf("%s/v3 leads to %s", prefix, a.body)
		}
		s.call("", "GET", prefix+"/v3/", "").is(http.StatusOK)
	}
	for _, path := range []string{"/identity", "/identity/"} {
		a := s.call("", "GET", path, "").is(http.StatusMultipleChoices)
		if got := a.text("versions.values.0.links.0.href"); got != s.url+"/identity/v3/" {
			t.Errorf("%s leads to %s", path, got)
		}
	}
}

func TestTokenAnswer(t *testing.T) {
	s := newSite(t)
	made := s.call("", "POST", "/v3/auth/tokens", passwordBody("admin", adminPassword, `{"project":{"name":"admin","domain":{"name":"Default"}}}`)).is(http.StatusCreated)
	when := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$`)
	for _, key := range []string{"token.issued_at", "token.expires_at"} {
		if !when.MatchString(made.text(key)) {
			t.Errorf("%s is %s", key, made.text(key))
		}
	}
	if made.text("token.project.domain.name") != "Default" || made.text("token.user.domain.id") != "default" || made.len("token.roles") != 4 ||
		made.len("token.audit_ids") != 1 || made.get("token.is_domain") != false || made.len("token.catalog") != 6 {
		t.Errorf("the token is %s", made.body)
	}
	token := made.header.Get("X-Subject-Token")
	shown := s.call(token, "GET", "/v3/auth/tokens", "", "X-Subject-Token", token).is(http.StatusOK)
	if shown.body != made.body || shown.header.Get("X-Subject-Token") != token {
		t.Errorf("shown as\n%s, made as\n%s", shown.body, made.body)
	}
	bare := s.call(token, "GET", "/v3/auth/tokens?nocatalog", "", "X-Subject-Token", token).is(http.StatusOK)
	if bare.get("token.catalog") != nil {
		t.Error("nocatalog shows a catalog")
	}
	if a := s.call(token, "HEAD", "/v3/auth/tokens", "", "X-Subject-Token", token).is(http.StatusOK); a.body != "" {
		t.Error("HEAD has a body")
	}
	s.call(token, "DELETE", "/v3/auth/tokens", "", "X-Subject-Token", token).is(http.StatusNoContent)
	s.call(token, "GET", "/v3/auth/tokens", "", "X-Subject-Token", token).is(http.StatusUnauthorized)
	s.call(s.token, "GET", "/v3/auth/tokens", "", "X-Subject-Token", token).is(http.StatusNotFound)
	s.call("", "POST", "/v3/auth/tokens", `{"auth":{"identity":{"methods":["token"],"token":{"id":"`+token+`"}}}}`).is(http.StatusNotFound)
}

func TestCatalog(t *testing.T) {
	s := newSite(t)
	a := s.admin("GET", "/v3/auth/catalog", "").is(http.StatusOK)
	want := map[string]string{"identity": "keystone /identity", "compute": "nova /compute/v2.1", "image": "glance /image", "network": "neutron /network",
		"volumev3": "cinderv3 /volume/v3/" + string(s.made.AdminProjectID), "placement": "placement /placement"}
	for i := range a.len("catalog") {
		at := fmt.Sprintf("catalog.%d.", i)
		kind := a.text(at + "type")
		for n, face := range []string{"public", "internal", "admin"} {
			endpoint := fmt.Sprintf("%sendpoints.%d.", at, n)
			got := a.text(at+"name") + " " + strings.TrimPrefix(a.text(endpoint+"url"), s.url)
			if got != want[kind] || a.text(endpoint+"interface") != face || a.text(endpoint+"region_id") != "RegionOne" {
				t.Errorf("%s %s is %s, want %s", kind, face, got, want[kind])
			}
		}
		delete(want, kind)
	}
	if len(want) > 0 {
		t.Errorf("not in the catalog: %v", want)
	}
	s.call(s.signIn("admin", adminPassword, ""), "GET", "/v3/auth/catalog", "").is(http.StatusForbidden)
}

func TestBadSignInsSayWhatIsMalformedAndNothingElse(t *testing.T) {
	s := newSite(t)
	cases := map[string]struct {
		body   string
		status int
		says   string
	}{
		"not JSON":           {`{`, 400, "Malformed"},
		"no auth":            {`{}`, 400, "auth"},
		"no methods":         {`{"auth":{"identity":{}}}`, 400, "methods"},
		"method unknown":     {`{"auth":{"identity":{"methods":["magic"]}}}`, 401, "unsupported"},
		"method not there":   {`{"auth":{"identity":{"methods":["password"]}}}`, 400, "password"},
		"no domain":          {`{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"admin","password":"x"}}}}}`, 400, "domain"},
		"no password":        {`{"auth":{"identity":{"methods":["password"],"password":{"user":{"id":"x"}}}}}`, 400, "password"},
		"password a number":  {`{"auth":{"identity":{"methods":["password"],"password":{"user":{"id":"x","password":7}}}}}`, 400, "password"},
		"two scopes":         {passwordBody("admin", adminPassword, `{"project":{"id":"x"},"domain":{"id":"default"}}`), 400, "scope"},
		"project no domain":  {passwordBody("admin", adminPassword, `{"project":{"name":"admin"}}`), 400, "domain"},
		"wrong password":     {passwordBody("admin", "x", ""), 401, "requires authentication"},
		"unknown user":       {passwordBody("nobody", "x", ""), 401, "requires authentication"},
		"unknown project":    {passwordBody("admin", adminPassword, `{"project":{"id":"x"}}`), 401, "requires authentication"},
		"project of another": {passwordBody("demo", demoPassword, `{"system":{"all":true}}`), 401, "requires authentication"},
	}
	for name, c := range cases {
		a := s.call("", "POST", "/v3/auth/tokens", c.body)
		if a.status != c.status || !strings.Contains(a.text("error.message"), c.says) || a.get("error.code") != float64(c.status) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

// TestNouns walks create, show, list by name, change, duplicate, bad body and delete for each noun.
func TestNouns(t *testing.T) {
	s := newSite(t)
	service := s.admin("POST", "/v3/services", `{"service":{"type":"dns","name":"designate"}}`).is(201).text("service.id")
	for _, c := range []struct{ noun, nouns, body, change, field, value, twice, bad, before string }{
		{noun: "domain", nouns: "domains", body: `{"name":"d1","color":"blue"}`, change: `{"description":"x"}`, field: "description", value: "x",
			bad: `{"name":""}`, before: `{"enabled":false}`},
		{noun: "project", nouns: "projects", body: `{"name":"p1","domain_id":"default","color":"blue"}`, change: `{"color":"red"}`, field: "color", value: "red",
			bad: `{"name":"p2","enabled":"yes"}`},
		{noun: "user", nouns: "users", body: `{"name":"u1","password":"pw","email":"u1@example.org","color":"blue"}`, change: `{"email":"u2@example.org"}`,
			field: "email", value: "u2@example.org", bad: `{"password":"x"}`},
		{noun: "group", nouns: "groups", body: `{"name":"g1","description":""}`, change: `{"name":"g2"}`, field: "name", value: "g2", bad: `{"name":null}`},
		{noun: "role", nouns: "roles", body: `{"name":"r1"}`, change: `{"description":"x"}`, field: "description", value: "x", bad: `{}`},
		{noun: "policy", nouns: "policies", body: `{"type":"t","blob":"b","color":"blue"}`, change: `{"blob":"c"}`, field: "blob", value: "c", bad: `{"type":"t"}`, twice: "allowed"},
		{noun: "region", nouns: "regions", body: `{"id":"r1"}`, change: `{"description":"x"}`, field: "description", value: "x", bad: `{"parent_region_id":7}`},
		{noun: "service", nouns: "services", body: `{"type":"t","name":"n"}`, change: `{"name":"m"}`, field: "name", value: "m", bad: `{"name":"x"}`, twice: "allowed"},
		{noun: "endpoint", nouns: "endpoints", body: `{"service_id":"` + service + `","interface":"public","url":"http://x/$(project_id)s","region_id":"r9"}`,
			change: `{"url":"http://y"}`, field: "url", value: "http://y", bad: `{"service_id":"` + service + `","interface":"public","url":"x","enabled":"True"}`, twice: "allowed"},
	} {
		t.Run(c.noun, func(t *testing.T) {
			s := *s
			s.t = t
			wrap := func(body string) string { return `{"` + c.noun + `":` + body + `}` }
			made := s.admin("POST", "/v3/"+c.nouns, wrap(c.body)).is(http.StatusCreated)
			id := made.text(c.noun + ".id")
			path := "/v3/" + c.nouns + "/" + id
			if got := made.text(c.noun + ".links.self"); got != s.url+path {
				t.Errorf("links to %s", got)
			}
			if shown := s.admin("GET", path, "").is(http.StatusOK); shown.body != made.body {
				t.Errorf("shown as %s, made as %s", shown.body, made.body)
			}
			if strings.Contains(c.body, "blue") && made.text(c.noun+".color") != "blue" {
				t.Errorf("an unknown property was lost: %s", made.body)
			}
			if name, ok := made.get(c.noun + ".name").(string); ok {
				if list := s.admin("GET", "/v3/"+c.nouns+"?name="+name, "").is(200); list.len(c.nouns) != 1 || list.text(c.nouns+".0.id") != id {
					t.Errorf("not found by name: %s", list.body)
				}
			}
			if c.twice == "" {
				s.admin("POST", "/v3/"+c.nouns, wrap(c.body)).is(http.StatusConflict)
			}
			s.admin("POST", "/v3/"+c.nouns, wrap(c.bad)).is(http.StatusBadRequest)
			s.admin("POST", "/v3/"+c.nouns, `{}`).is(http.StatusBadRequest)
			s.admin("PATCH", path, wrap(c.change)).is(http.StatusOK)
			if got := s.admin("GET", path, "").text(c.noun + "." + c.field); got != c.value {
				t.Errorf("%s is %s after the change", c.field, got)
			}
			if c.before != "" {
				s.admin("DELETE", path, "").is(http.StatusForbidden)
				s.admin("PATCH", path, wrap(c.before)).is(http.StatusOK)
			}
			s.admin("DELETE", path, "").is(http.StatusNoContent)
			s.admin("GET", path, "").is(http.StatusNotFound)
			s.admin("PATCH", path, wrap(c.change)).is(http.StatusNotFound)
			s.admin("DELETE", path, "").is(http.StatusNotFound)
		})
	}
}

func TestAMemberIsToldForbidden(t *testing.T) {
	s := newSite(t)
	demo := s.signIn("demo", demoPassword, `{"project":{"id":"`+string(s.made.DemoProjectID)+`"}}`)
	for _, route := range []string{"GET /v3/projects", "GET /v3/users", "GET /v3/domains", "GET /v3/groups", "GET /v3/role_assignments", "GET /v3/services",
		"DELETE /v3/projects/" + string(s.made.AdminProjectID), "DELETE /v3/projects/none", "GET /v3/users/" + string(s.made.AdminUserID), "GET /v3/users/none"} {
		method, path, _ := strings.Cut(route, " ")
		s.call(demo, method, path, "").is(http.StatusForbidden)
	}
	s.call(demo, "POST", "/v3/projects", `{"project":{"name":"x"}}`).is(http.StatusForbidden)
	for _, path := range []string{"/v3/users/" + string(s.made.DemoUserID), "/v3/projects/" + string(s.made.DemoProjectID), "/v3/auth/projects",
		"/v3/users/" + string(s.made.DemoUserID) + "/projects", "/v3/users/" + string(s.made.DemoUserID) + "/groups", "/v3/regions", "/v3/auth/domains", "/v3/auth/system"} {
		s.call(demo, "GET", path, "").is(http.StatusOK)
	}
}

func TestGrantsAndAssignments(t *testing.T) {
	s := newSite(t)
	member := s.admin("GET", "/v3/roles?name=member", "").text("roles.0.id")
	group := s.admin("POST", "/v3/groups", `{"group":{"name":"crew"}}`).text("group.id")
	demo, project := string(s.made.DemoUserID), string(s.made.AdminProjectID)
	s.admin("PUT", "/v3/groups/"+group+"/users/"+demo, "").is(204)
	s.admin("HEAD", "/v3/groups/"+group+"/users/"+demo, "").is(204)
	for _, base := range []string{"/v3/projects/" + project + "/users/" + demo, "/v3/domains/default/groups/" + group, "/v3/system/users/" + demo, "/v3/system/groups/" + group} {
		s.admin("GET", base+"/roles/"+member, "").is(404)
		s.admin("PUT", base+"/roles/"+member, "").is(204)
		s.admin("PUT", base+"/roles/"+member, "").is(204)
		s.admin("HEAD", base+"/roles/"+member, "").is(204)
		if a := s.admin("GET", base+"/roles", "").is(200); a.len("roles") != 1 || a.text("roles.0.name") != "member" {
			t.Errorf("%s: %s", base, a.body)
		}
		s.admin("DELETE", base+"/roles/"+member, "").is(204)
		s.admin("DELETE", base+"/roles/"+member, "").is(404)
	}
	s.admin("PUT", "/v3/projects/none/users/"+demo+"/roles/"+member, "").is(404)

	inherit := "/v3/OS-INHERIT/domains/default/groups/" + group + "/roles/"
	s.admin("PUT", inherit+member+"/inherited_to_projects", "").is(204)
	if a := s.admin("GET", inherit+"inherited_to_projects", "").is(200); a.len("roles") != 1 {
		t.Errorf("inherited: %s", a.body)
	}
	raw := s.admin("GET", "/v3/role_assignments?group.id="+group+"&include_names", "").is(200)
	if raw.len("role_assignments") != 1 || raw.text("role_assignments.0.scope.OS-INHERIT:inherited_to") != "projects" ||
		raw.text("role_assignments.0.group.name") != "crew" || raw.text("role_assignments.0.scope.domain.name") != "Default" || raw.text("role_assignments.0.group.domain.name") != "Default" {
		t.Errorf("the assignment is %s", raw.body)
	}
	effective := s.admin("GET", "/v3/role_assignments?effective&user.id="+demo+"&scope.project.id="+project, "").is(200)
	if effective.len("role_assignments") != 2 || !strings.HasSuffix(effective.text("role_assignments.0.links.assignment"), inherit+member+"/inherited_to_projects") ||
		!strings.HasSuffix(effective.text("role_assignments.0.links.membership"), "/v3/groups/"+group+"/users/"+demo) {
		t.Errorf("the effective assignments are %s", effective.body)
	}
	s.admin("GET", "/v3/role_assignments?effective&group.id="+group, "").is(400)
	projects := s.call(s.signIn("demo", demoPassword, ""), "GET", "/v3/auth/projects", "").is(200)
	if projects.len("projects") != 2 {
		t.Errorf("demo may use %s", projects.body)
	}
}

func TestImpliedRoles(t *testing.T) {
	s := newSite(t)
	a := s.admin("POST", "/v3/roles", `{"role":{"name":"a"}}`).text("role.id")
	b := s.admin("POST", "/v3/roles", `{"role":{"name":"b"}}`).text("role.id")
	path := "/v3/roles/" + a + "/implies/" + b
	s.admin("GET", path, "").is(404)
	if v := s.admin("PUT", path, "").is(201); v.text("role_inference.prior_role.name") != "a" || v.text("role_inference.implies.name") != "b" {
		t.Error(v.body)
	}
	s.admin("HEAD", path, "").is(204)
	s.admin("GET", path, "").is(200)
	s.admin("PUT", "/v3/roles/"+b+"/implies/"+a, "").is(400)
	if v := s.admin("GET", "/v3/roles/"+a+"/implies", "").is(200); v.len("role_inference.implies") != 1 {
		t.Error(v.body)
	}
	if v := s.admin("GET", "/v3/role_inferences", "").is(200); v.len("role_inferences") != 4 {
		t.Errorf("a and the three of first start: %s", v.body)
	}
	s.admin("DELETE", path, "").is(204)
	s.admin("DELETE", path, "").is(404)
}

func TestApplicationCredential(t *testing.T) {
	s := newSite(t)
	demo := string(s.made.DemoUserID)
	token := s.signIn("demo", demoPassword, `{"project":{"id":"`+string(s.made.DemoProjectID)+`"}}`)
	base := "/v3/users/" + demo + "/application_credentials"
	made := s.call(token, "POST", base, `{"application_credential":{"name":"robot","roles":[{"name":"reader"}],"expires_at":"2999-01-01T00:00:00.5",
		"access_rules":[{"service":"identity","method":"GET","path":"/v3/users/{user_id}"}]}}`).is(201)
	if made.text("application_credential.expires_at") != "2999-01-01T00:00:00.500000" || made.len("application_credential.roles") != 1 {
		t.Error(made.body)
	}
	id, secret := made.text("application_credential.id"), made.text("application_credential.secret")
	if shown := s.call(token, "GET", base+"/"+id, "").is(200); strings.Contains(shown.body, secret) {
		t.Error("the secret is shown again")
	}
	s.call(token, "POST", base, `{"application_credential":{"name":"robot"}}`).is(409)
	s.call(token, "POST", base, `{"application_credential":{"name":"r2","roles":[{"name":"admin"}]}}`).is(400)
	s.call(token, "POST", base, `{"application_credential":{"name":"r2","expires_at":"2001-01-01T00:00:00Z"}}`).is(400)

	login := func(secret string) answer {
		return s.call("", "POST", "/v3/auth/tokens", `{"auth":{"identity":{"methods":["application_credential"],"application_credential":{"id":"`+id+`","secret":"`+secret+`"}}}}`)
	}
	login("x").is(401)
	in := login(secret).is(201)
	if in.len("token.roles") != 1 || in.text("token.roles.0.name") != "reader" || in.text("token.project.id") != string(s.made.DemoProjectID) || in.get("token.application_credential.restricted") != true {
		t.Error(in.body)
	}
	robot := in.header.Get("X-Subject-Token")
	s.call(robot, "GET", "/v3/users/"+demo, "").is(200)
	s.call(robot, "GET", "/identity/v3/users/"+demo, "").is(200)
	s.call(robot, "GET", "/v3/users/"+demo+"/projects", "").is(403)
	s.call(robot, "DELETE", "/v3/users/"+demo, "").is(403)

	rules := s.call(token, "GET", "/v3/users/"+demo+"/access_rules", "").is(200)
	rule := "/v3/users/" + demo + "/access_rules/" + rules.text("access_rules.0.id")
	s.call(token, "DELETE", rule, "").is(403)
	s.call(token, "DELETE", base+"/"+id, "").is(204)
	s.call(robot, "GET", "/v3/users/"+demo, "").is(401)
	login(secret).is(401)
	s.call(token, "GET", rule, "").is(200)
	s.call(token, "DELETE", rule, "").is(204)
	s.call(token, "GET", rule, "").is(404)
}

func TestARestrictedCredentialMakesNoOthers(t *testing.T) {
	s := newSite(t)
	base := "/v3/users/" + string(s.made.DemoUserID) + "/application_credentials"
	token := s.signIn("demo", demoPassword, `{"project":{"id":"`+string(s.made.DemoProjectID)+`"}}`)
	for _, c := range []struct {
		unrestricted bool
		status       int
	}{{false, 403}, {true, 201}} {
		name := fmt.Sprint("c", c.unrestricted)
		made := s.call(token, "POST", base, fmt.Sprintf(`{"application_credential":{"name":%q,"secret":"chosen","unrestricted":%t}}`, name, c.unrestricted)).is(201)
		in := s.call("", "POST", "/v3/auth/tokens", `{"auth":{"identity":{"methods":["application_credential"],"application_credential":{"name":"`+name+`","user":{"name":"demo","domain":{"id":"default"}},"secret":"chosen"}}}}`).is(201)
		robot := in.header.Get("X-Subject-Token")
		s.call(robot, "POST", base, `{"application_credential":{"name":"child`+name+`"}}`).is(c.status)
		s.call("", "POST", "/v3/auth/tokens", `{"auth":{"identity":{"methods":["token"],"token":{"id":"`+robot+`"}}}}`).is(403)
		s.call(token, "DELETE", base+"/"+made.text("application_credential.id"), "").is(204)
	}
}

func TestProjectTreeTagsAndDomainsAsProjects(t *testing.T) {
	s := newSite(t)
	top := s.admin("POST", "/v3/projects", `{"project":{"name":"top","tags":["a","b"]}}`).is(201)
	if top.text("project.parent_id") != "default" || top.text("project.domain_id") != "default" || top.len("project.tags") != 2 {
		t.Error(top.body)
	}
	id := top.text("project.id")
	low := s.admin("POST", "/v3/projects", `{"project":{"name":"low","parent_id":"`+id+`"}}`).is(201).text("project.id")
	if a := s.admin("GET", "/v3/projects/"+id+"?subtree_as_ids&parents_as_ids", ""); !strings.Contains(a.body, `"subtree":{"`+low+`":null}`) || !strings.Contains(a.body, `"parents":{"default":null}`) {
		t.Error(a.body)
	}
	if a := s.admin("GET", "/v3/projects/"+low+"?parents_as_list", ""); a.text("project.parents.0.project.id") != id {
		t.Error(a.body)
	}
	s.admin("DELETE", "/v3/projects/"+id, "").is(403)
	if a := s.admin("GET", "/v3/projects?parent_id="+id, ""); a.len("projects") != 1 {
		t.Error(a.body)
	}
	for query, n := range map[string]int{"tags=a,b": 1, "tags=a,c": 0, "tags-any=a,c": 1, "not-tags-any=a": 3, "name__startswith=lo": 1, "name__icontains=TO": 1, "enabled=false": 0, "limit=1": 1} {
		if a := s.admin("GET", "/v3/projects?"+query, "").is(200); a.len("projects") != n {
			t.Errorf("%s finds %d", query, a.len("projects"))
		}
	}
	tag := "/v3/projects/" + id + "/tags"
	s.admin("PUT", tag+"/c", "").is(201)
	s.admin("GET", tag+"/c", "").is(204)
	s.admin("DELETE", tag+"/a", "").is(204)
	s.admin("DELETE", tag+"/a", "").is(404)
	if a := s.admin("GET", tag, "").is(200); a.len("tags") != 2 {
		t.Error(a.body)
	}
	s.admin("PUT", tag, `{"tags":["x,y"]}`).is(400)
	s.admin("PUT", tag, `{"tags":["x"]}`).is(200)
	s.admin("DELETE", tag, "").is(204)

	domain := s.admin("POST", "/v3/projects", `{"project":{"name":"dom","is_domain":true}}`).is(201)
	path := "/v3/projects/" + domain.text("project.id")
	if a := s.admin("GET", path, "").is(200); a.get("project.is_domain") != true || a.get("project.parent_id") != nil {
		t.Error(a.body)
	}
	s.admin("PATCH", path, `{"project":{"enabled":false}}`).is(200)
	s.admin("DELETE", path, "").is(204)
}

func TestPagesFollowEachOther(t *testing.T) {
	s := newSite(t)
	seen := map[string]bool{}
	next := "/v3/roles?limit=3"
	for pages := 0; next != "" && pages < 5; pages++ {
		a := s.admin("GET", next, "").is(200)
		for i := range a.len("roles") {
			seen[a.text(fmt.Sprintf("roles.%d.name", i))] = true
		}
		link, _ := a.get("links.next").(string)
		next = strings.TrimPrefix(link, s.url)
	}
	if len(seen) != 4 || next != "" {
		t.Errorf("found %v, then %q", seen, next)
	}
}

func TestOwnPassword(t *testing.T) {
	s := newSite(t)
	path := "/v3/users/" + string(s.made.DemoUserID) + "/password"
	token := s.signIn("demo", demoPassword, "")
	s.call("", "POST", path, `{"user":{"password":"new","original_password":"wrong"}}`).is(401)
	s.call("", "POST", path, `{"user":{"password":"new"}}`).is(400)
	s.call("", "POST", path, `{"user":{"password":"new","original_password":"`+demoPassword+`"}}`).is(204)
	s.call(token, "GET", "/v3/auth/projects", "").is(401)
	s.call("", "POST", "/v3/auth/tokens", passwordBody("demo", demoPassword, "")).is(401)
	s.signIn("demo", "new", "")
}
