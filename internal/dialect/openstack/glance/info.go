package glance

import (
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/policy"
)

func (a *api) importMethods(w http.ResponseWriter, _ *http.Request) error {
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"import-methods": map[string]any{
		"description": "Import methods available.", "type": "array", "value": importMethods}})
}

// store is the one place that images' bytes are kept in.
const store = "default"

func (a *api) stores(w http.ResponseWriter, _ *http.Request) error {
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"stores": []any{storeView()}})
}

// storesDetail is for administrators: it says how a store is made.
func (a *api) storesDetail(w http.ResponseWriter, r *http.Request) error {
	if err := policy.Authorize(r.Context(), "image.see_stores", policy.Target{Resource: "store"}); err != nil {
		return err
	}
	detail := storeView()
	detail["type"], detail["weight"], detail["properties"] = "file", 0, map[string]any{"chunk_size": 65536, "thin_provisioning": true}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"stores": []any{detail}})
}

func storeView() map[string]any {
	return map[string]any{"id": store, "description": "The cloud's image store", "default": true}
}

func (a *api) usage(w http.ResponseWriter, r *http.Request) error {
	u, err := a.images.Usage(r.Context())
	if err != nil {
		return err
	}
	row := func(limit, used int64) map[string]int64 { return map[string]int64{"limit": limit, "usage": used} }
	mebibytes := func(limit, used int64) map[string]int64 {
		if limit != cloud.Unlimited {
			limit >>= 20
		}
		return row(limit, used>>20)
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"usage": map[string]any{
		"image_size_total":      mebibytes(u.BytesLimit, u.Bytes),
		"image_stage_total":     mebibytes(u.StagedLimit, u.Staged),
		"image_count_total":     row(u.ImagesLimit, u.Images),
		"image_count_uploading": row(u.ArrivingLimit, u.Arriving)}})
}
