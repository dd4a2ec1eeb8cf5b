package keystone

import (
	"strings"
	"testing"
)

const someRules = `[{"local":[{"user":{"name":"{0}"}}],"remote":[{"type":"HTTP_OIDC_SUB"}]}]`

// Each noun of federation is put, shown as it was put, found, changed, and gone after its deletion.
func TestFederationNouns(t *testing.T) {
	s := newSite(t)
	s.admin("PUT", "/v3/OS-FEDERATION/mappings/m0", `{"mapping":{"rules":`+someRules+`}}`).is(201)
	s.admin("PUT", "/v3/OS-FEDERATION/identity_providers/p0", `{"identity_provider":{}}`).is(201)
	for _, c := range []struct{ noun, path, nouns, body, change, field, value, bad string }{
		{"identity_provider", "identity_providers/egi.eu", "identity_providers", `{"enabled":true,"remote_ids":["https://a","https://b"],"authorization_ttl":5}`,
			`{"description":"x"}`, "description", "x", `{"remote_ids":"https://a"}`},
		{"mapping", "mappings/m", "mappings", `{"rules":` + someRules + `,"schema_version":"2.0"}`, `{"schema_version":"1.0"}`, "schema_version", "1.0", `{"rules":[]}`},
		{"protocol", "identity_providers/p0/protocols/openid", "protocols", `{"mapping_id":"m0"}`, `{"remote_id_attribute":"iss"}`, "remote_id_attribute", "iss",
			`{"mapping_id":"none"}`},
		{"service_provider", "service_providers/s", "service_providers", `{"auth_url":"https://c/v3","sp_url":"https://c/sp"}`, `{"description":"x"}`, "description", "x",
			`{"auth_url":""}`},
	} {
		t.Run(c.noun, func(t *testing.T) {
			s := *s
			s.t = t
			path, wrap := "/v3/OS-FEDERATION/"+c.path, func(body string) string { return `{"` + c.noun + `":` + body + `}` }
			s.admin("GET", path, "").is(404)
			s.admin("PUT", path, wrap(c.bad)).is(400)
			s.admin("PUT", path, wrap(`{"color":"blue"}`)).is(400)
			made := s.admin("PUT", path, wrap(c.body)).is(201)
			if got := made.text(c.noun + ".links.self"); got != s.url+path {
				t.Errorf("links to %s", got)
			}
			if shown := s.admin("GET", path, "").is(200); shown.body != made.body {
				t.Errorf("shown as %s, made as %s", shown.body, made.body)
			}
			s.admin("PUT", path, wrap(c.body)).is(409)
			s.admin("PATCH", path, wrap(c.bad)).is(400)
			if got := s.admin("PATCH", path, wrap(c.change)).is(200).text(c.noun + "." + c.field); got != c.value {
				t.Errorf("%s is %s after the change", c.field, got)
			}
			list := path[:len(path)-len(made.text(c.noun+".id"))-1]
			if got := s.admin("GET", list, "").is(200); got.len(c.nouns) == 0 {
				t.Errorf("not listed: %s", got.body)
			}
			demo := s.signIn("demo", demoPassword, `{"project":{"id":"`+string(s.made.DemoProjectID)+`"}}`)
			s.call(demo, "GET", path, "").is(403)
			s.call(demo, "DELETE", path, "").is(403)
			s.admin("DELETE", path, "").is(204)
			s.admin("GET", path, "").is(404)
			s.admin("PATCH", path, wrap(c.change)).is(404)
			s.admin("DELETE", path, "").is(404)
		})
	}
}

// A provider gets a domain of its own unless one is named, keeps its remote ids from others, and takes its protocols with it.
func TestIdentityProviders(t *testing.T) {
	s := newSite(t)
	const path = "/v3/OS-FEDERATION/identity_providers/"
	p := s.admin("PUT", path+"p", `{"identity_provider":{"remote_ids":["https://a","https://a"],"enabled":true}}`).is(201)
	if p.len("identity_provider.remote_ids") != 1 {
		t.Errorf("remote ids are %s", p.body)
	}
	domain := p.text("identity_provider.domain_id")
	if got := s.admin("GET", "/v3/domains/"+domain, "").is(200).text("domain.name"); got != domain {
		t.Errorf("the domain is called %s", got)
	}
	s.admin("PUT", path+"q", `{"identity_provider":{"remote_ids":["https://a"]}}`).is(409)
	s.admin("GET", path+"q", "").is(404)
	s.admin("PUT", path+"q", `{"identity_provider":{"domain_id":"none"}}`).is(400)
	s.admin("PUT", path+"q", `{"identity_provider":{"domain_id":"`+domain+`","remote_ids":["https://b"]}}`).is(201)
	s.admin("PATCH", path+"q", `{"identity_provider":{"remote_ids":["https://b","https://a"]}}`).is(409)
	s.admin("PATCH", path+"q", `{"identity_provider":{"domain_id":"default"}}`).is(400)
	s.admin("PATCH", path+"q", `{"identity_provider":{"authorization_ttl":-1}}`).is(400)
	for query, n := range map[string]int{"": 2, "?enabled=true": 1, "?id=q": 1, "?id=none": 0, "?limit=1": 1} {
		if a := s.admin("GET", path[:len(path)-1]+query, "").is(200); a.len("identity_providers") != n {
			t.Errorf("%s finds %s", query, a.body)
		}
	}
	s.admin("PUT", "/v3/OS-FEDERATION/mappings/m", `{"mapping":{"rules":`+someRules+`}}`).is(201)
	s.admin("PUT", path+"none/protocols/openid", `{"protocol":{"mapping_id":"m"}}`).is(404)
	s.admin("PUT", path+"p/protocols/openid", `{"protocol":{"mapping_id":"m"}}`).is(201)
	s.admin("DELETE", path+"p", "").is(204)
	s.admin("GET", "/v3/domains/"+domain, "").is(200)
	s.admin("PUT", path+"p", `{"identity_provider":{}}`).is(201)
	if a := s.admin("GET", path+"p/protocols", "").is(200); a.len("protocols") != 0 {
		t.Errorf("protocols came back: %s", a.body)
	}
	s.admin("PATCH", "/v3/domains/"+domain, `{"domain":{"enabled":false}}`).is(200)
	s.admin("DELETE", "/v3/domains/"+domain, "").is(204)
	s.admin("GET", path+"q", "").is(404)
}

// What this cloud is registered as at a provider is shown, but for the secret, which stays when only the rest is changed.
func TestOpenIDClients(t *testing.T) {
	s := newSite(t)
	const path = "/v3/OS-FEDERATION/identity_providers/p"
	put := func(method, client string) answer {
		t.Helper()
		return s.admin(method, path, `{"identity_provider":{"nubo:openid":`+client+`}}`)
	}
	for _, bad := range []string{`{}`, `{"client_id":5}`, `{"client_id":"c","scopes":["openid email"]}`, `{"client_id":"c","client_secret":"` + strings.Repeat("x", 5000) + `"}`} {
		put("PUT", bad).is(400)
	}
	made := put("PUT", `{"client_id":"c","client_secret":"geheim","scopes":["openid"],"audiences":["a"]}`).is(201)
	const want = `"nubo:openid":{"audiences":["a"],"client_id":"c","has_secret":true,"introspect":false,"scopes":["openid"]}`
	if !strings.Contains(made.body, want) {
		t.Errorf("made as %s", made.body)
	}
	if got := put("PATCH", `{"client_id":"c","introspect":true}`).is(200); !strings.Contains(got.body, `"has_secret":true,"introspect":true`) {
		t.Errorf("the secret went with another change: %s", got.body)
	}
	if got := put("PATCH", `{"client_id":"d"}`).is(200); !strings.Contains(got.body, `"has_secret":false`) {
		t.Errorf("another client has the secret of the first: %s", got.body)
	}
	if got := put("PATCH", `null`).is(200); strings.Contains(got.body, openIDKey) {
		t.Errorf("still a client: %s", got.body)
	}
}

// A token with a scope shows where its user may go on to.
func TestServiceProvidersInTokens(t *testing.T) {
	s := newSite(t)
	for id, enabled := range map[string]string{"on": "true", "off": "false"} {
		s.admin("PUT", "/v3/OS-FEDERATION/service_providers/"+id, `{"service_provider":{"auth_url":"https://c/v3","sp_url":"https://c/sp","enabled":`+enabled+`}}`).is(201)
	}
	s.admin("PUT", "/v3/OS-FEDERATION/service_providers/bad", `{"service_provider":{"auth_url":"c","sp_url":"https://c/sp"}}`).is(400)
	for scope, want := range map[string]string{`{"project":{"id":"` + string(s.made.DemoProjectID) + `"}}`: `"service_providers":[{"auth_url":"https://c/v3","id":"on","sp_url":"https://c/sp"}]`, "": ""} {
		token := s.signIn("demo", demoPassword, scope)
		shown := s.call(token, "GET", "/v3/auth/tokens", "", "X-Subject-Token", token).is(200)
		if !strings.Contains(shown.body, want) || want == "" && strings.Contains(shown.body, "service_providers") {
			t.Errorf("scope %s: %s", scope, shown.body)
		}
	}
}
