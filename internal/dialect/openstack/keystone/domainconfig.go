package keystone

import (
	"net/http"

	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/identity"
)

func (a *api) domainConfigRoutes() {
	a.Handle("GET /v3/domains/config/default", a.showDefaultConfig(""))
	for _, group := range identity.DomainConfigGroups() { // by name: a pattern would be at odds with a domain called "config"
		a.Handle("GET /v3/domains/config/"+group+"/default", a.showDefaultConfig(group))
		a.Handle("GET /v3/domains/config/"+group+"/{option}/default", a.showDefaultConfig(group))
	}
	for _, part := range []string{"", "/{group}", "/{group}/{option}"} {
		const of = " /v3/domains/{domain}/config"
		a.Handle("GET"+of+part, a.showDomainConfig)
		a.Handle("PATCH"+of+part, a.updateDomainConfig)
		a.Handle("DELETE"+of+part, a.empty(a.deleteDomainConfig))
	}
	a.Handle("PUT /v3/domains/{domain}/config", a.setDomainConfig)
}

func configPath(r *http.Request) identity.DomainConfigPath {
	return identity.DomainConfigPath{Group: r.PathValue("group"), Option: r.PathValue("option")}
}

// configBody reads a configuration. That of one option names the option alone.
func configBody(r *http.Request) (identity.DomainConfig, error) {
	f, err := read(r, "config")
	if err != nil {
		return nil, err
	}
	if p := configPath(r); p.Option != "" {
		return identity.DomainConfig{p.Group: f.extra()}, nil
	}
	c := identity.DomainConfig{}
	for group := range f.m {
		c[group] = takeOr[map[string]any](f, group, nil)
	}
	return c, f.err
}

// writeConfig shows a configuration; an option that was asked for is shown without its group.
func writeConfig(w http.ResponseWriter, status int, p identity.DomainConfigPath, c identity.DomainConfig) error {
	if p.Option != "" {
		return one(w, status, "config", c[p.Group])
	}
	return one(w, status, "config", c)
}

func (a *api) showDefaultConfig(group string) openstack.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		p := identity.DomainConfigPath{Group: group, Option: r.PathValue("option")}
		c, err := a.identity.DefaultDomainConfig(r.Context(), p)
		if err != nil {
			return err
		}
		return writeConfig(w, http.StatusOK, p, c)
	}
}

func (a *api) showDomainConfig(w http.ResponseWriter, r *http.Request) error {
	c, err := a.identity.DomainConfig(r.Context(), domainID(r), configPath(r))
	if err != nil {
		return err
	}
	return writeConfig(w, http.StatusOK, configPath(r), c)
}

func (a *api) setDomainConfig(w http.ResponseWriter, r *http.Request) error {
	body, err := configBody(r)
	if err != nil {
		return err
	}
	c, had, err := a.identity.SetDomainConfig(r.Context(), domainID(r), body)
	if err != nil {
		return err
	}
	status := http.StatusCreated
	if had {
		status = http.StatusOK
	}
	return writeConfig(w, status, configPath(r), c)
}

// updateDomainConfig answers the whole group also when one option was changed.
func (a *api) updateDomainConfig(w http.ResponseWriter, r *http.Request) error {
	body, err := configBody(r)
	if err != nil {
		return err
	}
	c, err := a.identity.UpdateDomainConfig(r.Context(), domainID(r), configPath(r), body)
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "config", c)
}

func (a *api) deleteDomainConfig(r *http.Request) error {
	return a.identity.DeleteDomainConfig(r.Context(), domainID(r), configPath(r))
}
