package nova

import (
	"encoding/json"
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

// migrate takes no arguments until 2.56, and a host from then on.
func migrate(a *api, w http.ResponseWriter, r *http.Request, args json.RawMessage) error {
	var body struct {
		Host *string `json:"host"`
	}
	if atLeast(r, 56) && given(args) {
		if err := openstack.DecodeBytesStrict(args, &body); err != nil {
			return err
		}
		if body.Host != nil && *body.Host == "" {
			return cloud.Invalidf("request", "host", "Invalid input for field/attribute host. Value: . '' is too short")
		}
	}
	return accept(w, a.Compute.MigrateInstance(r.Context(), serverID(r), deref(body.Host)))
}

// evacuate answers the password of the rebuilt server until 2.14, and nothing from then on.
func evacuate(a *api, w http.ResponseWriter, r *http.Request, args json.RawMessage) error {
	var body struct {
		Host      *string    `json:"host"`
		AdminPass *string    `json:"adminPass"`
		Shared    *looseBool `json:"onSharedStorage"`
		Force     *looseBool `json:"force"`
	}
	if err := openstack.DecodeBytesStrict(args, &body); err != nil {
		return err
	}
	switch {
	case body.Shared != nil && atLeast(r, 14):
		return unexpected("onSharedStorage")
	case body.Force != nil && (!atLeast(r, 29) || atLeast(r, 68)):
		return unexpected("force")
	}
	if err := a.Compute.EvacuateInstance(r.Context(), serverID(r), deref(body.Host)); err != nil {
		return err
	}
	if atLeast(r, 14) {
		return openstack.WriteEmpty(w, http.StatusOK)
	}
	password := deref(body.AdminPass)
	if password == "" {
		password = newPassword()
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"adminPass": password})
}

// migrateLive looks at the request and the server before it says that guests stop to be moved.
func migrateLive(a *api, _ http.ResponseWriter, r *http.Request, args json.RawMessage) error {
	if err := a.Compute.MayMigrateLive(r.Context(), serverID(r)); err != nil {
		return err
	}
	return openstack.NotImplemented("Running servers cannot be moved between the hosts of this cloud: migrate them cold.")
}
