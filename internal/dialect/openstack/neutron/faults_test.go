package neutron_test

import (
	"fmt"
	"testing"
)

// What cannot be is refused with the status and the name that clients look for.
func TestRefusals(t *testing.T) {
	s := newSite(t)
	make := func(as, path, one, body string) string {
		return at(s.call(as, "POST", path, fmt.Sprintf(`{"%s":%s}`, one, body), 201), one, "id").(string)
	}
	network := make(member, "/v2.0/networks", "network", `{"name":"n"}`)
	group := make(member, "/v2.0/security-groups", "security_group", `{"name":"g"}`)
	port := make(member, "/v2.0/ports", "port", fmt.Sprintf(`{"network_id":"%s"}`, network))
	scope := make(admin, "/v2.0/address-scopes", "address_scope", `{"name":"s","ip_version":4,"shared":true}`)
	own := make(member, "/v2.0/address-scopes", "address_scope", `{"name":"own","ip_version":4}`)
	pool := make(member, "/v2.0/subnetpools", "subnetpool", fmt.Sprintf(`{"name":"p","prefixes":["10.0.0.0/8"],"address_scope_id":"%s"}`, own))

	for _, c := range []struct {
		as, method, path, body string
		status                 int
		name                   string
	}{
		{member, "PUT", "/v2.0/ports/" + port, fmt.Sprintf(`{"port":{"security_groups":["%[1]s","%[1]s"]}}`, group), 400, "HTTPBadRequest"},
		{member, "PUT", "/v2.0/ports/" + port, `{"port":{"port_security_enabled":false}}`, 409, "PortSecurityPortHasSecurityGroup"},
		{member, "POST", "/v2.0/security-group-rules", rule(group, "ipv6-frag"), 400, "SecurityGroupEthertypeConflictWithProtocol"},
		{member, "POST", "/v2.0/security-group-rules", rule(group, "60"), 400, "SecurityGroupEthertypeConflictWithProtocol"},
		{admin, "PUT", "/v2.0/address-scopes/" + scope, `{"address_scope":{"shared":false}}`, 400, "AddressScopeUpdateError"},
		{member, "PUT", "/v2.0/address-scopes/" + own, `{"address_scope":{"shared":false}}`, 403, "PolicyNotAuthorized"},
		{member, "POST", "/v2.0/rbac-policies", fmt.Sprintf(`{"rbac_policy":{"object_type":"subnetpool","object_id":"%s","action":"access_as_shared","target_tenant":"q"}}`, pool), 400, "InvalidInput"},
		{member, "POST", "/v2.0/address-groups", `{"address_group":{"addresses":["10.0.0.1"]}}`, 400, "InvalidInput"},
		{admin, "PUT", "/v2.0/quotas/p", `{"quota":{"security_group":2147483648}}`, 400, "HTTPBadRequest"},
		{admin, "PUT", "/v2.0/quotas/p", `{"quota":{"security_group":-2}}`, 400, "InvalidInput"},
		{admin, "PUT", "/v2.0/quotas/p", `{"quota":{"security_group":"value"}}`, 400, "HTTPBadRequest"},
	} {
		answer := s.call(c.as, c.method, c.path, c.body, c.status)
		if name := at(answer, "NeutronError", "type"); name != c.name {
			t.Errorf("%s %s %s: %v, want %s", c.method, c.path, c.body, name, c.name)
		}
	}
	s.call(member, "PUT", "/v2.0/ports/"+port, `{"port":{"port_security_enabled":false,"security_groups":[]}}`, 200)
}

func rule(group, protocol string) string {
	return fmt.Sprintf(`{"security_group_rule":{"security_group_id":"%s","direction":"ingress","protocol":"%s"}}`, group, protocol)
}

// The limit of security groups is what a project may make besides the default group that comes by itself.
func TestTheDefaultGroupDoesNotTakeTheLastPlace(t *testing.T) {
	s := newSite(t)
	s.call(admin, "PUT", "/v2.0/quotas/p", `{"quota":{"security_group":1}}`, 200)
	s.call(member, "POST", "/v2.0/security-groups", `{"security_group":{"name":"one"}}`, 201)
	s.call(member, "POST", "/v2.0/security-groups", `{"security_group":{"name":"two"}}`, 409)
}
