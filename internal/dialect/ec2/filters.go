package ec2

import (
	"slices"
	"strings"
	"unicode"

	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
)

// fields are the names that a noun can be filtered by, each with the values that it has there.
type fields[T any] map[string]func(T) []string

// one makes a field of a single value; an empty one is none.
func one[T any](of func(T) string) func(T) []string {
	return func(t T) []string {
		if v := of(t); v != "" {
			return []string{v}
		}
		return nil
	}
}

// truth makes a field of a yes or no.
func truth[T any](of func(T) bool) func(T) []string {
	return func(t T) []string {
		if of(t) {
			return []string{"true"}
		}
		return []string{"false"}
	}
}

// condition is one filter, ready to be asked.
type condition[T any] func(T) bool

// conditions makes filters ready: all must hold, and of each one value must. tags answers the tags of a row; nil where rows have none.
func (f fields[T]) conditions(filters []shape.Filter, tags func(T) []shape.Tag) ([]condition[T], error) {
	var all []condition[T]
	for _, filter := range filters {
		of, err := f.field(filter.Name, tags)
		if err != nil {
			return nil, err
		}
		patterns := filter.Values
		all = append(all, func(t T) bool {
			return slices.ContainsFunc(of(t), func(v string) bool {
				return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, v) })
			})
		})
	}
	return all, nil
}

func (f fields[T]) field(name string, tags func(T) []shape.Tag) (func(T) []string, error) {
	if key, ok := strings.CutPrefix(name, "tag:"); ok && tags != nil {
		return func(t T) []string { return valueOf(tags(t), key) }, nil
	}
	if of := f[name]; of != nil {
		return of, nil
	}
	if of := f[hyphened(name)]; of != nil {
		return of, nil
	}
	if tags != nil {
		switch name {
		case "tag-key":
			return func(t T) []string { return tagKeys(tags(t)) }, nil
		case "tag-value":
			return func(t T) []string { return tagValues(tags(t)) }, nil
		}
	}
	return nil, invalidParameter("The filter '%s' is invalid", name)
}

// hyphened is the newer form of a name in the older one: isDefault is is-default.
func hyphened(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// choose keeps the rows for which all filters hold.
func choose[T any](rows []T, f fields[T], filters []shape.Filter, tags func(T) []shape.Tag) ([]T, error) {
	all, err := f.conditions(filters, tags)
	if err != nil || len(all) == 0 {
		return rows, err
	}
	var kept []T
	for _, row := range rows {
		if holds(row, all) {
			kept = append(kept, row)
		}
	}
	return kept, nil
}

func holds[T any](row T, all []condition[T]) bool {
	for _, c := range all {
		if !c(row) {
			return false
		}
	}
	return true
}

// matches compares a value with a pattern, in which * is any text, ? any character, and \ takes their meaning away.
func matches(pattern, value string) bool {
	if !strings.ContainsAny(pattern, `*?\`) {
		return pattern == value
	}
	return glob([]rune(pattern), []rune(value))
}

// glob remembers the last star only: what it stood for grows when the rest does not fit.
func glob(pattern, value []rune) bool {
	p, v, star, from := 0, 0, -1, 0
	for v < len(value) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, v
			p++
		case p < len(pattern) && literal(pattern, p) == value[v] && pattern[p] != '?', p < len(pattern) && pattern[p] == '?':
			p += width(pattern, p)
			v++
		case star >= 0:
			from++
			p, v = star+1, from
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// literal is the character that the pattern wants at p, width how much of the pattern says so.
func literal(pattern []rune, p int) rune {
	if pattern[p] == '\\' && p+1 < len(pattern) {
		return pattern[p+1]
	}
	return pattern[p]
}

func width(pattern []rune, p int) int {
	if pattern[p] == '\\' && p+1 < len(pattern) {
		return 2
	}
	return 1
}
