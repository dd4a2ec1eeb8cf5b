package operation_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/store"
	"github.com/nubo-cloud/nubo/internal/store/storetest"
)

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
	eventually(t, "the engine is dead", e.IsDead)
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
		short := func(o *operation.Options) { o.Exclusive, o.Lease = false, 3*time.Second } // a slow machine renews it in time, too
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
		short := func(o *operation.Options) { o.Exclusive, o.Lease = false, 3*time.Second }
		one := start(t, s, j, short)
		op := one.begin(t, "x/1")
		<-j.entered // it is one's: started later, two can only ask for its end
		two := start(t, s, &journal{}, short)
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
