package store

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// rerunsMax bounds how often one Update is run again because PostgreSQL chose it
// as the victim of a deadlock or serialisation failure.
const rerunsMax = 30

// txKey finds the transaction of one Store in a context; two Stores do not mix.
type txKey struct{ s *Store }

// rerunsOfConflict bounds how often one Update is run again because a row it had read was changed by somebody
// else before it wrote it. What the caller read outside the transaction stays old, so it is not often.
const rerunsOfConflict = 6

// tx is the transaction that a context carries.
type tx struct {
	writable bool
	// mu lets several goroutines of one transaction take turns on its connection.
	mu      sync.Mutex
	session session
	over    bool
	after   []func()
	own     error // what fn answered: passed on as it is
	// stale: a row was written that had been changed meanwhile, on an engine where that can happen within a transaction.
	stale bool
}

// use runs f on the transaction's connection.
func (t *tx) use(f func(session) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return internalf(nil, "a context was used after its transaction ended")
	}
	return f(t.session)
}

func (t *tx) end() {
	t.mu.Lock()
	t.over = true
	t.mu.Unlock()
}

func (s *Store) txOf(ctx context.Context) *tx {
	t, _ := ctx.Value(txKey{s}).(*tx)
	return t
}

// Update implements cloud.Transactor. Inside another Update it joins that one: an
// error of the inner fn undoes nothing by itself, the outer fn decides by
// returning it or not. Inside a View it is an Internal error. fn must not wait for
// another goroutine's Update: on SQLite there is one writer.
func (s *Store) Update(ctx context.Context, fn func(ctx context.Context) error) error {
	if t := s.txOf(ctx); t != nil {
		if !t.writable {
			return internalf(nil, "an Update inside a View")
		}
		return fn(ctx)
	}
	for run := 0; ; run++ {
		t := &tx{writable: true}
		err := s.engine.update(ctx, t.body(ctx, s, fn))
		t.end()
		if err == nil && s.fault != nil {
			if err := s.fault(ctx, true); err != nil {
				return err
			}
		}
		if err == nil {
			t.runAfter()
			return nil
		}
		if !t.again(err, run) || pause(ctx, run) != nil {
			return t.answer(err, "update")
		}
	}
}

// again tells whether an Update that failed is worth running once more.
func (t *tx) again(err error, run int) bool {
	if t.stale && cloud.Is(err, cloud.Conflict) {
		return run < rerunsOfConflict
	}
	return run < rerunsMax && rerunnable(err)
}

// answer is fn's own error unchanged, or the engine's with a kind.
func (t *tx) answer(err error, what string) error {
	if t.own != nil {
		return t.own
	}
	return failed(err, "%s", what)
}

// body makes fn the body of an engine's transaction.
func (t *tx) body(ctx context.Context, s *Store, fn func(context.Context) error) func(session) error {
	return func(on session) error {
		t.session = on
		t.own = fn(context.WithValue(ctx, txKey{s}, t))
		if t.own == nil && t.writable && s.fault != nil {
			t.own = s.fault(ctx, false)
		}
		return t.own
	}
}

func (t *tx) runAfter() {
	for _, f := range t.after {
		f()
	}
}

// pause waits a random moment before a rerun, longer each time, so that those who
// deadlocked with each other do not meet again.
func pause(ctx context.Context, run int) error {
	most := min(time.Millisecond<<min(run, 6), 50*time.Millisecond)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(rand.N(most)):
		return nil
	}
}

// View implements cloud.Transactor. Inside an Update or View it joins it; on
// PostgreSQL an Update's statements each see the newest committed state, so only a View
// of its own is one unchanging state.
func (s *Store) View(ctx context.Context, fn func(ctx context.Context) error) error {
	if s.txOf(ctx) != nil {
		return fn(ctx)
	}
	t := &tx{}
	err := s.engine.view(ctx, t.body(ctx, s, fn))
	t.end()
	if err != nil {
		return t.answer(err, "view")
	}
	t.runAfter()
	return nil
}

// Lock implements cloud.Transactor. On SQLite every Update is alone already.
func (s *Store) Lock(ctx context.Context, name string) error {
	t := s.txOf(ctx)
	if t == nil || !t.writable {
		return internalf(nil, "Lock of %q outside an Update", name)
	}
	return t.use(func(on session) error { return failed(on.lock(ctx, name), "lock %s", name) })
}

// After implements cloud.Transactor. In a View, f runs when the View has ended
// without an error. Several run in the order they were given.
func (s *Store) After(ctx context.Context, f func()) {
	t := s.txOf(ctx)
	if t == nil {
		f()
		return
	}
	t.mu.Lock()
	t.after = append(t.after, f)
	t.mu.Unlock()
}

// Generation numbers the state of the whole store that ctx's transaction sees: of
// two states, the later one has the larger number, and one state has one number.
// Call it in a View, whose reads all see that state; on PostgreSQL an Update's
// statements each see a newer one. Numbers survive restarts and only grow.
func (s *Store) Generation(ctx context.Context) (n int64, err error) {
	err = s.reading(ctx, func(on session) error {
		n, err = on.generation(ctx)
		return failed(err, "generation")
	})
	return n, err
}

// reading runs f in ctx's transaction, or without one.
func (s *Store) reading(ctx context.Context, f func(session) error) error {
	if t := s.txOf(ctx); t != nil {
		return t.use(f)
	}
	return s.engine.read(ctx, f)
}

// viewing is reading on one unchanging state (as far as ctx's transaction offers it).
func (s *Store) viewing(ctx context.Context, f func(session) error) error {
	if t := s.txOf(ctx); t != nil {
		return t.use(f)
	}
	return failed(s.engine.view(ctx, f), "view")
}

// writing runs f in ctx's Update, or in one of its own.
func (s *Store) writing(ctx context.Context, f func(session) error) error {
	return s.Update(ctx, func(ctx context.Context) error { return s.txOf(ctx).use(f) })
}

var _ cloud.Transactor = (*Store)(nil)
