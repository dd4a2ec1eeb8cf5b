package nova

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/image"
)

// imageStatuses are our states as Compute showed them.
var imageStatuses = map[cloud.ImageState]string{cloud.ImageQueued: "SAVING", cloud.ImageSaving: "SAVING", cloud.ImageImporting: "SAVING",
	cloud.ImageActive: "ACTIVE", cloud.ImageDeactivated: "UNKNOWN", cloud.ImageKilled: "ERROR"}

func imageStatus(i *cloud.Image) string { return imageStatuses[i.State] }

func (a *api) imageLinks(r *http.Request, id cloud.ImageID) []any {
	return append(a.links(r, "images", string(id)), map[string]any{"rel": "alternate", "type": "application/vnd.openstack.image",
		"href": openstack.BaseURL(r) + "/image/images/" + string(id)})
}

func (a *api) imageSummary(r *http.Request, i *cloud.Image) map[string]any {
	return map[string]any{"id": i.ID, "name": i.Name, "links": a.imageLinks(r, i.ID)}
}

func (a *api) imageDetail(r *http.Request, i *cloud.Image) map[string]any {
	m := a.imageSummary(r, i)
	m["status"], m["progress"] = imageStatus(i), imageProgress(i)
	m["created"], m["updated"] = stamp(i.CreatedAt), stamp(i.UpdatedAt)
	m["minDisk"], m["minRam"], m["metadata"] = i.MinDiskGiB, i.MinMemoryMiB, orEmpty(i.Properties)
	m["OS-EXT-IMG-SIZE:size"] = i.SizeBytes
	if id := i.Properties["instance_uuid"]; id != "" {
		m["server"] = map[string]any{"id": id, "links": a.links(r, "servers", id)}
	}
	if word, ok := i.Properties["auto_disk_config"]; ok {
		m["OS-DCF:diskConfig"] = diskConfig(strings.EqualFold(word, "true"))
	}
	return m
}

func imageProgress(i *cloud.Image) int {
	switch i.State {
	case cloud.ImageActive:
		return 100
	case cloud.ImageSaving, cloud.ImageImporting:
		return 50
	case cloud.ImageQueued:
		return 25
	}
	return 0
}

func (a *api) listImages(w http.ResponseWriter, r *http.Request) error {
	return a.writeImages(w, r, "/images", a.imageSummary)
}

func (a *api) listImagesDetail(w http.ResponseWriter, r *http.Request) error {
	return a.writeImages(w, r, "/images/detail", a.imageDetail)
}

func (a *api) writeImages(w http.ResponseWriter, r *http.Request, path string, view func(*http.Request, *cloud.Image) map[string]any) error {
	p, err := openstack.ParsePage(r, nil, pageMax)
	if err != nil {
		return err
	}
	p.Order = []cloud.Order{{Column: "created_at", Desc: true}}
	keep, err := imageFilter(r)
	if err != nil {
		return err
	}
	list, err := a.Images.List(r.Context(), image.Filter{Query: p.Query(), Keep: keep})
	if err != nil {
		return err
	}
	out := make([]any, len(list))
	for n, i := range list {
		out[n] = view(r, i)
	}
	body := map[string]any{"images": out}
	if n := len(list); n > 0 {
		body = a.withNext(r, body, "images_links", path, p.Limit, n, string(list[n-1].ID))
	}
	return openstack.WriteJSON(w, http.StatusOK, body)
}

// imageFilter reads the filters that the list documents.
func imageFilter(r *http.Request) (func(*cloud.Image) bool, error) {
	q := r.URL.Query()
	var since time.Time
	var err error
	if text := q.Get("changes-since"); text != "" {
		if since, err = parseTime("changes-since", text); err != nil {
			return nil, err
		}
	}
	least := map[string]int{}
	for _, key := range []string{"minDisk", "minRam"} {
		if text := q.Get(key); text != "" {
			if least[key], err = strconv.Atoi(text); err != nil {
				return nil, cloud.Invalidf("request", key, "%s must be a number, not '%s'.", key, text)
			}
		}
	}
	wanted := map[string]string{"name": q.Get("name"), "status": strings.ToUpper(q.Get("status")), "server": refString(q.Get("server")).id(), "type": imageType(q.Get("type"))}
	return func(i *cloud.Image) bool {
		has := map[string]string{"name": i.Name, "status": imageStatus(i), "server": i.Properties["instance_uuid"], "type": imageType(i.Properties["image_type"])}
		for key, text := range wanted {
			if q.Get(key) != "" && has[key] != text {
				return false
			}
		}
		return !i.UpdatedAt.Before(since) && i.MinDiskGiB >= least["minDisk"] && i.MinMemoryMiB >= least["minRam"]
	}, nil
}

// imageType is "snapshot", "backup", or "base" for what nobody said otherwise of.
func imageType(word string) string {
	if word == "" {
		return "base"
	}
	return strings.ToLower(word)
}

func imageID(r *http.Request) cloud.ImageID { return cloud.ImageID(r.PathValue("id")) }

func (a *api) showImage(w http.ResponseWriter, r *http.Request) error {
	i, err := a.Images.Image(r.Context(), imageID(r))
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"image": a.imageDetail(r, i)})
}

func (a *api) deleteImage(w http.ResponseWriter, r *http.Request) error {
	if err := a.Images.Delete(r.Context(), imageID(r)); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}

func (a *api) showImageMetadata(w http.ResponseWriter, r *http.Request) error {
	i, err := a.Images.Image(r.Context(), imageID(r))
	if err != nil {
		return err
	}
	return writeMetadata(w, i.Properties)
}

func writeMetadata(w http.ResponseWriter, m map[string]string) error {
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"metadata": orEmpty(m)})
}

func (a *api) updateImageMetadata(w http.ResponseWriter, r *http.Request) error {
	return a.putImageMetadata(w, r, false)
}

func (a *api) replaceImageMetadata(w http.ResponseWriter, r *http.Request) error {
	return a.putImageMetadata(w, r, true)
}

func (a *api) putImageMetadata(w http.ResponseWriter, r *http.Request, replace bool) error {
	change, err := readMetadata(r)
	if err != nil {
		return err
	}
	i, err := a.Images.Update(r.Context(), imageID(r), func(f *image.Facts) error {
		f.Properties = combined(f.Properties, change, replace)
		return nil
	})
	if err != nil {
		return err
	}
	return writeMetadata(w, i.Properties)
}

func (a *api) showImageMetadataItem(w http.ResponseWriter, r *http.Request) error {
	i, err := a.Images.Image(r.Context(), imageID(r))
	if err != nil {
		return err
	}
	key := r.PathValue("key")
	value, ok := i.Properties[key]
	if !ok {
		return noMetadataItem(key)
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"meta": map[string]string{key: value}})
}

func (a *api) setImageMetadataItem(w http.ResponseWriter, r *http.Request) error {
	item, err := readMetadataItem(r)
	if err != nil {
		return err
	}
	if _, err := a.Images.Update(r.Context(), imageID(r), func(f *image.Facts) error {
		f.Properties = combined(f.Properties, item, false)
		return nil
	}); err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"meta": item})
}

func (a *api) deleteImageMetadataItem(w http.ResponseWriter, r *http.Request) error {
	key := r.PathValue("key")
	if _, err := a.Images.Update(r.Context(), imageID(r), func(f *image.Facts) error {
		if _, ok := f.Properties[key]; !ok {
			return noMetadataItem(key)
		}
		delete(f.Properties, key) // its maps are ours to write into
		return nil
	}); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}
