package spec

import "errors"

// The errors a driver or agent may return; anything else is a failure of the
// host, whose text is for operators. Wrap them with context: errors.Is finds them.
var (
	// ErrMissing: the thing named, or one it needs, is not here.
	ErrMissing = errors.New("missing")
	// ErrExists: there is another thing of that name.
	ErrExists = errors.New("exists")
	// ErrBusy: in use, try again when it is not.
	ErrBusy = errors.New("busy")
	// ErrNoSpace: memory, disk or another resource of the host is used up.
	ErrNoSpace = errors.New("no space")
	// ErrNotSupported: this driver or host cannot do it, now or ever.
	ErrNotSupported = errors.New("not supported here")
	// ErrInvalid: the document contradicts itself or the host's facts.
	ErrInvalid = errors.New("invalid")
	// ErrCorrupt: bytes do not match their checksum or format.
	ErrCorrupt = errors.New("corrupt")
)
