package policy

import (
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// TestIdentityTable shows for each action who may do it to something in domain d: the callers below, in order.
func TestIdentityTable(t *testing.T) {
	roles := func(of ...string) []string { return of }
	manager, reader := roles("manager", "member", "reader"), roles("reader")
	admin := append(roles("admin"), manager...)
	callers := []struct {
		name string
		p    *cloud.Principal
	}{
		{"A admin of the system", &cloud.Principal{UserID: "x", System: true, Roles: admin}},
		{"a admin of a project", &cloud.Principal{UserID: "x", ProjectID: "q", ProjectDomainID: "e", Roles: admin}},
		{"R reader of the system", &cloud.Principal{UserID: "x", System: true, Roles: reader}},
		{"M manager of the domain", &cloud.Principal{UserID: "x", DomainID: "d", Roles: manager}},
		{"r reader of the domain", &cloud.Principal{UserID: "x", DomainID: "d", Roles: reader}},
		{"m manager of another domain", &cloud.Principal{UserID: "x", DomainID: "e", Roles: manager}},
		{"p member of the project itself", &cloud.Principal{UserID: "x", ProjectID: "p", ProjectDomainID: "d", Roles: roles("member", "reader")}},
		{"s the user itself", &cloud.Principal{UserID: "u", UserDomainID: "d"}},
		{"c the user by a restricted credential", &cloud.Principal{UserID: "u", UserDomainID: "d", ProjectID: "z", ProjectDomainID: "z", Roles: reader, Restricted: true}},
		{"n nobody", &cloud.Principal{}},
	}
	target := Target{Resource: "thing", ID: "t", DomainID: "d", ProjectID: "p", UserID: "u"}
	want := map[Action]string{
		"domain.get": "AaRMrpsc", "domain.list": "AaRMr", "domain.manage": "Aa",
		"project.get": "AaRMrp", "project.list": "AaRMr", "project.manage": "AaM",
		"user.get": "AaRMrsc", "user.list": "AaRMr", "user.manage": "AaM", "user.projects": "AaRMrsc", "user.groups": "AaRMrsc",
		"group.get": "AaRMr", "group.list": "AaRMr", "group.manage": "AaM",
		"role.get": "AaRMr", "role.list": "AaRMr", "role.manage": "Aa",
		"role assignment.get": "AaRMr", "role assignment.list": "AaRMr", "role assignment.tree": "AaRMr",
		"role assignment.manage": "AaM", "role assignment.any_role": "Aa",
		"application credential.get": "AaRsc", "application credential.create": "s", "application credential.delete": "Aas",
		"secret.get": "AaRsc", "secret.list": "AaR", "secret.manage": "Aas",
		"trust.get": "AaRsc", "trust.create": "s", "trust.delete": "Aas",
		"application.get": "AaR", "application.manage": "Aa",
		"delegation.get": "AaRsc", "delegation.grant": "s", "delegation.delete": "Aas",
		"token.get": "AaRsc", "token.revoke": "Aasc", "revocation.list": "AaR",
		"registered limit.get": "AaRMrmpsc", "registered limit.manage": "Aa",
		"limit.get": "AaRMrp", "limit.list": "AaR", "limit.manage": "Aa",
		"signature.verify": "Aa", "domain config.get": "AaR", "domain config.manage": "Aa", "password rules.get": "AaRMrmpsc",
		"policy document.get": "AaR", "policy document.manage": "Aa",
		"identity provider.get": "AaR", "identity provider.manage": "Aa", "mapping.get": "AaR", "mapping.manage": "Aa",
		"protocol.get": "AaR", "protocol.manage": "Aa", "service provider.get": "AaR", "service provider.manage": "Aa",
		"region.get": "AaRMrmpsc", "service.get": "AaR", "endpoint.get": "AaR", "catalog.manage": "Aa",
	}
	for action, rule := range identityRules {
		who, ok := want[action]
		if !ok {
			t.Errorf("%s is in the table and not in this test", action)
			continue
		}
		got := ""
		for _, c := range callers {
			if rule(c.p, target) {
				got += c.name[:1]
			}
		}
		if got != who {
			t.Errorf("%s may be done by %q, want %q", action, got, who)
		}
	}
	if len(want) != len(identityRules) {
		t.Errorf("%d actions here, %d in the table", len(want), len(identityRules))
	}
}

func TestGlobalRolesAreSeenByThoseWhoDelegate(t *testing.T) {
	for _, c := range []struct {
		p    cloud.Principal
		want bool
	}{
		{cloud.Principal{UserID: "x", DomainID: "d", Roles: []string{"reader"}}, true},
		{cloud.Principal{UserID: "x", ProjectID: "p", Roles: []string{"member", "reader"}}, false},
	} {
		if got := identityRules["role.get"](&c.p, Target{}); got != c.want {
			t.Errorf("%+v: %t", c.p, got)
		}
	}
}

func TestAccessRules(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"/v2.1/servers", "/v2.1/servers", true},
		{"/v2.1/servers", "/v2.1/servers/x", false},
		{"/v2.1/servers/{id}", "/v2.1/servers/x", true},
		{"/v2.1/servers/{id}", "/v2.1/servers/", false},
		{"/v2.1/servers/{id}", "/v2.1/servers/x/action", false},
		{"/v2.1/servers/{id}/action", "/v2.1/servers/x/action", true},
		{"/v2.1/*/x", "/v2.1/servers/x", true},
		{"/v2.1/*", "/v2.1/servers/x", false},
		{"/v2.1/s*s", "/v2.1/servers", true},
		{"/v2.1/**", "/v2.1/servers/x/action", true},
		{"/**/action", "/v2.1/servers/x/action", true},
		{"/**/action", "/v2.1/servers/x", false},
		{"**", "/anything", true},
		{"/{id", "/{id", true},
		{"/v2.1/servers", "/v2x1/servers", false},
	} {
		p := &cloud.Principal{AccessRules: []cloud.AccessRule{{Service: "compute", Method: "GET", Path: c.pattern}}}
		if got := MayRequest(p, []string{"compute"}, "GET", "/elsewhere/other", c.path); got != c.want && c.pattern != "**" {
			t.Errorf("%s on %s: %t", c.pattern, c.path, got)
		}
		if MayRequest(p, []string{"compute"}, "POST", c.path) || MayRequest(p, []string{"image"}, "GET", c.path) {
			t.Errorf("%s allows another method or service", c.pattern)
		}
	}
	if !MayRequest(&cloud.Principal{}, []string{"compute"}, "GET", "/x") {
		t.Error("without rules nothing is allowed")
	}
}
