package network

import (
	"context"
	"net/netip"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// meterWorld is a router with a way out, of the project mine.
func meterWorld(t *testing.T) (*world, *cloud.Router) {
	w := newWorld(t, "h1")
	return w, get(w.CreateRouter(as("mine"), RouterRequest{Gateway: &GatewayRequest{NetworkID: w.public().ID}}))(t)
}

// metersAre waits until a router's host counts with these numbers of rules.
func (w *world) metersAre(id cloud.RouterID, rules map[cloud.MeterID]int) {
	w.t.Helper()
	w.eventually("the router's meters", func() (there bool) {
		w.hosts["h1"].with(func() {
			held := w.hosts["h1"].routers[spec.RouterID(id)].Meters
			there = len(held) == len(rules)
			for _, m := range held {
				there = there && rules[cloud.MeterID(m.ID)] == len(m.Rules)
			}
		})
		return there
	})
}

// shows makes the counters of a meter show an amount.
func (w *world) shows(id cloud.MeterID, life string, packets int64) {
	w.hosts["h1"].with(func() {
		w.hosts["h1"].counted = map[spec.MeterID]spec.MeterReading{spec.MeterID(id): {Meter: spec.MeterID(id), Life: life, Bytes: 100 * packets, Packets: packets}}
	})
}

// Meters count at the routers of their project, shared ones at all, by the address inside; and no longer when they are gone.
func TestMetersReachRouters(t *testing.T) {
	w, mine := meterWorld(t)
	other := get(w.CreateRouter(as("other"), RouterRequest{Gateway: &GatewayRequest{NetworkID: w.public().ID}}))(t)
	m := get(w.CreateMeter(w.admin, MeterRequest{ProjectID: "mine"}))(t)
	all := get(w.CreateMeter(w.admin, MeterRequest{Shared: true}))(t)
	p := netip.MustParsePrefix
	rule := get(w.CreateMeterRule(w.admin, MeterRuleRequest{MeterID: m.ID, Direction: "egress", Inside: p("10.0.0.0/8")}))(t)
	get(w.CreateMeterRule(w.admin, MeterRuleRequest{MeterID: m.ID, Excluded: true, Inside: p("10.0.0.0/8")}))(t)
	get(w.CreateMeterRule(w.admin, MeterRuleRequest{MeterID: all.ID, Source: p("192.0.2.0/24")}))(t)
	w.metersAre(mine.ID, map[cloud.MeterID]int{m.ID: 2, all.ID: 1})
	w.metersAre(other.ID, map[cloud.MeterID]int{all.ID: 1})
	out, in := planMeterRule(rule), planMeterRule(&cloud.MeterRule{Direction: "ingress", Inside: p("10.0.0.0/8")})
	if out.Source != rule.Inside || out.Destination.IsValid() || in.Destination != rule.Inside || in.Source.IsValid() {
		t.Errorf("planned %+v and %+v", out, in)
	}
	w.must(w.DeleteMeterRule(w.admin, rule.ID))
	w.metersAre(mine.ID, map[cloud.MeterID]int{m.ID: 1, all.ID: 1})
	w.must(w.DeleteMeter(w.admin, m.ID))
	w.metersAre(mine.ID, map[cloud.MeterID]int{all.ID: 1})
	if left := get(w.ListMeterRules(w.admin, cloud.Query{}))(t); len(left) != 1 {
		t.Errorf("rules left: %+v", left)
	}
}

// Meters are the operator's: nobody else makes or sees them, not even those of its project; rules that mean nothing are refused.
func TestMeterRefusals(t *testing.T) {
	w, _ := meterWorld(t)
	_, err := w.CreateMeter(as("mine"), MeterRequest{})
	wantKind(t, err, cloud.Forbidden)
	m := get(w.CreateMeter(w.admin, MeterRequest{ProjectID: "mine"}))(t)
	_, err = w.Meter(as("mine"), m.ID)
	wantKind(t, err, cloud.NotFound)
	p := netip.MustParsePrefix
	get(w.CreateMeterRule(w.admin, MeterRuleRequest{MeterID: m.ID, Inside: p("10.0.0.0/8")}))(t)
	for _, c := range []struct {
		r    MeterRuleRequest
		kind cloud.Kind
	}{
		{MeterRuleRequest{Inside: p("10.1.0.0/16")}, cloud.Conflict},
		{MeterRuleRequest{}, cloud.Invalid},
		{MeterRuleRequest{Inside: p("11.0.0.0/8"), Source: p("11.0.0.0/8")}, cloud.Invalid},
		{MeterRuleRequest{Destination: p("fd00::/8"), Source: p("11.0.0.0/8")}, cloud.Invalid},
		{MeterRuleRequest{Direction: "up", Inside: p("11.0.0.0/8")}, cloud.Invalid},
	} {
		c.r.MeterID = m.ID
		_, err := w.CreateMeterRule(w.admin, c.r)
		wantKind(t, err, c.kind)
	}
	_, err = w.CreateMeterRule(w.admin, MeterRuleRequest{MeterID: "none", Inside: p("11.0.0.0/8")})
	wantKind(t, err, cloud.NotFound)
}

// What counters show is added up over their lives, once, also when the router goes; the ledger has every part.
func TestMeterReadings(t *testing.T) {
	w, r := meterWorld(t)
	m := get(w.CreateMeter(w.admin, MeterRequest{ProjectID: "mine"}))(t)
	get(w.CreateMeterRule(w.admin, MeterRuleRequest{MeterID: m.ID, Inside: netip.MustParsePrefix("10.0.0.0/8")}))(t)
	w.metersAre(r.ID, map[cloud.MeterID]int{m.ID: 1})
	read := func(life string, packets, total int64) {
		t.Helper()
		w.shows(m.ID, life, packets)
		w.must(w.fabric.meters.Do(context.Background(), r.ID))
		if got := get(w.MeterTotals(w.admin))(t)[m.ID]; got.Packets != total || got.Bytes != 100*total {
			t.Errorf("total %+v, want %d packets", got, total)
		}
	}
	read("a", 5, 5)
	read("a", 5, 5)
	read("a", 12, 12)
	read("b", 3, 15)
	w.shows(m.ID, "b", 4)
	w.must(w.DeleteRouter(as("mine"), r.ID))
	w.settled()
	var ledger int64
	for _, e := range get(w.Usage.List(w.admin, cloud.Where(cloud.Eq("subject", string(m.ID)))))(t) {
		if e.Kind != cloud.UsageTrafficCounted || e.ProjectID != "mine" || e.HostID != "h1" || e.RouterID != r.ID {
			t.Errorf("line of the ledger %+v", e)
		}
		ledger += e.Traffic.Packets
	}
	if total := get(w.MeterTotals(w.admin))(t)[m.ID].Packets; total != 16 || ledger != total {
		t.Errorf("total %d, ledger %d", total, ledger)
	}
	w.must(w.DeleteMeter(w.admin, m.ID))
	if left := get(w.MeterTotals(w.admin))(t); len(left) != 0 {
		t.Errorf("readings left: %+v", left)
	}
}

// A router that its host has as it should be is not asked what its counters show: instances that start look at it each time.
func TestRouterAtRestIsNotRead(t *testing.T) {
	w, r := meterWorld(t)
	w.settled()
	before := w.hosts["h1"].count("read " + string(r.ID))
	w.must(w.fabric.objects.Do(context.Background(), key{"h1", object{kindRouter, string(r.ID)}}))
	if n := w.hosts["h1"].count("read " + string(r.ID)); n != before {
		t.Errorf("read %d times, then %d", before, n)
	}
}
