package store

import "github.com/nubo-cloud/nubo/internal/cloud"

var ruleTemplates = definition[cloud.RuleTemplate, cloud.RuleTemplateID]{
	table: "rule_templates", resource: "rule template",
	id: func(r *cloud.RuleTemplate) cloud.RuleTemplateID { return r.ID },
	columns: []column[cloud.RuleTemplate]{
		text("description", func(r *cloud.RuleTemplate) any { return r.Description }),
		flag("for_default", func(r *cloud.RuleTemplate) any { return r.ForDefault }),
		flag("for_others", func(r *cloud.RuleTemplate) any { return r.ForOthers }),
		text("direction", func(r *cloud.RuleTemplate) any { return r.Direction }),
		flag("ipv6", func(r *cloud.RuleTemplate) any { return r.IPv6 }),
		text("protocol", func(r *cloud.RuleTemplate) any { return r.Protocol }),
		number("port_min", func(r *cloud.RuleTemplate) any { return valueOf(r.PortMin) }),
		number("port_max", func(r *cloud.RuleTemplate) any { return valueOf(r.PortMax) }),
		text("remote_prefix", func(r *cloud.RuleTemplate) any { return r.RemotePrefix }),
		text("remote_group", func(r *cloud.RuleTemplate) any { return r.RemoteGroup }),
		text("remote_addresses", func(r *cloud.RuleTemplate) any { return r.RemoteAddresses }),
		text("key", func(r *cloud.RuleTemplate) any { return r.Key }),
	},
	indexes: []index{unique("key", "key")},
}
