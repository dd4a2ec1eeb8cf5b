package cinder

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/spec"
	"github.com/nubo-cloud/nubo/internal/volume"
)

// manageRoutes: each list has an older path, without a microversion, and a newer one.
func (a *api) manageRoutes(s *openstack.Service) {
	s.Handle("GET /v3/os-volume-manage", a.manageableVolumes(false))
	s.Handle("GET /v3/os-volume-manage/detail", a.manageableVolumes(true))
	s.Handle("POST /v3/os-volume-manage", a.manageVolume)
	s.Handle("GET /v3/os-snapshot-manage", a.manageableSnapshots(false))
	s.Handle("GET /v3/os-snapshot-manage/detail", a.manageableSnapshots(true))
	s.Handle("POST /v3/os-snapshot-manage", a.manageSnapshot)
	s.Handle("GET /v3/manageable_volumes", since(8, a.manageableVolumes(false)))
	s.Handle("GET /v3/manageable_volumes/detail", since(8, a.manageableVolumes(true)))
	s.Handle("POST /v3/manageable_volumes", since(8, a.manageVolume))
	s.Handle("GET /v3/manageable_snapshots", since(8, a.manageableSnapshots(false)))
	s.Handle("GET /v3/manageable_snapshots/detail", since(8, a.manageableSnapshots(true)))
	s.Handle("POST /v3/manageable_snapshots", since(8, a.manageSnapshot))
}

// volumeName and snapshotName are what things are called on a back end, and go on being called when they are let go of.
func volumeName(id cloud.VolumeID) string     { return "volume-" + string(id) }
func snapshotName(id cloud.SnapshotID) string { return "_snapshot-" + string(id) }

func diskName(kind spec.DiskKind, d volume.Disk) string {
	switch {
	case d.ID == "":
		return d.Name
	case kind == spec.DiskSnapshot:
		return snapshotName(cloud.SnapshotID(d.ID))
	default:
		return volumeName(cloud.VolumeID(d.ID))
	}
}

// reference is how something on a back end is named.
type reference struct {
	Name string `json:"source-name"`
}

// sourceName reads a reference that a client wrote.
func sourceName(raw json.RawMessage) (string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return "", missing("ref")
	}
	var ref map[string]any
	if err := openstack.DecodeBytes(raw, &ref); err != nil {
		return "", err
	}
	name, ok := ref["source-name"].(string)
	if !ok || name == "" {
		return "", cloud.Invalidf("request", "ref", "Reference must contain source-name element.")
	}
	return name, nil
}

type manageVolume struct {
	Host        string            `json:"host"`
	Cluster     string            `json:"cluster"`
	Ref         json.RawMessage   `json:"ref"`
	Name        string            `json:"name"`
	Description string            `json:"description"`
	Type        string            `json:"volume_type"`
	Zone        string            `json:"availability_zone"`
	Metadata    map[string]string `json:"metadata"`
	Bootable    json.RawMessage   `json:"bootable"`
}

func (b *manageVolume) request(r *http.Request) (volume.TakeInRequest, error) {
	cluster := ""
	if openstack.VersionOf(r).AtLeast(3, 16) {
		cluster = b.Cluster
	}
	host, pool, err := backendAsked(b.Host, cluster)
	if err != nil {
		return volume.TakeInRequest{}, err
	}
	name, refErr := sourceName(b.Ref)
	bootable, bootErr := optionalTruth("bootable", b.Bootable)
	return volume.TakeInRequest{HostName: host, Pool: pool, Disk: name, Name: b.Name, Description: b.Description, TypeName: b.Type,
		Zone: b.Zone, Properties: b.Metadata, Bootable: bootable}, errors.Join(refErr, bootErr)
}

// backendAsked reads which back end is meant. There are no clusters of them here.
func backendAsked(host, cluster string) (string, string, error) {
	switch {
	case host != "" && cluster != "":
		return "", "", cloud.Invalidf("request", "host", "Host and cluster cannot both be given.")
	case cluster != "":
		return "", "", cloud.NotFoundf("cluster", cluster)
	case host == "":
		return "", "", missing("host")
	}
	h, pool := backendOf(host)
	return h, pool, nil
}

// badHost says of a back end that does not exist that the request is wrong: no resource was asked for by its name.
func badHost(err error, name string) error {
	if e, ok := cloud.AsError(err); ok && e.Kind == cloud.NotFound && e.Resource == "host" {
		return cloud.Invalidf("request", "host", "Host '%s' not found: it must be given as host@backend#pool.", name)
	}
	return err
}

func (a *api) manageVolume(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Volume *manageVolume `json:"volume"`
	}
	if err := openstack.Decode(r, &body); err != nil {
		return err
	}
	if body.Volume == nil {
		return missing("volume")
	}
	request, err := body.Volume.request(r)
	if err != nil {
		return err
	}
	row, err := a.volumes.TakeIn(r.Context(), request)
	if err != nil {
		return badHost(err, body.Volume.Host)
	}
	return a.writeVolume(w, r, http.StatusAccepted, row, (*viewer).detail)
}

func (a *api) manageSnapshot(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Snapshot *struct {
			Volume      cloud.VolumeID    `json:"volume_id"`
			Ref         json.RawMessage   `json:"ref"`
			Name        string            `json:"name"`
			Description string            `json:"description"`
			Metadata    map[string]string `json:"metadata"`
		} `json:"snapshot"`
	}
	if err := openstack.Decode(r, &body); err != nil {
		return err
	}
	s := body.Snapshot
	if s == nil || s.Volume == "" {
		return missing("volume_id")
	}
	name, err := sourceName(s.Ref)
	if err != nil {
		return err
	}
	row, err := a.volumes.TakeInSnapshot(r.Context(), volume.SnapshotRequest{VolumeID: s.Volume, Name: s.Name, Description: s.Description,
		Properties: s.Metadata}, name)
	return writeSnapshot(w, r, http.StatusAccepted, row, err, snapshotSummary)
}

func (a *api) unmanageVolume(w http.ResponseWriter, r *http.Request, _ json.RawMessage) error {
	return accepted(w, a.volumes.LetGo(r.Context(), volumeID(r), volumeName(volumeID(r))))
}

func (a *api) unmanageSnapshot(w http.ResponseWriter, r *http.Request, _ json.RawMessage) error {
	return accepted(w, a.volumes.LetGoSnapshot(r.Context(), snapshotID(r), snapshotName(snapshotID(r))))
}

func (a *api) manageableVolumes(detail bool) openstack.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		return a.writeDisks(w, r, "manageable-volumes", spec.DiskVolume, func(d volume.Disk) map[string]any { return diskView(d, detail) })
	}
}

func (a *api) manageableSnapshots(detail bool) openstack.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		return a.writeDisks(w, r, "manageable-snapshots", spec.DiskSnapshot, func(d volume.Disk) map[string]any {
			view := diskView(d, detail)
			view["source_reference"] = reference{}
			if d.Of != "" {
				view["source_reference"] = reference{volumeName(d.Of)}
			}
			return view
		})
	}
}

// diskView shows what lies on a back end. What is managed already is listed too, as not to be managed again.
func diskView(d volume.Disk, detail bool) map[string]any {
	reason := d.Unfit
	if d.ID != "" {
		reason = "already managed"
	}
	view := map[string]any{"reference": reference{d.Name}, "size": d.SizeGiB, "safe_to_manage": reason == ""}
	if detail {
		view["reason_not_safe"], view["cinder_id"], view["extra_info"] = orNull(reason), orNull(d.ID), nil
	}
	return view
}

var diskColumns = openstack.SortColumns{"reference": "reference", "size": "size"}

// writeDisks answers a page of what lies on one back end, which comes from there as a whole.
func (a *api) writeDisks(w http.ResponseWriter, r *http.Request, key string, kind spec.DiskKind, view func(volume.Disk) map[string]any) error {
	q := r.URL.Query()
	if !q.Has("sort") && !q.Has("sort_key") {
		q.Set("sort_key", "reference")
	}
	order, err := openstack.SortDescending(q, diskColumns)
	if err != nil {
		return err
	}
	limit, limitErr := number(q, "limit", pageMax)
	offset, offsetErr := number(q, "offset", 0)
	host, pool, hostErr := backendAsked(q.Get("host"), q.Get("cluster"))
	if err := errors.Join(limitErr, offsetErr, hostErr); err != nil {
		return err
	}
	disks, err := a.volumes.ListDisks(r.Context(), host, pool, kind)
	if err != nil {
		return badHost(err, q.Get("host"))
	}
	for n := range disks {
		disks[n].Name = diskName(kind, disks[n])
	}
	slices.SortStableFunc(disks, func(a, b volume.Disk) int { return compareDisks(order, a, b) })
	page, err := diskPage(disks, q.Get("marker"), offset, min(limit, pageMax))
	if err != nil {
		return err
	}
	views := make([]map[string]any, len(page))
	for n, d := range page {
		views[n] = view(d)
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{key: views})
}

func compareDisks(order []cloud.Order, a, b volume.Disk) int {
	for _, o := range order {
		c := strings.Compare(a.Name, b.Name)
		if o.Column == "size" {
			c = cmp.Compare(a.SizeGiB, b.SizeGiB)
		}
		if o.Desc {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return strings.Compare(a.Name, b.Name) // the same order on each page
}

// diskPage cuts the page behind a marker, which is a reference.
func diskPage(disks []volume.Disk, marker string, offset, limit int) ([]volume.Disk, error) {
	if marker != "" {
		var ref reference
		if json.Unmarshal([]byte(strings.ReplaceAll(marker, "'", `"`)), &ref) != nil || ref.Name == "" {
			return nil, cloud.Invalidf("request", "marker", "The marker must be a reference, such as {\"source-name\": \"…\"}.")
		}
		rest, found := cloud.PageOf(disks, cloud.Query{After: ref.Name}, func(d volume.Disk) string { return d.Name })
		if !found {
			return nil, cloud.Invalidf("request", "marker", "marker not found: %s", marker)
		}
		disks = rest
	}
	disks = disks[min(offset, len(disks)):]
	return disks[:min(limit, len(disks))], nil
}
