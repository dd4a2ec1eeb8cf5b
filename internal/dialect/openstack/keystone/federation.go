package keystone

import (
	"encoding/json"
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/identity"
)

// OS-FEDERATION: who else vouches for users, in which way, and what those users get. Every noun here is put under an id
// that the operator chooses.

const federation = " /v3/OS-FEDERATION/"

func (a *api) federationRoutes() {
	const provider, mapping = federation + "identity_providers", federation + "mappings"
	a.Handle("GET"+provider, a.listProviders)
	a.Handle("PUT"+provider+"/{provider}", a.createProvider)
	a.Handle("GET"+provider+"/{provider}", a.showProvider)
	a.Handle("PATCH"+provider+"/{provider}", a.updateProvider)
	a.Handle("DELETE"+provider+"/{provider}", a.empty(a.deleteProvider))
	a.Handle("GET"+provider+"/{provider}/protocols", a.listProtocols)
	a.Handle("PUT"+provider+"/{provider}/protocols/{protocol}", a.createProtocol)
	a.Handle("GET"+provider+"/{provider}/protocols/{protocol}", a.showProtocol)
	a.Handle("PATCH"+provider+"/{provider}/protocols/{protocol}", a.updateProtocol)
	a.Handle("DELETE"+provider+"/{provider}/protocols/{protocol}", a.empty(a.deleteProtocol))
	a.Handle("POST"+provider+"/{provider}/protocols/{protocol}/explain", a.explainSignIn)
	a.Handle("GET"+mapping, a.listMappings)
	a.Handle("PUT"+mapping+"/{mapping}", a.createMapping)
	a.Handle("GET"+mapping+"/{mapping}", a.showMapping)
	a.Handle("PATCH"+mapping+"/{mapping}", a.updateMapping)
	a.Handle("DELETE"+mapping+"/{mapping}", a.empty(a.deleteMapping))
	a.serviceProviderRoutes()
}

func providerID(r *http.Request) cloud.IdentityProviderID {
	return cloud.IdentityProviderID(r.PathValue("provider"))
}

func providerFilter(r *http.Request) (identity.ProviderFilter, error) {
	f, err := filter(r)
	return identity.ProviderFilter{ID: r.URL.Query().Get("id"), Enabled: f.Enabled, Limit: f.Limit, Marker: f.Marker}, err
}

func (a *api) providerObject(r *http.Request) func(*cloud.IdentityProvider) object {
	return func(p *cloud.IdentityProvider) object {
		links := a.self(r, "OS-FEDERATION", "identity_providers", string(p.ID))
		links["protocols"] = links["self"].(string) + "/protocols"
		v := object{"id": string(p.ID), "domain_id": string(p.DomainID), "description": orNull(p.Description), "enabled": p.Enabled,
			"remote_ids": orEmpty(p.RemoteIDs), "authorization_ttl": p.MembershipMinutes, "links": links}
		if p.OpenID != nil {
			v[openIDKey] = openIDObject(p.OpenID)
		}
		if p.SAML != nil {
			v[samlKeyword] = samlObject(p.SAML)
		}
		return v
	}
}

func (a *api) listProviders(w http.ResponseWriter, r *http.Request) error {
	f, err := providerFilter(r)
	if err != nil {
		return err
	}
	list, err := a.identity.ListProviders(r.Context(), f)
	if err != nil {
		return err
	}
	return a.list(w, r, "identity_providers", each(list, a.providerObject(r)), f.Limit)
}

func (a *api) createProvider(w http.ResponseWriter, r *http.Request) error {
	f, err := read(r, "identity_provider")
	if err != nil {
		return err
	}
	p := cloud.IdentityProvider{ID: providerID(r), DomainID: cloud.DomainID(takeOr(f, "domain_id", "")), Description: takeOr(f, "description", ""),
		Enabled: takeOr(f, "enabled", false), RemoteIDs: takeOr[[]string](f, "remote_ids", nil), MembershipMinutes: takeOr[*int](f, "authorization_ttl", nil)}
	client := takeOr[*openIDBody](f, openIDKey, nil)
	p.SAML = takeOr[*samlBody](f, samlKeyword, nil).source()
	if err := f.done(); err != nil {
		return err
	}
	made, err := a.identity.CreateProvider(r.Context(), p, client.client())
	if err != nil {
		return err
	}
	return one(w, http.StatusCreated, "identity_provider", a.providerObject(r)(made))
}

func (a *api) showProvider(w http.ResponseWriter, r *http.Request) error {
	p, err := a.identity.Provider(r.Context(), providerID(r))
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "identity_provider", a.providerObject(r)(p))
}

func (a *api) updateProvider(w http.ResponseWriter, r *http.Request) error {
	f, err := read(r, "identity_provider")
	if err != nil {
		return err
	}
	c := identity.ProviderChange{Description: take[string](f, "description"), Enabled: take[bool](f, "enabled"),
		RemoteIDs: take[[]string](f, "remote_ids"), MembershipMinutes: take[*int](f, "authorization_ttl")}
	if body := take[*openIDBody](f, openIDKey); body != nil {
		client := (*body).client()
		c.OpenID = &client
	}
	if body := take[*samlBody](f, samlKeyword); body != nil {
		source := (*body).source()
		c.SAML = &source
	}
	if err := f.done(); err != nil {
		return err
	}
	p, err := a.identity.UpdateProvider(r.Context(), providerID(r), c)
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "identity_provider", a.providerObject(r)(p))
}

func (a *api) deleteProvider(r *http.Request) error {
	return a.identity.DeleteProvider(r.Context(), providerID(r))
}

func (a *api) protocolObject(r *http.Request) func(*cloud.Protocol) object {
	return func(p *cloud.Protocol) object {
		links := a.self(r, "OS-FEDERATION", "identity_providers", string(p.ProviderID), "protocols", p.Name)
		links["identity_provider"] = a.self(r, "OS-FEDERATION", "identity_providers", string(p.ProviderID))["self"]
		return object{"id": p.Name, "mapping_id": string(p.MappingID), "remote_id_attribute": orNull(p.RemoteIDAttribute), "links": links}
	}
}

func (a *api) listProtocols(w http.ResponseWriter, r *http.Request) error {
	list, err := a.identity.ListProtocols(r.Context(), providerID(r))
	if err != nil {
		return err
	}
	return a.list(w, r, "protocols", each(list, a.protocolObject(r)), 0)
}

func (a *api) createProtocol(w http.ResponseWriter, r *http.Request) error {
	f, err := read(r, "protocol")
	if err != nil {
		return err
	}
	f.require("mapping_id")
	p := cloud.Protocol{ProviderID: providerID(r), Name: r.PathValue("protocol"), MappingID: takeOr(f, "mapping_id", cloud.MappingID("")),
		RemoteIDAttribute: takeOr(f, "remote_id_attribute", "")}
	if err := f.done(); err != nil {
		return err
	}
	made, err := a.identity.CreateProtocol(r.Context(), p)
	if err != nil {
		return err
	}
	return one(w, http.StatusCreated, "protocol", a.protocolObject(r)(made))
}

func (a *api) showProtocol(w http.ResponseWriter, r *http.Request) error {
	p, err := a.identity.Protocol(r.Context(), providerID(r), r.PathValue("protocol"))
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "protocol", a.protocolObject(r)(p))
}

func (a *api) updateProtocol(w http.ResponseWriter, r *http.Request) error {
	f, err := read(r, "protocol")
	if err != nil {
		return err
	}
	c := identity.ProtocolChange{MappingID: take[cloud.MappingID](f, "mapping_id"), RemoteIDAttribute: take[string](f, "remote_id_attribute")}
	if err := f.done(); err != nil {
		return err
	}
	p, err := a.identity.UpdateProtocol(r.Context(), providerID(r), r.PathValue("protocol"), c)
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "protocol", a.protocolObject(r)(p))
}

func (a *api) deleteProtocol(r *http.Request) error {
	return a.identity.DeleteProtocol(r.Context(), providerID(r), r.PathValue("protocol"))
}

func mappingID(r *http.Request) cloud.MappingID { return cloud.MappingID(r.PathValue("mapping")) }

func (a *api) mappingObject(r *http.Request) func(*cloud.Mapping) object {
	return func(m *cloud.Mapping) object {
		return object{"id": string(m.ID), "rules": m.Rules, "schema_version": m.Version, "links": a.self(r, "OS-FEDERATION", "mappings", string(m.ID))}
	}
}

func (a *api) listMappings(w http.ResponseWriter, r *http.Request) error {
	f, err := filter(r)
	if err != nil {
		return err
	}
	list, err := a.identity.ListMappings(r.Context(), f)
	if err != nil {
		return err
	}
	return a.list(w, r, "mappings", each(list, a.mappingObject(r)), f.Limit)
}

func (a *api) createMapping(w http.ResponseWriter, r *http.Request) error {
	f, err := read(r, "mapping")
	if err != nil {
		return err
	}
	f.require("rules")
	m := cloud.Mapping{ID: mappingID(r), Rules: takeOr[json.RawMessage](f, "rules", nil), Version: takeOr(f, "schema_version", "")}
	if err := f.done(); err != nil {
		return err
	}
	made, err := a.identity.CreateMapping(r.Context(), m)
	if err != nil {
		return err
	}
	return one(w, http.StatusCreated, "mapping", a.mappingObject(r)(made))
}

func (a *api) showMapping(w http.ResponseWriter, r *http.Request) error {
	m, err := a.identity.Mapping(r.Context(), mappingID(r))
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "mapping", a.mappingObject(r)(m))
}

func (a *api) updateMapping(w http.ResponseWriter, r *http.Request) error {
	f, err := read(r, "mapping")
	if err != nil {
		return err
	}
	c := identity.MappingChange{Rules: takeOr[json.RawMessage](f, "rules", nil), Version: take[string](f, "schema_version")}
	if err := f.done(); err != nil {
		return err
	}
	m, err := a.identity.UpdateMapping(r.Context(), mappingID(r), c)
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "mapping", a.mappingObject(r)(m))
}

func (a *api) deleteMapping(r *http.Request) error {
	return a.identity.DeleteMapping(r.Context(), mappingID(r))
}
