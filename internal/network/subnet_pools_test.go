package network

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

func prefixes(texts ...string) (out []netip.Prefix) {
	for _, t := range texts {
		out = append(out, netip.MustParsePrefix(t))
	}
	return out
}

func TestPrefixesAreMerged(t *testing.T) {
	for _, c := range []struct{ in, want []netip.Prefix }{
		{prefixes("10.0.1.0/24", "10.0.0.0/24"), prefixes("10.0.0.0/23")},
		{prefixes("10.0.0.0/24", "10.0.2.0/24", "10.0.1.0/24", "10.0.3.0/24"), prefixes("10.0.0.0/22")},
		{prefixes("10.0.1.0/24", "10.0.2.0/24"), prefixes("10.0.1.0/24", "10.0.2.0/24")},
		{prefixes("10.0.7.9/8", "10.1.0.0/16"), prefixes("10.0.0.0/8")},
		{prefixes("0.0.0.0/1", "128.0.0.0/1"), prefixes("0.0.0.0/0")},
		{prefixes("fd00:0:0:1::/64", "fd00::/64"), prefixes("fd00::/63")},
	} {
		if got := mergePrefixes(c.in); !slices.Equal(got, c.want) {
			t.Errorf("%v became %v, want %v", c.in, got, c.want)
		}
	}
}

func TestAPrefixIsTakenOutOfOthers(t *testing.T) {
	got := mergePrefixes(without(prefixes("10.0.0.0/22", "10.9.0.0/24"), netip.MustParsePrefix("10.0.1.0/24")))
	if want := prefixes("10.0.0.0/24", "10.0.2.0/23", "10.9.0.0/24"); !slices.Equal(got, want) {
		t.Errorf("left %v, want %v", got, want)
	}
}

func TestFirstFreePrefix(t *testing.T) {
	within := netip.MustParsePrefix("10.0.0.0/22")
	for _, c := range []struct {
		used []netip.Prefix
		bits int
		want string
	}{
		{nil, 24, "10.0.0.0/24"},
		{prefixes("10.0.0.0/25"), 24, "10.0.1.0/24"},
		{prefixes("10.0.0.0/24", "10.0.2.0/26"), 24, "10.0.1.0/24"},
		{prefixes("10.0.0.0/32"), 23, "10.0.2.0/23"},
		{prefixes("10.0.1.0/24"), 22, ""},
		{prefixes("10.0.0.0/8"), 30, ""},
		{nil, 21, ""},
	} {
		got, ok := firstFree(within, c.bits, c.used)
		if ok != (c.want != "") || ok && got.String() != c.want {
			t.Errorf("/%d beside %v: %v %t, want %q", c.bits, c.used, got, ok, c.want)
		}
	}
}

// cutSubnet makes a subnet of a pool on a new network.
func (w *world) cutSubnet(r SubnetRequest) (*cloud.Subnet, error) {
	w.t.Helper()
	ctx := as("p")
	r.NetworkID = get(w.CreateNetwork(ctx, NetworkRequest{Name: "n"}))(w.t).ID
	return w.CreateSubnet(ctx, r)
}

func TestSubnetsAreCutFromAPool(t *testing.T) {
	w, ctx, quota := newWorld(t), as("p"), int64(1024)
	bits := 24
	pool := get(w.CreateSubnetPool(ctx, SubnetPoolRequest{Name: "pool", Prefixes: prefixes("10.0.0.0/16", "10.1.0.0/16"), DefaultBits: &bits, ProjectQuota: &quota}))(t)
	if !slices.Equal(pool.Prefixes, prefixes("10.0.0.0/15")) || pool.MinBits != 8 || pool.MaxBits != 32 {
		t.Fatalf("pool is %+v", pool)
	}
	first := get(w.cutSubnet(SubnetRequest{PoolID: pool.ID}))(t)
	second := get(w.cutSubnet(SubnetRequest{PoolID: pool.ID, Bits: 26}))(t)
	named := get(w.cutSubnet(SubnetRequest{PoolID: pool.ID, Prefix: netip.MustParsePrefix("10.1.9.0/28")}))(t)
	for sub, want := range map[*cloud.Subnet]string{first: "10.0.0.0/24", second: "10.0.1.0/26", named: "10.1.9.0/28"} {
		if sub.Prefix.String() != want || sub.SubnetPoolID != pool.ID {
			t.Errorf("cut %v of %q, want %s", sub.Prefix, sub.SubnetPoolID, want)
		}
	}
	for what, r := range map[string]SubnetRequest{
		"both":       {Bits: 28, Prefix: netip.MustParsePrefix("10.1.10.0/28")},
		"too long":   {Bits: 33},
		"too short":  {Bits: 7},
		"other kind": {IPv6: true},
	} {
		r.PoolID = pool.ID
		if _, err := w.cutSubnet(r); !cloud.Is(err, cloud.Invalid) {
			t.Errorf("%s: %v, want Invalid", what, err)
		}
	}
	_, err := w.cutSubnet(SubnetRequest{PoolID: pool.ID, Prefix: netip.MustParsePrefix("10.0.0.128/25")})
	wantKind(t, err, cloud.Conflict) // taken
	_, err = w.cutSubnet(SubnetRequest{PoolID: pool.ID, Prefix: netip.MustParsePrefix("10.2.0.0/24")})
	wantKind(t, err, cloud.Conflict) // not of the pool
	_, err = w.cutSubnet(SubnetRequest{PoolID: pool.ID, Bits: 22})
	wantKind(t, err, cloud.QuotaExceeded)
	_, err = w.CreateSubnet(ctx, SubnetRequest{NetworkID: first.NetworkID, Prefix: netip.MustParsePrefix("192.168.0.0/24")})
	wantKind(t, err, cloud.Invalid) // a network has one pool
	wantKind(t, w.DeleteSubnetPool(ctx, pool.ID), cloud.Invalid)
	for _, sub := range []*cloud.Subnet{first, second, named} {
		w.must(w.DeleteSubnet(ctx, sub.ID))
	}
	w.must(w.DeleteSubnetPool(ctx, pool.ID))
}

func TestAPoolFillsUp(t *testing.T) {
	w, ctx := newWorld(t), as("p")
	pool := get(w.CreateSubnetPool(ctx, SubnetPoolRequest{Prefixes: prefixes("10.0.0.0/23")}))(t)
	for range 2 {
		get(w.cutSubnet(SubnetRequest{PoolID: pool.ID, Bits: 24}))(t)
	}
	_, err := w.cutSubnet(SubnetRequest{PoolID: pool.ID, Bits: 24})
	wantKind(t, err, cloud.Conflict)
	more := get(w.UpdateSubnetPool(ctx, pool.ID, SubnetPoolChange{AddPrefixes: prefixes("10.8.0.0/24")}))(t)
	if sub := get(w.cutSubnet(SubnetRequest{PoolID: pool.ID, Bits: 24}))(t); !covered(sub.Prefix, prefixes("10.8.0.0/24")) || more.Revisions != 1 {
		t.Errorf("cut %v from %+v", sub.Prefix, more)
	}
	_, err = w.UpdateSubnetPool(ctx, pool.ID, SubnetPoolChange{RemovePrefixes: prefixes("10.0.1.0/24")})
	wantKind(t, err, cloud.Invalid) // a subnet stands on it
	shorter := prefixes("10.0.0.0/23")
	_, err = w.UpdateSubnetPool(ctx, pool.ID, SubnetPoolChange{Prefixes: &shorter})
	wantKind(t, err, cloud.Invalid)
}

func TestWhoMayUsePools(t *testing.T) {
	w, bits := newWorld(t), 24
	_, err := w.CreateSubnetPool(as("p"), SubnetPoolRequest{Prefixes: prefixes("10.0.0.0/8"), Shared: true})
	wantKind(t, err, cloud.Forbidden)
	shared := get(w.CreateSubnetPool(w.admin, SubnetPoolRequest{Prefixes: prefixes("10.0.0.0/8"), Shared: true, Default: true, DefaultBits: &bits}))(t)
	_, err = w.CreateSubnetPool(w.admin, SubnetPoolRequest{Prefixes: prefixes("11.0.0.0/8"), Default: true})
	wantKind(t, err, cloud.Invalid)
	private := get(w.CreateSubnetPool(as("q"), SubnetPoolRequest{Prefixes: prefixes("10.0.0.0/8")}))(t)
	if sub := get(w.cutSubnet(SubnetRequest{DefaultPool: true}))(t); sub.SubnetPoolID != shared.ID {
		t.Errorf("cut from %s, want the default pool", sub.SubnetPoolID)
	}
	_, err = w.cutSubnet(SubnetRequest{DefaultPool: true, IPv6: true})
	wantKind(t, err, cloud.Invalid) // there is none of that version
	_, err = w.cutSubnet(SubnetRequest{PoolID: private.ID})
	wantKind(t, err, cloud.NotFound)
	if seen := get(w.ListSubnetPools(as("p"), cloud.Query{}))(t); len(seen) != 1 || seen[0].ID != shared.ID {
		t.Errorf("a member sees %v", seen)
	}
	_, err = w.UpdateSubnetPool(as("p"), shared.ID, SubnetPoolChange{AddPrefixes: prefixes("12.0.0.0/8")})
	wantKind(t, err, cloud.Forbidden)
}

func TestPoolBounds(t *testing.T) {
	w := newWorld(t)
	for what, r := range map[string]SubnetPoolRequest{
		"no prefixes":   {},
		"two versions":  {Prefixes: prefixes("10.0.0.0/8", "fd00::/48")},
		"min over max":  {Prefixes: prefixes("10.0.0.0/8"), MinBits: new(28), MaxBits: new(24)},
		"max too long":  {Prefixes: prefixes("10.0.0.0/8"), MaxBits: new(33)},
		"default short": {Prefixes: prefixes("10.0.0.0/8"), MinBits: new(24), DefaultBits: new(16)},
		"quota":         {Prefixes: prefixes("10.0.0.0/8"), ProjectQuota: new(int64(-1))},
	} {
		if _, err := w.CreateSubnetPool(as("p"), r); !cloud.Is(err, cloud.Invalid) {
			t.Errorf("%s: %v, want Invalid", what, err)
		}
	}
}
