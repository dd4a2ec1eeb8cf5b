package cloud

import "time"

// Domain groups projects and users.
type Domain struct {
	ID DomainID `json:"id"`
	Meta
	Name        string         `json:"name"`
	Description string         `json:"description"`
	Enabled     bool           `json:"enabled"`
	Tags        []string       `json:"tags,omitempty"`
	Options     map[string]any `json:"options,omitempty"`
	Extra       map[string]any `json:"extra,omitempty"`
}

// Project owns resources and quota.
type Project struct {
	ID       ProjectID `json:"id"`
	DomainID DomainID  `json:"domain_id"`
	Meta
	Name        string    `json:"name"`
	Description string    `json:"description"`
	Enabled     bool      `json:"enabled"`
	ParentID    ProjectID `json:"parent_id,omitempty"` // empty: directly below the domain
	// AccountNumber is what the project is called where ids are 12 digits.
	AccountNumber string         `json:"account_number,omitempty"`
	Tags          []string       `json:"tags,omitempty"`
	Options       map[string]any `json:"options,omitempty"`
	Extra         map[string]any `json:"extra,omitempty"` // properties of any name, kept verbatim
}

// User is somebody who can sign in.
type User struct {
	ID       UserID   `json:"id"`
	DomainID DomainID `json:"domain_id"`
	Meta
	Name             string         `json:"name"`
	Description      string         `json:"description,omitempty"`
	Email            string         `json:"email,omitempty"`
	Enabled          bool           `json:"enabled"`
	DefaultProjectID ProjectID      `json:"default_project_id,omitempty"`
	Passwords        []PasswordHash `json:"passwords,omitempty"` // newest first
	FailedCount      int            `json:"failed_count,omitempty"`
	FailedAt         *time.Time     `json:"failed_at,omitempty"`
	// Federated is what providers that vouch for the user call it.
	Federated []FederatedID `json:"federated,omitempty"`
	// TokensAfter: tokens issued earlier are void (password changed, disabled).
	TokensAfter time.Time      `json:"tokens_after,omitzero"`
	Options     map[string]any `json:"options,omitempty"`
	Extra       map[string]any `json:"extra,omitempty"`
}

// PasswordHash is one password of a user, hashed.
type PasswordHash struct {
	Hash      string     `json:"hash"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	Own       bool       `json:"own,omitempty"` // chosen by the user, not by an administrator
}

// Group is a set of users.
type Group struct {
	ID       GroupID  `json:"id"`
	DomainID DomainID `json:"domain_id"`
	Meta
	Name        string         `json:"name"`
	Description string         `json:"description"`
	Members     []UserID       `json:"members,omitempty"`
	Extra       map[string]any `json:"extra,omitempty"`
}

// Role is a name that policy gives a meaning.
type Role struct {
	ID       RoleID   `json:"id"`
	DomainID DomainID `json:"domain_id,omitempty"` // empty: global
	Meta
	Name        string         `json:"name"`
	Description string         `json:"description,omitempty"`
	Implies     []RoleID       `json:"implies,omitempty"`
	Options     map[string]any `json:"options,omitempty"`
	Extra       map[string]any `json:"extra,omitempty"`
}

// Assignment gives a user or group a role on a project, a domain or the system.
// Its id is made of its parts, so that it exists once.
type Assignment struct {
	ID string `json:"id"`
	Meta
	RoleID    RoleID    `json:"role_id"`
	UserID    UserID    `json:"user_id,omitempty"`
	GroupID   GroupID   `json:"group_id,omitempty"`
	ProjectID ProjectID `json:"project_id,omitempty"`
	DomainID  DomainID  `json:"domain_id,omitempty"`
	System    bool      `json:"system,omitempty"`
	Inherited bool      `json:"inherited,omitempty"` // applies to projects below, not to the target itself
}

// ApplicationCredential lets a program act with some of a user's roles on one project.
type ApplicationCredential struct {
	ID        CredentialID `json:"id"`
	UserID    UserID       `json:"user_id"`
	ProjectID ProjectID    `json:"project_id"`
	Meta
	Name         string       `json:"name"`
	Description  string       `json:"description,omitempty"`
	SecretHash   string       `json:"secret_hash"`
	Roles        []RoleID     `json:"roles"`
	Unrestricted bool         `json:"unrestricted,omitempty"`
	ExpiresAt    *time.Time   `json:"expires_at,omitempty"`
	AccessRules  []AccessRule `json:"access_rules,omitempty"`
}

// AccessRule bounds what an application credential may call.
type AccessRule struct {
	ID      string `json:"id"`
	Service string `json:"service"`
	Method  string `json:"method"`
	Path    string `json:"path"`
}

// Revocation voids a token, or all tokens of somebody issued before a moment.
type Revocation struct {
	ID string `json:"id"` // audit id of the token
	Meta
	ExpiresAt time.Time `json:"expires_at"`
}

// Principal is the authenticated caller of one request.
type Principal struct {
	UserID       UserID
	UserName     string
	UserDomainID DomainID
	// Exactly one of ProjectID, DomainID, System is set, or none (unscoped).
	ProjectID       ProjectID
	ProjectDomainID DomainID
	DomainID        DomainID
	System          bool
	Roles           []string // names, implied ones included
	// AppCredentialID is set when the token came from one; Restricted means it may not make others.
	AppCredentialID CredentialID
	Restricted      bool
	// TrustID is set when the caller acts by a trust, DelegationID when it is an application that acts for the user; it is Restricted then.
	TrustID      TrustID
	DelegationID DelegationID
	// SecretID is what the caller signed with, or the session was made with; Session names it.
	SecretID SecretID
	Session  *SessionName
	// ProviderID is the identity provider by whose word the caller signed in, Protocol the way; empty: this cloud's own.
	ProviderID IdentityProviderID
	Protocol   string
	// AccessRules, if any, are all that the caller may request (policy.MayRequest).
	AccessRules []AccessRule
	RequestID   string
}

// SessionName is what a session is called by who made it, and the role that it was made for; empty: all of its user's.
type SessionName struct{ Role, Name string }

// Has tells whether the principal has a role of that name.
func (p *Principal) Has(role string) bool {
	for _, r := range p.Roles {
		if r == role {
			return true
		}
	}
	return false
}
