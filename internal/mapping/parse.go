package mapping

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Parse reads rules of one version (empty: V1). What it answers as an error is a sentence for whoever wrote them.
func Parse(text []byte, version string) ([]Rule, error) {
	switch version {
	case "", V1, V2, V3:
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
	return rules, nil
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
	for _, m := range r.Remote {
		if err := m.check(); err != nil {
			return err
		}
	}
	return nil
}

func (l Local) check(version string) error {
	if l.ProjectsJSON != "" && version != V3 {
		return fmt.Errorf("'projects_json' needs schema version %s", V3)
	}
	if u := l.User; u != nil && u.Type != "" && u.Type != "ephemeral" && u.Type != "local" {
		return fmt.Errorf("type '%s' of a user is neither 'ephemeral' nor 'local'", u.Type)
	}
	if g := l.Group; g != nil {
		if err := g.check(); err != nil {
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

func (g Group) check() error {
	byID, byName := g.ID != "", g.Name != "" && g.Domain != nil
	if byID == byName || byID && g.Name != "" {
		return fmt.Errorf("a group is either an id, or a name and a domain")
	}
	return nil
}

func (m Remote) check() error {
	if m.Type == "" {
		return fmt.Errorf("a remote part has no 'type'")
	}
	stated := 0
	for _, list := range []*[]string{m.AnyOneOf, m.NotAnyOf, m.Whitelist, m.Blacklist} {
		if list != nil {
			stated++
		}
	}
	if stated > 1 {
		return fmt.Errorf("'%s' states more than one of any_one_of, not_any_of, whitelist and blacklist", m.Type)
	}
	return nil
}
