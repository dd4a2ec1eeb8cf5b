package keystone

import (
	"context"
	"net/http"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/identity"
)

// assignmentRoutes: one role of one user or group on one project, domain or the system, also to be inherited.
func (a *api) assignmentRoutes() {
	a.Handle("GET /v3/role_assignments", a.listAssignments)
	for _, subject := range []string{"/users/{user}/roles", "/groups/{group}/roles"} {
		for _, scope := range []string{"/v3/projects/{project}", "/v3/domains/{domain}", "/v3/system"} {
			a.grantRoutes(scope+subject, scope+subject+"/{role}")
		}
		for _, scope := range []string{"/v3/OS-INHERIT/projects/{project}", "/v3/OS-INHERIT/domains/{domain}"} {
			a.grantRoutes(scope+subject+"/inherited_to_projects", scope+subject+"/{role}/inherited_to_projects")
		}
	}
}

func (a *api) grantRoutes(all, single string) {
	a.Handle("GET "+all, a.listGrants)
	a.Handle("GET "+single, a.grant(a.identity.Assigned))
	a.Handle("PUT "+single, a.grant(a.identity.Assign))
	a.Handle("DELETE "+single, a.grant(a.identity.Unassign))
}

func grantOf(r *http.Request) identity.Grant {
	return identity.Grant{Role: roleID(r), User: userID(r), Group: groupID(r),
		Scope:     identity.Scope{ProjectID: projectID(r), DomainID: domainID(r), System: strings.HasPrefix(r.URL.Path, "/v3/system/")},
		Inherited: strings.HasSuffix(r.URL.Path, "/inherited_to_projects")}
}

// grant answers the verbs on one assignment.
func (a *api) grant(do func(context.Context, identity.Grant) error) openstack.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := do(r.Context(), grantOf(r)); err != nil {
			return err
		}
		return openstack.WriteEmpty(w, http.StatusNoContent)
	}
}

func (a *api) listGrants(w http.ResponseWriter, r *http.Request) error {
	list, err := a.identity.AssignedRoles(r.Context(), grantOf(r))
	if err != nil {
		return err
	}
	return a.list(w, r, "roles", each(list, a.roleObject(r)), 0)
}

func (a *api) listAssignments(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	f := identity.AssignmentFilter{Role: cloud.RoleID(q.Get("role.id")), User: cloud.UserID(q.Get("user.id")), Group: cloud.GroupID(q.Get("group.id")),
		Scope: identity.Scope{ProjectID: cloud.ProjectID(q.Get("scope.project.id")), DomainID: cloud.DomainID(q.Get("scope.domain.id")),
			System: q.Get("scope.system") != ""},
		Inherited: q.Get("scope.OS-INHERIT:inherited_to") == "projects", Effective: asked(r, "effective"), Subtree: asked(r, "include_subtree")}
	list, err := a.identity.ListAssignments(r.Context(), f)
	if err != nil {
		return err
	}
	names := &identity.AssignmentNames{}
	if asked(r, "include_names") {
		if names, err = a.identity.NamesOf(r.Context(), list); err != nil {
			return err
		}
	}
	view := assignmentView{a, r, names}
	return a.list(w, r, "role_assignments", each(list, view.object), 0)
}

// assignmentView writes assignments, with names if there are any.
type assignmentView struct {
	*api
	r     *http.Request
	names *identity.AssignmentNames
}

func (v assignmentView) object(at identity.AssignmentView) object {
	o := object{"role": v.role(at.RoleID), "scope": v.scope(at), "links": v.links(at)}
	if at.UserID != "" {
		o["user"] = v.user(at.UserID)
	} else {
		o["group"] = v.group(at.GroupID)
	}
	return o
}

func (v assignmentView) role(id cloud.RoleID) object {
	o := object{"id": id}
	if r := v.names.Roles[id]; r != nil {
		o["name"] = r.Name
		if r.DomainID != "" {
			o["domain"] = v.domain(r.DomainID)
		}
	}
	return o
}

func (v assignmentView) user(id cloud.UserID) object {
	o := object{"id": id}
	if u := v.names.Users[id]; u != nil {
		o["name"], o["domain"] = u.Name, v.domain(u.DomainID)
	}
	return o
}

func (v assignmentView) group(id cloud.GroupID) object {
	o := object{"id": id}
	if g := v.names.Groups[id]; g != nil {
		o["name"], o["domain"] = g.Name, v.domain(g.DomainID)
	}
	return o
}

func (v assignmentView) domain(id cloud.DomainID) object {
	o := object{"id": id}
	if d := v.names.Domains[id]; d != nil {
		o["name"] = d.Name
	}
	return o
}

func (v assignmentView) scope(at identity.AssignmentView) object {
	o := object{}
	switch {
	case at.ProjectID != "":
		p := object{"id": at.ProjectID}
		if named := v.names.Projects[at.ProjectID]; named != nil {
			p["name"], p["domain"] = named.Name, v.domain(named.DomainID)
		}
		o["project"] = p
	case at.DomainID != "":
		o["domain"] = v.domain(at.DomainID)
	default:
		o["system"] = object{"all": true}
	}
	if at.Inherited {
		o["OS-INHERIT:inherited_to"] = "projects"
	}
	return o
}

// links say where the role comes from: the stored assignment, the membership, the implying role.
func (v assignmentView) links(at identity.AssignmentView) object {
	source := &at.Assignment
	if at.Via != nil {
		source = at.Via
	}
	root := v.root(v.r) + "/v3"
	o := object{"assignment": root + assignmentPath(source)}
	if source.GroupID != "" && at.Member != "" {
		o["membership"] = root + "/groups/" + string(source.GroupID) + "/users/" + string(at.Member)
	}
	if at.Prior != "" {
		o["prior_role"] = root + "/prior_role/" + string(at.Prior) + "/implies/" + string(at.RoleID)
	}
	return o
}

func assignmentPath(at *cloud.Assignment) string {
	scope := "/system"
	switch {
	case at.ProjectID != "":
		scope = "/projects/" + string(at.ProjectID)
	case at.DomainID != "":
		scope = "/domains/" + string(at.DomainID)
	}
	subject := "/users/" + string(at.UserID)
	if at.GroupID != "" {
		subject = "/groups/" + string(at.GroupID)
	}
	path := scope + subject + "/roles/" + string(at.RoleID)
	if at.Inherited {
		return "/OS-INHERIT" + path + "/inherited_to_projects"
	}
	return path
}
