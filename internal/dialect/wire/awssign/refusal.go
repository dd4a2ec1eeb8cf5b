package awssign

import "fmt"

// Reason is why a request is refused.
type Reason string

// The reasons.
const (
	NotSigned    Reason = "not signed"
	Malformed    Reason = "malformed"
	Stale        Reason = "stale"   // signed too long ago, or by a clock that is ahead
	Expired      Reason = "expired" // an address that was good until a moment that has passed
	WrongRegion  Reason = "wrong region"
	WrongService Reason = "wrong service"
	WrongBody    Reason = "wrong body" // not the one whose hash was sent along
	Mismatch     Reason = "mismatch"   // the signature is another one
)

// Refusal says why a request is refused, in a sentence for whoever signed it.
type Refusal struct {
	Reason  Reason
	Message string
}

func (r *Refusal) Error() string { return r.Message }

func refuse(why Reason, format string, args ...any) error {
	return &Refusal{why, fmt.Sprintf(format, args...)}
}
