package neutron_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/portforwarding"
)

func TestPortForwardings(t *testing.T) {
	s, ctx := newSite(t), context.Background()
	c := s.client(admin)
	public := at(s.call(admin, "GET", "/v2.0/networks?router:external=true", "", 200), "networks", 0, "id")
	n := at(s.call(admin, "POST", "/v2.0/networks", `{"network":{}}`, 201), "network", "id")
	sub := at(s.call(admin, "POST", "/v2.0/subnets", fmt.Sprintf(`{"subnet":{"network_id":"%s","cidr":"10.0.0.0/24","ip_version":4}}`, n), 201), "subnet", "id")
	r := at(s.call(admin, "POST", "/v2.0/routers", fmt.Sprintf(`{"router":{"external_gateway_info":{"network_id":"%s"}}}`, public), 201), "router", "id")
	s.call(admin, "PUT", fmt.Sprintf("/v2.0/routers/%s/add_router_interface", r), fmt.Sprintf(`{"subnet_id":"%s"}`, sub), 200)
	port := at(s.call(admin, "POST", "/v2.0/ports", fmt.Sprintf(`{"port":{"network_id":"%s"}}`, n), 201), "port", "id")
	f := fmt.Sprint(at(s.call(admin, "POST", "/v2.0/floatingips", fmt.Sprintf(`{"floatingip":{"floating_network_id":"%s"}}`, public), 201), "floatingip", "id"))
	one := made(portforwarding.Create(ctx, c, f, portforwarding.CreateOpts{Protocol: "tcp", InternalPort: 25, ExternalPort: 2230, InternalPortID: fmt.Sprint(port)}).Extract())(t)
	if one.InternalPort != 25 || one.ExternalPort != 2230 || one.ExternalPortRange != "2230:2230" || one.InternalIPAddress == "" {
		t.Errorf("forwarding is %+v", one)
	}
	many := made(portforwarding.Create(ctx, c, f, portforwarding.CreateOpts{Protocol: "udp", InternalPortRange: "10:19", ExternalPortRange: "30:39", InternalPortID: fmt.Sprint(port)}).Extract())(t)
	if many.ExternalPort != 0 || many.InternalPortRange != "10:19" {
		t.Errorf("range is %+v", many)
	}
	text := "d"
	if one = made(portforwarding.Update(ctx, c, f, one.ID, portforwarding.UpdateOpts{Description: &text, ExternalPort: 99}).Extract())(t); one.ExternalPort != 99 || one.Description != "d" {
		t.Errorf("changed to %+v", one)
	}
	path := "/v2.0/floatingips/" + f
	if got := length(at(s.call(admin, "GET", path, "", 200), "floatingip", "port_forwardings")); got != 2 {
		t.Errorf("the floating IP shows %d forwardings", got)
	}
	for body, want := range map[string]int{`{"port_forwarding":{}}`: 400, `{"port_forwarding":{"external_port_range":"x"}}`: 400, `{"port_forwarding":{"external_port":1,"external_port_range":"1:2"}}`: 400,
		fmt.Sprintf(`{"port_forwarding":{"protocol":"TCP","external_port":99,"internal_port":1,"internal_port_id":"%s"}}`, port): 400,
		`{"port_forwarding":{"protocol":"tcp","external_port":98,"internal_port":1,"internal_port_id":"none"}}`:                  404} {
		s.call(admin, "POST", path+"/port_forwardings", body, want)
	}
	if got := length(at(s.call(admin, "GET", path+"/port_forwardings?protocol=udp", "", 200), "port_forwardings")); got != 1 {
		t.Errorf("%d forwardings of UDP", got)
	}
	s.call("q:member,reader", "GET", path+"/port_forwardings/"+one.ID, "", 404)
	s.call(admin, "DELETE", path+"/port_forwardings/"+one.ID, "", 204)
	s.call(admin, "GET", path+"/port_forwardings/"+one.ID, "", 404)
	s.call(admin, "DELETE", path, "", 409)
	s.call(admin, "DELETE", path+"/port_forwardings/"+many.ID, "", 204)
	s.call(admin, "DELETE", path, "", 204)
}
