package glance

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/image"
)

func (a *api) create(w http.ResponseWriter, r *http.Request) error {
	var body map[string]json.RawMessage
	if err := openstack.Decode(r, &body); err != nil {
		return err
	}
	request, err := createRequest(body)
	if err != nil {
		return err
	}
	i, err := a.images.Create(r.Context(), request)
	if err != nil {
		return err
	}
	v := view(i)
	w.Header().Set("Location", openstack.BaseURL(r)+prefix+"/v2/images/"+string(i.ID))
	return openstack.WriteJSON(w, http.StatusCreated, v)
}

// createRequest reads a body in which the id may be the client's choice.
func createRequest(body map[string]json.RawMessage) (image.CreateRequest, error) {
	var q image.CreateRequest
	if raw, ok := body["id"]; ok {
		if err := scalar("id", raw, (*string)(&q.ID)); err != nil {
			return q, err
		}
		delete(body, "id")
	}
	f := image.Facts{Properties: map[string]string{}}
	for name, raw := range body {
		if err := set(&f, name, raw); err != nil {
			return q, err
		}
	}
	q.ProjectID, q.Name, q.Visibility, q.Protected, q.Hidden = f.ProjectID, f.Name, f.Visibility, f.Protected, f.Hidden
	q.Container, q.Format, q.MinDiskGiB, q.MinMemoryMiB = f.Container, f.Format, f.MinDiskGiB, f.MinMemoryMiB
	q.Properties, q.Tags = f.Properties, f.Tags
	return q, nil
}

func (a *api) show(w http.ResponseWriter, r *http.Request) error {
	i, err := a.images.Image(r.Context(), imageID(r))
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, view(i))
}

func (a *api) delete(w http.ResponseWriter, r *http.Request) error {
	if err := a.images.Delete(r.Context(), imageID(r)); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}

func (a *api) deactivate(w http.ResponseWriter, r *http.Request) error {
	if err := a.images.Deactivate(r.Context(), imageID(r)); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}

func (a *api) reactivate(w http.ResponseWriter, r *http.Request) error {
	if err := a.images.Reactivate(r.Context(), imageID(r)); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}

func (a *api) addTag(w http.ResponseWriter, r *http.Request) error {
	return a.editTags(w, r, func(tags []string, tag string) ([]string, error) { return append(tags, tag), nil })
}

func (a *api) removeTag(w http.ResponseWriter, r *http.Request) error {
	return a.editTags(w, r, func(tags []string, tag string) ([]string, error) {
		at := slices.Index(tags, tag)
		if at < 0 {
			return nil, &cloud.Error{Kind: cloud.NotFound, Resource: "tag", ID: tag, Message: "Tag " + tag + " could not be found."}
		}
		return slices.Delete(tags, at, at+1), nil
	})
}

func (a *api) editTags(w http.ResponseWriter, r *http.Request, edit func(tags []string, tag string) ([]string, error)) error {
	_, err := a.images.Update(r.Context(), imageID(r), func(f *image.Facts) (err error) {
		f.Tags, err = edit(f.Tags, r.PathValue("tag"))
		return err
	})
	if err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}
