package neutron_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/addressgroups"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/security/groups"
)

func TestAddressGroups(t *testing.T) {
	s, ctx := newSite(t), context.Background()
	c := s.client(member)
	g := made(addressgroups.Create(ctx, c, addressgroups.CreateOpts{Name: "a", Addresses: []string{"192.168.0.7/32", "10.0.0.0/8"}}).Extract())(t)
	if len(g.Addresses) != 2 || g.Addresses[0] != "10.0.0.0/8" || g.Addresses[1] != "192.168.0.7/32" {
		t.Errorf("addresses are %v", g.Addresses)
	}
	more := addressgroups.UpdateAddressesOpts{Addresses: []string{"2001:db8::/32"}}
	if g = made(addressgroups.AddAddresses(ctx, c, g.ID, more).Extract())(t); len(g.Addresses) != 3 {
		t.Errorf("after adding: %v", g.Addresses)
	}
	if g = made(addressgroups.RemoveAddresses(ctx, c, g.ID, more).Extract())(t); len(g.Addresses) != 2 {
		t.Errorf("after removing: %v", g.Addresses)
	}
	path := "/v2.0/address-groups/" + g.ID
	if got := at(s.call(member, "PUT", path+"/remove_addresses", `{"addresses":["2001:db8::/32"]}`, 404), "NeutronError", "type"); got != "AddressesNotFound" {
		t.Errorf("removing what is not there: %v", got)
	}
	s.call(member, "PUT", path, `{"address_group":{"addresses":[]}}`, 400)
	s.call(member, "PUT", path, `{"address_group":{"name":"b"}}`, 200)
	s.call("q:member,reader", "GET", path, "", 404)
	sg := made(groups.Create(ctx, c, groups.CreateOpts{Name: "g"}).Extract())(t)
	rule := fmt.Sprintf(`{"security_group_rule":{"security_group_id":"%s","direction":"ingress","remote_address_group_id":"%s"}}`, sg.ID, g.ID)
	r := s.call(member, "POST", "/v2.0/security-group-rules", rule, 201)
	if at(r, "security_group_rule", "remote_address_group_id") != g.ID {
		t.Errorf("rule is %v", r)
	}
	if got := at(s.call(member, "DELETE", path, "", 409), "NeutronError", "type"); got != "AddressGroupInUse" {
		t.Errorf("deleting what a rule names: %v", got)
	}
	s.call(member, "DELETE", "/v2.0/security-group-rules/"+fmt.Sprint(at(r, "security_group_rule", "id")), "", 204)
	s.call(member, "DELETE", path, "", 204)
}
