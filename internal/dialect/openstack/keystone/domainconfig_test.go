package keystone

import "testing"

// A domain's configuration is set, read by group and option, changed, and taken away in parts; its password is never shown.
func TestDomainConfig(t *testing.T) {
	s := newSite(t)
	domain := s.admin("POST", "/v3/domains", `{"domain":{"name":"d","enabled":false}}`).is(201).text("domain.id")
	path := "/v3/domains/" + domain + "/config"
	s.admin("GET", path, "").is(404)
	s.admin("DELETE", path, "").is(404)
	s.admin("PUT", path, `{"config":{"identity":{"driver":"ldap"},"ldap":{"url":"ldap://a","password":"hidden"}}}`).is(201)
	if a := s.admin("GET", path, "").is(200); a.text("config.ldap.url") != "ldap://a" || a.get("config.ldap.password") != nil {
		t.Errorf("shown as %s", a.body)
	}
	s.admin("GET", path+"/ldap/password", "").is(404)
	if a := s.admin("GET", path+"/identity/driver", "").is(200); a.text("config.driver") != "ldap" {
		t.Errorf("the option is %s", a.body)
	}
	for _, bad := range []string{`{"config":{"identity":{"driver":"x"}}}`, `{"config":{"ldap":{"nothing":1}}}`, `{"config":{"ldap":{}}}`} {
		s.admin("PATCH", path+"/ldap", bad).is(403)
	}
	for _, bad := range []string{`{"config":{}}`, `{"config":{"catalog":{"driver":"x"}}}`} {
		s.admin("PUT", path, bad).is(403)
	}
	s.admin("PUT", path, `{"config":{"ldap":7}}`).is(400)
	s.admin("PATCH", path+"/ldap/suffix", `{"config":{"suffix":"dc=x"}}`).is(404)
	if a := s.admin("PATCH", path+"/ldap/url", `{"config":{"url":"ldap://b"}}`).is(200); a.text("config.ldap.url") != "ldap://b" {
		t.Errorf("changed to %s", a.body)
	}
	s.admin("DELETE", path+"/identity/driver", "").is(204)
	s.admin("GET", path+"/identity", "").is(404)
	s.admin("PUT", path, `{"config":{"identity":{"list_limit":5}}}`).is(200)
	s.admin("GET", path+"/ldap", "").is(404)
	member := s.signIn("demo", demoPassword, `{"project":{"id":"`+string(s.made.DemoProjectID)+`"}}`)
	s.call(member, "GET", path, "").is(403)
	s.call(member, "PUT", path, `{"config":{"identity":{"list_limit":5}}}`).is(403)
	s.admin("DELETE", "/v3/domains/"+domain, "").is(204)
	s.admin("GET", path, "").is(404)
}

// What holds for a domain that says nothing can be read whole, by group and by option.
func TestDefaultDomainConfig(t *testing.T) {
	s := newSite(t)
	if a := s.admin("GET", "/v3/domains/config/default", "").is(200); a.text("config.identity.driver") != "sql" {
		t.Errorf("defaults are %s", a.body)
	}
	if a := s.admin("GET", "/v3/domains/config/ldap/default", "").is(200); a.text("config.ldap.url") != "ldap://localhost" {
		t.Errorf("the group is %s", a.body)
	}
	if a := s.admin("GET", "/v3/domains/config/ldap/url/default", "").is(200); a.text("config.url") != "ldap://localhost" {
		t.Errorf("the option is %s", a.body)
	}
	s.admin("GET", "/v3/domains/config/ldap/nothing/default", "").is(404)
	for _, who := range []string{s.signIn("demo", demoPassword, ""), s.signIn("demo", demoPassword, `{"project":{"id":"`+string(s.made.DemoProjectID)+`"}}`)} {
		rules := "/v3/domains/default/config/security_compliance"
		if a := s.call(who, "GET", rules, "").is(200); a.get("config.security_compliance.password_regex") != nil {
			t.Errorf("without rules for passwords there are %s", a.body)
		}
		s.call(who, "GET", rules+"/password_regex_description", "").is(200)
		s.call(who, "GET", rules+"/lockout_duration", "").is(404)
	}
}
