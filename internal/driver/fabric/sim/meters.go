package sim

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// meter begins and ends counting at a router; the host is locked.
func (h *Host) meter(id spec.RouterID, meters []spec.Meter) {
	for at := range h.metered {
		if at.router == id && !slices.ContainsFunc(meters, func(m spec.Meter) bool { return m.ID == at.meter }) {
			delete(h.metered, at)
		}
	}
	for _, m := range meters {
		if at := (meterAt{id, m.ID}); h.metered[at].IsZero() {
			h.metered[at] = time.Now()
		}
	}
}

// MeterReadings is agent.Fabric. Each rule that counts sees a packet a second.
func (f *Fabric) MeterReadings(ctx context.Context, id spec.RouterID) ([]spec.MeterReading, error) {
	f.host.mu.Lock()
	defer f.host.mu.Unlock()
	var readings []spec.MeterReading
	for _, m := range f.host.routers[id].Meters {
		since := f.host.metered[meterAt{id, m.ID}]
		packets := int64(0)
		for _, r := range m.Rules {
			if !r.Excluded {
				packets += int64(time.Since(since) / time.Second)
			}
		}
		readings = append(readings, spec.MeterReading{Meter: m.ID, Life: strconv.FormatInt(since.UnixNano(), 36), Bytes: packets * 900, Packets: packets})
	}
	return readings, ctx.Err()
}
