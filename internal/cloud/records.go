package cloud

import (
	"context"
	"slices"
)

// Records is a table of one noun, as the use cases see it. Package store
// implements it on SQLite and PostgreSQL.
//
// Every method works inside the transaction that ctx carries (Transactor), or, without one, in one of its own.
// What Get and List return belongs to the caller, but slices and maps in it may be shared with
// other readers: replace them, do not write into them.
type Records[T any, ID ~string] interface {
	// Get answers NotFound when there is no such row.
	Get(ctx context.Context, id ID) (*T, error)
	// List answers the rows that match q and, if given, keep. Limit counts rows that were kept.
	List(ctx context.Context, q Query, keep ...func(*T) bool) ([]*T, error)
	// One is List for a query that can match one row at most; NotFound if none.
	One(ctx context.Context, where ...Cond) (*T, error)
	// Insert answers AlreadyExists when the id or a unique column is taken. It sets
	// Revision and, where zero, the times.
	Insert(ctx context.Context, t *T) error
	// Update writes t if its Revision is still the row's, else Conflict; NotFound when
	// the row is gone. It sets Revision and UpdatedAt.
	Update(ctx context.Context, t *T) error
	// Delete removes the row; NotFound when there is none.
	Delete(ctx context.Context, id ID) error
	// Count counts matching rows, Sum adds up a numeric column of them (0 if none).
	Count(ctx context.Context, where ...Cond) (int64, error)
	Sum(ctx context.Context, column string, where ...Cond) (int64, error)
}

// Lister is the reading of lists alone, of one table or of several as one.
type Lister[T any] interface {
	List(ctx context.Context, q Query, keep ...func(*T) bool) ([]*T, error)
}

// Transactor runs transactions. They are carried by the context, so that one use case can call another
// inside its own: an Update within an Update joins it.
type Transactor interface {
	// Update runs fn in a transaction that is on disk when Update returns nil, and
	// never was if fn or the commit failed. fn may be run again after a serialisation failure, so it
	// must have no effect but on the store (use After for others).
	Update(ctx context.Context, fn func(ctx context.Context) error) error
	// View runs fn on one unchanging state of the store.
	View(ctx context.Context, fn func(ctx context.Context) error) error
	// Lock makes transactions that lock the same name wait for each other until they end.
	// Lock whatever is counted (a project's quota, a host's capacity) before counting it. Only inside Update.
	Lock(ctx context.Context, name string) error
	// After calls f once the transaction is on disk, and not at all if it fails. Outside a transaction it calls f at once.
	After(ctx context.Context, f func())
}

// Query selects and orders rows.
type Query struct {
	Where []Cond
	// Order is by these columns, then by id in the direction of the last of them. Empty: created_at, then id.
	Order []Order
	// After is the id of the row that the answer starts behind, in Order (a page's
	// marker). A row that is not there is Invalid on field "marker".
	After string
	// Limit bounds the answer; 0 means all.
	Limit int
	// Reverse walks backwards from After: the rows before it, nearest last.
	Reverse bool
}

// Order is one sort key.
type Order struct {
	Column string
	Desc   bool
}

// PageOf is the part of rows, which are in Order, that q asks for: what List does, for rows that are at hand. Not found
// is a marker that none of them has as its id.
func PageOf[T any](rows []T, q Query, id func(T) string) (page []T, found bool) {
	if q.After != "" {
		i := slices.IndexFunc(rows, func(row T) bool { return id(row) == q.After })
		switch {
		case i < 0:
			return nil, false
		case q.Reverse:
			rows = rows[:i]
		default:
			rows = rows[i+1:]
		}
	}
	switch {
	case q.Limit <= 0 || q.Limit >= len(rows):
		return rows, true
	case q.Reverse:
		return rows[len(rows)-q.Limit:], true
	}
	return rows[:q.Limit], true
}

// Op compares a column with a value.
type Op string

// The comparisons. OpIn takes a slice; OpPrefix and OpContains take strings and
// respect case.
const (
	OpEq       Op = "="
	OpNe       Op = "<>"
	OpLt       Op = "<"
	OpLe       Op = "<="
	OpGt       Op = ">"
	OpGe       Op = ">="
	OpIn       Op = "in"
	OpPrefix   Op = "prefix"
	OpContains Op = "contains"
)

// Cond is one condition on a column. Columns have the names of the nouns' JSON fields
// that package store lists for the table; another name is Internal.
type Cond struct {
	Column string
	Op     Op
	Value  any
}

// Eq is the condition column = value.
func Eq(column string, value any) Cond { return Cond{column, OpEq, value} }

// In is the condition that column is one of values, which must be a slice.
func In(column string, values any) Cond { return Cond{column, OpIn, values} }

// Where is a query of conditions alone.
func Where(c ...Cond) Query { return Query{Where: c} }
