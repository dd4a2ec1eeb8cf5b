package store

import "github.com/nubo-cloud/nubo/internal/cloud"

var applications = definition[cloud.Application, cloud.ApplicationID]{
	table: "applications", resource: "application",
	id: func(a *cloud.Application) cloud.ApplicationID { return a.ID },
}

var delegationRequests = definition[cloud.DelegationRequest, cloud.DelegationRequestID]{
	table: "delegation_requests", resource: "delegation request",
	id: func(r *cloud.DelegationRequest) cloud.DelegationRequestID { return r.ID },
	columns: []column[cloud.DelegationRequest]{
		text("application_id", func(r *cloud.DelegationRequest) any { return r.ApplicationID }),
		text("project_id", func(r *cloud.DelegationRequest) any { return r.ProjectID }),
		text("user_id", func(r *cloud.DelegationRequest) any { return r.UserID }),
		instant("expires_at", func(r *cloud.DelegationRequest) any { return r.ExpiresAt }),
	},
	indexes: []index{
		by("application_id", "created_at"),
		by("project_id", "created_at"),
		by("user_id", "created_at"),
		by("expires_at"),
	},
}

var delegations = definition[cloud.Delegation, cloud.DelegationID]{
	table: "delegations", resource: "delegation",
	id: func(d *cloud.Delegation) cloud.DelegationID { return d.ID },
	columns: []column[cloud.Delegation]{
		text("application_id", func(d *cloud.Delegation) any { return d.ApplicationID }),
		text("project_id", func(d *cloud.Delegation) any { return d.ProjectID }),
		text("user_id", func(d *cloud.Delegation) any { return d.UserID }),
		instant("expires_at", func(d *cloud.Delegation) any { return d.ExpiresAt }),
	},
	indexes: []index{
		by("application_id", "created_at"),
		by("project_id", "created_at"),
		by("user_id", "created_at"),
		by("expires_at"),
	},
}

var usedSignatures = definition[cloud.UsedSignature, string]{
	table: "used_signatures", resource: "signature",
	id: func(u *cloud.UsedSignature) string { return u.ID },
	columns: []column[cloud.UsedSignature]{
		instant("expires_at", func(u *cloud.UsedSignature) any { return u.ExpiresAt }),
	},
	indexes: []index{
		by("expires_at"),
	},
}
