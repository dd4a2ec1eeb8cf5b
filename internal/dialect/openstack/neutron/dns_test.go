package neutron_test

import (
	"fmt"
	"testing"
)

// A port may have a domain of its own besides its network's.
func TestDomainsOfPorts(t *testing.T) {
	s := newSite(t)
	network := at(s.call(member, "POST", "/v2.0/networks", `{"network":{"name":"n","dns_domain":"net.example."}}`, 201), "network", "id")
	port := at(s.call(member, "POST", "/v2.0/ports", fmt.Sprintf(`{"port":{"network_id":"%s","dns_name":"www","dns_domain":"example.org."}}`, network), 201), "port")
	if at(port, "dns_domain") != "example.org." {
		t.Errorf("the port is %v", port)
	}
	path := fmt.Sprintf("/v2.0/ports/%s", at(port, "id"))
	s.call(member, "PUT", path, `{"port":{"dns_domain":"-no-"}}`, 400)
	s.call(member, "PUT", path, `{"port":{"dns_domain":"example.net."}}`, 200)
	if found := at(s.call(member, "GET", "/v2.0/ports?dns_domain=example.net.", "", 200), "ports"); length(found) != 1 {
		t.Errorf("%d ports are in the domain", length(found))
	}
}
