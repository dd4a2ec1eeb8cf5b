package neutron_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/layer3/addressscopes"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/networkipavailabilities"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/rbacpolicies"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"
)

func TestRBACPolicies(t *testing.T) {
	s, ctx := newSite(t), context.Background()
	c := s.client(member)
	n := made(networks.Create(ctx, c, networks.CreateOpts{Name: "n"}).Extract())(t)
	p := made(rbacpolicies.Create(ctx, c, rbacpolicies.CreateOpts{Action: rbacpolicies.ActionAccessShared, ObjectType: "network", ObjectID: n.ID, TargetTenant: "q"}).Extract())(t)
	if p.TargetTenant != "q" || p.ProjectID != "p" || p.ObjectID != n.ID || p.ObjectType != "network" || p.Action != rbacpolicies.ActionAccessShared {
		t.Errorf("policy is %+v", p)
	}
	if got := made(networks.Get(ctx, s.client("q:member,reader"), n.ID).Extract())(t); !got.Shared {
		t.Error("a network shared with its reader does not say so")
	}
	if got := made(networks.Get(ctx, c, n.ID).Extract())(t); got.Shared {
		t.Error("a network shared with another says that it is shared with its owner")
	}
	s.call(member, "PUT", "/v2.0/rbac-policies/"+p.ID, `{"rbac_policy":{"target_tenant":"r"}}`, 200)
	s.call("q:member,reader", "GET", "/v2.0/networks/"+n.ID, "", 404)
	for query, want := range map[string]int{"object_type=network": 1, "object_type=subnetpool": 0, "target_tenant=r": 1, "action=access_as_external": 0} {
		if got := length(at(s.call(member, "GET", "/v2.0/rbac-policies?"+query, "", 200), "rbac_policies")); got != want {
			t.Errorf("%s finds %d, want %d", query, got, want)
		}
	}
	wants := map[string]int{
		fmt.Sprintf(`{"rbac_policy":{"object_type":"network","object_id":"%s","action":"access_as_shared","target_tenant":"r"}}`, n.ID):                409,
		fmt.Sprintf(`{"rbac_policy":{"object_type":"network","object_id":"%s","action":"access_as_shared","target_tenant":"*"}}`, n.ID):                403,
		fmt.Sprintf(`{"rbac_policy":{"object_type":"moon","object_id":"%s","action":"access_as_shared","target_tenant":"r"}}`, n.ID):                   400,
		`{"rbac_policy":{"object_type":"network","object_id":"none","action":"access_as_shared","target_tenant":"r"}}`:                                 400,
		`{"rbac_policy":{"object_type":"network","object_id":"7c4d4a86-9d5b-4b4a-8a2c-7f0f0c6f3c11","action":"access_as_shared","target_tenant":"r"}}`: 404,
	}
	for body, want := range wants {
		s.call(member, "POST", "/v2.0/rbac-policies", body, want)
	}
	s.call(member, "DELETE", "/v2.0/rbac-policies/"+p.ID, "", 204)
}

// Each type of object that can be shared says so to those it is shared with, and only to them.
func TestWhatIsSharedSaysSo(t *testing.T) {
	s, friend := newSite(t), "q:member,reader"
	for kind, made := range map[string]struct{ path, one, body string }{
		"qos_policy":    {"/v2.0/qos/policies", "policy", `{"policy":{"name":"x"}}`},
		"address_group": {"/v2.0/address-groups", "address_group", `{"address_group":{"name":"x","addresses":["10.0.0.0/8"]}}`},
	} {
		id := at(s.call(admin, "POST", made.path, made.body, 201), made.one, "id").(string)
		s.call(friend, "GET", made.path+"/"+id, "", 404)
		share := fmt.Sprintf(`{"rbac_policy":{"object_type":"%s","object_id":"%s","action":"access_as_shared","target_tenant":"q"}}`, kind, id)
		s.call(admin, "POST", "/v2.0/rbac-policies", share, 201)
		if got := at(s.call(friend, "GET", made.path+"/"+id, "", 200), made.one, "shared"); got != true {
			t.Errorf("%s is shared: %v", kind, got)
		}
		if got := at(s.call(admin, "GET", made.path+"/"+id, "", 200), made.one, "shared"); got != false {
			t.Errorf("%s is shared with its owner: %v", kind, got)
		}
	}
}

func TestAddressScopes(t *testing.T) {
	s, ctx := newSite(t), context.Background()
	c := s.client(member)
	scope := made(addressscopes.Create(ctx, c, addressscopes.CreateOpts{Name: "scope", IPVersion: 4}).Extract())(t)
	pool := s.call(member, "POST", "/v2.0/subnetpools", fmt.Sprintf(`{"subnetpool":{"name":"p","prefixes":["10.0.0.0/8"],"address_scope_id":"%s"}}`, scope.ID), 201)
	n := made(networks.Create(ctx, c, networks.CreateOpts{Name: "n"}).Extract())(t)
	s.call(member, "POST", "/v2.0/subnets", fmt.Sprintf(`{"subnet":{"network_id":"%s","ip_version":4,"prefixlen":24,"subnetpool_id":"%s"}}`, n.ID, at(pool, "subnetpool", "id")), 201)
	if got := at(s.call(member, "GET", "/v2.0/networks/"+n.ID, "", 200), "network", "ipv4_address_scope"); got != scope.ID {
		t.Errorf("the network's scope is %v", got)
	}
	if got := at(s.call(member, "DELETE", "/v2.0/address-scopes/"+scope.ID, "", 409), "NeutronError", "type"); got != "AddressScopeInUse" {
		t.Errorf("deleting a scope in use: %v", got)
	}
}

func TestNetworkAvailability(t *testing.T) {
	s, ctx := newSite(t), context.Background()
	n := made(networks.Create(ctx, s.client(admin), networks.CreateOpts{Name: "n"}).Extract())(t)
	for _, cidr := range []string{"10.0.0.0/24", "fd00::/64"} {
		version := map[bool]int{true: 4, false: 6}[cidr[0] == '1']
		s.call(admin, "POST", "/v2.0/subnets", fmt.Sprintf(`{"subnet":{"network_id":"%s","ip_version":%d,"cidr":"%s","enable_dhcp":false}}`, n.ID, version, cidr), 201)
	}
	got := made(networkipavailabilities.Get(ctx, s.client(admin), n.ID).Extract())(t)
	if got.NetworkName != "n" || len(got.SubnetIPAvailabilities) != 2 || got.SubnetIPAvailabilities[0].TotalIPs != "253" || got.UsedIPs != "0" {
		t.Errorf("available: %+v", got)
	}
	only := s.call(admin, "GET", "/v2.0/network-ip-availabilities?ip_version=4&network_id="+n.ID, "", 200)
	if total := at(only, "network_ip_availabilities", 0, "total_ips"); total != 253.0 {
		t.Errorf("total of IPv4 is %v", total)
	}
}
