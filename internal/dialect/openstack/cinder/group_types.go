package cinder

import (
	"context"
	"net/http"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/policy"
)

func (a *api) groupTypeRoutes(s *openstack.Service) {
	for pattern, h := range map[string]openstack.Handler{
		"GET /v3/group_types":                           a.listGroupTypes,
		"POST /v3/group_types":                          a.createGroupType,
		"GET /v3/group_types/{id}":                      a.showGroupType,
		"PUT /v3/group_types/{id}":                      a.updateGroupType,
		"DELETE /v3/group_types/{id}":                   a.deleteGroupType,
		"GET /v3/group_types/{id}/group_specs":          a.listGroupSpecs,
		"POST /v3/group_types/{id}/group_specs":         a.createGroupSpecs,
		"GET /v3/group_types/{id}/group_specs/{key}":    a.showGroupSpec,
		"PUT /v3/group_types/{id}/group_specs/{key}":    a.updateGroupSpec,
		"DELETE /v3/group_types/{id}/group_specs/{key}": a.deleteGroupSpec,
	} {
		s.Handle(pattern, since(11, h))
	}
}

func groupTypeID(r *http.Request) cloud.VolumeGroupTypeID {
	return cloud.VolumeGroupTypeID(r.PathValue("id"))
}

func viewGroupType(ctx context.Context, t *cloud.VolumeGroupType) map[string]any {
	m := map[string]any{"id": t.ID, "name": t.Name, "description": orNull(t.Description), "is_public": t.Public}
	if policy.May(ctx, "group type.see_specs", policy.Target{}) {
		m["group_specs"] = notNil(t.Specs)
	}
	return m
}

var groupTypeColumns = openstack.SortColumns{"id": "id", "name": "name", "created_at": "created_at", "updated_at": "updated_at", "is_public": "public"}

var groupTypeFilters = filters[cloud.VolumeGroupType]{
	"name": column[cloud.VolumeGroupType]("name"),
	"is_public": func(l *listing[cloud.VolumeGroupType], value string) error {
		if strings.EqualFold(value, "none") {
			return nil
		}
		return flag[cloud.VolumeGroupType]("is_public", "public")(l, value)
	},
	"group_specs": pairs(func(t *cloud.VolumeGroupType) map[string]string { return t.Specs }),
}

func (a *api) listGroupTypes(w http.ResponseWriter, r *http.Request) error {
	return writeList(w, r, "group_types", groupTypeColumns, groupTypeFilters, a.volumes.ListGroupTypes,
		func(t *cloud.VolumeGroupType) (map[string]any, string) {
			return viewGroupType(r.Context(), t), string(t.ID)
		})
}

type groupTypeBody struct {
	Name        openstack.Optional[string] `json:"name"`
	Description openstack.Optional[string] `json:"description"`
	Public      openstack.Optional[bool]   `json:"is_public"`
	Specs       map[string]string          `json:"group_specs"`
}

func (b *groupTypeBody) apply(t *cloud.VolumeGroupType) error {
	b.Name.Apply(&t.Name)
	b.Description.Apply(&t.Description)
	b.Public.Apply(&t.Public)
	return nil
}

func readGroupType(r *http.Request) (*groupTypeBody, error) {
	var body struct {
		Type *groupTypeBody `json:"group_type"`
	}
	if err := openstack.Decode(r, &body); err != nil {
		return nil, err
	}
	if body.Type == nil {
		return nil, missing("group_type")
	}
	return body.Type, nil
}

func (a *api) createGroupType(w http.ResponseWriter, r *http.Request) error {
	body, err := readGroupType(r)
	if err != nil {
		return err
	}
	t := cloud.VolumeGroupType{Public: true, Specs: body.Specs}
	if err := body.apply(&t); err != nil {
		return err
	}
	made, err := a.volumes.CreateGroupType(r.Context(), t)
	return writeGroupType(w, r, http.StatusAccepted, made, err)
}

func writeGroupType(w http.ResponseWriter, r *http.Request, code int, t *cloud.VolumeGroupType, err error) error {
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, code, map[string]any{"group_type": viewGroupType(r.Context(), t)})
}

func (a *api) showGroupType(w http.ResponseWriter, r *http.Request) error {
	t, err := a.volumes.GroupType(r.Context(), r.PathValue("id"))
	return writeGroupType(w, r, http.StatusOK, t, err)
}

func (a *api) updateGroupType(w http.ResponseWriter, r *http.Request) error {
	body, err := readGroupType(r)
	if err != nil {
		return err
	}
	t, err := a.volumes.UpdateGroupType(r.Context(), groupTypeID(r), body.apply)
	return writeGroupType(w, r, http.StatusOK, t, err)
}

func (a *api) deleteGroupType(w http.ResponseWriter, r *http.Request) error {
	return accepted(w, a.volumes.DeleteGroupType(r.Context(), groupTypeID(r)))
}

// groupSpecs answers the specs of the path's type to those who may manage it.
func (a *api) groupSpecs(r *http.Request) (map[string]string, error) {
	t, err := a.volumes.ManagedGroupType(r.Context(), groupTypeID(r))
	if err != nil {
		return nil, err
	}
	return notNil(t.Specs), nil
}

func (a *api) listGroupSpecs(w http.ResponseWriter, r *http.Request) error {
	specs, err := a.groupSpecs(r)
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"group_specs": specs})
}

func (a *api) createGroupSpecs(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Specs map[string]string `json:"group_specs"`
	}
	if err := openstack.Decode(r, &body); err != nil {
		return err
	}
	if len(body.Specs) == 0 {
		return missing("group_specs")
	}
	if _, err := a.volumes.SetGroupSpecs(r.Context(), groupTypeID(r), body.Specs); err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusAccepted, body)
}

func (a *api) showGroupSpec(w http.ResponseWriter, r *http.Request) error {
	specs, err := a.groupSpecs(r)
	if err != nil {
		return err
	}
	key := r.PathValue("key")
	value, ok := specs[key]
	if !ok {
		return noKey(key)
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]string{key: value})
}

func (a *api) updateGroupSpec(w http.ResponseWriter, r *http.Request) error {
	body, err := oneSpec(r)
	if err != nil {
		return err
	}
	if _, err := a.volumes.SetGroupSpecs(r.Context(), groupTypeID(r), body); err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, body)
}

func (a *api) deleteGroupSpec(w http.ResponseWriter, r *http.Request) error {
	return accepted(w, a.volumes.DeleteGroupSpec(r.Context(), groupTypeID(r), r.PathValue("key")))
}
