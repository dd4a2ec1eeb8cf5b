package neutron_test

import (
	"fmt"
	"testing"
)

// Administrators make routers distributed, while they are down; nobody else sees which are. Their interfaces have an owner of their own.
func TestDistributedRouters(t *testing.T) {
	s := newSite(t)
	const routers = "/v2.0/routers"
	made := s.call(admin, "POST", routers, `{"router":{"distributed":true,"project_id":"p"}}`, 201)
	if at(made, "router", "distributed") != true {
		t.Errorf("router is %v", made)
	}
	if plain := s.call(admin, "POST", routers, `{"router":{"distributed":null}}`, 201); at(plain, "router", "distributed") != false {
		t.Errorf("router is %v", plain)
	}
	s.call(member, "POST", routers, `{"router":{"distributed":false}}`, 403)
	s.call(admin, "POST", routers, `{"router":{"ha":false}}`, 201)
	s.call(admin, "POST", routers, `{"router":{"ha":true}}`, 400)
	path := fmt.Sprintf("%s/%s", routers, at(made, "router", "id"))
	shown, _ := at(s.call(member, "GET", path, "", 200), "router").(map[string]any)
	if _, told := shown["distributed"]; told {
		t.Error("a member is told that the router is distributed")
	}
	if got := length(at(s.call(admin, "GET", routers+"?distributed=True", "", 200), "routers")); got != 1 {
		t.Errorf("%d routers are distributed", got)
	}

	network := at(s.call(member, "POST", "/v2.0/networks", `{"network":{}}`, 201), "network", "id")
	subnet := at(s.call(member, "POST", "/v2.0/subnets", fmt.Sprintf(`{"subnet":{"network_id":%q,"ip_version":4,"cidr":"10.0.0.0/24"}}`, network), 201), "subnet", "id")
	s.call(member, "PUT", path+"/add_router_interface", fmt.Sprintf(`{"subnet_id":%q}`, subnet), 200)
	owner := func() any {
		return at(s.call(admin, "GET", "/v2.0/ports?device_owner=network:router_interface&device_owner=network:router_interface_distributed", "", 200), "ports", 0, "device_owner")
	}
	if got := owner(); got != "network:router_interface_distributed" {
		t.Errorf("the interface is a %v", got)
	}

	if got := at(s.call(admin, "PUT", path, `{"router":{"distributed":false}}`, 400), "NeutronError", "type"); got != "BadRequest" {
		t.Errorf("changing a router that is up: %v", got)
	}
	s.call(member, "PUT", path, `{"router":{"admin_state_up":false}}`, 200)
	s.call(member, "PUT", path, `{"router":{"distributed":false}}`, 403)
	if changed := s.call(admin, "PUT", path, `{"router":{"distributed":false,"admin_state_up":true}}`, 200); at(changed, "router", "distributed") != false {
		t.Errorf("changed router is %v", changed)
	}
	if got := owner(); got != "network:router_interface" {
		t.Errorf("the interface is a %v", got)
	}
}
