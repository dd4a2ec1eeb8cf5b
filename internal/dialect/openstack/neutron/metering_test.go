package neutron_test

import (
	"fmt"
	"testing"
)

func TestMetering(t *testing.T) {
	s := newSite(t)
	const labels, rules = "/v2.0/metering/metering-labels", "/v2.0/metering/metering-label-rules"
	label := s.call(admin, "POST", labels, `{"metering_label":{"name":"out","description":"all","shared":"true"}}`, 201)
	id := fmt.Sprint(at(label, "metering_label", "id"))
	if at(label, "metering_label", "shared") != true || at(label, "metering_label", "project_id") != at(label, "metering_label", "tenant_id") {
		t.Errorf("label is %v", label)
	}
	s.call(member, "POST", labels, `{"metering_label":{}}`, 403)
	s.call(member, "GET", labels+"/"+id, "", 404)
	s.call(admin, "PUT", labels+"/"+id, `{"metering_label":{"name":"x"}}`, 405)
	post := func(more string, want int) any {
		t.Helper()
		return s.call(admin, "POST", rules, fmt.Sprintf(`{"metering_label_rule":{"metering_label_id":"%s",%s}}`, id, more), want)
	}
	rule := post(`"remote_ip_prefix":"10.0.0.0/24"`, 201)
	if at(rule, "metering_label_rule", "direction") != "ingress" || at(rule, "metering_label_rule", "excluded") != false || at(rule, "metering_label_rule", "source_ip_prefix") != nil {
		t.Errorf("rule is %v", rule)
	}
	if got := at(post(`"remote_ip_prefix":"10.0.0.0/16"`, 409), "NeutronError", "type"); got != "MeteringLabelRuleOverlaps" {
		t.Errorf("overlap: %v", got)
	}
	post(`"remote_ip_prefix":"10.0.0.0/16","direction":"egress"`, 201)
	post(`"source_ip_prefix":"fd00::/64","destination_ip_prefix":"2001:db8::1"`, 201)
	for _, bad := range []string{`"direction":"ingress"`, `"remote_ip_prefix":"10"`, `"remote_ip_prefix":"11.0.0.0/8","source_ip_prefix":"11.0.0.0/8"`, `"remote_ip_prefix":[]`,
		`"remote_ip_prefix":"11.0.0.0/8","direction":"up"`, `"remote_ip_prefix":"11.0.0.0/8","excluded":"perhaps"`, `"colour":"red"`} {
		post(bad, 400)
	}
	s.call(admin, "POST", rules, `{"metering_label_rule":{"remote_ip_prefix":"10.0.0.0/24"}}`, 400)
	if got := length(at(s.call(admin, "GET", rules+"?direction=ingress&metering_label_id="+id, "", 200), "metering_label_rules")); got != 2 {
		t.Errorf("%d rules of ingress", got)
	}
	if got := length(at(s.call(admin, "GET", rules+"?remote_ip_prefix=10.0.0.0/16", "", 200), "metering_label_rules")); got != 1 {
		t.Errorf("%d rules of a prefix", got)
	}
	s.call(admin, "DELETE", rules+"/"+fmt.Sprint(at(rule, "metering_label_rule", "id")), "", 204)
	s.call(admin, "DELETE", labels+"/"+id, "", 204)
	if got := at(s.call(admin, "GET", labels+"/"+id, "", 404), "NeutronError", "type"); got != "MeteringLabelNotFound" {
		t.Errorf("a label that is gone: %v", got)
	}
	if got := length(at(s.call(admin, "GET", rules, "", 200), "metering_label_rules")); got != 0 {
		t.Errorf("%d rules left", got)
	}
}
