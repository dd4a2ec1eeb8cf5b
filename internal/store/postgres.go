package store

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// postgresEngine is a PostgreSQL database, shared by any number of processes.
//
// Updates run READ COMMITTED: rows are guarded by their revision, what is counted by
// Lock, what is unique by indexes. Views run REPEATABLE READ.
type postgresEngine struct {
	pool   *pgxpool.Pool
	log    *slog.Logger
	topics topics
	// offset is added to generations, see afterRestore.
	offset int64

	listening sync.Once
	stop      context.CancelFunc
	stopped   chan struct{}
}

func openPostgres(ctx context.Context, url string, o Options) (engine, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, unavailable(err, "database URL")
	}
	config.MaxConns = int32(o.ConnectionsMax)
	config.ConnConfig.RuntimeParams["application_name"] = "nubo"
	config.ConnConfig.RuntimeParams["timezone"] = "UTC"
	config.ConnConfig.RuntimeParams["synchronous_commit"] = "on" // whatever the server's default: acknowledged is on disk
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err == nil {
		err = pool.Ping(ctx)
	}
	if err != nil {
		if pool != nil {
			pool.Close()
		}
		return nil, unavailable(err, "connect to PostgreSQL")
	}
	return &postgresEngine{pool: pool, log: o.Log, stop: func() {}, stopped: make(chan struct{})}, nil
}

func (e *postgresEngine) dialect() *dialect { return postgresDialect }

func (e *postgresEngine) read(ctx context.Context, f func(session) error) error {
	c, err := e.pool.Acquire(ctx)
	if err != nil {
		return failed(err, "read")
	}
	defer c.Release()
	return f(&postgresSession{e: e, conn: c.Conn()})
}

func (e *postgresEngine) view(ctx context.Context, f func(session) error) error {
	return e.transact(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", true, f)
}

func (e *postgresEngine) update(ctx context.Context, f func(session) error) error {
	return e.transact(ctx, "BEGIN ISOLATION LEVEL READ COMMITTED", false, f)
}

// endTime bounds how long ending a transaction may take when its caller has gone.
const endTime = 10 * time.Second

func (e *postgresEngine) transact(ctx context.Context, begin string, steady bool, f func(session) error) (err error) {
	c, err := e.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release() // drops a connection that is closed or still in a transaction
	if _, err := c.Exec(ctx, begin); err != nil {
		return err
	}
	committed := false
	defer func() {
		if committed {
			return
		}
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
		defer cancel()
		_, _ = c.Exec(end, "ROLLBACK") // if it fails the connection is dropped, which rolls back too
	}()
	if err := f(&postgresSession{e: e, conn: c.Conn(), inView: steady, inTx: true}); err != nil {
		return err
	}
	tag, err := c.Exec(ctx, "COMMIT")
	if err == nil && tag.String() != "COMMIT" {
		// A statement failed and fn went on without reporting it: PostgreSQL rolled back.
		err = errors.New("the transaction was rolled back: a statement in it failed")
	}
	committed = err == nil
	return err
}

// aloneLock is the advisory lock of schema changes: "nubo" in hexadecimal.
const aloneLock = 0x6e75626f

func (e *postgresEngine) alone(ctx context.Context, f func(session) error) error {
	return e.update(ctx, func(on session) error {
		if _, err := on.exec(ctx, "SELECT pg_advisory_xact_lock("+strconv.Itoa(aloneLock)+")"); err != nil {
			return err
		}
		return f(on)
	})
}

func (e *postgresEngine) close() error {
	e.listening.Do(func() { close(e.stopped) }) // never listened
	e.stop()
	<-e.stopped
	e.pool.Close()
	return nil
}

// postgresSession is a connection in use.
type postgresSession struct {
	e            *postgresEngine
	conn         *pgx.Conn
	inView, inTx bool
}

func (s *postgresSession) exec(ctx context.Context, query string, args ...any) (int64, error) {
	tag, err := s.conn.Exec(ctx, query, args...)
	return tag.RowsAffected(), postgresError(err)
}

func (s *postgresSession) query(ctx context.Context, query string, args []any, each func(row) error) error {
	rows, err := s.conn.Query(ctx, query, args...)
	if err != nil {
		return postgresError(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return postgresError(rows.Err())
}

// write runs under a savepoint: a broken constraint would otherwise end the whole
// transaction, and callers that try the next free address go on after one. The three
// statements travel together.
func (s *postgresSession) write(ctx context.Context, query string, args []any) (revision, rows int64, err error) {
	if !s.inTx || s.inView {
		return 0, 0, internalf(nil, "a write outside an Update")
	}
	b := &pgx.Batch{}
	b.Queue("SAVEPOINT nubo_write")
	b.Queue(query, args...).Query(func(found pgx.Rows) error {
		for found.Next() {
			rows++
			if err := found.Scan(&revision); err != nil {
				return err
			}
		}
		return found.Err()
	})
	b.Queue("RELEASE SAVEPOINT nubo_write")
	err = postgresError(s.conn.SendBatch(ctx, b).Close())
	var v *violation
	if errors.As(err, &v) {
		if _, undo := s.conn.Exec(ctx, "ROLLBACK TO SAVEPOINT nubo_write"); undo != nil {
			return 0, 0, undo
		}
	}
	return revision, rows, err
}

// lock waits as long as ctx allows: pgx cancels the statement when it ends.
func (s *postgresSession) lock(ctx context.Context, name string) error {
	h := fnv.New64a()
	h.Write([]byte(name))
	_, err := s.exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(h.Sum64()))
	return err
}

// generation counts the transactions that ended before the state was taken: every id
// below xmax but those still running. States follow one another in the order of
// commits, so a later state has more of them.
// See https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-PG-SNAPSHOT.
func (s *postgresSession) generation(ctx context.Context) (n int64, err error) {
	_, err = one(ctx, s, "SELECT pg_snapshot_xmax(s)::text::bigint - (SELECT count(*) FROM pg_snapshot_xip(s))"+
		" FROM pg_current_snapshot() AS s", nil, &n)
	return n + s.e.offset, err
}

func (s *postgresSession) countFrom(ctx context.Context, n int64) error {
	_, err := s.exec(ctx, "SELECT setval('nubo_revision', greatest($1, (SELECT last_value FROM nubo_revision)))", n)
	return err
}

func (s *postgresSession) steady() bool { return s.inView }

// committed trusts every revision: one that is rolled back is never given again.
func (s *postgresSession) committed() int64 { return 1<<63 - 1 }

// SQLSTATE codes that matter here; see https://www.postgresql.org/docs/current/errcodes-appendix.html.
const (
	pgUnique        = "23505"
	pgSerialization = "40001"
	pgDeadlock      = "40P01"
)

func postgresError(err error) error {
	var e *pgconn.PgError
	if errors.As(err, &e) && e.Code == pgUnique {
		return &violation{index: e.ConstraintName, cause: err}
	}
	return err
}

// rerunnable tells whether PostgreSQL asks for the transaction to be run again.
func rerunnable(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Code == pgSerialization || e.Code == pgDeadlock)
}

// pgTransient tells errors that may be gone next time: connections, resources, operator intervention.
func pgTransient(err error) bool {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		switch e.Code[:2] {
		case "08", "40", "53", "55", "57", "58":
			return true
		}
		return false
	}
	var c *pgconn.ConnectError
	var n net.Error
	return errors.As(err, &c) || errors.As(err, &n) || pgconn.SafeToRetry(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// settle learns how this database's generations continue those of the one it was
// copied from. Transaction ids belong to a cluster: a dump restored into another starts anew.
func (e *postgresEngine) settle(ctx context.Context, s *Store) error {
	return e.alone(ctx, func(on session) error {
		var here string
		if _, err := one(ctx, on, "SELECT system_identifier::text FROM pg_control_system()", nil, &here); err != nil {
			return err
		}
		known, err := metaIn(ctx, on, postgresDialect, "cluster")
		if err != nil {
			return err
		}
		if known != "" && known != here {
			e.log.Warn("this database was restored into another PostgreSQL cluster; counting on from the time of day")
			offset := time.Now().UnixMicro()
			if err := s.setMeta(ctx, on, "generation-offset", strconv.FormatInt(offset, 10)); err != nil {
				return err
			}
		}
		if known != here {
			if err := s.setMeta(ctx, on, "cluster", here); err != nil {
				return err
			}
		}
		offset, err := metaIn(ctx, on, postgresDialect, "generation-offset")
		if err != nil || offset == "" {
			return err
		}
		if e.offset, err = strconv.ParseInt(offset, 10, 64); err != nil {
			return fmt.Errorf("generation offset: %w", err)
		}
		return nil
	})
}
