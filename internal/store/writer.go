package store

import (
	"context"
	"errors"
	"sync"
	"time"
)

// A batch takes in transactions as long as others wait for the writer, but not more
// than this: the first ones are waiting for its commit.
const (
	batchMax  = 128
	batchTime = 8 * time.Millisecond
)

// writer is the one connection that writes. Transactions take turns on it, first
// come first served. Each runs under a savepoint of its own; if others wait when it
// is done, the next one continues in the same SQLite transaction, and the last commits
// for all. So one sync of the disk serves everybody who came during the one before.
//
//	update -> acquire -> join (BEGIN if first, SAVEPOINT) -> fn -> leave
//	                                     RELEASE or ROLLBACK TO --/  \-- COMMIT, or pass the writer on and wait
//
// An Update returns only after that commit. When the commit fails, all that
// shared it fail.
type writer struct {
	conn *sqliteConn
	// single turns sharing off: each transaction commits alone (to measure the difference).
	single bool

	mu      sync.Mutex
	held    bool
	closed  bool
	waiting []chan struct{}

	// The rest belongs to whoever holds the writer.
	batch *batch
	// high is the highest revision ever given out here, also by transactions that were
	// rolled back: a revision is never given twice, whatever the database forgot.
	high int64
	base int64 // the counter as the batch found it
}

// batch is one SQLite transaction shared by several callers.
type batch struct {
	began        time.Time
	joined, kept int
	broken       error // the transaction is gone: nobody's changes are there
	done         chan struct{}
	err          error // of the commit; read after done
}

var errClosed = errors.New("the store is closed")

func newWriter(conn *sqliteConn, single bool) *writer { return &writer{conn: conn, single: single} }

// acquire waits for the writer. A caller who gives up while it is being handed over
// passes it on.
func (w *writer) acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return unavailable(errClosed, "update")
	}
	if !w.held {
		w.held = true
		w.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	w.waiting = append(w.waiting, turn)
	w.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		w.giveUp(turn)
		return ctx.Err()
	}
}

func (w *writer) giveUp(turn chan struct{}) {
	w.mu.Lock()
	for i, t := range w.waiting {
		if t == turn {
			w.waiting = append(w.waiting[:i], w.waiting[i+1:]...)
			w.mu.Unlock()
			return
		}
	}
	w.mu.Unlock()
	w.passOn() // it was ours already
}

// release hands the writer to the next caller, or to nobody.
func (w *writer) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting) == 0 {
		w.held = false
		return
	}
	next := w.waiting[0]
	w.waiting = w.waiting[1:]
	close(next)
}

func (w *writer) othersWait() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.waiting) > 0
}

// update runs fn in a transaction of its own within a batch.
func (w *writer) update(ctx context.Context, fn func(session) error) error {
	if err := w.acquire(ctx); err != nil {
		return err
	}
	b, err := w.join()
	if err != nil {
		w.passOn()
		return err
	}
	finished := false
	defer func() {
		if !finished { // fn panicked, or ended its goroutine
			_ = w.leave(b, errors.New("panic"))
		}
	}()
	err = fn(&sqliteWriter{w})
	finished = true
	return w.leave(b, err)
}

// join begins a batch if there is none, and a savepoint in it.
func (w *writer) join() (*batch, error) {
	ctx := context.Background()
	if w.batch == nil {
		if _, err := w.conn.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
			return nil, err
		}
		w.batch = &batch{began: time.Now(), done: make(chan struct{})}
		if err := w.readCounter(ctx); err != nil {
			w.batch.broken = err
			return nil, err
		}
	}
	b := w.batch
	b.joined++
	if _, err := w.conn.exec(ctx, "SAVEPOINT one"); err != nil {
		b.broken = err
		return nil, err
	}
	return b, nil
}

// readCounter learns how far other processes counted. A new database has no counter yet.
func (w *writer) readCounter(ctx context.Context) error {
	there, err := one(ctx, &sqliteReader{sqliteConn: w.conn}, "SELECT 1 FROM sqlite_master WHERE name = 'nubo_counter'", nil, new(int64))
	if err != nil || !there {
		return err
	}
	n, err := sqliteCounter(ctx, &sqliteReader{sqliteConn: w.conn})
	w.base, w.high = n, max(n, w.high)
	return err
}

// leave ends the caller's part of the batch, and the batch itself if nobody waits to join it.
func (w *writer) leave(b *batch, err error) error {
	w.endSavepoint(b, err)
	w.passOn()
	if err != nil {
		return err
	}
	<-b.done
	return b.err
}

func (w *writer) endSavepoint(b *batch, err error) {
	ctx := context.Background()
	if err == nil {
		if _, err := w.conn.exec(ctx, "RELEASE one"); err != nil {
			b.broken = err
		}
		b.kept++
		return
	}
	// After some errors (disk full) SQLite has rolled back everything and knows no savepoint.
	if _, err := w.conn.exec(ctx, "ROLLBACK TO one"); err != nil {
		b.broken = err
		return
	}
	if _, err := w.conn.exec(ctx, "RELEASE one"); err != nil {
		b.broken = err
	}
}

// passOn gives the writer to the next caller, with the batch if it can take another.
func (w *writer) passOn() {
	if b := w.batch; b != nil && (b.broken != nil || w.single || b.joined >= batchMax ||
		time.Since(b.began) > batchTime || !w.othersWait()) {
		w.finish(b)
	}
	w.release()
}

// finish commits the batch and tells everybody who shared it.
func (w *writer) finish(b *batch) {
	w.batch = nil
	b.err = w.commit(b)
	if b.err != nil {
		_, _ = w.conn.exec(context.Background(), "ROLLBACK") // it may be gone already
		b.err = unavailable(b.err, "commit")
	}
	close(b.done)
}

func (w *writer) commit(b *batch) error {
	ctx := context.Background()
	if b.broken != nil {
		return b.broken
	}
	if b.kept == 0 {
		_, err := w.conn.exec(ctx, "ROLLBACK")
		return err
	}
	if w.high > w.base {
		if _, err := w.conn.exec(ctx, "UPDATE nubo_counter SET n = ?", w.high); err != nil {
			return err
		}
	}
	_, err := w.conn.exec(ctx, "COMMIT")
	return err
}

// close refuses newcomers, waits for those who came before, and closes the connection.
func (w *writer) close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil
	}
	w.closed = true
	turn := make(chan struct{})
	if w.held {
		w.waiting = append(w.waiting, turn)
	} else {
		w.held = true
		close(turn)
	}
	w.mu.Unlock()
	<-turn
	if w.batch != nil {
		w.finish(w.batch)
	}
	return w.conn.close()
}

// sqliteWriter is the session of a transaction that writes.
type sqliteWriter struct{ w *writer }

func (s *sqliteWriter) exec(ctx context.Context, query string, args ...any) (int64, error) {
	return s.w.conn.exec(ctx, query, args...)
}

// query ignores the end of ctx once begun, like exec, and for the same reason.
func (s *sqliteWriter) query(ctx context.Context, query string, args []any, each func(row) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.w.conn.query(context.Background(), query, args, each)
}

func (s *sqliteWriter) write(ctx context.Context, query string, args []any) (int64, int64, error) {
	s.w.high++
	revision := s.w.high
	rows, err := s.exec(ctx, query, append([]any{revision}, args...)...)
	return revision, rows, err
}

// lock has nothing to do: no other transaction runs.
func (s *sqliteWriter) lock(context.Context, string) error { return nil }

func (s *sqliteWriter) generation(context.Context) (int64, error) { return s.w.high, nil }
func (s *sqliteWriter) steady() bool                              { return true }
func (s *sqliteWriter) committed() int64                          { return s.w.base }

func (s *sqliteWriter) countFrom(_ context.Context, n int64) error {
	s.w.high = max(s.w.high, n)
	return nil
}
