package neutron_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/qos/policies"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/qos/rules"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/qos/ruletypes"
)

func TestQoS(t *testing.T) {
	s, ctx := newSite(t), context.Background()
	c := s.client(admin)
	p := made(policies.Create(ctx, c, policies.CreateOpts{Name: "gold", Shared: true}).Extract())(t)
	limit := made(rules.CreateBandwidthLimitRule(ctx, c, p.ID, rules.CreateBandwidthLimitRuleOpts{MaxKBps: 2000}).ExtractBandwidthLimitRule())(t)
	if limit.Direction != "egress" || limit.MaxKBps != 2000 {
		t.Errorf("rule is %+v", limit)
	}
	faster := 3000
	limit = made(rules.UpdateBandwidthLimitRule(ctx, c, p.ID, limit.ID, rules.UpdateBandwidthLimitRuleOpts{MaxKBps: &faster}).ExtractBandwidthLimitRule())(t)
	made(rules.CreateMinimumBandwidthRule(ctx, c, p.ID, rules.CreateMinimumBandwidthRuleOpts{MinKBps: 500}).ExtractMinimumBandwidthRule())(t)
	made(rules.CreateDSCPMarkingRule(ctx, c, p.ID, rules.CreateDSCPMarkingRuleOpts{DSCPMark: 26}).ExtractDSCPMarkingRule())(t)
	p = made(policies.Get(ctx, c, p.ID).Extract())(t)
	if len(p.Rules) != 3 || p.Rules[0]["type"] != "bandwidth_limit" || p.Rules[0]["max_kbps"] != 3000.0 {
		t.Errorf("rules are %v", p.Rules)
	}
	path, alias := "/v2.0/qos/policies/"+p.ID, "/v2.0/qos/alias-bandwidth-limit-rules/"+limit.ID
	if got := at(s.call(admin, "GET", alias, "", 200), "alias_bandwidth_limit_rule", "max_kbps"); got != 3000.0 {
		t.Errorf("by its id alone: %v", got)
	}
	s.call(member, "PUT", alias, `{"alias_bandwidth_limit_rule":{"max_kbps":1}}`, 403)
	rule := path + "/packet_rate_limit_rules"
	for body, want := range map[string]int{`{"packet_rate_limit_rule":{}}`: 400, `{"packet_rate_limit_rule":{"max_kpps":"x"}}`: 400,
		`{"packet_rate_limit_rule":{"max_kpps":1.5}}`: 400, `{"packet_rate_limit_rule":{"max_kpps":1,"dscp_mark":8}}`: 400,
		`{"packet_rate_limit_rule":{"max_kpps":-1}}`: 400, `{"packet_rate_limit_rule":{"max_kpps":1,"direction":7}}`: 400, `{"packet_rate_limit_rule":[]}`: 400} {
		s.call(admin, "POST", rule, body, want)
	}
	s.call(admin, "POST", rule, `{"packet_rate_limit_rule":{"max_kpps":5,"max_burst_kpps":6,"direction":"ingress"}}`, 201)
	if got := length(at(s.call(member, "GET", rule+"?direction=ingress", "", 200), "packet_rate_limit_rules")); got != 1 {
		t.Errorf("%d packet limits", got)
	}
	n := s.call(admin, "POST", "/v2.0/networks", fmt.Sprintf(`{"network":{"qos_policy_id":"%s","provider:network_type":"vlan","provider:physical_network":"physnet1"}}`, p.ID), 201)
	port := s.call(admin, "POST", "/v2.0/ports", fmt.Sprintf(`{"port":{"network_id":"%s"}}`, at(n, "network", "id")), 201)
	if at(port, "port", "qos_network_policy_id") != p.ID || at(port, "port", "qos_policy_id") != nil {
		t.Errorf("port is %v", port)
	}
	if got := at(port, "port", "resource_request", "request_groups", 0, "resources", "NET_BW_EGR_KILOBIT_PER_SEC"); got != 500.0 {
		t.Errorf("the port asks for %v", at(port, "port", "resource_request"))
	}
	if got := at(port, "port", "resource_request", "request_groups", 0, "required", 0); got != "CUSTOM_PHYSNET_PHYSNET1" {
		t.Errorf("the port asks for %v", at(port, "port", "resource_request"))
	}
	s.call(admin, "POST", path+"/minimum_packet_rate_rules", fmt.Sprintf(`{"minimum_packet_rate_rule":{"min_kpps":%d}}`, math.MaxInt32), 201)
	if got := at(s.call(admin, "DELETE", path, "", 409), "NeutronError", "type"); got != "QosPolicyInUse" {
		t.Errorf("deleting a policy in use: %v", got)
	}
	s.call(admin, "DELETE", path+"/bandwidth_limit_rules/"+limit.ID, "", 204)
	s.call(admin, "GET", alias, "", 404)
	if got := at(s.call(admin, "GET", path+"/bandwidth_limit_rules/"+limit.ID, "", 404), "NeutronError", "type"); got != "QosRuleNotFound" {
		t.Errorf("a rule that is gone: %v", got)
	}
	types := made(ruletypes.GetRuleType(ctx, c, "minimum_packet_rate").Extract())(t)
	if len(types.Drivers) != 1 || len(types.Drivers[0].SupportedParameters) != 2 {
		t.Errorf("rule type is %+v", types)
	}
}
