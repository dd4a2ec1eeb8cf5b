package network

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// MeterRequest asks for a meter.
type MeterRequest struct {
	ProjectID         cloud.ProjectID // empty: the caller's
	Name, Description string
	Shared            bool
}

func meterTarget(project cloud.ProjectID, id string) policy.Target {
	return policy.Target{Resource: "meter", ID: id, ProjectID: project}
}

// CreateMeter makes a meter that counts nothing yet.
func (s *Service) CreateMeter(ctx context.Context, r MeterRequest) (*cloud.Meter, error) {
	r.ProjectID = owner(ctx, r.ProjectID)
	if err := policy.Authorize(ctx, "meter.create", meterTarget(r.ProjectID, "")); err != nil {
		return nil, err
	}
	if r.ProjectID == "" {
		return nil, cloud.Invalidf("meter", "project_id", "A meter needs a project.")
	}
	m := &cloud.Meter{ID: cloud.MeterID(cloud.NewID()), ProjectID: r.ProjectID, Name: r.Name, Description: r.Description, Shared: r.Shared}
	return m, s.Meters.Insert(ctx, m)
}

// Meter answers one meter that the caller may see.
func (s *Service) Meter(ctx context.Context, id cloud.MeterID) (*cloud.Meter, error) {
	m, err := s.Meters.Get(ctx, id)
	if err != nil {
		return nil, missing(err, "meter", id)
	}
	return m, policy.Authorize(ctx, "meter.get", meterTarget(m.ProjectID, string(id)))
}

// ListMeters lists the meters that the caller may see.
func (s *Service) ListMeters(ctx context.Context, q cloud.Query, keep ...func(*cloud.Meter) bool) ([]*cloud.Meter, error) {
	return s.Meters.List(ctx, visible(ctx, "meter.get", q), keep...)
}

// lockMeter makes whoever changes a meter's rules or deletes it wait for each other.
func (s *Service) lockMeter(ctx context.Context, id cloud.MeterID) error {
	return s.Tx.Lock(ctx, "meter/"+string(id))
}

// DeleteMeter removes a meter with its rules and readings. The ledger keeps what it counted.
func (s *Service) DeleteMeter(ctx context.Context, id cloud.MeterID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		m, err := s.ownMeter(ctx, id)
		if err != nil {
			return err
		}
		if err := deleteWhere(ctx, s.MeterRules, func(r *cloud.MeterRule) cloud.MeterRuleID { return r.ID }, cloud.Eq("meter_id", string(id))); err != nil {
			return err
		}
		if err := deleteWhere(ctx, s.MeterReadings, func(r *cloud.MeterReading) string { return r.ID }, cloud.Eq("meter_id", string(id))); err != nil {
			return err
		}
		if err := s.nudgeMetered(ctx, m); err != nil {
			return err
		}
		return s.Meters.Delete(ctx, id)
	})
}

// ownMeter locks and answers a meter that the caller may change.
func (s *Service) ownMeter(ctx context.Context, id cloud.MeterID) (*cloud.Meter, error) {
	if err := s.lockMeter(ctx, id); err != nil {
		return nil, err
	}
	m, err := s.Meter(ctx, id)
	if err != nil {
		return nil, err
	}
	return m, policy.Authorize(ctx, "meter.update", meterTarget(m.ProjectID, string(id)))
}

// nudgeMetered tells the hosts about the routers at which a meter counts.
func (s *Service) nudgeMetered(ctx context.Context, m *cloud.Meter) error {
	routers, err := s.metered(ctx, []*cloud.Meter{m})
	for _, r := range routers {
		s.nudgeRouter(ctx, r.ID)
	}
	return err
}

// metered are the routers with a way out at which any of the meters counts.
func (s *Service) metered(ctx context.Context, meters []*cloud.Meter) ([]*cloud.Router, error) {
	projects := map[cloud.ProjectID]bool{}
	where := []cloud.Cond{{Column: "gateway_network", Op: cloud.OpNe, Value: ""}}
	for _, m := range meters {
		if m.Shared {
			return s.Routers.List(ctx, cloud.Where(where...))
		}
		projects[m.ProjectID] = true
	}
	return s.Routers.List(ctx, cloud.Where(append(where, cloud.In("project_id", keys(projects)))...))
}

// metersAt are the meters that count at a router, with their rules.
func (s *Service) metersAt(ctx context.Context, r *cloud.Router) ([]*cloud.Meter, map[cloud.MeterID][]*cloud.MeterRule, error) {
	if r.Gateway == nil {
		return nil, nil, nil
	}
	own, err := s.Meters.List(ctx, cloud.Where(cloud.Eq("project_id", string(r.ProjectID)), cloud.Eq("shared", false)))
	if err != nil {
		return nil, nil, err
	}
	shared, err := s.Meters.List(ctx, cloud.Where(cloud.Eq("shared", true)))
	if err != nil {
		return nil, nil, err
	}
	meters := append(own, shared...)
	ids := columnOf(meters, func(m *cloud.Meter) cloud.MeterID { return m.ID })
	rules, err := s.MeterRules.List(ctx, cloud.Where(cloud.In("meter_id", ids)))
	return meters, allBy(rules, func(r *cloud.MeterRule) cloud.MeterID { return r.MeterID }), err
}
