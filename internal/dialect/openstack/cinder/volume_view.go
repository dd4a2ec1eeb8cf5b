package cinder

import (
	"context"
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// viewer knows what the views of some volumes need besides their rows, fetched with one question each.
type viewer struct {
	version     openstack.Version
	url         string // of volumes, with a slash at the end
	types       map[cloud.VolumeTypeID]string
	attachments map[cloud.VolumeID][]*cloud.Attachment
	hosts       map[cloud.HostID]string // nil unless the caller may see hosts
}

func (a *api) viewer(r *http.Request, volumes []*cloud.Volume) (*viewer, error) {
	ctx := r.Context()
	v := &viewer{version: openstack.VersionOf(r), url: openstack.BaseURL(r) + prefix + "/v3/" + string(cloud.PrincipalOf(ctx).ProjectID) + "/volumes/"}
	var err error
	if v.types, err = a.volumes.TypeNames(ctx); err != nil {
		return nil, err
	}
	ids := make([]cloud.VolumeID, len(volumes))
	for n := range volumes {
		ids[n] = volumes[n].ID
	}
	if v.attachments, err = a.volumes.AttachmentsOf(ctx, ids); err != nil {
		return nil, err
	}
	v.hosts, err = a.hostNames(ctx)
	return v, err
}

func (a *api) hostNames(ctx context.Context) (map[cloud.HostID]string, error) {
	if !policy.May(ctx, "volume.see_host", policy.Target{}) {
		return nil, nil
	}
	hosts, err := a.volumes.StorageHosts(ctx)
	names := map[cloud.HostID]string{}
	for _, h := range hosts {
		names[h.ID] = h.Name
	}
	return names, err
}

// base is a volume as the answers to create and update show it: without what extensions add to reads.
func (v *viewer) base(row *cloud.Volume) map[string]any {
	m := map[string]any{
		"id": row.ID, "name": row.Name, "description": orNull(row.Description), "size": row.SizeGiB, "status": v.status(row),
		"availability_zone": row.Zone, "bootable": strconv.FormatBool(row.Bootable), "encrypted": row.Key != nil, "multiattach": row.MultiAttach,
		"volume_type": orNull(v.types[row.TypeID]), "snapshot_id": orNull(string(row.SnapshotID)), "source_volid": orNull(string(row.SourceVolume)),
		"metadata": metadataOf(row), "user_id": row.UserID, "created_at": stamp(row.CreatedAt), "updated_at": stamp(row.UpdatedAt),
		"attachments": v.attached(row), "links": v.links(row), "consistencygroup_id": nil, "replication_status": nil, "migration_status": nil,
	}
	v.newer(m, row)
	return m
}

// detail is a volume as clients see it.
func (v *viewer) detail(row *cloud.Volume) map[string]any {
	m := v.base(row)
	m["os-vol-tenant-attr:tenant_id"] = row.ProjectID
	if len(row.ImageProperties) > 0 {
		m["volume_image_metadata"] = row.ImageProperties
	}
	if v.hosts != nil {
		m["os-vol-host-attr:host"] = backend(v.hosts[row.HostID], row.Pool)
		m["migration_status"] = orNull(moves[row.Move])
		m["os-vol-mig-status-attr:migstat"], m["os-vol-mig-status-attr:name_id"] = m["migration_status"], nil
	}
	return m
}

// newer adds the keys that later microversions brought.
func (v *viewer) newer(m map[string]any, row *cloud.Volume) {
	if v.version.AtLeast(3, 13) {
		m["group_id"] = orNull(string(row.GroupID))
	}
	if v.version.AtLeast(3, 21) && v.hosts != nil {
		m["provider_id"] = nil
	}
	if v.version.AtLeast(3, 48) {
		m["shared_targets"], m["service_uuid"] = false, nil
	}
}

// status is a volume's status. One that is reserved without an attachment was reserved by hand: it waits to be attached.
func (v *viewer) status(row *cloud.Volume) string {
	if status := volumeStatus(row); status != states[cloud.VolumeReserved] || len(v.attachments[row.ID]) > 0 {
		return status
	}
	return "attaching"
}

// summary is a volume in the short list.
func (v *viewer) summary(row *cloud.Volume) map[string]any {
	return map[string]any{"id": row.ID, "name": row.Name, "links": v.links(row)}
}

func (v *viewer) links(row *cloud.Volume) []link {
	return []link{{Rel: "self", Href: v.url + string(row.ID)}, {Rel: "bookmark", Href: v.url + string(row.ID)}}
}

// attached lists the attachments that a guest, or a client, has: not those being prepared.
func (v *viewer) attached(row *cloud.Volume) []any {
	views := []any{}
	for _, a := range v.attachments[row.ID] {
		if a.AttachedAt == nil {
			continue
		}
		view := map[string]any{"id": a.VolumeID, "attachment_id": a.ID, "volume_id": a.VolumeID, "server_id": orNull(string(a.InstanceID)),
			"device": orNull(a.Device), "attached_at": stamp(*a.AttachedAt), "host_name": nil}
		if host, ok := a.Connector["host"]; ok && v.hosts != nil {
			view["host_name"] = host
		} else if name := v.hosts[a.HostID]; name != "" {
			view["host_name"] = name
		}
		views = append(views, view)
	}
	return views
}

// metadataOf shows the read-only flag where clients look for it, once anybody has set it.
func metadataOf(row *cloud.Volume) map[string]string {
	m := map[string]string{}
	maps.Copy(m, row.Properties)
	if row.ReadOnly || row.ReadOnlySaid {
		m["readonly"] = map[bool]string{true: "True", false: "False"}[row.ReadOnly]
	}
	return m
}

// backend is where a volume is, null if nowhere.
func backend(host, pool string) any {
	if host == "" {
		return nil
	}
	if pool == "" {
		pool = "default"
	}
	return poolName(host, pool)
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// stamp is a time as this service writes it: without a zone, with microseconds.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000") }
