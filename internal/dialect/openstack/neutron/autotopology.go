package neutron

import (
	"net/http"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

func (a *api) autoRoutes(s *openstack.Service) {
	s.Handle("GET /v2.0/auto-allocated-topology/{project}", a.autoTopology)
	s.Handle("DELETE /v2.0/auto-allocated-topology/{project}", func(w http.ResponseWriter, r *http.Request) error {
		if err := a.net.DeleteAutoTopology(r.Context(), autoProject(r)); err != nil {
			return err
		}
		return openstack.WriteEmpty(w, http.StatusNoContent)
	})
}

// autoProject is the project of the path; some clients write None or null for their own.
func autoProject(r *http.Request) cloud.ProjectID {
	if p := projectOf(r); p != "None" && p != "null" {
		return p
	}
	return cloud.PrincipalOf(r.Context()).ProjectID
}

// autoTopology answers the id of the network; fields=dry-run only asks whether there could be one.
func (a *api) autoTopology(w http.ResponseWriter, r *http.Request) error {
	p, dry := autoProject(r), slices.Contains(r.URL.Query()["fields"], "dry-run")
	n, err := a.net.AutoTopology(r.Context(), p, dry)
	if err != nil {
		return err
	}
	shown := object{"tenant_id": p, "project_id": p, "id": "dry-run=pass"}
	if !dry {
		shown["id"] = n.ID
	}
	return openstack.WriteJSON(w, http.StatusOK, object{"auto_allocated_topology": shown})
}
