package cinder

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/volume"
)

var snapshotColumns = openstack.SortColumns{"id": "id", "name": "name", "display_name": "name", "size": "size_gib", "status": "state", "created_at": "created_at",
	"updated_at": "updated_at", "volume_id": "volume_id", "description": "description", "user_id": "user_id", "project_id": "project_id"}

var snapshotFilters = filters[cloud.Snapshot]{
	"id": column[cloud.Snapshot]("id"), "name": column[cloud.Snapshot]("name"), "name~": part[cloud.Snapshot]("name"),
	"display_name": column[cloud.Snapshot]("name"), "description": column[cloud.Snapshot]("description"),
	"volume_id": column[cloud.Snapshot]("volume_id"), "user_id": column[cloud.Snapshot]("user_id"),
	"group_snapshot_id": column[cloud.Snapshot]("group_snapshot_id"),
	"status":            kept(func(s *cloud.Snapshot, status string) bool { return snapshotStatus(s) == status }),
	"metadata":          pairs(func(s *cloud.Snapshot) map[string]string { return s.Properties }),
	"created_at":        moment("created_at", (*cloud.Snapshot).Stored),
	"updated_at":        moment("updated_at", (*cloud.Snapshot).Stored),
}

// snapshotSummary is a snapshot in the short list and in the answers to create and update.
func snapshotSummary(s *cloud.Snapshot, v openstack.Version) map[string]any {
	m := map[string]any{"id": s.ID, "name": s.Name, "description": orNull(s.Description), "volume_id": s.VolumeID, "size": s.SizeGiB,
		"status": snapshotStatus(s), "created_at": stamp(s.CreatedAt), "updated_at": stamp(s.UpdatedAt), "metadata": notNil(s.Properties)}
	if v.AtLeast(3, 14) {
		m["group_snapshot_id"] = orNull(string(s.GroupSnapshotID))
	}
	if v.AtLeast(3, 41) {
		m["user_id"] = s.UserID
	}
	return m
}

func snapshotDetail(s *cloud.Snapshot, v openstack.Version) map[string]any {
	m := snapshotSummary(s, v)
	progress := "0%"
	if s.State == cloud.VolumeAvailable {
		progress = "100%"
	}
	m["os-extended-snapshot-attributes:progress"] = progress
	m["os-extended-snapshot-attributes:project_id"] = s.ProjectID
	return m
}

func (a *api) listSnapshots(w http.ResponseWriter, r *http.Request) error {
	return a.writeSnapshots(w, r, snapshotSummary)
}

func (a *api) listSnapshotsDetail(w http.ResponseWriter, r *http.Request) error {
	return a.writeSnapshots(w, r, snapshotDetail)
}

func (a *api) writeSnapshots(w http.ResponseWriter, r *http.Request, view snapshotView) error {
	return writeList(w, r, "snapshots", snapshotColumns, snapshotFilters, a.volumes.ListSnapshots,
		func(s *cloud.Snapshot) (map[string]any, string) { return view(s, openstack.VersionOf(r)), string(s.ID) })
}

func (a *api) createSnapshot(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Snapshot *struct {
			Volume             openstack.Optional[cloud.VolumeID] `json:"volume_id"`
			Name               string                             `json:"name"`
			DisplayName        string                             `json:"display_name"`
			Description        string                             `json:"description"`
			DisplayDescription string                             `json:"display_description"`
			Force              json.RawMessage                    `json:"force"`
			Metadata           map[string]string                  `json:"metadata"`
		} `json:"snapshot"`
	}
	if err := openstack.Decode(r, &body); err != nil {
		return err
	}
	s := body.Snapshot
	if s == nil || !s.Volume.Set {
		return missing("volume_id")
	}
	force, err := optionalTruth("force", s.Force)
	if err != nil {
		return err
	}
	row, err := a.volumes.CreateSnapshot(r.Context(), volume.SnapshotRequest{VolumeID: s.Volume.Value, Name: first(s.Name, s.DisplayName),
		Description: first(s.Description, s.DisplayDescription), Properties: s.Metadata, Force: force})
	return writeSnapshot(w, r, http.StatusAccepted, row, err, snapshotSummary)
}

func optionalTruth(field string, raw json.RawMessage) (bool, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return false, nil
	}
	return truthOf(field, raw)
}

type snapshotView func(*cloud.Snapshot, openstack.Version) map[string]any

func writeSnapshot(w http.ResponseWriter, r *http.Request, code int, row *cloud.Snapshot, err error, view snapshotView) error {
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, code, map[string]any{"snapshot": view(row, openstack.VersionOf(r))})
}

func (a *api) showSnapshot(w http.ResponseWriter, r *http.Request) error {
	row, err := a.volumes.Snapshot(r.Context(), snapshotID(r))
	return writeSnapshot(w, r, http.StatusOK, row, err, snapshotDetail)
}

func (a *api) updateSnapshot(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Snapshot *updateFacts `json:"snapshot"`
	}
	if err := openstack.Decode(r, &body); err != nil {
		return err
	}
	if body.Snapshot == nil {
		return missing("snapshot")
	}
	row, err := a.volumes.UpdateSnapshot(r.Context(), snapshotID(r), body.Snapshot.apply)
	return writeSnapshot(w, r, http.StatusOK, row, err, snapshotSummary)
}

func (a *api) deleteSnapshot(w http.ResponseWriter, r *http.Request) error {
	return accepted(w, a.volumes.DeleteSnapshot(r.Context(), snapshotID(r), false))
}

var snapshotActions = map[string]action{
	"os-reset_status":           (*api).resetSnapshot,
	"os-force_delete":           (*api).forceDeleteSnapshot,
	"os-update_snapshot_status": (*api).updateSnapshotStatus,
	"os-unmanage":               (*api).unmanageSnapshot,
}

func (a *api) snapshotAction(w http.ResponseWriter, r *http.Request) error {
	return a.act(snapshotActions, w, r)
}

func (a *api) resetSnapshot(w http.ResponseWriter, r *http.Request, raw json.RawMessage) error {
	var body struct {
		Status string `json:"status"`
	}
	if err := openstack.DecodeBytes(raw, &body); err != nil {
		return err
	}
	reset, err := resetOf(body.Status)
	if err != nil {
		return err
	}
	return accepted(w, a.volumes.ResetSnapshot(r.Context(), snapshotID(r), reset))
}

// statusSteps are the statuses that a snapshot may be said to have reached, by the one it has. Hosts here report by themselves, so
// only administrators have a word in it.
var statusSteps = map[string][]string{"creating": {"creating", "available", "error"}, "deleting": {"deleting", "error_deleting"}}

func (a *api) updateSnapshotStatus(w http.ResponseWriter, r *http.Request, raw json.RawMessage) error {
	var body struct {
		Status   string `json:"status"`
		Progress string `json:"progress"`
	}
	if err := openstack.DecodeBytes(raw, &body); err != nil {
		return err
	}
	n, err := a.volumes.Snapshot(r.Context(), snapshotID(r))
	if err != nil {
		return err
	}
	if now := snapshotStatus(n); !slices.Contains(statusSteps[now], body.Status) {
		return cloud.Invalidf("snapshot", "status", "Provided snapshot status '%s' is not allowed for a snapshot with status '%s'.", body.Status, now)
	}
	reset, err := resetOf(body.Status)
	if err != nil {
		return err
	}
	return accepted(w, a.volumes.ResetSnapshot(r.Context(), n.ID, reset))
}

func (a *api) forceDeleteSnapshot(w http.ResponseWriter, r *http.Request, _ json.RawMessage) error {
	return accepted(w, a.volumes.DeleteSnapshot(r.Context(), snapshotID(r), true))
}
