package daemon

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// No path is answered by a redirection, and one with a slash too many reaches what it means.
func TestDirectly(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /compute/servers/{id}", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(r.PathValue("id"))) })
	h := directly(mux)
	for path, want := range map[string]string{
		"/compute/servers/a":           "a",
		"//compute//servers///a":       "a",
		"/compute/servers/a%2Fb":       "a/b",
		"/compute//servers/a%20b":      "a b",
		"/compute/servers/..":          "..",
		"/compute/servers/.":           ".",
		"/compute/servers/../x":        "404 page not found\n",
		"/compute/servers/x(http://y)": "404 page not found\n",
		"/compute/servers/..a":         "..a",
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", path, nil))
		if got := w.Body.String(); got != want || w.Code >= 300 && w.Code < 400 {
			t.Errorf("%s: %d %q, not %q", path, w.Code, got, want)
		}
	}
}
