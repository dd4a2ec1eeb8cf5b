package operation_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/store"
	"github.com/nubo-cloud/nubo/internal/store/pgtest"
	"github.com/nubo-cloud/nubo/internal/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// onBoth runs a test on each database.
func onBoth(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Run("sqlite", func(t *testing.T) { test(t, storetest.Memory(t)) })
	t.Run("postgresql", func(t *testing.T) { test(t, storetest.Open(t, pgtest.Start(t))) })
}

// journal is what steps did, in order.
type journal struct {
	mu    sync.Mutex
	lines []string
	// fail answers what a step fails with now; nil: nothing.
	fail func(line string, op *cloud.Operation) error
	// block, if set, is waited for by every do.
	block   chan struct{}
	entered chan string
}

func (j *journal) note(line string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
	return len(j.lines)
}

// noteOnce notes what happens in a transaction, which may be run again when it loses to another.
func (j *journal) noteOnce(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if n := len(j.lines); n == 0 || j.lines[n-1] != line {
		j.lines = append(j.lines, line)
	}
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.lines, " ")
}

func (j *journal) count(line string) (n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, l := range j.lines {
		if l == line {
			n++
		}
	}
	return n
}

func (j *journal) step(line string) operation.Func {
	return func(ctx context.Context, op *cloud.Operation) error {
		j.note(line)
		if j.entered != nil && !strings.HasPrefix(line, "undo") {
			select {
			case j.entered <- line + " " + op.Subject:
			default:
			}
		}
		if j.block != nil && !strings.HasPrefix(line, "undo") {
			select {
			case <-j.block:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		if j.fail != nil {
			return j.fail(line, op)
		}
		return nil
	}
}

// kind is three steps that write down what they do.
func (j *journal) kind(deadline time.Duration) operation.Kind {
	k := operation.Kind{Name: "test.kind", Deadline: deadline}
	for _, n := range []string{"a", "b", "c"} {
		k.Steps = append(k.Steps, operation.Step{Name: n, Do: j.step(n), Undo: j.step("undo-" + n)})
	}
	k.Settle = func(_ context.Context, op *cloud.Operation) error {
		j.noteOnce("settle-" + string(op.State))
		return nil
	}
	return k
}

// engine runs until its stop is called.
type engine struct {
	*operation.Engine
	stop func()
}

func start(t *testing.T, s *store.Store, j *journal, change func(*operation.Options)) *engine {
	t.Helper()
	return startKind(t, s, j.kind(0), change)
}

func startKind(t *testing.T, s *store.Store, k operation.Kind, change func(*operation.Options)) *engine {
	t.Helper()
	o := operation.Options{Records: s.Operations, Tx: s, RetryMin: 200 * time.Microsecond, Exclusive: true}
	if change != nil {
		change(&o)
	}
	e := &engine{Engine: operation.New(o)}
	e.Register(k)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = e.Run(ctx) }()
	e.stop = func() { cancel(); <-done }
	t.Cleanup(e.stop)
	return e
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (e *engine) begin(t *testing.T, subject string) *cloud.Operation {
	t.Helper()
	op, err := e.Start(t.Context(), operation.Request{Kind: "test.kind", Subject: subject})
	ok(t, err)
	return op
}

func (e *engine) await(t *testing.T, id cloud.OperationID) *cloud.Operation {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	op, err := e.Await(ctx, id)
	if err != nil {
		t.Fatalf("await: %v; %+v", err, op)
	}
	return op
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never came true: %s", what)
		}
	}
}

func want(t *testing.T, op *cloud.Operation, state cloud.OperationState, j *journal, lines string) {
	t.Helper()
	if op.State != state || op.EndedAt == nil {
		t.Errorf("operation is %s, want %s: %+v", op.State, state, op)
	}
	if got := j.String(); got != lines {
		t.Errorf("it did %q, want %q", got, lines)
	}
}

// Steps run in order, once, and the subject is settled at the end.
func TestStepsInOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		j := &journal{}
		e := start(t, s, j, nil)
		op := e.await(t, e.begin(t, "x/1").ID)
		want(t, op, cloud.OperationSucceeded, j, "a b c settle-succeeded")
		if op.Progress != 100 || len(op.Steps) != 3 || op.Steps[2].EndedAt == nil {
			t.Errorf("operation is %+v", op)
		}
	})
}

// Work starts by the nudge after commit: a chain of hundred takes far less than hundred looks of the timer would.
func TestNoPollingDelay(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		e := start(t, s, &journal{}, nil)
		began := time.Now()
		var last cloud.OperationID
		for range 100 {
			last = e.begin(t, "x/1").ID
		}
		e.await(t, last)
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("100 operations of one subject took %s", took)
		}
	})
}

// Operations of one subject run one at a time in the order they were made, those of others beside them, and none is forgotten.
func TestOnePerSubject(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		var mu sync.Mutex
		running, order := map[string]bool{}, map[string][]string{}
		k := operation.Kind{Name: "test.kind", Steps: []operation.Step{{Name: "only", Do: func(_ context.Context, op *cloud.Operation) error {
			mu.Lock()
			if running[op.Subject] {
				t.Errorf("two operations of %s at once", op.Subject)
			}
			running[op.Subject] = true
			order[op.Subject] = append(order[op.Subject], string(op.ID))
			mu.Unlock()
			runtime.Gosched()
			mu.Lock()
			running[op.Subject] = false
			mu.Unlock()
			return nil
		}}}}
		e := startKind(t, s, k, nil)
		made := map[string][]string{}
		for i := range 60 {
			subject := fmt.Sprintf("x/%d", i%6)
			made[subject] = append(made[subject], string(e.begin(t, subject).ID))
		}
		for subject, ids := range made {
			for _, id := range ids {
				e.await(t, cloud.OperationID(id))
			}
			mu.Lock()
			if fmt.Sprint(order[subject]) != fmt.Sprint(ids) {
				t.Errorf("of %s ran %v, want %v", subject, order[subject], ids)
			}
			mu.Unlock()
		}
	})
}

// Two that start at one subject at the same time still follow each other, also when two processes take them.
func TestConcurrentStarts(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		var inside, most atomic.Int32
		k := operation.Kind{Name: "test.kind", Steps: []operation.Step{{Name: "only", Do: func(context.Context, *cloud.Operation) error {
			most.Store(max(most.Load(), inside.Add(1)))
			runtime.Gosched()
			inside.Add(-1)
			return nil
		}}}}
		notAlone := func(o *operation.Options) { o.Exclusive = false }
		engines := []*engine{startKind(t, s, k, notAlone), startKind(t, s, k, notAlone)}
		var w sync.WaitGroup
		for i := range 40 {
			w.Go(func() {
				e := engines[i%2]
				op, err := e.Start(t.Context(), operation.Request{Kind: "test.kind", Subject: "x/1"})
				if err == nil {
					_, err = e.Await(t.Context(), op.ID)
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		w.Wait()
		if most.Load() != 1 {
			t.Errorf("%d ran at once", most.Load())
		}
	})
}

// A transaction that fails starts nothing.
func TestStartIsPartOfTheTransaction(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		j := &journal{}
		e := start(t, s, j, nil)
		no := errors.New("no")
		err := s.Update(t.Context(), func(ctx context.Context) error {
			if _, err := e.Start(ctx, operation.Request{Kind: "test.kind", Subject: "x/1"}); err != nil {
				return err
			}
			return no
		})
		if !errors.Is(err, no) {
			t.Fatal(err)
		}
		e.await(t, e.begin(t, "x/2").ID)
		if n, err := s.Operations.Count(t.Context(), cloud.Eq("subject", "x/1")); err != nil || n != 0 {
			t.Errorf("%d rows, %v", n, err)
		}
		want(t, e.await(t, e.begin(t, "x/2").ID), cloud.OperationSucceeded, j, "a b c settle-succeeded a b c settle-succeeded")
	})
}

// A failure that may pass is tried again, with waits that grow; the row says what the last attempt said meanwhile.
func TestRetry(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		var tries []time.Time
		j := &journal{}
		j.fail = func(line string, op *cloud.Operation) error {
			if line != "b" {
				return nil
			}
			tries = append(tries, time.Now())
			if len(tries) > 1 && op.Fault == nil {
				t.Error("a retry does not know the last failure")
			}
			switch len(tries) {
			case 1, 2, 3:
				return errors.New("a failure of the host")
			case 4:
				return &cloud.Error{Kind: cloud.Unavailable, Message: "not now"}
			case 5:
				return &cloud.Error{Kind: cloud.Conflict, Message: "somebody was faster"}
			}
			return nil
		}
		e := start(t, s, j, func(o *operation.Options) { o.RetryMin = 4 * time.Millisecond })
		op := e.await(t, e.begin(t, "x/1").ID)
		want(t, op, cloud.OperationSucceeded, j, "a b b b b b b c settle-succeeded")
		if op.Fault != nil || op.Attempts != 0 {
			t.Errorf("a success shows %+v, %d attempts", op.Fault, op.Attempts)
		}
		for i := 1; i < len(tries); i++ {
			if pause := tries[i].Sub(tries[i-1]); pause < 4*time.Millisecond<<(i-1) {
				t.Errorf("try %d came after %s, before its time", i+1, pause)
			}
		}
	})
}

// Await of what ended answers at once, ends with its context, and keeps nothing.
func TestAwait(t *testing.T) {
	s := storetest.Memory(t)
	j := &journal{block: make(chan struct{})}
	e := start(t, s, j, nil)
	op := e.begin(t, "x/1")
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := e.Await(short, op.ID); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if _, err := e.Await(t.Context(), "nothing"); !cloud.Is(err, cloud.NotFound) {
		t.Errorf("got %v", err)
	}
	close(j.block)
	for range 3 {
		e.await(t, op.ID)
	}
	if n := e.Waiters(); n != 0 {
		t.Errorf("%d waiters are kept", n)
	}
}

// When Run has ended, no goroutine of the Engine is left, also of Operations that waited for a slot.
func TestNoGoroutineIsLeft(t *testing.T) {
	s := storetest.Memory(t)
	before := runtime.NumGoroutine()
	j := &journal{block: make(chan struct{}), entered: make(chan string, 99)}
	e := start(t, s, j, func(o *operation.Options) { o.Workers = 2 })
	for i := range 20 {
		e.begin(t, fmt.Sprintf("x/%d", i))
	}
	<-j.entered
	<-j.entered
	e.stop()
	eventually(t, "the goroutines are gone", func() bool { return runtime.NumGoroutine() <= before })
	close(j.block)
	next := start(t, s, j, nil)
	eventually(t, "the next one ends them all", func() bool {
		n, err := s.Operations.Count(t.Context(), cloud.Eq("state", cloud.OperationSucceeded))
		return err == nil && n == 20
	})
	next.stop()
}

// No wake-up is lost: many starters on few subjects, and each waits for its own end.
func TestNoLostWakeUps(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		j := &journal{}
		e := start(t, s, j, func(o *operation.Options) { o.Workers = 3 })
		var slow atomic.Int32
		var w sync.WaitGroup
		for i := range 8 {
			w.Go(func() {
				for n := range 12 {
					op, err := e.Start(t.Context(), operation.Request{Kind: "test.kind", Subject: fmt.Sprintf("x/%d", (i+n)%3)})
					if err == nil {
						op, err = e.Await(t.Context(), op.ID)
					}
					if err != nil || op.State != cloud.OperationSucceeded {
						t.Errorf("%+v, %v", op, err)
					}
					if op.EndedAt.Sub(op.CreatedAt) > 20*time.Second {
						slow.Add(1)
					}
				}
			})
		}
		w.Wait()
		if slow.Load() > 0 {
			t.Errorf("%d operations waited for a timer", slow.Load())
		}
	})
}

// What shall wait does not begin before its time, and can be taken back until then.
func TestDelay(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		j := &journal{}
		e := start(t, s, j, nil)
		later := func(delay time.Duration) cloud.OperationID {
			op, err := e.Start(t.Context(), operation.Request{Kind: "test.kind", Subject: "x/1", Delay: delay})
			ok(t, err)
			return op.ID
		}
		never := later(time.Hour)
		ok(t, e.Cancel(t.Context(), never))
		want(t, e.await(t, never), cloud.OperationCancelled, j, "undo-a settle-cancelled")
		began := time.Now()
		op := e.await(t, later(20*time.Millisecond))
		want(t, op, cloud.OperationSucceeded, j, "undo-a settle-cancelled a b c settle-succeeded")
		if waited := op.Steps[0].StartedAt.Sub(began); waited < 20*time.Millisecond {
			t.Errorf("it began after %s", waited)
		}
	})
}
