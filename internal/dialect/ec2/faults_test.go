package ec2

import (
	"errors"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// TestErrorsAreFaults proves that errors of every kind have a code.
func TestErrorsAreFaults(t *testing.T) {
	for _, k := range cloud.Kinds {
		if f := ofError(&cloud.Error{Kind: k, Message: "x"}); f.code == "" || f.status == 0 || f.message != "x" {
			t.Errorf("%s: %+v", k, f)
		}
	}
	if f := ofError(errors.New("secret")); f.code != "InternalError" || strings.Contains(f.message, "secret") {
		t.Errorf("an error of another type: %+v", f)
	}
	e := cloud.NotFoundf("volume", cloud.NewID())
	if f := ofError(e); strings.Contains(f.message, e.ID) || !strings.Contains(f.message, volumeIDs.of(e.ID)) {
		t.Errorf("ids are not shown as clients know them: %s", f.message)
	}
}
