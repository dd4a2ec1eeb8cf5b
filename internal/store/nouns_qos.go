package store

import "github.com/nubo-cloud/nubo/internal/cloud"

var qosPolicies = definition[cloud.QoSPolicy, cloud.QoSPolicyID]{
	table: "qos_policies", resource: "QoS policy",
	id: func(p *cloud.QoSPolicy) cloud.QoSPolicyID { return p.ID },
	columns: []column[cloud.QoSPolicy]{
		text("project_id", func(p *cloud.QoSPolicy) any { return p.ProjectID }),
		text("name", func(p *cloud.QoSPolicy) any { return p.Name }),
		text("description", func(p *cloud.QoSPolicy) any { return p.Description }),
		number("revisions", func(p *cloud.QoSPolicy) any { return p.Revisions }),
		flag("shared", func(p *cloud.QoSPolicy) any { return p.Shared }),
		flag("default", func(p *cloud.QoSPolicy) any { return p.Default }),
		set("rules", func(p *cloud.QoSPolicy) any { return qosRuleIDs(p) }),
		set("tags", func(p *cloud.QoSPolicy) any { return p.Tags }),
	},
	indexes: []index{
		by("project_id", "created_at"),
		unique("default", "project_id").only("\"default\" = 1"),
		by("name"),
		by("shared", "created_at").only("shared = 1"),
	},
}

func qosRuleIDs(p *cloud.QoSPolicy) []cloud.QoSRuleID {
	out := make([]cloud.QoSRuleID, len(p.Rules))
	for n, r := range p.Rules {
		out[n] = r.ID
	}
	return out
}
