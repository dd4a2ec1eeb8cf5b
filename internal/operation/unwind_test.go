package operation_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/store"
)

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

// comesSoon moves the deadline near once the step in question was reached, however slow the machine.
func comesSoon(op *cloud.Operation) {
	if soon := time.Now().Add(50 * time.Millisecond); op.Deadline.After(soon) {
		op.Deadline = soon
	}
}

// After the deadline what was done is undone, and the owner reads what the last attempt said.
func TestDeadline(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		j := &journal{fail: func(line string, op *cloud.Operation) error {
			if line == "b" {
				comesSoon(op)
				return &cloud.Error{Kind: cloud.Unavailable, Message: "the host sleeps"}
			}
			return nil
		}}
		e := start(t, s, j, nil)
		op := e.await(t, e.begin(t, "x/1").ID)
		if op.State != cloud.OperationFailed || !strings.HasSuffix(j.String(), "undo-b undo-a settle-failed") || !strings.Contains(op.Fault.Message, "the host sleeps") {
			t.Errorf("%s, %+v, %s", op.State, op.Fault, j)
		}
		j = &journal{block: make(chan struct{})}
		e.stop()
		e = startKind(t, s, j.kind(2*time.Second), nil) // far more than the first step takes to begin
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

// A Cancel interrupts an undo that waits for something, and the undo is tried again.
func TestCancelInterruptsAnUndo(t *testing.T) {
	onBoth(t, func(t *testing.T, s *store.Store) {
		waiting := make(chan struct{})
		k := operation.Kind{Name: "test.kind", Steps: []operation.Step{{Name: "a", Do: func(context.Context, *cloud.Operation) error {
			return cloud.Errorf(cloud.Invalid, "thing", "1", "no")
		}, Undo: func(ctx context.Context, op *cloud.Operation) error {
			if op.Cancel {
				return nil // what it waited for does not matter any more
			}
			close(waiting)
			<-ctx.Done()
			return ctx.Err()
		}}}}
		e := startKind(t, s, k, nil)
		op := e.begin(t, "x/1")
		<-waiting
		ok(t, e.Cancel(t.Context(), op.ID))
		if ended := e.await(t, op.ID); ended.State != cloud.OperationCancelled {
			t.Errorf("%+v", ended)
		}
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

		j = &journal{fail: func(line string, op *cloud.Operation) error {
			if line == "c" {
				comesSoon(op)
				return cloud.Errorf(cloud.Internal, "thing", "1", "never")
			}
			return nil
		}}
		k = j.kind(0)
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
