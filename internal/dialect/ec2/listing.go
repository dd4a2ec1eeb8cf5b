package ec2

import (
	"context"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
)

// pageLeast is the smallest page of most actions.
const pageLeast = 5

// namedOrAll are the rows that ids name, or all there are. One that is not there fails it.
func namedOrAll[T any](ctx context.Context, k idKind, texts []string, list lister[T], idOf func(T) string) ([]T, error) {
	if len(texts) > 0 {
		return find(ctx, k, texts, list, idOf)
	}
	return list(ctx)
}

// idsOrPages refuses a request that names rows and wants pages of them.
func idsOrPages(ids []string, max *int, name string) error {
	if len(ids) > 0 && max != nil {
		return invalidCombination("The parameter %s cannot be used with the parameter maxResults", name)
	}
	return nil
}

// pageFor is a page of the rows that filters let through, in the order of their places.
func pageFor[R any](rows []R, f fields[R], filters []shape.Filter, tags func(R) []shape.Tag, max *int, token string, placeOf func(R) string) ([]R, string, error) {
	rows, err := choose(rows, f, filters, tags)
	if err != nil {
		return nil, "", err
	}
	slices.SortStableFunc(rows, func(x, y R) int { return strings.Compare(placeOf(x), placeOf(y)) })
	return pageOf(rows, max, token, placeOf, pageLeast)
}

// known makes the fields of names that clients may filter by, and of which nothing here has a value.
func known[T any](f fields[T], names ...string) fields[T] {
	for _, name := range names {
		f[name] = func(T) []string { return nil }
	}
	return f
}
