package cloud

import (
	"encoding/json"
	"time"
)

// Vocabulary is a named set of definitions: which properties and tags other nouns may carry, and which values make
// sense there. It describes; nothing is refused for its sake.
type Vocabulary struct {
	ID        VocabularyID `json:"id"`
	ProjectID ProjectID    `json:"project_id"` // owner
	Meta
	Name        string     `json:"name"` // unique in the cloud
	Title       string     `json:"title,omitempty"`
	Description string     `json:"description,omitempty"`
	Visibility  Visibility `json:"visibility"` // public or private
	Protected   bool       `json:"protected,omitempty"`
	// Targets are the kinds of nouns that it is about.
	Targets []Target `json:"targets,omitempty"`
}

// Target says how a vocabulary applies to one kind of noun.
type Target struct {
	Kind string `json:"kind"`
	// Prefix stands before the names of properties on nouns of this kind ("hw_").
	Prefix string `json:"prefix,omitempty"`
	// Place tells which of the several sets of properties is meant, on kinds that have more than one.
	Place     string    `json:"place,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// TargetKind is a kind of noun that vocabularies may be about. One that nobody knew comes into being when it is named.
type TargetKind struct {
	Name string `json:"name"`
	Meta
}

// Definition is one word of a vocabulary. Its name is unique among those of its kind.
type Definition struct {
	ID           DefinitionID `json:"id"`
	VocabularyID VocabularyID `json:"vocabulary_id"`
	Meta
	Kind DefinitionKind `json:"kind"`
	Name string         `json:"name"`
	// Schema is a property's, in the words of JSON Schema.
	Schema json.RawMessage `json:"schema,omitempty"`
	// Description, Properties (schemas by name) and Required (names of properties) are a group's.
	Description string                     `json:"description,omitempty"`
	Properties  map[string]json.RawMessage `json:"properties,omitempty"`
	Required    []string                   `json:"required,omitempty"`
}

// DefinitionKind is what is defined.
type DefinitionKind string

// The kinds.
const (
	DefinitionProperty DefinitionKind = "property"
	DefinitionGroup    DefinitionKind = "group" // properties that belong together
	DefinitionTag      DefinitionKind = "tag"
)
