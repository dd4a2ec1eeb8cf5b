package store

import "github.com/nubo-cloud/nubo/internal/cloud"

var meters = definition[cloud.Meter, cloud.MeterID]{
	table: "meters", resource: "meter",
	id: func(m *cloud.Meter) cloud.MeterID { return m.ID },
	columns: []column[cloud.Meter]{
		text("project_id", func(m *cloud.Meter) any { return m.ProjectID }),
		text("name", func(m *cloud.Meter) any { return m.Name }),
		text("description", func(m *cloud.Meter) any { return m.Description }),
		flag("shared", func(m *cloud.Meter) any { return m.Shared }),
	},
	indexes: []index{
		by("project_id", "created_at"),
		by("name"),
		by("shared", "created_at").only("shared = 1"),
	},
}

var meterRules = definition[cloud.MeterRule, cloud.MeterRuleID]{
	table: "meter_rules", resource: "meter rule",
	id: func(r *cloud.MeterRule) cloud.MeterRuleID { return r.ID },
	columns: []column[cloud.MeterRule]{
		text("project_id", func(r *cloud.MeterRule) any { return r.ProjectID }),
		text("meter_id", func(r *cloud.MeterRule) any { return r.MeterID }),
		text("direction", func(r *cloud.MeterRule) any { return r.Direction }),
		flag("excluded", func(r *cloud.MeterRule) any { return r.Excluded }),
		text("inside", func(r *cloud.MeterRule) any { return r.Inside }),
		text("source", func(r *cloud.MeterRule) any { return r.Source }),
		text("destination", func(r *cloud.MeterRule) any { return r.Destination }),
	},
	indexes: []index{
		by("project_id", "created_at"),
		by("meter_id", "created_at"),
	},
}

var meterReadings = definition[cloud.MeterReading, string]{
	table: "meter_readings", resource: "meter reading",
	id: func(r *cloud.MeterReading) string { return r.ID },
	columns: []column[cloud.MeterReading]{
		text("project_id", func(r *cloud.MeterReading) any { return r.ProjectID }),
		text("meter_id", func(r *cloud.MeterReading) any { return r.MeterID }),
		text("router_id", func(r *cloud.MeterReading) any { return r.RouterID }),
	},
	indexes: []index{
		by("meter_id", "created_at"),
	},
}
