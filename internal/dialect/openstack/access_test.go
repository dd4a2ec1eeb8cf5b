package openstack_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack/openstacktest"
	"github.com/nubo-cloud/nubo/internal/testcloud"
)

// TestAccess asks every route as every kind of caller, and compares what they are told with the policy. Each caller gets a cloud of its
// own, in which it goes through the service's scripts (testdata/attack, then testdata/access) in the administrator's place where
// the table testdata/policy says that it may; where it may not, it is refused and nothing changes, and the administrator goes on.
func TestAccess(t *testing.T) {
	for _, s := range services {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			table := readTable(t, s)
			served := newAccess(t, s, table, people[0]).routes()
			table.sameRoutes(t, served)
			for _, c := range people {
				if testing.Short() && !c.quick {
					continue
				}
				t.Run(c.name, func(t *testing.T) {
					a := newAccess(t, s, table, c)
					a.begin()
					a.walk()
				})
			}
		})
	}
}

// sameRoutes wants a line for each route, and a route for each line.
func (table *accessTable) sameRoutes(t *testing.T, served []string) {
	t.Helper()
	listed := map[string]bool{}
	for _, line := range table.lines {
		listed[line.route] = true
		if !slices.Contains(served, line.route) {
			t.Errorf("the policy has a line for %s, which is no route", line.route)
		}
	}
	for _, route := range served {
		if !listed[route] {
			t.Errorf("the policy has no line for %s", route)
		}
	}
}

// access is one caller's way through a service.
type access struct {
	*attacker
	table         *accessTable
	caller        caller
	owner, person *cloud.Principal  // the administrator, in whose project things are made, and the caller; nil for nobody
	token         string            // the caller's
	private       map[string]string // names of things that only their project may see
	allowed       map[string]bool   // lines of the table that the administrator was allowed
}

func newAccess(t testing.TB, s service, table *accessTable, c caller) *access {
	a := &attacker{service: s, t: t, names: map[string]string{}, things: map[string]string{}}
	return &access{attacker: a, table: table, caller: c, private: map[string]string{}, allowed: map[string]bool{}}
}

// begin makes the cloud and the caller in it.
func (a *access) begin() {
	a.cloud = testcloud.New(a.t, testcloud.Options{})
	a.handler = a.cloud.Handler()
	a.signIn()
	a.owner = a.principal(a.attacker.token)
	a.names["SPARE"] = a.attacker.token // a token of the administrator's to show around
	a.signIn()
	if a.caller.role != "" {
		a.token = a.makePerson(a.caller)
		a.person = a.principal(a.token)
	}
}

func (a *access) walk() {
	for _, r := range a.script("attack") {
		a.step(r)
	}
	for _, line := range a.table.lines {
		if method, pattern, _ := strings.Cut(line.pattern, " "); method == http.MethodGet && len(line.words) == 0 {
			a.step(openstacktest.Request{Method: method, Path: a.madeUp(pattern), Version: a.newest(), Refusal: anyRefusal})
		}
	}
	for _, r := range a.script("access") {
		a.step(r)
	}
	a.everyRouteAllowed()
}

// madeUp is a path with ids of what the scripts made.
func (a *access) madeUp(pattern string) string {
	return strings.NewReplacer("{project}", a.names["PROJECT"], "{tenant}", a.names["PROJECT"]).Replace(a.fill(pattern))
}

// anyRefusal marks a request that is made up: there may be no such thing.
const anyRefusal = -1

// step asks one request as the caller and, where the caller has not done it for all, as the administrator.
func (a *access) step(r openstacktest.Request) {
	a.t.Helper()
	r.Path, r.Body = a.expand(r.Path), a.expand(r.Body)
	line := a.table.find(r)
	switch {
	case !strings.HasPrefix(r.Path, a.prefix+"/"): // what is prepared in another service
		a.asAdmin(r, nil)
	case line == nil:
		a.t.Fatalf("the policy has no line for %s %s", r.Method, r.Path)
	case r.Refusal == anyRefusal:
		if w := a.sendAs(a.attacker.token, r); succeeded(w) {
			a.tried(line, r)
			a.after(w, r, line)
		}
	case a.caller.elsewhere && (line.bearer || line.makes() && !a.namesPrivate(r)): // would take it away, or make something of its own
		a.asAdmin(r, line)
	case a.inPlace(line, r):
		a.inAdminsPlace(line, r)
	default:
		a.tried(line, r)
		a.asAdmin(r, line)
	}
}

func (a *access) inAdminsPlace(line *tableLine, r openstacktest.Request) {
	a.t.Helper()
	w := a.sendAs(a.token, r)
	if succeeded(w) {
		a.after(w, r, line)
		return
	}
	a.t.Errorf("%s may %s %s %.200s, and is told %d %.300s", a.caller.name, r.Method, r.Path, r.Body, w.Code, w.Body)
	a.asAdmin(r, line)
}

// namesPrivate tells whether a request is about something that only its project may see.
func (a *access) namesPrivate(r openstacktest.Request) bool {
	for _, id := range a.private {
		if len(id) >= 32 && strings.Contains(r.Path+r.Body, id) {
			return true
		}
	}
	return false
}

// inPlace tells whether the caller's request can stand for the administrator's. One that only reads need not: the caller may see less.
func (a *access) inPlace(line *tableLine, r openstacktest.Request) bool {
	if line.public {
		return r.Refusal == 0
	}
	return r.Method != http.MethodGet && r.Refusal == 0 && !line.closed && !line.mine() && !a.caller.elsewhere && line.allows(a.person, a.owner)
}

// tried asks as the caller what does not stand for the administrator's request: what it may not do, reads, or does to its own.
func (a *access) tried(line *tableLine, r openstacktest.Request) {
	a.t.Helper()
	a.cloud.Settle(a.t)
	before := a.state()
	w := a.sendAs(a.token, r)
	ok := succeeded(w)
	switch may := line.allows(a.person, a.owner); {
	case w.Code/100 == 5 && w.Code != http.StatusNotImplemented:
		a.t.Errorf("%s %s %s: %d %.300s", a.caller.name, r.Method, r.Path, w.Code, w.Body)
	case a.person == nil && !line.public && w.Code != http.StatusUnauthorized:
		a.t.Errorf("nobody %s %s: %d", r.Method, r.Path, w.Code)
	case ok && !may:
		a.t.Errorf("%s may not %s %s %.200s, and is told %d %.300s", a.caller.name, r.Method, r.Path, r.Body, w.Code, w.Body)
	case !ok && may && r.Method == http.MethodGet && r.Refusal <= 0 && !line.closed:
		a.t.Errorf("%s may %s %s, and is told %d %.300s", a.caller.name, r.Method, r.Path, w.Code, w.Body)
	case !ok && a.state() != before && a.changesAs(a.token, r):
		a.t.Errorf("%s %s %s: refused with %d, and changed something", a.caller.name, r.Method, r.Path, w.Code)
	}
	if ok && a.caller.elsewhere && r.Method == http.MethodGet {
		a.showsNothing(w, r)
	}
}

// showsNothing wants no private thing in what somebody of another project reads.
func (a *access) showsNothing(w *httptest.ResponseRecorder, r openstacktest.Request) {
	a.t.Helper()
	for name, id := range a.private {
		if len(id) >= 32 && strings.Contains(w.Body.String(), id) && !strings.Contains(r.Path+r.Body, id) {
			a.t.Errorf("%s sees %s of another project in %s %s: %.300s", a.caller.name, name, r.Method, r.Path, w.Body)
		}
	}
}

func (a *access) asAdmin(r openstacktest.Request, line *tableLine) {
	a.t.Helper()
	w := a.sendAs(a.attacker.token, r)
	if !succeeded(w) && w.Code != r.Refusal && (line == nil || !line.closed) {
		a.t.Fatalf("the administrator: %s %s %.300s: %d %s", r.Method, r.Path, r.Body, w.Code, w.Body)
	}
	a.after(w, r, line)
}

// after keeps what the scripts go on with.
func (a *access) after(w *httptest.ResponseRecorder, r openstacktest.Request, line *tableLine) {
	a.learn(w, r)
	if line != nil && line.makes() {
		for name := range r.Names {
			a.private[name] = a.names[name]
		}
	}
	if line != nil && (succeeded(w) || w.Code == r.Refusal) {
		a.allowed[line.name()] = true
	}
	a.cloud.Settle(a.t)
}

// everyRouteAllowed wants each route to have been asked with success: who is refused there was refused for its roles.
func (a *access) everyRouteAllowed() {
	for _, line := range a.table.lines {
		if !line.closed && !a.allowed[line.name()] {
			a.t.Errorf("nothing in the scripts asks %s as it wants to be asked", line.name())
		}
	}
}

func succeeded(w *httptest.ResponseRecorder) bool { return w.Code/100 == 2 || w.Code/100 == 3 }

func (a *access) sendAs(token string, r openstacktest.Request) *httptest.ResponseRecorder {
	on := *a.attacker
	on.token = token
	return on.send(r)
}

func (a *access) changesAs(token string, r openstacktest.Request) bool {
	on := *a.attacker
	on.token = token
	return on.changes(r)
}

func (a *attacker) newest() string {
	if a.versions == "" {
		return ""
	}
	return "latest"
}
