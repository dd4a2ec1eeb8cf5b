package operation

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// Kind is a named list of steps. Register it before Run.
type Kind struct {
	Name string
	// Deadline bounds the whole Operation; after it the steps done are undone. 0 means an hour.
	Deadline time.Duration
	Steps    []Step
	// Settle runs in the transaction that ends the Operation, however it ends (op.State says). It
	// puts the subject into the state its owner reads, and must succeed from any
	// state of the store: a subject that is gone is no error.
	Settle func(ctx context.Context, op *cloud.Operation) error
}

// Step is one part of an Operation. Do and Undo may each run twice, and Undo may run
// after a Do that never finished. An error of Kind Unavailable or Conflict, and any that
// is no cloud.Error, is tried again until the deadline; other cloud.Errors unwind at once.
type Step struct {
	Name string
	Do   Func
	Undo Func // nil needs a reason in a comment beside it
	// Forward says that from this step on there is no way back: whatever fails is tried again until the deadline, and
	// then, or when it is cancelled, the Operation ends without being undone.
	Forward bool
}

// forward tells whether the step that is due, or one before it, had no way back.
func (k Kind) forward(done int) bool {
	for _, s := range k.Steps[:min(done+1, len(k.Steps))] {
		if s.Forward {
			return true
		}
	}
	return false
}

// Func is the work of a step. Changes it makes to op.Data (SetData) and op.Progress are kept if it succeeds.
type Func func(ctx context.Context, op *cloud.Operation) error

// Request asks for an Operation.
type Request struct {
	// ID, if not empty, was made before, so that what the Operation works on could name it.
	ID      cloud.OperationID
	Kind    string
	Subject string // noun + "/" + id
	// Concerns, if not empty, is something else whose history it belongs to, written in the same way.
	Concerns string
	Params   any // encoded as JSON
	// ProjectID, UserID and RequestID default to those of the context's principal.
	ProjectID cloud.ProjectID
	// Deadline, if not 0, is used in place of the Kind's.
	Deadline time.Duration
	// Delay is how long it waits at least before it begins.
	Delay time.Duration
}

// Params decodes what was asked.
func Params[T any](op *cloud.Operation) (T, error) { return decode[T](op.Params, "params") }

// Data decodes what the steps have found out so far; the zero T if nothing.
func Data[T any](op *cloud.Operation) (T, error) { return decode[T](op.Data, "data") }

// SetData replaces what the steps have found out.
func SetData(op *cloud.Operation, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("operation %s: encode data: %w", op.ID, err)
	}
	op.Data = b
	return nil
}

func decode[T any](raw json.RawMessage, what string) (T, error) {
	var v T
	if len(raw) == 0 {
		return v, nil
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return v, fmt.Errorf("decode operation %s: %w", what, err)
	}
	return v, nil
}

// SubjectID is the id part of an Operation's subject.
func SubjectID(op *cloud.Operation) string {
	for i := range len(op.Subject) {
		if op.Subject[i] == '/' {
			return op.Subject[i+1:]
		}
	}
	return op.Subject
}
