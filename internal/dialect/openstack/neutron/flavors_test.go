package neutron_test

import (
	"fmt"
	"testing"
)

func TestFlavors(t *testing.T) {
	s := newSite(t)
	const flavors, profiles = "/v2.0/flavors", "/v2.0/service_profiles"
	flavor := s.call(admin, "POST", flavors, `{"flavor":{"name":"f","service_type":"L3_ROUTER_NAT"}}`, 201)
	path := flavors + "/" + fmt.Sprint(at(flavor, "flavor", "id"))
	if at(flavor, "flavor", "enabled") != true || length(at(flavor, "flavor", "service_profiles")) != 0 {
		t.Errorf("flavor is %v", flavor)
	}
	for body, want := range map[string]int{`{"flavor":{"name":"f"}}`: 400, `{"flavor":{"service_type":"FIREWALL"}}`: 400, `{"flavor":[]}`: 400,
		`{"flavor":{"service_type":"L3_ROUTER_NAT","service_profiles":["none"]}}`: 404} {
		s.call(admin, "POST", flavors, body, want)
	}
	s.call(member, "POST", flavors, `{"flavor":{"service_type":"L3_ROUTER_NAT"}}`, 403)
	s.call(member, "GET", path, "", 200)
	s.call(admin, "PUT", path, `{"flavor":{"service_type":"QOS"}}`, 400)
	s.call(admin, "POST", profiles, `{"service_profile":{}}`, 400)
	s.call(admin, "POST", profiles, `{"service_profile":{"driver":"magic"}}`, 404)
	profile := fmt.Sprint(at(s.call(admin, "POST", profiles, `{"service_profile":{"metainfo":{"a":1}}}`, 201), "service_profile", "id"))
	s.call(member, "GET", profiles+"/"+profile, "", 404)
	if got := length(at(s.call(member, "GET", profiles, "", 200), "service_profiles")); got != 0 {
		t.Errorf("a member sees %d profiles", got)
	}
	s.call(admin, "GET", path+"/next_providers", "", 404)
	bind := fmt.Sprintf(`{"service_profile":{"id":"%s"}}`, profile)
	s.call(admin, "POST", path+"/service_profiles", bind, 201)
	s.call(admin, "POST", path+"/service_profiles", bind, 409)
	s.call(admin, "POST", path+"/service_profiles", `{"service_profile":{"id":"none"}}`, 404)
	if got := at(s.call(member, "GET", path+"/next_providers", "", 200), "next_providers", 0, "provider"); got != "nubo" {
		t.Errorf("provider %v", got)
	}
	router := s.call(member, "POST", "/v2.0/routers", fmt.Sprintf(`{"router":{"flavor_id":"%s"}}`, at(flavor, "flavor", "id")), 201)
	if at(router, "router", "flavor_id") != at(flavor, "flavor", "id") {
		t.Errorf("router is %v", router)
	}
	own := "/v2.0/routers/" + fmt.Sprint(at(router, "router", "id"))
	s.call(member, "PUT", own, `{"router":{"flavor_id":"x"}}`, 400)
	s.call(member, "POST", "/v2.0/routers", `{"router":{"flavor_id":"none"}}`, 404)
	if got := at(s.call(admin, "DELETE", path, "", 409), "NeutronError", "type"); got != "FlavorInUse" {
		t.Errorf("deleting a flavor in use: %v", got)
	}
	s.call(member, "DELETE", own, "", 204)
	s.call(admin, "DELETE", profiles+"/"+profile, "", 409)
	s.call(admin, "DELETE", path+"/service_profiles/"+profile, "", 204)
	s.call(admin, "DELETE", path+"/service_profiles/"+profile, "", 404)
	s.call(admin, "DELETE", path, "", 204)
	s.call(admin, "DELETE", profiles+"/"+profile, "", 204)
	if got := at(s.call(member, "GET", "/v2.0/service-providers?service_type=L3_ROUTER_NAT", "", 200), "service_providers", 0, "name"); got != "nubo" {
		t.Errorf("provider %v", got)
	}
	if got := length(at(s.call(member, "GET", "/v2.0/service-providers?service_type=VPN", "", 200), "service_providers")); got != 0 {
		t.Errorf("%d providers of VPN", got)
	}
}

func TestDefaultRules(t *testing.T) {
	s := newSite(t)
	const path = "/v2.0/default-security-group-rules"
	if got := length(at(s.call(member, "GET", path, "", 200), "default_security_group_rules")); got != 4 {
		t.Errorf("%d rules in a new cloud", got)
	}
	if got := length(at(s.call(member, "GET", path+"?remote_group_id=PARENT&used_in_non_default_sg=false&ethertype=IPv6", "", 200), "default_security_group_rules")); got != 1 {
		t.Errorf("%d rules about members of the own group", got)
	}
	const rule = `{"default_security_group_rule":{"direction":"ingress","protocol":"tcp","port_range_min":"22","port_range_max":22,"remote_group_id":"PARENT"}}`
	s.call(member, "POST", path, rule, 403)
	made := s.call(admin, "POST", path, rule, 201)
	if at(made, "default_security_group_rule", "remote_group_id") != "PARENT" || at(made, "default_security_group_rule", "used_in_non_default_sg") != true ||
		at(made, "default_security_group_rule", "used_in_default_sg") != false || at(made, "default_security_group_rule", "port_range_min") != 22.0 {
		t.Errorf("rule is %v", made)
	}
	if got := at(s.call(admin, "POST", path, rule, 409), "NeutronError", "type"); got != "DefaultSecurityGroupRuleExists" {
		t.Errorf("the same again: %v", got)
	}
	s.call(admin, "POST", path, `{"default_security_group_rule":{"direction":"up"}}`, 400)
	s.call(admin, "POST", path, `{"default_security_group_rule":{"direction":"ingress","security_group_id":"x"}}`, 400)
	g := s.call(member, "POST", "/v2.0/security-groups", `{"security_group":{"name":"g"}}`, 201)
	if got := length(at(g, "security_group", "security_group_rules")); got != 3 {
		t.Errorf("%d rules in a new group", got)
	}
	s.call(admin, "DELETE", path+"/"+fmt.Sprint(at(made, "default_security_group_rule", "id")), "", 204)
	s.call(admin, "GET", path+"/"+fmt.Sprint(at(made, "default_security_group_rule", "id")), "", 404)
}

func TestAgents(t *testing.T) {
	s := newSite(t)
	for i, want := range []string{"DHCP agent", "L3 agent", "Metadata agent"} {
		agent := at(s.call(admin, "GET", "/v2.0/agents", "", 200), "agents", i)
		path := "/v2.0/agents/" + fmt.Sprint(at(agent, "id"))
		if at(agent, "agent_type") != want || at(agent, "admin_state_up") != true {
			t.Errorf("agent is %v", agent)
		}
		s.call(member, "PUT", path, `{"agent":{"description":"x"}}`, 403)
		s.call(admin, "PUT", path, `{"agent":{"host":"x"}}`, 400)
		off := 200
		if want == "Metadata agent" {
			off = 409
		}
		s.call(admin, "PUT", path, `{"agent":{"admin_state_up":false}}`, off)
		if got := at(s.call(admin, "PUT", path, `{"agent":{"description":"x"}}`, 200), "agent"); at(got, "description") != "x" || at(got, "admin_state_up") != (off == 409) {
			t.Errorf("agent is %v", got)
		}
		s.call(admin, "PUT", path, `{"agent":{"admin_state_up":true}}`, 200)
		s.call(admin, "DELETE", path, "", 409)
	}
	s.call(admin, "PUT", "/v2.0/agents/none", `{"agent":{}}`, 404)
	s.call(admin, "DELETE", "/v2.0/agents/none", "", 404)
}
