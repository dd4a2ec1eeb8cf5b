package neutron_test

import (
	"fmt"
	"strings"
	"testing"
)

// Names and descriptions have an end, ids are UUIDs, and a resource has one owner: whatever it is, and whoever asks.
func TestBodiesThatNoResourceMayHave(t *testing.T) {
	s := newSite(t)
	long := strings.Repeat("é", 256)
	for one, path := range map[string]string{"network": "/v2.0/networks", "subnet": "/v2.0/subnets", "port": "/v2.0/ports", "router": "/v2.0/routers",
		"security_group": "/v2.0/security-groups", "policy": "/v2.0/qos/policies", "metering_label": "/v2.0/metering/metering-labels",
		"address_group": "/v2.0/address-groups", "trunk": "/v2.0/trunks"} {
		s.call(member, "POST", path, fmt.Sprintf(`{"%s":{"name":"%s"}}`, one, long), 400)
		if one != "metering_label" { // which cannot be changed
			s.call(member, "PUT", path+"/none", fmt.Sprintf(`{"%s":{"name":"%s"}}`, one, long), 400)
		}
		s.call(member, "POST", path, fmt.Sprintf(`{"%s":{"project_id":"p","tenant_id":"q"}}`, one), 400)
	}
	fits := s.call(member, "POST", "/v2.0/networks", fmt.Sprintf(`{"network":{"name":"%s","project_id":"p","tenant_id":"p"}}`, long[:510]), 201)
	network := at(fits, "network", "id").(string)
	s.call(member, "POST", "/v2.0/networks", `{"network":{"project_id":"q"}}`, 400)
	s.call(member, "PUT", "/v2.0/networks/"+network, `{"network":{"tenant_id":"p"}}`, 400)
	s.call(member, "POST", "/v2.0/ports", `{"port":{"network_id":"moon"}}`, 400)
	s.call(member, "POST", "/v2.0/ports", fmt.Sprintf(`{"port":{"network_id":"%s","fixed_ips":[{"subnet_id":"moon"}]}}`, network), 400)
	router := at(s.call(member, "POST", "/v2.0/routers", `{"router":{}}`, 201), "router", "id").(string)
	s.call(member, "PUT", "/v2.0/routers/"+router+"/add_router_interface", `{"port_id":"moon"}`, 400)
	s.call(member, "PUT", "/v2.0/routers/"+router, `{"router":{"external_gateway_info":{"network_id":"moon"}}}`, 400)
}
