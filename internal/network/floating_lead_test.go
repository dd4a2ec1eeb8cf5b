package network

import (
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// A floating IP takes another's place only where it was asked to, and is given back only when it leads nowhere.
func TestFloatingIPDisplaces(t *testing.T) {
	w := newWorld(t, "h1")
	ctx := as("p")
	w.public()
	r, subnets := w.domain(ctx, "10.0.0.0/16", "10.0.0.0/24")
	w.outside(ctx, r)
	p, q := get(w.CreatePort(ctx, PortRequest{NetworkID: subnets[0].NetworkID}))(t), get(w.CreatePort(ctx, PortRequest{NetworkID: subnets[0].NetworkID}))(t)
	f, g := get(w.CreateFloatingIP(ctx, FloatingIPRequest{}))(t), get(w.CreateFloatingIP(ctx, FloatingIPRequest{}))(t)
	lead := func(id cloud.FloatingIPID, target TargetRequest) error {
		_, err := w.UpdateFloatingIP(ctx, id, FloatingIPChange{Target: &target})
		return err
	}
	w.must(lead(f.ID, TargetRequest{PortID: p.ID, KeepLead: true}))
	w.must(lead(f.ID, TargetRequest{PortID: p.ID, KeepLead: true}))
	wantKind(t, lead(f.ID, TargetRequest{PortID: q.ID, KeepLead: true}), cloud.AlreadyExists)
	wantKind(t, lead(g.ID, TargetRequest{PortID: p.ID, KeepLead: true}), cloud.AlreadyExists)
	wantKind(t, lead(g.ID, TargetRequest{PortID: p.ID}), cloud.Conflict)
	wantKind(t, w.ReleaseFloatingIP(ctx, f.ID), cloud.InUse)
	w.must(lead(g.ID, TargetRequest{PortID: p.ID, Displace: true}))
	w.must(w.ReleaseFloatingIP(ctx, f.ID))
}
