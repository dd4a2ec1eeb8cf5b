package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func start[K comparable](t *testing.T, opts Options, run func(context.Context, K) error) *Loop[K] {
	t.Helper()
	l := New("test", slog.New(slog.DiscardHandler), opts, run)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); l.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	return l
}

// Nudges that arrive while a key runs are one more run, and no key runs twice at a time.
func TestNudgesAreCoalescedAndKeysSerial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var runs, now atomic.Int32
		l := start(t, Options{}, func(_ context.Context, k string) error {
			if now.Add(1) != 1 {
				t.Error("two runs of one key at a time")
			}
			runs.Add(1)
			<-release
			now.Add(-1)
			return nil
		})
		l.Nudge("a")
		synctest.Wait()
		for range 10 {
			l.Nudge("a")
		}
		close(release)
		synctest.Wait()
		if got := runs.Load(); got != 2 {
			t.Errorf("%d runs, want 2", got)
		}
		if !l.Idle() {
			t.Error("not idle after the last run")
		}
	})
}

// Do answers the error of a run that began after it was called, not of one under way.
func TestDoWaitsForARunOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var runs atomic.Int32
		l := start(t, Options{RetryMin: time.Hour, RetryMax: time.Hour}, func(context.Context, string) error {
			n := runs.Add(1)
			<-release
			return fmt.Errorf("run %d", n)
		})
		l.Nudge("a")
		synctest.Wait()
		got := make(chan error, 1)
		go func() { got <- l.Do(context.Background(), "a") }()
		synctest.Wait()
		close(release)
		if err := <-got; err == nil || err.Error() != "run 2" {
			t.Errorf("Do answered %v, want the second run's error", err)
		}
	})
}

// A failure is tried again with growing pauses, and success forgets the key.
func TestFailuresBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var mu sync.Mutex
		var at []time.Duration
		l := start(t, Options{RetryMin: time.Second, RetryMax: 4 * time.Second}, func(context.Context, string) error {
			mu.Lock()
			defer mu.Unlock()
			at = append(at, time.Since(begin))
			if len(at) < 5 {
				return errors.New("no")
			}
			return nil
		})
		l.Nudge("a")
		time.Sleep(time.Minute) // the bubble's clock
		want := []time.Duration{0, 1 * time.Second, 3 * time.Second, 7 * time.Second, 11 * time.Second}
		mu.Lock()
		defer mu.Unlock()
		if fmt.Sprint(at) != fmt.Sprint(want) {
			t.Errorf("runs at %v, want %v", at, want)
		}
	})
}

// A nudge does not wait for the pause of an earlier failure, and ErrDrop has no second try.
func TestNudgeEndsThePauseAndDropGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int32
		l := start(t, Options{RetryMin: time.Hour, RetryMax: time.Hour}, func(context.Context, string) error {
			if runs.Add(1) == 1 {
				return errors.New("no")
			}
			return fmt.Errorf("host: %w", ErrDrop)
		})
		l.Nudge("a")
		synctest.Wait()
		if err := l.Do(context.Background(), "a"); !errors.Is(err, ErrDrop) {
			t.Errorf("Do answered %v", err)
		}
		time.Sleep(24 * time.Hour)
		if got := runs.Load(); got != 2 || !l.Idle() {
			t.Errorf("%d runs, idle %v; want 2 and idle", got, l.Idle())
		}
	})
}

// Every lists at once and on each tick.
func TestEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int32
		l := start(t, Options{}, func(context.Context, string) error { runs.Add(1); return nil })
		ctx, cancel := context.WithCancel(context.Background())
		go l.Every(ctx, time.Minute, func(context.Context) ([]string, error) { return []string{"a", "b"}, nil })
		time.Sleep(150 * time.Second)
		cancel()
		synctest.Wait()
		if got := runs.Load(); got != 6 {
			t.Errorf("%d runs, want 6", got)
		}
	})
}

// A key that rests after its runs is run once for any number of nudges meanwhile, and at once for who waits.
func TestRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int32
		l := New("test", slog.New(slog.DiscardHandler), Options{}, func(context.Context, string) error { runs.Add(1); return nil })
		l.Rest(func(key string, _ time.Duration) time.Duration { return time.Minute })
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() { defer close(ended); l.Run(ctx) }()
		defer func() { cancel(); <-ended }()
		want := func(n int32, idle bool) {
			t.Helper()
			synctest.Wait()
			if runs.Load() != n || l.Idle() != idle {
				t.Errorf("%d runs, idle %v; want %d, %v", runs.Load(), l.Idle(), n, idle)
			}
		}
		l.Nudge("a")
		want(1, true)
		l.Nudge("a")
		l.Nudge("a")
		want(1, false)
		time.Sleep(time.Minute)
		want(2, true)
		l.Nudge("a")
		if err := l.Do(ctx, "a"); err != nil {
			t.Error(err)
		}
		want(3, true)
		time.Sleep(2 * time.Minute)
		want(3, true)
	})
}
