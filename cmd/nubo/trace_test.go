package main

import (
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/trace"
)

// An entry is one line, whatever a stranger calls itself.
func TestEntryLine(t *testing.T) {
	e := trace.Entry{Time: time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC), Kind: trace.KindSignIn, User: "ada\nmallory", Reason: "the token is expired", From: "192.0.2.1"}
	if got, want := entryLine(e), `2026-03-31T12:00:00Z sign-in refused because="the token is expired" user="ada\nmallory" from="192.0.2.1"`; got != want {
		t.Errorf("%s\nnot\n%s", got, want)
	}
	e = trace.Entry{Time: e.Time, Kind: trace.KindRequest, Method: "POST", Path: "/x", Status: 202, UserID: "u"}
	if got, want := entryLine(e), `2026-03-31T12:00:00Z request POST "/x" 202 id="u"`; got != want {
		t.Errorf("%s\nnot\n%s", got, want)
	}
}

// Times are written as people write them.
func TestTimeOption(t *testing.T) {
	var at time.Time
	for _, text := range []string{"2026-03-31", "2026-03-31 12:00:00", "2026-03-31T12:00:00+02:00", "36h"} {
		if err := timeOption(&at)(text); err != nil || at.IsZero() {
			t.Errorf("%s: %v, %v", text, at, err)
		}
	}
	if err := timeOption(&at)("yesterday"); err == nil {
		t.Error("yesterday is a day")
	}
}
