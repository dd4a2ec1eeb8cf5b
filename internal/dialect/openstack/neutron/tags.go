package neutron

import (
	"context"
	"net/http"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/network"
)

// tagsIn are the tags of a new resource.
type tagsIn struct {
	Tags openstack.Optional[[]string] `json:"tags"`
}

func (t tagsIn) firstTags() []string { return t.Tags.Value }

func (t tagsIn) tagged() bool { return t.Tags.Set }

// tagRoutes adds the routes for the tags of a resource.
func tagRoutes[T any, ID ~string](a *api, s *openstack.Service, res resource[T, ID]) {
	tags := res.path + "/{id}/tags"
	s.Handle("GET "+tags, func(w http.ResponseWriter, r *http.Request) error {
		row, err := res.get(r.Context(), ID(r.PathValue("id")))
		if err != nil {
			return err
		}
		return openstack.WriteJSON(w, http.StatusOK, object{"tags": tagsShown(res.tags(row))})
	})
	s.Handle("PUT "+tags, func(w http.ResponseWriter, r *http.Request) error {
		var in struct {
			Tags []string `json:"tags"`
		}
		if err := openstack.Decode(r, &in); err != nil {
			return err
		}
		changed, err := changeTags(a, r, res, func([]string) ([]string, error) { return in.Tags, nil })
		if err != nil {
			return err
		}
		return openstack.WriteJSON(w, http.StatusOK, object{"tags": tagsShown(changed)})
	})
	s.Handle("DELETE "+tags, func(w http.ResponseWriter, r *http.Request) error {
		if _, err := changeTags(a, r, res, func([]string) ([]string, error) { return nil, nil }); err != nil {
			return err
		}
		return openstack.WriteEmpty(w, http.StatusNoContent)
	})
	oneTagRoutes(a, s, res, tags+"/{tag}")
}

func oneTagRoutes[T any, ID ~string](a *api, s *openstack.Service, res resource[T, ID], path string) {
	s.Handle("GET "+path, func(w http.ResponseWriter, r *http.Request) error {
		row, err := res.get(r.Context(), ID(r.PathValue("id")))
		if err != nil {
			return err
		}
		if !slices.Contains(res.tags(row), r.PathValue("tag")) {
			return noTag(r)
		}
		return openstack.WriteEmpty(w, http.StatusNoContent)
	})
	s.Handle("PUT "+path, func(w http.ResponseWriter, r *http.Request) error {
		_, err := changeTags(a, r, res, func(have []string) ([]string, error) { return append(slices.Clone(have), r.PathValue("tag")), nil })
		if err != nil {
			return err
		}
		return openstack.WriteEmpty(w, http.StatusCreated)
	})
	s.Handle("DELETE "+path, func(w http.ResponseWriter, r *http.Request) error {
		_, err := changeTags(a, r, res, func(have []string) ([]string, error) {
			i := slices.Index(have, r.PathValue("tag"))
			if i < 0 {
				return nil, noTag(r)
			}
			return slices.Delete(slices.Clone(have), i, i+1), nil
		})
		if err != nil {
			return err
		}
		return openstack.WriteEmpty(w, http.StatusNoContent)
	})
}

func noTag(r *http.Request) error {
	return cloud.Errorf(cloud.NotFound, "tag", r.PathValue("tag"), "Tag %s could not be found.", r.PathValue("tag"))
}

// changeTags reads, changes and writes a noun's tags in one transaction.
func changeTags[T any, ID ~string](a *api, r *http.Request, res resource[T, ID], change func([]string) ([]string, error)) (tags []string, err error) {
	id := ID(r.PathValue("id"))
	err = a.net.Together(r.Context(), func(ctx context.Context) error {
		row, err := res.get(ctx, id)
		if err != nil {
			return err
		}
		if tags, err = change(res.tags(row)); err != nil {
			return err
		}
		if tags, err = network.CheckTags(res.one, tags); err != nil {
			return err
		}
		return res.setTags(ctx, id, tags)
	})
	return tags, err
}
