package keystone

import (
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/identity"
)

func (a *api) roleRoutes() {
	a.Handle("GET /v3/roles", a.listRoles)
	a.Handle("POST /v3/roles", a.createRole)
	a.Handle("GET /v3/roles/{role}", a.showRole)
	a.Handle("PATCH /v3/roles/{role}", a.updateRole)
	a.Handle("DELETE /v3/roles/{role}", a.deleteRole)
	a.Handle("GET /v3/roles/{role}/implies", a.listImplied)
	a.Handle("GET /v3/roles/{role}/implies/{implied}", a.showImplied)
	a.Handle("HEAD /v3/roles/{role}/implies/{implied}", a.checkImplied)
	a.Handle("PUT /v3/roles/{role}/implies/{implied}", a.imply)
	a.Handle("DELETE /v3/roles/{role}/implies/{implied}", a.unimply)
	a.Handle("GET /v3/role_inferences", a.listInferences)
}

func roleID(r *http.Request) cloud.RoleID    { return cloud.RoleID(r.PathValue("role")) }
func impliedID(r *http.Request) cloud.RoleID { return cloud.RoleID(r.PathValue("implied")) }

func (a *api) roleObject(r *http.Request) func(*cloud.Role) object {
	return func(role *cloud.Role) object {
		return with(role.Extra, object{"id": string(role.ID), "name": role.Name, "domain_id": orNull(role.DomainID),
			"description": orNull(role.Description), "options": optionsOf(role.Options), "links": a.self(r, "roles", string(role.ID))})
	}
}

func (a *api) listRoles(w http.ResponseWriter, r *http.Request) error {
	f, err := filter(r)
	if err != nil {
		return err
	}
	list, err := a.identity.ListRoles(r.Context(), f)
	if err != nil {
		return err
	}
	return a.list(w, r, "roles", each(list, a.roleObject(r)), f.Limit)
}

func (a *api) createRole(w http.ResponseWriter, r *http.Request) error {
	f, err := read(r, "role")
	if err != nil {
		return err
	}
	f.require("name")
	v := cloud.Role{Name: takeOr(f, "name", ""), DomainID: takeOr[cloud.DomainID](f, "domain_id", ""), Description: takeOr(f, "description", ""),
		Options: takeOr[map[string]any](f, "options", nil)}
	v.Extra = f.extra()
	if f.err != nil {
		return f.err
	}
	made, err := a.identity.CreateRole(r.Context(), v)
	if err != nil {
		return err
	}
	return one(w, http.StatusCreated, "role", a.roleObject(r)(made))
}

func (a *api) showRole(w http.ResponseWriter, r *http.Request) error {
	v, err := a.identity.Role(r.Context(), roleID(r))
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "role", a.roleObject(r)(v))
}

func (a *api) updateRole(w http.ResponseWriter, r *http.Request) error {
	f, err := read(r, "role")
	if err != nil {
		return err
	}
	if err := fixed(f, "domain_id"); err != nil {
		return err
	}
	c := identity.RoleChange{Name: take[string](f, "name"), Description: take[string](f, "description"), Options: takeOr[map[string]any](f, "options", nil)}
	c.Extra = f.extra()
	if f.err != nil {
		return f.err
	}
	v, err := a.identity.UpdateRole(r.Context(), roleID(r), c)
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "role", a.roleObject(r)(v))
}

func (a *api) deleteRole(w http.ResponseWriter, r *http.Request) error {
	if err := a.identity.DeleteRole(r.Context(), roleID(r)); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}

// briefRole is how roles stand in inferences.
func (a *api) briefRole(r *http.Request, role *cloud.Role) object {
	return object{"id": string(role.ID), "name": role.Name, "domain_id": orNull(role.DomainID), "description": orNull(role.Description),
		"options": optionsOf(role.Options), "links": a.self(r, "roles", string(role.ID))}
}

func (a *api) writeInference(w http.ResponseWriter, r *http.Request, status int, i *identity.Implication) error {
	return openstack.WriteJSON(w, status, object{
		"role_inference": object{"prior_role": a.briefRole(r, i.Prior), "implies": a.briefRole(r, i.Implied)},
		"links":          a.self(r, "roles", string(i.Prior.ID), "implies", string(i.Implied.ID))})
}

func (a *api) imply(w http.ResponseWriter, r *http.Request) error {
	i, err := a.identity.Imply(r.Context(), roleID(r), impliedID(r))
	if err != nil {
		return err
	}
	return a.writeInference(w, r, http.StatusCreated, i)
}

func (a *api) showImplied(w http.ResponseWriter, r *http.Request) error {
	i, err := a.identity.Implied(r.Context(), roleID(r), impliedID(r))
	if err != nil {
		return err
	}
	return a.writeInference(w, r, http.StatusOK, i)
}

func (a *api) checkImplied(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.identity.Implied(r.Context(), roleID(r), impliedID(r)); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}

func (a *api) unimply(w http.ResponseWriter, r *http.Request) error {
	if err := a.identity.Unimply(r.Context(), roleID(r), impliedID(r)); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}

func (a *api) listImplied(w http.ResponseWriter, r *http.Request) error {
	prior, err := a.identity.Role(r.Context(), roleID(r))
	if err != nil {
		return err
	}
	list, err := a.identity.ImpliedBy(r.Context(), prior.ID)
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, object{"role_inference": a.inference(r, prior, list),
		"links": a.self(r, "roles", string(prior.ID), "implies")})
}

func (a *api) inference(r *http.Request, prior *cloud.Role, list []*identity.Implication) object {
	return object{"prior_role": a.briefRole(r, prior),
		"implies": each(list, func(i *identity.Implication) object { return a.briefRole(r, i.Implied) })}
}

// listInferences groups all implications, which come sorted by the prior role.
func (a *api) listInferences(w http.ResponseWriter, r *http.Request) error {
	list, err := a.identity.Implications(r.Context())
	if err != nil {
		return err
	}
	groups := []object{}
	for len(list) > 0 {
		n := 1
		for n < len(list) && list[n].Prior.ID == list[0].Prior.ID {
			n++
		}
		groups = append(groups, a.inference(r, list[0].Prior, list[:n]))
		list = list[n:]
	}
	return openstack.WriteJSON(w, http.StatusOK, object{"role_inferences": groups, "links": a.self(r, "role_inferences")})
}
