package ec2

import (
	"context"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
)

// ask is what every Describe may be told.
type ask struct {
	ids     []string
	filters []shape.Filter
	max     *int
	token   string
}

// noun is what a Describe has to know of its rows.
type noun[T any] struct {
	ids    idKind
	list   lister[T]
	id     func(T) string
	place  func(T) string
	fields fields[T]
	tags   func(T) []shape.Tag
}

// pageLeast is the smallest page of most actions.
const pageLeast = 5

// describe is the course of a Describe: the rows of the ids, of them those that the filters let through, of them a page.
func (n noun[T]) describe(ctx context.Context, q ask) (page []T, next string, err error) {
	var rows []T
	if len(q.ids) > 0 {
		rows, err = find(ctx, n.ids, q.ids, n.list, n.id)
	} else {
		rows, err = n.list(ctx)
	}
	if err != nil {
		return nil, "", err
	}
	if rows, err = choose(rows, n.fields, q.filters, n.tags); err != nil {
		return nil, "", err
	}
	slices.SortStableFunc(rows, func(x, y T) int { return strings.Compare(n.place(x), n.place(y)) })
	return pageOf(rows, q.max, q.token, n.place, pageLeast)
}
