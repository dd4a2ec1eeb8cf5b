package openstack_test

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/dialect/openstack/openstacktest"
)

// caller is somebody who is no administrator, and what may not succeed for it.
type caller struct {
	name, token string
	// barred tells whether a request with this method, about this project's own things or not, must be refused.
	barred func(method string, own bool) bool
}

// TestAccess asks every request of the scripts and every route that reads or deletes, about things of the project admin, as nobody, as a
// member of another project and as a reader of the same one. What must not succeed does not, and changes nothing; testdata/open.txt lists
// what succeeds all the same, with the reason.
func TestAccess(t *testing.T) {
	for _, s := range services {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			a := newAttacker(t, s)
			open := readOpen(t)
			for _, c := range a.callers() {
				for _, r := range a.questions() {
					a.ask(c, r, open)
				}
			}
		})
	}
}

// callers makes the people. The administrator's things are of the project admin.
func (a *attacker) callers() []caller {
	a.make("PROJECT_B", "project.id", "POST", "/identity/v3/projects", `{"project": {"name": "b"}}`)
	a.make("MEMBER_ROLE", "roles.0.id", "GET", "/identity/v3/roles?name=member", "")
	a.make("READER_ROLE", "roles.0.id", "GET", "/identity/v3/roles?name=reader", "")
	a.make("ADMIN_PROJECT", "projects.0.id", "GET", "/identity/v3/projects?name=admin", "")
	stranger := a.person("stranger", "$PROJECT_B", "$MEMBER_ROLE")
	reader := a.person("reader", "$ADMIN_PROJECT", "$READER_ROLE")
	changing := func(method string) bool { return method != http.MethodGet && method != http.MethodHead }
	return []caller{
		{"nobody", "", func(string, bool) bool { return true }},
		{"stranger", stranger, func(method string, own bool) bool { return own }},
		{"reader", reader, func(method string, own bool) bool { return changing(method) && own }},
	}
}

// make sends a request as the administrator and keeps a part of the answer.
func (a *attacker) make(name, where, method, path, body string) {
	a.t.Helper()
	w := a.send(openstacktest.Request{Method: method, Path: a.expand(path), Body: a.expand(body)})
	if w.Code/100 != 2 {
		a.t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	if where != "" {
		a.keep(w, map[string]string{name: where})
	}
}

// person makes a user with one role on a project, and answers a token.
func (a *attacker) person(name, project, role string) string {
	a.make("PERSON", "user.id", "POST", "/identity/v3/users", fmt.Sprintf(`{"user": {"name": %q, "password": "pw"}}`, name))
	a.make("", "", "PUT", "/identity/v3/projects/"+project+"/users/$PERSON/roles/"+role, "")
	w := a.send(openstacktest.Request{Method: "POST", Path: "/v3/auth/tokens", Body: a.expand(`{"auth": {"identity": {"methods": ["password"],
		"password": {"user": {"id": "$PERSON", "password": "pw"}}}, "scope": {"project": {"id": "` + project + `"}}}}`)})
	if w.Code != http.StatusCreated {
		a.t.Fatalf("sign in as %s: %d %s", name, w.Code, w.Body)
	}
	return w.Header().Get("X-Subject-Token")
}

// question is a request, and the route it came from.
type question struct {
	openstacktest.Request
	route string
}

// questions are the script's requests and the routes that read or delete one thing.
func (a *attacker) questions() (all []question) {
	for _, r := range a.requests {
		all = append(all, question{r, r.Method + " " + a.pattern(r.Path)})
	}
	for _, route := range a.routes() {
		method, pattern, _ := strings.Cut(route, " ")
		if method == http.MethodGet || method == http.MethodDelete {
			all = append(all, question{openstacktest.Request{Method: method, Path: a.fill(a.prefix + pattern), Version: a.newest()}, method + " " + a.prefix + pattern})
		}
	}
	return all
}

func (a *attacker) newest() string {
	if a.versions == "" {
		return ""
	}
	return "latest"
}

// pattern is a path with the names of the script in place of the ids.
func (a *attacker) pattern(p string) string {
	for name, id := range a.names {
		if len(id) >= 32 && name != "PASSWORD" {
			p = strings.ReplaceAll(p, id, "{}")
		}
	}
	return p
}

// own tells whether a request is about a thing that the script made.
func (a *attacker) own(r openstacktest.Request) bool {
	for name, id := range a.names {
		if len(id) >= 32 && !slices.Contains([]string{"USER", "ROLE", "PROJECT_B", "PERSON", "MEMBER_ROLE", "READER_ROLE"}, name) && (strings.Contains(r.Path, id) || strings.Contains(r.Body, id)) {
			return true
		}
	}
	return false
}

// ask sends a question as a caller who must be refused, and looks at the store.
func (a *attacker) ask(c caller, q question, open map[string]bool) {
	a.t.Helper()
	if !c.barred(q.Method, a.own(q.Request)) || open[c.name+" "+q.route] {
		return
	}
	on := *a
	on.token = c.token
	a.cloud.Settle(a.t)
	before := a.state()
	w := on.send(q.Request)
	if w.Code/100 == 2 || w.Code/100 == 3 || w.Code/100 == 5 && w.Code != http.StatusNotImplemented {
		a.t.Errorf("%s %s: %d %.200s", c.name, q.route, w.Code, w.Body)
	}
	if c.name == "nobody" && w.Code != http.StatusUnauthorized {
		a.t.Errorf("nobody %s: %d", q.route, w.Code)
	}
	if w.Code/100 == 4 && a.state() != before && on.changes(q.Request) {
		a.t.Errorf("%s %s: refused with %d, and changed something", c.name, q.route, w.Code)
	}
}

// readOpen reads what succeeds all the same: lines of a caller, a method and a route.
func readOpen(t *testing.T) map[string]bool {
	text, err := os.ReadFile("testdata/open.txt")
	must(t, err)
	open := map[string]bool{}
	for _, line := range strings.Split(string(text), "\n") {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line != "" {
			open[line] = true
		}
	}
	return open
}
