package keystone

import (
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/identity"
)

func (a *api) credentialRoutes() {
	a.Handle("GET /v3/users/{user}/application_credentials", a.listCredentials)
	a.Handle("POST /v3/users/{user}/application_credentials", a.createCredential)
	a.Handle("GET /v3/users/{user}/application_credentials/{credential}", a.showCredential)
	a.Handle("DELETE /v3/users/{user}/application_credentials/{credential}", a.deleteCredential)
	a.Handle("GET /v3/users/{user}/access_rules", a.listAccessRules)
	a.Handle("GET /v3/users/{user}/access_rules/{rule}", a.showAccessRule)
	a.Handle("DELETE /v3/users/{user}/access_rules/{rule}", a.deleteAccessRule)
}

func credentialID(r *http.Request) cloud.CredentialID {
	return cloud.CredentialID(r.PathValue("credential"))
}

func ruleObject(rule cloud.AccessRule) object {
	return object{"id": rule.ID, "service": rule.Service, "method": rule.Method, "path": rule.Path}
}

// credentialObject looks up the names of its roles.
func (a *api) credentialObject(r *http.Request, c *cloud.ApplicationCredential) (object, error) {
	roles, err := a.identity.RolesOf(r.Context(), c.Roles)
	if err != nil {
		return nil, err
	}
	o := object{"id": string(c.ID), "name": c.Name, "description": c.Description, "user_id": c.UserID, "project_id": c.ProjectID,
		"unrestricted": c.Unrestricted, "expires_at": timeOrNull(c.ExpiresAt), "system": nil,
		"roles": each(roles, func(role *cloud.Role) object {
			return object{"id": role.ID, "name": role.Name, "domain_id": orNull(role.DomainID)}
		}),
		"links": a.self(r, "users", string(c.UserID), "application_credentials", string(c.ID))}
	if len(c.AccessRules) > 0 {
		o["access_rules"] = each(c.AccessRules, ruleObject)
	}
	return o, nil
}

func (a *api) listCredentials(w http.ResponseWriter, r *http.Request) error {
	f, err := filter(r)
	if err != nil {
		return err
	}
	list, err := a.identity.ListCredentials(r.Context(), userID(r), f)
	if err != nil {
		return err
	}
	items := make([]object, len(list))
	for i, c := range list {
		if items[i], err = a.credentialObject(r, c); err != nil {
			return err
		}
	}
	return a.list(w, r, "application_credentials", items, f.Limit)
}

type roleRef struct {
	ID   cloud.RoleID `json:"id"`
	Name string       `json:"name"`
}

func roleRefs(list []roleRef) (refs []identity.RoleRef) {
	for _, role := range list {
		refs = append(refs, identity.RoleRef(role))
	}
	return refs
}

func credentialRequest(r *http.Request) (v identity.CredentialRequest, err error) {
	f, err := read(r, "application_credential")
	if err != nil {
		return v, err
	}
	f.require("name")
	v = identity.CredentialRequest{Name: takeOr(f, "name", ""), Description: takeOr(f, "description", ""), Secret: takeOr(f, "secret", ""),
		Unrestricted: takeOr(f, "unrestricted", false), AccessRules: takeOr[[]cloud.AccessRule](f, "access_rules", nil)}
	v.Roles = roleRefs(takeOr[[]roleRef](f, "roles", nil))
	if text := takeOr(f, "expires_at", ""); text != "" {
		if v.ExpiresAt, err = parseTime("application credential", "expires_at", text); err != nil {
			return v, err
		}
	}
	return v, f.err
}

func (a *api) createCredential(w http.ResponseWriter, r *http.Request) error {
	v, err := credentialRequest(r)
	if err != nil {
		return err
	}
	c, secret, err := a.identity.CreateCredential(r.Context(), userID(r), v)
	if err != nil {
		return err
	}
	o, err := a.credentialObject(r, c)
	if err != nil {
		return err
	}
	o["secret"] = secret
	return one(w, http.StatusCreated, "application_credential", o)
}

func (a *api) showCredential(w http.ResponseWriter, r *http.Request) error {
	c, err := a.identity.Credential(r.Context(), userID(r), credentialID(r))
	if err != nil {
		return err
	}
	o, err := a.credentialObject(r, c)
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "application_credential", o)
}

func (a *api) deleteCredential(w http.ResponseWriter, r *http.Request) error {
	if err := a.identity.DeleteCredential(r.Context(), userID(r), credentialID(r)); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}

func (a *api) listAccessRules(w http.ResponseWriter, r *http.Request) error {
	rules, err := a.identity.ListAccessRules(r.Context(), userID(r))
	if err != nil {
		return err
	}
	return a.list(w, r, "access_rules", each(rules, a.linkedRule(r)), 0)
}

func (a *api) linkedRule(r *http.Request) func(cloud.AccessRule) object {
	return func(rule cloud.AccessRule) object {
		return with(ruleObject(rule), object{"links": a.self(r, "users", string(userID(r)), "access_rules", rule.ID)})
	}
}

func (a *api) showAccessRule(w http.ResponseWriter, r *http.Request) error {
	rule, err := a.identity.AccessRule(r.Context(), userID(r), r.PathValue("rule"))
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "access_rule", a.linkedRule(r)(*rule))
}

func (a *api) deleteAccessRule(w http.ResponseWriter, r *http.Request) error {
	if err := a.identity.DeleteAccessRule(r.Context(), userID(r), r.PathValue("rule")); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}
