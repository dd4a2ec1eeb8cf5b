package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// internalf is a mistake of ours: a column that is not there, a transaction used after its end.
func internalf(cause error, format string, args ...any) *cloud.Error {
	return &cloud.Error{Kind: cloud.Internal, Message: "The store was used wrongly.", Cause: chain(cause, format, args...)}
}

// unavailable is a failure of the database that may be gone next time.
func unavailable(cause error, format string, args ...any) *cloud.Error {
	return &cloud.Error{Kind: cloud.Unavailable, Message: "The store cannot do that now.", Cause: chain(cause, format, args...)}
}

func chain(cause error, format string, args ...any) error {
	msg := "store: " + fmt.Sprintf(format, args...)
	if cause == nil {
		return errors.New(msg)
	}
	return fmt.Errorf("%s: %w", msg, cause)
}

// failed gives an engine's error its kind. What already has one keeps it.
func failed(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	if _, ok := cloud.AsError(err); ok {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || sqliteTransient(err) || pgTransient(err) {
		return unavailable(err, format, args...)
	}
	return &cloud.Error{Kind: cloud.Internal, Message: "The store failed.", Cause: chain(err, format, args...)}
}

// violation is a broken unique constraint, before it is known what of.
type violation struct {
	index   string   // name of the index, if the engine tells
	columns []string // its columns, if the engine tells those
	cause   error
}

func (v *violation) Error() string { return v.cause.Error() }
func (v *violation) Unwrap() error { return v.cause }
