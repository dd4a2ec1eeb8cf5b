package network

import (
	"context"
	"fmt"

	"github.com/nubo-cloud/nubo/internal/agentapi"
	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Counters are on the hosts and go with routers and hosts. So what they show is taken down again and again, and before a
// router changes or goes; what was added since the last time is a line of the ledger, in the same transaction.

// meteredRouters are the routers with counters somewhere.
func (s *Service) meteredRouters(ctx context.Context) ([]cloud.RouterID, error) {
	meters, err := s.Meters.List(ctx, cloud.Query{})
	if err != nil || len(meters) == 0 {
		return nil, err
	}
	routers, err := s.metered(ctx, meters)
	var ids []cloud.RouterID
	for _, r := range routers {
		if r.HostID != "" {
			ids = append(ids, r.ID)
		}
	}
	return ids, err
}

// readMeters takes down what the counters at a router show.
func (f *fabric) readMeters(ctx context.Context, id cloud.RouterID) error {
	r, err := f.s.Routers.Get(ctx, id)
	if cloud.Is(err, cloud.NotFound) || err == nil && r.HostID == "" {
		return nil
	}
	if err != nil {
		return err
	}
	agent, err := f.agent(ctx, r.HostID)
	if err != nil {
		return err
	}
	k := key{r.HostID, object{kindRouter, string(id)}}
	defer f.locks.lock(k)()
	return f.s.keepReadings(ctx, agent, k)
}

// keepReadings takes down what a host's counters at a router show. The key's lock is held, so that a later reading is not
// taken for an earlier one.
func (s *Service) keepReadings(ctx context.Context, agent agentapi.Agent, k key) error {
	readings, err := agent.MeterReadings(ctx, spec.RouterID(k.ID))
	if err != nil || len(readings) == 0 {
		return err
	}
	for _, r := range readings {
		if err := s.keepReading(ctx, k, r); err != nil {
			return fmt.Errorf("keep what meter %s shows: %w", r.Meter, err)
		}
	}
	return nil
}

// keepReading adds what one counter shows to what is known of it. A meter that is gone has nobody to add it to.
func (s *Service) keepReading(ctx context.Context, k key, shown spec.MeterReading) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.lockMeter(ctx, cloud.MeterID(shown.Meter)); err != nil {
			return err
		}
		m, err := s.Meters.Get(ctx, cloud.MeterID(shown.Meter))
		if cloud.Is(err, cloud.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		known, fresh, err := s.reading(ctx, m, cloud.RouterID(k.ID))
		if err != nil {
			return err
		}
		more := advance(known, shown)
		if more == (cloud.TrafficCount{}) {
			return nil
		}
		if err := s.recordTraffic(ctx, known, k.Host, more); err != nil {
			return err
		}
		if fresh {
			return s.MeterReadings.Insert(ctx, known)
		}
		return s.MeterReadings.Update(ctx, known)
	})
}

// reading is what is known of a meter at a router; fresh if that is nothing yet.
func (s *Service) reading(ctx context.Context, m *cloud.Meter, router cloud.RouterID) (r *cloud.MeterReading, fresh bool, err error) {
	id := string(m.ID) + "/" + string(router)
	r, err = s.MeterReadings.Get(ctx, id)
	if !cloud.Is(err, cloud.NotFound) {
		return r, false, err
	}
	r = &cloud.MeterReading{ID: id, ProjectID: m.ProjectID, MeterID: m.ID, RouterID: router}
	switch at, err := s.Routers.Get(ctx, router); {
	case err == nil:
		r.ProjectID = at.ProjectID
	case !cloud.Is(err, cloud.NotFound): // of a router that is gone the project is not known any more
		return nil, false, err
	}
	return r, true, nil
}

// advance brings a reading to what its counter shows now, and answers what was added. Another counter began at nothing.
func advance(r *cloud.MeterReading, shown spec.MeterReading) cloud.TrafficCount {
	now := cloud.TrafficCount{Bytes: shown.Bytes, Packets: shown.Packets}
	if r.Life != shown.Life {
		r.Life, r.Seen = shown.Life, cloud.TrafficCount{}
	}
	more := cloud.TrafficCount{Bytes: now.Bytes - r.Seen.Bytes, Packets: now.Packets - r.Seen.Packets}
	r.Seen = now
	r.Bytes += more.Bytes
	r.Packets += more.Packets
	return more
}

// recordTraffic writes the ledger's line about what a meter counted.
func (s *Service) recordTraffic(ctx context.Context, r *cloud.MeterReading, host cloud.HostID, more cloud.TrafficCount) error {
	return s.Usage.Insert(ctx, &cloud.UsageEvent{ID: cloud.UsageID(cloud.NewID()), Kind: cloud.UsageTrafficCounted, At: s.Now(), ProjectID: r.ProjectID,
		Subject: string(r.MeterID), HostID: host, RouterID: r.RouterID, Traffic: more})
}

// MeterTotals answers what each meter that has counted anything has counted in all.
func (s *Service) MeterTotals(ctx context.Context) (map[cloud.MeterID]cloud.TrafficCount, error) {
	readings, err := s.MeterReadings.List(ctx, cloud.Query{})
	totals := map[cloud.MeterID]cloud.TrafficCount{}
	for _, r := range readings {
		t := totals[r.MeterID]
		totals[r.MeterID] = cloud.TrafficCount{Bytes: t.Bytes + r.Bytes, Packets: t.Packets + r.Packets}
	}
	return totals, err
}
