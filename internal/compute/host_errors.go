package compute

import (
	"errors"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

type specError struct {
	err     error
	kind    cloud.Kind
	message string
}

func (s specError) is(err error) bool { return errors.Is(err, s.err) }

// specErrors are the errors of spec as an owner reads them. ErrBusy and ErrMissing
// may pass (a guest lets go late, a network is being made), so they are tried again.
var specErrors = []specError{
	{spec.ErrNoSpace, cloud.NoCapacity, "The host has run out of memory or disk space."},
	{spec.ErrNotSupported, cloud.Unsupported, "The host cannot do this with this kind of guest or disk."},
	{spec.ErrInvalid, cloud.Invalid, "The host cannot run this combination of flavor, image and devices."},
	{spec.ErrCorrupt, cloud.Invalid, "The image's bytes do not match its checksum or format."},
	{spec.ErrBusy, cloud.Unavailable, "The guest has not let go of the device."},
	{spec.ErrMissing, cloud.Unavailable, "Something that the guest needs is not on its host."},
}
