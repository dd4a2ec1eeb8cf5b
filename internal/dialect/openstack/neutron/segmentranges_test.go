package neutron_test

import (
	"fmt"
	"testing"
)

// Segments get their numbers from ranges: a project's own first, then those for all, and never from another project's.
func TestSegmentRanges(t *testing.T) {
	s := newSite(t)
	const ranges = "/v2.0/network_segment_ranges"
	if got := length(at(s.call(admin, "GET", ranges+"?default=true", "", 200), "network_segment_ranges")); got != 4 {
		t.Errorf("%d default ranges: one for each physical network and each kind of tunnel", got)
	}
	create := func(kind string, first, last int, more string) string {
		return fmt.Sprintf(`{"network_segment_range":{"name":"r","network_type":%q,"minimum":%d,"maximum":%d%s}}`, kind, first, last, more)
	}
	own := s.call(admin, "POST", ranges, create("vxlan", 1, 2, `,"shared":false,"project_id":"p"`), 201)
	if at(own, "network_segment_range", "project_id") != "p" || at(own, "network_segment_range", "default") != false || length(at(own, "network_segment_range", "available")) != 2 {
		t.Errorf("range is %v", own)
	}
	for _, refused := range []struct {
		who, body string
		code      int
	}{
		{member, create("vxlan", 10, 20, ""), 403},
		{admin, create("vxlan", 2, 20, ""), 409},
		{admin, create("vxlan", 20, 10, ""), 400},
		{admin, create("vxlan", 0, 10, ""), 400},
		{admin, create("vxlan", 10, 16777216, ""), 400},
		{admin, create("vxlan", 1000, 1000000, ""), 400},
		{admin, create("vxlan", 10, 20, `,"physical_network":"physnet1"`), 400},
		{admin, create("vlan", 10, 20, ""), 400},
		{admin, create("vlan", 4000, 4095, `,"physical_network":"physnet1"`), 400},
		{admin, create("flat", 10, 20, ""), 400},
		{admin, `{"network_segment_range":{"network_type":"gre","minimum":1}}`, 400},
	} {
		s.call(refused.who, "POST", ranges, refused.body, refused.code)
	}
	number := func(project string) any {
		body := fmt.Sprintf(`{"network":{"provider:network_type":"vxlan","project_id":%q}}`, project)
		return at(s.call(admin, "POST", "/v2.0/networks", body, 201), "network", "provider:segmentation_id")
	}
	for i, want := range []struct {
		project string
		number  float64
	}{{"q", 3}, {"p", 1}, {"p", 2}, {"p", 4}} {
		if got := number(want.project); got != want.number {
			t.Errorf("network %d, of %s, got number %v, want %v", i, want.project, got, want.number)
		}
	}
	path := ranges + "/" + fmt.Sprint(at(own, "network_segment_range", "id"))
	own = s.call(admin, "GET", path, "", 200)
	if at(own, "network_segment_range", "used", "2") != "p" || length(at(own, "network_segment_range", "available")) != 0 {
		t.Errorf("full range is %v", own)
	}
	s.call(member, "GET", path, "", 404)
	s.call(admin, "DELETE", path, "", 409)
	if got := at(s.call(admin, "PUT", path, `{"network_segment_range":{"maximum":1}}`, 409), "NeutronError", "type"); got != "NetworkSegmentRangeReferencedByProject" {
		t.Errorf("shrinking a range in use: %v", got)
	}
	s.call(admin, "PUT", path, `{"network_segment_range":{"shared":true}}`, 400)
	own = s.call(admin, "PUT", path, `{"network_segment_range":{"minimum":1,"maximum":9}}`, 200)
	if at(own, "network_segment_range", "maximum") != 9.0 || length(at(own, "network_segment_range", "available")) != 5 {
		t.Errorf("grown range is %v", own)
	}
	fixed := fmt.Sprint(at(s.call(admin, "GET", ranges+"?default=true", "", 200), "network_segment_ranges", 0, "id"))
	s.call(admin, "DELETE", ranges+"/"+fixed, "", 400)
	s.call(admin, "PUT", ranges+"/"+fixed, `{"network_segment_range":{"name":"x"}}`, 400)
	free := s.call(admin, "POST", ranges, create("gre", 5000, 5001, ""), 201)
	s.call(admin, "DELETE", ranges+"/"+fmt.Sprint(at(free, "network_segment_range", "id")), "", 204)
}
