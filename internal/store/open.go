package store

import (
	"context"
	"log/slog"
	"os"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// Options are what a Store can be told. The zero value is right for serve.
type Options struct {
	Log *slog.Logger // nil: slog.Default()
	// CacheBytes bounds the memory for decoded rows; 0: 16 MiB.
	CacheBytes int
	// ConnectionsMax bounds the connections to PostgreSQL; 0: 16.
	ConnectionsMax int
	// SingleCommits makes every SQLite transaction commit alone, to measure what sharing gains.
	SingleCommits bool
	// Fault, if set, is asked around every commit, with the context of the Update; tests strike with it. An error before the
	// commit undoes the transaction. One after it is answered although the transaction is on disk, and
	// what was given to After does not run: so it looks when the process dies there.
	Fault func(ctx context.Context, committed bool) error
}

const (
	cacheBytes     = 16 << 20
	connectionsMax = 16
)

// Open opens the database at a URL and makes its schema current:
//
//	sqlite:///var/lib/nubo/nubo.db    a file, made if missing
//	sqlite::memory:                   for tests: gone when the Store is closed
//	postgres://user@host/name         also postgresql://
//
// A database written by a newer nubo is refused.
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = cacheBytes
	}
	if o.ConnectionsMax == 0 {
		o.ConnectionsMax = connectionsMax
	}
	e, err := openEngine(ctx, url, o)
	if err != nil {
		return nil, err
	}
	s := &Store{engine: e, cache: newCache(o.CacheBytes), log: o.Log, fault: o.Fault}
	s.makeTables()
	if err := s.prepare(ctx); err != nil {
		_ = e.close() // the first error is the one to report
		return nil, err
	}
	return s, nil
}

func openEngine(ctx context.Context, url string, o Options) (engine, error) {
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		return openSQLite(strings.TrimPrefix(path, "//"), o.SingleCommits)
	}
	if strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://") {
		return openPostgres(ctx, url, o)
	}
	return nil, cloud.Invalidf("store", "database",
		"The database URL must begin with sqlite:// or postgres://, for example sqlite:///var/lib/nubo/nubo.db.")
}

// Close waits for running transactions and closes the database. It may be called twice.
func (s *Store) Close() error { return failed(s.engine.close(), "close") }

// Backup writes a consistent copy of a SQLite database to a new file, readable by
// its owner only, while the store is in use. To restore, put the copy in the database's place. On PostgreSQL it is Unsupported: use pg_dump.
func (s *Store) Backup(ctx context.Context, path string) error {
	e, ok := s.engine.(*sqliteEngine)
	if !ok {
		return &cloud.Error{Kind: cloud.Unsupported, Resource: "store", Message: "Back up PostgreSQL with pg_dump or its own tools."}
	}
	// VACUUM INTO fills an empty file and leaves its mode: the copy holds secrets.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return cloud.Invalidf("store", "path", "The backup cannot be written: %v.", err)
	}
	_ = f.Close() // nothing was written
	if err = e.backup(ctx, path); err == nil {
		err = markCopy(ctx, path)
	}
	if err != nil {
		_ = os.Remove(path) // half a copy is worse than none
	}
	return failed(err, "backup to %s", path)
}

// markCopy sets the mark that makes the copy's first opening count on.
func markCopy(ctx context.Context, path string) error {
	c, err := openSQLiteConn(path, []string{"synchronous=FULL"})
	if err != nil {
		return err
	}
	err = c.once(ctx, "INSERT OR REPLACE INTO nubo_meta (name, value) VALUES ('"+restoredMark+"', 'yes')")
	if closed := c.close(); err == nil {
		err = closed
	}
	return err
}
