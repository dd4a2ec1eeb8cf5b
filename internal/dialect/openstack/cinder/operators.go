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

func poolStatus(p *cloud.Pool) string {
	if p.Disabled {
		return "disabled"
	}
	return "enabled"
}

func hostState(h *cloud.Host) string {
	if !h.Alive() {
		return "down"
	}
	return "up"
}

// services shows every back end as a volume service, and what places volumes, which answers this very request, as the scheduler.
func (a *api) services(w http.ResponseWriter, r *http.Request) error {
	hosts, err := a.volumes.StorageHosts(r.Context())
	if err != nil {
		return err
	}
	q := r.URL.Query()
	views := []any{}
	if b := q.Get("binary"); b == "" || b == volumeBinary {
		for _, h := range hosts {
			for _, p := range h.VolumePools() {
				name := h.Name + "@" + p.Name
				if asked := q.Get("host"); asked != "" && asked != name && asked != h.Name {
					continue
				}
				views = append(views, serviceView(r, name, h, &p))
			}
		}
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"services": append(views, a.schedulerView(r, hosts)...)})
}

func serviceView(r *http.Request, name string, h *cloud.Host, p *cloud.Pool) map[string]any {
	state := hostState(h)
	view := map[string]any{"binary": volumeBinary, "host": name, "zone": h.Zone, "status": poolStatus(p), "state": state,
		"updated_at": stamp(h.SeenAt), "disabled_reason": orNull(p.DisabledReason), "frozen": p.Frozen,
		"replication_status": "disabled", "active_backend_id": nil, "backend_state": state}
	if openstack.VersionOf(r).AtLeast(3, 7) {
		view["cluster"] = nil
	}
	return view
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
	words := map[string]string{"enabled": "available", "disabled": "unavailable", "up": "enabled", "down": "disabled"}
	for _, h := range hosts {
		for _, p := range h.VolumePools() {
			views = append(views, map[string]any{"host_name": h.Name + "@" + p.Name, "service": volumeBinary, "zone": h.Zone,
				"service-status": words[poolStatus(&p)], "service-state": words[hostState(h)], "last-update": stamp(h.SeenAt)})
		}
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"hosts": views})
}

// aliases are the extensions that clients look for before they use what has long been part of the API.
var aliases = map[string]string{
	"OS-SCH-HNT": "SchedulerHints", "os-admin-actions": "AdminActions", "os-availability-zone": "AvailabilityZones",
	"os-extended-snapshot-attributes": "ExtendedSnapshotAttributes", "os-hosts": "Hosts", "os-quota-class-sets": "QuotaClasses",
	"os-quota-sets": "Quotas", "os-services": "Services", "os-types-extra-specs": "TypesExtraSpecs", "os-types-manage": "TypesManage",
	"os-used-limits": "UsedLimits", "os-vol-host-attr": "VolumeHostAttribute", "os-vol-image-meta": "VolumeImageMetadata",
	"os-vol-mig-status-attr": "VolumeMigStatusAttribute", "os-vol-tenant-attr": "VolumeTenantAttribute",
	"os-volume-manage": "VolumeManage", "os-volume-unmanage": "VolumeUnmanage",
	"os-snapshot-manage": "SnapshotManage", "os-snapshot-unmanage": "SnapshotUnmanage",
	"os-volume-actions": "VolumeActions", "os-volume-type-access": "VolumeTypeAccess", "scheduler-stats": "Scheduler_stats",
}

func (a *api) extensions(w http.ResponseWriter, _ *http.Request) error {
	views := []any{}
	for alias, name := range aliases {
		views = append(views, map[string]any{"alias": alias, "name": name, "description": name, "links": []any{}, "updated": "2013-01-01T00:00:00+00:00"})
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"extensions": views})
}
