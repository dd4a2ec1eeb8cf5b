package glance

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/image"
)

// readOnly attributes are the service's to write; reserved names may not become properties.
var (
	readOnly = []string{"created_at", "updated_at", "status", "checksum", "size", "virtual_size", "direct_url", "self", "file",
		"schema", "id", "os_hash_algo", "os_hash_value"}
	reserved = []string{"location", "locations", "deleted", "deleted_at", "stores"}
)

// setters write an attribute of a request into the facts of an image. What is no attribute is a property.
var setters = map[string]func(f *image.Facts, raw json.RawMessage) error{
	"name":             func(f *image.Facts, raw json.RawMessage) error { return text("name", raw, &f.Name) },
	"container_format": func(f *image.Facts, raw json.RawMessage) error { return text("container_format", raw, &f.Container) },
	"disk_format":      func(f *image.Facts, raw json.RawMessage) error { return text("disk_format", raw, &f.Format) },
	"owner": func(f *image.Facts, raw json.RawMessage) error {
		return text("owner", raw, (*string)(&f.ProjectID))
	},
	"visibility": func(f *image.Facts, raw json.RawMessage) error {
		return scalar("visibility", raw, (*string)(&f.Visibility))
	},
	"protected": func(f *image.Facts, raw json.RawMessage) error { return scalar("protected", raw, &f.Protected) },
	"os_hidden": func(f *image.Facts, raw json.RawMessage) error { return scalar("os_hidden", raw, &f.Hidden) },
	"min_disk":  func(f *image.Facts, raw json.RawMessage) error { return scalar("min_disk", raw, &f.MinDiskGiB) },
	"min_ram":   func(f *image.Facts, raw json.RawMessage) error { return scalar("min_ram", raw, &f.MinMemoryMiB) },
	"tags": func(f *image.Facts, raw json.RawMessage) error {
		f.Tags = nil // what is there is not merged with
		return scalar("tags", raw, &f.Tags)
	},
}

// set writes one attribute or property.
func set(f *image.Facts, name string, raw json.RawMessage) error {
	if err := writable(name); err != nil {
		return err
	}
	if setter, ok := setters[name]; ok {
		return setter(f, raw)
	}
	var value string
	if err := scalar(name, raw, &value); err != nil {
		return err
	}
	f.Properties[name] = value
	return nil
}

func writable(name string) error {
	if slices.Contains(readOnly, name) {
		return &cloud.Error{Kind: cloud.Forbidden, Resource: "image", Field: name, Message: "Attribute '" + name + "' is read-only."}
	}
	if slices.Contains(reserved, name) || strings.HasPrefix(name, "os_glance_") {
		return &cloud.Error{Kind: cloud.Forbidden, Resource: "image", Field: name, Message: "Attribute '" + name + "' is reserved."}
	}
	return nil
}

// scalar decodes a value that must be there and of the field's type.
func scalar(name string, raw json.RawMessage, into any) error {
	if len(raw) == 0 || string(raw) == "null" || json.Unmarshal(raw, into) != nil {
		return cloud.Invalidf("image", name, "Provided object does not match schema 'image': %s is not valid for '%s'.", raw, name)
	}
	return nil
}

// text is scalar for strings that may be null.
func text(name string, raw json.RawMessage, into *string) error {
	if string(raw) == "null" {
		*into = ""
		return nil
	}
	return scalar(name, raw, into)
}
