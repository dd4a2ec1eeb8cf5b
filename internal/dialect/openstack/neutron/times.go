package neutron

import (
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// parseTime reads the forms that changed_since may have.
func parseTime(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04:05Z"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, cloud.Invalidf("request", "changed_since", "Failed to parse changed_since: '%s' is not a time.", s)
}
