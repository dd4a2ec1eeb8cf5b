package keystone

import (
	"net/http"
	"testing"
)

func TestTrustIsMadeShownUsedAndEnded(t *testing.T) {
	s := newSite(t)
	project, demo, admin := string(s.made.DemoProjectID), string(s.made.DemoUserID), string(s.made.AdminUserID)
	trustor := s.signIn("demo", demoPassword, `{"project":{"id":"`+project+`"}}`)
	const base = "/v3/OS-TRUST/trusts"
	with := func(more string) string {
		return `{"trust":{"trustor_user_id":"` + demo + `","trustee_user_id":"` + admin + `","project_id":"` + project + `","roles":[{"name":"reader"}]` + more + `}}`
	}
	for _, bad := range []string{with(``), with(`,"impersonation":null`), with(`,"impersonation":"yes"`), with(`,"impersonation":true,"expires_at":"bad.123Z"`),
		with(`,"impersonation":true,"expires_at":""`), with(`,"impersonation":true,"remaining_uses":0`), with(`,"impersonation":true,"redelegation_count":-1`), `{"trust":[]}`} {
		s.call(trustor, "POST", base, bad).is(http.StatusBadRequest)
	}
	made := s.call(trustor, "POST", base, with(`,"impersonation":true,"expires_at":"2999-01-01T00:00:00Z","remaining_uses":1,"note":"kept"`)).is(http.StatusCreated)
	id := made.text("trust.id")
	if made.text("trust.expires_at") != "2999-01-01T00:00:00.000000Z" || made.text("trust.roles.0.name") != "reader" || made.text("trust.note") != "kept" ||
		made.text("trust.roles_links.self") != s.url+base+"/"+id+"/roles" || made.text("trust.links.self") != s.url+base+"/"+id || made.get("trust.remaining_uses") != 1.0 {
		t.Error(made.body)
	}
	if shown := s.call(trustor, "GET", base+"/"+id, "").is(200); shown.body != made.body {
		t.Error(shown.body)
	}
	if list := s.call(trustor, "GET", base+"/?trustor_user_id="+demo, "").is(200); list.len("trusts") != 1 || list.get("trusts.0.roles") != nil {
		t.Error(list.body)
	}
	s.call(trustor, "GET", base, "").is(http.StatusForbidden)
	role := s.call(trustor, "GET", base+"/"+id+"/roles", "").is(200).text("roles.0.id")
	s.call(trustor, "HEAD", base+"/"+id+"/roles/"+role, "").is(200)
	s.call(trustor, "GET", base+"/"+id+"/roles/none", "").is(404)

	s.call("", "POST", "/v3/auth/tokens", passwordBody("admin", adminPassword, `{"OS-TRUST:trust":{}}`)).is(400)
	s.call("", "POST", "/v3/auth/tokens", passwordBody("admin", adminPassword, `{"OS-TRUST:trust":{"id":"`+id+`"},"system":{"all":true}}`)).is(400)
	s.call("", "POST", "/v3/auth/tokens", passwordBody("demo", demoPassword, `{"OS-TRUST:trust":{"id":"`+id+`"}}`)).is(403)
	scope := `{"OS-TRUST:trust":{"id":"` + id + `"}}`
	in := s.call("", "POST", "/v3/auth/tokens", passwordBody("admin", adminPassword, scope)).is(201)
	if in.text("token.OS-TRUST:trust.trustor_user.id") != demo || in.text("token.user.id") != demo || in.text("token.project.id") != project || in.len("token.roles") != 1 {
		t.Error(in.body)
	}
	s.call("", "POST", "/v3/auth/tokens", passwordBody("admin", adminPassword, scope)).is(401)
	s.call(trustor, "GET", base+"/"+id, "").is(404)
	s.call(trustor, "DELETE", base+"/"+id, "").is(204)
	s.call(in.header.Get("X-Subject-Token"), "GET", "/v3/auth/projects", "").is(401)
	s.call(trustor, "DELETE", base+"/"+id, "").is(404)
}
