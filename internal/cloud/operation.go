package cloud

import (
	"encoding/json"
	"time"
)

// OperationState is where an Operation is.
//
//	pending --> running --> succeeded
//	               | \----> cancelled (before its first step)
//	               v
//	           unwinding --> failed
//	               |
//	               v
//	             stuck (an undo keeps failing; a person must look)
type OperationState string

// The states of an Operation.
const (
	OperationPending   OperationState = "pending"
	OperationRunning   OperationState = "running"
	OperationSucceeded OperationState = "succeeded"
	OperationUnwinding OperationState = "unwinding"
	OperationFailed    OperationState = "failed"
	OperationCancelled OperationState = "cancelled"
	OperationStuck     OperationState = "stuck"
)

// Ended tells whether nothing more will happen by itself.
func (s OperationState) Ended() bool {
	return s == OperationSucceeded || s == OperationFailed || s == OperationCancelled || s == OperationStuck
}

// Operation is one asynchronous piece of work on one subject. It is a row, inserted in
// the transaction of the change it stands for, and run by package operation.
type Operation struct {
	ID OperationID `json:"id"`
	Meta
	// Kind names the steps: "instance.create".
	Kind      string    `json:"kind"`
	ProjectID ProjectID `json:"project_id,omitempty"`
	UserID    UserID    `json:"user_id,omitempty"`
	RequestID string    `json:"request_id,omitempty"`
	// Subject is the noun and id it works on ("instance/…"). One Operation runs
	// per subject at a time; others wait in the order they were made.
	Subject string `json:"subject"`
	// Concerns is something else whose history it belongs to ("instance/…" that has the volume), if any.
	Concerns string         `json:"concerns,omitempty"`
	State    OperationState `json:"state"`
	// Params is what was asked; Data is what the steps have found out. JSON objects.
	Params json.RawMessage `json:"params,omitempty"`
	Data   json.RawMessage `json:"data,omitempty"`
	// Done counts finished steps; when unwinding, how many are still to be undone.
	Done     int        `json:"done"`
	Steps    []StepMark `json:"steps,omitempty"`
	Progress int        `json:"progress"`
	Fault    *Fault     `json:"fault,omitempty"`
	// Attempts of the present step; RetryAt is when the next one is due.
	Attempts int       `json:"attempts,omitempty"`
	RetryAt  time.Time `json:"retry_at,omitzero"`
	// Deadline after which it is unwound, whatever it is doing.
	Deadline time.Time `json:"deadline,omitzero"`
	// Cancel asks the runner to unwind at the next chance.
	Cancel bool `json:"cancel,omitempty"`
	// Owner holds the lease until LeaseUntil; Lease counts take-overs, and a write
	// with an older count is refused.
	Owner      string     `json:"owner,omitempty"`
	LeaseUntil time.Time  `json:"lease_until,omitzero"`
	Lease      int64      `json:"lease,omitempty"`
	EndedAt    *time.Time `json:"ended_at,omitempty"`
}

// StepMark is the history of one step.
type StepMark struct {
	Name      string     `json:"name"`
	StartedAt time.Time  `json:"started_at"`
	EndedAt   *time.Time `json:"ended_at,omitempty"`
	Undone    bool       `json:"undone,omitempty"`
	Error     string     `json:"error,omitempty"` // for operators
}

// Idempotency remembers the answer to a create that carried a key. Its id is a hash of caller, scope and key.
type Idempotency struct {
	ID string `json:"id"`
	Meta
	// Fingerprint is a hash of the request: the same key with another request is refused.
	Fingerprint string `json:"fingerprint"`
	// Answer is sealed with the key.
	Answer    []byte    `json:"answer"`
	ExpiresAt time.Time `json:"expires_at"`
}
