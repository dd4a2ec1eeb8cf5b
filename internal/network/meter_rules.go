package network

import (
	"context"
	"net/netip"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// MeterRuleRequest asks for a rule.
type MeterRuleRequest struct {
	MeterID                     cloud.MeterID
	Direction                   string // empty: ingress
	Excluded                    bool
	Inside, Source, Destination netip.Prefix
}

// CreateMeterRule adds a rule to a meter.
func (s *Service) CreateMeterRule(ctx context.Context, r MeterRuleRequest) (rule *cloud.MeterRule, err error) {
	if err := checkMeterRule(&r); err != nil {
		return nil, err
	}
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		m, err := s.ownMeter(ctx, r.MeterID)
		if err != nil {
			return err
		}
		rule = &cloud.MeterRule{ID: cloud.MeterRuleID(cloud.NewID()), ProjectID: m.ProjectID, MeterID: m.ID, Direction: r.Direction,
			Excluded: r.Excluded, Inside: r.Inside, Source: r.Source, Destination: r.Destination}
		if err := s.refuseOverlap(ctx, rule); err != nil {
			return err
		}
		if err := s.MeterRules.Insert(ctx, rule); err != nil {
			return err
		}
		return s.nudgeMetered(ctx, m)
	})
	return rule, err
}

func checkMeterRule(r *MeterRuleRequest) error {
	switch {
	case r.Direction == "":
		r.Direction = "ingress"
	case r.Direction != "ingress" && r.Direction != "egress":
		return cloud.Invalidf("meter rule", "direction", "Invalid input for direction. Reason: '%s' is not in ['ingress', 'egress'].", r.Direction)
	}
	if r.Inside.IsValid() && (r.Source.IsValid() || r.Destination.IsValid()) {
		return cloud.Invalidf("meter rule", "remote_ip_prefix", "Cannot use 'remote_ip_prefix' together with 'source_ip_prefix' or 'destination_ip_prefix'.")
	}
	if !r.Inside.IsValid() && !r.Source.IsValid() && !r.Destination.IsValid() {
		return cloud.Invalidf("meter rule", "remote_ip_prefix", "A rule needs one of 'remote_ip_prefix', 'source_ip_prefix' and 'destination_ip_prefix'.")
	}
	if r.Source.IsValid() && r.Destination.IsValid() && r.Source.Addr().Is4() != r.Destination.Addr().Is4() {
		return cloud.Invalidf("meter rule", "source_ip_prefix", "'source_ip_prefix' %s and 'destination_ip_prefix' %s are of different IP versions: no packet has both.", r.Source, r.Destination)
	}
	return nil
}

// refuseOverlap refuses a second rule of a kind for the same addresses inside: which of the two counts would mean nothing.
func (s *Service) refuseOverlap(ctx context.Context, r *cloud.MeterRule) error {
	if !r.Inside.IsValid() {
		return nil
	}
	others, err := s.MeterRules.List(ctx, cloud.Where(cloud.Eq("meter_id", string(r.MeterID)), cloud.Eq("direction", r.Direction), cloud.Eq("excluded", r.Excluded)))
	for _, o := range others {
		if o.Inside.IsValid() && o.Inside.Overlaps(r.Inside) {
			return cloud.Errorf(cloud.Conflict, "meter rule", o.ID, "Metering label rule with remote_ip_prefix %s overlaps another: %s.", r.Inside, o.Inside)
		}
	}
	return err
}

// MeterRule answers one rule that the caller may see.
func (s *Service) MeterRule(ctx context.Context, id cloud.MeterRuleID) (*cloud.MeterRule, error) {
	r, err := s.MeterRules.Get(ctx, id)
	if err != nil {
		return nil, missing(err, "meter rule", id)
	}
	target := meterTarget(r.ProjectID, string(id))
	target.Resource = "meter rule"
	return r, policy.Authorize(ctx, "meter.get", target)
}

// ListMeterRules lists the rules that the caller may see.
func (s *Service) ListMeterRules(ctx context.Context, q cloud.Query, keep ...func(*cloud.MeterRule) bool) ([]*cloud.MeterRule, error) {
	return s.MeterRules.List(ctx, visible(ctx, "meter.get", q), keep...)
}

// DeleteMeterRule takes a rule from its meter.
func (s *Service) DeleteMeterRule(ctx context.Context, id cloud.MeterRuleID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		r, err := s.MeterRule(ctx, id)
		if err != nil {
			return err
		}
		m, err := s.ownMeter(ctx, r.MeterID)
		if err != nil {
			return err
		}
		if err := s.nudgeMetered(ctx, m); err != nil {
			return err
		}
		return s.MeterRules.Delete(ctx, id)
	})
}
