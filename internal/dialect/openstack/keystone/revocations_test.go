package keystone

import "testing"

// TestRevocationEvents shows what each change voids, and only the later ones to those who say since when.
func TestRevocationEvents(t *testing.T) {
	s := newSite(t)
	user, project := string(s.made.DemoUserID), string(s.made.DemoProjectID)
	demo := s.signIn("demo", demoPassword, `{"project":{"id":"`+project+`"}}`)
	audit := s.call(demo, "GET", "/v3/auth/tokens", "", "X-Subject-Token", demo).is(200).text("token.audit_ids.0")
	const path = "/v3/OS-REVOKE/events"
	s.call(demo, "GET", path, "").is(403)
	before := s.admin("GET", path, "").is(200).len("events")
	s.call(demo, "DELETE", "/v3/auth/tokens", "", "X-Subject-Token", demo).is(204)
	s.admin("PATCH", "/v3/users/"+user, `{"user":{"enabled":false}}`).is(200)
	list := s.admin("GET", path, "").is(200)
	if list.len("events") != before+2 || before != 0 {
		t.Fatal(list.body)
	}
	if list.text("events.0.audit_id") != audit || list.get("events.0.user_id") != nil || list.text("events.1.user_id") != user {
		t.Error(list.body)
	}
	if later := s.admin("GET", path+"?since="+list.text("events.0.issued_before"), "").is(200); later.len("events") != 1 {
		t.Error(later.body)
	}
	s.admin("GET", path+"?since=yesterday", "").is(400)
	s.admin("GET", "/v3/OS-SIMPLE-CERT/ca", "").is(410)
}
