package neutron_test

import (
	"fmt"
	"testing"
)

// Operators say whether the device of a port is trusted; its owner neither says nor sees it.
func TestTrustedPorts(t *testing.T) {
	s := newSite(t)
	network := at(s.call(member, "POST", "/v2.0/networks", `{"network":{}}`, 201), "network", "id")
	create := fmt.Sprintf(`{"port":{"network_id":%q,"trusted":true}}`, network)
	s.call(member, "POST", "/v2.0/ports", create, 403)
	port := s.call(admin, "POST", "/v2.0/ports", create, 201)
	if at(port, "port", "trusted") != true || at(port, "port", "binding:profile", "trusted") != true {
		t.Errorf("port is %v", port)
	}
	own := s.call(member, "POST", "/v2.0/ports", fmt.Sprintf(`{"port":{"network_id":%q}}`, network), 201)
	if _, shown := own["port"].(map[string]any)["trusted"]; shown {
		t.Errorf("a member sees %v", own)
	}
	path := "/v2.0/ports/" + fmt.Sprint(at(own, "port", "id"))
	s.call(member, "PUT", path, `{"port":{"trusted":false}}`, 403)
	for value, want := range map[string]any{"false": false, "true": true, "null": nil} {
		port = s.call(admin, "PUT", path, fmt.Sprintf(`{"port":{"trusted":%s}}`, value), 200)
		if got := at(port, "port", "trusted"); got != want {
			t.Errorf("trusted set to %s is shown as %v", value, got)
		}
	}
	s.call(admin, "PUT", path, `{"port":{"trusted":"perhaps"}}`, 400)
}
