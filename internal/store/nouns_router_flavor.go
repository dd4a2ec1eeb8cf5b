package store

import "github.com/nubo-cloud/nubo/internal/cloud"

var routerFlavors = definition[cloud.RouterFlavor, cloud.RouterFlavorID]{
	table: "router_flavors", resource: "router flavor",
	id: func(f *cloud.RouterFlavor) cloud.RouterFlavorID { return f.ID },
	columns: []column[cloud.RouterFlavor]{
		text("name", func(f *cloud.RouterFlavor) any { return f.Name }),
		text("description", func(f *cloud.RouterFlavor) any { return f.Description }),
		flag("enabled", func(f *cloud.RouterFlavor) any { return f.Enabled }),
		set("profiles", func(f *cloud.RouterFlavor) any { return f.Profiles }),
	},
	indexes: []index{by("name")},
}

var routerProfiles = definition[cloud.RouterProfile, cloud.RouterProfileID]{
	table: "router_profiles", resource: "router profile",
	id: func(p *cloud.RouterProfile) cloud.RouterProfileID { return p.ID },
	columns: []column[cloud.RouterProfile]{
		text("description", func(p *cloud.RouterProfile) any { return p.Description }),
		text("driver", func(p *cloud.RouterProfile) any { return p.Driver }),
		text("details", func(p *cloud.RouterProfile) any { return p.Details }),
		flag("enabled", func(p *cloud.RouterProfile) any { return p.Enabled }),
	},
}
