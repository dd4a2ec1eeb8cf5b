package neutron_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/agents"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"
)

func TestAgentSchedulers(t *testing.T) {
	s, ctx := newSite(t), context.Background()
	c := s.client(admin)
	found := s.call(admin, "GET", "/v2.0/agents?binary=neutron-dhcp-agent&alive=True", "", 200)
	if length(at(found, "agents")) != 1 {
		t.Error("the filter on alive does not know how Python writes it")
	}
	agent, _ := at(s.call(admin, "GET", "/v2.0/agents?binary=neutron-dhcp-agent", "", 200), "agents", 0, "id").(string)
	n := made(networks.Create(ctx, c, networks.CreateOpts{Name: "n"}).Extract())(t)
	hosting := "/v2.0/networks/" + n.ID + "/dhcp-agents"
	if got := at(s.call(admin, "GET", hosting, "", 200), "agents", 0, "id"); got != agent {
		t.Errorf("hosted by %v, want %s", got, agent)
	}
	ok(t, agents.RemoveDHCPNetwork(ctx, c, agent, n.ID).ExtractErr())
	if got := length(at(s.call(admin, "GET", hosting, "", 200), "agents")); got != 0 {
		t.Errorf("still hosted by %d agents", got)
	}
	if got := at(s.call(admin, "DELETE", "/v2.0/agents/"+agent+"/dhcp-networks/"+n.ID, "", 409), "NeutronError", "type"); got != "NetworkNotHostedByDhcpAgent" {
		t.Errorf("taken away twice: %v", got)
	}
	ok(t, agents.ScheduleDHCPNetwork(ctx, c, agent, agents.ScheduleDHCPNetworkOpts{NetworkID: n.ID}).ExtractErr())
	held := made(agents.ListDHCPNetworks(ctx, c, agent).Extract())(t)
	if len(held) != 2 {
		t.Errorf("the agent holds %d networks", len(held))
	}
	s.call(member, "POST", "/v2.0/agents/"+agent+"/dhcp-networks", fmt.Sprintf(`{"network_id":"%s"}`, n.ID), 403)
	s.call(admin, "GET", "/v2.0/agents/none/l3-routers", "", 404)
	r := s.call(admin, "POST", "/v2.0/routers", `{"router":{"name":"r"}}`, 201)
	id, _ := at(r, "router", "id").(string)
	l3, _ := at(s.call(admin, "GET", "/v2.0/agents?binary=neutron-l3-agent", "", 200), "agents", 0, "id").(string)
	s.call(admin, "POST", "/v2.0/agents/"+l3+"/l3-routers", fmt.Sprintf(`{"router_id":"%s"}`, id), 201)
	if got := at(s.call(admin, "GET", "/v2.0/routers/"+id+"/l3-agents", "", 200), "agents", 0, "id"); got != l3 {
		t.Errorf("the router is on %v", got)
	}
	if got := at(s.call(admin, "GET", "/v2.0/agents/"+l3+"/l3-routers", "", 200), "routers", 0, "id"); got != id {
		t.Errorf("the agent has router %v", got)
	}
	s.call(admin, "DELETE", "/v2.0/agents/"+l3+"/l3-routers/"+id, "", 204)
}

func TestSmallLists(t *testing.T) {
	s := newSite(t)
	pools := s.call(member, "GET", "/v2.0/floatingip_pools?cidr=172.24.4.0/24", "", 200)
	if at(pools, "floatingip_pools", 0, "subnet_name") != "public-subnet" {
		t.Errorf("floating IP pools: %v", pools)
	}
	s.call(admin, "PUT", "/v2.0/quotas/p", `{"quota":{"network":7}}`, 200)
	if got := at(s.call(admin, "GET", "/v2.0/quotas", "", 200), "quotas", 0, "network"); got != 7.0 {
		t.Errorf("a project's own quota is listed as %v", got)
	}
	s.call(member, "GET", "/v2.0/quotas", "", 403)
	group := at(s.call(member, "GET", "/v2.0/security-groups", "", 200), "security_groups", 0, "id")
	rule := at(s.call(member, "POST", "/v2.0/security-group-rules", fmt.Sprintf(
		`{"security_group_rule":{"security_group_id":"%s","direction":"ingress","remote_ip_prefix":"10.1.2.3/8"}}`, group), 201), "security_group_rule")
	if at(rule, "remote_ip_prefix") != "10.1.2.3/8" || at(rule, "normalized_cidr") != "10.0.0.0/8" {
		t.Errorf("rule is %v", rule)
	}
	if at(s.call(member, "GET", "/v2.0/auto-allocated-topology/p?fields=dry-run", "", 409), "NeutronError", "type") != "AutoAllocationFailure" {
		t.Error("a topology without a default pool")
	}
}
