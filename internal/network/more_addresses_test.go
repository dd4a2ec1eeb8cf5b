package network

import (
	"net/netip"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// A port gets addresses behind its first and loses them, also to others if they may, and forwards without leaving its groups.
func TestMoreAddresses(t *testing.T) {
	w := newWorld(t)
	ctx := as("p")
	_, subnets := w.domain(ctx, "10.0.0.0/16", "10.0.0.0/24")
	p := get(w.CreatePort(ctx, PortRequest{NetworkID: subnets[0].NetworkID}))(t)
	first := p.Addresses[0]
	have := func() []cloud.PortAddress { return get(w.Port(ctx, p.ID))(t).Addresses }
	_, err := w.AddAddresses(ctx, p.ID, MoreAddresses{Addresses: []netip.Addr{addr("10.0.0.3")}})
	wantKind(t, err, cloud.Invalid)
	added := get(w.AddAddresses(ctx, p.ID, MoreAddresses{Addresses: []netip.Addr{addr("10.0.0.77")}, Any: 2}))(t)
	if now := have(); len(added) != 3 || len(now) != 4 || now[0] != first || now[1].Address != addr("10.0.0.77") {
		t.Errorf("its addresses are %v, %v of them new", now, added)
	}
	other := get(w.CreatePort(ctx, PortRequest{NetworkID: subnets[0].NetworkID}))(t)
	_, err = w.AddAddresses(ctx, other.ID, MoreAddresses{Addresses: []netip.Addr{addr("10.0.0.77")}})
	wantKind(t, err, cloud.AlreadyExists)
	_, err = w.AddAddresses(ctx, other.ID, MoreAddresses{Addresses: []netip.Addr{first.Address}, Move: true})
	wantKind(t, err, cloud.Invalid)
	get(w.AddAddresses(ctx, other.ID, MoreAddresses{Addresses: []netip.Addr{addr("10.0.0.77")}, Move: true}))(t)
	if now := have(); len(now) != 3 || now[0] != first {
		t.Errorf("after the move its addresses are %v", now)
	}
	wantKind(t, w.RemoveAddresses(ctx, p.ID, []netip.Addr{first.Address}), cloud.Invalid)
	w.must(w.RemoveAddresses(ctx, p.ID, []netip.Addr{added[1]}))
	if now := have(); len(now) != 2 || now[0] != first {
		t.Errorf("its addresses are %v", now)
	}
	if p = get(w.UpdatePort(ctx, p.ID, PortChange{Forwards: new(true)}))(t); !planPort(p, nil, 1).Forwards || len(p.SecurityGroups) == 0 {
		t.Errorf("it does not forward: %+v", p)
	}
	w.must(w.ChangeLabels(ctx, "route table", string(get(w.Domain(ctx, subnets[0].RouterID))(t).Domain.MainTable), func(l map[string]string) error {
		l["k"] = "v"
		return nil
	}))
}
