package glance

import (
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

// importMethods says that there is none: data is uploaded.
func (a *api) importMethods(w http.ResponseWriter, _ *http.Request) error {
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"import-methods": map[string]any{
		"description": "Import methods available.", "type": "array", "value": []string{}}})
}

func (a *api) stores(w http.ResponseWriter, _ *http.Request) error {
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"stores": []any{
		map[string]any{"id": "default", "description": "The cloud's image store", "default": true}}})
}

func (a *api) usage(w http.ResponseWriter, r *http.Request) error {
	u, err := a.images.Usage(r.Context())
	if err != nil {
		return err
	}
	row := func(limit, used int64) map[string]int64 { return map[string]int64{"limit": limit, "usage": used} }
	bytesLimit := u.BytesLimit
	if bytesLimit != cloud.Unlimited {
		bytesLimit >>= 20
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"usage": map[string]any{
		"image_size_total":      row(bytesLimit, u.Bytes>>20),
		"image_stage_total":     row(cloud.Unlimited, 0),
		"image_count_total":     row(u.ImagesLimit, u.Images),
		"image_count_uploading": row(cloud.Unlimited, u.Uploading)}})
}

// tasks is empty: what goes on with an image shows in its status.
func (a *api) tasks(w http.ResponseWriter, _ *http.Request) error {
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"tasks": []any{}, "first": "/v2/tasks", "schema": "/v2/schemas/tasks"})
}

func (a *api) imageTasks(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.images.Image(r.Context(), imageID(r)); err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"tasks": []any{}})
}

func (a *api) task(_ http.ResponseWriter, r *http.Request) error {
	return cloud.NotFoundf("task", r.PathValue("id"))
}
