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
	k.Settle = func(_ context.Context, op *cloud.Operation) error { j.note("settle-" + string(op.State)); return nil }
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

// A failure for good, at each step, undoes that step and those before it, last first.
func TestUnwinding(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		for step, lines := range map[string]string{
			"a": "a undo-a settle-failed",
			"b": "a b undo-b undo-a settle-failed",
			"c": "a b c undo-c undo-b undo-a settle-failed",
		} {
			j := &journal{fail: func(line string, _ *cloud.Operation) error {
				if line == step {
					return cloud.Errorf(cloud.NoCapacity, "thing", "1", "no room in %s", step)
				}
				return nil
			}}
			e := start(t, s, j, nil)
			op := e.await(t, e.begin(t, "x/"+step).ID)
			want(t, op, cloud.OperationFailed, j, lines)
			if op.Fault == nil || op.Fault.Kind != cloud.NoCapacity || op.Fault.Message != "no room in "+step {
				t.Errorf("fault is %+v", op.Fault)
			}
			e.stop()
		}
	})
}

// After the deadline what was done is undone, and the owner reads what the last attempt said.
func TestDeadline(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		j := &journal{fail: func(line string, _ *cloud.Operation) error {
			if line == "b" {
				return &cloud.Error{Kind: cloud.Unavailable, Message: "the host sleeps"}
			}
			return nil
		}}
		e := startKind(t, s, j.kind(100*time.Millisecond), nil)
		op := e.await(t, e.begin(t, "x/1").ID)
		if op.State != cloud.OperationFailed || !strings.HasSuffix(j.String(), "undo-b undo-a settle-failed") || !strings.Contains(op.Fault.Message, "the host sleeps") {
			t.Errorf("%s, %+v, %s", op.State, op.Fault, j)
		}
		j = &journal{block: make(chan struct{})}
		e.stop()
		e = startKind(t, s, j.kind(100*time.Millisecond), nil)
		op = e.await(t, e.begin(t, "x/2").ID)
		want(t, op, cloud.OperationFailed, j, "a undo-a settle-failed")
	})
}

// A cancelled Operation is unwound: while it runs, while it waits for another, and while it waits to try again.
func TestCancel(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		j := &journal{block: make(chan struct{}), entered: make(chan string, 9)}
		e := start(t, s, j, nil)
		first, second := e.begin(t, "x/1"), e.begin(t, "x/1")
		<-j.entered
		ok(t, e.Cancel(t.Context(), second.ID))
		ok(t, e.Cancel(t.Context(), first.ID))
		ok(t, e.Cancel(t.Context(), first.ID))
		op := e.await(t, first.ID)
		if op.State != cloud.OperationCancelled || op.Fault == nil {
			t.Errorf("%+v", op)
		}
		want(t, e.await(t, second.ID), cloud.OperationCancelled, j, "a undo-a settle-cancelled undo-a settle-cancelled")
		ok(t, e.Cancel(t.Context(), first.ID)) // ended: nothing happens
		ok(t, e.Cancel(t.Context(), "nothing"))
	})
}

func TestCancelWhileWaitingToTryAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		j := &journal{fail: func(line string, _ *cloud.Operation) error {
			if line == "b" {
				return errors.New("again and again")
			}
			return nil
		}}
		e := start(t, s, j, func(o *operation.Options) { o.RetryMin = time.Hour })
		op, err := e.Start(t.Context(), operation.Request{Kind: "test.kind", Subject: "x/1", Deadline: 9000 * time.Hour})
		ok(t, err)
		eventually(t, "it waits", func() bool { row, err := s.Operations.Get(t.Context(), op.ID); return err == nil && row.Attempts == 1 })
		ok(t, e.Cancel(t.Context(), op.ID))
		want(t, e.await(t, op.ID), cloud.OperationCancelled, j, "a b undo-b undo-a settle-cancelled")
	})
}

// A Cancel while unwinding changes the name of the end only; the unwinding goes on.
func TestCancelWhileUnwinding(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		j := &journal{}
		var e *engine
		j.fail = func(line string, op *cloud.Operation) error {
			switch line {
			case "c":
				return cloud.Errorf(cloud.Invalid, "thing", "1", "no")
			case "undo-b":
				return e.Cancel(context.Background(), op.ID)
			}
			return nil
		}
		e = start(t, s, j, nil)
		want(t, e.await(t, e.begin(t, "x/1").ID), cloud.OperationCancelled, j, "a b c undo-c undo-b undo-a settle-cancelled")
	})
}

// From a step without a way back everything is tried again, and what ends is not undone.
func TestForward(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		j := &journal{}
		j.fail = func(line string, _ *cloud.Operation) error {
			if line == "c" && j.count("c") < 4 {
				return cloud.Errorf(cloud.Internal, "thing", "1", "for good, it says")
			}
			return nil
		}
		k := j.kind(0)
		k.Steps[1].Forward = true
		e := startKind(t, s, k, nil)
		want(t, e.await(t, e.begin(t, "x/1").ID), cloud.OperationSucceeded, j, "a b c c c c settle-succeeded")
		e.stop()

		j = &journal{fail: func(line string, _ *cloud.Operation) error {
			if line == "c" {
				return cloud.Errorf(cloud.Internal, "thing", "1", "never")
			}
			return nil
		}}
		k = j.kind(50 * time.Millisecond)
		k.Steps[1].Forward = true
		e = startKind(t, s, k, nil)
		op := e.await(t, e.begin(t, "x/2").ID)
		if op.State != cloud.OperationFailed || op.Fault == nil || strings.Contains(j.String(), "undo") || !strings.HasSuffix(j.String(), "settle-failed") {
			t.Errorf("%s %+v %s", op.State, op.Fault, j)
		}
	})
}

// An undo that keeps failing makes the Operation stuck, visibly, and the subject's next one runs.
func TestStuck(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		j := &journal{fail: func(line string, op *cloud.Operation) error {
			switch {
			case op.Deadline.IsZero():
				return nil
			case line == "b":
				return cloud.Errorf(cloud.Invalid, "thing", "1", "no")
			case line == "undo-b":
				return errors.New("cannot be undone")
			}
			return nil
		}}
		e := start(t, s, j, nil)
		op := e.await(t, e.begin(t, "x/1").ID)
		last := op.Steps[len(op.Steps)-1]
		if op.State != cloud.OperationStuck || last.Name != "b" || last.Error == "" || op.Fault == nil || op.Fault.Message != "no" {
			t.Errorf("%+v", op)
		}
		if n := j.count("undo-b"); n < 10 {
			t.Errorf("the undo was tried %d times", n)
		}
		if j.count("undo-a") != 0 || j.count("settle-stuck") != 1 {
			t.Error(j)
		}
		j.mu.Lock()
		j.fail = nil
		j.mu.Unlock()
		if next := e.await(t, e.begin(t, "x/1").ID); next.State != cloud.OperationSucceeded {
			t.Errorf("%+v", next)
		}
	})
}

// The process may end or die at every point; the next one finishes, with no step left out and none repeated but the one that was cut off.
func TestDeathAtEveryPoint(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		for _, failing := range []bool{false, true} {
			for _, at := range []string{"a", "b", "c", "undo-a", "undo-b", "undo-c"} {
				for _, after := range []bool{false, true} {
					if !failing && strings.HasPrefix(at, "undo") {
						continue
					}
					t.Run(fmt.Sprintf("failing=%t %s after=%t", failing, at, after), func(t *testing.T) { deathAt(t, s, failing, at, after) })
				}
			}
		}
	})
}

func deathAt(t *testing.T, s *store.Store, failing bool, at string, after bool) {
	j := &journal{fail: func(line string, _ *cloud.Operation) error {
		if failing && line == "c" {
			return cloud.Errorf(cloud.Invalid, "thing", "1", "no")
		}
		return nil
	}}
	step, undo := strings.CutPrefix(at, "undo-")
	struck := make(chan struct{})
	e := start(t, s, j, func(o *operation.Options) {
		o.Fault = func(_ context.Context, p operation.Point) error {
			if p.Step == step && p.Undo == undo && p.After == after {
				close(struck)
				return operation.ErrDead
			}
			return nil
		}
	})
	op := e.begin(t, "x/1")
	if failing && after && at == "c" {
		e.await(t, op.ID) // the do failed, so that its end was never reached
		return
	}
	<-struck
	if other := e.begin(t, "x/2"); other.Owner != "" {
		t.Error("a dead engine took an operation")
	}
	e.stop()
	row, err := s.Operations.Get(t.Context(), op.ID)
	ok(t, err)
	if row.State.Ended() {
		t.Fatalf("a dead engine ended it: %+v", row)
	}
	e = start(t, s, j, nil)
	ended, state := e.await(t, op.ID), cloud.OperationSucceeded
	if failing {
		state = cloud.OperationFailed
	}
	if ended.State != state {
		t.Errorf("%+v", ended)
	}
	other, err := s.Operations.List(t.Context(), cloud.Where(cloud.Eq("subject", "x/2"), cloud.Eq("ended", false)))
	ok(t, err)
	for _, o := range other {
		e.await(t, o.ID)
	}
	e.stop()
}

// A step that is under way when the process is told to stop is no failure: the next process does it.
func TestStopIsNoFailure(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		for name, cause := range map[string]error{"plain": nil, "with a cause": errors.New("the listener broke")} {
			j := &journal{block: make(chan struct{}), entered: make(chan string, 9)}
			e := operation.New(operation.Options{Records: s.Operations, Tx: s, Exclusive: true})
			e.Register(j.kind(0))
			ctx, cancel := context.WithCancelCause(context.Background())
			done := make(chan struct{})
			go func() { defer close(done); _ = e.Run(ctx) }()
			op, err := e.Start(t.Context(), operation.Request{Kind: "test.kind", Subject: "x/" + name})
			ok(t, err)
			<-j.entered
			cancel(cause)
			<-done
			close(j.block)
			next := start(t, s, j, nil)
			if ended := next.await(t, op.ID); ended.State != cloud.OperationSucceeded {
				t.Errorf("%s: %s %+v", name, ended.State, ended.Fault)
			}
			next.stop()
		}
	})
}

// Without Exclusive a row stays with its process while that renews the lease, and goes to another when it does not.
func TestLease(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		short := func(o *operation.Options) { o.Exclusive, o.Lease = false, 600*time.Millisecond }
		j := &journal{block: make(chan struct{}), entered: make(chan string, 9)}
		one := start(t, s, j, short)
		op := one.begin(t, "x/1")
		<-j.entered
		two := start(t, s, j, short)
		eventually(t, "the lease was renewed twice", func() bool {
			row, err := s.Operations.Get(t.Context(), op.ID)
			return err == nil && row.Revision > op.Revision+1
		})
		if n := j.count("a"); n != 1 {
			t.Errorf("a process that lives lost its operation: a ran %d times", n)
		}
		one.stop() // what it held is not given back: as if it had died
		<-j.entered
		close(j.block)
		if ended := two.await(t, op.ID); ended.State != cloud.OperationSucceeded || ended.Lease < 2 {
			t.Errorf("%+v", ended)
		}
		want(t, two.await(t, op.ID), cloud.OperationSucceeded, j, "a a b c settle-succeeded")
	})
}

// A process that lost its lease writes nothing more.
func TestLostLease(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		j := &journal{block: make(chan struct{}), entered: make(chan string, 9)}
		one := start(t, s, j, func(o *operation.Options) { o.Exclusive, o.Lease = false, time.Hour })
		op := one.begin(t, "x/1")
		<-j.entered
		row, err := s.Operations.Get(t.Context(), op.ID)
		ok(t, err)
		row.Lease, row.Owner, row.LeaseUntil = row.Lease+1, "somebody else", time.Now().Add(time.Hour)
		ok(t, s.Operations.Update(t.Context(), row))
		close(j.block)
		eventually(t, "the step has ended", func() bool { return j.count("a") == 1 })
		one.stop()
		after, err := s.Operations.Get(t.Context(), op.ID)
		ok(t, err)
		if after.Revision != row.Revision || j.String() != "a" {
			t.Errorf("%+v after %s", after, j)
		}
	})
}

// Another process's Cancel is noticed when the lease is renewed.
func TestCancelFromAnotherProcess(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		j := &journal{block: make(chan struct{}), entered: make(chan string, 9)}
		short := func(o *operation.Options) { o.Exclusive, o.Lease = false, time.Second }
		one, two := start(t, s, j, short), start(t, s, &journal{}, short)
		op := one.begin(t, "x/1")
		<-j.entered
		ok(t, two.Cancel(t.Context(), op.ID))
		want(t, two.await(t, op.ID), cloud.OperationCancelled, j, "a undo-a settle-cancelled")
	})
}

// An Operation of a kind that nobody knows is shown as stuck by the only process, and left to a newer one beside others.
func TestUnknownKind(t *testing.T) {
	s := storetest.Memory(t)
	row := &cloud.Operation{ID: "old", Kind: "gone", Subject: "x/1", State: cloud.OperationPending, Deadline: time.Now().Add(time.Hour)}
	ok(t, s.Operations.Insert(t.Context(), row))
	shared := start(t, s, &journal{}, func(o *operation.Options) { o.Exclusive = false })
	shared.await(t, shared.begin(t, "x/2").ID)
	shared.Nudge()
	shared.await(t, shared.begin(t, "x/3").ID)
	if op, err := s.Operations.Get(t.Context(), "old"); err != nil || op.State != cloud.OperationPending {
		t.Fatalf("%+v, %v", op, err)
	}
	shared.stop()
	alone := start(t, s, &journal{}, nil)
	if op := alone.await(t, "old"); op.State != cloud.OperationStuck || op.Fault == nil {
		t.Errorf("%+v", op)
	}
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
