package linux

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/nft"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Meters have a table of their own in the router's namespace. Unlike the others it is never made anew as a whole: the counters
// in it are the only state that is nowhere else. A counter's name is its meter and its life; the life is the time it was made.

const meterTable = "inet nubo_meters"

// metering is what a router's meters were last brought to.
type metering struct {
	known   bool // else the namespace may hold anything
	meters  []spec.Meter
	gateway spec.PortID
}

func checkMeters(meters []spec.Meter) error {
	for _, m := range meters {
		if err := checkID("meter", string(m.ID)); err != nil {
			return err
		}
		for _, r := range m.Rules {
			if r.Direction != spec.Ingress && r.Direction != spec.Egress || !r.Source.IsValid() && !r.Destination.IsValid() {
				return fmt.Errorf("rule of meter %s: %w", m.ID, spec.ErrInvalid)
			}
		}
	}
	return nil
}

// applyMeters makes the namespace count as the document says. Counters of meters that stay go on.
func (r *router) applyMeters(ctx context.Context, doc spec.Router) error {
	want := metering{known: true}
	if doc.Gateway != nil && len(doc.Meters) > 0 {
		want.meters, want.gateway = doc.Meters, doc.Gateway.Port
	}
	if reflect.DeepEqual(r.metering, want) {
		return nil
	}
	counters, err := r.counters(ctx)
	if err != nil {
		return err
	}
	if err := nft.Run(ctx, r.ns, meterScript(want, counters, time.Now())); err != nil {
		return fmt.Errorf("meters: %w", err)
	}
	r.metering = want
	return nil
}

// meterScript brings the table from the counters it has to what is wanted.
func meterScript(want metering, have []counter, now time.Time) string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say("add table %s", meterTable)
	if len(want.meters) == 0 {
		say("delete table %s", meterTable)
		return b.String()
	}
	say("add chain %s count { type filter hook forward priority 10; policy accept; }", meterTable)
	say("flush chain %s count", meterTable)
	gateway := fmt.Sprintf("%q", routerLinkName(want.gateway))
	for _, m := range want.meters {
		c, found := counterOf(have, m.ID)
		if !found {
			c = counter{Name: counterName(m.ID, now)}
			say("add counter %s %s", meterTable, c.Name)
		}
		say("add chain %s %s", meterTable, meterChain(m.ID))
		say("flush chain %s %s", meterTable, meterChain(m.ID))
		for _, rule := range meterRules(m, gateway, c.Name) {
			say("add rule %s %s %s", meterTable, meterChain(m.ID), rule)
		}
		say("add rule %s count jump %s", meterTable, meterChain(m.ID))
	}
	for _, c := range have {
		if !slices.ContainsFunc(want.meters, func(m spec.Meter) bool { return m.ID == c.meter() }) {
			say("flush chain %s %s", meterTable, meterChain(c.meter()))
			say("delete chain %s %s", meterTable, meterChain(c.meter()))
			say("delete counter %s %s", meterTable, c.Name)
		}
	}
	return b.String()
}

// meterRules leave out what is excluded first, and count a packet once.
func meterRules(m spec.Meter, gateway, counter string) []string {
	var excluded, counted []string
	for _, r := range m.Rules {
		link := "iifname "
		if r.Direction == spec.Egress {
			link = "oifname "
		}
		match := link + gateway + addressText("saddr", r.Source) + addressText("daddr", r.Destination)
		if r.Excluded {
			excluded = append(excluded, match+" return")
		} else {
			counted = append(counted, match+" counter name "+counter+" return")
		}
	}
	return append(excluded, counted...)
}

func addressText(field string, p netip.Prefix) string {
	switch {
	case !p.IsValid():
		return ""
	case p.Addr().Is4():
		return fmt.Sprintf(" ip %s %s", field, p.Masked())
	}
	return fmt.Sprintf(" ip6 %s %s", field, p.Masked())
}

// meterChain is a chain's name, short enough for the kernel.
func meterChain(id spec.MeterID) string { return "m_" + digest(string(id)) }

func counterName(id spec.MeterID, made time.Time) string {
	return "m_" + string(id) + "/" + strconv.FormatInt(made.UnixNano(), 36)
}

// counter is a named counter as the nft program shows it.
type counter struct {
	Family, Table, Name string
	Packets, Bytes      int64
}

func (c counter) meter() spec.MeterID {
	id, _, _ := strings.Cut(strings.TrimPrefix(c.Name, "m_"), "/")
	return spec.MeterID(id)
}

func (c counter) life() string {
	_, life, _ := strings.Cut(c.Name, "/")
	return life
}

func counterOf(have []counter, id spec.MeterID) (counter, bool) {
	i := slices.IndexFunc(have, func(c counter) bool { return c.meter() == id })
	if i < 0 {
		return counter{}, false
	}
	return have[i], true
}

// counters lists our counters in the router's namespace.
func (r *router) counters(ctx context.Context) ([]counter, error) {
	text, err := nft.ListJSON(ctx, r.ns, "counters")
	if err != nil {
		return nil, err
	}
	var listing struct {
		Nftables []struct{ Counter *counter }
	}
	if err := json.Unmarshal([]byte(text), &listing); err != nil {
		return nil, fmt.Errorf("counters of router %s: %w", r.id, err)
	}
	var all []counter
	for _, object := range listing.Nftables {
		if c := object.Counter; c != nil && c.Family+" "+c.Table == meterTable {
			all = append(all, *c)
		}
	}
	return all, nil
}

// MeterReadings is agent.Fabric. It asks the kernel also about a router that an earlier process made.
func (f *Fabric) MeterReadings(ctx context.Context, id spec.RouterID) ([]spec.MeterReading, error) {
	f.mu.Lock()
	r := f.routers[id]
	f.mu.Unlock()
	if r == nil {
		return nil, nil
	}
	r.lock.Lock()
	defer r.lock.Unlock()
	f.mu.Lock()
	metered := f.routers[id] == r && len(r.doc.Meters) > 0
	f.mu.Unlock()
	if !metered || !netns.Exists(f.names.router(id)) {
		return nil, nil
	}
	if err := f.openRouter(r); err != nil {
		return nil, wrap(err, kindRouter, string(id))
	}
	counters, err := r.counters(ctx)
	if err != nil {
		return nil, wrap(err, kindRouter, string(id))
	}
	readings := make([]spec.MeterReading, len(counters))
	for i, c := range counters {
		readings[i] = spec.MeterReading{Meter: c.meter(), Life: c.life(), Bytes: c.Bytes, Packets: c.Packets}
	}
	return readings, nil
}
