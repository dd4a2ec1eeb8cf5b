package keystone

import (
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/identity"
)

func (a *api) domainRoutes() {
	a.Handle("GET /v3/domains", a.listDomains)
	a.Handle("POST /v3/domains", a.createDomain)
	a.Handle("GET /v3/domains/{domain}", a.showDomain)
	a.Handle("PATCH /v3/domains/{domain}", a.updateDomain)
	a.Handle("DELETE /v3/domains/{domain}", a.deleteDomain)
}

func domainID(r *http.Request) cloud.DomainID { return cloud.DomainID(r.PathValue("domain")) }

func (a *api) domainObject(r *http.Request) func(*cloud.Domain) object {
	return func(d *cloud.Domain) object {
		return with(d.Extra, object{"id": string(d.ID), "name": d.Name, "description": d.Description, "enabled": d.Enabled,
			"tags": orEmpty(d.Tags), "options": optionsOf(d.Options), "links": a.self(r, "domains", string(d.ID))})
	}
}

func (a *api) listDomains(w http.ResponseWriter, r *http.Request) error {
	f, err := filter(r)
	if err != nil {
		return err
	}
	list, err := a.identity.ListDomains(r.Context(), f)
	if err != nil {
		return err
	}
	return a.list(w, r, "domains", each(list, a.domainObject(r)), f.Limit)
}

func (a *api) createDomain(w http.ResponseWriter, r *http.Request) error {
	f, err := read(r, "domain")
	if err != nil {
		return err
	}
	f.require("name")
	d := cloud.Domain{ID: cloud.DomainID(takeOr(f, "explicit_domain_id", "")), Name: takeOr(f, "name", ""), Description: takeOr(f, "description", ""),
		Enabled: takeOr(f, "enabled", true), Tags: takeOr[[]string](f, "tags", nil), Options: takeOr[map[string]any](f, "options", nil)}
	d.Extra = f.extra()
	if f.err != nil {
		return f.err
	}
	made, err := a.identity.CreateDomain(r.Context(), d)
	if err != nil {
		return err
	}
	return one(w, http.StatusCreated, "domain", a.domainObject(r)(made))
}

func (a *api) showDomain(w http.ResponseWriter, r *http.Request) error {
	d, err := a.identity.Domain(r.Context(), domainID(r))
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "domain", a.domainObject(r)(d))
}

func domainChange(f *fields) identity.DomainChange {
	c := identity.DomainChange{Name: take[string](f, "name"), Description: take[string](f, "description"), Enabled: take[bool](f, "enabled"),
		Tags: take[[]string](f, "tags"), Options: takeOr[map[string]any](f, "options", nil)}
	c.Extra = f.extra()
	return c
}

func (a *api) updateDomain(w http.ResponseWriter, r *http.Request) error {
	f, err := read(r, "domain")
	if err != nil {
		return err
	}
	c := domainChange(f)
	if f.err != nil {
		return f.err
	}
	d, err := a.identity.UpdateDomain(r.Context(), domainID(r), c)
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "domain", a.domainObject(r)(d))
}

func (a *api) deleteDomain(w http.ResponseWriter, r *http.Request) error {
	if err := a.identity.DeleteDomain(r.Context(), domainID(r)); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}
