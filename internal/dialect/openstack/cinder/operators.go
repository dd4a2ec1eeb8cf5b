package cinder

import (
	"net/http"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

func (a *api) zones(w http.ResponseWriter, r *http.Request) error {
	zones, err := a.volumes.Zones(r.Context())
	if err != nil {
		return err
	}
	views := []any{}
	for _, z := range zones {
		views = append(views, map[string]any{"zoneName": z.Name, "zoneState": map[string]bool{"available": z.Available}})
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"availabilityZoneInfo": views})
}

func serviceStatus(h *cloud.Host) (status, state string) {
	status, state = "enabled", "up"
	if !h.Enabled {
		status = "disabled"
	}
	if !h.Up || h.ForcedDown {
		state = "down"
	}
	return status, state
}

// services shows every host as a volume service, and what places volumes, which answers this very request, as the scheduler.
func (a *api) services(w http.ResponseWriter, r *http.Request) error {
	hosts, err := a.volumes.StorageHosts(r.Context())
	if err != nil {
		return err
	}
	q := r.URL.Query()
	views := []any{}
	for _, h := range hosts {
		name := h.Name + "@default"
		if b := q.Get("binary"); b != "" && b != "cinder-volume" {
			continue
		}
		if asked := q.Get("host"); asked != "" && asked != name && asked != h.Name {
			continue
		}
		status, state := serviceStatus(h)
		view := map[string]any{"binary": "cinder-volume", "host": name, "zone": h.Zone, "status": status, "state": state,
			"updated_at": stamp(h.SeenAt), "disabled_reason": orNull(h.DisabledReason), "frozen": false,
			"replication_status": "disabled", "active_backend_id": nil, "backend_state": state}
		if openstack.VersionOf(r).AtLeast(3, 7) {
			view["cluster"] = nil
		}
		views = append(views, view)
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"services": append(views, a.schedulerView(r, hosts)...)})
}

// schedulerView is the scheduler's row, unless another service or host is asked for.
func (a *api) schedulerView(r *http.Request, hosts []*cloud.Host) []any {
	q := r.URL.Query()
	name := schedulerHost(hosts)
	if b := q.Get("binary"); b != "" && b != schedulerBinary || name == "" || q.Get("host") != "" && q.Get("host") != name {
		return []any{}
	}
	view := map[string]any{"binary": schedulerBinary, "host": name, "zone": "internal", "status": "enabled", "state": "up",
		"updated_at": stamp(time.Now()), "disabled_reason": nil}
	if openstack.VersionOf(r).AtLeast(3, 7) {
		view["cluster"] = nil
	}
	return []any{view}
}

const schedulerBinary = "cinder-scheduler"

// schedulerHost is where the scheduler is said to run: the first host.
func schedulerHost(hosts []*cloud.Host) string {
	if len(hosts) == 0 {
		return ""
	}
	return hosts[0].Name
}

func (a *api) hosts(w http.ResponseWriter, r *http.Request) error {
	hosts, err := a.volumes.StorageHosts(r.Context())
	if err != nil {
		return err
	}
	views := []any{}
	if name := schedulerHost(hosts); name != "" {
		views = append(views, map[string]any{"host_name": name, "service": schedulerBinary, "zone": "internal",
			"service-status": "available", "service-state": "enabled", "last-update": stamp(time.Now())})
	}
	for _, h := range hosts {
		status, state := serviceStatus(h)
		words := map[string]string{"enabled": "available", "disabled": "unavailable"}
		views = append(views, map[string]any{"host_name": h.Name + "@default", "service": "cinder-volume", "zone": h.Zone,
			"service-status": words[status], "service-state": map[string]string{"up": "enabled", "down": "disabled"}[state], "last-update": stamp(h.SeenAt)})
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"hosts": views})
}

// What this cloud says of itself as a maker of storage.
const (
	vendor        = "Nubo"
	driverVersion = "1"
)

// capabilities says what one host's storage can do, as the pools' details do.
func (a *api) capabilities(w http.ResponseWriter, r *http.Request) error {
	hosts, err := a.volumes.Pools(r.Context())
	if err != nil {
		return err
	}
	for _, h := range hosts {
		for _, p := range h.Pools {
			if asked := r.PathValue("host"); asked != h.Host.Name && asked != h.Host.Name+"@"+p.Name && asked != h.Host.Name+"@default" {
				continue
			}
			return openstack.WriteJSON(w, http.StatusOK, map[string]any{"namespace": "OS::Storage::Capabilities::" + h.Host.Name + "@" + p.Name,
				"vendor_name": vendor, "volume_backend_name": p.Name, "pool_name": p.Name, "driver_version": driverVersion,
				"storage_protocol": p.Driver, "display_name": nil, "description": nil, "visibility": nil, "replication_targets": []any{},
				"properties": map[string]any{}})
		}
	}
	return cloud.NotFoundf("host", r.PathValue("host"))
}

func (a *api) pools(w http.ResponseWriter, r *http.Request) error {
	hosts, err := a.volumes.Pools(r.Context())
	if err != nil {
		return err
	}
	const gib = 1 << 30
	views := []any{}
	for _, h := range hosts {
		for _, p := range h.Pools {
			view := map[string]any{"name": h.Host.Name + "@" + p.Name + "#" + p.Name}
			if truth(r.URL.Query(), "detail") {
				view["capabilities"] = map[string]any{"total_capacity_gb": float64(p.TotalBytes) / gib,
					"free_capacity_gb": float64(p.TotalBytes-p.UsedBytes) / gib, "volume_backend_name": p.Name, "storage_protocol": p.Driver,
					"vendor_name": vendor, "driver_version": driverVersion, "reserved_percentage": 0, "thin_provisioning_support": true,
					"thick_provisioning_support": false, "multiattach": true, "QoS_support": false}
			}
			views = append(views, view)
		}
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"pools": views})
}

// aliases are the extensions that clients look for before they use what has long been part of the API.
var aliases = map[string]string{
	"OS-SCH-HNT": "SchedulerHints", "os-admin-actions": "AdminActions", "os-availability-zone": "AvailabilityZones",
	"os-extended-snapshot-attributes": "ExtendedSnapshotAttributes", "os-hosts": "Hosts", "os-quota-class-sets": "QuotaClasses",
	"os-quota-sets": "Quotas", "os-services": "Services", "os-types-extra-specs": "TypesExtraSpecs", "os-types-manage": "TypesManage",
	"os-used-limits": "UsedLimits", "os-vol-host-attr": "VolumeHostAttribute", "os-vol-image-meta": "VolumeImageMetadata",
	"os-vol-mig-status-attr": "VolumeMigStatusAttribute", "os-vol-tenant-attr": "VolumeTenantAttribute",
	"os-volume-actions": "VolumeActions", "os-volume-type-access": "VolumeTypeAccess", "scheduler-stats": "Scheduler_stats",
}

func (a *api) extensions(w http.ResponseWriter, _ *http.Request) error {
	views := []any{}
	for alias, name := range aliases {
		views = append(views, map[string]any{"alias": alias, "name": name, "description": name, "links": []any{}, "updated": "2013-01-01T00:00:00+00:00"})
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"extensions": views})
}
