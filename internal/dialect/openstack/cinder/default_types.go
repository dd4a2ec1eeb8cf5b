package cinder

import (
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

// defaultTypeRoutes came with 3.62 in the reference; clients that speak to this cloud may use them from the start.
func (a *api) defaultTypeRoutes(s *openstack.Service) {
	s.Handle("GET /v3/default-types", a.listDefaultTypes)
	s.Handle("GET /v3/default-types/{project}", a.showDefaultType)
	s.Handle("PUT /v3/default-types/{project}", a.setDefaultType)
	s.Handle("DELETE /v3/default-types/{project}", a.unsetDefaultType)
}

func viewDefaultType(d *cloud.DefaultVolumeType) map[string]any {
	return map[string]any{"project_id": d.ProjectID, "volume_type_id": d.TypeID}
}

func (a *api) listDefaultTypes(w http.ResponseWriter, r *http.Request) error {
	rows, err := a.volumes.ListDefaultTypes(r.Context())
	if err != nil {
		return err
	}
	views := []any{}
	for _, d := range rows {
		views = append(views, viewDefaultType(d))
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"default_types": views})
}

func writeDefaultType(w http.ResponseWriter, d *cloud.DefaultVolumeType, err error) error {
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"default_type": viewDefaultType(d)})
}

func (a *api) showDefaultType(w http.ResponseWriter, r *http.Request) error {
	d, err := a.volumes.DefaultType(r.Context(), projectPath(r))
	return writeDefaultType(w, d, err)
}

func (a *api) setDefaultType(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		DefaultType *struct {
			Type string `json:"volume_type"`
		} `json:"default_type"`
	}
	if err := openstack.Decode(r, &body); err != nil {
		return err
	}
	if body.DefaultType == nil || body.DefaultType.Type == "" {
		return missing("volume_type")
	}
	d, err := a.volumes.SetDefaultType(r.Context(), projectPath(r), body.DefaultType.Type)
	return writeDefaultType(w, d, err)
}

func (a *api) unsetDefaultType(w http.ResponseWriter, r *http.Request) error {
	if err := a.volumes.UnsetDefaultType(r.Context(), projectPath(r)); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}
