package neutron_test

import (
	"fmt"
	"strings"
	"testing"
)

// vpnSite is a site with what an IPsec connection needs.
type vpnSite struct {
	*site
	t                        *testing.T
	router, subnet, ike, esp string
}

const vpnPath = "/v2.0/vpn/"

func newVPNSite(t *testing.T) *vpnSite {
	s := &vpnSite{site: newSite(t), t: t}
	out := fmt.Sprint(at(s.call(admin, "GET", "/v2.0/networks?router:external=true", "", 200), "networks", 0, "id"))
	net := s.make("/v2.0/networks", "network", `"name":"n"`)
	s.subnet = s.make("/v2.0/subnets", "subnet", fmt.Sprintf(`"network_id":"%s","ip_version":4,"cidr":"10.3.0.0/24"`, net))
	s.router = s.make("/v2.0/routers", "router", fmt.Sprintf(`"external_gateway_info":{"network_id":"%s"}`, out))
	s.call(member, "PUT", "/v2.0/routers/"+s.router+"/add_router_interface", fmt.Sprintf(`{"subnet_id":"%s"}`, s.subnet), 200)
	s.ike, s.esp = s.make(vpnPath+"ikepolicies", "ikepolicy", `"name":"i"`), s.make(vpnPath+"ipsecpolicies", "ipsecpolicy", `"name":"e"`)
	return s
}

func (s *vpnSite) make(path, one, body string) string {
	s.t.Helper()
	return fmt.Sprint(at(s.call(member, "POST", path, fmt.Sprintf(`{"%s":{%s}}`, one, body), 201), one, "id"))
}

func (s *vpnSite) refused(method, path, one, body, kind string, code int) {
	s.t.Helper()
	if got := at(s.call(member, method, vpnPath+path, fmt.Sprintf(`{"%s":{%s}}`, one, body), code), "NeutronError", "type"); got != kind {
		s.t.Errorf("%s %s %s: %v, want %s", method, path, body, got, kind)
	}
}

// Policies have the defaults that clients know, and say no to what nobody speaks.
func TestVPNPolicies(t *testing.T) {
	s := newVPNSite(t)
	ike := at(s.call(member, "GET", vpnPath+"ikepolicies/"+s.ike, "", 200), "ikepolicy")
	esp := at(s.call(member, "GET", vpnPath+"ipsecpolicies/"+s.esp, "", 200), "ipsecpolicy")
	for _, p := range []any{ike, esp} {
		if at(p, "auth_algorithm") != "sha1" || at(p, "encryption_algorithm") != "aes-128" || at(p, "pfs") != "group5" || fmt.Sprint(at(p, "lifetime", "value")) != "3600" {
			t.Errorf("defaults of %v", p)
		}
	}
	if at(ike, "ike_version") != "v1" || at(ike, "phase1_negotiation_mode") != "main" || at(esp, "transform_protocol") != "esp" || at(esp, "encapsulation_mode") != "tunnel" {
		t.Errorf("defaults of %v and %v", ike, esp)
	}
	for _, bad := range []string{`"auth_algorithm":"md5"`, `"pfs":"group1"`, `"lifetime":{"value":59}`, `"lifetime":{"units":"kilobytes"}`, `"lifetime":{"value":"x"}`, `"ike_version":"v3"`, `"colour":"red"`} {
		s.call(member, "POST", vpnPath+"ikepolicies", `{"ikepolicy":{`+bad+`}}`, 400)
	}
	s.call(member, "PUT", vpnPath+"ikepolicies/"+s.ike, `{"ikepolicy":{"lifetime":{"value":100},"ike_version":"v2"}}`, 200)
	s.call("q:member,reader", "GET", vpnPath+"ikepolicies/"+s.ike, "", 404)
	s.call(member, "GET", vpnPath+"ipsecpolicies/"+s.ike, "", 404)
	if n := length(at(s.call(member, "GET", vpnPath+"ikepolicies?ike_version=v2", "", 200), "ikepolicies")); n != 1 {
		t.Errorf("%d policies of v2", n)
	}
}

// A connection shows its secret to its owner, keeps what was asked, and holds what it stands on.
func TestVPNConnections(t *testing.T) {
	s := newVPNSite(t)
	v := s.make(vpnPath+"vpnservices", "vpnservice", fmt.Sprintf(`"router_id":"%s","subnet_id":"%s"`, s.router, s.subnet))
	shown := at(s.call(member, "GET", vpnPath+"vpnservices/"+v, "", 200), "vpnservice")
	if !strings.HasPrefix(fmt.Sprint(at(shown, "external_v4_ip")), "172.24.4.") {
		t.Errorf("service %v", shown)
	}
	body := fmt.Sprintf(`"vpnservice_id":"%s","ikepolicy_id":"%s","ipsecpolicy_id":"%s","peer_address":"198.51.100.7","peer_id":"198.51.100.7","psk":"s3cret"`, v, s.ike, s.esp)
	c := s.make(vpnPath+"ipsec-site-connections", "ipsec_site_connection", body+`,"peer_cidrs":["10.9.0.0/24"]`)
	shown = at(s.call(member, "GET", vpnPath+"ipsec-site-connections/"+c, "", 200), "ipsec_site_connection")
	if at(shown, "psk") != "s3cret" || at(shown, "auth_mode") != "psk" || at(shown, "route_mode") != "static" || fmt.Sprint(at(shown, "dpd", "timeout")) != "120" ||
		at(shown, "dpd", "action") != "hold" || at(shown, "initiator") != "bi-directional" {
		t.Errorf("connection %v", shown)
	}
	const path, one = "ipsec-site-connections", "ipsec_site_connection"
	s.refused("PUT", path+"/"+c, one, `"dpd":{"interval":200}`, "IPsecSiteConnectionDpdIntervalValueError", 400)
	s.refused("PUT", path+"/"+c, one, `"mtu":10`, "IPsecSiteConnectionMtuError", 400)
	s.refused("PUT", path+"/"+c, one, `"peer_cidrs":[]`, "MissingPeerCidrs", 400)
	s.refused("PUT", path+"/"+c, one, `"peer_cidrs":["10.9.0.0/24","fd00::/8"]`, "MixedIPVersionsForPeerCidrs", 400)
	s.refused("POST", path, one, body+`,"local_ep_group_id":"`+c+`"`, "InvalidEndpointGroup", 400)
	s.call(member, "PUT", vpnPath+path+"/"+c, `{"ipsec_site_connection":{"dpd":{"action":"restart","timeout":50},"peer_cidrs":"10.9.0.0/16"}}`, 400)
	s.call(member, "PUT", vpnPath+path+"/"+c, `{"ipsec_site_connection":{"dpd":{"action":"restart","timeout":50},"peer_cidrs":["10.9.0.0/16"],"initiator":"response-only"}}`, 200)
	for what, kind := range map[string]string{"vpnservices/" + v: "VPNServiceInUse", "ikepolicies/" + s.ike: "IKEPolicyInUse", "ipsecpolicies/" + s.esp: "IPsecPolicyInUse"} {
		if got := at(s.call(member, "DELETE", vpnPath+what, "", 409), "NeutronError", "type"); got != kind {
			t.Errorf("deleting %s: %v", what, got)
		}
	}
	if n := length(at(s.call(member, "GET", vpnPath+path+"?vpnservice_id="+v+"&initiator=response-only", "", 200), "ipsec_site_connections")); n != 1 {
		t.Errorf("%d connections", n)
	}
	s.call(member, "DELETE", vpnPath+path+"/"+c, "", 204)
	s.call(member, "DELETE", vpnPath+"vpnservices/"+v, "", 204)
}

// Both ends may be said by groups.
func TestVPNEndpointGroups(t *testing.T) {
	s := newVPNSite(t)
	for body, kind := range map[string]string{`"type":"cidr","endpoints":[]`: "MissingEndpointForEndpointGroup", `"type":"cidr","endpoints":["10"]`: "InvalidEndpointInEndpointGroup",
		`"type":"vlan","endpoints":[5000]`: "InvalidEndpointInEndpointGroup", `"type":"subnet","endpoints":["` + s.ike + `"]`: "NonExistingSubnetInEndpointGroup"} {
		s.refused("POST", "endpoint-groups", "endpoint_group", body, kind, 400)
	}
	s.make(vpnPath+"endpoint-groups", "endpoint_group", `"type":"vlan","endpoints":[100,"200"]`)
	local := s.make(vpnPath+"endpoint-groups", "endpoint_group", `"type":"subnet","endpoints":["`+s.subnet+`"]`)
	peer := s.make(vpnPath+"endpoint-groups", "endpoint_group", `"type":"cidr","endpoints":["10.9.0.0/24"]`)
	s.refused("PUT", "endpoint-groups/"+peer, "endpoint_group", `"endpoints":["10.8.0.0/24"]`, "HTTPBadRequest", 400)
	v := s.make(vpnPath+"vpnservices", "vpnservice", `"router_id":"`+s.router+`"`)
	body := fmt.Sprintf(`"vpnservice_id":"%s","ikepolicy_id":"%s","ipsecpolicy_id":"%s","peer_address":"vpn.example.com","peer_id":"@p","psk":"x"`, v, s.ike, s.esp)
	const path, one = "ipsec-site-connections", "ipsec_site_connection"
	s.refused("POST", path, one, body, "MissingRequiredEndpointGroup", 400)
	s.refused("POST", path, one, body+`,"peer_cidrs":["10.9.0.0/24"]`, "PeerCidrsInvalid", 400)
	s.refused("POST", path, one, body+fmt.Sprintf(`,"local_ep_group_id":"%s","peer_ep_group_id":"%s"`, local, local), "WrongEndpointGroupType", 400)
	c := s.make(vpnPath+path, one, body+fmt.Sprintf(`,"local_ep_group_id":"%s","peer_ep_group_id":"%s"`, local, peer))
	if got := at(s.call(member, "DELETE", vpnPath+"endpoint-groups/"+peer, "", 400), "NeutronError", "type"); got != "EndpointGroupInUse" {
		t.Errorf("deleting a group in use: %v", got)
	}
	s.call(member, "PUT", "/v2.0/routers/"+s.router+"/remove_router_interface", fmt.Sprintf(`{"subnet_id":"%s"}`, s.subnet), 409)
	s.call(member, "DELETE", vpnPath+path+"/"+c, "", 204)
}
