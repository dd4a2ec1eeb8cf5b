// Package openstacktest holds what every OpenStack service must bear, for the tests of each. It is no part of the product.
package openstacktest

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

// Target is a service under attack.
type Target struct {
	Handler http.Handler // expects the paths of Routes
	Routes  []string     // "METHOD /path/{id}"
	// Fill gives the names in routes the ids of things that exist.
	Fill   map[string]string
	Header http.Header // the caller's token, and what else each request carries
	// Media gives a route that takes no JSON its content type.
	Media map[string]string
	// NoBody are routes that read none, or take any bytes.
	NoBody map[string]bool
	// Keys are what bodies of the service may hold.
	Keys []string
	// Fault judges a refusal's form.
	Fault func(code int, contentType string, body []byte) error
	// State is everything that must not change.
	State func() string
}

// broken are bodies that no service can read.
var broken = map[string]string{
	"half an object": `{"a": `, "no JSON": "no JSON at all", "two values": `{} {}`, "a number": "7", "a string": `"x"`,
	"true": "true", "deep arrays": strings.Repeat("[", 100_000), "deep objects": strings.Repeat(`{"a":`, 100_000),
	"UTF-16": "\xff\xfe{\x00}\x00", "a lone byte": "\xff", "zeros": "\x00\x00\x00",
}

// wrong are values that hardly any key takes.
var wrong = []string{"null", "true", "-1", "1.5", "1e999", "99999999999999999999999", "-9223372036854775809", `""`, `"\u0000"`, `"\ud800"`,
	"\"\xff\xfe\"", "[]", "{}", "[[[[]]]]", `[null]`, `[{}]`, `{"": null}`, `{"a": [{"b": {}}]}`, `"` + strings.Repeat("x", 70_000) + `"`}

// queries are what lists are asked with.
var queries = []string{"limit=-1", "limit=x", "limit=99999999999999999999", "limit=", "marker=none", "marker=%00", "marker=%ff", "sort_key=none",
	"sort_key=id&sort_dir=up", "sort=:", "sort=id:up", "sort=%ff", "page_reverse=maybe", "name=%00", "name=%ff%fe", "status=none", "id=", "created_at=x:y",
	"updated_at=gt:x", "changes-since=never", "all_tenants=maybe", "fields=none", "%ff=%ff", "=", "&&&", "a;b", "%zz", "offset=-1", "tags=%00", "size_min=x", "visibility=none", "name=in:%22"}

// Attack asks every route what nobody should ask. Bodies that cannot be read are refused and change nothing; nothing
// else ends in a fault of ours, and each refusal has the service's form.
func Attack(t *testing.T, x Target) {
	t.Helper()
	for _, route := range x.Routes {
		method, path, _ := strings.Cut(route, " ")
		path = x.fill(path)
		switch {
		case method == http.MethodGet:
			x.ask(t, path)
		case method != http.MethodDelete && !x.NoBody[route]:
			x.feed(t, route, method, path)
		}
	}
}

var placeholder = regexp.MustCompile(`\{([a-z_A-Z]+)(\.\.\.)?\}`)

func (x Target) fill(path string) string {
	path = strings.TrimSuffix(path, "{$}")
	return placeholder.ReplaceAllStringFunc(path, func(name string) string {
		if id, ok := x.Fill[strings.Trim(name, "{}.")]; ok {
			return id
		}
		return "none"
	})
}

func (x Target) ask(t *testing.T, path string) {
	t.Helper()
	for _, q := range queries {
		x.judge(t, http.MethodGet, path+"?"+q, "", "")
	}
	for _, id := range []string{"%00", "%ff%fe", strings.Repeat("x", 5000), "..%2f..", "-1"} {
		x.judge(t, http.MethodGet, path+"/"+id, "", "")
	}
}

func (x Target) feed(t *testing.T, route, method, path string) {
	t.Helper()
	media := "application/json"
	if m := x.Media[route]; m != "" {
		media = m
	}
	before := x.State()
	for name, body := range broken {
		if code := x.judge(t, method, path, media, body); !refused(code) {
			t.Errorf("%s with %s: %d", route, name, code)
		}
	}
	if x.State() != before {
		t.Errorf("%s: what it could not read changed something", route)
	}
	for _, key := range x.Keys {
		for _, value := range wrong {
			x.judge(t, method, path, media, fmt.Sprintf(`{%q: %s}`, key, value))
			x.judge(t, method, path, media, fmt.Sprintf(`[{%q: %s}]`, key, value))
		}
	}
}

// judge sends one request and wants no fault of ours, and refusals in the service's form.
func (x Target) judge(t *testing.T, method, target, media, body string) int {
	t.Helper()
	path, query, _ := strings.Cut(target, "?")
	clean, err := url.PathUnescape(path)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(method, "/", bytes.NewReader([]byte(body)))
	r.URL = &url.URL{Path: clean, RawPath: path, RawQuery: query}
	for k, v := range x.Header {
		r.Header[k] = v
	}
	if media != "" {
		r.Header.Set("Content-Type", media)
	}
	w := httptest.NewRecorder()
	x.Handler.ServeHTTP(w, r)
	shown := body[:min(len(body), 100)]
	if answered, absent := w.Code/100 < 5, w.Code == notImplemented; !answered && !absent {
		t.Errorf("%s %.200s %q: %d %s", method, target, shown, w.Code, w.Body)
	} else if !answered || refused(w.Code) {
		if err := x.Fault(w.Code, w.Header().Get("Content-Type"), w.Body.Bytes()); err != nil {
			t.Errorf("%s %.200s %q: %v", method, target, shown, err)
		}
	}
	return w.Code
}

// notImplemented is how a service says that this cloud lacks something: no fault of ours.
var notImplemented = openstack.Code(openstack.FaultNova, openstack.NotImplemented(""))

func refused(code int) bool { return code/100 == 4 }
