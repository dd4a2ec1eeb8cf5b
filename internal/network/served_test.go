package network

import (
	"testing"
)

// A floating IP is unserved while its router is on no host.
func TestFloatingIPOfARouterWithoutHost(t *testing.T) {
	w, ctx := newWorld(t, "h1"), as("p")
	public := w.public()
	n, subnets := w.network(ctx, "10.0.0.0/24")
	r := get(w.CreateRouter(ctx, RouterRequest{Name: "r", Gateway: &GatewayRequest{NetworkID: public.ID}}))(t)
	get(w.AddInterface(ctx, r.ID, InterfaceRequest{SubnetID: subnets[0].ID}))(t)
	p := get(w.CreatePort(ctx, PortRequest{NetworkID: n.ID}))(t)
	f := get(w.CreateFloatingIP(ctx, FloatingIPRequest{NetworkID: public.ID, Target: TargetRequest{PortID: p.ID}}))(t)
	host := get(w.HostOfRouter(w.admin, r.ID))(t).ID
	w.must(w.MoveRouter(w.admin, r.ID, host, ""))
	if hosts := get(w.hostsOfRouter(ctx, r.ID))(t); len(hosts) != 0 {
		t.Errorf("the router was put back on %v", hosts)
	}
	if got := get(w.FloatingIP(ctx, f.ID))(t); !got.Unserved {
		t.Errorf("without a host: %+v", got)
	}
	w.must(w.MoveRouter(w.admin, r.ID, "", host))
	if got := get(w.FloatingIP(ctx, f.ID))(t); got.Unserved {
		t.Errorf("on a host again: %+v", got)
	}
}
