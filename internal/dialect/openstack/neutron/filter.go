package neutron

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

// filter turns the values of one query key into alternatives of conditions (a row must
// meet all conditions of one of them) or into a function.
type filter[T any] func(values []string) (alternatives [][]cloud.Cond, keep func(*T) bool, err error)

// filters are a resource's filters by query key. Another key is an error: to leave a
// misspelt filter out of account would answer with too much.
type filters[T any] map[string]filter[T]

// lookups are a resource's filters on what other rows say, by query key.
type lookups[T any] map[string]func(ctx context.Context, values []string) (keep func(*T) bool, err error)

// split takes the lookups out of a query.
func (ls lookups[T]) split(q url.Values) (own, elsewhere url.Values) {
	own, elsewhere = url.Values{}, url.Values{}
	for name, values := range q {
		if ls[name] != nil {
			elsewhere[name] = values
		} else {
			own[name] = values
		}
	}
	return own, elsewhere
}

func (ls lookups[T]) parse(ctx context.Context, q url.Values) (keeps []func(*T) bool, err error) {
	for name, values := range q {
		keep, err := ls[name](ctx, values)
		if err != nil {
			return nil, err
		}
		keeps = append(keeps, keep)
	}
	return keeps, nil
}

// paging are the query keys that are no filters.
var paging = []string{"limit", "marker", "page_reverse", "sort_key", "sort_dir", "fields"}

func (fs filters[T]) parse(q url.Values) ([][]cloud.Cond, []func(*T) bool, error) {
	all := [][]cloud.Cond{nil}
	var keeps []func(*T) bool
	for name, values := range q {
		if slices.Contains(paging, name) {
			continue
		}
		f, ok := fs[name]
		if !ok {
			return nil, nil, cloud.Invalidf("request", "filters", "'%s' is invalid attribute for filtering", name)
		}
		alternatives, keep, err := f(values)
		if err != nil {
			return nil, nil, err
		}
		if keep != nil {
			keeps = append(keeps, keep)
		}
		all = combine(all, alternatives)
	}
	return all, keeps, nil
}

// combine makes every pair of two lists of alternatives one.
func combine(a, b [][]cloud.Cond) [][]cloud.Cond {
	if len(b) == 0 {
		return a
	}
	var out [][]cloud.Cond
	for _, x := range a {
		for _, y := range b {
			out = append(out, append(slices.Clone(x), y...))
		}
	}
	return out
}

// byText filters on a column of text; several values are alternatives.
func byText[T any](column string) filter[T] {
	return func(values []string) ([][]cloud.Cond, func(*T) bool, error) {
		if len(values) == 1 {
			return [][]cloud.Cond{{cloud.Eq(column, values[0])}}, nil, nil
		}
		return [][]cloud.Cond{{cloud.In(column, values)}}, nil, nil
	}
}

func byBool[T any](column string) filter[T] {
	return func(values []string) ([][]cloud.Cond, func(*T) bool, error) {
		wanted := map[bool]bool{}
		for _, v := range values {
			b, err := openstack.ParseBool(column, v)
			if err != nil {
				return nil, nil, err
			}
			wanted[b] = true
		}
		if wanted[true] && wanted[false] {
			return nil, nil, nil
		}
		return [][]cloud.Cond{{cloud.Eq(column, wanted[true])}}, nil, nil
	}
}

func byInt[T any](column string) filter[T] {
	return func(values []string) ([][]cloud.Cond, func(*T) bool, error) {
		wanted := make([]int, len(values))
		for i, v := range values {
			n, err := strconv.Atoi(v)
			if err != nil {
				return nil, nil, cloud.Invalidf("request", "filters", "'%s' is not an integer", v)
			}
			wanted[i] = n
		}
		return [][]cloud.Cond{{cloud.In(column, wanted)}}, nil, nil
	}
}

// byVersion filters on an IP version that a column keeps as being 6 or not.
func byVersion[T any](values []string) ([][]cloud.Cond, func(*T) bool, error) {
	six := make([]string, len(values))
	for i, v := range values {
		six[i] = strconv.FormatBool(v == "6")
		if v != "4" && v != "6" {
			return nil, nil, cloud.Invalidf("request", "filters", "'%s' is not an IP version", v)
		}
	}
	return byBool[T]("ipv6")(six)
}

// versionShown is the number of an IP version.
func versionShown(ipv6 bool) int {
	if ipv6 {
		return 6
	}
	return 4
}

// byShown filters on what is shown, for attributes that are no column.
func byShown[T any](show func(*T) string) filter[T] {
	return func(values []string) ([][]cloud.Cond, func(*T) bool, error) {
		return nil, func(row *T) bool { return slices.Contains(values, show(row)) }, nil
	}
}

// common are the filters of every resource with a name, a project and times.
func common[T any](more filters[T]) filters[T] {
	fs := filters[T]{"id": byText[T]("id"), "name": byText[T]("name"), "description": byText[T]("description"),
		"project_id": byText[T]("project_id"), "tenant_id": byText[T]("project_id"), "revision_number": byInt[T]("revisions"),
		"changed_since": changedSince[T]}
	for name, f := range more {
		if f == nil {
			delete(fs, name)
		} else {
			fs[name] = f
		}
	}
	return fs
}

func changedSince[T any](values []string) ([][]cloud.Cond, func(*T) bool, error) {
	t, err := parseTime(values[0])
	return [][]cloud.Cond{{{Column: "updated_at", Op: cloud.OpGe, Value: t}}}, nil, err
}

// tagFilters are the four ways to ask for tags; each value is a list with commas.
func tagFilters[T any](tags func(*T) []string, fs filters[T]) filters[T] {
	has := func(row *T, t string) bool { return slices.Contains(tags(row), t) }
	fs["tags"] = func(values []string) ([][]cloud.Cond, func(*T) bool, error) {
		var all []cloud.Cond
		for _, t := range commas(values) {
			all = append(all, cloud.Eq("tags", t))
		}
		return [][]cloud.Cond{all}, nil, nil
	}
	fs["tags-any"] = func(values []string) ([][]cloud.Cond, func(*T) bool, error) {
		return [][]cloud.Cond{{cloud.In("tags", commas(values))}}, nil, nil
	}
	fs["not-tags"] = func(values []string) ([][]cloud.Cond, func(*T) bool, error) {
		wanted := commas(values)
		return nil, func(row *T) bool { return slices.ContainsFunc(wanted, func(t string) bool { return !has(row, t) }) }, nil
	}
	fs["not-tags-any"] = func(values []string) ([][]cloud.Cond, func(*T) bool, error) {
		wanted := commas(values)
		return nil, func(row *T) bool { return !slices.ContainsFunc(wanted, func(t string) bool { return has(row, t) }) }, nil
	}
	return fs
}

func commas(values []string) []string { return strings.Split(strings.Join(values, ","), ",") }
