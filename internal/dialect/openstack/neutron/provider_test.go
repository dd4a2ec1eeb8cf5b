package neutron_test

import (
	"fmt"
	"testing"
)

// Operators name where a network is carried; each place is one network's.
func TestProviderNetworks(t *testing.T) {
	s := newSite(t)
	network := func(kind, physical, segment string) string {
		return fmt.Sprintf(`{"network":{"provider:network_type":%q,"provider:physical_network":%s,"provider:segmentation_id":%s}}`, kind, physical, segment)
	}
	n := s.call(admin, "POST", "/v2.0/networks", network("vlan", `"physnet1"`, "7"), 201)
	if at(n, "network", "provider:segmentation_id") != 7.0 || at(n, "network", "provider:physical_network") != "physnet1" {
		t.Errorf("network is %v", n)
	}
	for _, refused := range []struct {
		who, body string
		code      int
	}{
		{member, network("vlan", `"physnet1"`, "8"), 403},
		{admin, network("vlan", `"physnet1"`, "7"), 409},
		{admin, network("vlan", `"physnet1"`, "4095"), 400},
		{admin, network("vlan", `"physnet2"`, "8"), 400},
		{admin, network("flat", `"physnet1"`, "8"), 400},
		{admin, network("flat", `null`, "null"), 400},
		{admin, network("local", `"physnet1"`, "null"), 400},
		{admin, network("ipip", `null`, "null"), 400},
		{admin, network("gre", `"physnet1"`, "8"), 400},
	} {
		s.call(refused.who, "POST", "/v2.0/networks", refused.body, refused.code)
	}
	n = s.call(admin, "POST", "/v2.0/networks", network("vlan", `null`, "null"), 201)
	if at(n, "network", "provider:segmentation_id") != 1.0 || at(n, "network", "provider:physical_network") != "physnet1" {
		t.Errorf("left to choose, the cloud chose %v", n)
	}
	s.call(admin, "POST", "/v2.0/networks", network("flat", `"physnet1"`, "null"), 201)
	s.call(admin, "POST", "/v2.0/networks", network("flat", `"physnet1"`, "null"), 409)
	if got := length(at(s.call(admin, "GET", "/v2.0/networks?provider:network_type=vlan", "", 200), "networks")); got != 2 {
		t.Errorf("%d networks with a tag", got)
	}
}
