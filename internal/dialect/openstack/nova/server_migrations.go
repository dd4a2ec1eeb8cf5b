package nova

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

// liveMigrationView shows a move of a running server. How much of its memory and disks is on the other side no hypervisor
// of ours tells.
func liveMigrationView(r *http.Request, m *cloud.Migration) map[string]any {
	v := map[string]any{"id": m.Number, "server_uuid": m.InstanceID, "status": migrationStatus(m), "source_compute": m.Source, "source_node": m.Source,
		"dest_compute": orNull(m.Target), "dest_node": orNull(m.Target), "dest_host": orNull(m.TargetAddress),
		"created_at": m.CreatedAt.UTC().Format(microSeconds), "updated_at": m.UpdatedAt.UTC().Format(microSeconds)}
	for _, part := range []string{"memory", "disk"} {
		for _, how := range []string{"total", "processed", "remaining"} {
			v[part+"_"+how+"_bytes"] = nil
		}
	}
	if atLeast(r, 59) {
		v["uuid"] = m.ID
	}
	if atLeast(r, 80) {
		v["project_id"], v["user_id"] = m.ProjectID, m.UserID
	}
	return v
}

// listServerMigrations lists only what is going on, and live: of the rest tells os-migrations.
func (a *api) listServerMigrations(w http.ResponseWriter, r *http.Request) error {
	if err := since(r, 23); err != nil {
		return err
	}
	list, err := a.Compute.MovingLive(r.Context(), serverID(r))
	if err != nil {
		return err
	}
	out := make([]any, len(list))
	for i, m := range list {
		out[i] = liveMigrationView(r, m)
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"migrations": out})
}

// movingLive finds the migration that the path names.
func (a *api) movingLive(r *http.Request) (*cloud.Migration, error) {
	list, err := a.Compute.MovingLive(r.Context(), serverID(r))
	if err != nil {
		return nil, err
	}
	id := r.PathValue("migration")
	for _, m := range list {
		if strconv.FormatInt(m.Number, 10) == id {
			return m, nil
		}
	}
	return nil, cloud.Errorf(cloud.NotFound, "migration", id, "In-progress live migration %s is not found for server %s.", id, serverID(r))
}

func (a *api) showServerMigration(w http.ResponseWriter, r *http.Request) error {
	if err := since(r, 23); err != nil {
		return err
	}
	m, err := a.movingLive(r)
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"migration": liveMigrationView(r, m)})
}

func (a *api) abortMigration(_ http.ResponseWriter, r *http.Request) error {
	if err := since(r, 24); err != nil {
		return err
	}
	return a.leftAlone(r)
}

func (a *api) forceMigration(_ http.ResponseWriter, r *http.Request) error {
	if err := since(r, 22); err != nil {
		return err
	}
	var body struct {
		Force json.RawMessage `json:"force_complete"`
	}
	if err := openstack.DecodeStrict(r, &body); err != nil {
		return err
	}
	if string(body.Force) != "null" {
		return cloud.Invalidf("request", "force_complete", "Invalid input: 'force_complete' is a required property, and null")
	}
	return a.leftAlone(r)
}

// leftAlone refuses to meddle with a live migration: see compute.MigrateLive for why there is none to be found.
func (a *api) leftAlone(r *http.Request) error {
	m, err := a.movingLive(r)
	if err != nil {
		return err
	}
	return cloud.Errorf(cloud.WrongState, "migration", strconv.FormatInt(m.Number, 10), "Migration %d of server %s cannot be hurried or stopped.", m.Number, m.InstanceID)
}
