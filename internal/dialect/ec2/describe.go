package ec2

import (
	"context"

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

// describe is the course of a Describe: the rows of the ids, of them those that the filters let through, of them a page.
func (n noun[T]) describe(ctx context.Context, q ask) (page []T, next string, err error) {
	rows, err := namedOrAll(ctx, n.ids, q.ids, n.list, n.id)
	if err != nil {
		return nil, "", err
	}
	return pageFor(rows, n.fields, q.filters, n.tags, q.max, q.token, n.place)
}
