package network

import (
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// A host whose duties are off gets no new networks and routers, and keeps what it has.
func TestDutiesOff(t *testing.T) {
	w := newWorld(t, "h1", "h2")
	yes, no := true, false
	before, _ := w.network(as("mine"), "10.0.0.0/24")
	_, err := w.ChangeDuty(as("mine"), "h1", cloud.DutyDHCP, DutyChange{On: &no})
	wantKind(t, err, cloud.NotFound)
	for _, d := range []cloud.Duty{cloud.DutyDHCP, cloud.DutyRouters} {
		get(w.ChangeDuty(w.admin, "h1", d, DutyChange{On: &no}))(t)
	}
	_, err = w.ChangeDuty(w.admin, "h1", cloud.DutyMetadata, DutyChange{On: &no})
	wantKind(t, err, cloud.Conflict)
	n, _ := w.network(as("mine"), "10.0.1.0/24")
	if served := get(w.HostsServing(w.admin, n.ID))(t); len(served) != 1 || served[0].ID != "h2" {
		t.Errorf("a new network is served by %+v", served)
	}
	if served := get(w.HostsServing(w.admin, before.ID))(t); len(served) != 2 {
		t.Errorf("an old network is served by %+v", served)
	}
	wantKind(t, w.ServeOn(w.admin, "h1", n.ID, true), cloud.Conflict)
	r := get(w.CreateRouter(as("mine"), RouterRequest{Gateway: &GatewayRequest{NetworkID: w.public().ID}}))(t)
	w.eventually("the router on the host that takes routers", func() bool {
		at, err := w.HostOfRouter(w.admin, r.ID)
		return err == nil && at != nil && at.ID == "h2"
	})
	w.must(w.MoveRouter(w.admin, r.ID, "h2", ""))
	wantKind(t, w.MoveRouter(w.admin, r.ID, "", "h1"), cloud.Conflict)
	get(w.ChangeDuty(w.admin, "h1", cloud.DutyRouters, DutyChange{On: &yes}))(t)
	w.must(w.MoveRouter(w.admin, r.ID, "", "h1"))
}

// What a dead host did is forgotten until it is back, and its routers go to others; a living one is not forgotten.
func TestForgetDuty(t *testing.T) {
	w := newWorld(t, "h1", "h2")
	r := get(w.CreateRouter(as("mine"), RouterRequest{Gateway: &GatewayRequest{NetworkID: w.public().ID}}))(t)
	w.eventually("placed", func() bool { at, _ := w.HostOfRouter(w.admin, r.ID); return at != nil })
	was := get(w.HostOfRouter(w.admin, r.ID))(t)
	wantKind(t, w.ForgetDuty(w.admin, was.ID, cloud.DutyRouters), cloud.Conflict)
	dead := get(w.HostRecords.Get(w.admin, was.ID))(t)
	dead.Up, dead.SeenAt = false, time.Now()
	w.must(w.HostRecords.Update(w.admin, dead))
	w.must(w.ForgetDuty(w.admin, was.ID, cloud.DutyRouters))
	if at := get(w.HostOfRouter(w.admin, r.ID))(t); at == nil || at.ID == was.ID {
		t.Errorf("the router is on %+v", at)
	}
	h := get(w.HostRecords.Get(w.admin, was.ID))(t)
	if !h.Forgotten(cloud.DutyRouters) || h.Forgotten(cloud.DutyDHCP) {
		t.Errorf("forgotten: %+v", h.Duties)
	}
	h.Up = true
	if h.Forgotten(cloud.DutyRouters) {
		t.Error("a host that is back is still forgotten")
	}
}
