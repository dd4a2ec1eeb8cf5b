package cinder

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

// changeService takes a host's pools out of service, or back. A frozen host is one that takes no new volumes either.
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
	enable, known := map[string]bool{"enable": true, "disable": false, "disable-log-reason": false, "thaw": true, "freeze": false}[verb]
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
	h, err := a.volumes.EnableHost(r.Context(), hostOf(body.Host), enable, body.Reason)
	if cloud.Is(err, cloud.NotFound) && (verb == "freeze" || verb == "thaw") {
		return cloud.Invalidf("host", "host", "Invalid input received: there is no host %s.", body.Host)
	}
	if err != nil {
		return err
	}
	if verb == "freeze" || verb == "thaw" {
		return openstack.WriteEmpty(w, http.StatusOK)
	}
	status, _ := serviceStatus(h)
	view := map[string]any{"host": body.Host, "service": volumeBinary, "binary": volumeBinary, "status": status, "disabled": !h.Enabled}
	if verb != "disable" {
		view["disabled_reason"] = orNull(h.DisabledReason)
	}
	return openstack.WriteJSON(w, http.StatusOK, view)
}

// volumeBinary is the one kind of service that hosts are shown as.
const volumeBinary = "cinder-volume"

// hostOf is the host in a name like "host@backend#pool".
func hostOf(name string) string {
	host, _, _ := strings.Cut(name, "@")
	return host
}

// showHost counts what lies on a host, in all and per project.
func (a *api) showHost(w http.ResponseWriter, r *http.Request) error {
	uses, err := a.volumes.HostUses(r.Context(), hostOf(r.PathValue("host")))
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
