package keystone

import (
	"fmt"
	"testing"
)

// TestAProjectsCatalogHasWhatItWasGiven: one endpoint, then a group's as well, then all again.
func TestAProjectsCatalogHasWhatItWasGiven(t *testing.T) {
	s := newSite(t)
	const filter = "/v3/OS-EP-FILTER/"
	project := string(s.made.AdminProjectID)
	catalog := func() int { return s.admin("GET", "/v3/auth/catalog", "").is(200).len("catalog") }
	all := catalog()
	image := s.admin("GET", "/v3/services?type=image", "").is(200).text("services.0.id")
	network := s.admin("GET", "/v3/services?type=network", "").is(200).text("services.0.id")
	endpoint := s.admin("GET", "/v3/endpoints?interface=public&service_id="+image, "").is(200).text("endpoints.0.id")
	given := filter + "projects/" + project + "/endpoints/" + endpoint
	s.admin("GET", given, "").is(404)
	s.admin("PUT", given, "").is(204)
	s.admin("PUT", given, "").is(204)
	s.admin("HEAD", given, "").is(204)
	if catalog() != 1 || s.admin("GET", filter+"projects/"+project+"/endpoints", "").is(200).len("endpoints") != 1 {
		t.Error("the catalog is not the one endpoint")
	}
	body := `{"endpoint_group":{"name":"net","filters":{"service_id":%q}}}`
	g := s.admin("POST", filter+"endpoint_groups", fmt.Sprintf(body, network)).is(201)
	group := filter + "endpoint_groups/" + g.text("endpoint_group.id")
	s.admin("PUT", group+"/projects/"+project, "").is(204)
	if n := catalog(); n != 2 {
		t.Errorf("with the group there are %d services, want 2", n)
	}
	if n := s.admin("GET", group+"/endpoints", "").is(200).len("endpoints"); n != 3 {
		t.Errorf("the group has %d endpoints, want 3", n)
	}
	s.admin("GET", group+"/projects/"+project, "").is(200)
	s.admin("DELETE", given, "").is(204)
	s.admin("DELETE", given, "").is(404)
	s.admin("DELETE", group, "").is(204)
	if n := catalog(); n != all {
		t.Errorf("in the end %d services, want %d", n, all)
	}
}

func TestEndpointGroupsRefuseWhatMeansNothing(t *testing.T) {
	s := newSite(t)
	const groups = "/v3/OS-EP-FILTER/endpoint_groups"
	s.admin("POST", groups, `{"endpoint_group":{"name":"x"}}`).is(400)
	s.admin("POST", groups, `{"endpoint_group":{"name":"x","filters":{}}}`).is(400)
	s.admin("POST", groups, `{"endpoint_group":{"name":"x","filters":{"interface":"secret"}}}`).is(400)
	s.admin("PUT", "/v3/OS-EP-FILTER/projects/none/endpoints/none", "").is(404)
	s.admin("GET", groups+"/none", "").is(404)
	demo := s.signIn("demo", demoPassword, "")
	s.call(demo, "GET", groups, "").is(403)
	s.call(demo, "POST", groups, `{"endpoint_group":{"name":"x","filters":{"interface":"public"}}}`).is(403)
}

// TestADeletedProjectIsTakenOffTheFilter leaves nothing of it in the catalog.
func TestADeletedProjectIsTakenOffTheFilter(t *testing.T) {
	s := newSite(t)
	p := s.admin("POST", "/v3/projects", `{"project":{"name":"p"}}`).is(201).text("project.id")
	g := s.admin("POST", "/v3/OS-EP-FILTER/endpoint_groups", `{"endpoint_group":{"name":"x","filters":{"interface":"public"}}}`).is(201)
	group := "/v3/OS-EP-FILTER/endpoint_groups/" + g.text("endpoint_group.id")
	s.admin("PUT", group+"/projects/"+p, "").is(204)
	s.admin("DELETE", "/v3/projects/"+p, "").is(204)
	s.admin("GET", group+"/projects/"+p, "").is(404)
}
