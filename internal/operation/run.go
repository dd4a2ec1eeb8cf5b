package operation

import (
	"context"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// sweepEvery is how often work that no nudge told of is looked for: retries that
// are due, and leases of processes that died.
const sweepEvery = time.Second

// Run runs Operations until ctx ends, then waits for the steps under way to give up. What was
// not finished stays in its row for the next Run.
func (e *Engine) Run(ctx context.Context) error {
	e.mu.Lock()
	e.ctx = ctx
	e.mu.Unlock()
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	takeOver := e.Exclusive // until it worked once
	e.Nudge()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			continue
		case <-e.wake:
		case <-ticker.C:
			e.Nudge()
		}
		if err := e.look(ctx, takeOver); err == nil {
			takeOver = false
		} else if ctx.Err() == nil {
			e.Log.Error("cannot look for operations", "error", err)
		}
	}
	e.stop()
	return nil
}

func (e *Engine) isRunning() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.ctx != nil && e.ctx.Err() == nil && !e.dead.Load()
}

// stop waits for the steps under way, which see the end of their context. Launches see it too, under
// the same lock, so that none can come after.
func (e *Engine) stop() {
	e.mu.Lock()
	e.ctx = nil
	e.mu.Unlock()
	e.wg.Wait()
}

// look sweeps what was nudged: single subjects, or everything.
func (e *Engine) look(ctx context.Context, takeOver bool) error {
	e.mu.Lock()
	all, subjects := e.lookAll, e.lookAt
	e.lookAll, e.lookAt = false, nil
	e.mu.Unlock()
	if all {
		return e.lookAgain(e.sweep(ctx, takeOver))
	}
	for s := range subjects {
		if err := e.lookAgain(e.sweep(ctx, takeOver, cloud.Eq("subject", s))); err != nil {
			return err
		}
	}
	return nil
}

// lookAgain makes the next look, at the latest the timer's, one at everything if this one failed.
func (e *Engine) lookAgain(err error) error {
	if err != nil {
		e.mu.Lock()
		e.lookAll = true
		e.mu.Unlock()
	}
	return err
}

// sweep claims and starts all work that is due: of each subject the Operation that has begun, or else
// the oldest.
func (e *Engine) sweep(ctx context.Context, takeOver bool, which ...cloud.Cond) error {
	ops, err := e.Records.List(ctx, cloud.Where(append(which, unended())...))
	if err != nil {
		return err
	}
	for _, op := range firsts(ops) {
		if !e.due(op, takeOver) {
			continue
		}
		if err := e.claim(ctx, op, takeOver); err != nil && ctx.Err() == nil {
			e.Log.Warn("cannot claim operation", "operation", op.ID, "kind", op.Kind, "error", err)
		}
	}
	return nil
}

// firsts picks for each subject the Operation whose turn it is. One that has begun goes first also if
// the clock was set back since and a later one looks older.
func firsts(ops []*cloud.Operation) []*cloud.Operation {
	turn := make([]*cloud.Operation, 0, len(ops))
	at := make(map[string]int, len(ops))
	for _, op := range ops {
		i, seen := at[op.Subject]
		switch {
		case !seen:
			at[op.Subject] = len(turn)
			turn = append(turn, op)
		case turn[i].State == cloud.OperationPending && op.State != cloud.OperationPending:
			turn[i] = op
		}
	}
	return turn
}

func (e *Engine) due(op *cloud.Operation, takeOver bool) bool {
	now := time.Now()
	switch {
	case e.dead.Load() || e.isActive(op.ID):
		return false
	case !e.knows(op.Kind):
		return false
	case op.Owner != "" && op.Owner != e.owner && !takeOver && op.LeaseUntil.After(now):
		return false
	case op.Cancel && op.State != cloud.OperationUnwinding:
		return true
	}
	return !op.RetryAt.After(now)
}

// knows tells whether an Operation is ours to run. A newer process beside us may know kinds that we do not; without one
// nobody would ever end them.
func (e *Engine) knows(kind string) bool {
	_, known := e.kinds[kind]
	return known || e.Exclusive
}

func (e *Engine) isActive(id cloud.OperationID) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.active[id] != nil
}

// claim leases a row to this process, unless somebody was faster, and starts it.
func (e *Engine) claim(ctx context.Context, seen *cloud.Operation, takeOver bool) error {
	if !e.reserve(seen.ID) {
		return nil
	}
	claimed, err := e.lease(ctx, seen, takeOver)
	e.release(seen.ID, claimed)
	if cloud.Is(err, cloud.Conflict) || cloud.Is(err, cloud.AlreadyExists) || cloud.Is(err, cloud.NotFound) {
		return nil // another process was faster
	}
	return err
}

// reserve keeps a row from being launched by its Start while the sweep claims it: each would do its steps.
func (e *Engine) reserve(id cloud.OperationID) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.active[id] != nil {
		return false
	}
	e.claims[id] = struct{}{}
	return true
}

// release ends a reservation, in one move with the launch if the row was claimed.
func (e *Engine) release(id cloud.OperationID, claimed *cloud.Operation) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.claims, id)
	if claimed != nil {
		e.launchLocked(claimed)
	}
}

// lease takes the row seen if it is still due. It answers nil if it is not.
func (e *Engine) lease(ctx context.Context, seen *cloud.Operation, takeOver bool) (claimed *cloud.Operation, err error) {
	err = e.Tx.Update(ctx, func(ctx context.Context) error {
		claimed = nil
		if err := e.lock(ctx, seen.Subject); err != nil {
			return err
		}
		op, err := e.Records.Get(ctx, seen.ID)
		if err != nil {
			return err
		}
		if op.State.Ended() || !e.due(op, takeOver) {
			return nil
		}
		if first, err := e.isFirst(ctx, op); err != nil || !first {
			return err
		}
		e.take(op)
		claimed = op
		return e.Records.Update(ctx, op)
	})
	if err != nil {
		return nil, err
	}
	return claimed, nil
}

// isFirst tells whether no other Operation of the subject has begun.
func (e *Engine) isFirst(ctx context.Context, op *cloud.Operation) (bool, error) {
	if op.State != cloud.OperationPending {
		return true, nil
	}
	begun, err := e.Records.Count(ctx, cloud.Eq("subject", op.Subject),
		cloud.In("state", []string{string(cloud.OperationRunning), string(cloud.OperationUnwinding)}))
	return begun == 0, err
}

// lock makes whoever starts or claims Operations of one subject wait for each other.
func (e *Engine) lock(ctx context.Context, subject string) error {
	return e.Tx.Lock(ctx, "operation/"+subject)
}

func (e *Engine) take(op *cloud.Operation) {
	op.Owner = e.owner
	op.Lease++
	op.LeaseUntil = time.Now().UTC().Add(e.Lease)
	op.RetryAt = time.Time{}
	if op.State == cloud.OperationPending {
		op.State = cloud.OperationRunning
	}
}

// running is an Operation in the hands of this process.
type running struct {
	// hold ends with the process or the lease; work, in which steps are done, also when the Operation is cancelled.
	hold, work   context.Context
	lose, cancel context.CancelCauseFunc
	undo         context.CancelFunc // ends the attempt at an undo that is under way; guarded by Engine.mu
}

// launch runs the Operation that its Start has leased. It answers false if the Engine is not running. The
// sweep may have seen the row already and be about to launch it.
func (e *Engine) launch(op *cloud.Operation) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, claiming := e.claims[op.ID]; claiming {
		return true
	}
	return e.launchLocked(op)
}

// launchLocked runs a leased Operation in a goroutine of its own. The caller holds mu.
func (e *Engine) launchLocked(op *cloud.Operation) bool {
	if e.ctx == nil || e.ctx.Err() != nil || e.dead.Load() {
		return false
	}
	if e.active[op.ID] != nil {
		return true
	}
	r := &running{}
	r.hold, r.lose = context.WithCancelCause(cloud.WithPrincipal(e.ctx, cloud.System()))
	r.work, r.cancel = context.WithCancelCause(r.hold)
	e.active[op.ID] = r
	e.wg.Add(1)
	go func() {
		defer e.wg.Done()
		e.attend(r, op)
	}()
	return true
}

// attend drives an Operation once there is a slot for it, keeping its lease meanwhile.
func (e *Engine) attend(r *running, op *cloud.Operation) {
	renewing := make(chan struct{})
	go func() {
		defer close(renewing)
		e.renew(r, op.ID, op.Lease)
	}()
	select {
	case e.slots <- struct{}{}:
		e.drive(r, op)
		<-e.slots
	case <-r.hold.Done():
	}
	r.lose(nil)
	<-renewing
	e.mu.Lock()
	delete(e.active, op.ID)
	e.mu.Unlock()
	e.nudgeSubject(op.Subject) // the next one may start
}

// renew keeps the lease while the Operation runs, and notices a Cancel that another process
// wrote. A lease that was taken, or that could not be renewed in time, ends the run.
func (e *Engine) renew(r *running, id cloud.OperationID, lease int64) {
	ticker := time.NewTicker(e.Lease / 3)
	defer ticker.Stop()
	until := time.Now().Add(e.Lease)
	for {
		select {
		case <-r.hold.Done():
			return
		case <-ticker.C:
		}
		if e.dead.Load() {
			return
		}
		next := time.Now().Add(e.Lease)
		cancelled, err := e.extend(r.hold, id, lease, next)
		switch {
		case err == nil:
			until = next
		case err == errLost || cloud.Is(err, cloud.NotFound) || !time.Now().Before(until):
			r.lose(errLost)
			return
		}
		if cancelled {
			r.cancel(errCancelled)
		}
	}
}

func (e *Engine) extend(ctx context.Context, id cloud.OperationID, lease int64, until time.Time) (cancelled bool, err error) {
	err = e.Tx.Update(ctx, func(ctx context.Context) error {
		op, err := e.Records.Get(ctx, id)
		if err != nil {
			return err
		}
		if op.Lease != lease {
			return errLost
		}
		cancelled = op.Cancel
		op.LeaseUntil = until.UTC()
		return e.Records.Update(ctx, op)
	})
	return cancelled, err
}
