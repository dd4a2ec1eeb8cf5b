package cinder

import (
	"maps"
	"net/http"
	"strconv"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/volume"
)

var volumeColumns = openstack.SortColumns{"id": "id", "name": "name", "display_name": "name", "size": "size_gib", "status": "state", "created_at": "created_at",
	"updated_at": "updated_at", "bootable": "bootable", "availability_zone": "zone", "host": "host_id", "description": "description",
	"volume_type_id": "type_id", "user_id": "user_id", "project_id": "project_id", "multiattach": "multi_attach"}

var volumeFilters = filters[cloud.Volume]{
	"id": column[cloud.Volume]("id"), "name": column[cloud.Volume]("name"), "name~": part[cloud.Volume]("name"),
	"display_name": column[cloud.Volume]("name"),
	"description":  column[cloud.Volume]("description"), "description~": part[cloud.Volume]("description"),
	"availability_zone": column[cloud.Volume]("zone"), "user_id": column[cloud.Volume]("user_id"),
	"snapshot_id": column[cloud.Volume]("snapshot_id"), "source_volid": column[cloud.Volume]("source_volume"),
	"group_id": column[cloud.Volume]("group_id"),
	"bootable": flag[cloud.Volume]("bootable", "bootable"), "multiattach": flag[cloud.Volume]("multiattach", "multi_attach"),
	"status":           kept(func(v *cloud.Volume, s string) bool { return volumeStatus(v) == s }),
	"migration_status": kept(func(v *cloud.Volume, s string) bool { return moves[v.Move] == s }),
	"size":             kept(func(v *cloud.Volume, s string) bool { return strconv.Itoa(v.SizeGiB) == s }),
	"attach_status": kept(func(v *cloud.Volume, s string) bool {
		return (v.State == cloud.VolumeAttached) == (s == "attached")
	}),
	"metadata":        pairs(func(v *cloud.Volume) map[string]string { return v.Properties }),
	"glance_metadata": pairs(func(v *cloud.Volume) map[string]string { return v.ImageProperties }),
	"created_at":      moment("created_at", (*cloud.Volume).Stored),
	"updated_at":      moment("updated_at", (*cloud.Volume).Stored),
}

func (a *api) listVolumes(w http.ResponseWriter, r *http.Request) error {
	return a.writeVolumes(w, r, (*viewer).summary)
}

func (a *api) listVolumesDetail(w http.ResponseWriter, r *http.Request) error {
	return a.writeVolumes(w, r, (*viewer).detail)
}

func (a *api) writeVolumes(w http.ResponseWriter, r *http.Request, view func(*viewer, *cloud.Volume) map[string]any) error {
	return writeRows(w, r, "volumes", volumeColumns, volumeFilters, a.volumes.List, func(rows []*cloud.Volume) (viewRow[cloud.Volume], error) {
		v, err := a.viewer(r, rows)
		return func(row *cloud.Volume) (map[string]any, string) { return view(v, row), string(row.ID) }, err
	})
}

func (a *api) volumeListing(r *http.Request) (*listing[cloud.Volume], error) {
	l, err := readListing[cloud.Volume](r, volumeColumns)
	if err != nil {
		return nil, err
	}
	return l, volumeFilters.apply(l, r.URL.Query())
}

// summary adds up the volumes that a list would show (3.12).
func (a *api) summary(w http.ResponseWriter, r *http.Request) error {
	l, err := a.volumeListing(r)
	if err != nil {
		return err
	}
	f := l.filter()
	f.Query.Limit = 0
	rows, err := a.volumes.List(r.Context(), f)
	if err != nil {
		return err
	}
	size := 0
	for _, v := range rows {
		size += v.SizeGiB
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"volume-summary": map[string]int{"total_count": len(rows), "total_size": size}})
}

// size is an integer, or one in quotes, or null.
type size int

func (s *size) UnmarshalJSON(b []byte) error {
	text := string(b)
	if text == "null" {
		return nil
	}
	if unquoted, err := strconv.Unquote(text); err == nil {
		text = unquoted
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return cloud.Invalidf("volume", "size", "Volume size '%s' must be an integer and greater than 0", text)
	}
	*s = size(n)
	return nil
}

type createVolume struct {
	Size               *size             `json:"size"`
	Name               string            `json:"name"`
	DisplayName        string            `json:"display_name"`
	Description        string            `json:"description"`
	DisplayDescription string            `json:"display_description"`
	Metadata           map[string]string `json:"metadata"`
	ImageRef           string            `json:"imageRef"`
	ImageID            string            `json:"image_id"`
	SnapshotID         string            `json:"snapshot_id"`
	SourceID           string            `json:"source_volid"`
	Type               string            `json:"volume_type"`
	Zone               string            `json:"availability_zone"`
	MultiAttach        bool              `json:"multiattach"`
	BackupID           string            `json:"backup_id"`
	GroupID            string            `json:"group_id"`
}

func (a *api) createVolume(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Volume *createVolume `json:"volume"`
	}
	if err := openstack.Decode(r, &body); err != nil {
		return err
	}
	if body.Volume == nil {
		return missing("volume")
	}
	request, err := body.Volume.request()
	if err != nil {
		return err
	}
	if openstack.VersionOf(r).AtLeast(3, 13) {
		request.GroupID = cloud.VolumeGroupID(body.Volume.GroupID)
	}
	row, err := a.volumes.CreateVolume(r.Context(), request)
	if err != nil {
		return err
	}
	return a.writeVolume(w, r, http.StatusAccepted, row, (*viewer).base)
}

func (b *createVolume) request() (volume.CreateRequest, error) {
	q := volume.CreateRequest{Name: first(b.Name, b.DisplayName), Description: first(b.Description, b.DisplayDescription), Properties: b.Metadata,
		ImageID: cloud.ImageID(first(b.ImageRef, b.ImageID)), SnapshotID: cloud.SnapshotID(b.SnapshotID), SourceVolumeID: cloud.VolumeID(b.SourceID),
		BackupID: cloud.BackupID(b.BackupID), TypeName: b.Type, Zone: b.Zone, MultiAttach: b.MultiAttach, KeepUnplaced: true}
	if b.Size != nil {
		q.SizeGiB = int(*b.Size)
	}
	return q, nil
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func missing(key string) error {
	return cloud.Invalidf("request", key, "Invalid input for field/attribute %s. It is a required property.", key)
}

func (a *api) showVolume(w http.ResponseWriter, r *http.Request) error {
	row, err := a.volumes.Volume(r.Context(), volumeID(r))
	if err != nil {
		return err
	}
	return a.writeVolume(w, r, http.StatusOK, row, (*viewer).detail)
}

func (a *api) writeVolume(w http.ResponseWriter, r *http.Request, code int, row *cloud.Volume, view func(*viewer, *cloud.Volume) map[string]any) error {
	v, err := a.viewer(r, []*cloud.Volume{row})
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, code, map[string]any{"volume": view(v, row)})
}

// updateFacts is the body of both volumes' and snapshots' updates.
type updateFacts struct {
	Name               openstack.Optional[string]            `json:"name"`
	DisplayName        openstack.Optional[string]            `json:"display_name"`
	Description        openstack.Optional[string]            `json:"description"`
	DisplayDescription openstack.Optional[string]            `json:"display_description"`
	Metadata           openstack.Optional[map[string]string] `json:"metadata"`
}

func (u updateFacts) apply(f *volume.Facts) error {
	u.DisplayName.Apply(&f.Name)
	u.Name.Apply(&f.Name)
	u.DisplayDescription.Apply(&f.Description)
	u.Description.Apply(&f.Description)
	if u.Metadata.Set {
		f.Properties = maps.Clone(u.Metadata.Value)
	}
	return nil
}

func (a *api) updateVolume(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Volume *updateFacts `json:"volume"`
	}
	if err := openstack.Decode(r, &body); err != nil {
		return err
	}
	if body.Volume == nil {
		return missing("volume")
	}
	row, err := a.volumes.Update(r.Context(), volumeID(r), body.Volume.apply)
	if err != nil {
		return err
	}
	return a.writeVolume(w, r, http.StatusOK, row, (*viewer).base)
}

// deleteVolume refuses a volume that has snapshots unless the client asks to have them deleted too: so this API promises.
func (a *api) deleteVolume(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	cascade := truth(q, "cascade")
	return accepted(w, a.volumes.Delete(r.Context(), volume.DeleteRequest{ID: volumeID(r), WithSnapshots: cascade, UnlessSnapshots: !cascade,
		Force: truth(q, "force") && openstack.VersionOf(r).AtLeast(3, 23)}))
}
