package nova_test

import (
	"strings"
	"testing"
)

// The detailed list of zones has that of the control plane, the short one, from which instances choose, has not; its
// services are listed beside those of the hosts, and found by their filters.
func TestControlPlane(t *testing.T) {
	c := newClient(t)
	for path, want := range map[string]bool{
		"/os-availability-zone":                     false,
		"/os-availability-zone/detail":              true,
		"/os-services":                              true,
		"/os-services?binary=nova-scheduler":        true,
		"/os-services?binary=nova-compute":          false,
		"/os-services?host=of-nobodys-acquaintance": false,
	} {
		w := c.send("2.53", "GET", "/compute/v2.1"+path, "")
		if w.Code != 200 || strings.Contains(w.Body.String(), `"internal"`) != want {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}
