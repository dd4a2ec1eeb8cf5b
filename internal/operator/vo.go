package operator

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// VO is a virtual organisation as it is to be here.
type VO struct {
	Name         string
	Entitlements []string // one of which makes a member
	Provider     string   // who says so
	Role         string   // of members, on the project
	Project      string   // its name; empty: the VO's, or the project that the VO has already
	Quota        Quota
}

const (
	voKey      = "egi.VO"  // the property of a project that names the VO it is for
	homeDomain = "default" // where the projects and groups of VOs are
)

// AddVO makes a project, a group with a role on it, and rules by which who has an entitlement is in the group.
func (c *Cloud) AddVO(ctx context.Context, v VO) error {
	attributes, err := c.entitledBy(ctx, v.Provider)
	if err != nil {
		return err
	}
	mapping, err := c.mappingOf(ctx, v.Provider)
	if err != nil {
		return err
	}
	role, err := c.identity.named(ctx, "roles", "roles", v.Role, "")
	if err == nil && role == nil {
		err = fmt.Errorf("there is no role %s: member is what people usually get", v.Role)
	}
	if err != nil {
		return err
	}
	project, err := c.ensureProject(ctx, v)
	if err != nil {
		return err
	}
	group, err := c.ensureGroup(ctx, v.Name)
	if err != nil {
		return err
	}
	if err := c.ensureRole(ctx, v, text(project, "id"), text(group, "id"), text(role, "id")); err != nil {
		return err
	}
	if err := c.ensureQuota(ctx, v, text(project, "id")); err != nil {
		return err
	}
	return c.ensureMembers(ctx, mapping, memberRules(text(group, "id"), attributes, v.Entitlements))
}

// entitledBy are the attributes in which a provider says entitlements. One that stands for a feed is refused: entitlements have
// no scope, so that each of its thousands of organisations could make anybody a member.
func (c *Cloud) entitledBy(ctx context.Context, provider string) ([]string, error) {
	have, err := c.identity.get(ctx, c.identity.path(federation, providers, provider), "identity_provider")
	if err != nil {
		return nil, err
	}
	source, bySAML := have[samlKey].(object)
	switch {
	case !bySAML:
		return openIDEntitled, nil
	case text(source, "feed") != "":
		return nil, fmt.Errorf("identity provider %s stands for all organisations of a feed, and each could say the entitlement: "+
			"write a rule of the mapping that also names who may (Shib-Identity-Provider with any_one_of)", provider)
	}
	return []string{samlEntitled}, nil
}

// mappingOf is the mapping that most of a provider's people come by: that of OpenID Connect, if there are several.
func (c *Cloud) mappingOf(ctx context.Context, provider string) (string, error) {
	ways, err := c.protocols(ctx, provider)
	if err != nil {
		return "", err
	}
	for _, name := range []string{"openid", "oidc"} {
		if at := slices.IndexFunc(ways, func(w object) bool { return text(w, "id") == name }); at >= 0 {
			return text(ways[at], "mapping_id"), nil
		}
	}
	if len(ways) == 0 {
		return "", fmt.Errorf("identity provider %s has no protocol yet, so nobody comes in by it: run nubo idp add again", provider)
	}
	return text(ways[0], "mapping_id"), nil
}

func (c *Cloud) ensureProject(ctx context.Context, v VO) (object, error) {
	have, err := c.projectOf(ctx, v.Name)
	if err != nil {
		return nil, err
	}
	name := v.Project
	if name == "" {
		name = v.Name
	}
	if have != nil && v.Project != "" && text(have, "name") != v.Project {
		return nil, fmt.Errorf("VO %s has the project %s already: leave --project out, or take the property %s off that project", v.Name, text(have, "name"), voKey)
	}
	if have == nil {
		if have, err = c.identity.named(ctx, "projects", "projects", name, homeDomain); err != nil {
			return nil, err
		}
	}
	if have == nil {
		n := noun{"project", name, "project", c.identity.path("projects")}
		return c.makeNoun(ctx, c.identity, http.MethodPost, n, object{"name": name, "domain_id": homeDomain, "description": "VO " + v.Name, voKey: v.Name})
	}
	if other := text(have, voKey); other != "" && other != v.Name {
		return nil, fmt.Errorf("project %s is that of VO %s: name another with --project", name, other)
	}
	n := noun{"project", text(have, "name"), "project", c.identity.path("projects", text(have, "id"))}
	return have, c.settle(ctx, c.identity, n, have, object{voKey: v.Name})
}

// projectOf is the project that a VO has; nil if none.
func (c *Cloud) projectOf(ctx context.Context, vo string) (object, error) {
	all, err := c.identity.list(ctx, c.identity.path("projects"), "projects", nil)
	at := slices.IndexFunc(all, func(p object) bool { return text(p, voKey) == vo })
	if err != nil || at < 0 {
		return nil, err
	}
	return all[at], nil
}

func (c *Cloud) ensureGroup(ctx context.Context, name string) (object, error) {
	n := noun{"group", name, "group", c.identity.path("groups")}
	have, err := c.identity.named(ctx, "groups", "groups", name, homeDomain)
	if err != nil {
		return nil, err
	}
	if have != nil {
		c.tell(Change{Did: Found, What: n.what, Name: name, ID: text(have, "id")})
		return have, nil
	}
	return c.makeNoun(ctx, c.identity, http.MethodPost, n, object{"name": name, "domain_id": homeDomain, "description": "Members of VO " + name})
}

func (c *Cloud) ensureRole(ctx context.Context, v VO, project, group, role string) error {
	address := c.identity.path("projects", project, "groups", group, "roles", role)
	change := Change{Did: Found, What: "role", Name: v.Role, Detail: "of the group on the project"}
	err := c.identity.call(ctx, http.MethodHead, address, nil, nil)
	if refusedWith(err, http.StatusNotFound) {
		change.Did = Made
		err = c.identity.call(ctx, http.MethodPut, address, nil, nil)
	}
	if err != nil {
		return fmt.Errorf("the group of VO %s cannot get the role %s: %w", v.Name, v.Role, err)
	}
	c.tell(change)
	return nil
}

// SuspendVO closes a VO's project, so that its tokens die, or opens it again. What runs there goes on.
func (c *Cloud) SuspendVO(ctx context.Context, name string, suspend bool) error {
	have, err := c.projectOf(ctx, name)
	if err == nil && have == nil {
		err = fmt.Errorf("there is no VO %s: nubo vo list shows those there are", name)
	}
	if err != nil {
		return err
	}
	n := noun{"project", text(have, "name"), "project", c.identity.path("projects", text(have, "id"))}
	return c.settle(ctx, c.identity, n, have, object{"enabled": !suspend})
}

// VOLine is a VO as a list shows it.
type VOLine struct {
	Name         string   `json:"name"`
	Enabled      bool     `json:"enabled"`
	Project      string   `json:"project"`
	ProjectID    string   `json:"project_id"`
	Entitlements []string `json:"entitlements"`
}

// VOs lists the VOs that have a project, by name.
func (c *Cloud) VOs(ctx context.Context) ([]VOLine, error) {
	projects, err := c.identity.list(ctx, c.identity.path("projects"), "projects", nil)
	if err != nil {
		return nil, err
	}
	entitlements, err := c.entitlementsByGroup(ctx)
	if err != nil {
		return nil, err
	}
	lines := []VOLine{}
	for _, p := range projects {
		if vo := text(p, voKey); vo != "" {
			lines = append(lines, VOLine{vo, p["enabled"] == true, text(p, "name"), text(p, "id"), entitlements[vo]})
		}
	}
	slices.SortFunc(lines, func(a, b VOLine) int { return strings.Compare(a.Name, b.Name) })
	return lines, nil
}

// entitlementsByGroup reads from all mappings what leads into which group, by the group's name.
func (c *Cloud) entitlementsByGroup(ctx context.Context) (map[string][]string, error) {
	groups, err := c.identity.list(ctx, c.identity.path("groups"), "groups", map[string][]string{"domain_id": {homeDomain}})
	if err != nil {
		return nil, err
	}
	all, err := c.identity.list(ctx, c.identity.path(federation, mappings), mappings, nil)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, g := range groups {
		names[text(g, "id")] = text(g, "name")
	}
	found := map[string][]string{}
	for _, m := range all {
		rules, err := rulesOf(m)
		if err != nil {
			return nil, err
		}
		for _, r := range rules {
			id, ok := groupOf(r)
			if name := names[id]; ok && name != "" && r.Remote[0].AnyOneOf != nil {
				found[name] = append(found[name], *r.Remote[0].AnyOneOf...)
			}
		}
	}
	for name := range found {
		slices.Sort(found[name])
		found[name] = slices.Compact(found[name])
	}
	return found, nil
}
