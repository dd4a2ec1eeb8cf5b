package vocabulary

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// What may be said of a vocabulary, in characters.
const (
	NameMax        = 80 // also of all names in it
	OwnerMax       = 255
	DescriptionMax = 500
)

const (
	textMax        = 64 << 10 // of a group's description, and of a schema, in bytes
	depthMax       = 16       // of a schema: what holds it, and whoever reads it, need some room above
	definitionsMax = 1000     // of each kind in a vocabulary
)

// called are the kinds of definitions in people's words, and plural the same of several.
var (
	called = map[cloud.DefinitionKind]string{cloud.DefinitionProperty: "property", cloud.DefinitionGroup: "object", cloud.DefinitionTag: "tag"}
	plural = map[cloud.DefinitionKind]string{cloud.DefinitionProperty: "properties", cloud.DefinitionGroup: "objects", cloud.DefinitionTag: "tags"}
)

func check(d *cloud.Definition) error {
	if err := checkName("name", d.Name); err != nil {
		return err
	}
	switch d.Kind {
	case cloud.DefinitionProperty:
		return checkSchema(d.Name, d.Schema)
	case cloud.DefinitionGroup:
		return checkGroup(d)
	}
	return nil
}

func checkGroup(d *cloud.Definition) error {
	if err := checkLength("description", d.Description, textMax); err != nil {
		return err
	}
	if len(d.Properties) > definitionsMax || len(d.Required) > definitionsMax {
		return limitPassed("properties of an object")
	}
	for name, schema := range d.Properties {
		if err := checkName("properties", name); err != nil {
			return err
		}
		if err := checkSchema(name, schema); err != nil {
			return err
		}
	}
	return checkUnique("required", d.Required)
}

func checkTarget(t cloud.Target) error {
	if err := checkName("name", t.Kind); err != nil {
		return err
	}
	if err := checkLength("prefix", t.Prefix, NameMax); err != nil {
		return err
	}
	return checkLength("properties_target", t.Place, NameMax)
}

func checkName(field, name string) error {
	if name == "" {
		return cloud.Invalidf(noun, field, "%s must not be empty.", field)
	}
	return checkLength(field, name, NameMax)
}

func checkLength(field, text string, most int) error {
	if utf8.RuneCountInString(text) > most {
		return cloud.Invalidf(noun, field, "%s is longer than %d characters.", field, most)
	}
	return nil
}

func checkUnique(field string, names []string) error {
	names = slices.Sorted(slices.Values(names))
	if len(slices.Compact(slices.Clone(names))) < len(names) {
		return cloud.Invalidf(noun, field, "%s names something twice.", field)
	}
	return nil
}

func limitPassed(what string) error {
	e := cloud.Errorf(cloud.TooLarge, noun, "", "A metadata namespace can have %d %s at most.", definitionsMax, what)
	e.Field = what
	return e
}

// schema is the part of JSON Schema that describes properties. It is decoded to see whether a schema is one.
type schema struct {
	Title       *string         `json:"title"`
	Type        *string         `json:"type"`
	Description string          `json:"description"`
	Operators   []string        `json:"operators"`
	Required    []string        `json:"required"`
	ReadOnly    bool            `json:"readonly"`
	Default     json.RawMessage `json:"default"`
	Enum        []any           `json:"enum"`
	Minimum     float64         `json:"minimum"`
	Maximum     float64         `json:"maximum"`
	Pattern     string          `json:"pattern"`
	MinLength   uint            `json:"minLength"`
	MaxLength   uint            `json:"maxLength"`
	MinItems    uint            `json:"minItems"`
	MaxItems    uint            `json:"maxItems"`
	UniqueItems bool            `json:"uniqueItems"`
	// AdditionalItems is allowed or not.
	AdditionalItems bool `json:"additionalItems"`
	Items           struct {
		Type *string `json:"type"`
		Enum []any   `json:"enum"`
	} `json:"items"`
}

// types are what a property's value can be.
var types = []string{"array", "boolean", "integer", "number", "object", "string"}

func checkSchema(name string, raw json.RawMessage) error {
	if len(raw) > textMax {
		return cloud.Invalidf(noun, name, "The schema of property %s is longer than %d bytes.", name, textMax)
	}
	if depth(raw) > depthMax {
		return cloud.Invalidf(noun, name, "The schema of property %s is nested deeper than %d levels.", name, depthMax)
	}
	var s schema
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return cloud.Invalidf(noun, name, "The schema of property %s is wrong: %s.", name, reason(err))
	}
	if s.Title == nil || s.Type == nil {
		return cloud.Invalidf(noun, name, "The schema of property %s needs 'title' and 'type'.", name)
	}
	for _, t := range []*string{s.Type, s.Items.Type} {
		if t != nil && !slices.Contains(types, *t) {
			return cloud.Invalidf(noun, name, "Property %s: '%s' is not a type; the types are %v.", name, *t, types)
		}
	}
	return checkUnique("required", s.Required)
}

// depth is how deep objects and arrays are nested.
func depth(raw json.RawMessage) (deepest int) {
	d, level := json.NewDecoder(bytes.NewReader(raw)), 0
	for {
		t, err := d.Token()
		if err != nil { // the end
			return deepest
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			level++
		case json.Delim('}'), json.Delim(']'):
			level--
		}
		deepest = max(deepest, level)
	}
}

// reason is a decoder's complaint without its words about Go.
func reason(err error) string {
	if wrong, ok := err.(*json.UnmarshalTypeError); ok {
		return fmt.Sprintf("'%s' cannot be a %s", wrong.Field, wrong.Value)
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}
