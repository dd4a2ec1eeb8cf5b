package store

import "github.com/nubo-cloud/nubo/internal/cloud"

var addressScopes = definition[cloud.AddressScope, cloud.AddressScopeID]{
	table: "address_scopes", resource: "address scope",
	id: func(a *cloud.AddressScope) cloud.AddressScopeID { return a.ID },
	columns: []column[cloud.AddressScope]{
		text("project_id", func(a *cloud.AddressScope) any { return a.ProjectID }),
		text("name", func(a *cloud.AddressScope) any { return a.Name }),
		flag("ipv6", func(a *cloud.AddressScope) any { return a.IPv6 }),
		flag("shared", func(a *cloud.AddressScope) any { return a.Shared }),
	},
	indexes: []index{
		by("project_id", "created_at"),
		by("name"),
		by("shared", "created_at").only("shared = 1"),
	},
}

var shares = definition[cloud.Share, cloud.ShareID]{
	table: "shares", resource: "share",
	id: func(s *cloud.Share) cloud.ShareID { return s.ID },
	columns: []column[cloud.Share]{
		text("project_id", func(s *cloud.Share) any { return s.ProjectID }),
		text("noun", func(s *cloud.Share) any { return s.Noun }),
		text("noun_id", func(s *cloud.Share) any { return s.NounID }),
		text("use", func(s *cloud.Share) any { return s.Use }),
		text("to", func(s *cloud.Share) any { return s.To }),
	},
	indexes: []index{
		by("project_id", "created_at"),
		by("to", "noun"),
		unique("to", "noun_id", "to", "use"),
	},
}
