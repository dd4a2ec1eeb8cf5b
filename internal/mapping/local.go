package mapping

import (
	"encoding/json"
	"fmt"
	"strings"
)

// fill appends the rule's local parts to locals, with values in the places of their texts.
func (r *Rule) fill(locals []Local, found [][]string) ([]Local, error) {
	for _, l := range r.Local {
		if l.User != nil && *l.User == (User{}) {
			l.User = nil
		}
		f := filler{found: found}
		locals = append(locals, f.local(l))
		if f.err != nil {
			return nil, f.err
		}
	}
	return locals, nil
}

// filler puts values into copies of local parts. The first text that cannot be filled stays in err.
type filler struct {
	found [][]string
	err   error
}

func (f *filler) local(l Local) Local {
	l.User, l.Group, l.Domain = each(l.User, f.user), each(l.Group, f.group), each(l.Domain, f.domain)
	l.Groups, l.GroupIDs, l.ProjectsJSON = each(l.Groups, f.text), each(l.GroupIDs, f.text), each(l.ProjectsJSON, f.text)
	l.Projects = all(l.Projects, f.project)
	return l
}

func (f *filler) user(u User) User {
	return User{ID: f.text(u.ID), Name: f.text(u.Name), Email: f.text(u.Email), Type: f.text(u.Type), Domain: each(u.Domain, f.domain)}
}

func (f *filler) group(g Group) Group {
	return Group{ID: f.text(g.ID), Name: f.text(g.Name), Domain: each(g.Domain, f.domain)}
}

func (f *filler) domain(d Domain) Domain { return Domain{ID: f.text(d.ID), Name: f.text(d.Name)} }

func (f *filler) project(p Project) Project {
	roles := all(p.Roles, func(r Role) Role { return Role{Name: f.text(r.Name)} })
	return Project{Name: f.text(p.Name), Roles: roles, Domain: each(p.Domain, f.domain)}
}

func (f *filler) text(template string) string {
	text, err := format(template, f.found)
	if err != nil && f.err == nil {
		f.err = err
	}
	return text
}

func each[T any](p *T, change func(T) T) *T {
	if p == nil {
		return nil
	}
	v := change(*p)
	return &v
}

func all[T any](list []T, change func(T) T) []T {
	if list == nil {
		return nil
	}
	out := make([]T, len(list))
	for i, v := range list {
		out[i] = change(v)
	}
	return out
}

// place has the local part's domain be that of what names none of its own.
func (l *Local) place() {
	if l.User != nil && l.User.Domain == nil {
		u := *l.User
		u.Domain, l.User = l.Domain, &u
	}
	if l.Group != nil && l.Group.Domain == nil {
		g := *l.Group
		g.Domain, l.Group = l.Domain, &g
	}
	l.Projects = all(l.Projects, func(p Project) Project {
		if p.Domain == nil {
			p.Domain = l.Domain
		}
		return p
	})
}

func (l Local) projects() ([]Project, error) {
	if l.ProjectsJSON == nil {
		return l.Projects, nil
	}
	var projects []Project
	if err := json.Unmarshal([]byte(*l.ProjectsJSON), &projects); err != nil {
		return nil, fmt.Errorf("'projects_json' is no list of projects: %w", err)
	}
	return projects, nil
}

// groups are those named in one text: one name, or a list of names as Python writes it. A text with the word "name" in it
// holds groups as JSON, each with its own domain, after "JSON:".
func (l Local) groups() ([]Group, error) {
	if l.Groups == nil {
		return nil, nil
	}
	names := list(*l.Groups)
	described := strings.Contains(*l.Groups, "name")
	if !described && l.Domain == nil {
		return nil, fmt.Errorf("'groups' needs a 'domain' beside it")
	}
	groups := make([]Group, len(names))
	for i, name := range names {
		groups[i] = Group{Name: name, Domain: l.Domain}
		if !described {
			continue
		}
		var err error
		if groups[i], err = readGroup(name); err != nil {
			return nil, err
		}
	}
	return groups, nil
}

func readGroup(text string) (g Group, err error) {
	if !strings.HasPrefix(text, "JSON:") {
		return g, fmt.Errorf("'%s' of 'groups' has the word 'name' in it and is no 'JSON:' with a group's name and domain", text)
	}
	if err := json.Unmarshal([]byte(strings.TrimLeft(text, "JSON:")), &g); err != nil {
		return g, fmt.Errorf("'%s' of 'groups' is no JSON of a group: %w", text, err)
	}
	if g.Name == "" || g.Domain == nil {
		return g, fmt.Errorf("'%s' of 'groups' needs a name and a domain", text)
	}
	return g, nil
}
