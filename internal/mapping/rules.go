package mapping

import (
	"github.com/dlclark/regexp2"

	"github.com/nubo-cloud/nubo/internal/entitlement"
)

// Versions of the language. In V2 a mapping and its parts may name a domain; in V3 roles that a person loses at home
// are taken away here, too.
const (
	V1 = "1.0"
	V2 = "2.0"
	V3 = "3.0"
)

// Mapping is rules of one version, ready to be applied.
type Mapping struct {
	Rules   []Rule
	Version string
}

// Rule makes its local part of an assertion in which all remote parts are found. "{0}" in a local text is the value of
// the first remote part that states no condition but whitelist or blacklist, "{1}" of the second.
type Rule struct {
	Local  []Local  `json:"local"`
	Remote []Remote `json:"remote"`
}

// Local is what a person gets here.
type Local struct {
	User     *User     `json:"user,omitempty"`
	Group    *Group    `json:"group,omitempty"`
	Groups   *string   `json:"groups,omitempty"`    // names, of groups of Domain
	GroupIDs *string   `json:"group_ids,omitempty"` // several ids
	Domain   *Domain   `json:"domain,omitempty"`
	Projects []Project `json:"projects,omitempty"` // made when they do not exist
	// ProjectsJSON is a text that reads as Projects once its parts are put in. V3 only.
	ProjectsJSON *string `json:"projects_json,omitempty"`
}

// User is who the person is.
type User struct {
	ID     string  `json:"id,omitempty"`
	Name   string  `json:"name,omitempty"`
	Email  string  `json:"email,omitempty"`
	Domain *Domain `json:"domain,omitempty"`
	Type   string  `json:"type,omitempty"` // "ephemeral" (default): known by the provider; "local": a user that exists here
}

// Group is one group: by its id, or by its name in a domain.
type Group struct {
	ID     string  `json:"id,omitempty"`
	Name   string  `json:"name,omitempty"`
	Domain *Domain `json:"domain,omitempty"`
}

// Domain is a domain by its id or its name.
type Domain struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// Project is a project and the roles that the person gets on it.
type Project struct {
	Name   string  `json:"name"`
	Roles  []Role  `json:"roles"`
	Domain *Domain `json:"domain,omitempty"`
}

// Role is a role by its name.
type Role struct {
	Name string `json:"name"`
}

// Remote is an attribute of the assertion and, if one of the lists is there, what must be so of its values.
type Remote struct {
	Type      string    `json:"type"`
	AnyOneOf  *[]string `json:"any_one_of,omitempty"` // one of these must be there
	NotAnyOf  *[]string `json:"not_any_of,omitempty"` // none of these may be
	Whitelist *[]string `json:"whitelist,omitempty"`  // only these are passed on
	Blacklist *[]string `json:"blacklist,omitempty"`  // all but these are
	Regex     bool      `json:"regex,omitempty"`      // the lists hold expressions, searched for anywhere in a value
	// Entitlement has the lists hold entitlements, which are compared as such. It is ours: without it rules mean what they do elsewhere.
	Entitlement bool `json:"entitlement,omitempty"`

	expressions  []*regexp2.Regexp         // those of the one list, where Regex is set
	entitlements []entitlement.Entitlement // those of the one list, where Entitlement is set
}
