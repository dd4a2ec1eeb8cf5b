package glance

import (
	"encoding/json"
	"net/url"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// viewNamespace is a namespace without its definitions. What was not said of it is left out.
func viewNamespace(v *cloud.Vocabulary) map[string]any {
	view := map[string]any{"namespace": v.Name, "visibility": v.Visibility, "protected": v.Protected, "owner": v.ProjectID,
		"created_at": stamp(v.CreatedAt), "updated_at": stamp(v.UpdatedAt), "self": namespaceLink(v.Name), "schema": "/v2/schemas/metadefs/namespace"}
	setIf(view, "display_name", v.Title)
	setIf(view, "description", v.Description)
	if len(v.Targets) > 0 {
		view["resource_type_associations"] = viewAssociations(v)
	}
	return view
}

// viewContents is a namespace with its definitions, the properties named as they are on resources of a type.
func viewContents(v *cloud.Vocabulary, definitions []*cloud.Definition, resourceType string) map[string]any {
	properties, objects, tags := map[string]any{}, []any{}, []any{}
	prefix := prefixOn(v, resourceType)
	for _, d := range definitions {
		switch d.Kind {
		case cloud.DefinitionProperty:
			properties[prefix+d.Name] = d.Schema
		case cloud.DefinitionGroup:
			objects = append(objects, viewObject(v.Name, prefixed(d, prefix)))
		case cloud.DefinitionTag:
			tags = append(tags, map[string]any{"name": d.Name})
		}
	}
	view := viewNamespace(v)
	if len(properties) > 0 {
		view["properties"] = properties
	}
	if len(objects) > 0 {
		view["objects"] = objects
	}
	if len(tags) > 0 {
		view["tags"] = tags
	}
	return view
}

func prefixOn(v *cloud.Vocabulary, resourceType string) string {
	for _, t := range v.Targets {
		if t.Kind == resourceType {
			return t.Prefix
		}
	}
	return ""
}

// prefixed is a copy of a group whose properties' names have a prefix.
func prefixed(d *cloud.Definition, prefix string) *cloud.Definition {
	p := *d
	p.Properties, p.Required = make(map[string]json.RawMessage, len(d.Properties)), make([]string, len(d.Required))
	for name, schema := range d.Properties {
		p.Properties[prefix+name] = schema
	}
	for n, name := range d.Required {
		p.Required[n] = prefix + name
	}
	return &p
}

func viewAssociations(v *cloud.Vocabulary) []any {
	views := make([]any, len(v.Targets))
	for n, t := range v.Targets {
		views[n] = viewAssociation(t)
	}
	return views
}

func viewAssociation(t cloud.Target) map[string]any {
	view := map[string]any{"name": t.Kind, "created_at": stamp(t.CreatedAt), "updated_at": stamp(t.UpdatedAt)}
	setIf(view, "prefix", t.Prefix)
	setIf(view, "properties_target", t.Place)
	return view
}

func viewObject(namespace string, d *cloud.Definition) map[string]any {
	view := map[string]any{"name": d.Name, "required": append([]string{}, d.Required...), "properties": d.Properties,
		"created_at": stamp(d.CreatedAt), "updated_at": stamp(d.UpdatedAt),
		"self": namespaceLink(namespace) + "/objects/" + url.PathEscape(d.Name), "schema": "/v2/schemas/metadefs/object"}
	if d.Properties == nil {
		view["properties"] = map[string]any{}
	}
	setIf(view, "description", d.Description)
	return view
}

// viewProperty is a property's schema with its name in it.
func viewProperty(_ string, d *cloud.Definition) map[string]any {
	var schema map[string]json.RawMessage
	_ = json.Unmarshal(d.Schema, &schema) // it was checked when it was kept
	view := map[string]any{"name": d.Name}
	for key, value := range schema {
		view[key] = value
	}
	return view
}

func viewTag(_ string, d *cloud.Definition) map[string]any {
	return map[string]any{"name": d.Name, "created_at": stamp(d.CreatedAt), "updated_at": stamp(d.UpdatedAt)}
}

func setIf(view map[string]any, key, value string) {
	if value != "" {
		view[key] = value
	}
}
