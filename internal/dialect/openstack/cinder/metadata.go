package cinder

import (
	"maps"
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/volume"
)

// metadata is the sub-resource that volumes and snapshots both have.
type metadata struct {
	get  func(r *http.Request) (map[string]string, error)
	edit func(r *http.Request, edit func(*volume.Facts) error) (map[string]string, error)
}

func (a *api) volumeMetadata() metadata {
	return metadata{
		get: func(r *http.Request) (map[string]string, error) {
			v, err := a.volumes.Volume(r.Context(), volumeID(r))
			if err != nil {
				return nil, err
			}
			return metadataOf(v), nil
		},
		edit: func(r *http.Request, edit func(*volume.Facts) error) (map[string]string, error) {
			v, err := a.volumes.Update(r.Context(), volumeID(r), edit)
			if err != nil {
				return nil, err
			}
			return metadataOf(v), nil
		},
	}
}

func (a *api) snapshotMetadata() metadata {
	return metadata{
		get: func(r *http.Request) (map[string]string, error) {
			s, err := a.volumes.Snapshot(r.Context(), snapshotID(r))
			if err != nil {
				return nil, err
			}
			return notNil(s.Properties), nil
		},
		edit: func(r *http.Request, edit func(*volume.Facts) error) (map[string]string, error) {
			s, err := a.volumes.UpdateSnapshot(r.Context(), snapshotID(r), edit)
			if err != nil {
				return nil, err
			}
			return notNil(s.Properties), nil
		},
	}
}

func (m metadata) routes(s *openstack.Service, path string) {
	s.Handle("GET "+path, m.list)
	s.Handle("POST "+path, m.merge)
	s.Handle("PUT "+path, m.replace)
	s.Handle("GET "+path+"/{key}", m.show)
	s.Handle("PUT "+path+"/{key}", m.set)
	s.Handle("DELETE "+path+"/{key}", m.delete)
}

func noKey(key string) error {
	return cloud.Errorf(cloud.NotFound, "metadata item", key, "Metadata item was not found: %s.", key)
}

func (m metadata) list(w http.ResponseWriter, r *http.Request) error {
	all, err := m.get(r)
	return writeMetadata(w, all, err)
}

func writeMetadata(w http.ResponseWriter, all map[string]string, err error) error {
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"metadata": all})
}

func (m metadata) merge(w http.ResponseWriter, r *http.Request) error {
	return m.change(w, r, func(f *volume.Facts, given map[string]string) { maps.Copy(f.Properties, given) })
}

func (m metadata) replace(w http.ResponseWriter, r *http.Request) error {
	return m.change(w, r, func(f *volume.Facts, given map[string]string) { f.Properties = maps.Clone(given) })
}

func (m metadata) change(w http.ResponseWriter, r *http.Request, change func(*volume.Facts, map[string]string)) error {
	var body struct {
		Metadata map[string]string `json:"metadata"`
	}
	if err := openstack.Decode(r, &body); err != nil {
		return err
	}
	if body.Metadata == nil {
		return missing("metadata")
	}
	all, err := m.edit(r, func(f *volume.Facts) error { change(f, body.Metadata); return nil })
	return writeMetadata(w, all, err)
}

func (m metadata) show(w http.ResponseWriter, r *http.Request) error {
	all, err := m.get(r)
	if err != nil {
		return err
	}
	key := r.PathValue("key")
	value, ok := all[key]
	if !ok {
		return noKey(key)
	}
	return writeItem(w, key, value)
}

func writeItem(w http.ResponseWriter, key, value string) error {
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"meta": map[string]string{key: value}})
}

func (m metadata) set(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Meta map[string]string `json:"meta"`
	}
	if err := openstack.Decode(r, &body); err != nil {
		return err
	}
	key := r.PathValue("key")
	value, ok := body.Meta[key]
	if !ok || len(body.Meta) != 1 {
		return cloud.Invalidf("request", "meta", "Request body and URI mismatch")
	}
	if _, err := m.edit(r, func(f *volume.Facts) error { f.Properties[key] = value; return nil }); err != nil {
		return err
	}
	return writeItem(w, key, value)
}

func (m metadata) delete(w http.ResponseWriter, r *http.Request) error {
	key := r.PathValue("key")
	_, err := m.edit(r, func(f *volume.Facts) error {
		if _, ok := f.Properties[key]; !ok {
			return noKey(key)
		}
		delete(f.Properties, key)
		return nil
	})
	if err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusOK)
}
