package keystone

import (
	"net/http"

	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/identity"
)

func (a *api) endpointRoutes() {
	a.Handle("GET /v3/endpoints", a.listEndpoints)
	a.Handle("POST /v3/endpoints", a.createEndpoint)
	a.Handle("GET /v3/endpoints/{endpoint}", a.showEndpoint)
	a.Handle("PATCH /v3/endpoints/{endpoint}", a.updateEndpoint)
	a.Handle("DELETE /v3/endpoints/{endpoint}", a.deleteEndpoint)
}

func (a *api) endpointObject(r *http.Request) func(identity.Endpoint) object {
	return func(v identity.Endpoint) object {
		return with(v.Extra, object{"id": v.ID, "service_id": v.ServiceID, "interface": v.Interface, "url": v.URL, "enabled": v.Enabled,
			"region": orNull(v.RegionID), "region_id": orNull(v.RegionID), "links": a.self(r, "endpoints", v.ID)})
	}
}

func (a *api) listEndpoints(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	region := q.Get("region_id")
	if region == "" {
		region = q.Get("region")
	}
	list, err := a.identity.Endpoints(r.Context(), a.base(r), identity.Endpoint{ServiceID: q.Get("service_id"), Interface: q.Get("interface"), RegionID: region})
	if err != nil {
		return err
	}
	return a.list(w, r, "endpoints", each(list, a.endpointObject(r)), 0)
}

// endpointRegion: "region" is the older name of "region_id".
func endpointRegion(f *fields) *string {
	old := take[string](f, "region")
	if id := take[string](f, "region_id"); id != nil {
		return id
	}
	return old
}

func (a *api) createEndpoint(w http.ResponseWriter, r *http.Request) error {
	f, err := read(r, "endpoint")
	if err != nil {
		return err
	}
	f.require("interface", "service_id", "url")
	v := identity.Endpoint{ServiceID: takeOr(f, "service_id", ""), Interface: takeOr(f, "interface", ""), URL: takeOr(f, "url", ""), Enabled: takeOr(f, "enabled", true)}
	put(&v.RegionID, endpointRegion(f))
	v.Extra = f.extra()
	if f.err != nil {
		return f.err
	}
	made, err := a.identity.CreateEndpoint(r.Context(), v)
	if err != nil {
		return err
	}
	return one(w, http.StatusCreated, "endpoint", a.endpointObject(r)(*made))
}

func (a *api) showEndpoint(w http.ResponseWriter, r *http.Request) error {
	v, err := a.identity.Endpoint(r.Context(), a.base(r), r.PathValue("endpoint"))
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "endpoint", a.endpointObject(r)(*v))
}

func (a *api) updateEndpoint(w http.ResponseWriter, r *http.Request) error {
	f, err := read(r, "endpoint")
	if err != nil {
		return err
	}
	service, kind, url := take[string](f, "service_id"), take[string](f, "interface"), take[string](f, "url")
	enabled, region := take[bool](f, "enabled"), endpointRegion(f)
	extra := f.extra()
	if f.err != nil {
		return f.err
	}
	v, err := a.identity.UpdateEndpoint(r.Context(), a.base(r), r.PathValue("endpoint"), func(v *identity.Endpoint) {
		put(&v.ServiceID, service)
		put(&v.Interface, kind)
		put(&v.URL, url)
		put(&v.Enabled, enabled)
		put(&v.RegionID, region)
		v.Extra = with(v.Extra, extra)
	})
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "endpoint", a.endpointObject(r)(*v))
}

func (a *api) deleteEndpoint(w http.ResponseWriter, r *http.Request) error {
	if err := a.identity.DeleteEndpoint(r.Context(), r.PathValue("endpoint")); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}
