package network

import "testing"

// A port may send for others when its instance forwards, and no more when it does not; and what is in its domain can be labelled.
func TestForwarding(t *testing.T) {
	w := newWorld(t)
	ctx := as("p")
	_, subnets := w.domain(ctx, "10.0.0.0/16", "10.0.0.0/24")
	p := get(w.CreatePort(ctx, PortRequest{NetworkID: subnets[0].NetworkID}))(t)
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
