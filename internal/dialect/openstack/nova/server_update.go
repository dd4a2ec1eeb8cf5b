package nova

import (
	"net/http"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

func (a *api) updateServer(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Server *struct {
			Name        *string                    `json:"name"`
			Description openstack.Optional[string] `json:"description"`
			Hostname    *string                    `json:"hostname"`
			facts
		} `json:"server"`
	}
	if err := openstack.DecodeStrict(r, &body); err != nil {
		return err
	}
	if body.Server == nil {
		return cloud.Invalidf("request", "server", "Invalid input: 'server' is a required property")
	}
	b := body.Server
	if b.Description.Set && !atLeast(r, 19) {
		return unexpected("description")
	}
	if err := checkHostname(r, b.Hostname); err != nil {
		return err
	}
	if err := b.facts.check(); err != nil {
		return err
	}
	v, err := a.Compute.UpdateInstance(r.Context(), serverID(r), func(in *cloud.Instance) error {
		b.facts.apply(in)
		if body.Server.Name != nil {
			in.Name = *body.Server.Name
		}
		if body.Server.Hostname != nil {
			in.Hostname = *body.Server.Hostname
		}
		if d := body.Server.Description; d.Set {
			in.Description = nil
			if !d.Null {
				in.Description = &d.Value
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"server": a.server(r, v, shapeChanged)})
}

func (a *api) showMetadata(w http.ResponseWriter, r *http.Request) error {
	v, err := a.Compute.Instance(r.Context(), serverID(r))
	if err != nil {
		return err
	}
	return writeMetadata(w, v.Properties)
}

func (a *api) updateMetadata(w http.ResponseWriter, r *http.Request) error {
	return a.putMetadata(w, r, false)
}

func (a *api) replaceMetadata(w http.ResponseWriter, r *http.Request) error {
	return a.putMetadata(w, r, true)
}

func (a *api) putMetadata(w http.ResponseWriter, r *http.Request, replace bool) error {
	change, err := readMetadata(r)
	if err != nil {
		return err
	}
	v, err := a.Compute.UpdateInstance(r.Context(), serverID(r), func(in *cloud.Instance) error {
		in.Properties = combined(in.Properties, change, replace)
		return nil
	})
	if err != nil {
		return err
	}
	return writeMetadata(w, v.Properties)
}

// combined makes a new map: rows read from the store are shared.
func combined(old, change map[string]string, replace bool) map[string]string {
	out := map[string]string{}
	if !replace {
		for k, v := range old {
			out[k] = v
		}
	}
	for k, v := range change {
		out[k] = v
	}
	return out
}

func (a *api) showMetadataItem(w http.ResponseWriter, r *http.Request) error {
	v, err := a.Compute.Instance(r.Context(), serverID(r))
	if err != nil {
		return err
	}
	key := r.PathValue("key")
	value, ok := v.Properties[key]
	if !ok {
		return noMetadataItem(key)
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"meta": map[string]string{key: value}})
}

func noMetadataItem(key string) error {
	return cloud.Errorf(cloud.NotFound, "metadata item", key, "Metadata item was not found")
}

func (a *api) setMetadataItem(w http.ResponseWriter, r *http.Request) error {
	item, err := readMetadataItem(r)
	if err != nil {
		return err
	}
	_, err = a.Compute.UpdateInstance(r.Context(), serverID(r), func(in *cloud.Instance) error {
		in.Properties = combined(in.Properties, item, false)
		return nil
	})
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"meta": item})
}

func (a *api) deleteMetadataItem(w http.ResponseWriter, r *http.Request) error {
	key := r.PathValue("key")
	_, err := a.Compute.UpdateInstance(r.Context(), serverID(r), func(in *cloud.Instance) error {
		if _, ok := in.Properties[key]; !ok {
			return noMetadataItem(key)
		}
		in.Properties = combined(in.Properties, nil, false)
		delete(in.Properties, key)
		return nil
	})
	if err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}

func (a *api) listTags(w http.ResponseWriter, r *http.Request) error {
	if err := since(r, 26); err != nil {
		return err
	}
	v, err := a.Compute.Instance(r.Context(), serverID(r))
	if err != nil {
		return err
	}
	return writeTags(w, v.Tags)
}

func writeTags(w http.ResponseWriter, tags []string) error {
	if tags == nil {
		tags = []string{}
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"tags": tags})
}

// changeTags writes the tags that change makes of the present ones.
func (a *api) changeTags(r *http.Request, change func(tags []string) ([]string, error)) ([]string, error) {
	if err := since(r, 26); err != nil {
		return nil, err
	}
	v, err := a.Compute.UpdateInstance(r.Context(), serverID(r), func(in *cloud.Instance) (err error) {
		if in.Tags, err = change(slices.Clone(in.Tags)); err != nil {
			return err
		}
		return checkTags(in.Tags)
	})
	if err != nil {
		return nil, err
	}
	return v.Tags, nil
}

func checkTags(tags []string) error {
	if len(tags) > 50 {
		return cloud.Invalidf("request", "tags", "The number of tags exceeded the per-server limit 50")
	}
	for _, t := range tags {
		if t == "" || len(t) > 60 || slices.Contains([]byte(t), ',') || slices.Contains([]byte(t), '/') {
			return cloud.Invalidf("request", "tags", "Tags must have 1 to 60 characters without ',' and '/'.")
		}
	}
	return nil
}

func (a *api) replaceTags(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Tags []string `json:"tags"`
	}
	if err := openstack.DecodeStrict(r, &body); err != nil {
		return err
	}
	tags, err := a.changeTags(r, func([]string) ([]string, error) {
		slices.Sort(body.Tags)
		return slices.Compact(body.Tags), nil
	})
	if err != nil {
		return err
	}
	return writeTags(w, tags)
}

func (a *api) deleteTags(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.changeTags(r, func([]string) ([]string, error) { return nil, nil }); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}

func (a *api) checkTag(w http.ResponseWriter, r *http.Request) error {
	if err := since(r, 26); err != nil {
		return err
	}
	v, err := a.Compute.Instance(r.Context(), serverID(r))
	if err != nil {
		return err
	}
	if !slices.Contains(v.Tags, r.PathValue("tag")) {
		return noTag(r)
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}

func noTag(r *http.Request) error {
	return cloud.Errorf(cloud.NotFound, "tag", r.PathValue("tag"), "Server %s has no tag '%s'", r.PathValue("id"), r.PathValue("tag"))
}

func (a *api) addTag(w http.ResponseWriter, r *http.Request) error {
	status := http.StatusCreated
	_, err := a.changeTags(r, func(tags []string) ([]string, error) {
		status = http.StatusCreated
		if slices.Contains(tags, r.PathValue("tag")) {
			status = http.StatusNoContent
			return tags, nil
		}
		return append(tags, r.PathValue("tag")), nil
	})
	if err != nil {
		return err
	}
	w.Header().Set("Location", openstack.BaseURL(r)+a.Prefix+r.URL.Path)
	return openstack.WriteEmpty(w, status)
}

func (a *api) deleteTag(w http.ResponseWriter, r *http.Request) error {
	_, err := a.changeTags(r, func(tags []string) ([]string, error) {
		i := slices.Index(tags, r.PathValue("tag"))
		if i < 0 {
			return nil, noTag(r)
		}
		return slices.Delete(tags, i, i+1), nil
	})
	if err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}
