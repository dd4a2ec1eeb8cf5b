package neutron_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/trunks"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/ports"
)

// A trunk is made, shown at its port, given ports and relieved of them; and says no in the service's words.
func TestTrunks(t *testing.T) {
	s, ctx := newSite(t), context.Background()
	c := s.client(member)
	n := made(networks.Create(ctx, c, networks.CreateOpts{Name: "n"}).Extract())(t)
	var p [3]string
	for i := range p {
		p[i] = made(ports.Create(ctx, c, ports.CreateOpts{NetworkID: n.ID}).Extract())(t).ID
	}
	first := trunks.Subport{SegmentationID: 5, SegmentationType: "vlan", PortID: p[1]}
	second := trunks.Subport{SegmentationID: 4, SegmentationType: "vlan", PortID: p[2]}
	trunk := made(trunks.Create(ctx, c, trunks.CreateOpts{Name: "t", PortID: p[0], Subports: []trunks.Subport{first}}).Extract())(t)
	if trunk.Status != "DOWN" || !trunk.AdminStateUp || len(trunk.Subports) != 1 || trunk.Subports[0] != first {
		t.Errorf("trunk is %+v", trunk)
	}
	both := made(trunks.AddSubports(ctx, c, trunk.ID, trunks.AddSubportsOpts{Subports: []trunks.Subport{second}}).Extract())(t)
	if len(both.Subports) != 2 || both.Subports[0] != second {
		t.Errorf("after adding: %v", both.Subports)
	}
	parent := s.call(member, "GET", "/v2.0/ports/"+p[0], "", 200)
	if at(parent, "port", "trunk_details", "trunk_id") != trunk.ID || at(parent, "port", "trunk_details", "sub_ports", 0, "mac_address") == nil {
		t.Errorf("the port that carries shows %v", at(parent, "port", "trunk_details"))
	}
	if got := at(s.call(member, "GET", "/v2.0/ports/"+p[1], "", 200), "port", "device_owner"); got != "trunk:subport" {
		t.Errorf("a subport's owner is %v", got)
	}
	path := "/v2.0/trunks/" + trunk.ID
	refused := func(method, path, body string, status int, name string) {
		t.Helper()
		if got := at(s.call(member, method, path, body, status), "NeutronError", "type"); got != name {
			t.Errorf("%s %s: %v, want %s", method, path, got, name)
		}
	}
	refused("DELETE", "/v2.0/ports/"+p[0], "", 409, "PortInUseAsTrunkParent")
	refused("DELETE", "/v2.0/ports/"+p[1], "", 409, "PortInUseAsSubPort")
	refused("PUT", path+"/remove_subports", fmt.Sprintf(`{"sub_ports":[{"port_id":"%s"}]}`, p[0]), 404, "SubPortNotFound")
	refused("PUT", path+"/add_subports", fmt.Sprintf(`{"sub_ports":[{"port_id":"%s"}]}`, p[0]), 400, "InvalidInput")
	refused("PUT", path, `{"trunk":{"sub_ports":[]}}`, 400, "HTTPBadRequest")
	s.call("q:member,reader", "GET", path, "", 404)
	left := made(trunks.RemoveSubports(ctx, c, trunk.ID, trunks.RemoveSubportsOpts{Subports: []trunks.RemoveSubport{{PortID: p[1]}}}).Extract())(t)
	if len(left.Subports) != 1 || left.Subports[0] != second {
		t.Errorf("after removing: %v", left.Subports)
	}
	s.call(member, "PUT", path, `{"trunk":{"admin_state_up":false}}`, 200)
	refused("DELETE", path, "", 409, "TrunkDisabled")
	s.call(member, "PUT", path, `{"trunk":{"admin_state_up":true}}`, 200)
	s.call(member, "DELETE", path, "", 204)
	s.call(member, "DELETE", "/v2.0/ports/"+p[0], "", 204)
}
