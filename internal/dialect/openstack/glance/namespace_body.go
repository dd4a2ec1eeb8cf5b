package glance

import (
	"encoding/json"
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/vocabulary"
)

// answerOnly are keys that answers have and requests must not.
type answerOnly struct {
	Self      json.RawMessage `json:"self"`
	Schema    json.RawMessage `json:"schema"`
	CreatedAt json.RawMessage `json:"created_at"`
	UpdatedAt json.RawMessage `json:"updated_at"`
}

func (r answerOnly) refuse() error {
	given := map[string]json.RawMessage{"self": r.Self, "schema": r.Schema, "created_at": r.CreatedAt, "updated_at": r.UpdatedAt}
	for key, value := range given {
		if value != nil {
			return errReadOnly(key)
		}
	}
	return nil
}

func errReadOnly(key string) error {
	return &cloud.Error{Kind: cloud.Forbidden, Resource: "namespace", Field: key, Message: "Attribute '" + key + "' is read-only."}
}

// namespaceBody is a namespace as clients write it. What is inside may have been copied from an answer, so that its
// read-only keys are passed over.
type namespaceBody struct {
	Namespace    string                     `json:"namespace"`
	DisplayName  string                     `json:"display_name"`
	Description  string                     `json:"description"`
	Visibility   cloud.Visibility           `json:"visibility"`
	Protected    bool                       `json:"protected"`
	Owner        cloud.ProjectID            `json:"owner"`
	Associations []associationBody          `json:"resource_type_associations"`
	Properties   map[string]json.RawMessage `json:"properties"`
	Objects      []objectBody               `json:"objects"`
	Tags         []tagBody                  `json:"tags"`
	answerOnly
}

type associationBody struct {
	Name   string `json:"name"`
	Prefix string `json:"prefix"`
	Target string `json:"properties_target"`
	answerOnly
}

type objectBody struct {
	Name        string                     `json:"name"`
	Description string                     `json:"description"`
	Required    []string                   `json:"required"`
	Properties  map[string]json.RawMessage `json:"properties"`
	answerOnly
}

type tagBody struct {
	Name string `json:"name"`
	answerOnly
}

func readNamespace(r *http.Request) (b namespaceBody, err error) {
	if err = openstack.DecodeStrict(r, &b); err != nil {
		return b, err
	}
	return b, b.refuse()
}

func (b namespaceBody) facts() vocabulary.Facts {
	return vocabulary.Facts{Name: b.Namespace, Title: b.DisplayName, Description: b.Description, Visibility: b.Visibility,
		Protected: b.Protected, ProjectID: b.Owner}
}

func (b namespaceBody) request() vocabulary.CreateRequest {
	q := vocabulary.CreateRequest{Facts: b.facts()}
	for _, t := range b.Associations {
		q.Targets = append(q.Targets, t.target())
	}
	add := func(d cloud.Definition) { q.Definitions = append(q.Definitions, &d) }
	for name, schema := range b.Properties {
		add(cloud.Definition{Kind: cloud.DefinitionProperty, Name: name, Schema: schema})
	}
	for _, o := range b.Objects {
		add(o.definition())
	}
	for _, t := range b.Tags {
		add(t.definition())
	}
	return q
}

func (b associationBody) target() cloud.Target {
	return cloud.Target{Kind: b.Name, Prefix: b.Prefix, Place: b.Target}
}

func (b objectBody) definition() cloud.Definition {
	return cloud.Definition{Kind: cloud.DefinitionGroup, Name: b.Name, Description: b.Description, Required: b.Required, Properties: b.Properties}
}

func (b tagBody) definition() cloud.Definition {
	return cloud.Definition{Kind: cloud.DefinitionTag, Name: b.Name}
}
