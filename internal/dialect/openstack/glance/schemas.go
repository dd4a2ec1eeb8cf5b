package glance

import "github.com/nubo-cloud/nubo/internal/image"

type object = map[string]any

// schemas are the JSON schemas that clients ask for to tell attributes from properties.
var schemas = map[string]object{
	"image":   imageSchema,
	"images":  list("images", imageSchema),
	"member":  memberSchema,
	"members": {"name": "members", "properties": object{"members": object{"type": "array", "items": memberSchema}, "schema": typed("string")}, "links": []object{{"href": "{schema}", "rel": "describedby"}}},
	"task":    taskSchema,
	"tasks":   list("tasks", taskSchema),

	"metadefs/namespace":      namespaceSchema,
	"metadefs/namespaces":     list("namespaces", namespaceSchema),
	"metadefs/resource_type":  associationSchema,
	"metadefs/resource_types": list("resource_type_associations", associationSchema),
	"metadefs/object":         objectSchema,
	"metadefs/objects":        list("objects", objectSchema),
	"metadefs/property":       propertySchema,
	"metadefs/properties":     {"name": "properties", "properties": object{"properties": propertiesSchema}},
	"metadefs/tag":            tagSchema,
	"metadefs/tags":           list("tags", tagSchema),
}

func typed(types ...string) object {
	if len(types) == 1 {
		return object{"type": types[0]}
	}
	return object{"type": types}
}

// shown is an attribute that clients read and never write.
func shown(description string, types ...string) object {
	o := typed(types...)
	o["readOnly"], o["description"] = true, description
	return o
}

func written(description string, types ...string) object {
	o := typed(types...)
	o["description"] = description
	return o
}

func oneOf(description string, values []string) object {
	enum := []any{nil}
	for _, v := range values {
		enum = append(enum, v)
	}
	return object{"type": []string{"null", "string"}, "description": description, "enum": enum}
}

func named(description string) object {
	return object{"type": []string{"null", "string"}, "maxLength": 255, "description": description}
}

const uuidPattern = "^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$"

var imageSchema = object{
	"name": "image",
	"properties": object{
		"id":               object{"type": "string", "pattern": uuidPattern, "description": "An identifier for the image"},
		"name":             named("Descriptive name for the image"),
		"status":           object{"type": "string", "readOnly": true, "enum": []string{"queued", "saving", "active", "killed", "deleted", "uploading", "importing", "pending_delete", "deactivated"}, "description": "Status of the image"},
		"visibility":       object{"type": "string", "enum": []string{"community", "public", "private", "shared"}, "description": "Scope of image accessibility"},
		"protected":        written("If true, image will not be deletable.", "boolean"),
		"os_hidden":        written("If true, image will not appear in default image list response.", "boolean"),
		"checksum":         shown("md5 hash of image contents.", "null", "string"),
		"os_hash_algo":     shown("Algorithm to calculate the os_hash_value", "null", "string"),
		"os_hash_value":    shown("Hexdigest of the image contents using the algorithm specified by the os_hash_algo", "null", "string"),
		"owner":            named("Owner of the image"),
		"size":             shown("Size of image file in bytes", "null", "integer"),
		"virtual_size":     shown("Virtual size of image in bytes", "null", "integer"),
		"container_format": oneOf("Format of the container", image.Containers),
		"disk_format":      oneOf("Format of the disk", image.Formats),
		"created_at":       shown("Date and time of image registration", "string"),
		"updated_at":       shown("Date and time of the last image modification", "string"),
		"tags":             object{"type": "array", "items": object{"type": "string", "maxLength": 255}, "description": "List of strings related to the image"},
		"min_ram":          written("Amount of ram (in MB) required to boot image.", "integer"),
		"min_disk":         written("Amount of disk space (in GB) required to boot image.", "integer"),
		"self":             shown("An image self url", "string"),
		"file":             shown("An image file url", "string"),
		"schema":           shown("An image schema url", "string"),
		"architecture":     object{"type": "string", "is_base": false, "description": "Operating system architecture"},
		"os_distro":        object{"type": "string", "is_base": false, "description": "Common name of operating system distribution"},
		"os_version":       object{"type": "string", "is_base": false, "description": "Operating system version as specified by the distributor"},
		"kernel_id":        object{"type": []string{"null", "string"}, "pattern": uuidPattern, "is_base": false, "description": "ID of image stored in Glance that should be used as the kernel when booting an AMI-style image."},
		"ramdisk_id":       object{"type": []string{"null", "string"}, "pattern": uuidPattern, "is_base": false, "description": "ID of image stored in Glance that should be used as the ramdisk when booting an AMI-style image."},
	},
	"additionalProperties": object{"type": "string"},
	"links":                []object{{"href": "{self}", "rel": "self"}, {"href": "{file}", "rel": "enclosure"}, {"href": "{schema}", "rel": "describedby"}},
}

var memberSchema = object{
	"name": "member",
	"properties": object{
		"member_id":  written("An identifier for the image member (tenantId)", "string"),
		"image_id":   object{"type": "string", "pattern": uuidPattern, "description": "An identifier for the image"},
		"created_at": shown("Date and time of image member creation", "string"),
		"updated_at": shown("Date and time of last modification of image member", "string"),
		"status":     object{"type": "string", "enum": []string{"pending", "accepted", "rejected"}, "description": "The status of this image member"},
		"schema":     shown("", "string"),
	},
}

var taskSchema = object{
	"name": "task",
	"properties": object{"id": typed("string"), "type": typed("string"), "status": typed("string"), "input": typed("null", "object"),
		"result": typed("null", "object"), "owner": typed("string"), "message": typed("string"), "expires_at": typed("string"),
		"created_at": typed("string"), "updated_at": typed("string"), "self": typed("string"), "schema": typed("string")},
}

func list(name string, item object) object {
	return object{
		"name":       name,
		"properties": object{name: object{"type": "array", "items": item}, "first": typed("string"), "next": typed("string"), "schema": typed("string")},
		"links":      []object{{"href": "{first}", "rel": "first"}, {"href": "{next}", "rel": "next"}, {"href": "{schema}", "rel": "describedby"}},
	}
}
