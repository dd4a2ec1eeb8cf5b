package operation

import (
	"context"
	"errors"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// save writes the row as far as this run has come, unless the lease was lost.
func (e *Engine) save(ctx context.Context, op *cloud.Operation) error {
	err := e.Tx.Update(ctx, func(ctx context.Context) error { return e.write(ctx, op) })
	if err == nil {
		e.announce(op)
	}
	return err
}

// write merges this run's view into the row: others may only have set Cancel and the lease's end.
func (e *Engine) write(ctx context.Context, op *cloud.Operation) error {
	if e.dead.Load() {
		return ErrDead
	}
	row, err := e.Records.Get(ctx, op.ID)
	if err != nil {
		return err
	}
	if row.Lease != op.Lease || row.Owner != op.Owner {
		return errLost
	}
	op.Cancel = row.Cancel // nobody takes it back
	op.LeaseUntil = row.LeaseUntil
	op.Meta = row.Meta
	return e.Records.Update(ctx, op)
}

// end writes how it ended: one that was cancelled and so failed is cancelled. It settles the subject and ends the row in one transaction.
func (e *Engine) end(ctx context.Context, op *cloud.Operation, k Kind, state cloud.OperationState) error {
	now := time.Now().UTC()
	ended := *op
	ended.State, ended.EndedAt = state, &now
	if state == cloud.OperationFailed && op.Cancel {
		ended.State = cloud.OperationCancelled
	}
	if state == cloud.OperationSucceeded {
		ended.Fault, ended.Progress = nil, 100
	}
	ctx = context.WithoutCancel(ctx) // the work is done: only the record is missing
	err := e.Tx.Update(ctx, func(ctx context.Context) error {
		copied := ended
		if k.Settle != nil {
			if err := k.Settle(ctx, &copied); err != nil {
				return err
			}
		}
		if err := e.write(ctx, &copied); err != nil {
			return err
		}
		ended = copied
		return nil
	})
	if err != nil {
		return err
	}
	*op = ended
	e.announce(op)
	return nil
}

// fail ends an Operation that cannot even be undone because nobody knows its steps.
func (e *Engine) fail(ctx context.Context, op *cloud.Operation, err error) {
	op.Fault = faultOf(err)
	if err := e.end(ctx, op, Kind{}, cloud.OperationStuck); err != nil {
		e.stopped(ctx, op, err)
	}
}

// stopped is called when a run ends before its Operation has. What the row says is
// what the next run starts from.
func (e *Engine) stopped(ctx context.Context, op *cloud.Operation, err error) {
	switch {
	case errors.Is(err, errPostponed):
		e.wakeAt(op.RetryAt, op.Subject)
	case gone(ctx, err) || e.dead.Load():
		e.Log.Debug("operation left to its next run", "operation", op.ID, "kind", op.Kind, "reason", err)
	default:
		e.Log.Warn("operation could not be recorded and will be run again", "operation", op.ID, "kind", op.Kind, "error", err)
		select { // a store that fails is not asked again at once
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// wakeAt nudges when an Operation is due, which may be at once; the sweep would find it up to a second later.
func (e *Engine) wakeAt(t time.Time, subject string) {
	wait := time.Until(t)
	if wait <= 0 {
		e.nudgeSubject(subject)
		return
	}
	time.AfterFunc(wait, func() { e.nudgeSubject(subject) })
}

// faultOf turns an error into what the owner reads; words of other packages go into Details.
func faultOf(err error) *cloud.Fault {
	f := &cloud.Fault{Kind: cloud.Internal, Message: "The host could not do this.", Details: err.Error(), At: time.Now().UTC()}
	if e, ok := cloud.AsError(err); ok {
		f.Kind, f.Message = e.Kind, e.Message
	}
	return f
}
