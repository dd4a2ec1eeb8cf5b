// Package operationtest puts one Operation of a kind through everything that can happen
// to it: each step fails once, fails for good, runs twice, is cancelled; the process dies
// before and after each do and each undo; undos fail and then work, or never do.
//
// It checks that the blow fell on the step it was meant for, and asks the World what is left. It is no
// part of the product: tests of the use-case packages call it.
package operationtest

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
)

// World is a store and hosts on which an Operation runs. A fresh one is made for every blow.
type World interface {
	// Arm makes the Engine, and those that Revive starts, ask f at every operation.Point.
	Arm(f func(ctx context.Context, at operation.Point) error)
	// Start asks for what the Operation is for, and answers it.
	Start() cloud.OperationID
	// Cancel asks that it be unwound.
	Cancel(ctx context.Context, id cloud.OperationID) error
	// Await waits until the Operation has ended, or until the process is dead, which is no error.
	Await(id cloud.OperationID) *cloud.Operation
	// Revive starts a fresh process on the same store and hosts.
	Revive()
	// Check fails the test if the world is not as it must be after the Operation that ended.
	Check(op *cloud.Operation)
}

// Passing is a failure that may be gone next time; Lasting is one that is not.
var (
	Passing error = errors.New("struck: a failure that passes")
	Lasting error = &cloud.Error{Kind: cloud.Internal, Resource: "test", Message: "struck: a failure that lasts"}
)

// Run deals every blow to one Operation of the kind, each to a fresh world.
func Run(t *testing.T, k operation.Kind, fresh func(t *testing.T) World) {
	for i, s := range k.Steps {
		for _, after := range []bool{false, true} {
			at := operation.Point{Kind: k.Name, Step: s.Name, After: after}
			forward(t, k, i, at, fresh)
		}
		if !isForward(k, i) {
			cancel(t, operation.Point{Kind: k.Name, Step: s.Name}, fresh)
		}
	}
	backward(t, k, fresh)
}

// forward are the blows to one do.
func forward(t *testing.T, k operation.Kind, i int, at operation.Point, fresh func(t *testing.T) World) {
	t.Run("fails once "+at.String(), func(t *testing.T) {
		b := deal(t, fresh, blow{at: at, err: Passing, times: 1})
		b.want(cloud.OperationSucceeded)
	})
	t.Run("dies "+at.String(), func(t *testing.T) {
		b := deal(t, fresh, blow{at: at, err: operation.ErrDead, times: 1})
		b.want(cloud.OperationSucceeded)
	})
	if isForward(k, i) {
		return // it is tried again whatever it says
	}
	t.Run("fails for good "+at.String(), func(t *testing.T) {
		b := deal(t, fresh, blow{at: at, err: Lasting, times: 1})
		b.want(cloud.OperationFailed)
	})
}

// backward are the blows to each undo, on the way back from the last step that has one.
func backward(t *testing.T, k operation.Kind, fresh func(t *testing.T) World) {
	last := len(k.Steps) - 1
	for last >= 0 && isForward(k, last) {
		last--
	}
	if last < 0 {
		return
	}
	turn := blow{at: operation.Point{Kind: k.Name, Step: k.Steps[last].Name, After: true}, err: Lasting, times: 1}
	for _, s := range k.Steps[:last+1] {
		for _, after := range []bool{false, true} {
			at := operation.Point{Kind: k.Name, Step: s.Name, Undo: true, After: after}
			t.Run("fails once "+at.String(), func(t *testing.T) {
				deal(t, fresh, turn, blow{at: at, err: Passing, times: 1}).want(cloud.OperationFailed)
			})
			t.Run("dies "+at.String(), func(t *testing.T) {
				deal(t, fresh, turn, blow{at: at, err: operation.ErrDead, times: 1}).want(cloud.OperationFailed)
			})
		}
	}
	at := operation.Point{Kind: k.Name, Step: k.Steps[0].Name, Undo: true}
	t.Run("never works "+at.String(), func(t *testing.T) {
		deal(t, fresh, turn, blow{at: at, err: Passing, times: 1 << 30}).want(cloud.OperationStuck)
	})
}

func isForward(k operation.Kind, i int) bool {
	for _, s := range k.Steps[:i+1] {
		if s.Forward {
			return true
		}
	}
	return false
}

// cancel cancels the Operation when a step is about to begin. A step that does not look at its context is done all the same.
func cancel(t *testing.T, at operation.Point, fresh func(t *testing.T) World) {
	t.Run("is cancelled "+at.String(), func(t *testing.T) {
		w := fresh(t)
		struck := false
		w.Arm(func(ctx context.Context, p operation.Point) error {
			id := p.Operation
			if p.Operation = ""; struck || p != at {
				return nil
			}
			struck = true
			return w.Cancel(context.WithoutCancel(ctx), id)
		})
		op := w.Await(w.Start())
		if !struck {
			t.Fatal("the step this test is about never began")
		}
		if op.State != cloud.OperationCancelled && op.State != cloud.OperationSucceeded {
			t.Errorf("operation is %s: %+v", op.State, op.Fault)
		}
		w.Check(op)
	})
}

// blow is an error at a point, some times.
type blow struct {
	at    operation.Point
	err   error
	times int
}

// bout is one Operation with the blows that were meant for it.
type bout struct {
	t     *testing.T
	w     World
	mu    sync.Mutex
	blows []blow
	fell  []int
	op    *cloud.Operation
}

// deal runs an Operation under blows, each to fall after the one before.
func deal(t *testing.T, fresh func(t *testing.T) World, blows ...blow) *bout {
	t.Helper()
	b := &bout{t: t, w: fresh(t), blows: blows, fell: make([]int, len(blows))}
	b.w.Arm(b.strike)
	id := b.w.Start()
	b.op = b.w.Await(id)
	for range blows {
		if b.op.State.Ended() {
			break
		}
		b.w.Revive()
		b.op = b.w.Await(id)
	}
	return b
}

func (b *bout) strike(_ context.Context, at operation.Point) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	at.Operation = ""
	for i, blow := range b.blows {
		if at == blow.at && b.fell[i] < blow.times && (i == 0 || b.fell[i-1] > 0) {
			b.fell[i]++
			return blow.err
		}
	}
	return nil
}

// want checks that every blow fell, how the Operation ended, and what is left.
func (b *bout) want(state cloud.OperationState) {
	b.t.Helper()
	b.mu.Lock()
	for i, n := range b.fell {
		if n == 0 {
			b.t.Errorf("never struck %s: the test did not test what it says", b.blows[i].at)
		}
	}
	b.mu.Unlock()
	if b.op.State != state {
		b.t.Errorf("operation is %s (done %d, %+v), want %s", b.op.State, b.op.Done, b.op.Fault, state)
	}
	if state == cloud.OperationFailed && b.op.Fault == nil {
		b.t.Error("it failed without saying why")
	}
	b.w.Check(b.op)
}
