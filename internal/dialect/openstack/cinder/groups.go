package cinder

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/volume"
)

func (a *api) groupRoutes(s *openstack.Service) {
	s.Handle("GET /v3/groups", since(13, a.listGroups))
	s.Handle("GET /v3/groups/detail", since(13, a.listGroupsDetail))
	s.Handle("POST /v3/groups", since(13, a.createGroup))
	s.Handle("POST /v3/groups/action", since(14, a.copyGroup))
	s.Handle("GET /v3/groups/{id}", since(13, a.showGroup))
	s.Handle("PUT /v3/groups/{id}", since(13, a.updateGroup))
	s.Handle("POST /v3/groups/{id}/action", since(13, a.groupAction))
}

func groupID(r *http.Request) cloud.VolumeGroupID { return cloud.VolumeGroupID(r.PathValue("id")) }

var groupColumns = openstack.SortColumns{"id": "id", "name": "name", "status": "state", "created_at": "created_at", "updated_at": "updated_at",
	"group_type_id": "group_type_id", "description": "description", "availability_zone": "zone", "user_id": "user_id", "project_id": "project_id"}

var groupFilters = filters[cloud.VolumeGroup]{
	"id": column[cloud.VolumeGroup]("id"), "name": column[cloud.VolumeGroup]("name"), "name~": part[cloud.VolumeGroup]("name"),
	"description": column[cloud.VolumeGroup]("description"), "user_id": column[cloud.VolumeGroup]("user_id"),
	"availability_zone": column[cloud.VolumeGroup]("zone"), "group_type_id": column[cloud.VolumeGroup]("group_type_id"),
	"group_snapshot_id": column[cloud.VolumeGroup]("group_snapshot_id"), "source_group_id": column[cloud.VolumeGroup]("source_group_id"),
	"status": kept(func(g *cloud.VolumeGroup, status string) bool { return states[g.State] == status }),
}

// groupViewer knows what the views of some groups need besides their rows.
type groupViewer struct {
	version openstack.Version
	members map[cloud.VolumeGroupID][]cloud.VolumeID // nil unless they were asked for
}

// groupViewer fetches the groups' volumes if the client asks to see them (3.25).
func (a *api) groupViewer(r *http.Request, groups []*cloud.VolumeGroup) (*groupViewer, error) {
	v := &groupViewer{version: openstack.VersionOf(r)}
	if !v.version.AtLeast(3, 25) || !truth(r.URL.Query(), "list_volume") {
		return v, nil
	}
	ids := make([]cloud.VolumeGroupID, len(groups))
	for n, g := range groups {
		ids[n] = g.ID
	}
	var err error
	v.members, err = a.volumes.GroupMembers(r.Context(), ids)
	return v, err
}

// summary is a group in the short list and in the answers to creates.
func (v *groupViewer) summary(g *cloud.VolumeGroup) map[string]any {
	return map[string]any{"id": g.ID, "name": g.Name}
}

func (v *groupViewer) detail(g *cloud.VolumeGroup) map[string]any {
	m := v.summary(g)
	m["status"], m["description"], m["availability_zone"] = states[g.State], orNull(g.Description), g.Zone
	m["created_at"], m["group_type"], m["volume_types"] = stamp(g.CreatedAt), g.GroupTypeID, g.VolumeTypes
	if v.version.AtLeast(3, 14) {
		m["group_snapshot_id"], m["source_group_id"] = orNull(string(g.GroupSnapshotID)), orNull(string(g.SourceGroupID))
	}
	if v.members != nil {
		m["volumes"] = append([]cloud.VolumeID{}, v.members[g.ID]...)
	}
	if v.version.AtLeast(3, 38) {
		m["replication_status"] = "disabled"
	}
	if v.version.AtLeast(3, 58) {
		m["project_id"] = g.ProjectID
	}
	return m
}

func (a *api) listGroups(w http.ResponseWriter, r *http.Request) error {
	return a.writeGroups(w, r, (*groupViewer).summary)
}

func (a *api) listGroupsDetail(w http.ResponseWriter, r *http.Request) error {
	return a.writeGroups(w, r, (*groupViewer).detail)
}

func (a *api) writeGroups(w http.ResponseWriter, r *http.Request, view func(*groupViewer, *cloud.VolumeGroup) map[string]any) error {
	return writeRows(w, r, "groups", groupColumns, groupFilters, a.volumes.ListGroups, func(rows []*cloud.VolumeGroup) (viewRow[cloud.VolumeGroup], error) {
		v, err := a.groupViewer(r, rows)
		return func(g *cloud.VolumeGroup) (map[string]any, string) { return view(v, g), string(g.ID) }, err
	})
}

func (a *api) showGroup(w http.ResponseWriter, r *http.Request) error {
	g, err := a.volumes.Group(r.Context(), groupID(r))
	if err != nil {
		return err
	}
	v, err := a.groupViewer(r, []*cloud.VolumeGroup{g})
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"group": v.detail(g)})
}

func writeNewGroup(w http.ResponseWriter, g *cloud.VolumeGroup, err error) error {
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusAccepted, map[string]any{"group": (*groupViewer)(nil).summary(g)})
}

func (a *api) createGroup(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Group *struct {
			Name        string   `json:"name"`
			Description string   `json:"description"`
			GroupType   string   `json:"group_type"`
			VolumeTypes []string `json:"volume_types"`
			Zone        string   `json:"availability_zone"`
		} `json:"group"`
	}
	if err := openstack.Decode(r, &body); err != nil {
		return err
	}
	b := body.Group
	if b == nil {
		return missing("group")
	}
	if b.GroupType == "" {
		return missing("group_type")
	}
	g, err := a.volumes.CreateGroup(r.Context(), volume.GroupRequest{Name: b.Name, Description: b.Description, GroupType: b.GroupType,
		VolumeTypes: b.VolumeTypes, Zone: b.Zone})
	return writeNewGroup(w, g, err)
}

// copyGroup makes a group from a group snapshot or from another group.
func (a *api) copyGroup(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Source *struct {
			Name            string                `json:"name"`
			Description     string                `json:"description"`
			GroupSnapshotID cloud.GroupSnapshotID `json:"group_snapshot_id"`
			SourceGroupID   cloud.VolumeGroupID   `json:"source_group_id"`
		} `json:"create-from-src"`
	}
	if err := openstack.Decode(r, &body); err != nil {
		return err
	}
	b := body.Source
	if b == nil {
		return missing("create-from-src")
	}
	g, err := a.volumes.CopyGroup(r.Context(), volume.GroupSource{Name: b.Name, Description: b.Description,
		GroupSnapshotID: b.GroupSnapshotID, GroupID: b.SourceGroupID})
	return writeNewGroup(w, g, err)
}

func (a *api) updateGroup(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Group *struct {
			Name        *string `json:"name"`
			Description *string `json:"description"`
			Add         string  `json:"add_volumes"`
			Remove      string  `json:"remove_volumes"`
		} `json:"group"`
	}
	if err := openstack.Decode(r, &body); err != nil {
		return err
	}
	b := body.Group
	if b == nil {
		return missing("group")
	}
	_, err := a.volumes.UpdateGroup(r.Context(), groupID(r), volume.GroupChange{Name: b.Name, Description: b.Description,
		Add: volumeIDs(b.Add), Remove: volumeIDs(b.Remove)})
	return accepted(w, err)
}

// volumeIDs reads ids with commas between them.
func volumeIDs(list string) []cloud.VolumeID {
	var ids []cloud.VolumeID
	for id := range strings.SplitSeq(list, ",") {
		if id = strings.TrimSpace(id); id != "" {
			ids = append(ids, cloud.VolumeID(id))
		}
	}
	return ids
}

var groupActions = map[string]action{
	"delete":                   (*api).deleteGroup,
	"reset_status":             later(20, (*api).resetGroup),
	"enable_replication":       later(38, notReplicated),
	"disable_replication":      later(38, notReplicated),
	"failover_replication":     later(38, notReplicated),
	"list_replication_targets": later(38, notReplicated),
}

// later hides an action from requests of microversions before 3.minor.
func later(minor int, do action) action {
	return func(a *api, w http.ResponseWriter, r *http.Request, raw json.RawMessage) error {
		return since(minor, func(w http.ResponseWriter, r *http.Request) error { return do(a, w, r, raw) })(w, r)
	}
}

func (a *api) groupAction(w http.ResponseWriter, r *http.Request) error {
	return a.act(groupActions, w, r)
}

func (a *api) deleteGroup(w http.ResponseWriter, r *http.Request, raw json.RawMessage) error {
	var body struct {
		WithVolumes json.RawMessage `json:"delete-volumes"`
	}
	if err := openstack.DecodeBytes(raw, &body); err != nil {
		return err
	}
	all, err := optionalTruth("delete-volumes", body.WithVolumes)
	if err != nil {
		return err
	}
	return accepted(w, a.volumes.DeleteGroup(r.Context(), groupID(r), all))
}

func (a *api) resetGroup(w http.ResponseWriter, r *http.Request, raw json.RawMessage) error {
	state, err := readGroupState(raw)
	if err != nil {
		return err
	}
	return accepted(w, a.volumes.ResetGroup(r.Context(), groupID(r), state))
}

// groupResets are the statuses that an administrator may give a group or group snapshot.
var groupResets = map[string]cloud.VolumeState{"creating": cloud.VolumeCreating, "available": cloud.VolumeAvailable,
	"deleting": cloud.VolumeDeleting, "error": cloud.VolumeFailed, "error_deleting": cloud.VolumeFailed}

func readGroupState(raw json.RawMessage) (cloud.VolumeState, error) {
	var body struct {
		Status string `json:"status"`
	}
	if err := openstack.DecodeBytes(raw, &body); err != nil {
		return "", err
	}
	state, ok := groupResets[body.Status]
	if !ok {
		return "", cloud.Invalidf("group", "status", "The status of a group cannot be reset to '%s'.", body.Status)
	}
	return state, nil
}

// notReplicated answers what is asked of a group's copies elsewhere: no pool here has any.
func notReplicated(a *api, _ http.ResponseWriter, r *http.Request, _ json.RawMessage) error {
	g, err := a.volumes.Group(r.Context(), groupID(r))
	if err != nil {
		return err
	}
	return cloud.Invalidf("group", "replication", "Invalid group type: the type of group %s, %s, does not have replication.", g.ID, g.GroupTypeID)
}
