package cinder

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

// changeService takes a back end out of service, or back. A frozen one takes no new volumes either.
func (a *api) changeService(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Host    string `json:"host"`
		Binary  string `json:"binary"`
		Service string `json:"service"`
		Reason  string `json:"disabled_reason"`
	}
	if err := openstack.Decode(r, &body); err != nil {
		return err
	}
	verb := r.PathValue("verb")
	edit, known := switches[verb]
	if !known {
		return cloud.Errorf(cloud.NotFound, "action", verb, "There is no such action: %s", verb)
	}
	if verb == "disable-log-reason" && strings.TrimSpace(body.Reason) == "" {
		return missing("disabled_reason")
	}
	name := first(body.Binary, body.Service)
	if body.Host == "" {
		return missing("host")
	}
	if name != "" && name != volumeBinary {
		return cloud.Errorf(cloud.NotFound, "service", name, "Service %s could not be found on host %s.", name, body.Host)
	}
	host, pool := backendOf(body.Host)
	h, err := a.volumes.SwitchPools(r.Context(), host, pool, func(p *cloud.PoolSwitch) { edit(p, body.Reason) })
	freezing := verb == "freeze" || verb == "thaw"
	if cloud.Is(err, cloud.NotFound) && freezing {
		return cloud.Invalidf("host", "host", "Invalid input received: there is no host %s.", body.Host)
	}
	if err != nil {
		return err
	}
	if freezing {
		return openstack.WriteEmpty(w, http.StatusOK)
	}
	p := h.Pool(pool)
	view := map[string]any{"host": body.Host, "service": volumeBinary, "binary": volumeBinary, "status": poolStatus(p), "disabled": p.Disabled}
	if verb != "disable" {
		view["disabled_reason"] = orNull(p.DisabledReason)
	}
	return openstack.WriteJSON(w, http.StatusOK, view)
}

// switches are what the verbs on a service do to a back end.
var switches = map[string]func(p *cloud.PoolSwitch, reason string){
	"enable":             func(p *cloud.PoolSwitch, _ string) { *p = cloud.PoolSwitch{Frozen: p.Frozen} },
	"disable":            func(p *cloud.PoolSwitch, _ string) { p.Disabled, p.DisabledReason = true, "" },
	"disable-log-reason": func(p *cloud.PoolSwitch, reason string) { p.Disabled, p.DisabledReason = true, reason },
	"freeze": func(p *cloud.PoolSwitch, _ string) {
		*p = cloud.PoolSwitch{Disabled: true, DisabledReason: "frozen", Frozen: true}
	},
	"thaw": func(p *cloud.PoolSwitch, _ string) { *p = cloud.PoolSwitch{} },
}

// volumeBinary is the one kind of service that hosts are shown as.
const volumeBinary = "cinder-volume"

// backendOf cuts a name like "host@backend#pool", whose end may be left out. A back end has one pool, of its own name.
func backendOf(name string) (host, pool string) {
	host, pool, _ = strings.Cut(name, "@")
	pool, _, _ = strings.Cut(pool, "#")
	return host, pool
}

// showHost counts what lies on a host or back end, in all and per project.
func (a *api) showHost(w http.ResponseWriter, r *http.Request) error {
	host, pool := backendOf(r.PathValue("host"))
	uses, err := a.volumes.HostUses(r.Context(), host, pool)
	if err != nil {
		return err
	}
	views := []any{}
	for _, u := range uses {
		project := string(u.ProjectID)
		if project == "" {
			project = "(total)"
		}
		views = append(views, map[string]any{"resource": map[string]string{"host": r.PathValue("host"), "project": project,
			"volume_count": strconv.Itoa(u.Volumes), "total_volume_gb": strconv.Itoa(u.VolumeGiB),
			"snapshot_count": strconv.Itoa(u.Snapshots), "total_snapshot_gb": strconv.Itoa(u.SnapshotGiB)}})
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"host": views})
}

// resourceFilters tells which filters each list takes: those of the tables that the lists themselves use.
func (a *api) resourceFilters(w http.ResponseWriter, r *http.Request) error {
	tables := []struct {
		resource string
		filters  []string
	}{
		{"volume", volumeFilters.names()}, {"snapshot", snapshotFilters.names()}, {"transfer", transferFilters.names()}, {"backup", backupFilters.names()},
		{"group", groupFilters.names()}, {"group_snapshot", groupSnapshotFilters.names()},
		{"message", messageFilters.names()},
	}
	views := []any{}
	for _, t := range tables {
		if asked := r.URL.Query().Get("resource"); asked == "" || asked == t.resource {
			views = append(views, map[string]any{"resource": t.resource, "filters": t.filters})
		}
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"resource_filters": views})
}
