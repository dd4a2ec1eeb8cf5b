package keystone

import (
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/identity"
)

// Access keys (OS-EC2) are secrets of one type.

func (a *api) accessKeyRoutes() {
	a.Handle("GET /v3/users/{user}/credentials/OS-EC2", a.listAccessKeys)
	a.Handle("POST /v3/users/{user}/credentials/OS-EC2", a.createAccessKey)
	a.Handle("GET /v3/users/{user}/credentials/OS-EC2/{access}", a.showAccessKey)
	a.Handle("DELETE /v3/users/{user}/credentials/OS-EC2/{access}", a.deleteAccessKey)
}

// accessKeyID reads the access key out of a secret's text.
func accessKeyID(v identity.Secret) (cloud.SecretID, error) {
	if v.ProjectID == "" {
		return "", cloud.Invalidf("credential", "project_id", "A credential of type %s needs a project_id.", identity.AccessKeyType)
	}
	k, err := identity.ParseAccessKey(v.Text)
	return identity.AccessKeyID(k.Access), err
}

// checkAccessKeyChange: the access key stays, because the id is made of it, and so does the type.
func (a *api) checkAccessKeyChange(r *http.Request, c identity.SecretChange) error {
	v, err := a.identity.Secret(r.Context(), secretID(r))
	if err != nil {
		return err
	}
	put(&v.Type, c.Type)
	put(&v.Text, c.Text)
	put(&v.ProjectID, c.Project)
	if v.Type != identity.AccessKeyType {
		return nil
	}
	id, err := accessKeyID(*v)
	if err == nil && id != v.ID {
		err = cloud.Invalidf("credential", "blob", "The access key of a credential cannot change; make a new one.")
	}
	return err
}

// accessKeyObjects shows access keys, each with the number that its project has where signed requests go.
func (a *api) accessKeyObjects(r *http.Request, list []*identity.Secret) ([]object, error) {
	projects := make([]cloud.ProjectID, len(list))
	for i, v := range list {
		projects[i] = v.ProjectID
	}
	accounts, err := a.identity.Accounts(r.Context(), projects...)
	if err != nil {
		return nil, err
	}
	return each(list, a.accessKeyObject(r, accounts)), nil
}

func (a *api) accessKeyObject(r *http.Request, accounts map[cloud.ProjectID]string) func(*identity.Secret) object {
	return func(v *identity.Secret) object {
		k, _ := identity.ParseAccessKey(v.Text) // checked when it was stored
		return object{"user_id": v.UserID, "tenant_id": v.ProjectID, "access": k.Access, "secret": k.Secret, "trust_id": nil, "account_number": accounts[v.ProjectID],
			"links": a.self(r, "users", string(v.UserID), "credentials", "OS-EC2", k.Access)}
	}
}

func (a *api) listAccessKeys(w http.ResponseWriter, r *http.Request) error {
	list, err := a.identity.SecretsOf(r.Context(), userID(r), identity.AccessKeyType)
	if err != nil {
		return err
	}
	objects, err := a.accessKeyObjects(r, list)
	if err != nil {
		return err
	}
	return a.list(w, r, "credentials", objects, 0)
}

func (a *api) createAccessKey(w http.ResponseWriter, r *http.Request) error {
	var b struct {
		Project cloud.ProjectID `json:"tenant_id"`
	}
	if err := openstack.Decode(r, &b); err != nil {
		return err
	}
	if b.Project == "" {
		return cloud.Invalidf("credential", "tenant_id", "'tenant_id' is a required property")
	}
	k := identity.NewAccessKey()
	v := identity.Secret{Text: k.Text()}
	v.ID, v.UserID, v.ProjectID, v.Type = identity.AccessKeyID(k.Access), userID(r), b.Project, identity.AccessKeyType
	made, err := a.identity.CreateSecret(r.Context(), v)
	if err != nil {
		return err
	}
	return a.showKey(w, r, http.StatusCreated, made)
}

// accessKey finds the key that the path names; one of another user does not exist there.
func (a *api) accessKey(r *http.Request) (*identity.Secret, error) {
	return a.identity.SecretOf(r.Context(), userID(r), identity.AccessKeyType, identity.AccessKeyID(r.PathValue("access")))
}

func (a *api) showAccessKey(w http.ResponseWriter, r *http.Request) error {
	v, err := a.accessKey(r)
	if err != nil {
		return err
	}
	return a.showKey(w, r, http.StatusOK, v)
}

func (a *api) showKey(w http.ResponseWriter, r *http.Request, status int, v *identity.Secret) error {
	objects, err := a.accessKeyObjects(r, []*identity.Secret{v})
	if err != nil {
		return err
	}
	return one(w, status, "credential", objects[0])
}

func (a *api) deleteAccessKey(w http.ResponseWriter, r *http.Request) error {
	v, err := a.accessKey(r)
	if err == nil {
		err = a.identity.DeleteSecret(r.Context(), v.ID)
	}
	if err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}
