package keystone

import (
	"net/http"

	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/identity"
)

func (a *api) catalogRoutes() {
	a.Handle("GET /v3/regions", a.listRegions)
	a.Handle("POST /v3/regions", a.createRegion)
	a.Handle("GET /v3/regions/{region}", a.showRegion)
	a.Handle("PUT /v3/regions/{region}", a.createRegion)
	a.Handle("PATCH /v3/regions/{region}", a.updateRegion)
	a.Handle("DELETE /v3/regions/{region}", a.deleteRegion)
	a.Handle("GET /v3/services", a.listServices)
	a.Handle("POST /v3/services", a.createService)
	a.Handle("GET /v3/services/{service}", a.showService)
	a.Handle("PATCH /v3/services/{service}", a.updateService)
	a.Handle("DELETE /v3/services/{service}", a.deleteService)
	a.endpointRoutes()
	a.endpointFilterRoutes()
}

func (a *api) regionObject(r *http.Request) func(identity.Region) object {
	return func(v identity.Region) object {
		return with(v.Extra, object{"id": v.ID, "description": v.Description, "parent_region_id": orNull(v.ParentID), "links": a.self(r, "regions", v.ID)})
	}
}

func (a *api) listRegions(w http.ResponseWriter, r *http.Request) error {
	list, err := a.identity.Regions(r.Context(), r.URL.Query().Get("parent_region_id"))
	if err != nil {
		return err
	}
	return a.list(w, r, "regions", each(list, a.regionObject(r)), 0)
}

// createRegion takes the id from the path, if there is one, or the body.
func (a *api) createRegion(w http.ResponseWriter, r *http.Request) error {
	f, err := read(r, "region")
	if err != nil {
		return err
	}
	v := identity.Region{ID: takeOr(f, "id", ""), Description: takeOr(f, "description", ""), ParentID: takeOr(f, "parent_region_id", "")}
	if id := r.PathValue("region"); id != "" {
		v.ID = id
	}
	v.Extra = f.extra()
	if f.err != nil {
		return f.err
	}
	made, err := a.identity.CreateRegion(r.Context(), v)
	if err != nil {
		return err
	}
	return one(w, http.StatusCreated, "region", a.regionObject(r)(*made))
}

func (a *api) showRegion(w http.ResponseWriter, r *http.Request) error {
	v, err := a.identity.Region(r.Context(), r.PathValue("region"))
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "region", a.regionObject(r)(*v))
}

func (a *api) updateRegion(w http.ResponseWriter, r *http.Request) error {
	f, err := read(r, "region")
	if err != nil {
		return err
	}
	description, parent := take[string](f, "description"), take[string](f, "parent_region_id")
	extra := f.extra()
	if f.err != nil {
		return f.err
	}
	v, err := a.identity.UpdateRegion(r.Context(), r.PathValue("region"), func(v *identity.Region) {
		put(&v.Description, description)
		put(&v.ParentID, parent)
		v.Extra = with(v.Extra, extra)
	})
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "region", a.regionObject(r)(*v))
}

// put sets what the body had.
func put[T any](dst *T, v *T) {
	if v != nil {
		*dst = *v
	}
}

func (a *api) deleteRegion(w http.ResponseWriter, r *http.Request) error {
	if err := a.identity.DeleteRegion(r.Context(), r.PathValue("region")); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}

func (a *api) serviceObject(r *http.Request) func(identity.CatalogService) object {
	return func(v identity.CatalogService) object {
		o := with(v.Extra, object{"id": v.ID, "type": v.Type, "enabled": v.Enabled, "links": a.self(r, "services", v.ID)})
		if v.Name != "" {
			o["name"] = v.Name
		}
		if v.Description != nil {
			o["description"] = *v.Description
		}
		return o
	}
}

func (a *api) listServices(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	list, err := a.identity.Services(r.Context(), q.Get("type"), q.Get("name"))
	if err != nil {
		return err
	}
	return a.list(w, r, "services", each(list, a.serviceObject(r)), 0)
}

func (a *api) createService(w http.ResponseWriter, r *http.Request) error {
	f, err := read(r, "service")
	if err != nil {
		return err
	}
	f.require("type")
	v := identity.CatalogService{Type: takeOr(f, "type", ""), Name: takeOr(f, "name", ""), Description: take[string](f, "description"),
		Enabled: takeOr(f, "enabled", true)}
	v.Extra = f.extra()
	if f.err != nil {
		return f.err
	}
	made, err := a.identity.CreateCatalogService(r.Context(), v)
	if err != nil {
		return err
	}
	return one(w, http.StatusCreated, "service", a.serviceObject(r)(*made))
}

func (a *api) showService(w http.ResponseWriter, r *http.Request) error {
	v, err := a.identity.CatalogService(r.Context(), r.PathValue("service"))
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "service", a.serviceObject(r)(*v))
}

func (a *api) updateService(w http.ResponseWriter, r *http.Request) error {
	f, err := read(r, "service")
	if err != nil {
		return err
	}
	kind, name, description, enabled := take[string](f, "type"), take[string](f, "name"), take[string](f, "description"), take[bool](f, "enabled")
	extra := f.extra()
	if f.err != nil {
		return f.err
	}
	v, err := a.identity.UpdateCatalogService(r.Context(), r.PathValue("service"), func(v *identity.CatalogService) {
		put(&v.Type, kind)
		put(&v.Name, name)
		put(&v.Enabled, enabled)
		if description != nil {
			v.Description = description
		}
		v.Extra = with(v.Extra, extra)
	})
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "service", a.serviceObject(r)(*v))
}

func (a *api) deleteService(w http.ResponseWriter, r *http.Request) error {
	if err := a.identity.DeleteCatalogService(r.Context(), r.PathValue("service")); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}
