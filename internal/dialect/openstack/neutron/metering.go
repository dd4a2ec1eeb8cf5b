package neutron

import (
	"context"
	"net/netip"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/network"
)

// Labels and rules are made and removed, never changed.

func (a *api) meters() resource[cloud.Meter, cloud.MeterID] {
	return resource[cloud.Meter, cloud.MeterID]{one: "metering_label", many: "metering_labels", path: "/v2.0/metering/metering-labels",
		filters: common(filters[cloud.Meter]{"shared": byBool[cloud.Meter]("shared"), "revision_number": nil}),
		sort:    namedSort(openstack.SortColumns{"description": "description", "shared": "shared"}),
		list:    a.net.ListMeters, get: a.net.Meter, remove: a.net.DeleteMeter,
		id: func(m *cloud.Meter) cloud.MeterID { return m.ID }, show: showMeters}
}

func (a *api) meterRules() resource[cloud.MeterRule, cloud.MeterRuleID] {
	type rule = cloud.MeterRule
	return resource[rule, cloud.MeterRuleID]{one: "metering_label_rule", many: "metering_label_rules", path: "/v2.0/metering/metering-label-rules",
		filters: filters[rule]{"id": byText[rule]("id"), "project_id": byText[rule]("project_id"), "tenant_id": byText[rule]("project_id"),
			"metering_label_id": byText[rule]("meter_id"), "direction": byText[rule]("direction"), "excluded": byBool[rule]("excluded"),
			"remote_ip_prefix": byText[rule]("inside"), "source_ip_prefix": byText[rule]("source"), "destination_ip_prefix": byText[rule]("destination")},
		sort: openstack.SortColumns{"id": "id", "project_id": "project_id", "tenant_id": "project_id", "metering_label_id": "meter_id", "direction": "direction",
			"excluded": "excluded", "remote_ip_prefix": "inside", "source_ip_prefix": "source", "destination_ip_prefix": "destination"},
		list: a.net.ListMeterRules, get: a.net.MeterRule, remove: a.net.DeleteMeterRule,
		id: func(r *rule) cloud.MeterRuleID { return r.ID }, show: showMeterRules}
}

func (a *api) meterRoutes(s *openstack.Service) {
	labels, rules := a.meters(), a.meterRules()
	routes(a, s, labels)
	s.Handle("POST "+labels.path, creates(a, labels, a.createMeter))
	routes(a, s, rules)
	s.Handle("POST "+rules.path, creates(a, rules, a.createMeterRule))
}

func showMeters(_ context.Context, meters []*cloud.Meter) ([]object, error) {
	shown := make([]object, len(meters))
	for i, m := range meters {
		shown[i] = object{"id": m.ID, "name": m.Name, "description": m.Description, "tenant_id": m.ProjectID, "project_id": m.ProjectID, "shared": m.Shared}
	}
	return shown, nil
}

func showMeterRules(_ context.Context, rules []*cloud.MeterRule) ([]object, error) {
	shown := make([]object, len(rules))
	for i, r := range rules {
		shown[i] = object{"id": r.ID, "metering_label_id": r.MeterID, "tenant_id": r.ProjectID, "project_id": r.ProjectID, "direction": r.Direction, "excluded": r.Excluded,
			"remote_ip_prefix": showPrefix(r.Inside), "source_ip_prefix": showPrefix(r.Source), "destination_ip_prefix": showPrefix(r.Destination)}
	}
	return shown, nil
}

// meterIn is a label in a request.
type meterIn struct {
	owner
	Name        text    `json:"name"`
	Description text    `json:"description" max:"1024"`
	Shared      boolean `json:"shared"`
}

func (a *api) createMeter(ctx context.Context, in meterIn) (*cloud.Meter, error) {
	return a.net.CreateMeter(ctx, network.MeterRequest{ProjectID: in.project(), Name: in.Name.Value, Description: in.Description.Value, Shared: bool(in.Shared.Value)})
}

// meterRuleIn is a rule in a request. It belongs to the project of its label, whatever it says.
type meterRuleIn struct {
	owner
	MeterID     cloud.MeterID `json:"metering_label_id"`
	Direction   text          `json:"direction"`
	Excluded    boolean       `json:"excluded"`
	Inside      text          `json:"remote_ip_prefix"`
	Source      text          `json:"source_ip_prefix"`
	Destination text          `json:"destination_ip_prefix"`
}

func (a *api) createMeterRule(ctx context.Context, in meterRuleIn) (*cloud.MeterRule, error) {
	r := network.MeterRuleRequest{MeterID: in.MeterID, Direction: in.Direction.Value, Excluded: bool(in.Excluded.Value)}
	if in.MeterID == "" {
		return nil, notSpecified("metering_label_id")
	}
	for name, field := range map[string]struct {
		in  text
		out *netip.Prefix
	}{"remote_ip_prefix": {in.Inside, &r.Inside}, "source_ip_prefix": {in.Source, &r.Source}, "destination_ip_prefix": {in.Destination, &r.Destination}} {
		if field.in.Value == "" {
			continue
		}
		p, err := parsePrefix(name, field.in.Value)
		if err != nil {
			return nil, err
		}
		*field.out = p
	}
	return a.net.CreateMeterRule(ctx, r)
}
