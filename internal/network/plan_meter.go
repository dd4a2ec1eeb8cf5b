package network

import (
	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

func planMeter(m *cloud.Meter, rules []*cloud.MeterRule) spec.Meter {
	planned := spec.Meter{ID: spec.MeterID(m.ID)}
	for _, r := range rules {
		planned.Rules = append(planned.Rules, planMeterRule(r))
	}
	return planned
}

// planMeterRule puts the address inside where traffic of the rule's direction has it.
func planMeterRule(r *cloud.MeterRule) spec.MeterRule {
	planned := spec.MeterRule{Direction: spec.Direction(r.Direction), Excluded: r.Excluded, Source: r.Source, Destination: r.Destination}
	switch {
	case !r.Inside.IsValid():
	case planned.Direction == spec.Egress:
		planned.Source = r.Inside
	default:
		planned.Destination = r.Inside
	}
	return planned
}
