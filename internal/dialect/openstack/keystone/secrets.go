package keystone

import (
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/identity"
)

// A secret is called a credential here, its text a blob.

func (a *api) secretRoutes() {
	a.Handle("GET /v3/credentials", a.listSecrets)
	a.Handle("POST /v3/credentials", a.createSecret)
	a.Handle("GET /v3/credentials/{credential}", a.showSecret)
	a.Handle("PATCH /v3/credentials/{credential}", a.updateSecret)
	a.Handle("DELETE /v3/credentials/{credential}", a.deleteSecret)
}

func secretID(r *http.Request) cloud.SecretID { return cloud.SecretID(r.PathValue("credential")) }

func (a *api) secretObject(r *http.Request) func(*identity.Secret) object {
	return func(v *identity.Secret) object {
		return object{"id": string(v.ID), "user_id": v.UserID, "project_id": orNull(v.ProjectID), "type": v.Type, "blob": v.Text,
			"links": a.self(r, "credentials", string(v.ID))}
	}
}

func (a *api) listSecrets(w http.ResponseWriter, r *http.Request) error {
	f, err := filter(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	list, err := a.identity.ListSecrets(r.Context(), identity.SecretFilter{User: cloud.UserID(q.Get("user_id")), Type: q.Get("type"),
		Limit: f.Limit, Marker: f.Marker})
	if err != nil {
		return err
	}
	return a.list(w, r, "credentials", each(list, a.secretObject(r)), f.Limit)
}

// createSecret: without a user it is the caller's.
func (a *api) createSecret(w http.ResponseWriter, r *http.Request) error {
	f, err := read(r, "credential")
	if err != nil {
		return err
	}
	f.require("type", "blob")
	v := identity.Secret{Text: takeOr(f, "blob", "")}
	v.UserID, v.ProjectID = takeOr(f, "user_id", caller(r).UserID), takeOr[cloud.ProjectID](f, "project_id", "")
	v.Type = takeOr(f, "type", "")
	if f.err != nil {
		return f.err
	}
	if v.Type == identity.AccessKeyType {
		if v.ID, err = accessKeyID(v); err != nil {
			return err
		}
	}
	made, err := a.identity.CreateSecret(r.Context(), v)
	if err != nil {
		return err
	}
	return one(w, http.StatusCreated, "credential", a.secretObject(r)(made))
}

func (a *api) showSecret(w http.ResponseWriter, r *http.Request) error {
	v, err := a.identity.Secret(r.Context(), secretID(r))
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "credential", a.secretObject(r)(v))
}

func (a *api) updateSecret(w http.ResponseWriter, r *http.Request) error {
	f, err := read(r, "credential")
	if err != nil {
		return err
	}
	c := identity.SecretChange{User: take[cloud.UserID](f, "user_id"), Project: take[cloud.ProjectID](f, "project_id"),
		Type: take[string](f, "type"), Text: take[string](f, "blob")}
	if f.err != nil {
		return f.err
	}
	if err := a.checkAccessKeyChange(r, c); err != nil {
		return err
	}
	v, err := a.identity.UpdateSecret(r.Context(), secretID(r), c)
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "credential", a.secretObject(r)(v))
}

func (a *api) deleteSecret(w http.ResponseWriter, r *http.Request) error {
	if err := a.identity.DeleteSecret(r.Context(), secretID(r)); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}
