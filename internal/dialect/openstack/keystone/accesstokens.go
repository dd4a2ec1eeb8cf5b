package keystone

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/dialect/wire/oauthsign"
	"github.com/nubo-cloud/nubo/internal/identity"
)

// A delegation is called an access token here, the request for one a request token (OS-OAUTH1).

func (a *api) accessTokenRoutes() {
	// The signature is the proof of who asks.
	a.Public("POST /v3/OS-OAUTH1/request_token", a.createRequestToken)
	a.Public("POST /v3/OS-OAUTH1/access_token", a.createAccessToken)
	a.Handle("PUT /v3/OS-OAUTH1/authorize/{token}", a.authorizeRequestToken)
	a.Handle("GET /v3/users/{user}/OS-OAUTH1/access_tokens", a.listAccessTokens)
	a.Handle("GET /v3/users/{user}/OS-OAUTH1/access_tokens/{token}", a.showAccessToken)
	a.Handle("DELETE /v3/users/{user}/OS-OAUTH1/access_tokens/{token}", a.empty(a.deleteAccessToken))
	a.Handle("GET /v3/users/{user}/OS-OAUTH1/access_tokens/{token}/roles", a.listAccessTokenRoles)
	a.Handle("GET /v3/users/{user}/OS-OAUTH1/access_tokens/{token}/roles/{role}", a.showAccessTokenRole)
}

func accessTokenID(r *http.Request) cloud.DelegationID {
	return cloud.DelegationID(r.PathValue("token"))
}

// signature reads how a request is signed.
func (a *api) signature(r *http.Request) (*identity.Signature, error) {
	q, err := oauthsign.Read(r)
	if err != nil {
		return nil, cloud.Invalidf("request", "Authorization", "The request is not signed as OAuth 1.0 has it: %s.", err)
	}
	return &identity.Signature{Application: cloud.ApplicationID(q.Consumer), Key: q.Token, Verifier: q.Verifier, At: q.At, Nonce: q.Nonce,
		Verify: func(application, key string) bool {
			return q.Verify(application, key, a.addresses(r)...)
		}}, nil
}

// addresses are those that the client may mean by the one it asked. Behind a proxy it may know the public one only, and some
// sign the address that they signed in at and then ask the one in the catalog.
func (a *api) addresses(r *http.Request) (all []string) {
	for _, base := range []string{openstack.BaseURL(r), a.base(r)} {
		all = append(all, base+a.prefix+r.URL.EscapedPath(), base+r.URL.EscapedPath())
	}
	return all
}

// writeKey answers as OAuth has it: a form.
func writeKey[ID ~string](w http.ResponseWriter, key identity.SignedKey[ID], ends time.Time) error {
	form := url.Values{"oauth_token": {string(key.ID)}, "oauth_token_secret": {key.Secret}}
	w.Header().Set("Content-Type", "application/x-www-form-urlencoded")
	w.WriteHeader(http.StatusCreated)
	_, err := w.Write([]byte(form.Encode() + "&oauth_expires_at=" + ends.Format(tokenTime))) // colons as they are: some clients cut the form by hand
	return err
}

func (a *api) createRequestToken(w http.ResponseWriter, r *http.Request) error {
	sig, err := a.signature(r)
	if err != nil {
		return err
	}
	const header = "Requested-Project-Id"
	project := cloud.ProjectID(r.Header.Get(header))
	if project == "" {
		return cloud.Invalidf("request", header, "The header %s is missing.", header)
	}
	key, ends, err := a.identity.RequestDelegation(r.Context(), *sig, project)
	if err != nil {
		return err
	}
	return writeKey(w, key, ends)
}

func (a *api) authorizeRequestToken(w http.ResponseWriter, r *http.Request) error {
	var b struct {
		Roles []roleRef `json:"roles"`
	}
	if err := openstack.Decode(r, &b); err != nil {
		return err
	}
	verifier, err := a.identity.GrantDelegation(r.Context(), cloud.DelegationRequestID(r.PathValue("token")), roleRefs(b.Roles))
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "token", object{"oauth_verifier": verifier})
}

func (a *api) createAccessToken(w http.ResponseWriter, r *http.Request) error {
	sig, err := a.signature(r)
	if err != nil {
		return err
	}
	for name, value := range map[string]string{"oauth_token": sig.Key, "oauth_verifier": sig.Verifier} {
		if value == "" {
			return cloud.Invalidf("request", name, "The parameter %s is missing.", name)
		}
	}
	key, ends, err := a.identity.CreateDelegation(r.Context(), *sig)
	if err != nil {
		return err
	}
	return writeKey(w, key, ends)
}

func (a *api) accessTokenObject(r *http.Request) func(*cloud.Delegation) object {
	return func(d *cloud.Delegation) object {
		links := a.self(r, "users", string(d.UserID), "OS-OAUTH1", "access_tokens", string(d.ID))
		links["roles"] = links["self"].(string) + "/roles"
		return object{"id": string(d.ID), "consumer_id": d.ApplicationID, "project_id": d.ProjectID, "authorizing_user_id": d.UserID,
			"expires_at": d.ExpiresAt.Format(tokenTime), "links": links}
	}
}

func (a *api) listAccessTokens(w http.ResponseWriter, r *http.Request) error {
	f, err := filter(r)
	if err != nil {
		return err
	}
	list, err := a.identity.ListDelegations(r.Context(), userID(r), f)
	if err != nil {
		return err
	}
	return a.list(w, r, "access_tokens", each(list, a.accessTokenObject(r)), f.Limit)
}

func (a *api) showAccessToken(w http.ResponseWriter, r *http.Request) error {
	d, err := a.identity.Delegation(r.Context(), userID(r), accessTokenID(r))
	if err != nil {
		return err
	}
	return one(w, http.StatusOK, "access_token", a.accessTokenObject(r)(d))
}

func (a *api) deleteAccessToken(r *http.Request) error {
	return a.identity.DeleteDelegation(r.Context(), userID(r), accessTokenID(r))
}

func (a *api) accessTokenRoles(r *http.Request) ([]*cloud.Role, error) {
	d, err := a.identity.Delegation(r.Context(), userID(r), accessTokenID(r))
	if err != nil {
		return nil, err
	}
	return a.identity.RolesOf(r.Context(), d.Roles)
}

func (a *api) listAccessTokenRoles(w http.ResponseWriter, r *http.Request) error {
	roles, err := a.accessTokenRoles(r)
	if err != nil {
		return err
	}
	return a.list(w, r, "roles", each(roles, a.roleObject(r)), 0)
}

func (a *api) showAccessTokenRole(w http.ResponseWriter, r *http.Request) error {
	roles, err := a.accessTokenRoles(r)
	if err != nil {
		return err
	}
	return a.writeRoleOf(w, r, roles)
}

// writeRoleOf answers the role that the path names, if it is among these.
func (a *api) writeRoleOf(w http.ResponseWriter, r *http.Request, roles []*cloud.Role) error {
	i := slices.IndexFunc(roles, func(role *cloud.Role) bool { return role.ID == roleID(r) })
	if i < 0 {
		return cloud.NotFoundf("role", roleID(r))
	}
	return one(w, http.StatusOK, "role", a.roleObject(r)(roles[i]))
}
