package network

import (
	"context"
	"net/netip"
	"slices"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// families are how many addresses of each version of IP a port has.
func families(p *cloud.Port) (four, six int) {
	for _, a := range p.Addresses {
		if a.Address.Is4() {
			four++
		} else {
			six++
		}
	}
	return four, six
}

// A domain's subnet gets IPv6 beside it, which the router is on as well; ports have it when they ask, or all new ones when the subnet
// gives it; it goes when nobody has it, or with its subnet.
func TestDomainIPv6(t *testing.T) {
	w := newWorld(t, "h1")
	ctx := as("p")
	r, subnets := w.domain(ctx, "10.0.0.0/16", "10.0.0.0/24", "10.0.1.0/24")
	w.instancePort(ctx, subnets[0])
	_, err := w.AddSubnetIPv6(ctx, subnets[0].ID, SubnetIPv6{Prefix: prefix("2001:db8::/64")})
	wantField(t, err, cloud.Invalid, "block")
	get(w.AddBlock(ctx, r.ID, prefix("2001:db8::/56")))(t)
	_, err = w.AddSubnetIPv6(ctx, subnets[0].ID, SubnetIPv6{Prefix: prefix("10.0.2.0/24")})
	wantField(t, err, cloud.Invalid, "ipv6")
	six := get(w.AddSubnetIPv6(ctx, subnets[0].ID, SubnetIPv6{Prefix: prefix("2001:db8::/64"), Reserved: 4}))(t)
	_, err = w.AddSubnetIPv6(ctx, subnets[0].ID, SubnetIPv6{Prefix: prefix("2001:db8:0:1::/64")})
	wantField(t, err, cloud.AlreadyExists, "beside")
	_, err = w.AddSubnetIPv6(ctx, subnets[1].ID, SubnetIPv6{Prefix: prefix("2001:db8::/64")})
	wantField(t, err, cloud.AlreadyExists, "prefix")
	onRouter := false
	for _, i := range w.routerDoc(r.ID).Interfaces {
		onRouter = onRouter || slices.Contains(i.Addresses, netip.PrefixFrom(six.Gateway, 64))
	}
	if !onRouter {
		t.Errorf("the router is not at %s: %+v", six.Gateway, w.routerDoc(r.ID).Interfaces)
	}

	asks := w.instancePort(ctx, subnets[0])
	if _, n := families(asks); n != 0 {
		t.Errorf("a port that did not ask has %v", asks.Addresses)
	}
	got := get(w.AddAddresses(ctx, asks.ID, MoreAddresses{IPv6: true, Any: 1}))(t)
	if len(got) != 1 || !six.Prefix.Contains(got[0]) || !inPools(six, got[0]) {
		t.Errorf("who asks gets %v", got)
	}
	w.must(w.SetAutoIPv6(ctx, subnets[0].ID, true))
	given := w.instancePort(ctx, subnets[0])
	if four, n := families(given); four != 1 || n != 1 {
		t.Errorf("a port of a subnet that gives IPv6 has %v", given.Addresses)
	}
	wantKind(t, w.SetAutoIPv6(ctx, subnets[1].ID, true), cloud.WrongState)
	w.must(w.SetAutoIPv6(ctx, subnets[1].ID, false))

	_, err = w.RemoveBlock(ctx, r.ID, get(w.Domain(ctx, r.ID))(t).Domain.Blocks[1].ID)
	wantKind(t, err, cloud.WrongState)
	wantKind(t, w.RemoveSubnetIPv6(ctx, six.ID), cloud.InUse)
	wantKind(t, w.RemoveSubnetIPv6(ctx, subnets[0].ID), cloud.NotFound)
	wantKind(t, w.DeleteDomainSubnet(ctx, six.ID), cloud.NotFound)
	w.must(w.RemoveAddresses(ctx, asks.ID, got))
	w.must(w.DeletePort(ctx, given.ID))
	w.must(w.RemoveSubnetIPv6(ctx, six.ID))
	for _, i := range w.routerDoc(r.ID).Interfaces {
		if slices.ContainsFunc(i.Addresses, func(p netip.Prefix) bool { return p.Addr().Is6() }) {
			t.Errorf("the router still has %v", i.Addresses)
		}
	}
	get(w.AddSubnetIPv6(ctx, subnets[1].ID, SubnetIPv6{Prefix: prefix("2001:db8::/64")}))(t)
	w.must(w.DeleteDomainSubnet(ctx, subnets[1].ID))
	get(w.RemoveBlock(ctx, r.ID, get(w.Domain(ctx, r.ID))(t).Domain.Blocks[1].ID))(t)
}

// instancePort makes a port as an instance gets one.
func (w *world) instancePort(ctx context.Context, sub *cloud.Subnet) *cloud.Port {
	w.t.Helper()
	return get(w.CreatePort(ctx, PortRequest{NetworkID: sub.NetworkID}))(w.t)
}

// Provided blocks come from the operator's default pool, each once, and are the domain's own where there is none.
func TestProvidedBlocks(t *testing.T) {
	w := newWorld(t, "h1")
	ctx := as("p")
	r, _ := w.domain(ctx, "10.0.0.0/16")
	own := get(w.AddProvidedBlock(ctx, r.ID))(t).Domain.Blocks[1]
	if !prefix("fd00::/8").Contains(own.Prefix.Addr()) || own.Prefix.Bits() != 56 {
		t.Errorf("without a pool the block is %s", own.Prefix)
	}
	bits := 64
	pool := get(w.CreateSubnetPool(w.admin, SubnetPoolRequest{ProjectID: "admin", Name: "six", Prefixes: []netip.Prefix{prefix("2001:db8::/55")}, DefaultBits: &bits, Shared: true, Default: true}))(t)
	n := get(w.CreateNetwork(ctx, NetworkRequest{Name: "plain"}))(t)
	get(w.CreateSubnet(ctx, SubnetRequest{NetworkID: n.ID, IPv6: true, DefaultPool: true}))(t)
	cut := get(w.AddProvidedBlock(ctx, r.ID))(t).Domain.Blocks[2]
	if cut.Prefix != prefix("2001:db8:0:100::/56") || cut.PoolID != pool.ID {
		t.Errorf("beside a subnet in its first half the pool gives %+v", cut)
	}
	_, err := w.AddProvidedBlock(ctx, r.ID)
	wantKind(t, err, cloud.NoCapacity)
	other := get(w.CreateSubnet(ctx, SubnetRequest{NetworkID: n.ID, IPv6: true, DefaultPool: true}))(t)
	if other.Prefix.Overlaps(cut.Prefix) {
		t.Errorf("a subnet was cut from a domain's block: %s", other.Prefix)
	}
	_, err = w.UpdateSubnetPool(w.admin, pool.ID, SubnetPoolChange{RemovePrefixes: []netip.Prefix{cut.Prefix}})
	wantField(t, err, cloud.Invalid, "prefixes")
	get(w.RemoveBlock(ctx, r.ID, cut.ID))(t)
	if again := get(w.AddProvidedBlock(ctx, r.ID))(t).Domain.Blocks[2]; again.Prefix != cut.Prefix {
		t.Errorf("a block that was given back is not given again: %s", again.Prefix)
	}
}
