package nova

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// controlZone is where Nova shows what runs the cloud and no guests.
const controlZone = "internal"

// controlBinaries are what Nova calls the parts of the process that answers: it places instances and carries their
// Operations out. Of several processes each tells of itself, which is up as it answers; nobody can switch it off here.
var controlBinaries = []string{"nova-conductor", "nova-scheduler"}

// controlNumber is behind the numbers of hosts, which count up from 1.
const controlNumber = 1 << 20

// controlServices shows those that the filters of a request let through.
func (a *api) controlServices(r *http.Request, q url.Values) []any {
	out := []any{}
	if a.HostName == "" || q.Get("host") != "" && q.Get("host") != a.HostName {
		return out
	}
	for i, binary := range controlBinaries {
		if q.Get("binary") != "" && q.Get("binary") != binary {
			continue
		}
		m := map[string]any{"binary": binary, "host": a.HostName, "zone": controlZone, "status": "enabled", "state": "up",
			"updated_at": time.Now().UTC().Format(microSeconds), "disabled_reason": nil, "id": controlNumber + i}
		if atLeast(r, 11) {
			m["forced_down"] = false
		}
		if atLeast(r, 53) {
			m["id"] = cloud.DerivedID(binary, a.HostName)
		}
		out = append(out, m)
	}
	return out
}

// withControlZone adds the zone of the control plane, which only the detailed list has.
func (a *api) withControlZone(zones []any) []any {
	if a.HostName == "" {
		return zones
	}
	services := map[string]any{}
	for _, binary := range controlBinaries {
		services[binary] = map[string]any{"active": true, "available": true, "updated_at": time.Now().UTC().Format(microSeconds)}
	}
	return slices.Insert(zones, 0, any(map[string]any{"zoneName": controlZone, "zoneState": map[string]any{"available": true},
		"hosts": map[string]any{a.HostName: services}}))
}
