// Package reconcile runs work that is made right by looking again. A Loop holds
// keys; a run is told its key and nothing else, looks at what is wanted and what
// is, and makes them equal. It is run on a nudge (something changed), on a timer (something may have),
// and again after a failure, later each time.
//
//	Nudge(key) --> [waiting] --> run(key) --> done (and rest, if it is to)
//	                   ^            | error
//	                   +-- backoff -+
//
// One key runs in one goroutine at a time; any number of nudges while it waits
// are one run, and a nudge while it runs is one more run afterwards. Nothing here is
// kept when the process ends: the timer finds again what was forgotten.
//
// It is not a job queue: work that must happen once, with undo, is an Operation
// (package operation). The use-case packages and the agent call it.
package reconcile

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// ErrDrop ends a run that failed without another try: somebody else will nudge
// when it can succeed (a host that is down says so when it is up again). Wrap it.
var ErrDrop = errors.New("not worth trying again before something changes")

// Options tune a Loop. The zero value is good.
type Options struct {
	// Workers bounds the runs at one time; 0 means 32.
	Workers int
	// RetryMin and RetryMax bound the pause after a failure, which doubles each
	// time; 0 means 50 ms and 30 s.
	RetryMin, RetryMax time.Duration
}

// Loop runs a function for keys. Its methods may be called from any goroutine.
type Loop[K comparable] struct {
	name string
	log  *slog.Logger
	opts Options
	run  func(ctx context.Context, key K) error
	rest func(key K, took time.Duration) time.Duration // nil: none

	mu    sync.Mutex
	wake  sync.Cond
	items map[K]*item
	queue []K // due now, in the order they became so
	ended bool
}

// item is a key that waits, runs, or pauses after a failure.
type item struct {
	queued, running bool
	again           bool // nudged while running or resting
	resting         bool // between a run and the next one: timer is its end
	failures        int
	timer           *time.Timer
	waiters         []chan error // of the next run
}

// New makes a Loop. Keys nudged before Run are kept for it.
func New[K comparable](name string, log *slog.Logger, opts Options, run func(ctx context.Context, key K) error) *Loop[K] {
	if opts.Workers == 0 {
		opts.Workers = 32
	}
	if opts.RetryMin == 0 {
		opts.RetryMin = 50 * time.Millisecond
	}
	if opts.RetryMax == 0 {
		opts.RetryMax = 30 * time.Second
	}
	l := &Loop[K]{name: name, log: log.With("loop", name), opts: opts, run: run, items: map[K]*item{}}
	l.wake.L = &l.mu
	return l
}

// Rest makes keys pause after a run, for as long as rest says of the time it took: nudges meanwhile are one run after
// it, so that a key that is nudged all the time costs a bounded share of the processor. Do does not wait for the pause.
// Call it before Run.
func (l *Loop[K]) Rest(rest func(key K, took time.Duration) time.Duration) { l.rest = rest }

// Nudge asks for a run that begins after this call. It never blocks.
func (l *Loop[K]) Nudge(keys ...K) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range keys {
		if it := l.items[k]; it != nil && it.resting {
			it.again = true
			continue
		}
		l.nudge(k)
	}
}

// Do is Nudge that waits for that run and answers its error. A run that
// failed is tried again in the background all the same.
func (l *Loop[K]) Do(ctx context.Context, key K) error {
	done := make(chan error, 1)
	l.mu.Lock()
	if l.ended {
		l.mu.Unlock()
		return context.Canceled
	}
	it := l.nudge(key)
	it.waiters = append(it.waiters, done)
	l.mu.Unlock()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// nudge makes key due. The lock is held.
func (l *Loop[K]) nudge(k K) *item {
	it := l.items[k]
	if it == nil {
		it = &item{}
		l.items[k] = it
	}
	if it.timer != nil {
		it.timer.Stop()
		it.timer, it.resting, it.again = nil, false, false
	}
	switch {
	case it.running:
		it.again = true
	case !it.queued:
		l.enqueue(k, it)
	}
	return it
}

func (l *Loop[K]) enqueue(k K, it *item) {
	it.queued = true
	l.queue = append(l.queue, k)
	l.wake.Signal()
}

// Run works until ctx ends and all runs have returned. Call it once.
func (l *Loop[K]) Run(ctx context.Context) {
	stop := context.AfterFunc(ctx, l.end)
	defer stop()
	var workers sync.WaitGroup
	for range l.opts.Workers {
		workers.Go(func() { l.work(ctx) })
	}
	workers.Wait()
}

func (l *Loop[K]) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	for _, it := range l.items {
		if it.timer != nil {
			it.timer.Stop()
		}
		if !it.running {
			answer(it.waiters, context.Canceled)
			it.waiters = nil
		}
	}
	l.wake.Broadcast()
}

func (l *Loop[K]) work(ctx context.Context) {
	for {
		k, waiters, ok := l.next()
		if !ok {
			return
		}
		began := time.Now()
		err := l.run(ctx, k)
		l.finish(k, err, time.Since(began))
		answer(waiters, err)
	}
}

func answer(waiters []chan error, err error) {
	for _, w := range waiters {
		w <- err
	}
}

// next takes a key that is due, and those who wait for its run.
func (l *Loop[K]) next() (K, []chan error, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.queue) == 0 && !l.ended {
		l.wake.Wait()
	}
	var none K
	if l.ended {
		return none, nil, false
	}
	k := l.queue[0]
	l.queue[0] = none
	l.queue = l.queue[1:]
	it := l.items[k]
	it.queued, it.running = false, true
	waiters := it.waiters
	it.waiters = nil
	return k, waiters, true
}

func (l *Loop[K]) finish(k K, err error, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	it := l.items[k]
	it.running = false
	if l.ended {
		answer(it.waiters, context.Canceled)
		it.waiters = nil
		return
	}
	if err == nil {
		it.failures = 0
	} else {
		it.failures++
	}
	switch pause := l.pause(k, took); {
	case err == nil && pause > 0 && len(it.waiters) == 0:
		l.pauseFor(k, it, pause)
	case it.again:
		it.again = false
		l.enqueue(k, it)
	case err == nil:
		delete(l.items, k)
	case errors.Is(err, ErrDrop):
		l.log.Debug("dropped", "key", k, "error", err)
		delete(l.items, k)
	default:
		l.retry(k, it, err)
	}
}

func (l *Loop[K]) pause(k K, took time.Duration) time.Duration {
	if l.rest == nil {
		return 0
	}
	return l.rest(k, took)
}

// pauseFor lets a key rest. Nudged before or meanwhile, it is due at the end.
func (l *Loop[K]) pauseFor(k K, it *item, pause time.Duration) {
	it.resting = true
	l.after(k, it, pause, func() {
		it.resting = false
		if !it.again {
			delete(l.items, k)
			return
		}
		it.again = false
		l.enqueue(k, it)
	})
}

// retry makes the key due again after a pause.
func (l *Loop[K]) retry(k K, it *item, err error) {
	pause := l.opts.RetryMax
	if n := it.failures - 1; n < 20 {
		pause = min(pause, l.opts.RetryMin<<n)
	}
	l.log.Warn("run failed", "key", k, "failures", it.failures, "retry_in", pause, "error", err)
	l.after(k, it, pause, func() { l.enqueue(k, it) })
}

// after calls then, with the lock held, unless something else happens to the key before.
func (l *Loop[K]) after(k K, it *item, pause time.Duration, then func()) {
	var timer *time.Timer
	timer = time.AfterFunc(pause, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if it.timer == timer && l.items[k] == it && !it.queued && !it.running && !l.ended {
			it.timer = nil
			then()
		}
	})
	it.timer = timer
}

// Every nudges what keys lists, at once and then again and again, until ctx ends. What keys fails with is logged.
func (l *Loop[K]) Every(ctx context.Context, pause time.Duration, keys func(ctx context.Context) ([]K, error)) {
	t := time.NewTicker(pause)
	defer t.Stop()
	for {
		due, err := keys(ctx)
		if err != nil && ctx.Err() == nil {
			l.log.Warn("cannot list what to look at", "error", err)
		}
		l.Nudge(due...)
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// Idle tells whether nothing waits, runs or is due after a pause. For tests and health checks.
func (l *Loop[K]) Idle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, it := range l.items {
		if !it.resting || it.again {
			return false
		}
	}
	return true
}
