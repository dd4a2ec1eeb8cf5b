package daemon

import (
	"net/http"
	"net/url"
	"strings"
)

// directly serves a request for a path as it stands. A mux answers one with empty or dot segments by a redirection, which loses
// the body of a request, and leads a client that puts such a path together into a circle. Empty segments are as if they were
// not there: clients make them of a base address that ends in a slash. Dots are a name like others, of nothing.
func directly(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked := r.URL.EscapedPath()
		if path := straight(asked); path != asked {
			r = r.Clone(r.Context()) // the caller's stays as it is
			if plain, err := url.PathUnescape(path); err == nil {
				r.URL.Path, r.URL.RawPath = plain, path
			}
		}
		h.ServeHTTP(w, r)
	})
}

// straight is an escaped path without empty segments, but for the last, and with dot segments written so that nobody follows them.
func straight(path string) string {
	if !strings.Contains(path, "//") && !strings.Contains(path, "/.") {
		return path
	}
	segments := strings.Split(path, "/")
	kept := segments[:0]
	for i, s := range segments {
		switch {
		case s == "" && 0 < i && i < len(segments)-1:
			continue
		case s == "." || s == "..":
			s = strings.ReplaceAll(s, ".", "%2E")
		}
		kept = append(kept, s)
	}
	return strings.Join(kept, "/")
}
