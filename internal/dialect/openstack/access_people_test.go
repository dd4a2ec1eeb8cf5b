package openstack_test

import (
	"fmt"
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack/openstacktest"
)

// caller is a kind of people: a role, and what it is a role on.
type caller struct {
	name, role, scope string
	elsewhere         bool // in another project
	quick             bool // asked by the quick tests as well
}

var people = []caller{
	{name: "nobody", quick: true},
	{name: "a member of another project", role: "member", scope: "project", elsewhere: true, quick: true},
	{name: "a reader", role: "reader", scope: "project", quick: true},
	{name: "a member", role: "member", scope: "project"},
	{name: "a manager", role: "manager", scope: "project", quick: true},
	{name: "an admin", role: "admin", scope: "project"},
	{name: "a reader of the domain", role: "reader", scope: "domain"},
	{name: "a manager of the domain", role: "manager", scope: "domain"},
	{name: "an admin of the domain", role: "admin", scope: "domain"},
	{name: "a reader of the system", role: "reader", scope: "system"},
	{name: "a member of the system", role: "member", scope: "system"},
	{name: "an admin of the system", role: "admin", scope: "system"},
}

// makePerson makes a user with the caller's role, and answers a token of its.
func (a *access) makePerson(c caller) string {
	project := a.names["PROJECT"]
	if c.elsewhere {
		project = a.asked("project.id", "POST", "/identity/v3/projects", `{"project": {"name": "elsewhere"}}`)
	}
	user := a.asked("user.id", "POST", "/identity/v3/users", `{"user": {"name": "caller", "password": "pw"}}`)
	role := a.asked("roles.0.id", "GET", "/identity/v3/roles?name="+c.role, "")
	on, scope := "/projects/"+project, fmt.Sprintf(`{"project": {"id": %q}}`, project)
	switch c.scope {
	case "domain":
		on, scope = "/domains/default", `{"domain": {"id": "default"}}`
	case "system":
		on, scope = "/system", `{"system": {"all": true}}`
	}
	a.asked("", "PUT", "/identity/v3"+on+"/users/"+user+"/roles/"+role, "")
	w := a.sendAs("", openstacktest.Request{Method: "POST", Path: "/v3/auth/tokens", Body: fmt.Sprintf(
		`{"auth": {"identity": {"methods": ["password"], "password": {"user": {"id": %q, "password": "pw"}}}, "scope": %s}}`, user, scope)})
	if w.Code != http.StatusCreated {
		a.t.Fatalf("signing in as %s: %d %s", c.name, w.Code, w.Body)
	}
	return w.Header().Get("X-Subject-Token")
}

// asked sends a request as the administrator and answers a part of what it is told.
func (a *access) asked(part, method, path, body string) string {
	a.t.Helper()
	w := a.sendAs(a.attacker.token, openstacktest.Request{Method: method, Path: path, Body: body})
	if w.Code/100 != 2 {
		a.t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	if part == "" {
		return ""
	}
	a.keep(w, map[string]string{"ASKED": part})
	return a.names["ASKED"]
}

// principal is whom a token is for.
func (a *access) principal(token string) *cloud.Principal {
	p, err := a.cloud.Services().Identity.Verify(a.t.Context(), token)
	must(a.t, err)
	return p
}
