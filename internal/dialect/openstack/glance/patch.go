package glance

import (
	"encoding/json"
	"mime"
	"net/http"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/image"
)

const (
	patch20 = "application/openstack-images-v2.0-json-patch"
	patch21 = "application/openstack-images-v2.1-json-patch"
)

// change is one operation of a patch.
type change struct {
	op, name string
	value    json.RawMessage
}

func (a *api) patch(w http.ResponseWriter, r *http.Request) error {
	changes, err := readPatch(r)
	if err != nil {
		return err
	}
	i, err := a.images.Update(r.Context(), imageID(r), func(f *image.Facts) error {
		for _, c := range changes {
			if err := c.apply(f); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, view(i))
}

func readPatch(r *http.Request) ([]change, error) {
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	parse := map[string]func(map[string]json.RawMessage) (change, error){patch20: parse20, patch21: parse21}[media]
	if parse == nil {
		w := "Unsupported Content-Type: use " + patch21 + " or " + patch20 + "."
		return nil, openstack.UnsupportedMedia(w)
	}
	var body []map[string]json.RawMessage
	if err := openstack.Decode(r, &body); err != nil {
		return nil, err
	}
	changes := make([]change, len(body))
	for n, raw := range body {
		var err error
		if changes[n], err = parse(raw); err != nil {
			return nil, err
		}
		if changes[n].op != "remove" && changes[n].value == nil {
			return nil, badPatch("Operation %q needs a value.", changes[n].op)
		}
	}
	return changes, nil
}

// parse21 reads {"op": "replace", "path": "/name", "value": …}.
func parse21(raw map[string]json.RawMessage) (change, error) {
	var op, path string
	if json.Unmarshal(raw["op"], &op) != nil || json.Unmarshal(raw["path"], &path) != nil {
		return change{}, badPatch("Each operation needs 'op' and 'path'.")
	}
	if op != "add" && op != "replace" && op != "remove" {
		return change{}, badPatch("Operations must be 'add', 'replace' or 'remove', not '%s'.", op)
	}
	name, err := pointer(path)
	return change{op, name, raw["value"]}, err
}

// parse20 reads the older form {"replace": "/name", "value": …}.
func parse20(raw map[string]json.RawMessage) (change, error) {
	for _, op := range []string{"add", "replace", "remove"} {
		var path string
		if json.Unmarshal(raw[op], &path) == nil {
			name, err := pointer(path)
			return change{op, name, raw["value"]}, err
		}
	}
	return change{}, badPatch("Operations must be 'add', 'replace' or 'remove'.")
}

// pointer decodes a JSON pointer (RFC 6901) of one step: images have no depth.
func pointer(path string) (string, error) {
	name, ok := strings.CutPrefix(path, "/")
	if !ok || name == "" {
		return "", badPatch("Pointer `%s` does not start with \"/\" and a name.", path)
	}
	if strings.Contains(name, "/") {
		top, _, _ := strings.Cut(name, "/")
		if err := writable(top); err != nil {
			return "", err
		}
		return "", badPatch("Invalid JSON pointer for this resource: '%s'", path)
	}
	for rest := name; ; {
		_, after, found := strings.Cut(rest, "~")
		if !found {
			break
		}
		if !strings.HasPrefix(after, "0") && !strings.HasPrefix(after, "1") {
			return "", badPatch("Pointer `%s` contains \"~\" not part of a recognized escape sequence.", path)
		}
		rest = after
	}
	return strings.NewReplacer("~1", "/", "~0", "~").Replace(name), nil
}

func badPatch(format string, args ...any) error {
	return cloud.Invalidf("image", "patch", format, args...)
}

// apply makes one change. Properties must exist to be replaced or removed; attributes cannot be removed.
func (c change) apply(f *image.Facts) error {
	if err := writable(c.name); err != nil {
		return err
	}
	_, attribute := setters[c.name]
	_, there := f.Properties[c.name]
	if !attribute && !there && c.op != "add" {
		return &cloud.Error{Kind: cloud.Conflict, Resource: "image", Field: c.name, Message: "Property " + c.name + " does not exist."}
	}
	if c.op != "remove" {
		return set(f, c.name, c.value)
	}
	if attribute {
		return &cloud.Error{Kind: cloud.Forbidden, Resource: "image", Field: c.name, Message: "Property " + c.name + " may not be removed."}
	}
	delete(f.Properties, c.name)
	return nil
}
