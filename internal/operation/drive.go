package operation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// undoAttemptsMax is how often an undo is tried before the Operation is stuck. With
// the waits between (retryWait) this is a little over five minutes.
const undoAttemptsMax = 20

// drive runs an Operation from where its row says it is until it ends, has to wait for a
// retry, or is taken away from this process.
func (e *Engine) drive(r *running, op *cloud.Operation) {
	k, ok := e.kinds[op.Kind]
	if !ok {
		e.fail(r.hold, op, fmt.Errorf("kind %q is not known to this version", op.Kind))
		return
	}
	if op.State == cloud.OperationRunning {
		if err := e.forward(r.work, op, k); err != nil {
			e.stopped(r.hold, op, err)
			return
		}
	}
	if op.State == cloud.OperationUnwinding {
		if err := e.backward(r, op, k); err != nil {
			e.stopped(r.hold, op, err)
		}
	}
}

// forward does the remaining steps. It returns nil when the Operation has ended or is unwinding.
func (e *Engine) forward(ctx context.Context, op *cloud.Operation, k Kind) error {
	for op.Done < len(k.Steps) {
		err := e.doStep(ctx, op, k.Steps[op.Done])
		if err == nil {
			continue
		}
		if gone(ctx, err) {
			return err
		}
		noReturn := k.forward(op.Done)
		if retry, wait := e.retries(ctx, op, err, noReturn); retry {
			return e.postpone(ctx, op, wait, err)
		}
		if noReturn {
			return e.giveUp(ctx, op, k, cause(ctx, op, err))
		}
		return e.unwind(ctx, op, cause(ctx, op, err))
	}
	return e.end(ctx, op, k, cloud.OperationSucceeded)
}

func (e *Engine) doStep(ctx context.Context, op *cloud.Operation, s Step) error {
	if op.Cancel || context.Cause(ctx) == errCancelled {
		return errCancelled
	}
	if time.Now().After(op.Deadline) {
		return errDeadline
	}
	started := time.Now().UTC()
	stepCtx, cancel := context.WithDeadlineCause(ctx, op.Deadline, errDeadline)
	defer cancel()
	if err := e.guarded(stepCtx, op, s, false); err != nil {
		return err
	}
	ended := time.Now().UTC()
	op.Steps = append(op.Steps, cloud.StepMark{Name: s.Name, StartedAt: started, EndedAt: &ended})
	op.Done++
	op.Attempts = 0
	if op.Done == len(e.kinds[op.Kind].Steps) {
		return nil // written together with the end
	}
	return e.save(ctx, op)
}

// guarded runs do or undo between the two points where a test may strike.
func (e *Engine) guarded(ctx context.Context, op *cloud.Operation, s Step, undo bool) error {
	f := s.Do
	if undo {
		f = s.Undo
	}
	at := Point{Kind: op.Kind, Step: s.Name, Undo: undo, Operation: op.ID}
	if err := e.strike(ctx, at); err != nil {
		return err
	}
	if f != nil {
		if err := f(ctx, op); err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	at.After = true
	return e.strike(ctx, at)
}

func (e *Engine) strike(ctx context.Context, at Point) error {
	if e.Fault == nil {
		return nil
	}
	err := e.Fault(ctx, at)
	if errors.Is(err, ErrDead) {
		e.die()
	}
	return err
}

// die ends all runs of this Engine as the end of its process would.
func (e *Engine) die() {
	e.dead.Store(true)
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range e.active {
		r.lose(ErrDead)
	}
}

// giveUp ends an Operation that can neither go on nor back.
func (e *Engine) giveUp(ctx context.Context, op *cloud.Operation, k Kind, err error) error {
	e.Log.Warn("operation failed and cannot be undone", "operation", op.ID, "kind", op.Kind, "subject", op.Subject, "error", err)
	op.Fault = faultOf(err)
	return e.end(ctx, op, k, cloud.OperationFailed)
}

// retries tells whether an error of a step should be tried again, and when. always: whatever it is.
func (e *Engine) retries(ctx context.Context, op *cloud.Operation, err error, always bool) (bool, time.Duration) {
	if context.Cause(ctx) != nil || op.Cancel || errors.Is(err, errCancelled) || errors.Is(err, errDeadline) {
		return false, 0
	}
	if ce, ok := cloud.AsError(err); ok && !always && ce.Kind != cloud.Unavailable && ce.Kind != cloud.Conflict {
		return false, 0
	}
	wait := e.retryWait(op.Attempts)
	return time.Now().Add(wait).Before(op.Deadline), wait
}

// retryWait grows from RetryMin to 400 times that: from 50 ms to 20 s.
func (e *Engine) retryWait(attempts int) time.Duration {
	return min(e.RetryMin<<min(attempts, 12), 400*e.RetryMin)
}

// postpone records the failed attempt. The row is claimed again when it is due.
func (e *Engine) postpone(ctx context.Context, op *cloud.Operation, wait time.Duration, err error) error {
	e.Log.Info("operation step failed and will be tried again", "operation", op.ID, "kind", op.Kind,
		"subject", op.Subject, "attempt", op.Attempts, "wait", wait, "error", err)
	op.Attempts++
	op.RetryAt = time.Now().UTC().Add(wait)
	op.Fault = faultOf(err)
	if err := e.save(ctx, op); err != nil {
		return err
	}
	return errPostponed
}

var errPostponed = errors.New("postponed")

// gone tells whether the run ended for a reason that leaves the row to somebody else: its lease or its process is.
func gone(ctx context.Context, err error) bool {
	if errors.Is(err, errLost) || errors.Is(err, ErrDead) {
		return true
	}
	return ctx.Err() != nil && !errors.Is(context.Cause(ctx), errCancelled)
}

// ErrDead, returned by a Fault, makes the Engine behave as if the process had died at that
// point: it writes and claims nothing any more, for any Operation.
var ErrDead = errors.New("simulated death")

// cause is the failure as its owner should read it.
func cause(ctx context.Context, op *cloud.Operation, err error) error {
	switch {
	case op.Cancel || errors.Is(err, errCancelled) || errors.Is(context.Cause(ctx), errCancelled):
		return &cloud.Error{Kind: cloud.Conflict, Message: "The operation was cancelled.", Cause: err}
	case errors.Is(err, errDeadline) || errors.Is(err, context.DeadlineExceeded):
		message := "The operation did not finish in time."
		if op.Fault != nil {
			message += " The last attempt said: " + op.Fault.Message
		}
		return &cloud.Error{Kind: cloud.Unavailable, Message: message, Cause: err}
	}
	return err
}

// unwind turns the Operation round. The step that failed is undone too, or that was about to begin: it may have
// had half of its effect.
func (e *Engine) unwind(ctx context.Context, op *cloud.Operation, err error) error {
	e.Log.Warn("operation failed and is being undone", "operation", op.ID, "kind", op.Kind, "subject", op.Subject, "error", err)
	op.State = cloud.OperationUnwinding
	op.Fault = faultOf(err)
	op.Attempts = 0
	op.Done = min(op.Done+1, len(e.kinds[op.Kind].Steps))
	return e.save(context.WithoutCancel(ctx), op)
}

// backward undoes the steps, last first. It goes on when the Operation was cancelled or late; only
// the end of the process or of the lease, which end ctx, stop it.
func (e *Engine) backward(r *running, op *cloud.Operation, k Kind) error {
	for op.Done > 0 {
		s := k.Steps[op.Done-1]
		if err := e.undoStep(r, op, s); err != nil {
			return e.undoFailed(r.hold, op, k, s, err)
		}
	}
	return e.end(r.hold, op, k, cloud.OperationFailed)
}

// undoTime bounds one attempt at an undo: a guest that does not let go must not hold it for ever.
const undoTime = 2 * time.Minute

func (e *Engine) undoStep(r *running, op *cloud.Operation, s Step) error {
	attempt, done := e.attempt(r)
	defer done()
	if err := e.guarded(attempt, op, s, true); err != nil {
		return err
	}
	for i := range op.Steps {
		if op.Steps[i].Name == s.Name {
			op.Steps[i].Undone = true
		}
	}
	op.Done--
	op.Attempts = 0
	if op.Done == 0 {
		return nil // written together with the end
	}
	return e.save(r.hold, op)
}

// attempt is the context of one attempt at an undo. A Cancel ends it: the world has changed, and the next attempt
// may have less to wait for.
func (e *Engine) attempt(r *running) (_ context.Context, done func()) {
	ctx, cancel := context.WithTimeout(r.hold, undoTime)
	e.setUndo(r, cancel)
	return ctx, func() {
		e.setUndo(r, nil)
		cancel()
	}
}

func (e *Engine) setUndo(r *running, cancel context.CancelFunc) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r.undo = cancel
}

func (e *Engine) undoFailed(ctx context.Context, op *cloud.Operation, k Kind, s Step, err error) error {
	if gone(ctx, err) {
		return err
	}
	if op.Attempts < undoAttemptsMax {
		return e.postponeUndo(ctx, op, err)
	}
	e.Log.Error("operation is stuck: a step cannot be undone", "operation", op.ID, "kind", op.Kind, "subject", op.Subject, "step", s.Name, "error", err)
	op.Steps = append(op.Steps, cloud.StepMark{Name: s.Name, StartedAt: time.Now().UTC(), Error: err.Error()})
	return e.end(ctx, op, k, cloud.OperationStuck)
}

func (e *Engine) postponeUndo(ctx context.Context, op *cloud.Operation, err error) error {
	op.Attempts++
	wait := e.retryWait(op.Attempts)
	e.Log.Info("undo failed and will be tried again", "operation", op.ID, "kind", op.Kind, "attempt", op.Attempts, "wait", wait, "error", err)
	op.RetryAt = time.Now().UTC().Add(wait)
	if err := e.save(ctx, op); err != nil {
		return err
	}
	return errPostponed
}
