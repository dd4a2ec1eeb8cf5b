package openstack

import (
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// TestCodeOfAnothersNoun: what Block Storage calls a bad request stays one when Compute passes it on.
func TestCodeOfAnothersNoun(t *testing.T) {
	for _, c := range []struct {
		style    FaultStyle
		resource string
		code     int
	}{{FaultNova, "volume", 400}, {FaultNova, "instance", 409}, {FaultCinder, "volume", 400}, {FaultNeutron, "volume", 409}} {
		err := cloud.Errorf(cloud.WrongState, c.resource, "1", "taken")
		if got := Code(c.style, err); got != c.code {
			t.Errorf("%s in the wrong state, style %d: %d, not %d", c.resource, c.style, got, c.code)
		}
	}
}
