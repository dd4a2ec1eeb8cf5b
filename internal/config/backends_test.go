package config

import (
	"strings"
	"testing"
)

// TestBackends proves which back ends a configuration means, and which it cannot mean.
func TestBackends(t *testing.T) {
	for _, c := range []struct {
		given   []VolumeBackend
		want    string // the names, the one that takes no volumes in parentheses
		refused string
	}{
		{nil, "default", ""},
		{[]VolumeBackend{{Name: "fast"}, {Name: "slow", Directory: "/srv/slow"}}, "(default) fast slow", ""},
		{[]VolumeBackend{{Name: "fast"}, {Name: "default"}}, "default fast", ""},
		{[]VolumeBackend{{Name: "a@b"}}, "", "letters, digits"},
		{[]VolumeBackend{{Name: "fast"}, {Name: "fast"}}, "", "a name of its own"},
		{[]VolumeBackend{{Name: "default", Directory: "/srv"}}, "", "lies in the state directory"},
		{[]VolumeBackend{{Name: "fast", Directory: "srv"}}, "", "must be absolute"},
		{[]VolumeBackend{{Name: "fast", Directory: "/srv"}, {Name: "slow", Directory: "/srv/"}}, "", "no other back end's"},
	} {
		o := Default()
		o.VolumeBackends = c.given
		if err := o.Validate(); err != nil {
			if c.refused == "" || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%v: %v", c.given, err)
			}
			continue
		}
		all, volumesOnFirst := o.Backends()
		var names []string
		for i, b := range all {
			if i == 0 && !volumesOnFirst {
				b.Name = "(" + b.Name + ")"
			}
			names = append(names, b.Name)
		}
		if got := strings.Join(names, " "); got != c.want || c.refused != "" {
			t.Errorf("%v: %s", c.given, got)
		}
	}
}
