package keystone

import "testing"

// TestTheNearestPolicyCounts: the endpoint's own before that of its region, of the region above, of the service.
func TestTheNearestPolicyCounts(t *testing.T) {
	s := newSite(t)
	s.admin("POST", "/v3/regions", `{"region":{"id":"land"}}`).is(201)
	s.admin("POST", "/v3/regions", `{"region":{"id":"town","parent_region_id":"land"}}`).is(201)
	service := s.admin("POST", "/v3/services", `{"service":{"type":"thing","name":"t"}}`).is(201).text("service.id")
	endpoint := s.admin("POST", "/v3/endpoints", `{"endpoint":{"service_id":"`+service+`","region_id":"town","interface":"public","url":"http://x"}}`).is(201).text("endpoint.id")
	effective := "/v3/endpoints/" + endpoint + "/OS-ENDPOINT-POLICY/policy"
	s.admin("GET", effective, "").is(404)
	var paths []string
	for _, place := range []string{"services/" + service, "services/" + service + "/regions/land", "services/" + service + "/regions/town", "endpoints/" + endpoint} {
		id := s.admin("POST", "/v3/policies", `{"policy":{"type":"text/plain","blob":"x"}}`).is(201).text("policy.id")
		of := "/v3/policies/" + id + "/OS-ENDPOINT-POLICY/"
		path := of + place
		s.admin("GET", path, "").is(404)
		s.admin("DELETE", path, "").is(404)
		s.admin("PUT", path, "").is(204)
		s.admin("PUT", path, "").is(204)
		s.admin("HEAD", path, "").is(204)
		if got := s.admin("GET", effective, "").is(200).text("policy.id"); got != id {
			t.Errorf("with %s bound, %s counts", place, got)
		}
		if list := s.admin("GET", of+"endpoints", "").is(200); list.len("endpoints") != 1 || list.text("endpoints.0.id") != endpoint {
			t.Error(list.body)
		}
		paths = append(paths, path)
	}
	second := s.admin("POST", "/v3/policies", `{"policy":{"type":"text/plain","blob":"y"}}`).is(201).text("policy.id")
	s.admin("PUT", "/v3/policies/"+second+"/OS-ENDPOINT-POLICY/endpoints/"+endpoint, "").is(204)
	s.admin("GET", paths[3], "").is(404) // replaced
	s.admin("DELETE", "/v3/policies/"+second, "").is(204)
	s.admin("DELETE", paths[2], "").is(204)
	if got := s.admin("GET", effective, "").is(200); "/v3/policies/"+got.text("policy.id")+"/OS-ENDPOINT-POLICY/services/"+service+"/regions/land" != paths[1] {
		t.Error("the policy of the region above does not count: " + got.body)
	}
	s.admin("DELETE", "/v3/endpoints/"+endpoint, "").is(204)
	s.admin("DELETE", "/v3/services/"+service, "").is(204)
	s.admin("GET", paths[0], "").is(404)
	s.admin("PUT", paths[0], "").is(404)
	demo := s.signIn("demo", demoPassword, "")
	s.call(demo, "GET", paths[0], "").is(403)
	s.call(demo, "PUT", paths[0], "").is(403)
}
