package network

import (
	"context"
	"net/netip"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

func sees[T any](t *testing.T, list func(context.Context, cloud.Query, ...func(*T) bool) ([]*T, error), ctx context.Context) int {
	t.Helper()
	return len(get(list(ctx, cloud.Query{}))(t))
}

// A network is seen and used by the project it is shared with, by no other, and not taken away while it is used.
func TestANetworkIsSharedWithOneProject(t *testing.T) {
	w, owner, friend, stranger := newWorld(t), as("owner"), as("friend"), as("stranger")
	n, _ := w.network(owner, "10.0.0.0/24")
	before, friendsBefore := sees(t, w.ListNetworks, stranger), sees(t, w.ListNetworks, friend)
	ask := ShareRequest{Noun: cloud.ShareNetwork, NounID: string(n.ID), Use: cloud.UseShared, To: "friend"}
	_, err := w.CreateShare(stranger, ask)
	wantKind(t, err, cloud.NotFound)
	sh := get(w.CreateShare(owner, ask))(t)
	_, err = w.CreateShare(owner, ask)
	wantKind(t, err, cloud.AlreadyExists)

	if got := sees(t, w.ListNetworks, friend); got != friendsBefore+1 {
		t.Errorf("the friend sees %d networks, before %d", got, friendsBefore)
	}
	if got := sees(t, w.ListNetworks, stranger); got != before {
		t.Errorf("a stranger sees %d networks, before %d", got, before)
	}
	if got := sees(t, w.ListSubnets, friend); got != 1 {
		t.Errorf("the friend sees %d subnets", got)
	}
	_, err = w.CreatePort(stranger, PortRequest{NetworkID: n.ID})
	wantKind(t, err, cloud.NotFound)
	p := get(w.CreatePort(friend, PortRequest{NetworkID: n.ID}))(t)
	wantKind(t, w.DeleteNetwork(friend, n.ID), cloud.Forbidden)

	wantKind(t, w.DeleteShare(owner, sh.ID), cloud.InUse)
	_, err = w.UpdateShare(owner, sh.ID, "stranger")
	wantKind(t, err, cloud.InUse)
	w.must(w.DeletePort(friend, p.ID))
	w.must(w.DeleteShare(owner, sh.ID))
	_, err = w.Network(friend, n.ID)
	wantKind(t, err, cloud.NotFound)
}

// What a network says of itself and its shares are one: each follows the other.
func TestAShareWithAllIsTheNetworksMark(t *testing.T) {
	w, yes, no := newWorld(t), true, false
	n := get(w.CreateNetwork(w.admin, NetworkRequest{Name: "n", Shared: true}))(t)
	shares := get(w.ListShares(w.admin, cloud.Where(cloud.Eq("noun_id", string(n.ID)))))(t)
	if len(shares) != 1 || shares[0].To != cloud.AllProjects || shares[0].Use != cloud.UseShared {
		t.Fatalf("shares of a shared network: %+v", shares)
	}
	w.must(w.DeleteShare(w.admin, shares[0].ID))
	if n = get(w.Network(w.admin, n.ID))(t); n.Shared {
		t.Error("a network whose share is gone says that it is shared")
	}
	get(w.UpdateNetwork(w.admin, n.ID, NetworkChange{Shared: &yes}))(t)
	get(w.UpdateNetwork(w.admin, n.ID, NetworkChange{Shared: &no}))(t)
	if left := get(w.ListShares(w.admin, cloud.Where(cloud.Eq("noun_id", string(n.ID)))))(t); len(left) != 0 {
		t.Errorf("shares of a network that is not shared: %+v", left)
	}
	_, err := w.CreateShare(as("admin"), ShareRequest{Noun: cloud.ShareNetwork, NounID: string(n.ID), Use: cloud.UseShared, To: cloud.AllProjects})
	wantKind(t, err, cloud.Forbidden)
}

// An external network for one project is one for that project only.
func TestAnExternalNetworkForOneProject(t *testing.T) {
	w, friend, stranger := newWorld(t), as("friend"), as("stranger")
	n, _ := w.network(w.admin, "172.30.0.0/24")
	sh := get(w.CreateShare(w.admin, ShareRequest{Noun: cloud.ShareNetwork, NounID: string(n.ID), Use: cloud.UseExternal, To: "friend"}))(t)
	f := get(w.CreateFloatingIP(friend, FloatingIPRequest{NetworkID: n.ID}))(t)
	_, err := w.CreateFloatingIP(stranger, FloatingIPRequest{NetworkID: n.ID})
	wantKind(t, err, cloud.NotFound)
	_, err = w.CreatePort(friend, PortRequest{NetworkID: n.ID})
	wantKind(t, err, cloud.Forbidden)
	wantKind(t, w.DeleteShare(w.admin, sh.ID), cloud.InUse)
	w.must(w.DeleteFloatingIP(friend, f.ID))
	w.must(w.DeleteShare(w.admin, sh.ID))
	if n = get(w.Network(w.admin, n.ID))(t); n.External || n.Restricted {
		t.Errorf("external after its last share: %+v", n)
	}
}

// The default external network stays everybody's, as all that names none relies on it.
func TestTheDefaultExternalNetworkIsForAll(t *testing.T) {
	w := newWorld(t)
	n := get(w.CreateNetwork(w.admin, NetworkRequest{Name: "out", External: true, Default: true}))(t)
	all := get(w.ListShares(w.admin, cloud.Where(cloud.Eq("noun_id", string(n.ID)))))(t)[0]
	get(w.CreateShare(w.admin, ShareRequest{Noun: cloud.ShareNetwork, NounID: string(n.ID), Use: cloud.UseExternal, To: "friend"}))(t)
	wantKind(t, w.DeleteShare(w.admin, all.ID), cloud.InUse)
	_, err := w.UpdateShare(w.admin, all.ID, "friends")
	wantKind(t, err, cloud.InUse)
	no := false
	get(w.UpdateNetwork(w.admin, n.ID, NetworkChange{Default: &no}))(t)
	w.must(w.DeleteShare(w.admin, all.ID))
}

// A shared group is worn by the ports of the project it is shared with.
func TestASecurityGroupIsShared(t *testing.T) {
	w, owner, friend := newWorld(t), as("owner"), as("friend")
	g := get(w.CreateSecurityGroup(owner, GroupRequest{Name: "web"}))(t)
	n, _ := w.network(friend, "10.0.0.0/24")
	wear := PortRequest{NetworkID: n.ID, Groups: &[]cloud.SecurityGroupID{g.ID}}
	_, err := w.CreatePort(friend, wear)
	wantKind(t, err, cloud.NotFound)
	sh := get(w.CreateShare(owner, ShareRequest{Noun: cloud.ShareSecurityGroup, NounID: string(g.ID), Use: cloud.UseShared, To: "friend"}))(t)
	get(w.CreatePort(friend, wear))(t)
	wantKind(t, w.DeleteShare(owner, sh.ID), cloud.InUse)
	_, err = w.CreateRule(friend, RuleRequest{GroupID: g.ID, Direction: "ingress"})
	wantKind(t, err, cloud.Forbidden)
}

// A QoS policy bounds what is of the project it is shared with, and is not taken away while it does.
func TestAQoSPolicyIsShared(t *testing.T) {
	w, friend, no := newWorld(t), as("friend"), false
	q := get(w.CreateQoSPolicy(w.admin, QoSPolicyRequest{Name: "slow"}))(t)
	bounded := NetworkRequest{Name: "n", QoS: &q.ID}
	_, err := w.CreateNetwork(friend, bounded)
	wantKind(t, err, cloud.NotFound)
	sh := get(w.CreateShare(w.admin, ShareRequest{Noun: cloud.ShareQoSPolicy, NounID: string(q.ID), Use: cloud.UseShared, To: "friend"}))(t)
	n := get(w.CreateNetwork(friend, bounded))(t)
	if seen, strange := sees(t, w.ListQoSPolicies, friend), sees(t, w.ListQoSPolicies, as("stranger")); seen != 1 || strange != 0 {
		t.Errorf("the friend sees %d policies, a stranger %d", seen, strange)
	}
	wantKind(t, w.DeleteQoSPolicy(friend, q.ID), cloud.Forbidden)
	wantKind(t, w.DeleteShare(w.admin, sh.ID), cloud.InUse)

	all := get(w.CreateShare(w.admin, ShareRequest{Noun: cloud.ShareQoSPolicy, NounID: string(q.ID), Use: cloud.UseShared, To: cloud.AllProjects}))(t)
	if q = get(w.QoSPolicy(w.admin, q.ID))(t); !q.Shared {
		t.Error("a policy shared with all does not say so")
	}
	w.must(w.DeleteShare(w.admin, sh.ID))
	_, err = w.UpdateQoSPolicy(w.admin, q.ID, QoSPolicyChange{Shared: &no})
	wantKind(t, err, cloud.InUse)
	w.must(w.DeleteNetwork(friend, n.ID))
	w.must(w.DeleteShare(w.admin, all.ID))
	w.must(w.DeleteQoSPolicy(w.admin, q.ID))
}

// An address group is named by the rules of the project it is shared with, and not taken away while it is.
func TestAnAddressGroupIsShared(t *testing.T) {
	w, owner, friend := newWorld(t), as("owner"), as("friend")
	a := get(w.CreateAddressGroup(owner, AddressGroupRequest{Name: "offices", Prefixes: prefixes("10.0.0.0/24")}))(t)
	g := get(w.CreateSecurityGroup(friend, GroupRequest{Name: "web"}))(t)
	rule := RuleRequest{GroupID: g.ID, Direction: "ingress", RemoteAddresses: a.ID}
	_, err := w.CreateRule(friend, rule)
	wantKind(t, err, cloud.NotFound)
	sh := get(w.CreateShare(owner, ShareRequest{Noun: cloud.ShareAddressGroup, NounID: string(a.ID), Use: cloud.UseShared, To: "friend"}))(t)
	r := get(w.CreateRule(friend, rule))(t)
	if got := sees(t, w.ListAddressGroups, friend); got != 1 {
		t.Errorf("the friend sees %d address groups", got)
	}
	_, err = w.UpdateAddressGroup(friend, a.ID, AddressGroupChange{Add: prefixes("10.0.1.0/24")})
	wantKind(t, err, cloud.Forbidden)
	wantKind(t, w.DeleteShare(owner, sh.ID), cloud.InUse)
	w.must(w.DeleteRule(friend, r.ID))
	w.must(w.DeleteShare(owner, sh.ID))
	w.must(w.DeleteAddressGroup(owner, a.ID))
}

// The prefixes of pools in one scope are apart, and of its IP version.
func TestPoolsInAnAddressScope(t *testing.T) {
	w, ctx := newWorld(t), as("p")
	scope := get(w.CreateAddressScope(ctx, AddressScopeRequest{Name: "scope"}))(t)
	pool := get(w.CreateSubnetPool(ctx, SubnetPoolRequest{Prefixes: prefixes("10.0.0.0/16"), ScopeID: scope.ID}))(t)
	_, err := w.CreateSubnetPool(ctx, SubnetPoolRequest{Prefixes: prefixes("10.0.1.0/24"), ScopeID: scope.ID})
	wantKind(t, err, cloud.Conflict)
	_, err = w.CreateSubnetPool(ctx, SubnetPoolRequest{Prefixes: prefixes("fd00::/48"), ScopeID: scope.ID})
	wantKind(t, err, cloud.Invalid)
	_, err = w.CreateSubnetPool(as("q"), SubnetPoolRequest{Prefixes: prefixes("10.9.0.0/16"), ScopeID: scope.ID})
	wantKind(t, err, cloud.NotFound)
	other := get(w.CreateSubnetPool(ctx, SubnetPoolRequest{Prefixes: prefixes("10.1.0.0/16"), ScopeID: scope.ID}))(t)
	_, err = w.UpdateSubnetPool(ctx, other.ID, SubnetPoolChange{AddPrefixes: prefixes("10.0.0.0/24")})
	wantKind(t, err, cloud.Conflict)
	wantKind(t, w.DeleteAddressScope(ctx, scope.ID), cloud.InUse)
	none := cloud.AddressScopeID("")
	for _, p := range []*cloud.SubnetPool{pool, other} {
		get(w.UpdateSubnetPool(ctx, p.ID, SubnetPoolChange{ScopeID: &none}))(t)
	}
	w.must(w.DeleteAddressScope(ctx, scope.ID))
}

func TestAvailability(t *testing.T) {
	w := newWorld(t)
	n, _ := w.network(as("p"), "10.0.0.0/29")
	v6 := get(w.CreateSubnet(as("p"), SubnetRequest{NetworkID: n.ID, Prefix: netip.MustParsePrefix("fd00::/64")}))(t)
	get(w.CreatePort(as("p"), PortRequest{NetworkID: n.ID}))(t)
	found := get(w.Availabilities(w.admin, []*cloud.Network{n}))(t)[n.ID]
	if len(found) != 2 || found[0].Total.Int64() != 5 || found[0].Used != 2 || found[1].Subnet.ID != v6.ID || found[1].Total.BitLen() < 64 {
		t.Errorf("available: %+v", found)
	}
	_, err := w.Availabilities(as("p"), []*cloud.Network{n})
	wantKind(t, err, cloud.Forbidden)
}
