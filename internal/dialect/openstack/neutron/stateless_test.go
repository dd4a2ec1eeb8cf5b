package neutron_test

import (
	"fmt"
	"testing"
)

// Groups without memory are chosen when they are made, or while nothing is in them, and do not mix with others on a port.
func TestStatelessGroups(t *testing.T) {
	s := newSite(t)
	made := func(body string) string {
		return at(s.call(member, "POST", "/v2.0/security-groups", body, 201), "security_group", "id").(string)
	}
	plain, stateless := made(`{"security_group":{"name":"a"}}`), made(`{"security_group":{"name":"b","stateful":false}}`)
	if got := at(s.call(member, "GET", "/v2.0/security-groups/"+stateless, "", 200), "security_group", "stateful"); got != false {
		t.Errorf("stateful is %v", got)
	}
	for value, want := range map[string]int{"False": 1, "true": 2} { // the default group is one of the others
		if got := length(at(s.call(member, "GET", "/v2.0/security-groups?stateful="+value, "", 200), "security_groups")); got != want {
			t.Errorf("%d groups are stateful=%s, want %d", got, value, want)
		}
	}
	s.call(member, "PUT", "/v2.0/security-groups/"+plain, `{"security_group":{"stateful":false}}`, 200)
	s.call(member, "PUT", "/v2.0/security-groups/"+plain, `{"security_group":{"stateful":true}}`, 200)
	n := at(s.call(member, "POST", "/v2.0/networks", `{"network":{}}`, 201), "network", "id")
	port := func(groups string) string {
		return fmt.Sprintf(`{"port":{"network_id":"%s","security_groups":[%s]}}`, n, groups)
	}
	mixed := s.call(member, "POST", "/v2.0/ports", port(fmt.Sprintf("%q,%q", plain, stateless)), 409)
	if got := at(mixed, "NeutronError", "type"); got != "SecurityGroupConflict" {
		t.Errorf("both kinds on one port: %v", got)
	}
	s.call(member, "POST", "/v2.0/ports", port(fmt.Sprintf("%q", stateless)), 201)
	s.call(member, "PUT", "/v2.0/security-groups/"+stateless, `{"security_group":{"stateful":true}}`, 409)
}
