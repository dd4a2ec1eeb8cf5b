package network

import (
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// A port may have the address of a group of cards, and nothing can be plugged in there.
func TestGroupMAC(t *testing.T) {
	w, ctx := newWorld(t, "h1"), as("p")
	n, sub := w.network(ctx, "10.0.0.0/24")
	p := get(w.CreatePort(ctx, PortRequest{NetworkID: n.ID, MAC: "11:22:33:44:55:66"}))(t)
	_, err := w.CreateInstancePorts(ctx, &cloud.Instance{ID: "i", ProjectID: "p"}, []NICRequest{{PortID: p.ID}}, nil, cloud.NoNetwork)
	wantKind(t, err, cloud.Invalid)
	r := get(w.CreateRouter(ctx, RouterRequest{Name: "r"}))(t)
	_, err = w.AddInterface(ctx, r.ID, InterfaceRequest{PortID: p.ID})
	wantKind(t, err, cloud.Invalid)
	inside := get(w.AddInterface(ctx, r.ID, InterfaceRequest{SubnetID: sub[0].ID}))(t)
	_, ports := w.instance(ctx, "j", "h1", n.ID)
	group := "11:22:33:44:55:77"
	for _, plugged := range []cloud.PortID{inside.ID, ports[0].ID} {
		if _, err = w.UpdatePort(ctx, plugged, PortChange{MAC: &group}); err == nil {
			t.Errorf("port %s is plugged in and has the address of a group", plugged)
		}
	}
	_, err = w.AddBranches(ctx, get(w.CreateTrunk(ctx, TrunkRequest{PortID: ports[0].ID}))(t).ID, []BranchRequest{{PortID: p.ID, Tag: 5}})
	wantKind(t, err, cloud.Invalid)
	_, err = w.CreatePort(ctx, PortRequest{NetworkID: n.ID, MAC: "00:00:00:00:00:00"})
	wantKind(t, err, cloud.Invalid)
}
