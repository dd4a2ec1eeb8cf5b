package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// readersMax bounds the connections that read at once. All are kept open: a new one reads the whole schema, and prepares again
// whatever it is asked.
const readersMax = 16

// sqliteEngine is a database file: one connection writes, others read, and
// neither waits for the other (WAL).
type sqliteEngine struct {
	path    string
	pragmas []string
	writer  *writer
	slots   chan struct{} // one token per open or openable reader
	mu      sync.Mutex
	idle    []*sqliteConn // the one used last, which remembers most, is at the end
	topics  topics
	// temporary is a directory to remove at the end: an "in-memory" database.
	temporary string
	closing   sync.Once
}

// openSQLite opens the file, or with ":memory:" one that lives as long as the Store,
// on a memory file system where there is one. A true in-memory database of
// SQLite cannot be read while it is written, so it would not behave the same.
func openSQLite(path string, single bool) (*sqliteEngine, error) {
	e := &sqliteEngine{path: path, slots: make(chan struct{}, readersMax)}
	durable := "FULL"
	if path == ":memory:" {
		dir, err := os.MkdirTemp(memoryDir(), "nubo-memory-")
		if err != nil {
			return nil, fmt.Errorf("store: temporary database: %w", err)
		}
		e.temporary, e.path, durable = dir, filepath.Join(dir, "nubo.db"), "OFF"
	} else if err := prepareFile(path); err != nil {
		return nil, err
	}
	// FULL: the WAL is synced at each commit, so what was acknowledged survives a power cut.
	e.pragmas = []string{"busy_timeout=10000", "journal_mode=WAL", "synchronous=" + durable,
		"foreign_keys=OFF", "temp_store=MEMORY", "journal_size_limit=67108864", "cache_size=-2000"}
	conn, err := openSQLiteConn(e.path, append(e.pragmas, "cache_size=-16000", "wal_autocheckpoint=2000"))
	if err != nil {
		e.removeTemporary()
		return nil, unavailable(err, "open %s", e.path)
	}
	e.writer = newWriter(conn, single)
	return e, nil
}

func memoryDir() string {
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		return "/dev/shm"
	}
	return ""
}

// prepareFile makes the file, readable by its owner only: it holds password hashes and keys.
func prepareFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("store: directory of the database: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("store: database file: %w", err)
	}
	return f.Close()
}

func (e *sqliteEngine) dialect() *dialect { return sqliteDialect }

// reader takes a connection for reading, waiting while all are in use.
func (e *sqliteEngine) reader(ctx context.Context) (*sqliteConn, error) {
	select {
	case e.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if c := e.takeIdle(); c != nil {
		return c, nil
	}
	c, err := openSQLiteConn(e.path, append(e.pragmas, "query_only=ON"))
	if err != nil {
		<-e.slots
	}
	return c, err
}

// takeIdle is an open connection that nobody uses; nil if there is none.
func (e *sqliteEngine) takeIdle() (c *sqliteConn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if last := len(e.idle) - 1; last >= 0 {
		c, e.idle = e.idle[last], e.idle[:last]
	}
	return c
}

func (e *sqliteEngine) giveBack(c *sqliteConn) {
	e.mu.Lock()
	e.idle = append(e.idle, c)
	e.mu.Unlock()
	<-e.slots
}

func (e *sqliteEngine) read(ctx context.Context, f func(session) error) error {
	c, err := e.reader(ctx)
	if err != nil {
		return failed(err, "read")
	}
	defer e.giveBack(c)
	return f(&sqliteReader{sqliteConn: c})
}

func (e *sqliteEngine) view(ctx context.Context, f func(session) error) error {
	c, err := e.reader(ctx)
	if err != nil {
		return err
	}
	defer e.giveBack(c)
	if _, err := c.exec(ctx, "BEGIN"); err != nil {
		return err
	}
	defer c.exec(context.Background(), "ROLLBACK") //nolint:errcheck // ends a read; there is nothing to lose
	return f(&sqliteReader{sqliteConn: c, inView: true})
}

func (e *sqliteEngine) update(ctx context.Context, f func(session) error) error {
	return e.writer.update(ctx, f)
}

// alone needs nothing more: a writing transaction excludes other processes' too.
func (e *sqliteEngine) alone(ctx context.Context, f func(session) error) error {
	return e.writer.update(ctx, f)
}

func (e *sqliteEngine) notify(_ context.Context, topic string) error {
	e.topics.wake(topic)
	return nil
}

func (e *sqliteEngine) listen(topic string, f func()) (func(), error) {
	return e.topics.add(topic, f), nil
}

func (e *sqliteEngine) close() (err error) {
	e.closing.Do(func() {
		err = e.writer.close()
		for range readersMax {
			e.slots <- struct{}{} // waits for readers to finish
		}
		for c := e.takeIdle(); c != nil; c = e.takeIdle() {
			err = errors.Join(err, c.close())
		}
		e.removeTemporary()
	})
	return err
}

func (e *sqliteEngine) removeTemporary() {
	if e.temporary != "" {
		_ = os.RemoveAll(e.temporary) // nobody needs it; the next start of the machine removes it too
	}
}

// backup writes a copy of the present state to a new file.
func (e *sqliteEngine) backup(ctx context.Context, path string) error {
	c, err := e.reader(ctx)
	if err != nil {
		return err
	}
	defer e.giveBack(c)
	if err := c.once(ctx, "PRAGMA query_only=OFF"); err != nil {
		return err
	}
	defer c.once(context.Background(), "PRAGMA query_only=ON") //nolint:errcheck // a reader's belt besides its braces
	return c.once(ctx, "VACUUM INTO '"+strings.ReplaceAll(path, "'", "''")+"'")
}

// sqliteReader is a session that only reads.
type sqliteReader struct {
	*sqliteConn
	inView bool
}

func (r *sqliteReader) write(context.Context, string, []any) (int64, int64, error) {
	return 0, 0, internalf(nil, "a write outside an Update")
}

func (r *sqliteReader) lock(context.Context, string) error {
	return internalf(nil, "a lock outside an Update")
}

func (r *sqliteReader) generation(ctx context.Context) (int64, error) {
	return sqliteCounter(ctx, r)
}

func (r *sqliteReader) steady() bool     { return r.inView }
func (r *sqliteReader) committed() int64 { return 1<<63 - 1 } // all it sees

// sqliteCounter is the highest revision of the state that s sees.
func sqliteCounter(ctx context.Context, s session) (n int64, err error) {
	_, err = one(ctx, s, "SELECT n FROM nubo_counter", nil, &n)
	return n, err
}

func (r *sqliteReader) countFrom(context.Context, int64) error {
	return internalf(nil, "a write outside an Update")
}
