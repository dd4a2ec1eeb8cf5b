package neutron_test

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The routes are those on file: one that is forgotten or added shows here.
func TestRoutes(t *testing.T) {
	s := newSite(t)
	got := strings.Join(s.svc.Routes(), "\n") + "\n"
	if *update {
		ok(t, os.WriteFile("testdata/routes.txt", []byte(got), 0o644))
	}
	want, err := os.ReadFile("testdata/routes.txt")
	ok(t, err)
	if got != string(want) {
		t.Errorf("routes differ from testdata/routes.txt:\n%s", got)
	}
}

// Every route but the list of versions refuses a caller without a token.
func TestEveryRouteNeedsAToken(t *testing.T) {
	s := newSite(t)
	for _, route := range s.svc.Routes() {
		method, path, _ := strings.Cut(route, " ")
		want := http.StatusUnauthorized
		if path == "/{$}" {
			path, want = "/", http.StatusOK
		}
		path = strings.NewReplacer("{id}", "x", "{tag}", "x", "{alias}", "x", "{project}", "x").Replace(path)
		s.call("", method, path, "", want)
	}
}

func TestDiscovery(t *testing.T) {
	s := newSite(t)
	v := s.call("", "GET", "/", "", 200)
	if got := at(v, "versions", 0, "links", 0, "href"); got != s.url+"/v2.0/" {
		t.Errorf("link is %v", got)
	}
	if n := length(at(s.call(member, "GET", "/v2.0", "", 200), "resources")); n < 8 {
		t.Errorf("%d resources", n)
	}
	s.call(member, "GET", "/v2.0/extensions/router", "", 200)
	s.call(member, "GET", "/v2.0/extensions/nothing", "", 404)
	if got := at(s.call(member, "GET", "/v2.0/availability_zones", "", 200), "availability_zones", 0, "name"); got != "nova" {
		t.Errorf("zone %v", got)
	}
	s.call(member, "GET", "/v2.0/service-providers", "", 200)
	if seen := at(s.call(member, "GET", "/v2.0/agents", "", 200), "agents"); length(seen) != 0 {
		t.Errorf("a member sees agents: %v", seen)
	}
	agents := at(s.call(admin, "GET", "/v2.0/agents?host=h1", "", 200), "agents")
	if length(agents) != 3 {
		t.Fatalf("agents %v", agents)
	}
	s.call(admin, "GET", fmt.Sprint("/v2.0/agents/", at(agents, 0, "id")), "", 200)
	s.call(member, "GET", fmt.Sprint("/v2.0/agents/", at(agents, 0, "id")), "", 404)
}

// Faults have the service's form, status and names.
func TestFaults(t *testing.T) {
	s := newSite(t)
	n := at(s.call(member, "POST", "/v2.0/networks", `{"network":{"name":"n"}}`, 201), "network", "id")
	sub := at(s.call(member, "POST", "/v2.0/subnets", fmt.Sprintf(`{"subnet":{"network_id":"%s","ip_version":4,"cidr":"10.0.0.0/29"}}`, n), 201), "subnet", "id")
	group := at(s.call(member, "GET", "/v2.0/security-groups", "", 200), "security_groups", 0, "id")
	port := s.call(member, "POST", "/v2.0/ports", fmt.Sprintf(`{"port":{"network_id":"%s","fixed_ips":[{"ip_address":"10.0.0.5"}]}}`, n), 201)
	router := at(s.call(member, "POST", "/v2.0/routers", `{"router":{}}`, 201), "router", "id")
	if made := s.call(member, "POST", "/v2.0/security-groups", `{"security_group":{"name":"g","stateful":true}}`, 201); at(made, "security_group", "stateful") != true {
		t.Errorf("group %v", made)
	}
	rule := fmt.Sprintf(`{"security_group_rule":{"security_group_id":"%s","direction":"ingress","protocol":"tcp","port_range_min":22,"port_range_max":22}}`, group)
	s.call(member, "POST", "/v2.0/security-group-rules", rule, 201)
	s.call(admin, "PUT", "/v2.0/quotas/p", `{"quota":{"network":1}}`, 200)
	for _, c := range []struct {
		method, path, body string
		status             int
		name               string
	}{
		{"GET", "/v2.0/networks/none", "", 404, "NetworkNotFound"},
		{"GET", "/v2.0/subnets/none", "", 404, "SubnetNotFound"},
		{"GET", "/v2.0/ports/none", "", 404, "PortNotFound"},
		{"GET", "/v2.0/routers/none", "", 404, "RouterNotFound"},
		{"GET", "/v2.0/floatingips/none", "", 404, "FloatingIPNotFound"},
		{"GET", "/v2.0/security-groups/none", "", 404, "SecurityGroupNotFound"},
		{"GET", "/v2.0/security-group-rules/none", "", 404, "SecurityGroupRuleNotFound"},
		{"GET", "/v2.0/nothing", "", 404, "HTTPNotFound"},
		{"GET", "/v2.0/networks?colour=red", "", 400, "InvalidInput"},
		{"POST", "/v2.0/networks", `{"network":{"colour":"red"}}`, 400, "HTTPBadRequest"},
		{"POST", "/v2.0/networks", `{"network":{}}`, 409, "OverQuota"},
		{"POST", "/v2.0/networks", `{"network":{"shared":true}}`, 403, "PolicyNotAuthorized"},
		{"POST", "/v2.0/networks", `{`, 400, "HTTPBadRequest"},
		{"POST", "/v2.0/networks", `{"x":{}}`, 400, "HTTPBadRequest"},
		{"DELETE", fmt.Sprint("/v2.0/networks/", n), "", 409, "NetworkInUse"},
		{"DELETE", fmt.Sprint("/v2.0/subnets/", sub), "", 409, "SubnetInUse"},
		{"POST", "/v2.0/ports", fmt.Sprintf(`{"port":{"network_id":"%s","fixed_ips":[{"ip_address":"10.0.0.5"}]}}`, n), 409, "IpAddressInUse"},
		{"POST", "/v2.0/ports", fmt.Sprintf(`{"port":{"network_id":"%s","mac_address":"%s"}}`, n, at(port, "port", "mac_address")), 409, "MacAddressInUse"},
		{"POST", "/v2.0/ports", fmt.Sprintf(`{"port":{"network_id":"%s","fixed_ips":[{"ip_address":"10.9.0.5"}]}}`, n), 400, "InvalidIpForSubnet"},
		{"POST", "/v2.0/security-group-rules", rule, 409, "SecurityGroupRuleExists"},
		{"DELETE", fmt.Sprint("/v2.0/security-groups/", group), "", 409, "SecurityGroupCannotRemoveDefault"},
		{"PUT", fmt.Sprintf("/v2.0/routers/%s/remove_router_interface", router), fmt.Sprintf(`{"subnet_id":"%s"}`, sub), 404, "RouterInterfaceNotFoundForSubnet"},
		{"PUT", fmt.Sprintf("/v2.0/routers/%s/add_router_interface", router), `{}`, 400, "BadRequest"},
		{"GET", fmt.Sprintf("/v2.0/networks/%s/tags/none", n), "", 404, "TagNotFound"},
	} {
		answer := s.call(member, c.method, c.path, c.body, c.status)
		if got := at(answer, "NeutronError", "type"); got != c.name {
			t.Errorf("%s %s %s: type %v, want %s (%v)", c.method, c.path, c.body, got, c.name, answer)
		}
		if at(answer, "NeutronError", "message") == "" {
			t.Errorf("%s %s: no message", c.method, c.path)
		}
	}
}

// A bulk request makes all or none.
func TestBulk(t *testing.T) {
	s := newSite(t)
	made := s.call(member, "POST", "/v2.0/networks", `{"networks":[{"name":"a"},{"name":"b"}]}`, 201)
	if length(at(made, "networks")) != 2 || at(made, "networks", 1, "name") != "b" {
		t.Fatalf("made %v", made)
	}
	s.call(member, "POST", "/v2.0/networks", `{"networks":[{"name":"c"},{"name":"d","mtu":1}]}`, 400)
	if got := length(at(s.call(member, "GET", "/v2.0/networks?name=c", "", 200), "networks")); got != 0 {
		t.Error("half of a refused bulk request is there")
	}
}

// Lists are filtered, ordered, cut into pages and reduced to fields as asked.
func TestLists(t *testing.T) {
	s := newSite(t)
	ids := map[string]any{}
	for _, name := range []string{"c", "a", "d", "b"} {
		ids[name] = at(s.call(member, "POST", "/v2.0/networks", fmt.Sprintf(`{"network":{"name":"%s"}}`, name), 201), "network", "id")
	}
	s.call(member, "PUT", fmt.Sprintf("/v2.0/networks/%s/tags", ids["a"]), `{"tags":["red","big"]}`, 200)
	s.call(member, "PUT", fmt.Sprintf("/v2.0/networks/%s/tags/red", ids["b"]), "", 201)
	for query, want := range map[string]string{
		"name=a&name=c&sort_key=name":                                        "ac",
		"sort_key=name&sort_dir=desc&router:external=0":                      "dcba",
		"tags=red&sort_key=name":                                             "ab",
		"tags=red,big":                                                       "a",
		"tags-any=big,none":                                                  "a",
		"not-tags=red&router:external=False&sort_key=name":                   "cd",
		"not-tags-any=big&project_id=p&sort_key=name":                        "bcd",
		"id=" + fmt.Sprint(ids["d"]):                                         "d",
		"status=DOWN":                                                        "",
		"limit=2&sort_key=name&tenant_id=p":                                  "ab",
		fmt.Sprintf("limit=2&sort_key=name&tenant_id=p&marker=%s", ids["b"]): "cd",
		fmt.Sprintf("limit=2&sort_key=name&tenant_id=p&page_reverse=True&marker=%s", ids["c"]): "ab",
	} {
		list := s.call(member, "GET", "/v2.0/networks?"+query, "", 200)
		got := ""
		for i := range length(at(list, "networks")) {
			got += fmt.Sprint(at(list, "networks", i, "name"))
		}
		if got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	list := s.call(member, "GET", "/v2.0/networks?fields=id&fields=name&limit=1&sort_key=name", "", 200)
	if first, _ := at(list, "networks", 0).(map[string]any); len(first) != 2 || first["name"] != "a" {
		t.Errorf("fields: %v", first)
	}
	href := fmt.Sprint(at(list, "networks_links", 0, "href"))
	if at(list, "networks_links", 0, "rel") != "next" || !strings.HasPrefix(href, s.url+"/v2.0/networks?") || !strings.Contains(href, fmt.Sprint(ids["a"])) {
		t.Errorf("link %s", href)
	}
}

// Ports are found by what they are for, whoever said so.
func TestPortFilters(t *testing.T) {
	s := newSite(t)
	n := at(s.call(member, "POST", "/v2.0/networks", `{"network":{"name":"n"}}`, 201), "network", "id")
	sub := at(s.call(member, "POST", "/v2.0/subnets", fmt.Sprintf(`{"subnet":{"network_id":"%s","ip_version":4,"cidr":"10.0.0.0/24"}}`, n), 201), "subnet", "id")
	router := at(s.call(member, "POST", "/v2.0/routers", `{"router":{}}`, 201), "router", "id")
	s.call(member, "PUT", fmt.Sprintf("/v2.0/routers/%s/add_router_interface", router), fmt.Sprintf(`{"subnet_id":"%s"}`, sub), 200)
	s.call(member, "POST", "/v2.0/ports", fmt.Sprintf(`{"port":{"network_id":"%s","name":"mine","device_id":"d","device_owner":"my:app","fixed_ips":[{"ip_address":"10.0.0.77"}]}}`, n), 201)
	for query, want := range map[string]int{
		"": 3, "device_owner=network:dhcp": 1, "device_owner=network:router_interface": 1, "device_owner=my:app": 1, "device_owner=compute:nova": 0,
		"device_id=d": 1, fmt.Sprint("device_id=", router): 1, "device_id=": 0, "fixed_ips=ip_address=10.0.0.77": 1,
		fmt.Sprint("fixed_ips=subnet_id=", sub): 3, "fixed_ips=ip_address_substr=0.0.7": 1, "status=ACTIVE": 2, "mac_address=FA-16-3E-00-00-00": 0,
		"network_id=none": 0, "device_owner=network:dhcp&device_owner=my:app": 2,
	} {
		if got := length(at(s.call(member, "GET", "/v2.0/ports?"+query, "", 200), "ports")); got != want {
			t.Errorf("%q: %d ports, want %d", query, got, want)
		}
	}
	p := s.call(member, "GET", "/v2.0/ports?name=mine", "", 200)
	if at(p, "ports", 0, "binding:host_id") != nil || at(p, "ports", 0, "device_owner") != "my:app" {
		t.Errorf("a member is shown %v", p)
	}
	p = s.call(admin, "GET", "/v2.0/ports?name=mine", "", 200)
	if at(p, "ports", 0, "binding:vif_type") != "unbound" {
		t.Errorf("an administrator is shown %v", p)
	}
}
