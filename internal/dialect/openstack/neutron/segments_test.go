package neutron_test

import (
	"fmt"
	"testing"
)

// Operators see where a network is carried, and give it more segments; nobody else sees any.
func TestSegments(t *testing.T) {
	s := newSite(t)
	network := at(s.call(member, "POST", "/v2.0/networks", `{"network":{}}`, 201), "network", "id")
	first := s.call(admin, "GET", fmt.Sprintf("/v2.0/segments?network_id=%s", network), "", 200)
	if at(first, "segments", 0, "network_type") != "local" || length(at(first, "segments")) != 1 {
		t.Fatalf("the new network's segments are %v", first)
	}
	create := func(kind, more string) string {
		return fmt.Sprintf(`{"segment":{"network_id":%q,"network_type":%q%s}}`, network, kind, more)
	}
	segment := s.call(admin, "POST", "/v2.0/segments", create("geneve", `,"segmentation_id":2055,"name":"s"`), 201)
	if at(segment, "segment", "description") != "" || at(segment, "segment", "physical_network") != nil || at(segment, "segment", "segmentation_id") != 2055.0 {
		t.Errorf("segment is %v", segment)
	}
	for _, refused := range []struct {
		who, body string
		code      int
	}{
		{member, create("geneve", ""), 403},
		{admin, create("geneve", `,"segmentation_id":2055`), 409},
		{admin, create("geneve", `,"segmentation_id":16777216`), 400},
		{admin, create("geneve", `,"physical_network":"physnet1"`), 400},
		{admin, create("vlan", `,"physical_network":"elsewhere"`), 400},
		{admin, create("ipip", ""), 400},
		{admin, fmt.Sprintf(`{"segment":{"network_id":%q}}`, network), 400},
		{admin, `{"segment":{"network_id":"01a21d00-0000-4000-8000-000000000000","network_type":"gre"}}`, 404},
	} {
		s.call(refused.who, "POST", "/v2.0/segments", refused.body, refused.code)
	}
	shown := s.call(admin, "GET", fmt.Sprintf("/v2.0/networks/%s", network), "", 200)
	if at(shown, "network", "segments", 1, "provider:segmentation_id") != 2055.0 || at(shown, "network", "provider:network_type") != nil {
		t.Errorf("network with two segments is %v", shown)
	}
	path := "/v2.0/segments/" + fmt.Sprint(at(segment, "segment", "id"))
	s.call(member, "GET", path, "", 404)
	if got := length(at(s.call(member, "GET", "/v2.0/segments", "", 200), "segments")); got != 0 {
		t.Errorf("a member sees %d segments", got)
	}
	segment = s.call(admin, "PUT", path, `{"segment":{"description":"d","name":null}}`, 200)
	if at(segment, "segment", "description") != "d" || at(segment, "segment", "revision_number") != 1.0 {
		t.Errorf("changed segment is %v", segment)
	}
	s.call(admin, "PUT", path, `{"segment":{"segmentation_id":3}}`, 400)
	s.call(admin, "DELETE", "/v2.0/segments/"+fmt.Sprint(at(first, "segments", 0, "id")), "", 409)
	s.call(admin, "DELETE", path, "", 204)
	s.call(admin, "GET", path, "", 404)
	s.call(member, "DELETE", fmt.Sprintf("/v2.0/networks/%s", network), "", 204)
	if got := length(at(s.call(admin, "GET", fmt.Sprintf("/v2.0/segments?network_id=%s", network), "", 200), "segments")); got != 0 {
		t.Errorf("%d segments are left of a network that is gone", got)
	}
}

// A network may be made with several segments; its subnets lie all on segments, or none of them.
func TestSubnetsOnSegments(t *testing.T) {
	s := newSite(t)
	const two = `{"network":{"segments":[{"provider:network_type":"vlan","provider:physical_network":"physnet1","provider:segmentation_id":%d},{"provider:network_type":"gre"}]%s}}`
	s.call(admin, "POST", "/v2.0/networks", fmt.Sprintf(two, 5, `,"provider:network_type":"gre"`), 400)
	s.call(member, "POST", "/v2.0/networks", fmt.Sprintf(two, 5, ""), 403)
	s.call(admin, "POST", "/v2.0/networks", `{"network":{"segments":[{"provider:network_type":"gre","provider:segmentation_id":3},{"provider:network_type":"gre","provider:segmentation_id":3}]}}`, 400)
	network := at(s.call(admin, "POST", "/v2.0/networks", fmt.Sprintf(two, 5, ""), 201), "network", "id")
	other := at(s.call(admin, "POST", "/v2.0/networks", `{"network":{}}`, 201), "network", "id")
	segmentOf := func(network any) any {
		return at(s.call(admin, "GET", fmt.Sprintf("/v2.0/segments?network_id=%s&sort_key=segmentation_id&sort_dir=desc", network), "", 200), "segments", 0, "id")
	}
	subnet := func(network any, prefix int, segment any) string {
		return fmt.Sprintf(`{"subnet":{"network_id":%q,"ip_version":4,"cidr":"10.0.%d.0/24","segment_id":%q}}`, network, prefix, segment)
	}
	if got := at(s.call(admin, "POST", "/v2.0/subnets", subnet(network, 0, segmentOf(other)), 400), "NeutronError", "type"); got != "NetworkIdsDontMatch" {
		t.Errorf("a segment elsewhere: %v", got)
	}
	s.call(admin, "POST", "/v2.0/subnets", subnet(network, 0, "none"), 404)
	on := s.call(admin, "POST", "/v2.0/subnets", subnet(network, 0, segmentOf(network)), 201)
	if at(on, "subnet", "segment_id") != segmentOf(network) {
		t.Errorf("subnet is %v", on)
	}
	s.call(admin, "POST", "/v2.0/subnets", subnet(network, 1, ""), 400)
	s.call(admin, "DELETE", fmt.Sprintf("/v2.0/segments/%s", segmentOf(network)), "", 409)
	path := fmt.Sprintf("/v2.0/subnets/%s", at(on, "subnet", "id"))
	s.call(admin, "PUT", path, `{"subnet":{"segment_id":null}}`, 400)
	later := s.call(admin, "POST", "/v2.0/subnets", subnet(other, 2, ""), 201)
	path = fmt.Sprintf("/v2.0/subnets/%s", at(later, "subnet", "id"))
	move := fmt.Sprintf(`{"subnet":{"segment_id":%q}}`, segmentOf(other))
	s.call("admin:member,reader", "PUT", path, move, 403)
	if got := at(s.call(admin, "PUT", path, move, 200), "subnet", "segment_id"); got != segmentOf(other) {
		t.Errorf("subnet was put on segment %v", got)
	}
}
