package linux

import (
	"context"
	"net/netip"
	"testing"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Meters count what passes the gateway by the addresses inside, each packet once, and leave out what is excluded; counting goes on
// through changes, checks and another process, and ends with the meter.
func TestMeters(t *testing.T) {
	w, r, a, b := outsideWorld(t)
	inside := func(d spec.Direction, p string, excluded bool) spec.MeterRule {
		rule := spec.MeterRule{Direction: d, Excluded: excluded}
		if d == spec.Egress {
			rule.Source = prefix(p)
		} else {
			rule.Destination = prefix(p)
		}
		return rule
	}
	r.Meters = []spec.Meter{
		{ID: "out", Rules: []spec.MeterRule{inside(spec.Egress, "10.0.0.0/16", false), inside(spec.Egress, "10.0.0.0/24", false)}},
		{ID: "but-a", Rules: []spec.MeterRule{inside(spec.Ingress, "10.0.0.0/16", false), inside(spec.Ingress, a.port.Addresses[0].String()+"/32", true)}},
		{ID: "pair", Rules: []spec.MeterRule{{Direction: spec.Egress, Source: prefix("10.0.0.0/16"), Destination: netip.PrefixFrom(outsideAddr, 32)}}},
		{ID: "six", Rules: []spec.MeterRule{inside(spec.Egress, "fd00::/8", false)}},
	}
	w.router(r)
	w.reaches(a.ns, b.port.Addresses[0], 80) // does not pass the gateway
	if got := w.meter(r.ID, "out"); got.Packets != 0 {
		t.Errorf("between networks: %+v", got)
	}
	w.reaches(a.ns, outsideAddr, 80)
	out := w.meter(r.ID, "out")
	if out.Packets == 0 || out.Bytes < 40*out.Packets || out != withMeter(w.meter(r.ID, "pair"), out) {
		t.Errorf("out %+v, to there alone %+v", out, w.meter(r.ID, "pair"))
	}
	if got := w.meter(r.ID, "but-a"); got.Packets != 0 {
		t.Errorf("excluded: %+v", got)
	}
	if got := w.meter(r.ID, "six"); got.Packets != 0 {
		t.Errorf("the other IP version: %+v", got)
	}
	must(t, w.fabric.Verify(context.Background()))
	w.restart()
	r.Generation, r.Meters = 2, r.Meters[:2]
	w.router(r)
	w.reaches(b.ns, outsideAddr, 80)
	if got := w.meter(r.ID, "out"); got.Life != out.Life || got.Packets <= out.Packets {
		t.Errorf("after a change and another process %+v, before %+v", got, out)
	}
	if got := w.meter(r.ID, "but-a"); got.Packets == 0 {
		t.Error("what is not excluded does not count")
	}
	if got, err := w.fabric.MeterReadings(context.Background(), r.ID); err != nil || len(got) != 2 {
		t.Errorf("readings %+v, %v", got, err)
	}
	r.Generation, r.Gateway, r.Meters = 3, nil, nil
	w.router(r)
	if got, err := w.fabric.MeterReadings(context.Background(), r.ID); err != nil || len(got) != 0 {
		t.Errorf("readings %+v, %v", got, err)
	}
}

// A namespace that was lost begins to count anew, under another life.
func TestMetersOfALostRouter(t *testing.T) {
	w, r, a, _ := outsideWorld(t)
	r.Meters = []spec.Meter{{ID: "m", Rules: []spec.MeterRule{{Direction: spec.Egress, Source: prefix("10.0.0.0/16")}}}}
	w.router(r)
	w.reaches(a.ns, outsideAddr, 80)
	before := w.meter(r.ID, "m")
	must(t, netns.Delete(w.fabric.names.router(r.ID)))
	r.Generation = 2
	w.router(r)
	if after := w.meter(r.ID, "m"); after.Packets != 0 || after.Life == before.Life || after.Life == "" {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

// withMeter is a reading as if it were of the same meter as another.
func withMeter(r, of spec.MeterReading) spec.MeterReading {
	r.Meter, r.Life = of.Meter, of.Life
	return r
}

func (w *world) meter(router spec.RouterID, id spec.MeterID) spec.MeterReading {
	w.t.Helper()
	readings, err := w.fabric.MeterReadings(context.Background(), router)
	must(w.t, err)
	for _, r := range readings {
		if r.Meter == id {
			return r
		}
	}
	w.t.Fatalf("meter %s is not among %+v", id, readings)
	return spec.MeterReading{}
}
