package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// statementsMax bounds the prepared statements that one connection keeps.
const statementsMax = 200

// sqliteConn is one connection with its prepared statements. It talks to the driver
// directly: database/sql would add a pool that must not exist for the single
// writer, and conversions that cost more than SQLite itself on small reads.
type sqliteConn struct {
	conn       driver.Conn
	statements map[string]driver.Stmt
}

func openSQLiteConn(path string, pragmas []string) (*sqliteConn, error) {
	conn, err := (&sqlite.Driver{}).Open(path)
	if err != nil {
		return nil, err
	}
	c := &sqliteConn{conn: conn, statements: map[string]driver.Stmt{}}
	for _, p := range pragmas {
		if err := c.pragma(p); err != nil {
			_ = conn.Close() // the pragma's error is the one that matters
			return nil, fmt.Errorf("PRAGMA %s: %w", p, err)
		}
	}
	return c, nil
}

// pragmaPatience bounds how long a setting waits for other processes that open the database.
const pragmaPatience = 10 * time.Second

// pragma makes a setting. The change to WAL wants the file for itself and does not wait for it, whatever busy_timeout
// says: processes that open a new database at once have to ask again.
func (c *sqliteConn) pragma(p string) error {
	for end := time.Now().Add(pragmaPatience); ; {
		err := c.once(context.Background(), "PRAGMA "+p)
		var fault *sqlite.Error
		if !errors.As(err, &fault) || fault.Code()&0xff != sqlite3.SQLITE_BUSY || time.Now().After(end) {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (c *sqliteConn) close() error {
	for _, s := range c.statements {
		_ = s.Close() // closing the connection tells what is wrong with it
	}
	return c.conn.Close()
}

// prepared is the statement of that text, from the cache if it was used before.
func (c *sqliteConn) prepared(query string) (driver.Stmt, error) {
	if s, ok := c.statements[query]; ok {
		return s, nil
	}
	s, err := c.conn.Prepare(query)
	if err != nil {
		return nil, fmt.Errorf("%w in %s", err, query)
	}
	if len(c.statements) >= statementsMax {
		c.forgetOne()
	}
	c.statements[query] = s
	return s, nil
}

// forgetOne drops any statement: with a few hundred texts in all this is rare, and
// the order does not matter.
func (c *sqliteConn) forgetOne() {
	for q, s := range c.statements {
		_ = s.Close() // nothing runs on it
		delete(c.statements, q)
		return
	}
}

// once runs a statement that is not worth keeping prepared.
func (c *sqliteConn) once(ctx context.Context, query string) error {
	_, err := c.conn.(driver.ExecerContext).ExecContext(ctx, query, nil)
	return err
}

// exec runs to the end whatever becomes of ctx: interrupting a write would roll
// back the whole transaction, and with it other callers' that share the commit.
func (c *sqliteConn) exec(ctx context.Context, query string, args ...any) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s, err := c.prepared(query)
	if err != nil {
		return 0, err
	}
	res, err := s.(driver.StmtExecContext).ExecContext(context.Background(), named(args))
	if err != nil {
		return 0, sqliteError(err)
	}
	return res.RowsAffected()
}

// query reads rows. Only the connection of a reader may be interrupted by ctx.
func (c *sqliteConn) query(ctx context.Context, query string, args []any, each func(row) error) error {
	s, err := c.prepared(query)
	if err != nil {
		return err
	}
	rows, err := s.(driver.StmtQueryContext).QueryContext(ctx, named(args))
	if err != nil {
		return sqliteError(err)
	}
	r := sqliteRow{values: make([]driver.Value, len(rows.Columns()))}
	for {
		switch err := rows.Next(r.values); {
		case errors.Is(err, io.EOF):
			return rows.Close()
		case err != nil:
			_ = rows.Close() // the first error is the one to report
			return sqliteError(err)
		}
		if err := each(&r); err != nil {
			_ = rows.Close()
			return err
		}
	}
}

func named(args []any) []driver.NamedValue {
	out := make([]driver.NamedValue, len(args))
	for i, a := range args {
		out[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
	}
	return out
}

// sqliteRow is a row of the driver.
type sqliteRow struct{ values []driver.Value }

func (r *sqliteRow) Scan(dest ...any) error {
	for i, d := range dest {
		ok := true
		switch d := d.(type) {
		case *string:
			*d, ok = r.values[i].(string)
		case *int64:
			*d, ok = r.values[i].(int64)
		case *float64:
			*d, ok = r.values[i].(float64)
		case *[]byte:
			var s string
			s, ok = r.values[i].(string)
			*d = []byte(s)
		case *any:
			*d = r.values[i]
		default:
			ok = false
		}
		if !ok {
			return fmt.Errorf("column %d: a %T does not fit a %T", i, r.values[i], d)
		}
	}
	return nil
}

// Result codes of SQLite that matter here; see https://www.sqlite.org/rescode.html.
const (
	sqliteBusy       = 5
	sqliteLocked     = 6
	sqliteInterrupt  = 9
	sqliteIOErr      = 10
	sqliteFull       = 13
	sqliteCantOpen   = 14
	sqliteUnique     = 2067
	sqlitePrimaryKey = 1555
)

// sqliteError makes a *violation of a broken unique constraint. Its text ends in
// "UNIQUE constraint failed: flavors.name (2067)".
func sqliteError(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) || e.Code() != sqliteUnique && e.Code() != sqlitePrimaryKey {
		return err
	}
	v := &violation{cause: err}
	_, list, ok := strings.Cut(e.Error(), "UNIQUE constraint failed: ")
	if !ok {
		return v
	}
	list, _, _ = strings.Cut(list, " (")
	for part := range strings.SplitSeq(list, ", ") {
		_, name, _ := strings.Cut(part, ".")
		v.columns = append(v.columns, name)
	}
	return v
}

// sqliteTransient tells errors that may be gone next time.
func sqliteTransient(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code() & 0xff {
	case sqliteBusy, sqliteLocked, sqliteInterrupt, sqliteIOErr, sqliteFull, sqliteCantOpen:
		return true
	}
	return false
}
