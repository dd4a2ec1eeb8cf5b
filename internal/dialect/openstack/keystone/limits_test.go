package keystone

import (
	"net/http"
	"testing"
)

func TestLimits(t *testing.T) {
	s := newSite(t)
	service := s.admin("POST", "/v3/services", `{"service":{"type":"dns"}}`).is(201).text("service.id")
	project := string(s.made.DemoProjectID)
	subject := `"service_id":"` + service + `","region_id":"RegionOne","resource_name":"zones"`
	registered := func(more string) string { return `{"registered_limits":[{` + subject + more + `}]}` }
	limits := func(more string) string { return `{"limits":[{` + subject + more + `}]}` }

	s.admin("POST", "/v3/limits", limits(`,"resource_limit":5,"project_id":"`+project+`"`)).is(http.StatusForbidden)
	for _, bad := range []string{`{}`, `{"registered_limits":[]}`, `{"registered_limits":{}}`, `{"registered_limits":[7]}`, registered(``), registered(`,"default_limit":"7"`),
		registered(`,"default_limit":-2`), registered(`,"default_limit":2147483648`), registered(`,"default_limit":1,"color":"blue"`),
		`{"registered_limits":[{"service_id":"none","resource_name":"x","default_limit":1}]}`,
		`{"registered_limits":[{"service_id":"` + service + `","region_id":"none","resource_name":"x","default_limit":1}]}`} {
		s.admin("POST", "/v3/registered_limits", bad).is(http.StatusBadRequest)
	}
	made := s.admin("POST", "/v3/registered_limits", registered(`,"default_limit":0`)).is(201)
	at := "/v3/registered_limits/" + made.text("registered_limits.0.id")
	s.admin("POST", "/v3/registered_limits", registered(`,"default_limit":0`)).is(http.StatusConflict)
	if a := s.admin("GET", at, "").is(200); a.text("registered_limit.resource_name") != "zones" || a.text("registered_limit.links.self") != s.url+at || a.get("registered_limit.default_limit") != 0.0 {
		t.Error(a.body)
	}

	for _, bad := range []string{limits(`,"resource_limit":5`), limits(`,"project_id":"` + project + `"`), limits(`,"resource_limit":5,"project_id":"none"`),
		limits(`,"resource_limit":5,"domain_id":"none"`), limits(`,"resource_limit":5,"domain_id":"default","project_id":"` + project + `"`)} {
		s.admin("POST", "/v3/limits", bad).is(http.StatusBadRequest)
	}
	one := s.admin("POST", "/v3/limits", limits(`,"resource_limit":5,"description":"x","project_id":"`+project+`"`)).is(201)
	limit := "/v3/limits/" + one.text("limits.0.id")
	s.admin("POST", "/v3/limits", limits(`,"resource_limit":6,"project_id":"`+project+`"`)).is(http.StatusConflict)
	s.admin("POST", "/v3/limits", limits(`,"resource_limit":7,"domain_id":"default"`)).is(201)
	for query, n := range map[string]int{"": 2, "?project_id=" + project: 1, "?domain_id=default": 1, "?service_id=" + service: 2, "?resource_name=x": 0, "?region_id=RegionOne&limit=1": 1} {
		if a := s.admin("GET", "/v3/limits"+query, "").is(200); a.len("limits") != n {
			t.Errorf("%s finds %s", query, a.body)
		}
	}

	s.admin("PATCH", limit, `{"limit":{"resource_limit":9,"service_id":"`+service+`"}}`).is(400)
	if a := s.admin("PATCH", limit, `{"limit":{"resource_limit":9}}`).is(200); a.get("limit.resource_limit") != 9.0 || a.text("limit.description") != "x" {
		t.Error(a.body)
	}
	s.admin("PATCH", at, `{"registered_limit":{"resource_name":"records"}}`).is(403)
	s.admin("PATCH", at, `{"registered_limit":{"default_limit":3}}`).is(200)
	s.admin("DELETE", at, "").is(403)

	member := s.signIn("demo", demoPassword, `{"project":{"id":"`+project+`"}}`)
	if a := s.call(member, "GET", "/v3/limits", "").is(200); a.len("limits") != 1 {
		t.Errorf("a member finds %s", a.body)
	}
	s.call(member, "GET", limit, "").is(200)
	s.call(member, "GET", at, "").is(200)
	s.call(member, "GET", "/v3/limits/model", "").is(200)
	s.call(member, "DELETE", limit, "").is(403)
	s.call(member, "POST", "/v3/limits", limits(`,"resource_limit":5,"project_id":"`+project+`"`)).is(403)

	s.admin("DELETE", limit, "").is(204)
	s.admin("GET", limit, "").is(404)
	s.admin("DELETE", "/v3/services/"+service, "").is(204)
	left := s.admin("GET", "/v3/limits", "").is(200)
	if left.len("limits") != 1 {
		t.Fatalf("limits went with their service: %s", left.body)
	}
	s.admin("DELETE", "/v3/limits/"+left.text("limits.0.id"), "").is(204)
	s.admin("DELETE", at, "").is(204)
}
