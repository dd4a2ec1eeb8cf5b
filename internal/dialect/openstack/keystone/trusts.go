package keystone

import (
	"net/http"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/identity"
)

func (a *api) trustRoutes() {
	a.Handle("GET /v3/OS-TRUST/trusts", a.listTrusts)
	a.Handle("POST /v3/OS-TRUST/trusts", a.createTrust)
	a.Handle("GET /v3/OS-TRUST/trusts/{trust}", a.showTrust)
	a.Handle("DELETE /v3/OS-TRUST/trusts/{trust}", a.deleteTrust)
	a.Handle("GET /v3/OS-TRUST/trusts/{trust}/roles", a.listTrustRoles)
	a.Handle("GET /v3/OS-TRUST/trusts/{trust}/roles/{role}", a.showTrustRole)
}

func trustID(r *http.Request) cloud.TrustID { return cloud.TrustID(r.PathValue("trust")) }

// trustSummary is how trusts stand in lists: without their roles.
func (a *api) trustSummary(r *http.Request) func(*cloud.Trust) object {
	return func(t *cloud.Trust) object {
		return with(t.Extra, object{"id": string(t.ID), "trustor_user_id": t.TrustorID, "trustee_user_id": t.TrusteeID,
			"project_id": orNull(t.ProjectID), "impersonation": t.Impersonation, "expires_at": trustEnd(t.ExpiresAt), "deleted_at": nil,
			"remaining_uses": t.RemainingUses, "redelegation_count": t.RedelegationCount, "redelegated_trust_id": orNull(t.ParentID),
			"links": a.self(r, "OS-TRUST", "trusts", string(t.ID))})
	}
}

// trustEnd writes times as tokens do.
func trustEnd(t *time.Time) any {
	if t == nil {
		return nil
	}
	return t.UTC().Format(tokenTime)
}

func (a *api) writeTrust(w http.ResponseWriter, r *http.Request, status int, t *cloud.Trust) error {
	roles, err := a.identity.RolesOf(r.Context(), t.Roles)
	if err != nil {
		return err
	}
	links := a.self(r, "OS-TRUST", "trusts", string(t.ID), "roles")
	links["next"], links["previous"] = nil, nil
	return one(w, status, "trust", with(a.trustSummary(r)(t), object{"roles": each(roles, a.roleObject(r)), "roles_links": links}))
}

func (a *api) listTrusts(w http.ResponseWriter, r *http.Request) error {
	f, err := filter(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	list, err := a.identity.ListTrusts(r.Context(), identity.TrustFilter{Trustor: cloud.UserID(q.Get("trustor_user_id")),
		Trustee: cloud.UserID(q.Get("trustee_user_id")), Limit: f.Limit, Marker: f.Marker})
	if err != nil {
		return err
	}
	return a.list(w, r, "trusts", each(list, a.trustSummary(r)), f.Limit)
}

func trustRequest(r *http.Request) (v identity.TrustRequest, err error) {
	f, err := read(r, "trust")
	if err != nil {
		return v, err
	}
	f.require("trustor_user_id", "trustee_user_id", "impersonation")
	v = identity.TrustRequest{Trustor: takeOr[cloud.UserID](f, "trustor_user_id", ""), Trustee: takeOr[cloud.UserID](f, "trustee_user_id", ""),
		Project: takeOr[cloud.ProjectID](f, "project_id", ""), Impersonation: takeOr(f, "impersonation", false),
		RemainingUses: takeOr[*int](f, "remaining_uses", nil), Redelegable: takeOr(f, "allow_redelegation", false),
		RedelegationCount: takeOr[*int](f, "redelegation_count", nil)}
	v.Roles = roleRefs(takeOr[[]roleRef](f, "roles", nil))
	if text := takeOr[*string](f, "expires_at", nil); text != nil {
		if v.ExpiresAt, err = parseTime("trust", "expires_at", *text); err != nil {
			return v, err
		}
	}
	v.Extra = f.extra()
	return v, f.err
}

func (a *api) createTrust(w http.ResponseWriter, r *http.Request) error {
	v, err := trustRequest(r)
	if err != nil {
		return err
	}
	t, err := a.identity.CreateTrust(r.Context(), v)
	if err != nil {
		return err
	}
	return a.writeTrust(w, r, http.StatusCreated, t)
}

func (a *api) showTrust(w http.ResponseWriter, r *http.Request) error {
	t, err := a.identity.Trust(r.Context(), trustID(r))
	if err != nil {
		return err
	}
	return a.writeTrust(w, r, http.StatusOK, t)
}

func (a *api) deleteTrust(w http.ResponseWriter, r *http.Request) error {
	if err := a.identity.DeleteTrust(r.Context(), trustID(r)); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}

func (a *api) trustRoles(r *http.Request) ([]*cloud.Role, error) {
	t, err := a.identity.Trust(r.Context(), trustID(r))
	if err != nil {
		return nil, err
	}
	return a.identity.RolesOf(r.Context(), t.Roles)
}

func (a *api) listTrustRoles(w http.ResponseWriter, r *http.Request) error {
	roles, err := a.trustRoles(r)
	if err != nil {
		return err
	}
	return a.list(w, r, "roles", each(roles, a.roleObject(r)), 0)
}

func (a *api) showTrustRole(w http.ResponseWriter, r *http.Request) error {
	roles, err := a.trustRoles(r)
	if err != nil {
		return err
	}
	return a.writeRoleOf(w, r, roles)
}
