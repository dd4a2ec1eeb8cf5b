package glance

import "github.com/nubo-cloud/nubo/internal/vocabulary"

// The schemas of metadata definitions. A property's is a schema of schemas: what may stand in a definition.

func sized(description string, most int) object {
	return object{"type": "string", "maxLength": most, "description": description}
}

func listOf(items object) object { return object{"type": "array", "items": items} }

var (
	madeAt    = object{"type": "string", "readOnly": true, "format": "date-time", "description": "Date and time of creation"}
	changedAt = object{"type": "string", "readOnly": true, "format": "date-time", "description": "Date and time of the last modification"}
	names     = object{"type": "array", "items": typed("string"), "uniqueItems": true}
	count     = object{"type": "integer", "minimum": 0}
	valueType = object{"type": "string", "enum": []string{"array", "boolean", "integer", "number", "object", "string"}}
)

var propertyFields = object{
	"name": sized("The name of the property", vocabulary.NameMax), "title": typed("string"), "description": typed("string"), "type": valueType,
	"operators": listOf(typed("string")), "required": names, "readonly": typed("boolean"), "default": object{}, "enum": typed("array"),
	"minimum": typed("number"), "maximum": typed("number"), "minLength": count, "maxLength": count,
	"pattern": object{"type": "string", "format": "regex"}, "minItems": count, "maxItems": count,
	"uniqueItems": typed("boolean"), "additionalItems": typed("boolean"),
	"items": object{"type": "object", "properties": object{"type": valueType, "enum": typed("array")}},
}

var propertySchema = object{"name": "property", "properties": propertyFields, "required": []string{"name", "title", "type"},
	"additionalProperties": false}

// propertiesSchema is of properties by name.
var propertiesSchema = object{"type": "object", "additionalProperties": object{"type": "object", "properties": propertyFields,
	"required": []string{"title", "type"}}}

var objectSchema = object{"name": "object", "required": []string{"name"}, "additionalProperties": false, "properties": object{
	"name": sized("The name of the object", vocabulary.NameMax), "description": typed("string"), "required": names, "properties": propertiesSchema,
	"created_at": madeAt, "updated_at": changedAt, "self": shown("", "string"), "schema": shown("", "string")}}

var tagSchema = object{"name": "tag", "required": []string{"name"}, "additionalProperties": false, "properties": object{
	"name": sized("The name of the tag", vocabulary.NameMax), "created_at": madeAt, "updated_at": changedAt}}

var associationSchema = object{"name": "resource_type_association", "required": []string{"name"}, "additionalProperties": false, "properties": object{
	"name":              sized("The name of the resource type, best as Heat calls it", vocabulary.NameMax),
	"prefix":            sized("What stands before the names of properties on resources of this type, with its separator", vocabulary.NameMax),
	"properties_target": sized("Which set of properties is meant, where resources of this type have several", vocabulary.NameMax),
	"created_at":        madeAt, "updated_at": changedAt}}

var namespaceSchema = object{"name": "namespace", "required": []string{"namespace"}, "additionalProperties": false, "properties": object{
	"namespace":    sized("The unique name of the namespace", vocabulary.NameMax),
	"display_name": sized("The name that people are shown", vocabulary.NameMax),
	"description":  sized("What the namespace is for", vocabulary.DescriptionMax),
	"visibility":   object{"type": "string", "enum": []string{"public", "private"}, "description": "Who may read the namespace"},
	"protected":    written("If true, nothing in the namespace can be deleted.", "boolean"),
	"owner":        sized("The project that the namespace belongs to", vocabulary.OwnerMax),
	"properties":   propertiesSchema, "objects": listOf(objectSchema), "tags": listOf(tagSchema),
	"resource_type_associations": listOf(associationSchema),
	"created_at":                 madeAt, "updated_at": changedAt, "self": shown("", "string"), "schema": shown("", "string")}}
