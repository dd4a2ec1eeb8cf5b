package store

import "github.com/nubo-cloud/nubo/internal/cloud"

var addressGroups = definition[cloud.AddressGroup, cloud.AddressGroupID]{
	table: "address_groups", resource: "address group",
	id: func(g *cloud.AddressGroup) cloud.AddressGroupID { return g.ID },
	columns: []column[cloud.AddressGroup]{
		text("project_id", func(g *cloud.AddressGroup) any { return g.ProjectID }),
		text("name", func(g *cloud.AddressGroup) any { return g.Name }),
		text("description", func(g *cloud.AddressGroup) any { return g.Description }),
		number("revisions", func(g *cloud.AddressGroup) any { return g.Revisions }),
		flag("shared", func(g *cloud.AddressGroup) any { return g.Shared }),
	},
	indexes: []index{
		by("project_id", "created_at"),
		by("name"),
		by("shared", "created_at").only("shared = 1"),
	},
}
