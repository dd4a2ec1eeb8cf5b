package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
)

// model is what we read of a service's model. Fields that it has besides are not kept.
type model struct {
	Operations map[string]operation `json:"operations"`
	Shapes     map[string]shape     `json:"shapes"`
	// Unserved are the names of the service's other actions.
	Unserved []string `json:"unserved,omitempty"`
}

type operation struct {
	Input  reference `json:"input,omitzero"`
	Output reference `json:"output,omitzero"`
}

type reference struct {
	Shape        string `json:"shape"`
	LocationName string `json:"locationName,omitempty"` // in answers
	QueryName    string `json:"queryName,omitempty"`    // in requests, where it is another
}

type shape struct {
	Type     string               `json:"type"`
	Members  map[string]reference `json:"members,omitempty"`  // structure
	Required []string             `json:"required,omitempty"` // structure
	Member   *reference           `json:"member,omitempty"`   // list
}

// keep takes over a shape and all that it refers to.
func (m *model) keep(whole *model, name string) {
	if _, have := m.Shapes[name]; have || name == "" {
		return
	}
	s := whole.Shapes[name]
	m.Shapes[name] = s
	for _, r := range s.Members {
		m.keep(whole, r.Shape)
	}
	if s.Member != nil {
		m.keep(whole, s.Member.Shape)
	}
}

// write puts each action and each shape on a line, so that a newer model shows its differences.
func (m *model) write(file string) error {
	slices.Sort(m.Unserved)
	var b bytes.Buffer
	b.WriteString("{\"operations\": {\n")
	if err := writeEntries(&b, m.Operations); err != nil {
		return err
	}
	b.WriteString("}, \"shapes\": {\n")
	if err := writeEntries(&b, m.Shapes); err != nil {
		return err
	}
	unserved, err := json.Marshal(m.Unserved)
	if err != nil {
		return err
	}
	fmt.Fprintf(&b, "}, \"unserved\": %s}\n", unserved)
	return os.WriteFile(file, b.Bytes(), 0o644)
}

func writeEntries[T any](b *bytes.Buffer, entries map[string]T) error {
	names := slices.Sorted(maps.Keys(entries))
	for i, name := range names {
		text, err := json.Marshal(entries[name])
		if err != nil {
			return err
		}
		end := ","
		if i == len(names)-1 {
			end = ""
		}
		fmt.Fprintf(b, "%q: %s%s\n", name, text, end)
	}
	return nil
}
