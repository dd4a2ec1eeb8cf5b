package glance

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/image"
)

// pageMax is how many images one answer holds, also when the client names no limit.
const pageMax = 1000

func (a *api) list(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	limit, err := limitOf(q)
	if err != nil {
		return err
	}
	f, err := filter(q)
	if err != nil {
		return err
	}
	f.Query.Limit = limit
	var images []*cloud.Image
	if limit > 0 { // the store takes 0 for "all", this service for "none"
		if images, err = a.images.List(r.Context(), f); err != nil {
			return err
		}
	}
	return openstack.WriteJSON(w, http.StatusOK, page(q, images, limit))
}

func page(q url.Values, images []*cloud.Image, limit int) map[string]any {
	views := make([]any, len(images))
	for n, i := range images {
		views[n] = view(i)
	}
	q.Del("marker")
	body := map[string]any{"images": views, "first": pathWith("/v2/images", q), "schema": "/v2/schemas/images"}
	if limit > 0 && len(images) == limit {
		q.Set("marker", string(images[limit-1].ID))
		body["next"] = pathWith("/v2/images", q)
	}
	return body
}

func pathWith(path string, q url.Values) string {
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

var sortColumns = openstack.SortColumns{"id": "id", "name": "name", "status": "state", "container_format": "container",
	"disk_format": "format", "size": "size_bytes", "virtual_size": "virtual_bytes", "created_at": "created_at",
	"updated_at": "updated_at", "min_disk": "min_disk_gib", "min_ram": "min_memory_mib", "owner": "project_id",
	"visibility": "visibility", "protected": "protected", "os_hidden": "hidden", "checksum": "md5"}

func limitOf(q url.Values) (int, error) {
	text := q.Get("limit")
	if text == "" {
		return pageMax, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, cloud.Invalidf("image", "limit", "limit param must be an integer that is not negative.")
	}
	return min(n, pageMax), nil
}

// filter reads a list's query. Every key that is not known is the name of a property.
func filter(q url.Values) (image.Filter, error) {
	f := image.Filter{Query: cloud.Query{After: q.Get("marker")}}
	var err error
	if f.Query.Order, err = openstack.SortDescending(q, sortColumns); err != nil {
		return f, err
	}
	b := &builder{f: &f}
	for key := range q {
		if slices.Contains([]string{"limit", "marker", "sort", "sort_key", "sort_dir"}, key) {
			continue
		}
		for _, value := range q[key] {
			if err := b.add(key, value); err != nil {
				return f, err
			}
		}
	}
	f.Keep = b.keep()
	return f, nil
}

// builder collects the conditions of a filter.
type builder struct {
	f     *image.Filter
	keeps []func(*cloud.Image) bool
}

func (b *builder) keep() func(*cloud.Image) bool {
	if len(b.keeps) == 0 {
		return nil
	}
	return func(i *cloud.Image) bool {
		for _, k := range b.keeps {
			if !k(i) {
				return false
			}
		}
		return true
	}
}

func (b *builder) where(c ...cloud.Cond) { b.f.Query.Where = append(b.f.Query.Where, c...) }

// columns are the filters that compare one column, with an optional "in:" list.
var columns = map[string]string{"id": "id", "name": "name", "owner": "project_id", "status": "state", "checksum": "md5",
	"os_hash_value": "sha512", "container_format": "container", "disk_format": "format"}

// numbers are the filters that compare a number.
var numbers = map[string]cloud.Cond{
	"size_min": {Column: "size_bytes", Op: cloud.OpGe}, "size_max": {Column: "size_bytes", Op: cloud.OpLe},
	"size": {Column: "size_bytes", Op: cloud.OpEq}, "min_disk": {Column: "min_disk_gib", Op: cloud.OpEq},
	"min_ram": {Column: "min_memory_mib", Op: cloud.OpEq},
}

func (b *builder) add(key, value string) error {
	if column, ok := columns[key]; ok {
		return b.addColumn(key, column, value)
	}
	if c, ok := numbers[key]; ok {
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < 0 {
			return cloud.Invalidf("image", key, "Cannot convert %s to a number that is not negative.", key)
		}
		c.Value = n
		b.where(c)
		return nil
	}
	switch key {
	case "visibility", "member_status":
		return b.addSharing(key, value)
	case "protected", "os_hidden":
		return b.addFlag(key, value)
	case "tag":
		b.where(cloud.Eq("tags", value))
	case "created_at", "updated_at":
		return b.addTime(key, value)
	default:
		b.keeps = append(b.keeps, func(i *cloud.Image) bool {
			got, ok := i.Properties[key]
			return ok && got == value
		})
	}
	return nil
}

func (b *builder) addColumn(key, column, value string) error {
	values := []string{value}
	if list, ok := strings.CutPrefix(value, "in:"); ok && key != "owner" {
		var err error
		if values, err = splitList(key, list); err != nil {
			return err
		}
	}
	if key == "status" {
		for n := range values {
			values[n] = string(stateOf(values[n]))
		}
	}
	b.where(cloud.In(column, values))
	return nil
}

// splitList splits at commas; a value in double quotes may hold commas, and quotes after backslashes.
func splitList(key, list string) ([]string, error) {
	var values []string
	var one strings.Builder
	quoted := false
	for n := 0; n < len(list); n++ {
		switch c := list[n]; {
		case c == '\\' && quoted && n+1 < len(list):
			n++
			one.WriteByte(list[n])
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			values = append(values, one.String())
			one.Reset()
		default:
			one.WriteByte(c)
		}
	}
	if quoted {
		return nil, cloud.Invalidf("image", key, "Invalid filter value %s. The quote is not closed.", list)
	}
	return append(values, one.String()), nil
}

func (b *builder) addSharing(key, value string) error {
	if key == "visibility" {
		if !slices.Contains([]string{"public", "private", "shared", "community", "all"}, value) {
			return cloud.Invalidf("image", key, "Invalid visibility value: %s", value)
		}
		b.f.Visibility = cloud.Visibility(value)
		return nil
	}
	if !slices.Contains([]string{"pending", "accepted", "rejected", "all"}, value) {
		return cloud.Invalidf("image", key, "Invalid status: %s", value)
	}
	b.f.MemberStatus = value
	return nil
}

func (b *builder) addFlag(key, value string) error {
	on, err := openstack.ParseBool(key, value)
	if err != nil {
		return err
	}
	if key == "os_hidden" {
		b.f.Hidden = on
		return nil
	}
	b.where(cloud.Eq("protected", on))
	return nil
}

func (b *builder) addTime(key, value string) error {
	where, keep, err := openstack.TimeFilter(key, value)
	if err != nil {
		return err
	}
	b.where(where...)
	if keep != nil {
		b.keeps = append(b.keeps, func(i *cloud.Image) bool {
			if key == "updated_at" {
				return keep(i.UpdatedAt)
			}
			return keep(i.CreatedAt)
		})
	}
	return nil
}
