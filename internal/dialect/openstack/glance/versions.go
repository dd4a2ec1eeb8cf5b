package glance

import (
	"net/http"

	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

// prefix is where package daemon mounts the service.
const prefix = "/image"

// minors are the versions spoken, newest first. v2.14 never was, and others are about abilities that are absent here but
// optional in every version (caches, stores).
var minors = []string{"v2.17", "v2.16", "v2.15", "v2.13", "v2.12", "v2.11", "v2.10", "v2.9", "v2.8", "v2.7", "v2.6", "v2.5",
	"v2.4", "v2.3", "v2.2", "v2.1", "v2.0"}

type link struct {
	Rel  string `json:"rel"`
	Href string `json:"href"`
}

type version struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	Links  []link `json:"links"`
}

func (a *api) versionsMultiple(w http.ResponseWriter, r *http.Request) error {
	return writeVersions(w, r, http.StatusMultipleChoices)
}

func (a *api) versionsOK(w http.ResponseWriter, r *http.Request) error {
	return writeVersions(w, r, http.StatusOK)
}

func writeVersions(w http.ResponseWriter, r *http.Request, code int) error {
	versions := make([]version, len(minors))
	for i, id := range minors {
		versions[i] = version{ID: id, Status: "SUPPORTED", Links: []link{{"self", openstack.BaseURL(r) + prefix + "/v2/"}}}
	}
	versions[0].Status = "CURRENT"
	return openstack.WriteJSON(w, code, map[string]any{"versions": versions})
}
