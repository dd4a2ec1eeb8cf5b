package nova_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/dialect/openstack/nova"
)

func routes() []string { return nova.New(nova.Deps{Log: slog.New(slog.DiscardHandler)}).Routes() }

// TestRoutes compares the routes with the checked-in list, so that one that is forgotten or added in passing is seen.
func TestRoutes(t *testing.T) {
	got := strings.Join(routes(), "\n") + "\n"
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
	s := nova.New(nova.Deps{Log: slog.New(slog.DiscardHandler)})
	public := map[string]bool{"GET /{$}": true, "GET /v2": true, "GET /v2.1": true}
	for _, route := range routes() {
		if public[route] {
			continue
		}
		method, pattern, _ := strings.Cut(route, " ")
		path := strings.NewReplacer("{", "", "}", "").Replace(pattern)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		if w.Code != http.StatusUnauthorized {
			t.Errorf("%s without a token: %d", route, w.Code)
		}
	}
}

// TestOtherMethodsAndPaths: a path that exists with other methods is 405 and names them; an empty id does not exist.
func TestOtherMethodsAndPaths(t *testing.T) {
	s := nova.New(nova.Deps{Log: slog.New(slog.DiscardHandler)})
	for _, c := range []struct {
		method, path string
		code         int
		allow, key   string
	}{
		{"PATCH", "/v2.1/servers", 405, "GET, HEAD, POST", "badMethod"},
		{"POST", "/v2.1/servers/x", 405, "GET, HEAD, PUT, DELETE", "badMethod"},
		{"DELETE", "/v2.1/0123456789abcdef0123456789abcdef/servers", 405, "GET, HEAD, POST", "badMethod"},
		{"DELETE", "/v2/servers", 405, "GET, HEAD, POST", "badMethod"},
		{"DELETE", "/v2.1/servers/", 404, "", "itemNotFound"},
		{"GET", "/v2.1/nothing", 404, "", "itemNotFound"},
	} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
		if w.Code != c.code || w.Header().Get("Allow") != c.allow || !strings.Contains(w.Body.String(), `"`+c.key+`"`) {
			t.Errorf("%s %s: %d, Allow %q, %s", c.method, c.path, w.Code, w.Header().Get("Allow"), w.Body)
		}
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
