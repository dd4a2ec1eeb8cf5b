package compute

import (
	"strings"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// A hostname is a DNS label whatever the instance is called.
func TestHostname(t *testing.T) {
	for _, c := range []struct {
		asked, name string
		n           int
		want        string
	}{
		{"", "Web Server_1.example", 1, "web-server-1-example"},
		{"", "--", 1, "server-id"},
		{"", "日本", 1, "server-id"},
		{"given", "x", 1, "given"},
		{"given", "x-2", 2, "x-2"}, // several cannot have the same
		{"", strings.Repeat("a", 62) + ".b", 1, strings.Repeat("a", 62)},
	} {
		if got := hostname(c.asked, c.name, "id", c.n); got != c.want {
			t.Errorf("hostname(%q, %q) is %q, want %q", c.asked, c.name, got, c.want)
		}
	}
}

// Disks without a name get the first that is free, past vdz too.
func TestDeviceNames(t *testing.T) {
	disks := []cloud.InstanceDisk{{}, {Device: "vda"}, {}, {Device: "vdc"}, {}}
	nameDevices(disks)
	for i, want := range []string{"vdb", "vda", "vdd", "vdc", "vde"} {
		if disks[i].Device != want {
			t.Errorf("disk %d is %s, want %s", i, disks[i].Device, want)
		}
	}
	for n, want := range map[int]string{0: "a", 25: "z", 26: "aa", 27: "ab", 51: "az", 52: "ba", 701: "zz", 702: "aaa"} {
		if got := letters(n); got != want {
			t.Errorf("letters(%d) is %s, want %s", n, got, want)
		}
	}
}

// Usage is a function of the ledger: one span per life, with its last size, cut to what was asked for.
func TestSpans(t *testing.T) {
	at := func(h int) time.Time { return time.Date(2026, 1, 1, h, 0, 0, 0, time.UTC) }
	event := func(kind cloud.UsageKind, subject string, h, vcpus int) *cloud.UsageEvent {
		return &cloud.UsageEvent{Kind: kind, Subject: subject, At: at(h), VCPUs: vcpus}
	}
	all := spans([]*cloud.UsageEvent{
		event(cloud.UsageInstanceStarted, "a", 1, 1), event(cloud.UsageInstanceResized, "a", 2, 4), event(cloud.UsageInstanceStopped, "a", 3, 4),
		event(cloud.UsageInstanceStarted, "b", 3, 2), event(cloud.UsageInstanceRemoved, "a", 5, 4), event(cloud.UsageInstanceRemoved, "a", 6, 4),
	})
	if len(all) != 2 || all[0].VCPUs != 4 || !all[0].End.Equal(at(5)) || !all[0].Ended || all[1].Ended || all[1].VCPUs != 2 {
		t.Fatalf("%+v", all)
	}
	for _, c := range []struct{ from, to, want int }{{0, 1, 0}, {0, 2, 1}, {4, 5, 2}, {5, 9, 1}} {
		if got := within(append([]Span(nil), all...), at(c.from), at(c.to)); len(got) != c.want {
			t.Errorf("from %d to %d: %d spans, want %d", c.from, c.to, len(got), c.want)
		}
	}
}

// What a host reports and what an instance then wants agree, so that nobody fights what a guest did by itself.
func TestSettledPower(t *testing.T) {
	for state, want := range map[spec.GuestState]cloud.Power{
		spec.GuestRunning: cloud.PowerOn, spec.GuestPaused: cloud.PowerPaused, spec.GuestSuspended: cloud.PowerSuspended,
		spec.GuestStopped: cloud.PowerOff, spec.GuestCrashed: cloud.PowerOff, spec.GuestAbsent: cloud.PowerOff,
	} {
		power := settledPower(observedPower(state))
		if power != want {
			t.Errorf("%s: %s, want %s", state, power, want)
		}
		if !reached(spec.Power(power), state) {
			t.Errorf("%s: a guest that ended so is started again", state)
		}
	}
}
