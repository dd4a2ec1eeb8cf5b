package mapping

import (
	"errors"
	"fmt"
	"slices"
)

// Assertion is what an identity provider says of a person. Several values of an attribute are one text, joined by ";".
type Assertion map[string]string

// Result is what a person gets here.
type Result struct {
	User     User
	GroupIDs []string // each once
	Groups   []Group  // each once, by name and domain
	Projects []Project
	Missed   []Miss // the rules that said nothing
}

// Miss says why a rule did not apply.
type Miss struct {
	Rule    int // the first is 1
	Because string
}

// Verdict is whether a rule applies, and why not.
type Verdict struct {
	Applies bool
	Because string
}

// Verdicts tells it of each rule, in order, for what Apply found.
func (m *Mapping) Verdicts(x *Result) []Verdict {
	all := make([]Verdict, len(m.Rules))
	for i := range all {
		all[i].Applies = true
	}
	for _, miss := range x.Missed {
		all[miss.Rule-1] = Verdict{Because: miss.Because}
	}
	return all
}

// ErrNoRule is that no rule applies to an assertion: the person is a stranger.
var ErrNoRule = errors.New("no rule of the mapping applies")

// Apply finds what the rules make of an assertion. All rules that apply add to it; the first user stays. ErrNoRule if none
// does; any other error is a sentence about a rule that the assertion cannot be put into.
//
// Source: what keystone.federation.utils.RuleProcessor does with the same rules, which sites' files are written for.
func (m *Mapping) Apply(a Assertion) (*Result, error) {
	said := make(map[string]*values, len(a))
	for name, text := range a {
		said[name] = newValues(text)
	}
	result := &Result{}
	var locals []Local
	for i := range m.Rules {
		r := &m.Rules[i]
		found, because, err := r.match(said)
		if err == nil && because != "" {
			result.Missed = append(result.Missed, Miss{i + 1, because})
			continue
		}
		if err == nil {
			locals, err = r.fill(locals, found)
		}
		if err != nil {
			return nil, fmt.Errorf("rule %d: %w", i+1, err)
		}
	}
	if len(locals) == 0 {
		return result, ErrNoRule
	}
	return result, result.add(locals, m.Version)
}

// match answers the values that the rule's local part may use, in order, or why the rule does not apply.
func (r *Rule) match(said map[string]*values) (found [][]string, because string, err error) {
	for i := range r.Remote {
		m := &r.Remote[i]
		have := said[m.Type]
		if have == nil {
			return nil, fmt.Sprintf("there is no '%s'", m.Type), nil
		}
		kept, because, err := m.match(have)
		if because != "" || err != nil {
			return nil, because, err
		}
		if m.AnyOneOf == nil && m.NotAnyOf == nil {
			found = append(found, kept)
		}
	}
	return found, "", nil
}

// match is the values that the lists leave, or why they are not as the rule wants them.
func (m *Remote) match(have *values) (kept []string, because string, err error) {
	switch {
	case m.AnyOneOf != nil:
		if kept, err = m.split(have, *m.AnyOneOf, true); len(kept) == 0 {
			because = fmt.Sprintf("no value of '%s' is one of any_one_of", m.Type)
		}
	case m.NotAnyOf != nil:
		if kept, err = m.split(have, *m.NotAnyOf, true); len(kept) != 0 {
			because = fmt.Sprintf("'%s' has the value '%s' of not_any_of", m.Type, kept[0])
		}
	case m.Blacklist != nil:
		kept, err = m.split(have, *m.Blacklist, false)
	case m.Whitelist != nil:
		kept, err = m.split(have, *m.Whitelist, true)
	default:
		return have.texts, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("'%s': an expression took too long on a value", m.Type)
	}
	return kept, because, nil
}

// split keeps the values that are in a list, or those that are not. Values of lists count once, but for those that
// expressions let through.
func (m *Remote) split(have *values, list []string, in bool) ([]string, error) {
	kept := []string{}
	for i, v := range have.texts {
		fits, err := m.fits(list, have, i)
		if err != nil {
			return nil, err
		}
		if fits == in && (m.Regex && in || !slices.Contains(kept, v)) {
			kept = append(kept, v)
		}
	}
	return kept, nil
}

// add unites what the local parts give.
func (x *Result) add(locals []Local, version string) error {
	named := false
	for _, l := range locals {
		if version != V1 {
			l.place()
		}
		if l.User != nil && !named {
			x.User, named = *l.User, true
		}
		if err := x.addGroups(l); err != nil {
			return err
		}
		projects, err := l.projects()
		if err != nil {
			return err
		}
		if projects != nil {
			x.Projects = projects
		}
	}
	switch x.User.Type {
	case "":
		x.User.Type = "ephemeral"
	case "ephemeral", "local":
	default:
		return fmt.Errorf("type '%s' of a user is neither 'ephemeral' nor 'local'", x.User.Type)
	}
	return nil
}

func (x *Result) addGroups(l Local) error {
	if g := l.Group; g != nil && g.Name == "" {
		x.addGroupID(g.ID)
	} else if g != nil {
		x.addGroup(*g)
	}
	if l.GroupIDs != nil {
		for _, id := range list(*l.GroupIDs) {
			x.addGroupID(id)
		}
	}
	groups, err := l.groups()
	for _, g := range groups {
		x.addGroup(g)
	}
	return err
}

func (x *Result) addGroupID(id string) {
	if !slices.Contains(x.GroupIDs, id) {
		x.GroupIDs = append(x.GroupIDs, id)
	}
}

func (x *Result) addGroup(g Group) {
	if !slices.ContainsFunc(x.Groups, func(o Group) bool { return o.Name == g.Name && *o.Domain == *g.Domain }) {
		x.Groups = append(x.Groups, g)
	}
}
