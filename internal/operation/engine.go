package operation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// Records is where Operations are kept.
type Records = cloud.Records[cloud.Operation, cloud.OperationID]

// Options of an Engine. Records and Tx are needed.
type Options struct {
	Records Records
	Tx      cloud.Transactor
	Log     *slog.Logger
	// Exclusive says that no other process works on this store: what was left running
	// is taken over at once instead of when its lease ends.
	Exclusive bool
	// Lease is how long a row stays with a process that stopped renewing it; 0 means 15 s.
	Lease time.Duration
	// Workers bounds how many Operations run at a time; 0 means 512.
	Workers int
	// RetryMin is the wait after the first failure of a step; it doubles with each up to 400 times that. 0 means 50 ms.
	RetryMin time.Duration
	// Fault, if set, is asked before and after every do and undo; an error it returns
	// takes the place of the step's. Tests inject failures and deaths with it.
	Fault func(ctx context.Context, at Point) error
	// Changed is told of every Operation whose row changed, after commit.
	Changed func(op *cloud.Operation)
}

// Point is a place in the run of an Operation where a Fault may strike.
type Point struct {
	Kind, Step string
	Undo       bool
	After      bool // the step has been done but not recorded
	Operation  cloud.OperationID
}

func (p Point) String() string {
	verb, when := "do", "before"
	if p.Undo {
		verb = "undo"
	}
	if p.After {
		when = "after"
	}
	return fmt.Sprintf("%s %s %s %s", when, verb, p.Kind, p.Step)
}

// Engine runs Operations. It is safe for use from several goroutines.
type Engine struct {
	Options
	owner string
	kinds map[string]Kind

	mu      sync.Mutex
	ctx     context.Context // of Run; nil before and after
	active  map[cloud.OperationID]*running
	claims  map[cloud.OperationID]struct{} // rows that the sweep is claiming; who holds one launches it
	waiters map[cloud.OperationID]map[chan struct{}]struct{}
	lookAll bool                // a sweep of everything is due
	lookAt  map[string]struct{} // subjects of which the next Operation may be due
	wake    chan struct{}       // full when a look is due
	slots   chan struct{}
	wg      sync.WaitGroup
	dead    atomic.Bool // a test struck it dead (ErrDead)
}

// New makes an Engine. Register every Kind, then Run it.
func New(o Options) *Engine {
	if o.Lease == 0 {
		o.Lease = 15 * time.Second
	}
	if o.Workers == 0 {
		o.Workers = 512
	}
	if o.RetryMin == 0 {
		o.RetryMin = 50 * time.Millisecond
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Engine{
		Options: o,
		owner:   fmt.Sprintf("%d-%s", os.Getpid(), cloud.NewHexID()[:8]),
		kinds:   map[string]Kind{},
		active:  map[cloud.OperationID]*running{},
		claims:  map[cloud.OperationID]struct{}{},
		waiters: map[cloud.OperationID]map[chan struct{}]struct{}{},
		wake:    make(chan struct{}, 1),
		slots:   make(chan struct{}, o.Workers),
	}
}

// Register adds a Kind. Two of one name are a mistake in the program.
func (e *Engine) Register(k Kind) {
	if _, twice := e.kinds[k.Name]; twice {
		panic("operation: kind " + k.Name + " registered twice")
	}
	if k.Deadline == 0 {
		k.Deadline = time.Hour
	}
	e.kinds[k.Name] = k
}

// Kinds lists the registered Kinds by name, for tests that fail every step of each.
func (e *Engine) Kinds() map[string]Kind { return e.kinds }

// Start inserts an Operation. Call it in the transaction of the change it stands for;
// its work begins as soon as that transaction is on disk. It is claimed in the same transaction
// when nothing else works on the subject, so that starting costs no second commit.
func (e *Engine) Start(ctx context.Context, r Request) (*cloud.Operation, error) {
	k, ok := e.kinds[r.Kind]
	if !ok {
		return nil, fmt.Errorf("operation: kind %q is not registered", r.Kind)
	}
	op, err := newOperation(ctx, r, k)
	if err != nil {
		return nil, err
	}
	fresh := *op
	err = e.Tx.Update(ctx, func(ctx context.Context) error {
		*op = fresh // a rerun starts anew
		if err := e.lock(ctx, r.Subject); err != nil {
			return err
		}
		busy, err := e.Records.Count(ctx, cloud.Eq("subject", r.Subject), unended())
		if err != nil {
			return err
		}
		if busy == 0 && r.Delay == 0 && e.isRunning() {
			e.take(op)
		}
		if err := e.Records.Insert(ctx, op); err != nil {
			return err
		}
		inserted := *op
		e.Tx.After(ctx, func() { e.begin(inserted) })
		return nil
	})
	return op, err
}

func newOperation(ctx context.Context, r Request, k Kind) (*cloud.Operation, error) {
	params, err := json.Marshal(r.Params)
	if err != nil {
		return nil, fmt.Errorf("operation %s: encode params: %w", r.Kind, err)
	}
	p := cloud.PrincipalOf(ctx)
	if r.ProjectID == "" {
		r.ProjectID = p.ProjectID
	}
	if r.Deadline == 0 {
		r.Deadline = k.Deadline
	}
	if r.ID == "" {
		r.ID = cloud.OperationID(cloud.NewID())
	}
	now := time.Now().UTC()
	op := &cloud.Operation{
		ID: r.ID, Kind: r.Kind, Subject: r.Subject, Concerns: r.Concerns, Params: params,
		ProjectID: r.ProjectID, UserID: p.UserID, RequestID: p.RequestID,
		State: cloud.OperationPending, Deadline: now.Add(r.Delay + r.Deadline),
	}
	if r.Delay > 0 {
		op.RetryAt = now.Add(r.Delay)
	}
	return op, nil
}

func unended() cloud.Cond {
	return cloud.In("state", []string{string(cloud.OperationPending), string(cloud.OperationRunning), string(cloud.OperationUnwinding)})
}

// begin runs after Start's commit.
func (e *Engine) begin(op cloud.Operation) {
	if e.Changed != nil {
		e.Changed(&op)
	}
	if op.Owner == e.owner && e.launch(&op) {
		return
	}
	e.wakeAt(op.RetryAt, op.Subject)
}

// Nudge makes the Engine look for work now.
func (e *Engine) Nudge() {
	e.mu.Lock()
	e.lookAll = true
	e.mu.Unlock()
	e.signal()
}

// nudgeSubject is Nudge for the Operations of one subject.
func (e *Engine) nudgeSubject(s string) {
	e.mu.Lock()
	if e.lookAt == nil {
		e.lookAt = map[string]struct{}{}
	}
	e.lookAt[s] = struct{}{}
	e.mu.Unlock()
	e.signal()
}

func (e *Engine) signal() {
	select {
	case e.wake <- struct{}{}:
	default: // a look is due already
	}
}

// Cancel asks that an Operation be unwound, also one that has not begun: its first step is undone, as
// that may have to take back what was written when it was started. One that is unwinding
// tries the undo that it waits for anew. One that has ended is left as it is. It may be repeated. Inside a transaction it takes effect with it.
func (e *Engine) Cancel(ctx context.Context, id cloud.OperationID) error {
	return e.Tx.Update(ctx, func(ctx context.Context) error {
		op, err := e.Records.Get(ctx, id)
		if cloud.Is(err, cloud.NotFound) || err == nil && (op.State.Ended() || op.Cancel) {
			return nil
		}
		if err != nil {
			return err
		}
		op.Cancel = true
		if err := e.Records.Update(ctx, op); err != nil {
			return err
		}
		e.Tx.After(ctx, func() { e.interrupt(op) })
		return nil
	})
}

func (e *Engine) interrupt(op *cloud.Operation) {
	e.mu.Lock()
	r := e.active[op.ID]
	if r != nil {
		r.cancel(errCancelled)
		if r.undo != nil {
			r.undo()
		}
	}
	e.mu.Unlock()
	if r == nil {
		e.nudgeSubject(op.Subject)
	}
}

// awaitEvery is how often Await asks the store about an Operation that another process may run.
const awaitEvery = time.Second

// Await blocks until an Operation has ended, and answers it.
func (e *Engine) Await(ctx context.Context, id cloud.OperationID) (*cloud.Operation, error) {
	for {
		op, err := e.awaitOnce(ctx, id)
		if err != nil || op.State.Ended() {
			return op, err
		}
	}
}

// awaitOnce answers the row after the end was announced, or some time has passed.
func (e *Engine) awaitOnce(ctx context.Context, id cloud.OperationID) (*cloud.Operation, error) {
	ended, forget := e.subscribe(id)
	defer forget()
	op, err := e.Records.Get(ctx, id)
	if err != nil || op.State.Ended() {
		return op, err
	}
	timer := time.NewTimer(awaitEvery)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
	case <-ctx.Done():
		return op, ctx.Err()
	}
	return e.Records.Get(ctx, id)
}

func (e *Engine) subscribe(id cloud.OperationID) (ended <-chan struct{}, forget func()) {
	c := make(chan struct{})
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.waiters[id] == nil {
		e.waiters[id] = map[chan struct{}]struct{}{}
	}
	e.waiters[id][c] = struct{}{}
	return c, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.waiters[id], c)
		if len(e.waiters[id]) == 0 {
			delete(e.waiters, id)
		}
	}
}

func (e *Engine) announce(op *cloud.Operation) {
	if e.Changed != nil {
		e.Changed(op)
	}
	if !op.State.Ended() {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for c := range e.waiters[op.ID] {
		close(c)
	}
	delete(e.waiters, op.ID)
}

var (
	errCancelled = errors.New("cancelled")
	errDeadline  = errors.New("the deadline has passed")
	errLost      = errors.New("another process has taken over")
)
