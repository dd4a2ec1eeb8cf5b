package keystone

import "testing"

func TestPoliciesAreFoundByTypeAndReadByAdministratorsOnly(t *testing.T) {
	s := newSite(t)
	made := s.admin("POST", "/v3/policies", `{"policy":{"type":"application/json","blob":"{}"}}`).is(201)
	s.admin("POST", "/v3/policies", `{"policy":{"type":"text/plain","blob":""}}`).is(201)
	for query, n := range map[string]int{"": 2, "?type=text/plain": 1, "?type=other": 0, "?limit=1": 1, "?type__contains=json": 1, "?type__startswith=json": 0} {
		if a := s.admin("GET", "/v3/policies"+query, "").is(200); a.len("policies") != n {
			t.Errorf("%s finds %s", query, a.body)
		}
	}
	member := s.signIn("demo", demoPassword, `{"project":{"id":"`+string(s.made.DemoProjectID)+`"}}`)
	for _, path := range []string{"/v3/policies", "/v3/policies/" + made.text("policy.id"), "/v3/policies/none"} {
		s.call(member, "GET", path, "").is(403)
	}
	s.call(member, "DELETE", "/v3/policies/"+made.text("policy.id"), "").is(403)
}
