package agent

import (
	"testing"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// What is done next follows from what is wanted and what is seen, and from nothing else.
func TestNext(t *testing.T) {
	const old, now = 1, 2 // the wanted BootSerial is now
	for _, c := range []struct {
		wanted spec.Power
		seen   spec.GuestState
		serial int64
		want   act
	}{
		{spec.PowerOn, spec.GuestAbsent, 0, actStart},
		{spec.PowerOn, spec.GuestStopped, old, actStart},
		{spec.PowerOn, spec.GuestStopped, now, actNone}, // it ended by itself
		{spec.PowerOn, spec.GuestCrashed, old, actStart},
		{spec.PowerOn, spec.GuestCrashed, now, actNone},
		{spec.PowerOn, spec.GuestRunning, old, actStop}, // and then start
		{spec.PowerOn, spec.GuestRunning, now, actNone},
		{spec.PowerOn, spec.GuestPaused, old, actStop},
		{spec.PowerOn, spec.GuestPaused, now, actResume},
		{spec.PowerOn, spec.GuestSuspended, now, actStart},
		{spec.PowerOn, spec.GuestSuspended, old, actStart},
		{spec.PowerPaused, spec.GuestAbsent, 0, actStart},
		{spec.PowerPaused, spec.GuestRunning, now, actPause},
		{spec.PowerPaused, spec.GuestPaused, now, actNone},
		{spec.PowerPaused, spec.GuestStopped, now, actNone},
		{spec.PowerPaused, spec.GuestSuspended, now, actStart},
		{spec.PowerOff, spec.GuestRunning, now, actStop},
		{spec.PowerOff, spec.GuestRunning, old, actStop},
		{spec.PowerOff, spec.GuestPaused, now, actStop},
		{spec.PowerOff, spec.GuestSuspended, now, actStop},
		{spec.PowerOff, spec.GuestStopped, old, actNone},
		{spec.PowerOff, spec.GuestCrashed, old, actNone},
		{spec.PowerOff, spec.GuestAbsent, 0, actNone},
		{spec.PowerSuspended, spec.GuestRunning, now, actSuspend},
		{spec.PowerSuspended, spec.GuestPaused, now, actSuspend},
		{spec.PowerSuspended, spec.GuestSuspended, now, actNone},
		{spec.PowerSuspended, spec.GuestStopped, now, actNone},
		{spec.PowerSuspended, spec.GuestAbsent, 0, actNone},
	} {
		g := spec.Guest{Power: c.wanted, BootSerial: now}
		if got := next(g, spec.GuestStatus{State: c.seen, BootSerial: c.serial}); got != c.want {
			t.Errorf("%s wanted, %s seen (serial %d of %d): %d, want %d", c.wanted, c.seen, c.serial, now, got, c.want)
		}
	}
}
