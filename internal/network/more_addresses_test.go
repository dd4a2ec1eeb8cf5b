package network

import (
	"net/netip"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// A port gets addresses behind its first and loses them; the first stays.
func TestMoreAddresses(t *testing.T) {
	w := newWorld(t)
	ctx := as("p")
	_, subnets := w.domain(ctx, "10.0.0.0/16", "10.0.0.0/24")
	p := get(w.CreatePort(ctx, PortRequest{NetworkID: subnets[0].NetworkID}))(t)
	first := p.Addresses[0]
	if added := get(w.AddAddresses(ctx, p.ID, MoreAddresses{Addresses: []netip.Addr{addr("10.0.0.77")}}))(t); len(added) != 1 || added[0] != addr("10.0.0.77") {
		t.Errorf("added: %v", added)
	}
	if added := get(w.AddAddresses(ctx, p.ID, MoreAddresses{Any: 2}))(t); len(added) != 2 {
		t.Errorf("added: %v", added)
	}
	wantKind(t, w.RemoveAddresses(ctx, p.ID, []netip.Addr{first.Address}), cloud.Invalid)
	w.must(w.RemoveAddresses(ctx, p.ID, []netip.Addr{addr("10.0.0.77")}))
	if p = get(w.Port(ctx, p.ID))(t); len(p.Addresses) != 3 || p.Addresses[0] != first {
		t.Errorf("its addresses are %v", p.Addresses)
	}
}
