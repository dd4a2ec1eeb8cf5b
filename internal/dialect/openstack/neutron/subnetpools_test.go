package neutron_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/extensions/subnetpools"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/networks"
	"github.com/gophercloud/gophercloud/v2/openstack/networking/v2/subnets"
)

func TestSubnetPools(t *testing.T) {
	s, ctx := newSite(t), context.Background()
	c := s.client(member)
	pool := made(subnetpools.Create(ctx, c, subnetpools.CreateOpts{Name: "pool", Prefixes: []string{"10.0.0.0/16"}, DefaultPrefixLen: 24}).Extract())(t)
	if pool.IPversion != 4 || pool.MinPrefixLen != 8 || pool.MaxPrefixLen != 32 || pool.DefaultPrefixLen != 24 || pool.ProjectID != "p" {
		t.Fatalf("pool is %+v", pool)
	}
	n := made(networks.Create(ctx, c, networks.CreateOpts{Name: "n"}).Extract())(t)
	sub := made(subnets.Create(ctx, c, subnets.CreateOpts{NetworkID: n.ID, IPVersion: gophercloud.IPv4, SubnetPoolID: pool.ID}).Extract())(t)
	if sub.CIDR != "10.0.0.0/24" || sub.SubnetPoolID != pool.ID || sub.GatewayIP != "10.0.0.1" {
		t.Errorf("subnet is %+v", sub)
	}
	added := made(subnetpools.AddPrefixes(ctx, c, pool.ID, subnetpools.PrefixesOpsOpts{Prefixes: []string{"192.168.0.0/16"}}).Extract())(t)
	if len(added) != 2 || added[1] != "192.168.0.0/16" {
		t.Errorf("prefixes after adding: %v", added)
	}
	left := made(subnetpools.RemovePrefixes(ctx, c, pool.ID, subnetpools.PrefixesOpsOpts{Prefixes: []string{"192.168.0.0/16"}}).Extract())(t)
	if len(left) != 1 {
		t.Errorf("prefixes after removing: %v", left)
	}
	path := "/v2.0/subnetpools/" + pool.ID
	if got := at(s.call(member, "DELETE", path, "", 400), "NeutronError", "type"); got != "SubnetPoolDeleteError" {
		t.Errorf("deleting a pool in use: %v", got)
	}
	if got := at(s.call(member, "POST", "/v2.0/subnets", fmt.Sprintf(`{"subnet":{"network_id":"%s","ip_version":4}}`, n.ID), 400), "NeutronError", "type"); got != "BadRequest" {
		t.Errorf("neither cidr nor pool: %v", got)
	}
	for query, want := range map[string]int{"ip_version=4": 1, "ip_version=6": 0, "default_prefixlen=24": 1, "is_default=true": 0, "name=pool": 1, "shared=false": 1} {
		if got := length(at(s.call(member, "GET", "/v2.0/subnetpools?"+query, "", 200), "subnetpools")); got != want {
			t.Errorf("%s finds %d, want %d", query, got, want)
		}
	}
}

// A change for a revision that is gone fails, and changes nothing.
func TestIfMatch(t *testing.T) {
	s, ctx := newSite(t), context.Background()
	c, old, name := s.client(member), 0, "renamed"
	n := made(networks.Create(ctx, c, networks.CreateOpts{Name: "n"}).Extract())(t)
	n = made(networks.Update(ctx, c, n.ID, networks.UpdateOpts{Name: &name, RevisionNumber: &old}).Extract())(t)
	late := "late"
	_, err := networks.Update(ctx, c, n.ID, networks.UpdateOpts{Name: &late, RevisionNumber: &old}).Extract()
	if !gophercloud.ResponseCodeIs(err, 412) {
		t.Fatalf("update of an old revision: %v", err)
	}
	if got := made(networks.Get(ctx, c, n.ID).Extract())(t); got.Name != name || got.RevisionNumber != 1 {
		t.Errorf("network is %+v", got)
	}
}
