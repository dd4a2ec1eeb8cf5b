package xmlsig

import (
	"errors"
	"fmt"
)

// What is wrong with a document. Errors of this package are one of these, with details around it.
var (
	ErrMalformed      = errors.New("not well-formed")
	ErrTooLarge       = errors.New("too large")
	ErrDTD            = errors.New("has a document type")
	ErrComment        = errors.New("has a comment or processing instruction")
	ErrUnsigned       = errors.New("is not signed")
	ErrSigner         = errors.New("is signed by an unknown key")
	ErrAltered        = errors.New("is not what was signed")
	ErrMisplaced      = errors.New("has a signature that covers something else")
	ErrAlgorithm      = errors.New("uses an algorithm that is weak or unknown")
	ErrUndecipherable = errors.New("cannot be deciphered with this key")
)

func fault(kind error, format string, args ...any) error {
	return fmt.Errorf("%w: %s", kind, fmt.Sprintf(format, args...))
}

func malformed(format string, args ...any) error { return fault(ErrMalformed, format, args...) }
