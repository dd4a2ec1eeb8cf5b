package store

import (
	"cmp"
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// together lists two tables of the same columns as one: what is and what was.
type together[T any, ID ~string] [2]*table[T, ID]

// List implements cloud.Lister. Each table answers its own page of the query; the page of both is the first of the two merged.
func (both together[T, ID]) List(ctx context.Context, q cloud.Query, keep ...func(*T) bool) ([]*T, error) {
	first := both[0]
	forward := q
	forward.Reverse = false
	order, err := first.shape.ordering(forward)
	if err != nil {
		return nil, err
	}
	var rows []*T
	err = first.store.View(ctx, func(ctx context.Context) error {
		rows = nil
		for _, t := range both {
			list, err := t.List(ctx, q, keep...)
			if err != nil {
				return err
			}
			rows = append(rows, list...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(rows, first.comparing(order))
	q.After = "" // both have looked behind it
	page, _ := cloud.PageOf(rows, q, nil)
	return page, nil
}

// comparing compares rows by what their columns hold, as the engines do.
func (t *table[T, ID]) comparing(order []cloud.Order) func(a, b *T) int {
	return func(a, b *T) int {
		for _, o := range order {
			c := compareValues(t.sortValue(a, o.Column), t.sortValue(b, o.Column))
			if o.Desc {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	}
}

// sortValue is what a row's column holds. A value that cannot be encoded could not have been stored.
func (t *table[T, ID]) sortValue(noun *T, name string) any {
	switch name {
	case "id":
		return cleanText(string(t.def.id(noun)))
	case "created_at":
		return micros(stored(noun).CreatedAt)
	case "updated_at":
		return micros(stored(noun).UpdatedAt)
	case "revision":
		return stored(noun).Revision
	}
	i := slices.IndexFunc(t.def.columns, func(c column[T]) bool { return c.name == name })
	v, _ := t.def.columns[i].kind.encode(t.def.columns[i].of(noun))
	return v
}

// compareValues compares two values of one column.
func compareValues(a, b any) int {
	switch x := a.(type) {
	case int64:
		return cmp.Compare(x, b.(int64))
	case float64:
		return cmp.Compare(x, b.(float64))
	}
	return cmp.Compare(a.(string), b.(string))
}
