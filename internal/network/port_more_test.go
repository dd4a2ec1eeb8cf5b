package network

import (
	"net/netip"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// A port gets addresses behind its first and loses them, and may send for others when its instance forwards.
func TestMoreOfPorts(t *testing.T) {
	w := newWorld(t)
	ctx := as("p")
	_, subnets := w.domain(ctx, "10.0.0.0/16", "10.0.0.0/24")
	p := get(w.CreatePort(ctx, PortRequest{NetworkID: subnets[0].NetworkID}))(t)
	first := p.Addresses[0]
	_, err := w.AddAddresses(ctx, p.ID, []netip.Addr{addr("10.0.0.3")}, 0)
	wantKind(t, err, cloud.Invalid)
	p = get(w.AddAddresses(ctx, p.ID, []netip.Addr{addr("10.0.0.77")}, 2))(t)
	if len(p.Addresses) != 4 || p.Addresses[0] != first || p.Addresses[1].Address != addr("10.0.0.77") {
		t.Errorf("its addresses are %v", p.Addresses)
	}
	_, err = w.RemoveAddresses(ctx, p.ID, []netip.Addr{first.Address})
	wantKind(t, err, cloud.Invalid)
	if p = get(w.RemoveAddresses(ctx, p.ID, []netip.Addr{addr("10.0.0.77")}))(t); len(p.Addresses) != 3 || p.Addresses[0] != first {
		t.Errorf("its addresses are %v", p.Addresses)
	}
	if p = get(w.SetForwarding(ctx, p.ID, true))(t); len(p.AllowedPairs) != 2 || !Forwards(p) {
		t.Errorf("it may send from %v", p.AllowedPairs)
	}
	if p = get(w.SetForwarding(ctx, p.ID, false))(t); len(p.AllowedPairs) != 0 || Forwards(p) {
		t.Errorf("it may send from %v", p.AllowedPairs)
	}
	w.must(w.ChangeLabels(ctx, "route table", string(get(w.Domain(ctx, subnets[0].RouterID))(t).Domain.MainTable), func(l map[string]string) error {
		l["k"] = "v"
		return nil
	}))
}
