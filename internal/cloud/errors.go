package cloud

import (
	"errors"
	"fmt"
)

// Kind says what sort of failure an Error is. A new Kind needs a caller that
// acts differently on it.
type Kind string

// The kinds.
const (
	Invalid         Kind = "invalid"         // the request makes no sense; Field names where
	NotFound        Kind = "not found"       // or hidden from this caller
	AlreadyExists   Kind = "already exists"  // a unique name or address is taken
	WrongState      Kind = "wrong state"     // the noun cannot do that now
	InUse           Kind = "in use"          // something else still needs it
	Conflict        Kind = "conflict"        // somebody else changed it meanwhile; try again
	Unauthenticated Kind = "unauthenticated" // who are you
	Forbidden       Kind = "forbidden"       // the caller may see it but not do that
	QuotaExceeded   Kind = "quota exceeded"  // Field names the resource
	NoCapacity      Kind = "no capacity"     // no host, pool or address range has room
	TooLarge        Kind = "too large"       // of a request's body
	Unsupported     Kind = "unsupported"     // not by this cloud
	Unavailable     Kind = "unavailable"     // not now; worth repeating as it is
	Internal        Kind = "internal"        // our fault
)

// Kinds lists all kinds, for the tables of the dialects.
var Kinds = []Kind{Invalid, NotFound, AlreadyExists, WrongState, InUse, Conflict, Unauthenticated,
	Forbidden, QuotaExceeded, NoCapacity, TooLarge, Unsupported, Unavailable, Internal}

// Error is the one error type that callers of the use cases see. Message is for
// the user and never holds SQL, paths or QEMU's words; Cause is for the log.
type Error struct {
	Kind     Kind
	Resource string // the noun: "instance", "volume", "security group"
	ID       string // which one, empty if none
	Field    string // for Invalid: the field; for QuotaExceeded: the counted resource
	Message  string
	Cause    error
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return e.Message + ": " + e.Cause.Error()
	}
	return e.Message
}

func (e *Error) Unwrap() error { return e.Cause }

// KindOf is the Kind of the first Error in err's chain, and Internal for an error of
// any other type.
func KindOf(err error) Kind {
	if e, ok := AsError(err); ok {
		return e.Kind
	}
	return Internal
}

// Is tells whether err is of kind k. It is false for nil.
func Is(err error, k Kind) bool { return err != nil && KindOf(err) == k }

// AsError finds the first Error in err's chain.
func AsError(err error) (*Error, bool) {
	var e *Error
	ok := errors.As(err, &e)
	return e, ok
}

// Invalidf makes an Invalid about a field of a resource.
func Invalidf(resource, field, format string, args ...any) *Error {
	return &Error{Kind: Invalid, Resource: resource, Field: field, Message: fmt.Sprintf(format, args...)}
}

// NotFoundf makes the NotFound that every missing or hidden noun gives.
func NotFoundf[ID ~string](resource string, id ID) *Error {
	return &Error{Kind: NotFound, Resource: resource, ID: string(id),
		Message: fmt.Sprintf("%s %s could not be found.", Title(resource), id)}
}

// Errorf makes an Error of any kind about one resource.
func Errorf[ID ~string](k Kind, resource string, id ID, format string, args ...any) *Error {
	return &Error{Kind: k, Resource: resource, ID: string(id), Message: fmt.Sprintf(format, args...)}
}

// Title is a resource's name as the first word of a sentence.
func Title(resource string) string {
	if resource == "" {
		return "Resource"
	}
	if c := resource[0]; c >= 'a' && c <= 'z' {
		return string(c-'a'+'A') + resource[1:]
	}
	return resource
}
