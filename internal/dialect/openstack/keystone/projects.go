package keystone

import (
	"net/http"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/identity"
)

func (a *api) projectRoutes() {
	a.Handle("GET /v3/projects", a.listProjects)
	a.Handle("POST /v3/projects", a.createProject)
	a.Handle("GET /v3/projects/{project}", a.showProject)
	a.Handle("PATCH /v3/projects/{project}", a.updateProject)
	a.Handle("DELETE /v3/projects/{project}", a.deleteProject)
	a.Handle("GET /v3/projects/{project}/tags", a.listTags)
	a.Handle("PUT /v3/projects/{project}/tags", a.replaceTags)
	a.Handle("DELETE /v3/projects/{project}/tags", a.removeTags)
	a.Handle("GET /v3/projects/{project}/tags/{tag}", a.checkTag)
	a.Handle("PUT /v3/projects/{project}/tags/{tag}", a.addTag)
	a.Handle("DELETE /v3/projects/{project}/tags/{tag}", a.removeTag)
}

func projectID(r *http.Request) cloud.ProjectID { return cloud.ProjectID(r.PathValue("project")) }

func (a *api) projectObject(r *http.Request) func(*cloud.Project) object {
	return func(p *cloud.Project) object {
		return with(p.Extra, object{"id": string(p.ID), "name": p.Name, "domain_id": p.DomainID, "description": p.Description, "enabled": p.Enabled,
			"parent_id": parentOf(p), "is_domain": false, "tags": orEmpty(p.Tags), "options": optionsOf(p.Options),
			"links": a.self(r, "projects", string(p.ID))})
	}
}

// parentOf: here the projects at the top have their domain as the parent.
func parentOf(p *cloud.Project) string {
	if p.ParentID != "" {
		return string(p.ParentID)
	}
	return string(p.DomainID)
}

// asProject shows a domain as the project it also is in this API.
func (a *api) asProject(r *http.Request) func(*cloud.Domain) object {
	return func(d *cloud.Domain) object {
		return with(a.domainObject(r)(d), object{"domain_id": nil, "parent_id": nil, "is_domain": true,
			"links": a.self(r, "projects", string(d.ID))})
	}
}

func (a *api) listProjects(w http.ResponseWriter, r *http.Request) error {
	f, err := filter(r)
	if err != nil {
		return err
	}
	if asked(r, "is_domain") {
		list, err := a.identity.ListDomains(r.Context(), f)
		if err != nil {
			return err
		}
		return a.list(w, r, "projects", each(list, a.asProject(r)), f.Limit)
	}
	list, err := a.identity.ListProjects(r.Context(), f)
	if err != nil {
		return err
	}
	return a.list(w, r, "projects", each(list, a.projectObject(r)), f.Limit)
}

func (a *api) createProject(w http.ResponseWriter, r *http.Request) error {
	f, err := read(r, "project")
	if err != nil {
		return err
	}
	f.require("name")
	p := cloud.Project{Name: takeOr(f, "name", ""), DomainID: takeOr[cloud.DomainID](f, "domain_id", ""), Description: takeOr(f, "description", ""),
		Enabled: takeOr(f, "enabled", true), ParentID: takeOr[cloud.ProjectID](f, "parent_id", ""), Tags: takeOr[[]string](f, "tags", nil),
		Options: takeOr[map[string]any](f, "options", nil)}
	isDomain := takeOr(f, "is_domain", false)
	p.Extra = f.extra()
	if f.err != nil {
		return f.err
	}
	if isDomain {
		d, err := a.identity.CreateDomain(r.Context(), cloud.Domain{Name: p.Name, Description: p.Description, Enabled: p.Enabled,
			Tags: p.Tags, Options: p.Options, Extra: p.Extra})
		if err != nil {
			return err
		}
		return one(w, http.StatusCreated, "project", a.asProject(r)(d))
	}
	made, err := a.identity.CreateProject(r.Context(), p)
	if err != nil {
		return err
	}
	return one(w, http.StatusCreated, "project", a.projectObject(r)(made))
}

func (a *api) showProject(w http.ResponseWriter, r *http.Request) error {
	p, err := a.identity.Project(r.Context(), projectID(r))
	if err != nil {
		// Any refusal stands, unless the id is that of a domain.
		if d, domainErr := a.identity.Domain(r.Context(), cloud.DomainID(projectID(r))); domainErr == nil {
			return one(w, http.StatusOK, "project", a.asProject(r)(d))
		}
		return err
	}
	v := a.projectObject(r)(p)
	if err := a.addFamily(r, p, v); err != nil {
		return err
	}
	return one(w, http.StatusOK, "project", v)
}

// addFamily adds what the query asks for about the projects above and below.
func (a *api) addFamily(r *http.Request, p *cloud.Project, v object) error {
	q := r.URL.Query()
	if !q.Has("parents_as_list") && !q.Has("parents_as_ids") && !q.Has("subtree_as_list") && !q.Has("subtree_as_ids") {
		return nil
	}
	above, below, err := a.identity.ProjectFamily(r.Context(), p.ID)
	if err != nil {
		return err
	}
	wrapped := func(p *cloud.Project) object { return object{"project": a.projectObject(r)(p)} }
	if q.Has("parents_as_list") {
		v["parents"] = each(above, wrapped)
	}
	if q.Has("subtree_as_list") {
		v["subtree"] = each(below, wrapped)
	}
	if q.Has("parents_as_ids") {
		v["parents"] = chain(above, p)
	}
	if q.Has("subtree_as_ids") {
		v["subtree"] = tree(below, p.ID)
	}
	return nil
}

// chain is the ids above, each inside the one below it; the domain is the last.
func chain(above []*cloud.Project, p *cloud.Project) object {
	inner := any(object{string(p.DomainID): nil})
	for _, a := range slices.Backward(above) {
		inner = object{string(a.ID): inner}
	}
	return inner.(object)
}

// tree is the ids below, each with those below it.
func tree(below []*cloud.Project, id cloud.ProjectID) any {
	t := object{}
	for _, p := range below {
		if p.ParentID == id {
			t[string(p.ID)] = tree(below, p.ID)
		}
	}
	if len(t) == 0 {
		return nil
	}
	return t
}

func (a *api) updateProject(w http.ResponseWriter, r *http.Request) error {
	f, err := read(r, "project")
	if err != nil {
		return err
	}
	if err := fixed(f, "domain_id", "parent_id", "is_domain"); err != nil {
		return err
	}
	c := domainChange(f)
	if f.err != nil {
		return f.err
	}
	p, err := a.identity.UpdateProject(r.Context(), projectID(r), identity.ProjectChange(c))
	if cloud.Is(err, cloud.NotFound) {
		d, err := a.identity.UpdateDomain(r.Context(), cloud.DomainID(projectID(r)), c)
		if err != nil {
			return err
		}
		return one(w, http.StatusOK, "project", a.asProject(r)(d))
	}
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "project", a.projectObject(r)(p))
}

// fixed takes off keys that clients repeat from what they read and that cannot change.
func fixed(f *fields, keys ...string) error {
	for _, k := range keys {
		delete(f.m, k)
	}
	return f.err
}

func (a *api) deleteProject(w http.ResponseWriter, r *http.Request) error {
	err := a.identity.DeleteProject(r.Context(), projectID(r))
	if cloud.Is(err, cloud.NotFound) {
		err = a.identity.DeleteDomain(r.Context(), cloud.DomainID(projectID(r)))
	}
	if err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}

func (a *api) tags(r *http.Request) ([]string, error) {
	p, err := a.identity.Project(r.Context(), projectID(r))
	if err != nil {
		return nil, err
	}
	return p.Tags, nil
}

func (a *api) setTags(r *http.Request, tags []string) error {
	_, err := a.identity.UpdateProject(r.Context(), projectID(r), identity.ProjectChange{Tags: &tags})
	return err
}

func (a *api) writeTags(w http.ResponseWriter, r *http.Request, tags []string) error {
	return openstack.WriteJSON(w, http.StatusOK, object{"tags": orEmpty(tags), "links": a.self(r, "projects", string(projectID(r)), "tags")})
}

func (a *api) listTags(w http.ResponseWriter, r *http.Request) error {
	tags, err := a.tags(r)
	if err != nil {
		return err
	}
	return a.writeTags(w, r, tags)
}

func (a *api) replaceTags(w http.ResponseWriter, r *http.Request) error {
	var b struct {
		Tags *[]string `json:"tags"`
	}
	if err := openstack.Decode(r, &b); err != nil {
		return err
	}
	if b.Tags == nil {
		return cloud.Invalidf("project", "tags", "'tags' is a required property")
	}
	if err := a.setTags(r, *b.Tags); err != nil {
		return err
	}
	return a.writeTags(w, r, *b.Tags)
}

func (a *api) removeTags(w http.ResponseWriter, r *http.Request) error {
	if err := a.setTags(r, nil); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}

func (a *api) checkTag(w http.ResponseWriter, r *http.Request) error {
	tags, err := a.tags(r)
	if err == nil && !slices.Contains(tags, r.PathValue("tag")) {
		err = cloud.NotFoundf("project tag", r.PathValue("tag"))
	}
	if err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}

func (a *api) addTag(w http.ResponseWriter, r *http.Request) error {
	if err := a.identity.TagProject(r.Context(), projectID(r), r.PathValue("tag")); err != nil {
		return err
	}
	w.Header().Set("Location", a.self(r, "projects", string(projectID(r)), "tags", r.PathValue("tag"))["self"].(string))
	return openstack.WriteEmpty(w, http.StatusCreated)
}

func (a *api) removeTag(w http.ResponseWriter, r *http.Request) error {
	if err := a.identity.UntagProject(r.Context(), projectID(r), r.PathValue("tag")); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}
