package nova

import (
	"encoding/json"
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
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

// evacuate answers the password of the rebuilt server until 2.14, and nothing from then on. From 2.95 on the server stays off.
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
	if err := a.Compute.EvacuateInstance(r.Context(), serverID(r), compute.EvacuateRequest{Host: deref(body.Host), Stopped: atLeast(r, 95)}); err != nil {
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

// liveBody asks for a move of a running server.
type liveBody struct {
	Host           *string         `json:"host"`
	BlockMigration json.RawMessage `json:"block_migration"`
	OverCommit     *looseBool      `json:"disk_over_commit"`
	Force          *looseBool      `json:"force"`
}

// check: disk_over_commit ended with 2.25, which brought "auto", and force came with 2.30 and ended with 2.68.
func (b liveBody) check(r *http.Request) error {
	switch {
	case len(b.BlockMigration) == 0:
		return cloud.Invalidf("request", "block_migration", "Invalid input for field/attribute os-migrateLive. 'block_migration' is a required property")
	case b.OverCommit == nil && !atLeast(r, 25):
		return cloud.Invalidf("request", "disk_over_commit", "Invalid input for field/attribute os-migrateLive. 'disk_over_commit' is a required property")
	case b.OverCommit != nil && atLeast(r, 25):
		return unexpected("disk_over_commit")
	case b.Force != nil && (!atLeast(r, 30) || atLeast(r, 68)):
		return unexpected("force")
	case string(b.BlockMigration) == `"auto"` && atLeast(r, 25):
		return nil
	}
	var on looseBool
	return openstack.DecodeBytes(b.BlockMigration, &on)
}

// migrateLive has the core say why a running server stays where it is.
func migrateLive(a *api, w http.ResponseWriter, r *http.Request, args json.RawMessage) error {
	var body liveBody
	if err := openstack.DecodeBytesStrict(args, &body); err != nil {
		return err
	}
	if err := body.check(r); err != nil {
		return err
	}
	return accept(w, a.Compute.MigrateLive(r.Context(), serverID(r), deref(body.Host)))
}
