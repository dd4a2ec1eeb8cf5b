package cinder

import (
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/volume"
)

// capabilities says what one back end can do, as the pools' details do.
func (a *api) capabilities(w http.ResponseWriter, r *http.Request) error {
	pools, err := a.volumes.Pools(r.Context(), "")
	if err != nil {
		return err
	}
	host, pool := backendOf(r.PathValue("host"))
	for _, u := range pools {
		if u.Host.Name != host || pool != "" && u.Pool.Name != pool {
			continue
		}
		c := u.Capabilities
		return openstack.WriteJSON(w, http.StatusOK, map[string]any{"namespace": "OS::Storage::Capabilities::" + host + "@" + u.Pool.Name,
			"vendor_name": c["vendor_name"], "volume_backend_name": c["volume_backend_name"], "pool_name": c["pool_name"],
			"driver_version": c["driver_version"], "storage_protocol": c["storage_protocol"], "display_name": orNull(c["display_name"]),
			"description": orNull(c["description"]), "visibility": orNull(c["visibility"]), "replication_targets": []any{}, "properties": map[string]any{}})
	}
	return cloud.NotFoundf("host", r.PathValue("host"))
}

// pools lists the pools of all back ends. Of the filters, all but the name and the type came with 3.28, the type with 3.35.
func (a *api) pools(w http.ResponseWriter, r *http.Request) error {
	q, version := r.URL.Query(), openstack.VersionOf(r)
	ofType := ""
	if version.AtLeast(3, 35) {
		ofType = q.Get("volume_type")
	}
	pools, err := a.volumes.Pools(r.Context(), ofType)
	if err != nil {
		return err
	}
	views := []any{}
	for _, u := range pools {
		if name := q.Get("name"); name != "" && name != poolName(u.Host.Name, u.Pool.Name) || version.AtLeast(3, 28) && !hasCapabilities(u, q) {
			continue
		}
		view := map[string]any{"name": poolName(u.Host.Name, u.Pool.Name)}
		if truth(q, "detail") {
			view["capabilities"] = poolCapabilities(u)
		}
		views = append(views, view)
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"pools": views})
}

// poolName is a host and pool as this service names them.
func poolName(host, pool string) string { return host + "@" + pool + "#" + pool }

// notCapabilities are the parameters of a list of pools that are about something else.
var notCapabilities = map[string]bool{"name": true, "detail": true, "volume_type": true, "limit": true, "marker": true, "offset": true,
	"sort": true, "sort_key": true, "sort_dir": true}

func hasCapabilities(u volume.PoolUse, q url.Values) bool {
	for key := range q {
		if have, ok := u.Capabilities[key]; !notCapabilities[key] && (!ok || !strings.EqualFold(have, q.Get(key))) {
			return false
		}
	}
	return true
}

// poolCapabilities are a pool's capabilities, with truth values as such, and its numbers.
func poolCapabilities(u volume.PoolUse) map[string]any {
	const gib = 1 << 30
	view := map[string]any{}
	for key, value := range u.Capabilities {
		view[key] = value
		if value == "True" || value == "False" {
			view[key] = value == "True"
		}
	}
	maps.Copy(view, map[string]any{"total_capacity_gb": float64(u.TotalBytes) / gib, "free_capacity_gb": float64(u.TotalBytes-u.UsedBytes) / gib,
		"reserved_percentage": 0, "backend_state": hostState(u.Host), "timestamp": stamp(u.Host.SeenAt)})
	return view
}
