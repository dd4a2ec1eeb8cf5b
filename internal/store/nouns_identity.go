package store

import "github.com/nubo-cloud/nubo/internal/cloud"

var domains = definition[cloud.Domain, cloud.DomainID]{
	table: "domains", resource: "domain",
	id: func(d *cloud.Domain) cloud.DomainID { return d.ID },
	columns: []column[cloud.Domain]{
		text("name", func(d *cloud.Domain) any { return d.Name }),
		fold("name_lower", func(d *cloud.Domain) any { return d.Name }),
		flag("enabled", func(d *cloud.Domain) any { return d.Enabled }),
		set("tags", func(d *cloud.Domain) any { return d.Tags }),
	},
	indexes: []index{
		unique("name", "name_lower"),
		by("name"),
	},
}

var projects = definition[cloud.Project, cloud.ProjectID]{
	table: "projects", resource: "project",
	id: func(p *cloud.Project) cloud.ProjectID { return p.ID },
	columns: []column[cloud.Project]{
		text("domain_id", func(p *cloud.Project) any { return p.DomainID }),
		text("name", func(p *cloud.Project) any { return p.Name }),
		fold("name_lower", func(p *cloud.Project) any { return p.Name }),
		flag("enabled", func(p *cloud.Project) any { return p.Enabled }),
		text("parent_id", func(p *cloud.Project) any { return p.ParentID }),
		text("account_number", func(p *cloud.Project) any { return p.AccountNumber }),
		set("tags", func(p *cloud.Project) any { return p.Tags }),
	},
	indexes: []index{
		unique("name", "domain_id", "name_lower"),
		by("domain_id", "name"),
		by("parent_id", "created_at"),
		unique("account_number", "account_number").only("account_number <> ''"), // there are projects from before there were numbers
		by("account_number"),
		by("name_lower"),
		by("name"),
	},
}

var users = definition[cloud.User, cloud.UserID]{
	table: "users", resource: "user",
	id: func(u *cloud.User) cloud.UserID { return u.ID },
	columns: []column[cloud.User]{
		text("domain_id", func(u *cloud.User) any { return u.DomainID }),
		text("name", func(u *cloud.User) any { return u.Name }),
		fold("name_lower", func(u *cloud.User) any { return u.Name }),
		fold("email", func(u *cloud.User) any { return u.Email }),
		flag("enabled", func(u *cloud.User) any { return u.Enabled }),
		text("default_project_id", func(u *cloud.User) any { return u.DefaultProjectID }),
		set("federated", func(u *cloud.User) any { return federatedKeys(u) }),
	},
	indexes: []index{
		unique("name", "domain_id", "name_lower"),
		by("domain_id", "name"),
		by("name_lower"),
		by("name"),
		by("email"),
		by("default_project_id"),
	},
}

func federatedKeys(u *cloud.User) []string {
	keys := make([]string, 0, 2*len(u.Federated))
	for _, f := range u.Federated {
		keys = append(keys, f.Key(), cloud.ProviderKey(f.ProviderID))
	}
	return keys
}

var groups = definition[cloud.Group, cloud.GroupID]{
	table: "groups", resource: "group",
	id: func(g *cloud.Group) cloud.GroupID { return g.ID },
	columns: []column[cloud.Group]{
		text("domain_id", func(g *cloud.Group) any { return g.DomainID }),
		text("name", func(g *cloud.Group) any { return g.Name }),
		fold("name_lower", func(g *cloud.Group) any { return g.Name }),
		set("members", func(g *cloud.Group) any { return g.Members }),
	},
	indexes: []index{
		unique("name", "domain_id", "name_lower"),
		by("domain_id", "name"),
		by("name"),
	},
}

var roles = definition[cloud.Role, cloud.RoleID]{
	table: "roles", resource: "role",
	id: func(r *cloud.Role) cloud.RoleID { return r.ID },
	columns: []column[cloud.Role]{
		text("domain_id", func(r *cloud.Role) any { return r.DomainID }),
		text("name", func(r *cloud.Role) any { return r.Name }),
		fold("name_lower", func(r *cloud.Role) any { return r.Name }),
		set("implies", func(r *cloud.Role) any { return r.Implies }),
	},
	indexes: []index{
		unique("name", "domain_id", "name_lower"),
		by("name"),
	},
}

var assignments = definition[cloud.Assignment, string]{
	table: "assignments", resource: "role assignment",
	id: func(a *cloud.Assignment) string { return a.ID },
	columns: []column[cloud.Assignment]{
		text("role_id", func(a *cloud.Assignment) any { return a.RoleID }),
		text("user_id", func(a *cloud.Assignment) any { return a.UserID }),
		text("group_id", func(a *cloud.Assignment) any { return a.GroupID }),
		text("project_id", func(a *cloud.Assignment) any { return a.ProjectID }),
		text("domain_id", func(a *cloud.Assignment) any { return a.DomainID }),
		flag("system", func(a *cloud.Assignment) any { return a.System }),
		flag("inherited", func(a *cloud.Assignment) any { return a.Inherited }),
	},
	indexes: []index{
		by("user_id", "created_at"),
		by("group_id", "created_at"),
		by("project_id", "created_at"),
		by("domain_id", "created_at"),
		by("role_id", "created_at"),
	},
}

var applicationCredentials = definition[cloud.ApplicationCredential, cloud.CredentialID]{
	table: "application_credentials", resource: "application credential",
	id: func(a *cloud.ApplicationCredential) cloud.CredentialID { return a.ID },
	columns: []column[cloud.ApplicationCredential]{
		text("user_id", func(a *cloud.ApplicationCredential) any { return a.UserID }),
		text("project_id", func(a *cloud.ApplicationCredential) any { return a.ProjectID }),
		text("name", func(a *cloud.ApplicationCredential) any { return a.Name }),
		flag("unrestricted", func(a *cloud.ApplicationCredential) any { return a.Unrestricted }),
		instant("expires_at", func(a *cloud.ApplicationCredential) any { return a.ExpiresAt }),
		set("roles", func(a *cloud.ApplicationCredential) any { return a.Roles }),
	},
	indexes: []index{
		unique("name", "user_id", "name"),
		by("user_id", "created_at"),
		by("project_id", "created_at"),
	},
}

var secrets = definition[cloud.Secret, cloud.SecretID]{
	table: "secrets", resource: "secret",
	id: func(v *cloud.Secret) cloud.SecretID { return v.ID },
	columns: []column[cloud.Secret]{
		text("user_id", func(v *cloud.Secret) any { return v.UserID }),
		text("project_id", func(v *cloud.Secret) any { return v.ProjectID }),
		text("type", func(v *cloud.Secret) any { return v.Type }),
	},
	indexes: []index{
		by("user_id", "created_at"),
		by("project_id", "created_at"),
		by("type", "created_at"),
	},
}

var trusts = definition[cloud.Trust, cloud.TrustID]{
	table: "trusts", resource: "trust",
	id: func(t *cloud.Trust) cloud.TrustID { return t.ID },
	columns: []column[cloud.Trust]{
		text("trustor_id", func(t *cloud.Trust) any { return t.TrustorID }),
		text("trustee_id", func(t *cloud.Trust) any { return t.TrusteeID }),
		text("project_id", func(t *cloud.Trust) any { return t.ProjectID }),
		text("parent_id", func(t *cloud.Trust) any { return t.ParentID }),
		instant("expires_at", func(t *cloud.Trust) any { return t.ExpiresAt }),
		set("roles", func(t *cloud.Trust) any { return t.Roles }),
	},
	indexes: []index{
		by("trustor_id", "created_at"),
		by("trustee_id", "created_at"),
		by("project_id", "created_at"),
		by("parent_id", "created_at"),
		by("expires_at"),
	},
}

var registeredLimits = definition[cloud.RegisteredLimit, cloud.LimitID]{
	table: "registered_limits", resource: "registered limit",
	id: func(l *cloud.RegisteredLimit) cloud.LimitID { return l.ID },
	columns: []column[cloud.RegisteredLimit]{
		text("service_id", func(l *cloud.RegisteredLimit) any { return l.ServiceID }),
		text("region_id", func(l *cloud.RegisteredLimit) any { return l.RegionID }),
		text("resource", func(l *cloud.RegisteredLimit) any { return l.Resource }),
	},
	indexes: []index{
		unique("resource", "service_id", "region_id", "resource"),
		by("region_id", "created_at"),
		by("resource", "created_at"),
	},
}

var limits = definition[cloud.Limit, cloud.LimitID]{
	table: "limits", resource: "limit",
	id: func(l *cloud.Limit) cloud.LimitID { return l.ID },
	columns: []column[cloud.Limit]{
		text("service_id", func(l *cloud.Limit) any { return l.ServiceID }),
		text("region_id", func(l *cloud.Limit) any { return l.RegionID }),
		text("resource", func(l *cloud.Limit) any { return l.Resource }),
		text("project_id", func(l *cloud.Limit) any { return l.ProjectID }),
		text("domain_id", func(l *cloud.Limit) any { return l.DomainID }),
		text("home_id", func(l *cloud.Limit) any { return l.HomeID }),
	},
	indexes: []index{
		unique("resource", "service_id", "region_id", "resource", "project_id", "domain_id"),
		by("project_id", "created_at"),
		by("domain_id", "created_at"),
		by("home_id", "created_at"),
		by("region_id", "created_at"),
		by("resource", "created_at"),
	},
}

var policyDocuments = definition[cloud.PolicyDocument, cloud.PolicyDocumentID]{
	table: "policy_documents", resource: "policy",
	id: func(d *cloud.PolicyDocument) cloud.PolicyDocumentID { return d.ID },
	columns: []column[cloud.PolicyDocument]{
		text("type", func(d *cloud.PolicyDocument) any { return d.Type }),
	},
	indexes: []index{
		by("type", "created_at"),
	},
}

var identityProviders = definition[cloud.IdentityProvider, cloud.IdentityProviderID]{
	table: "identity_providers", resource: "identity provider",
	id: func(p *cloud.IdentityProvider) cloud.IdentityProviderID { return p.ID },
	columns: []column[cloud.IdentityProvider]{
		text("domain_id", func(p *cloud.IdentityProvider) any { return p.DomainID }),
		flag("enabled", func(p *cloud.IdentityProvider) any { return p.Enabled }),
		set("remote_ids", func(p *cloud.IdentityProvider) any { return p.RemoteIDs }),
	},
	indexes: []index{
		by("domain_id", "created_at"),
	},
}

var mappings = definition[cloud.Mapping, cloud.MappingID]{
	table: "mappings", resource: "mapping",
	id: func(m *cloud.Mapping) cloud.MappingID { return m.ID },
}

var protocols = definition[cloud.Protocol, string]{
	table: "protocols", resource: "protocol",
	id: func(p *cloud.Protocol) string { return p.ID },
	columns: []column[cloud.Protocol]{
		text("provider_id", func(p *cloud.Protocol) any { return p.ProviderID }),
		text("mapping_id", func(p *cloud.Protocol) any { return p.MappingID }),
	},
	indexes: []index{
		by("provider_id", "created_at"),
	},
}

var standings = definition[cloud.Standing, string]{
	table: "standings", resource: "standing",
	id: func(v *cloud.Standing) string { return v.ID },
	columns: []column[cloud.Standing]{
		text("user_id", func(v *cloud.Standing) any { return v.UserID }),
		text("provider_id", func(v *cloud.Standing) any { return v.ProviderID }),
		instant("until", func(v *cloud.Standing) any { return v.Until }),
		instant("look_at", func(v *cloud.Standing) any { return v.LookAt }),
	},
	indexes: []index{
		by("user_id", "created_at"),
		by("provider_id", "created_at"),
		by("until"),
		by("look_at"),
	},
}

var serviceProviders = definition[cloud.ServiceProvider, cloud.ServiceProviderID]{
	table: "service_providers", resource: "service provider",
	id: func(p *cloud.ServiceProvider) cloud.ServiceProviderID { return p.ID },
	columns: []column[cloud.ServiceProvider]{
		flag("enabled", func(p *cloud.ServiceProvider) any { return p.Enabled }),
	},
}

var revocations = definition[cloud.Revocation, string]{
	table: "revocations", resource: "revocation",
	id: func(r *cloud.Revocation) string { return r.ID },
	columns: []column[cloud.Revocation]{
		instant("expires_at", func(r *cloud.Revocation) any { return r.ExpiresAt }),
	},
	indexes: []index{
		by("expires_at"),
	},
}
