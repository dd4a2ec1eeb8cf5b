package cinder_test

import (
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/dialect/openstack/cinder"
)

// TestRoutes compares the routes with the checked-in list, so that one that is forgotten or added in passing is seen.
func TestRoutes(t *testing.T) {
	got := strings.Join(cinder.New(cinder.Deps{Auth: tokens{}, Log: slog.New(slog.DiscardHandler)}).Routes(), "\n") + "\n"
	const path = "testdata/routes.txt"
	if os.Getenv("UPDATE") != "" {
		ok(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	ok(t, err)
	if got != string(want) {
		t.Errorf("routes differ from %s (UPDATE=1 rewrites it):\n%s", path, got)
	}
}

// TestEveryRouteButDiscoveryNeedsAToken asks each without one.
func TestEveryRouteButDiscoveryNeedsAToken(t *testing.T) {
	s := newSite(t)
	public := map[string]bool{"GET /{$}": true, "GET /versions": true, "GET /v2": true, "GET /v3": true}
	for _, route := range cinder.New(cinder.Deps{Auth: tokens{}, Log: slog.New(slog.DiscardHandler)}).Routes() {
		method, pattern, _ := strings.Cut(route, " ")
		if public[route] {
			continue
		}
		path := strings.NewReplacer("{", "", "}", "").Replace(pattern)
		if a := s.do("", method, path, ""); a.code != 401 {
			t.Errorf("%s without a token: %d", route, a.code)
		}
	}
}
