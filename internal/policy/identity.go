package policy

import "github.com/nubo-cloud/nubo/internal/cloud"

// identityRules: domains, projects, users, groups, roles, credentials, tokens, catalog.
//
// They follow OpenStack's secure role-based access: admin administers all, a reader of the
// system reads all, a manager of a domain administers what is in the domain but not the
// domain, a reader of a domain reads it, and everybody has itself. Lists are actions of their own:
// who may see itself may not see all others.
var identityRules = map[Action]Rule{
	"domain.get":    AnyOf(DomainReader, homeDomain),
	"domain.list":   DomainReader,
	"domain.manage": Admin,

	"project.get":    AnyOf(DomainReader, sameProject),
	"project.list":   DomainReader,
	"project.manage": DomainManager,

	"user.get":      AnyOf(DomainReader, Self),
	"user.list":     DomainReader,
	"user.manage":   DomainManager,
	"user.projects": AnyOf(DomainReader, Self),
	"user.groups":   AnyOf(DomainReader, Self),

	"group.get":    DomainReader,
	"group.list":   DomainReader,
	"group.manage": DomainManager,

	"role.get":    AnyOf(DomainReader, delegating),
	"role.list":   AnyOf(DomainReader, delegating),
	"role.manage": Admin,

	// On the system the target has no domain, so it is the administrators' and system readers'.
	"role assignment.get":  DomainReader,
	"role assignment.list": DomainReader,
	"role assignment.tree": AnyOf(DomainReader, projectAdmin),
	// The subject, the scope and the role must all be the manager's to give.
	"role assignment.manage":   DomainManager,
	"role assignment.any_role": Admin,

	"application credential.get":    AnyOf(SystemReader, Self),
	"application credential.create": unrestrictedOwner,
	"application credential.delete": AnyOf(Admin, unrestrictedOwner),

	"secret.get":    AnyOf(SystemReader, Self),
	"secret.list":   SystemReader,
	"secret.manage": AnyOf(Admin, unrestrictedOwner),

	// A trust is its trustor's to make and end; the trustee reads it.
	"trust.get":    AnyOf(SystemReader, Self),
	"trust.create": trustor,
	"trust.delete": AnyOf(Admin, unrestrictedOwner),

	"application.get":    SystemReader,
	"application.manage": Admin,
	// A delegation is its user's to grant and end.
	"delegation.get":    AnyOf(SystemReader, Self),
	"delegation.grant":  unrestrictedOwner,
	"delegation.delete": AnyOf(Admin, unrestrictedOwner),

	"token.get":       AnyOf(SystemReader, Self),
	"token.revoke":    Self,
	"revocation.list": SystemReader,

	"registered limit.get":    Anyone,
	"registered limit.manage": Admin,
	"limit.get":               AnyOf(DomainReader, sameProject),
	"limit.list":              SystemReader, // everybody's
	"limit.manage":            Admin,

	"signature.verify": Admin,

	"domain config.get":    SystemReader,
	"password rules.get":   Anyone, // what a new password must be like
	"domain config.manage": Admin,

	"policy document.get":    SystemReader,
	"policy document.manage": Admin,

	"identity provider.get":    SystemReader,
	"identity provider.manage": Admin,
	"mapping.get":              SystemReader,
	"mapping.manage":           Admin,
	"protocol.get":             SystemReader,
	"protocol.manage":          Admin,
	"service provider.get":     SystemReader,
	"service provider.manage":  Admin,

	"region.get":     Anyone,
	"service.get":    SystemReader,
	"endpoint.get":   SystemReader,
	"catalog.manage": Admin,
}

// homeDomain is the domain of the caller, or of the project it acts on.
func homeDomain(p *cloud.Principal, t Target) bool {
	return t.DomainID != "" && (p.DomainID == t.DomainID || p.ProjectDomainID == t.DomainID || p.UserDomainID == t.DomainID)
}

func sameProject(p *cloud.Principal, t Target) bool { return own(p, t) }

// delegating callers of a domain see the roles of all domains' use (those without a domain).
func delegating(p *cloud.Principal, t Target) bool {
	return t.DomainID == "" && p.DomainID != "" && p.Has("reader")
}

func projectAdmin(p *cloud.Principal, t Target) bool { return own(p, t) && p.Has("admin") }

// trustor is the user itself. Whoever acts by a trust may pass it on as far as the trust says.
func trustor(p *cloud.Principal, t Target) bool {
	return t.UserID != "" && p.UserID == t.UserID && (!p.Restricted || p.TrustID != "")
}

// unrestrictedOwner is the user itself, unless it came with a credential that may not make others.
func unrestrictedOwner(p *cloud.Principal, t Target) bool {
	return t.UserID != "" && p.UserID == t.UserID && !p.Restricted
}
