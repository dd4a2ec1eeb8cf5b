package cinder

import (
	"net/http"

	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

type link struct {
	Rel  string `json:"rel"`
	Href string `json:"href"`
	Type string `json:"type,omitempty"`
}

func (a *api) versionsMultiple(w http.ResponseWriter, r *http.Request) error {
	return writeVersions(w, r, http.StatusMultipleChoices)
}

func (a *api) versionOne(w http.ResponseWriter, r *http.Request) error {
	return writeVersions(w, r, http.StatusOK)
}

func writeVersions(w http.ResponseWriter, r *http.Request, code int) error {
	return openstack.WriteJSON(w, code, map[string]any{"versions": []any{map[string]any{
		"id": "v3.0", "status": "CURRENT", "version": Versions.Max.String(), "min_version": Versions.Min.String(),
		"updated": "2019-04-10T00:00:00Z",
		"links": []link{{Rel: "describedby", Type: "text/html", Href: "https://docs.openstack.org/api-ref/block-storage/v3/"},
			{Rel: "self", Href: openstack.BaseURL(r) + prefix + "/v3/"}},
		"media-types": []any{map[string]string{"base": "application/json", "type": "application/vnd.openstack.volume+json;version=3"}},
	}}})
}
