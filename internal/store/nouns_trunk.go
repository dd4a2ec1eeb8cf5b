package store

import "github.com/nubo-cloud/nubo/internal/cloud"

var trunks = definition[cloud.Trunk, cloud.TrunkID]{
	table: "trunks", resource: "trunk",
	id: func(t *cloud.Trunk) cloud.TrunkID { return t.ID },
	columns: []column[cloud.Trunk]{
		text("project_id", func(t *cloud.Trunk) any { return t.ProjectID }),
		text("name", func(t *cloud.Trunk) any { return t.Name }),
		text("description", func(t *cloud.Trunk) any { return t.Description }),
		number("revisions", func(t *cloud.Trunk) any { return t.Revisions }),
		flag("admin_up", func(t *cloud.Trunk) any { return t.AdminUp }),
		text("port_id", func(t *cloud.Trunk) any { return t.PortID }),
		text("status", func(t *cloud.Trunk) any { return t.Status }),
		set("tags", func(t *cloud.Trunk) any { return t.Tags }),
	},
	indexes: []index{
		by("project_id", "created_at"),
		unique("port_id", "port_id"),
		by("name"),
	},
}
