package keystone

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/identity"
)

// object is a JSON object, written or read key by key: Identity keeps keys it does not know.
type object = map[string]any

// Times in tokens end in Z, others do not.
const (
	tokenTime = "2006-01-02T15:04:05.000000Z"
	plainTime = "2006-01-02T15:04:05.000000"
)

func timeOrNull(t *time.Time) any {
	if t == nil {
		return nil
	}
	return t.UTC().Format(plainTime)
}

// parseTime reads the forms that clients write; without a zone it is UTC.
func parseTime(resource, field, text string) (*time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999", "2006-01-02 15:04:05.999999"} {
		if t, err := time.Parse(layout, text); err == nil {
			t = t.UTC()
			return &t, nil
		}
	}
	return nil, cloud.Invalidf(resource, field, "Invalid input for field '%s': '%s' is not a time in ISO 8601.", field, text)
}

// fields is the object inside a body's envelope. Take what is known off it; the rest is extra.
type fields struct {
	noun string
	m    map[string]json.RawMessage
	err  error
}

// read decodes {"noun": {…}}.
func read(r *http.Request, noun string) (*fields, error) {
	var envelope map[string]json.RawMessage
	if err := openstack.Decode(r, &envelope); err != nil {
		return nil, err
	}
	f := &fields{noun: noun}
	if envelope[noun] == nil {
		return nil, cloud.Invalidf(noun, noun, "Expecting to find %s in request body.", noun)
	}
	if err := json.Unmarshal(envelope[noun], &f.m); err != nil || f.m == nil {
		return nil, cloud.Invalidf(noun, noun, "Invalid input for field '%s': it must be an object.", noun)
	}
	return f, nil
}

// take reads a key and removes it: nil if it is not there, zero if it is null. What
// does not fit becomes f.err, which done answers.
func take[T any](f *fields, key string) *T {
	raw, ok := f.m[key]
	if !ok {
		return nil
	}
	delete(f.m, key)
	v := new(T)
	if err := json.Unmarshal(raw, v); err != nil && f.err == nil {
		f.err = cloud.Invalidf(f.noun, key, "Invalid input for field '%s': %s is not of the right type.", key, clip(string(raw)))
	}
	return v
}

// takeOr is take with a value for what is not there.
func takeOr[T any](f *fields, key string, def T) T {
	if v := take[T](f, key); v != nil {
		return *v
	}
	return def
}

func clip(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}

// require makes a key that is missing or null an error.
func (f *fields) require(keys ...string) {
	for _, k := range keys {
		if raw, ok := f.m[k]; (!ok || string(raw) == "null") && f.err == nil {
			f.err = cloud.Invalidf(f.noun, k, "'%s' is a required property", k)
		}
	}
}

// readList decodes {"nouns": [{…}, …]}, of which there must be one at least, and makes each with f, which takes all its keys.
func readList[T any](r *http.Request, nouns string, f func(*fields) T) ([]T, error) {
	var envelope map[string]json.RawMessage
	if err := openstack.Decode(r, &envelope); err != nil {
		return nil, err
	}
	var rows []map[string]json.RawMessage
	if err := json.Unmarshal(envelope[nouns], &rows); err != nil || len(rows) == 0 {
		return nil, cloud.Invalidf(nouns, nouns, "Expecting to find %s in request body: a list of one object at least.", nouns)
	}
	list := make([]T, len(rows))
	for i, m := range rows {
		row := &fields{noun: nouns, m: m}
		list[i] = f(row)
		if err := row.done(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// done answers what did not fit; keys that nobody took are an error, for nouns that keep none of their own.
func (f *fields) done() error {
	for k := range f.m {
		if f.err == nil {
			f.err = cloud.Invalidf(f.noun, k, "Additional properties are not allowed ('%s' was unexpected)", k)
		}
	}
	return f.err
}

// extra is what was not taken, verbatim.
func (f *fields) extra() map[string]any {
	delete(f.m, "id")
	delete(f.m, "links")
	if len(f.m) == 0 {
		return nil
	}
	m := map[string]any{}
	for k, raw := range f.m {
		var v any
		if json.Unmarshal(raw, &v) == nil {
			m[k] = v
		}
	}
	return m
}

// with is a copy of extra with fixed keys over it.
func with(extra map[string]any, fixed object) object {
	o := object{}
	for k, v := range extra {
		o[k] = v
	}
	for k, v := range fixed {
		o[k] = v
	}
	return o
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func optionsOf(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}

func orNull[S ~string](s S) any {
	if s == "" {
		return nil
	}
	return s
}

// one answers {"noun": …}.
func one(w http.ResponseWriter, status int, noun string, v any) error {
	return openstack.WriteJSON(w, status, object{noun: v})
}

// list answers a list with its links. limit is what the client asked for; a full page has a next one.
func (a *api) list(w http.ResponseWriter, r *http.Request, nouns string, items []object, limit int) error {
	var next any
	if limit > 0 && len(items) == limit {
		q := r.URL.Query()
		q.Set("marker", items[limit-1]["id"].(string))
		next = a.root(r) + r.URL.Path + "?" + q.Encode()
	}
	links := object{"self": a.root(r) + r.URL.Path + queryOf(r.URL), "previous": nil, "next": next}
	return openstack.WriteJSON(w, http.StatusOK, object{nouns: orEmpty(items), "links": links})
}

func queryOf(u *url.URL) string {
	if u.RawQuery == "" {
		return ""
	}
	return "?" + u.RawQuery
}

// each makes the objects of a list.
func each[T any](list []T, f func(T) object) []object {
	out := make([]object, len(list))
	for i, v := range list {
		out[i] = f(v)
	}
	return out
}

// filter reads what a list is asked to show.
func filter(r *http.Request) (identity.Filter, error) {
	q := r.URL.Query()
	f := identity.Filter{Name: q.Get("name"), DomainID: cloud.DomainID(q.Get("domain_id")), ParentID: cloud.ProjectID(q.Get("parent_id")),
		Tags: words(q, "tags"), TagsAny: words(q, "tags-any"), NotTags: words(q, "not-tags"), NotTagsAny: words(q, "not-tags-any"),
		Marker: q.Get("marker")}
	if text := q.Get("enabled"); q.Has("enabled") {
		on := text != "0" && !strings.EqualFold(text, "false")
		f.Enabled = &on
	}
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return f, cloud.Invalidf("request", "limit", "Invalid input for field 'limit': '%s' is not a number that is not negative.", text)
		}
		f.Limit = n
	}
	for key, values := range q {
		field, op, ok := strings.Cut(key, "__")
		if ok && (field == "name" || field == "description" || field == "type") && slices.Contains(identity.MatchOps, op) {
			f.Matches = append(f.Matches, identity.Match{Field: field, Op: op, Value: values[0]})
		}
	}
	return f, nil
}

func words(q url.Values, key string) []string {
	if q.Get(key) == "" {
		return nil
	}
	return strings.Split(q.Get(key), ",")
}

// asked tells whether a flag of the query is set: there, and not "0" or "false".
func asked(r *http.Request, key string) bool {
	q := r.URL.Query()
	return q.Has(key) && q.Get(key) != "0" && !strings.EqualFold(q.Get(key), "false")
}

func caller(r *http.Request) *cloud.Principal { return cloud.PrincipalOf(r.Context()) }
