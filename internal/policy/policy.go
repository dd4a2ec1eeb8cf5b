// Package policy says which role may do which action on which noun, in one
// table split by area (compute.go, network.go, ...). It is also the one place that
// decides between 401, 403 and 404: what a caller may not read does not exist
// for it (NotFound); what it may read but not change is Forbidden.
//
// It is not authentication: package identity makes the Principal. The
// use-case packages call Authorize on each noun they touch and Visible before they list.
package policy

import (
	"context"
	"fmt"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// Action is a noun and a verb: "instance.delete". The verb "get" is reading.
type Action string

// Target is what an action is about.
type Target struct {
	Resource  string // the noun in words, for the error: "security group"
	ID        string
	ProjectID cloud.ProjectID
	DomainID  cloud.DomainID
	UserID    cloud.UserID
	// Shared lets every authenticated caller read it (public image, shared network).
	Shared bool
}

// Rule decides for one principal and target.
type Rule func(p *cloud.Principal, t Target) bool

// Admin is an administrator of the cloud: the role admin on a project or the system.
func Admin(p *cloud.Principal, _ Target) bool {
	return p.Has("admin") && (p.System || p.ProjectID != "")
}

// SystemReader may read everything: an administrator, or any reader of the system.
func SystemReader(p *cloud.Principal, t Target) bool {
	return Admin(p, t) || p.System && p.Has("reader")
}

// ProjectReader reads what its project owns.
func ProjectReader(p *cloud.Principal, t Target) bool {
	return SystemReader(p, t) || own(p, t) && p.Has("reader")
}

// ProjectMember changes what its project owns.
func ProjectMember(p *cloud.Principal, t Target) bool {
	return Admin(p, t) || own(p, t) && p.Has("member")
}

// ProjectMaker makes things that a project owns. Whoever acts for no project (on the system, on a domain) would make them nobody's.
func ProjectMaker(p *cloud.Principal, t Target) bool {
	return t.ProjectID != "" && ProjectMember(p, t)
}

// ProjectManager does what only some members of a project may.
func ProjectManager(p *cloud.Principal, t Target) bool {
	return Admin(p, t) || own(p, t) && p.Has("manager")
}

// SharedReader is ProjectReader, or anybody if the target is shared.
func SharedReader(p *cloud.Principal, t Target) bool {
	return ProjectReader(p, t) || t.Shared && p.UserID != ""
}

// Self is the user the target belongs to, or an administrator.
func Self(p *cloud.Principal, t Target) bool {
	return Admin(p, t) || t.UserID != "" && p.UserID == t.UserID
}

// DomainReader and DomainManager act within the domain their token is scoped to.
func DomainReader(p *cloud.Principal, t Target) bool {
	return SystemReader(p, t) || p.DomainID != "" && p.DomainID == t.DomainID && p.Has("reader")
}

// DomainManager administers one domain: the role manager or admin on it.
func DomainManager(p *cloud.Principal, t Target) bool {
	return Admin(p, t) || p.DomainID != "" && p.DomainID == t.DomainID && (p.Has("manager") || p.Has("admin"))
}

// Anyone is every authenticated caller.
func Anyone(p *cloud.Principal, _ Target) bool { return p.UserID != "" || p.System }

// AnyOf allows what one of the rules allows.
func AnyOf(rules ...Rule) Rule {
	return func(p *cloud.Principal, t Target) bool {
		for _, r := range rules {
			if r(p, t) {
				return true
			}
		}
		return false
	}
}

func own(p *cloud.Principal, t Target) bool {
	return p.ProjectID != "" && p.ProjectID == t.ProjectID
}

// Authorize answers nil if the caller may do the action on the target, NotFound
// if it may not even read it, Forbidden otherwise. An action that the table lacks is
// Internal: a forgotten line must not open a door.
func Authorize(ctx context.Context, a Action, t Target) error {
	p := cloud.PrincipalOf(ctx)
	rule, ok := table[a]
	if !ok {
		return &cloud.Error{Kind: cloud.Internal, Message: fmt.Sprintf("action %q has no policy", a)}
	}
	if rule(p, t) {
		return nil
	}
	if read, ok := table[a.reading()]; t.ID != "" && ok && !read(p, t) {
		return cloud.NotFoundf(t.Resource, t.ID)
	}
	return &cloud.Error{Kind: cloud.Forbidden, Resource: t.Resource, ID: t.ID, Message: refusal(p, a, t)}
}

func refusal(p *cloud.Principal, a Action, t Target) string {
	if strings.HasSuffix(string(a), ".create") && t.ProjectID == "" && p.ProjectID == "" {
		return fmt.Sprintf("A token without a project does not allow %s: it would belong to nobody.", a)
	}
	return fmt.Sprintf("Your roles do not allow %s.", a)
}

// May is Authorize as a question, for answers that show more to some.
func May(ctx context.Context, a Action, t Target) bool { return Authorize(ctx, a, t) == nil }

// Visible says what a list may show: everything (all true), or the projects
// own. It asks the rule of action a about a target of each kind.
func Visible(ctx context.Context, a Action) (all bool, own cloud.ProjectID) {
	p := cloud.PrincipalOf(ctx)
	rule := table[a]
	if rule != nil && rule(p, Target{ProjectID: "\x00 of nobody"}) {
		return true, p.ProjectID
	}
	return false, p.ProjectID
}

// reading is the action of the same noun with the verb "get".
func (a Action) reading() Action {
	for i := range len(a) {
		if a[i] == '.' {
			return a[:i] + ".get"
		}
	}
	return a
}

// Actions lists the whole table, for tests that walk it.
func Actions() map[Action]Rule { return table }

var table = merge(computeRules, networkRules, volumeRules, imageRules, vocabularyRules, identityRules)

func merge(parts ...map[Action]Rule) map[Action]Rule {
	all := map[Action]Rule{}
	for _, part := range parts {
		for a, r := range part {
			if _, twice := all[a]; twice {
				panic("policy: " + string(a) + " stands in two tables")
			}
			all[a] = r
		}
	}
	return all
}
