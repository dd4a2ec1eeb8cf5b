package keystone

import (
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/identity"
)

// OS-EP-FILTER: which endpoints are in a project's catalog.

func (a *api) endpointFilterRoutes() {
	const filter = " /v3/OS-EP-FILTER/"
	a.Handle("GET"+filter+"projects/{project}/endpoints", a.listProjectEndpoints)
	a.Handle("GET"+filter+"projects/{project}/endpoints/{endpoint}", a.empty(a.hasEndpoint))
	a.Handle("PUT"+filter+"projects/{project}/endpoints/{endpoint}", a.empty(a.giveEndpoint))
	a.Handle("DELETE"+filter+"projects/{project}/endpoints/{endpoint}", a.empty(a.takeEndpoint))
	a.Handle("GET"+filter+"projects/{project}/endpoint_groups", a.listEndpointGroups)
	a.Handle("GET"+filter+"endpoints/{endpoint}/projects", a.listEndpointProjects)
	a.Handle("GET"+filter+"endpoint_groups", a.listEndpointGroups)
	a.Handle("POST"+filter+"endpoint_groups", a.createEndpointGroup)
	a.Handle("GET"+filter+"endpoint_groups/{group}", a.showEndpointGroup)
	a.Handle("PATCH"+filter+"endpoint_groups/{group}", a.updateEndpointGroup)
	a.Handle("DELETE"+filter+"endpoint_groups/{group}", a.empty(a.deleteEndpointGroup))
	a.Handle("GET"+filter+"endpoint_groups/{group}/endpoints", a.listGroupEndpoints)
	a.Handle("GET"+filter+"endpoint_groups/{group}/projects", a.listGroupProjects)
	a.Handle("GET"+filter+"endpoint_groups/{group}/projects/{project}", a.showGroupProject)
	a.Handle("PUT"+filter+"endpoint_groups/{group}/projects/{project}", a.empty(a.giveEndpointGroup))
	a.Handle("DELETE"+filter+"endpoint_groups/{group}/projects/{project}", a.empty(a.takeEndpointGroup))
}

// empty makes a handler of an act that answers nothing.
func (a *api) empty(act func(*http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := act(r); err != nil {
			return err
		}
		return openstack.WriteEmpty(w, http.StatusNoContent)
	}
}

func (a *api) hasEndpoint(r *http.Request) error {
	return a.identity.HasEndpoint(r.Context(), projectID(r), r.PathValue("endpoint"))
}

func (a *api) giveEndpoint(r *http.Request) error {
	return a.identity.GiveEndpoint(r.Context(), projectID(r), r.PathValue("endpoint"))
}

func (a *api) takeEndpoint(r *http.Request) error {
	return a.identity.TakeEndpoint(r.Context(), projectID(r), r.PathValue("endpoint"))
}

func (a *api) deleteEndpointGroup(r *http.Request) error {
	return a.identity.DeleteEndpointGroup(r.Context(), r.PathValue("group"))
}

func (a *api) giveEndpointGroup(r *http.Request) error {
	return a.identity.GiveEndpointGroup(r.Context(), r.PathValue("group"), projectID(r))
}

func (a *api) takeEndpointGroup(r *http.Request) error {
	return a.identity.TakeEndpointGroup(r.Context(), r.PathValue("group"), projectID(r))
}

func (a *api) listProjectEndpoints(w http.ResponseWriter, r *http.Request) error {
	list, err := a.identity.ProjectEndpoints(r.Context(), a.base(r), projectID(r))
	if err != nil {
		return err
	}
	return a.list(w, r, "endpoints", each(list, a.endpointObject(r)), 0)
}

func (a *api) listEndpointProjects(w http.ResponseWriter, r *http.Request) error {
	list, err := a.identity.ProjectsWithEndpoint(r.Context(), r.PathValue("endpoint"))
	if err != nil {
		return err
	}
	return a.list(w, r, "projects", each(list, a.projectObject(r)), 0)
}

func (a *api) endpointGroupObject(r *http.Request) func(identity.EndpointGroup) object {
	return func(g identity.EndpointGroup) object {
		return object{"id": g.ID, "name": g.Name, "description": g.Description, "filters": g.Filter,
			"links": a.self(r, "OS-EP-FILTER", "endpoint_groups", g.ID)}
	}
}

func (a *api) listEndpointGroups(w http.ResponseWriter, r *http.Request) error {
	list, err := a.identity.EndpointGroups(r.Context(), r.URL.Query().Get("name"), projectID(r))
	if err != nil {
		return err
	}
	return a.list(w, r, "endpoint_groups", each(list, a.endpointGroupObject(r)), 0)
}

func (a *api) createEndpointGroup(w http.ResponseWriter, r *http.Request) error {
	f, err := read(r, "endpoint_group")
	if err != nil {
		return err
	}
	f.require("name", "filters")
	g := identity.EndpointGroup{Name: takeOr(f, "name", ""), Description: takeOr(f, "description", ""),
		Filter: takeOr(f, "filters", identity.EndpointFilter{})}
	if f.err != nil {
		return f.err
	}
	made, err := a.identity.CreateEndpointGroup(r.Context(), g)
	if err != nil {
		return err
	}
	return one(w, http.StatusCreated, "endpoint_group", a.endpointGroupObject(r)(*made))
}

func (a *api) showEndpointGroup(w http.ResponseWriter, r *http.Request) error {
	g, err := a.identity.EndpointGroup(r.Context(), r.PathValue("group"))
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "endpoint_group", a.endpointGroupObject(r)(*g))
}

func (a *api) updateEndpointGroup(w http.ResponseWriter, r *http.Request) error {
	f, err := read(r, "endpoint_group")
	if err != nil {
		return err
	}
	name, description := take[string](f, "name"), take[string](f, "description")
	filters := take[identity.EndpointFilter](f, "filters")
	if f.err != nil {
		return f.err
	}
	g, err := a.identity.UpdateEndpointGroup(r.Context(), r.PathValue("group"), func(g *identity.EndpointGroup) {
		put(&g.Name, name)
		put(&g.Description, description)
		put(&g.Filter, filters)
	})
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "endpoint_group", a.endpointGroupObject(r)(*g))
}

func (a *api) listGroupEndpoints(w http.ResponseWriter, r *http.Request) error {
	list, err := a.identity.EndpointsOfGroup(r.Context(), a.base(r), r.PathValue("group"))
	if err != nil {
		return err
	}
	return a.list(w, r, "endpoints", each(list, a.endpointObject(r)), 0)
}

func (a *api) listGroupProjects(w http.ResponseWriter, r *http.Request) error {
	list, err := a.identity.ProjectsOfGroup(r.Context(), r.PathValue("group"))
	if err != nil {
		return err
	}
	return a.list(w, r, "projects", each(list, a.projectObject(r)), 0)
}

func (a *api) showGroupProject(w http.ResponseWriter, r *http.Request) error {
	groups, err := a.identity.EndpointGroups(r.Context(), "", projectID(r))
	if err != nil {
		return err
	}
	for _, g := range groups {
		if g.ID == r.PathValue("group") {
			return one(w, http.StatusOK, "project_endpoint_group", object{"endpoint_group_id": g.ID, "project_id": projectID(r)})
		}
	}
	return cloud.NotFoundf("endpoint group", r.PathValue("group"))
}
