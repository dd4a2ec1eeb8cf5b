package keystone

import (
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/identity"
)

func (a *api) limitRoutes() {
	a.Handle("GET /v3/registered_limits", a.listRegisteredLimits)
	a.Handle("POST /v3/registered_limits", a.createRegisteredLimits)
	a.Handle("GET /v3/registered_limits/{limit}", a.showRegisteredLimit)
	a.Handle("PATCH /v3/registered_limits/{limit}", a.updateRegisteredLimit)
	a.Handle("DELETE /v3/registered_limits/{limit}", a.deleteRegisteredLimit)
	a.Handle("GET /v3/limits/model", a.showLimitModel)
	a.Handle("GET /v3/limits", a.listLimits)
	a.Handle("POST /v3/limits", a.createLimits)
	a.Handle("GET /v3/limits/{limit}", a.showLimit)
	a.Handle("PATCH /v3/limits/{limit}", a.updateLimit)
	a.Handle("DELETE /v3/limits/{limit}", a.deleteLimit)
}

func limitID(r *http.Request) cloud.LimitID { return cloud.LimitID(r.PathValue("limit")) }

func (a *api) registeredLimitObject(r *http.Request) func(*cloud.RegisteredLimit) object {
	return func(l *cloud.RegisteredLimit) object {
		return object{"id": string(l.ID), "service_id": l.ServiceID, "region_id": orNull(l.RegionID), "resource_name": l.Resource,
			"default_limit": l.Default, "description": orNull(l.Description), "links": a.self(r, "registered_limits", string(l.ID))}
	}
}

func (a *api) limitObject(r *http.Request) func(*cloud.Limit) object {
	return func(l *cloud.Limit) object {
		return object{"id": string(l.ID), "service_id": l.ServiceID, "region_id": orNull(l.RegionID), "resource_name": l.Resource,
			"project_id": orNull(l.ProjectID), "domain_id": orNull(l.DomainID), "resource_limit": l.Value, "description": orNull(l.Description),
			"links": a.self(r, "limits", string(l.ID))}
	}
}

// showLimitModel: a limit of a project or domain stands alone, whatever is above it.
func (a *api) showLimitModel(w http.ResponseWriter, _ *http.Request) error {
	return one(w, http.StatusOK, "model", object{"name": "flat", "description": "Limits of projects and domains do not depend on each other."})
}

// limitFilter reads what a list of limits is asked to show.
func limitFilter(r *http.Request) (identity.LimitFilter, error) {
	f, err := filter(r)
	q := r.URL.Query()
	return identity.LimitFilter{LimitSubject: cloud.LimitSubject{ServiceID: q.Get("service_id"), RegionID: q.Get("region_id"), Resource: q.Get("resource_name")},
		ProjectID: cloud.ProjectID(q.Get("project_id")), DomainID: f.DomainID, Limit: f.Limit, Marker: f.Marker}, err
}

// takeSubject reads what a limit bounds.
func takeSubject(f *fields) cloud.LimitSubject {
	return cloud.LimitSubject{ServiceID: takeOr(f, "service_id", ""), RegionID: takeOr(f, "region_id", ""), Resource: takeOr(f, "resource_name", "")}
}

func (a *api) listRegisteredLimits(w http.ResponseWriter, r *http.Request) error {
	f, err := limitFilter(r)
	if err != nil {
		return err
	}
	list, err := a.identity.ListRegisteredLimits(r.Context(), f)
	if err != nil {
		return err
	}
	return a.list(w, r, "registered_limits", each(list, a.registeredLimitObject(r)), f.Limit)
}

func newRegisteredLimit(f *fields) *cloud.RegisteredLimit {
	f.require("service_id", "resource_name", "default_limit")
	return &cloud.RegisteredLimit{LimitSubject: takeSubject(f), Default: takeOr[int64](f, "default_limit", 0), Description: takeOr(f, "description", "")}
}

func (a *api) createRegisteredLimits(w http.ResponseWriter, r *http.Request) error {
	list, err := readList(r, "registered_limits", newRegisteredLimit)
	if err == nil {
		err = a.identity.CreateRegisteredLimits(r.Context(), list)
	}
	if err != nil {
		return err
	}
	return one(w, http.StatusCreated, "registered_limits", each(list, a.registeredLimitObject(r)))
}

func (a *api) showRegisteredLimit(w http.ResponseWriter, r *http.Request) error {
	l, err := a.identity.RegisteredLimit(r.Context(), limitID(r))
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "registered_limit", a.registeredLimitObject(r)(l))
}

func (a *api) updateRegisteredLimit(w http.ResponseWriter, r *http.Request) error {
	f, err := read(r, "registered_limit")
	if err != nil {
		return err
	}
	c := identity.RegisteredLimitChange{ServiceID: take[string](f, "service_id"), RegionID: take[string](f, "region_id"),
		Resource: take[string](f, "resource_name"), Description: take[string](f, "description"), Default: take[int64](f, "default_limit")}
	if err := f.done(); err != nil {
		return err
	}
	l, err := a.identity.UpdateRegisteredLimit(r.Context(), limitID(r), c)
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "registered_limit", a.registeredLimitObject(r)(l))
}

func (a *api) deleteRegisteredLimit(w http.ResponseWriter, r *http.Request) error {
	if err := a.identity.DeleteRegisteredLimit(r.Context(), limitID(r)); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}

func (a *api) listLimits(w http.ResponseWriter, r *http.Request) error {
	f, err := limitFilter(r)
	if err != nil {
		return err
	}
	list, err := a.identity.ListLimits(r.Context(), f)
	if err != nil {
		return err
	}
	return a.list(w, r, "limits", each(list, a.limitObject(r)), f.Limit)
}

func newLimit(f *fields) *cloud.Limit {
	f.require("service_id", "resource_name", "resource_limit")
	return &cloud.Limit{LimitSubject: takeSubject(f), ProjectID: takeOr[cloud.ProjectID](f, "project_id", ""), DomainID: takeOr[cloud.DomainID](f, "domain_id", ""),
		Value: takeOr[int64](f, "resource_limit", 0), Description: takeOr(f, "description", "")}
}

func (a *api) createLimits(w http.ResponseWriter, r *http.Request) error {
	list, err := readList(r, "limits", newLimit)
	if err == nil {
		err = a.identity.CreateLimits(r.Context(), list)
	}
	if err != nil {
		return err
	}
	return one(w, http.StatusCreated, "limits", each(list, a.limitObject(r)))
}

func (a *api) showLimit(w http.ResponseWriter, r *http.Request) error {
	l, err := a.identity.Limit(r.Context(), limitID(r))
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "limit", a.limitObject(r)(l))
}

func (a *api) updateLimit(w http.ResponseWriter, r *http.Request) error {
	f, err := read(r, "limit")
	if err != nil {
		return err
	}
	c := identity.LimitChange{Value: take[int64](f, "resource_limit"), Description: take[string](f, "description")}
	if err := f.done(); err != nil {
		return err
	}
	l, err := a.identity.UpdateLimit(r.Context(), limitID(r), c)
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "limit", a.limitObject(r)(l))
}

func (a *api) deleteLimit(w http.ResponseWriter, r *http.Request) error {
	if err := a.identity.DeleteLimit(r.Context(), limitID(r)); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}
