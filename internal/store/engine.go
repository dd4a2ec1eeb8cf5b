package store

import "context"

// engine is a database. Its errors are its own, except *violation; package-level
// functions give them a kind.
type engine interface {
	dialect() *dialect
	// read runs f on a connection without a transaction: each statement sees a state of its own.
	read(ctx context.Context, f func(session) error) error
	// view runs f on one unchanging state.
	view(ctx context.Context, f func(session) error) error
	// update runs f in a transaction, once. Durable when it returns nil.
	update(ctx context.Context, f func(session) error) error
	// alone runs f in a transaction that excludes every other opening of the same database.
	alone(ctx context.Context, f func(session) error) error
	notify(ctx context.Context, topic string) error
	// listen calls f after a notification of the topic, until stop is called.
	listen(topic string, f func()) (stop func(), err error)
	close() error
}

// session runs statements on one connection. Placeholders are the dialect's. Rows
// are all read before query returns. Only one goroutine may use it at a time.
type session interface {
	exec(ctx context.Context, query string, args ...any) (rows int64, err error)
	query(ctx context.Context, query string, args []any, each func(row) error) error
	// write is exec of a statement made by dialect.write. The transaction can go on after
	// a *violation. It answers the new revision; none when no row was written.
	write(ctx context.Context, query string, args []any) (revision int64, rows int64, err error)
	// lock waits until no other transaction holds the name.
	lock(ctx context.Context, name string) error
	// generation numbers the state that the session sees; a later state has a larger number.
	generation(ctx context.Context) (int64, error)
	// countFrom makes later revisions and generations larger than n.
	countFrom(ctx context.Context, n int64) error
	// steady tells whether all statements see the same state (but for own writes).
	steady() bool
	// committed is the highest revision that is certainly not an uncommitted one of this
	// transaction; rows with higher ones must not be remembered.
	committed() int64
}

// row is the current row of a query. Scan takes *string, *[]byte, *int64, *float64 and *any.
type row interface{ Scan(dest ...any) error }

// one runs a query for at most one row and tells whether there was one.
func one(ctx context.Context, s session, query string, args []any, dest ...any) (bool, error) {
	found := false
	err := s.query(ctx, query, args, func(r row) error {
		found = true
		return r.Scan(dest...)
	})
	return found, err
}
