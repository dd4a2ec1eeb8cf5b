package trace

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// clock is set by tests.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *clock) set(now time.Time) { c.mu.Lock(); c.now = now; c.mu.Unlock() }

var noon = time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)

func open(t testing.TB, dir string, o Options) *Log {
	t.Helper()
	o.Log = slog.New(slog.DiscardHandler)
	l, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func read(t *testing.T, dir string, f Filter) []Entry {
	t.Helper()
	all, err := NewReader(dir, f).All()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func visit(user, project string) *cloud.Visit {
	return &cloud.Visit{From: "192.0.2.1", Agent: "curl", Method: "POST", Path: "/compute/v2.1/servers", RequestID: "req-1",
		Principal: &cloud.Principal{UserID: cloud.UserID(user), UserName: user + "'s name", ProjectID: cloud.ProjectID(project), ProviderID: "egi.eu", Protocol: "openid"}}
}

// What was done is found again, by whom, where and when, with what the provider calls the person.
func TestTrace(t *testing.T) {
	dir, c := filepath.Join(t.TempDir(), "traces"), &clock{now: noon}
	asked := 0
	l := open(t, dir, Options{Now: c.Now, FederatedID: func(user, provider string) string { asked++; return user + "@" + provider }})
	l.SignedIn(cloud.WithVisit(context.Background(), &cloud.Visit{From: "192.0.2.1", RequestID: "req-0"}), cloud.SignIn{UserName: "mallory", ProviderID: "egi.eu", Protocol: "openid", Refused: "the token is expired"})
	l.Requested(visit("ada", "ops"), 202)
	l.Requested(visit("ada", "biomed"), 403)
	c.set(noon.AddDate(0, 0, 1))
	l.Requested(visit("bob", "ops"), 204)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for name, q := range map[string]struct {
		filter Filter
		want   int
	}{
		"all": {Filter{}, 4}, "an id": {Filter{User: "ada"}, 2}, "a name": {Filter{User: "bob's name"}, 1}, "a person": {Filter{User: "ada@egi.eu"}, 2},
		"a project": {Filter{Project: "ops"}, 2}, "a provider": {Filter{Provider: "egi.eu"}, 4}, "another": {Filter{Provider: "x"}, 0},
		"since": {Filter{Since: noon.Add(time.Hour)}, 1}, "until": {Filter{Until: noon.Add(time.Hour)}, 3}, "between": {Filter{Since: noon, Until: noon}, 0},
	} {
		if got := read(t, dir, q.filter); len(got) != q.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
	all := read(t, dir, Filter{})
	if s := all[0]; s.Kind != KindSignIn || s.Reason != "the token is expired" || s.From != "192.0.2.1" || s.RequestID != "req-0" || s.FederatedID != "" {
		t.Errorf("the sign-in: %+v", s)
	}
	if r := all[1]; r.Kind != KindRequest || r.Status != 202 || r.FederatedID != "ada@egi.eu" || r.Path != "/compute/v2.1/servers" || !r.Time.Equal(noon) {
		t.Errorf("the request: %+v", r)
	}
	if asked != 2 {
		t.Errorf("asked %d times for two people", asked)
	}
	info, err := os.Stat(filepath.Join(dir, "2026-03-31.jsonl"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

// A line that was cut short spoils no other, and what is old goes, by the file's name.
func TestTornAndOld(t *testing.T) {
	dir, c := t.TempDir(), &clock{now: noon}
	file := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"2025-02-27.jsonl", "2025-02-28.jsonl", "2025-03-31.jsonl", "2025-01-01.txt", "notes.jsonl"} {
		file(name, "")
	}
	file("2026-03-31.jsonl", `{"time":"2026-03-31T10:00:00Z","kind":"request","user_id":"ada"}`+"\n"+`{"time":"2026-03-31T11:0`)
	if got := read(t, dir, Filter{}); len(got) != 1 {
		t.Errorf("of a torn file: %+v", got)
	}
	l := open(t, dir, Options{Months: 12, Now: c.Now})
	l.Requested(visit("bob", "ops"), 204)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, dir, Filter{}); len(got) != 2 || got[1].UserID != "bob" {
		t.Errorf("after a torn line: %+v", got)
	}
	left, err := os.ReadDir(dir)
	var names []string
	for _, f := range left {
		names = append(names, f.Name())
	}
	if want := []string{"2025-01-01.txt", "2025-03-31.jsonl", "2026-03-31.jsonl", "notes.jsonl"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("left: %v, %v", names, err)
	}
}

// Nothing is dropped, whoever comes at once and however many; a follower sees it all.
func TestNothingIsDropped(t *testing.T) {
	const people, each = 8, 1000
	dir := t.TempDir()
	l := open(t, dir, Options{})
	var wg sync.WaitGroup
	for p := range people {
		wg.Go(func() {
			for range each {
				l.Requested(visit(fmt.Sprint("p", p), "ops"), 200)
			}
		})
	}
	ctx, cancel := context.WithCancel(context.Background())
	seen := 0
	err := NewReader(dir, Filter{}).Follow(ctx, func(Entry) error {
		if seen++; seen == people*each {
			cancel()
		}
		return nil
	})
	wg.Wait()
	if err != nil || seen != people*each {
		t.Errorf("%d of %d: %v", seen, people*each, err)
	}
}

// What strangers send stays short.
func TestBounded(t *testing.T) {
	if got := bounded(strings.Repeat("ä", textMax)); len(got) > textMax+len("…") || !strings.HasSuffix(got, "ä…") {
		t.Errorf("%d bytes", len(got))
	}
}

// A request waits for the queue only.
func BenchmarkRequested(b *testing.B) {
	l := open(b, b.TempDir(), Options{FederatedID: func(user, _ string) string { return user }})
	v := visit("ada", "ops")
	b.ReportAllocs()
	for b.Loop() {
		l.Requested(v, 202)
	}
}
