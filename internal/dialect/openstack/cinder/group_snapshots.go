package cinder

import (
	"encoding/json"
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/volume"
)

func (a *api) groupSnapshotRoutes(s *openstack.Service) {
	s.Handle("GET /v3/group_snapshots", since(14, a.listGroupSnapshots))
	s.Handle("GET /v3/group_snapshots/detail", since(14, a.listGroupSnapshotsDetail))
	s.Handle("POST /v3/group_snapshots", since(14, a.createGroupSnapshot))
	s.Handle("GET /v3/group_snapshots/{id}", since(14, a.showGroupSnapshot))
	s.Handle("DELETE /v3/group_snapshots/{id}", since(14, a.deleteGroupSnapshot))
	s.Handle("POST /v3/group_snapshots/{id}/action", since(19, a.groupSnapshotAction))
}

func groupSnapshotID(r *http.Request) cloud.GroupSnapshotID {
	return cloud.GroupSnapshotID(r.PathValue("id"))
}

var groupSnapshotColumns = openstack.SortColumns{"id": "id", "name": "name", "status": "state", "created_at": "created_at", "updated_at": "updated_at",
	"group_id": "group_id", "group_type_id": "group_type_id", "description": "description", "user_id": "user_id", "project_id": "project_id"}

var groupSnapshotFilters = filters[cloud.GroupSnapshot]{
	"id": column[cloud.GroupSnapshot]("id"), "name": column[cloud.GroupSnapshot]("name"), "name~": part[cloud.GroupSnapshot]("name"),
	"description": column[cloud.GroupSnapshot]("description"), "user_id": column[cloud.GroupSnapshot]("user_id"),
	"group_id": column[cloud.GroupSnapshot]("group_id"), "group_type_id": column[cloud.GroupSnapshot]("group_type_id"),
	"status": kept(func(n *cloud.GroupSnapshot, status string) bool { return states[n.State] == status }),
}

type groupSnapshotView func(*cloud.GroupSnapshot, openstack.Version) map[string]any

// groupSnapshotSummary is a group snapshot in the short list.
func groupSnapshotSummary(n *cloud.GroupSnapshot, _ openstack.Version) map[string]any {
	return map[string]any{"id": n.ID, "name": n.Name}
}

// groupSnapshotMade is a group snapshot in the answer to a create.
func groupSnapshotMade(n *cloud.GroupSnapshot, v openstack.Version) map[string]any {
	m := groupSnapshotSummary(n, v)
	m["group_type_id"] = n.GroupTypeID
	return m
}

func groupSnapshotDetail(n *cloud.GroupSnapshot, v openstack.Version) map[string]any {
	m := groupSnapshotMade(n, v)
	m["status"], m["description"], m["created_at"], m["group_id"] = states[n.State], orNull(n.Description), stamp(n.CreatedAt), n.GroupID
	if v.AtLeast(3, 58) {
		m["project_id"] = n.ProjectID
	}
	return m
}

func (a *api) listGroupSnapshots(w http.ResponseWriter, r *http.Request) error {
	return a.writeGroupSnapshots(w, r, groupSnapshotSummary)
}

func (a *api) listGroupSnapshotsDetail(w http.ResponseWriter, r *http.Request) error {
	return a.writeGroupSnapshots(w, r, groupSnapshotDetail)
}

func (a *api) writeGroupSnapshots(w http.ResponseWriter, r *http.Request, view groupSnapshotView) error {
	return writeList(w, r, "group_snapshots", groupSnapshotColumns, groupSnapshotFilters, a.volumes.ListGroupSnapshots,
		func(n *cloud.GroupSnapshot) (map[string]any, string) {
			return view(n, openstack.VersionOf(r)), string(n.ID)
		})
}

func writeGroupSnapshot(w http.ResponseWriter, r *http.Request, code int, n *cloud.GroupSnapshot, err error, view groupSnapshotView) error {
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, code, map[string]any{"group_snapshot": view(n, openstack.VersionOf(r))})
}

func (a *api) showGroupSnapshot(w http.ResponseWriter, r *http.Request) error {
	n, err := a.volumes.GroupSnapshot(r.Context(), groupSnapshotID(r))
	return writeGroupSnapshot(w, r, http.StatusOK, n, err, groupSnapshotDetail)
}

func (a *api) createGroupSnapshot(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Snapshot *struct {
			GroupID     cloud.VolumeGroupID `json:"group_id"`
			Name        string              `json:"name"`
			Description string              `json:"description"`
		} `json:"group_snapshot"`
	}
	if err := openstack.Decode(r, &body); err != nil {
		return err
	}
	b := body.Snapshot
	if b == nil || b.GroupID == "" {
		return missing("group_id")
	}
	n, err := a.volumes.CreateGroupSnapshot(r.Context(), volume.GroupSnapshotRequest{GroupID: b.GroupID, Name: b.Name, Description: b.Description})
	return writeGroupSnapshot(w, r, http.StatusAccepted, n, err, groupSnapshotMade)
}

func (a *api) deleteGroupSnapshot(w http.ResponseWriter, r *http.Request) error {
	return accepted(w, a.volumes.DeleteGroupSnapshot(r.Context(), groupSnapshotID(r)))
}

var groupSnapshotActions = map[string]action{"reset_status": (*api).resetGroupSnapshot}

func (a *api) groupSnapshotAction(w http.ResponseWriter, r *http.Request) error {
	return a.act(groupSnapshotActions, w, r)
}

func (a *api) resetGroupSnapshot(w http.ResponseWriter, r *http.Request, raw json.RawMessage) error {
	state, err := readGroupState(raw)
	if err != nil {
		return err
	}
	return accepted(w, a.volumes.ResetGroupSnapshot(r.Context(), groupSnapshotID(r), state))
}
