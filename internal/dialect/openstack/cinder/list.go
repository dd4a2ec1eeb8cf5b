package cinder

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/volume"
)

// pageMax is how many rows one answer holds, also when the client names no limit.
const pageMax = 1000

// listing is one list request.
type listing[T any] struct {
	volume.Filter[T]
	offset int
	// nothing: the client asked for a page of none, which the store would take for all.
	nothing   bool
	withCount bool
	keeps     []func(*T) bool
}

// readListing reads what all lists have in common.
func readListing[T any](r *http.Request, columns openstack.SortColumns) (*listing[T], error) {
	q := r.URL.Query()
	l := &listing[T]{}
	var err error
	if l.Query.Order, err = openstack.SortDescending(q, columns); err != nil {
		return nil, err
	}
	limit, err := number(q, "limit", pageMax)
	if err != nil {
		return nil, err
	}
	l.nothing = limit == 0
	l.Query.Limit, l.Query.After = min(limit, pageMax), q.Get("marker")
	if l.offset, err = number(q, "offset", 0); err != nil {
		return nil, err
	}
	l.AllProjects = truth(q, "all_tenants") || q.Get("project_id") != ""
	l.withCount = truth(q, "with_count") && openstack.VersionOf(r).AtLeast(3, 45)
	if p := q.Get("project_id"); p != "" {
		l.where(cloud.Eq("project_id", p))
	}
	return l, nil
}

func number(q url.Values, key string, fallback int) (int, error) {
	text := q.Get(key)
	if text == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, cloud.Invalidf("request", key, "%s param must be an integer that is not negative.", key)
	}
	return n, nil
}

func truth(q url.Values, key string) bool { return openstack.IsTrue(q.Get(key)) }

func (l *listing[T]) where(c ...cloud.Cond) { l.Query.Where = append(l.Query.Where, c...) }

func (l *listing[T]) keep(f func(*T) bool) { l.keeps = append(l.keeps, f) }

// filters says what each key of a query selects. Keys that are not there select nothing, as in the older versions.
type filters[T any] map[string]func(l *listing[T], value string) error

func (f filters[T]) apply(l *listing[T], q url.Values) error {
	for key, values := range q {
		filter, ok := f[key]
		if !ok {
			continue
		}
		for _, value := range values {
			if err := filter(l, value); err != nil {
				return err
			}
		}
	}
	return nil
}

// names are the keys, in order.
func (f filters[T]) names() []string { return slices.Sorted(maps.Keys(f)) }

// column compares a text column; its second form is of "name~", which looks for a part.
func column[T any](name string) func(*listing[T], string) error {
	return func(l *listing[T], value string) error { l.where(cloud.Eq(name, value)); return nil }
}

func part[T any](name string) func(*listing[T], string) error {
	return func(l *listing[T], value string) error {
		l.where(cloud.Cond{Column: name, Op: cloud.OpContains, Value: value})
		return nil
	}
}

func flag[T any](key, name string) func(*listing[T], string) error {
	return func(l *listing[T], value string) error {
		on, err := openstack.ParseBool(key, value)
		l.where(cloud.Eq(name, on))
		return err
	}
}

func kept[T any](f func(t *T, value string) bool) func(*listing[T], string) error {
	return func(l *listing[T], value string) error {
		l.keep(func(t *T) bool { return f(t, value) })
		return nil
	}
}

func moment[T any](name string, meta func(*T) *cloud.Meta) func(*listing[T], string) error {
	return func(l *listing[T], value string) error {
		where, keep, err := openstack.TimeFilter(name, value)
		l.where(where...)
		if keep != nil {
			l.keep(func(t *T) bool {
				if name == "updated_at" {
					return keep(meta(t).UpdatedAt)
				}
				return keep(meta(t).CreatedAt)
			})
		}
		return err
	}
}

// pairs is a filter on properties. Clients write the dictionary as JSON, or as Python prints it.
func pairs[T any](of func(*T) map[string]string) func(*listing[T], string) error {
	return func(l *listing[T], value string) error {
		var want map[string]string
		if json.Unmarshal([]byte(value), &want) != nil &&
			json.Unmarshal([]byte(strings.ReplaceAll(value, "'", `"`)), &want) != nil {
			return cloud.Invalidf("request", "metadata", "The metadata filter must be a dictionary, not %s.", value)
		}
		l.keep(func(t *T) bool {
			have := of(t)
			for k, v := range want {
				if got, ok := have[k]; !ok || got != v {
					return false
				}
			}
			return true
		})
		return nil
	}
}

// filter is the listing as the use case takes it.
func (l *listing[T]) filter() volume.Filter[T] {
	f := l.Filter
	if f.Query.Limit > 0 {
		f.Query.Limit += l.offset
	}
	if len(l.keeps) > 0 {
		f.Keep = func(t *T) bool {
			for _, k := range l.keeps {
				if !k(t) {
					return false
				}
			}
			return true
		}
	}
	return f
}

// run asks for the page, and for the count of all pages if the client wants it.
func (l *listing[T]) run(list func(volume.Filter[T]) ([]*T, error)) (rows []*T, count int, err error) {
	if !l.nothing {
		if rows, err = list(l.filter()); err != nil {
			return nil, 0, l.markerError(err)
		}
		rows = rows[min(l.offset, len(rows)):]
	}
	if l.withCount {
		all := l.filter()
		all.Query.Limit, all.Query.After = 0, ""
		rows, err := list(all)
		if err != nil {
			return nil, 0, err
		}
		count = len(rows)
	}
	return rows, count, nil
}

// markerError says that a marker does not exist: this service answers as if it had been asked for by its id.
func (l *listing[T]) markerError(err error) error {
	if e, ok := cloud.AsError(err); ok && e.Kind == cloud.Invalid && e.Field == "marker" {
		return &cloud.Error{Kind: cloud.NotFound, Resource: "marker", ID: l.Query.After, Message: e.Message}
	}
	return err
}

// body is the answer: the views, the link to the next page after a full one, and the count.
func (l *listing[T]) body(r *http.Request, key string, views []any, last string, count int) map[string]any {
	body := map[string]any{key: views}
	if len(views) > 0 && len(views) == l.Query.Limit {
		q := r.URL.Query()
		q.Del("offset")
		q.Set("marker", last)
		body[key+"_links"] = []link{{Rel: "next", Href: openstack.BaseURL(r) + openstack.RequestPath(r) + "?" + q.Encode()}}
	}
	if l.withCount {
		body["count"] = count
	}
	return body
}

// viewRow shows a row, and tells its id as the marker of the next page.
type viewRow[T any] func(*T) (map[string]any, string)

// writeList answers a list whose views need nothing but the row.
func writeList[T any](w http.ResponseWriter, r *http.Request, key string, columns openstack.SortColumns, f filters[T],
	list func(context.Context, volume.Filter[T]) ([]*T, error), view viewRow[T]) error {
	return writeRows(w, r, key, columns, f, list, func([]*T) (viewRow[T], error) { return view, nil })
}

// writeRows answers a list whose views need to know more than the row: viewer asks for it once, for all of them.
func writeRows[T any](w http.ResponseWriter, r *http.Request, key string, columns openstack.SortColumns, f filters[T],
	list func(context.Context, volume.Filter[T]) ([]*T, error), viewer func([]*T) (viewRow[T], error)) error {
	l, err := readListing[T](r, columns)
	if err != nil {
		return err
	}
	if err := f.apply(l, r.URL.Query()); err != nil {
		return err
	}
	rows, count, err := l.run(func(f volume.Filter[T]) ([]*T, error) { return list(r.Context(), f) })
	if err != nil {
		return err
	}
	view, err := viewer(rows)
	if err != nil {
		return err
	}
	views, last := make([]any, len(rows)), ""
	for n, row := range rows {
		views[n], last = view(row)
	}
	return openstack.WriteJSON(w, http.StatusOK, l.body(r, key, views, last, count))
}
