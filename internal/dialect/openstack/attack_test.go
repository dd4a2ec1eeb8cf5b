package openstack_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/dialect/openstack/openstacktest"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack/placement"
	"github.com/nubo-cloud/nubo/internal/testcloud"
)

// service is one under attack: where it stands in the cloud, and how it says no.
type service struct {
	name, prefix, versions string // "nova", "/compute/v2.1", "compute"
	fault                  func(code int, body []byte) bool
}

func nameOf(code int) string {
	return map[int]string{400: "badRequest", 401: "unauthorized", 403: "forbidden", 404: "itemNotFound", 405: "badMethod", 406: "notAcceptable",
		409: "conflictingRequest", 413: "overLimit", 415: "badMediaType", 501: "notImplemented"}[code]
}

// within tells whether the object below a key of a body has all these keys.
func within(body []byte, key string, keys ...string) bool {
	var v map[string]json.RawMessage
	var fault map[string]any
	if json.Unmarshal(body, &v) != nil || json.Unmarshal(v[key], &fault) != nil {
		return false
	}
	return !slices.ContainsFunc(keys, func(k string) bool { _, has := fault[k]; return !has })
}

func novaFault(code int, body []byte) bool {
	return code == http.StatusGone || within(body, nameOf(code), "code", "message")
}

var services = []service{
	{"keystone", "/identity", "", func(_ int, body []byte) bool { return within(body, "error", "code", "message", "title") }},
	{"nova", "/compute", "compute", novaFault},
	{"glance", "/image", "", func(code int, body []byte) bool { return bytes.Contains(body, fmt.Appendf(nil, "<h1>%d ", code)) }},
	{"neutron", "/network", "", func(_ int, body []byte) bool { return within(body, "NeutronError", "type", "message", "detail") }},
	{"cinder", "/volume", "volume", novaFault},
	{"placement", "/placement", "placement", func(code int, body []byte) bool {
		return bytes.Contains(body, fmt.Appendf(nil, `"status":%d`, code)) && bytes.Contains(body, []byte(`"errors":[`))
	}},
}

// attacker asks one service of a cloud of its own, as the administrator.
type attacker struct {
	service
	t        testing.TB
	cloud    *testcloud.Cloud
	handler  http.Handler
	token    string
	names    map[string]string
	things   map[string]string // "networks" -> the id of one
	requests []openstacktest.Request
}

// newAttacker runs the service's script once: each of its requests is valid.
func newAttacker(t testing.TB, s service) *attacker {
	a := &attacker{service: s, t: t, cloud: testcloud.New(t, testcloud.Options{}), names: map[string]string{}, things: map[string]string{}}
	a.handler = a.cloud.Handler()
	a.signIn()
	for _, r := range a.script("attack") {
		a.begin(r)
	}
	return a
}

// script reads requests to the service that testdata has of a kind.
func (a *attacker) script(kind string) []openstacktest.Request {
	text, err := os.ReadFile(filepath.Join("testdata", kind, a.name+".txt"))
	must(a.t, err)
	requests, err := openstacktest.Script(string(text))
	must(a.t, err)
	return requests
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (a *attacker) signIn() {
	w := a.send(openstacktest.Request{Method: "POST", Path: "/v3/auth/tokens", Body: fmt.Sprintf(`{"auth": {"identity": {"methods": ["password"],
		"password": {"user": {"name": "admin", "domain": {"id": "default"}, "password": %q}}}, "scope": {"project": {"name": "admin", "domain": {"id": "default"}}}}}`, a.cloud.Password())})
	a.token = w.Header().Get("X-Subject-Token")
	a.keep(w, map[string]string{"USER": "token.user.id", "PROJECT": "token.project.id", "ROLE": "token.roles.0.id"})
	a.names["PASSWORD"] = a.cloud.Password()
}

// begin asks one request of the script, and keeps it for changing if it is to the service under attack.
func (a *attacker) begin(r openstacktest.Request) {
	a.t.Helper()
	r.Path, r.Body = a.expand(r.Path), a.expand(r.Body)
	w := a.send(r)
	if w.Code/100 != 2 && w.Code != r.Refusal {
		a.t.Fatalf("%s %s %s: %d %s", r.Method, r.Path, r.Body, w.Code, w.Body)
	}
	a.learn(w, r)
	a.cloud.Settle(a.t)
	if strings.HasPrefix(r.Path, a.prefix+"/") && strings.ContainsAny(r.Body, "{[") && !r.Spoils {
		a.requests = append(a.requests, r)
	}
}

// learn keeps the names that the answer to a request gives, and one thing of each collection.
func (a *attacker) learn(w *httptest.ResponseRecorder, r openstacktest.Request) {
	a.keep(w, r.Names)
	collection, _, _ := strings.Cut(path.Base(r.Path), "?")
	for name, where := range r.Names {
		if strings.HasSuffix(where, "id") {
			a.things[collection] = a.names[name]
		}
	}
}

func (a *attacker) expand(text string) string {
	return os.Expand(text, func(name string) string { return a.names[name] })
}

// keep gives the names the values that an answer has for them.
func (a *attacker) keep(w *httptest.ResponseRecorder, names map[string]string) {
	var body any
	for name, where := range names {
		must(a.t, json.Unmarshal(w.Body.Bytes(), &body))
		a.names[name] = fmt.Sprint(at(body, strings.Split(where, ".")))
	}
}

func at(v any, path []string) any {
	for _, step := range path {
		switch in := v.(type) {
		case map[string]any:
			v = in[step]
		case []any:
			v = in[int(step[0]-'0')]
		}
	}
	return v
}

func (a *attacker) send(r openstacktest.Request) *httptest.ResponseRecorder {
	q := httptest.NewRequest(r.Method, r.Path, strings.NewReader(r.Body))
	q.Header.Set("Content-Type", mediaOf(r))
	q.Header.Set("X-Auth-Token", a.token)
	for key, value := range r.Header {
		q.Header.Set(key, a.expand(value))
	}
	if r.Version != "" {
		q.Header.Set("OpenStack-API-Version", a.versions+" "+r.Version)
	}
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, q)
	return w
}

// mediaOf is the type of a request's body.
func mediaOf(r openstacktest.Request) string {
	switch {
	case strings.HasSuffix(r.Path, "/file"), strings.HasSuffix(r.Path, "/stage"):
		return "application/octet-stream"
	case strings.HasPrefix(r.Path, "/image/v2/images/") && r.Method == http.MethodPatch:
		return "application/openstack-images-v2.1-json-patch"
	}
	return "application/json"
}

// judge sends a request and wants no fault of ours, refusals in the service's form, and nothing changed by them.
func (a *attacker) judge(r openstacktest.Request) int {
	a.t.Helper()
	before := a.state()
	w := a.send(r)
	switch shown := r.Body[:min(len(r.Body), 300)]; {
	case w.Code/100 == 2 || w.Code/100 == 3:
	case w.Code/100 == 5 && w.Code != http.StatusNotImplemented:
		a.t.Errorf("%s %s %q: %d %s", r.Method, r.Path, shown, w.Code, w.Body)
	case !a.fault(w.Code, w.Body.Bytes()):
		a.t.Errorf("%s %s %q: %d is no fault of %s: %.300s", r.Method, r.Path, shown, w.Code, a.name, w.Body)
	case a.state() != before && a.changes(r):
		a.t.Errorf("%s %s %q: refused with %d, and changed something", r.Method, r.Path, shown, w.Code)
	}
	return w.Code
}

// state is a number that grows with every change of the store.
func (a *attacker) state() int64 {
	n, err := a.cloud.Store.Generation(context.Background())
	must(a.t, err)
	return n
}

// changes tells whether a request that is refused changes something each time: what changed the store once may have been
// the hosts' reports, or the end of something that was accepted before, which may have been in its way.
func (a *attacker) changes(r openstacktest.Request) bool {
	for range 3 {
		a.cloud.Settle(a.t)
		before := a.state()
		if w := a.send(r); w.Code/100 == 2 || a.state() == before {
			return false
		}
	}
	return true
}

// TestAttack gives each service every valid body with one thing wrong, what cannot be read at all, and lists that nobody would ask for.
func TestAttack(t *testing.T) {
	for _, s := range services {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			a := newAttacker(t, s)
			openstacktest.Attack(t, a.target())
			for _, r := range a.requests {
				a.breakBody(r)
				a.changeBody(r)
			}
		})
	}
}

func (a *attacker) breakBody(r openstacktest.Request) {
	for _, r.Body = range openstacktest.Unreadable(r.Body) {
		if code := a.judge(r); code/100 != 4 {
			a.t.Errorf("%s %s with %.100q: %d", r.Method, r.Path, r.Body, code)
		}
	}
}

func (a *attacker) changeBody(r openstacktest.Request) {
	bodies, err := openstacktest.Mutations(r.Body)
	must(a.t, err)
	for _, r.Body = range bodies {
		a.judge(r)
	}
}

// target are the routes that read, with ids of things that exist.
func (a *attacker) target() openstacktest.Target {
	x := openstacktest.Target{Handler: a.handler, Header: http.Header{"X-Auth-Token": {a.token}}, Fault: func(code int, _ string, body []byte) error {
		if !a.fault(code, body) {
			return fmt.Errorf("%d is no fault of %s: %.300s", code, a.name, body)
		}
		return nil
	}}
	if a.versions != "" {
		x.Header.Set("OpenStack-API-Version", a.versions+" latest")
	}
	for _, route := range a.routes() {
		if method, pattern, _ := strings.Cut(route, " "); method == http.MethodGet {
			x.Routes = append(x.Routes, method+" "+a.fill(a.prefix+pattern))
		}
	}
	return x
}

func (a *attacker) fill(pattern string) string {
	parts := strings.Split(strings.TrimSuffix(pattern, "{$}"), "/")
	for i, part := range parts {
		if id := a.things[parts[max(i-1, 0)]]; strings.HasPrefix(part, "{") && id != "" {
			parts[i] = id
		}
	}
	return strings.Join(parts, "/")
}

// routes are the service's, as checked in.
func (a *attacker) routes() []string {
	if a.name == "placement" {
		return placement.New(placement.Deps{Log: slog.New(slog.DiscardHandler)}).Routes()
	}
	text, err := os.ReadFile(filepath.Join(a.name, "testdata", "routes.txt"))
	must(a.t, err)
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// fuzz asks the requests of a service's script with bodies that the fuzzer makes of the valid ones.
func fuzz(f *testing.F, s service) {
	a := newAttacker(f, s)
	for i, r := range a.requests {
		f.Add(uint(i), r.Body)
	}
	f.Fuzz(func(t *testing.T, i uint, body string) {
		on, r := *a, a.requests[i%uint(len(a.requests))]
		on.t, r.Body = t, body
		on.judge(r)
	})
}

func FuzzKeystone(f *testing.F)  { fuzz(f, services[0]) }
func FuzzNova(f *testing.F)      { fuzz(f, services[1]) }
func FuzzGlance(f *testing.F)    { fuzz(f, services[2]) }
func FuzzNeutron(f *testing.F)   { fuzz(f, services[3]) }
func FuzzCinder(f *testing.F)    { fuzz(f, services[4]) }
func FuzzPlacement(f *testing.F) { fuzz(f, services[5]) }
