package keystone

import (
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/identity"
)

func (a *api) serviceProviderRoutes() {
	const provider = federation + "service_providers"
	a.Handle("GET"+provider, a.listServiceProviders)
	a.Handle("PUT"+provider+"/{provider}", a.createServiceProvider)
	a.Handle("GET"+provider+"/{provider}", a.showServiceProvider)
	a.Handle("PATCH"+provider+"/{provider}", a.updateServiceProvider)
	a.Handle("DELETE"+provider+"/{provider}", a.empty(a.deleteServiceProvider))
}

// relayStateDefault is what Shibboleth puts before the state it keeps for itself.
const relayStateDefault = "ss:mem:"

func serviceProviderID(r *http.Request) cloud.ServiceProviderID {
	return cloud.ServiceProviderID(r.PathValue("provider"))
}

func (a *api) serviceProviderObject(r *http.Request) func(*cloud.ServiceProvider) object {
	return func(p *cloud.ServiceProvider) object {
		return object{"id": string(p.ID), "auth_url": p.AuthURL, "sp_url": p.ServiceURL, "relay_state_prefix": p.RelayStatePrefix,
			"description": orNull(p.Description), "enabled": p.Enabled, "links": a.self(r, "OS-FEDERATION", "service_providers", string(p.ID))}
	}
}

func (a *api) listServiceProviders(w http.ResponseWriter, r *http.Request) error {
	f, err := providerFilter(r)
	if err != nil {
		return err
	}
	list, err := a.identity.ListServiceProviders(r.Context(), f)
	if err != nil {
		return err
	}
	return a.list(w, r, "service_providers", each(list, a.serviceProviderObject(r)), f.Limit)
}

func (a *api) createServiceProvider(w http.ResponseWriter, r *http.Request) error {
	f, err := read(r, "service_provider")
	if err != nil {
		return err
	}
	f.require("auth_url", "sp_url")
	p := cloud.ServiceProvider{ID: serviceProviderID(r), AuthURL: takeOr(f, "auth_url", ""), ServiceURL: takeOr(f, "sp_url", ""),
		RelayStatePrefix: takeOr(f, "relay_state_prefix", relayStateDefault), Description: takeOr(f, "description", ""), Enabled: takeOr(f, "enabled", false)}
	if err := f.done(); err != nil {
		return err
	}
	made, err := a.identity.CreateServiceProvider(r.Context(), p)
	if err != nil {
		return err
	}
	return one(w, http.StatusCreated, "service_provider", a.serviceProviderObject(r)(made))
}

func (a *api) showServiceProvider(w http.ResponseWriter, r *http.Request) error {
	p, err := a.identity.ServiceProvider(r.Context(), serviceProviderID(r))
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "service_provider", a.serviceProviderObject(r)(p))
}

func (a *api) updateServiceProvider(w http.ResponseWriter, r *http.Request) error {
	f, err := read(r, "service_provider")
	if err != nil {
		return err
	}
	c := identity.ServiceProviderChange{AuthURL: take[string](f, "auth_url"), ServiceURL: take[string](f, "sp_url"),
		RelayStatePrefix: take[string](f, "relay_state_prefix"), Description: take[string](f, "description"), Enabled: take[bool](f, "enabled")}
	if err := f.done(); err != nil {
		return err
	}
	p, err := a.identity.UpdateServiceProvider(r.Context(), serviceProviderID(r), c)
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "service_provider", a.serviceProviderObject(r)(p))
}

func (a *api) deleteServiceProvider(r *http.Request) error {
	return a.identity.DeleteServiceProvider(r.Context(), serviceProviderID(r))
}
