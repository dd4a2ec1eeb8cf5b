package nova

import (
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/volume"
)

// volumeStatuses are our states in Block Storage's words.
var volumeStatuses = map[cloud.VolumeState]string{cloud.VolumeCreating: "creating", cloud.VolumeAvailable: "available", cloud.VolumeReserved: "reserved",
	cloud.VolumeAttached: "in-use", cloud.VolumeDeleting: "deleting", cloud.VolumeFailed: "error", cloud.VolumeMaintenance: "maintenance"}

func (a *api) volumeViews(r *http.Request, list []*cloud.Volume) ([]any, error) {
	ids := make([]cloud.VolumeID, len(list))
	for i, v := range list {
		ids[i] = v.ID
	}
	attachments, err := a.Volumes.AttachmentsOf(r.Context(), ids)
	if err != nil {
		return nil, err
	}
	types, err := a.Volumes.TypeNames(r.Context())
	if err != nil {
		return nil, err
	}
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = volumeView(v, types[v.TypeID], attachments[v.ID])
	}
	return out, nil
}

// volumeView shows an empty attachment for none, as Compute did.
func volumeView(v *cloud.Volume, kind string, attachments []*cloud.Attachment) map[string]any {
	shown := []any{}
	for _, at := range attachments {
		if at.InstanceID != "" {
			shown = append(shown, map[string]any{"id": v.ID, "volumeId": v.ID, "serverId": at.InstanceID, "device": at.Device})
		}
	}
	if len(shown) == 0 {
		shown = append(shown, map[string]any{})
	}
	return map[string]any{"id": v.ID, "status": volumeStatuses[v.State], "size": v.SizeGiB, "availabilityZone": v.Zone,
		"createdAt": v.CreatedAt.UTC().Format(microSeconds), "displayName": v.Name, "displayDescription": v.Description,
		"volumeType": orNull(kind), "snapshotId": orNull(string(v.SnapshotID)), "metadata": orEmpty(v.Properties), "attachments": shown}
}

func (a *api) writeVolume(w http.ResponseWriter, r *http.Request, v *cloud.Volume) error {
	views, err := a.volumeViews(r, []*cloud.Volume{v})
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"volume": views[0]})
}

// window cuts a list as the proxies did: offset and limit, no markers.
func window[T any](r *http.Request, list []T) ([]T, error) {
	q := r.URL.Query()
	for _, key := range []string{"offset", "limit"} {
		if q.Get(key) == "" {
			continue
		}
		var n looseInt
		if err := n.UnmarshalJSON([]byte(q.Get(key))); err != nil || n < 0 {
			return nil, cloud.Invalidf("request", key, "%s param must be an integer that is not negative.", key)
		}
		at := min(int(n), len(list))
		if key == "offset" {
			list = list[at:]
		} else {
			list = list[:at]
		}
	}
	return list, nil
}

func (a *api) listVolumes(w http.ResponseWriter, r *http.Request) error {
	list, err := a.Volumes.List(r.Context(), volume.Filter[cloud.Volume]{})
	if err != nil {
		return err
	}
	if list, err = window(r, list); err != nil {
		return err
	}
	views, err := a.volumeViews(r, list)
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"volumes": views})
}

func (a *api) showVolume(w http.ResponseWriter, r *http.Request) error {
	v, err := a.Volumes.Volume(r.Context(), cloud.VolumeID(r.PathValue("id")))
	if err != nil {
		return err
	}
	return a.writeVolume(w, r, v)
}

func (a *api) createVolume(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Volume *struct {
			Size        *looseInt         `json:"size"`
			Name        *string           `json:"display_name"`
			Description *string           `json:"display_description"`
			Type        *string           `json:"volume_type"`
			Snapshot    *string           `json:"snapshot_id"`
			Zone        *string           `json:"availability_zone"`
			Metadata    map[string]string `json:"metadata"`
		} `json:"volume"`
	}
	if err := openstack.Decode(r, &body); err != nil {
		return err
	}
	b := body.Volume
	if b == nil || b.Size == nil {
		return cloud.Invalidf("request", "size", "Invalid input for field/attribute volume. 'size' is a required property")
	}
	if *b.Size < 1 {
		return cloud.Invalidf("request", "size", "Invalid input for field/attribute size. %d is less than the minimum of 1", *b.Size)
	}
	v, err := a.Volumes.CreateVolume(r.Context(), volume.CreateRequest{Name: deref(b.Name), Description: deref(b.Description), SizeGiB: int(*b.Size),
		TypeName: deref(b.Type), SnapshotID: cloud.SnapshotID(deref(b.Snapshot)), Zone: deref(b.Zone), Properties: b.Metadata})
	if err != nil {
		return err
	}
	return a.writeVolume(w, r, v)
}

func (a *api) deleteVolume(w http.ResponseWriter, r *http.Request) error {
	return accept(w, refused(a.Volumes.Delete(r.Context(), volume.DeleteRequest{ID: cloud.VolumeID(r.PathValue("id")), UnlessSnapshots: true})))
}

func snapshotView(s *cloud.Snapshot) map[string]any {
	return map[string]any{"id": s.ID, "volumeId": s.VolumeID, "status": volumeStatuses[s.State], "size": s.SizeGiB,
		"createdAt": s.CreatedAt.UTC().Format(microSeconds), "displayName": s.Name, "displayDescription": s.Description}
}

func writeSnapshot(w http.ResponseWriter, s *cloud.Snapshot) error {
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"snapshot": snapshotView(s)})
}

func (a *api) listSnapshots(w http.ResponseWriter, r *http.Request) error {
	list, err := a.Volumes.ListSnapshots(r.Context(), volume.Filter[cloud.Snapshot]{})
	if err != nil {
		return err
	}
	if list, err = window(r, list); err != nil {
		return err
	}
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = snapshotView(s)
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"snapshots": out})
}

func (a *api) showSnapshot(w http.ResponseWriter, r *http.Request) error {
	s, err := a.Volumes.Snapshot(r.Context(), cloud.SnapshotID(r.PathValue("id")))
	if err != nil {
		return err
	}
	return writeSnapshot(w, s)
}

func (a *api) createSnapshot(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Snapshot *struct {
			VolumeID    cloud.VolumeID `json:"volume_id"`
			Name        *string        `json:"display_name"`
			Description *string        `json:"display_description"`
			Force       looseBool      `json:"force"`
		} `json:"snapshot"`
	}
	if err := openstack.Decode(r, &body); err != nil {
		return err
	}
	b := body.Snapshot
	if b == nil || b.VolumeID == "" {
		return cloud.Invalidf("request", "volume_id", "Invalid input for field/attribute snapshot. 'volume_id' is a required property")
	}
	s, err := a.Volumes.CreateSnapshot(r.Context(), volume.SnapshotRequest{VolumeID: b.VolumeID, Name: deref(b.Name), Description: deref(b.Description), Force: bool(b.Force)})
	if err != nil {
		return refused(err)
	}
	return writeSnapshot(w, s)
}

func (a *api) deleteSnapshot(w http.ResponseWriter, r *http.Request) error {
	return accept(w, refused(a.Volumes.DeleteSnapshot(r.Context(), cloud.SnapshotID(r.PathValue("id")), false)))
}
