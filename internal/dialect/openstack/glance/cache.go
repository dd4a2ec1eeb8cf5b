package glance

import (
	"net/http"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

// clearTarget is the header that narrows what is cleared.
const clearTarget = "X-Image-Cache-Clear-Target"

type cachedImage struct {
	ID       string  `json:"image_id"`
	Hits     int64   `json:"hits"`
	Accessed float64 `json:"last_accessed"`
	Modified float64 `json:"last_modified"`
	Size     int64   `json:"size"`
}

// cache is what hosts keep of images.
func (a *api) cache(w http.ResponseWriter, r *http.Request) error {
	c, err := a.images.Copies(r.Context())
	if err != nil {
		return err
	}
	cached := make([]cachedImage, len(c.Kept))
	for n, i := range c.Kept {
		cached[n] = cachedImage{ID: string(i.ID), Hits: i.Uses, Accessed: epoch(i.UsedAt), Modified: epoch(i.TakenAt), Size: i.SizeBytes}
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"cached_images": cached, "queued_images": append([]cloud.ImageID{}, c.Queued...)})
}

// epoch is a time in seconds, as the cache tells them.
func epoch(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

func (a *api) queueForCache(w http.ResponseWriter, r *http.Request) error {
	if err := a.images.Prefetch(r.Context(), imageID(r)); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusAccepted)
}

func (a *api) dropFromCache(w http.ResponseWriter, r *http.Request) error {
	if err := a.images.DropCopies(r.Context(), imageID(r)); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}

func (a *api) clearCache(w http.ResponseWriter, r *http.Request) error {
	target := r.Header.Get(clearTarget)
	switch target {
	case "", "both", "cache", "queue":
	default:
		return cloud.Invalidf("image", clearTarget, "The header %s must be one of both, cache and queue, not '%s'.", clearTarget, target)
	}
	if err := a.images.ClearCopies(r.Context(), target != "cache", target != "queue"); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}
