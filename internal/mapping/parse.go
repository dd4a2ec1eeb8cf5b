package mapping

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Parse reads rules of one version (empty: V1). What it answers as an error is a sentence for whoever wrote them.
func Parse(text []byte, version string) (*Mapping, error) {
	switch version {
	case "":
		version = V1
	case V1, V2, V3:
	default:
		return nil, fmt.Errorf("schema version '%s' is none of %s, %s and %s", version, V1, V2, V3)
	}
	var rules []Rule
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&rules); err != nil {
		return nil, fmt.Errorf("the rules cannot be read: %w", err)
	}
	if len(rules) == 0 {
		return nil, fmt.Errorf("there is no rule")
	}
	for i, r := range rules {
		if err := r.check(version); err != nil {
			return nil, fmt.Errorf("rule %d: %w", i+1, err)
		}
	}
	return &Mapping{Rules: rules, Version: version}, nil
}

func (r Rule) check(version string) error {
	if r.Local == nil {
		return fmt.Errorf("'local' is a required property")
	}
	if len(r.Remote) == 0 {
		return fmt.Errorf("'remote' must name an attribute at least")
	}
	for _, l := range r.Local {
		if err := l.check(version); err != nil {
			return err
		}
	}
	for i := range r.Remote {
		if err := r.Remote[i].check(); err != nil {
			return err
		}
	}
	return nil
}

func (l Local) check(version string) error {
	if l.ProjectsJSON != nil && version != V3 {
		return fmt.Errorf("'projects_json' needs schema version %s", V3)
	}
	if u := l.User; u != nil && u.Type != "" && u.Type != "ephemeral" && u.Type != "local" {
		return fmt.Errorf("type '%s' of a user is neither 'ephemeral' nor 'local'", u.Type)
	}
	if g := l.Group; g != nil {
		if err := g.check(version != V1 && l.Domain != nil); err != nil {
			return err
		}
	}
	for _, p := range l.Projects {
		if p.Name == "" || len(p.Roles) == 0 {
			return fmt.Errorf("a project needs a name and roles")
		}
	}
	return nil
}

// check wants a group to be one, and one only. From V2 on the domain may be that of the local part.
func (g Group) check(placed bool) error {
	byID, byName := g.ID != "", g.Name != "" && (placed || g.Domain != nil)
	if byID == byName || byID && g.Name != "" {
		return fmt.Errorf("a group is either an id, or a name and a domain")
	}
	return nil
}

// check also makes expressions and entitlements ready.
func (m *Remote) check() error {
	if m.Type == "" {
		return fmt.Errorf("a remote part has no 'type'")
	}
	stated := 0
	for _, list := range []*[]string{m.AnyOneOf, m.NotAnyOf, m.Whitelist, m.Blacklist} {
		if list == nil {
			continue
		}
		stated++
		if err := m.prepare(*list); err != nil {
			return fmt.Errorf("'%s': %w", m.Type, err)
		}
	}
	switch {
	case stated > 1:
		return fmt.Errorf("'%s' states more than one of any_one_of, not_any_of, whitelist and blacklist", m.Type)
	case m.Entitlement && stated == 0:
		return fmt.Errorf("'%s' says 'entitlement' without a list of them", m.Type)
	case m.Entitlement && m.Regex:
		return fmt.Errorf("'%s' says both 'entitlement' and 'regex': its list holds either entitlements or expressions", m.Type)
	}
	return nil
}

func (m *Remote) prepare(list []string) (err error) {
	if m.Regex {
		m.expressions, err = expressions(list)
	}
	if m.Entitlement {
		m.entitlements = entitlements(list)
	}
	return err
}
