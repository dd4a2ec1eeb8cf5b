package cinder

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/policy"
	"github.com/nubo-cloud/nubo/internal/volume"
)

// baseType is a type as the answers to create and update show it.
func baseType(_ context.Context, t *cloud.VolumeType) map[string]any {
	return map[string]any{"id": t.ID, "name": t.Name, "description": orNull(t.Description), "is_public": t.Public,
		"os-volume-type-access:is_public": t.Public, "extra_specs": notNil(t.ExtraSpecs)}
}

func viewType(ctx context.Context, t *cloud.VolumeType) map[string]any {
	m := baseType(ctx, t)
	if policy.May(ctx, "volume type.see_qos", policy.Target{}) {
		m["qos_specs_id"] = orNull(string(t.QOSID))
	}
	return m
}

// updatedType is baseType without the older name of is_public, which the answer to update never had.
func updatedType(ctx context.Context, t *cloud.VolumeType) map[string]any {
	m := baseType(ctx, t)
	delete(m, "os-volume-type-access:is_public")
	return m
}

type typeView func(context.Context, *cloud.VolumeType) map[string]any

var typeColumns = openstack.SortColumns{"id": "id", "name": "name", "created_at": "created_at", "updated_at": "updated_at", "is_public": "public"}

func (a *api) listTypes(w http.ResponseWriter, r *http.Request) error {
	l, err := readListing[cloud.VolumeType](r, typeColumns)
	if err != nil {
		return err
	}
	if err := typeFilters.apply(l, r.URL.Query()); err != nil {
		return err
	}
	types, _, err := l.run(func(f volume.Filter[cloud.VolumeType]) ([]*cloud.VolumeType, error) {
		return a.volumes.ListTypes(r.Context(), f.Query, f.Keep)
	})
	if err != nil {
		return err
	}
	views, last := []any{}, ""
	for _, t := range types {
		views, last = append(views, viewType(r.Context(), t)), string(t.ID)
	}
	body := l.body(r, "volume_types", views, last, 0)
	if links, ok := body["volume_types_links"]; ok { // the one list whose links are named in the singular
		body["volume_type_links"] = links
		delete(body, "volume_types_links")
	}
	return openstack.WriteJSON(w, http.StatusOK, body)
}

var typeFilters = filters[cloud.VolumeType]{
	"name": column[cloud.VolumeType]("name"),
	"is_public": func(l *listing[cloud.VolumeType], value string) error {
		if strings.EqualFold(value, "none") {
			return nil
		}
		return flag[cloud.VolumeType]("is_public", "public")(l, value)
	},
	"extra_specs": pairs(func(t *cloud.VolumeType) map[string]string { return t.ExtraSpecs }),
}

type typeBody struct {
	Name        openstack.Optional[string] `json:"name"`
	Description openstack.Optional[string] `json:"description"`
	Public      *bool                      `json:"os-volume-type-access:is_public"`
	IsPublic    *bool                      `json:"is_public"`
	ExtraSpecs  map[string]string          `json:"extra_specs"`
}

func readType(r *http.Request) (*typeBody, error) {
	var body struct {
		Type *typeBody `json:"volume_type"`
	}
	if err := openstack.Decode(r, &body); err != nil {
		return nil, err
	}
	if body.Type == nil {
		return nil, missing("volume_type")
	}
	return body.Type, nil
}

func (b *typeBody) apply(t *cloud.VolumeType) error {
	b.Name.Apply(&t.Name)
	b.Description.Apply(&t.Description)
	for _, public := range []*bool{b.Public, b.IsPublic} {
		if public != nil {
			t.Public = *public
		}
	}
	return nil
}

func (a *api) createType(w http.ResponseWriter, r *http.Request) error {
	body, err := readType(r)
	if err != nil {
		return err
	}
	t := cloud.VolumeType{Public: true, ExtraSpecs: body.ExtraSpecs}
	if err := body.apply(&t); err != nil {
		return err
	}
	made, err := a.volumes.CreateType(r.Context(), t)
	return writeType(w, r, made, err, baseType)
}

func writeType(w http.ResponseWriter, r *http.Request, t *cloud.VolumeType, err error, view typeView) error {
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"volume_type": view(r.Context(), t)})
}

func (a *api) showType(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	if id == "default" { // a word of the reference, whatever that type is called
		t, err := a.volumes.UsualType(r.Context())
		return writeType(w, r, t, err, viewType)
	}
	t, err := a.volumes.Type(r.Context(), id)
	return writeType(w, r, t, err, viewType)
}

func (a *api) updateType(w http.ResponseWriter, r *http.Request) error {
	body, err := readType(r)
	if err != nil {
		return err
	}
	t, err := a.volumes.UpdateType(r.Context(), typeID(r), body.apply)
	return writeType(w, r, t, err, updatedType)
}

func (a *api) deleteType(w http.ResponseWriter, r *http.Request) error {
	return accepted(w, a.volumes.DeleteType(r.Context(), typeID(r)))
}

func (a *api) listSpecs(w http.ResponseWriter, r *http.Request) error {
	t, err := a.volumes.Type(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"extra_specs": notNil(t.ExtraSpecs)})
}

func (a *api) createSpecs(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		ExtraSpecs map[string]string `json:"extra_specs"`
	}
	if err := openstack.Decode(r, &body); err != nil {
		return err
	}
	if len(body.ExtraSpecs) == 0 {
		return missing("extra_specs")
	}
	if _, err := a.volumes.SetTypeSpecs(r.Context(), typeID(r), body.ExtraSpecs); err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, body)
}

func (a *api) showSpec(w http.ResponseWriter, r *http.Request) error {
	t, err := a.volumes.Type(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	key := r.PathValue("key")
	value, ok := t.ExtraSpecs[key]
	if !ok {
		return cloud.Errorf(cloud.NotFound, "volume type", t.ID, "Volume Type %s has no extra specs with key %s.", t.ID, key)
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]string{key: value})
}

func (a *api) updateSpec(w http.ResponseWriter, r *http.Request) error {
	body, err := oneSpec(r)
	if err != nil {
		return err
	}
	if _, err := a.volumes.SetTypeSpecs(r.Context(), typeID(r), body); err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, body)
}

// oneSpec reads a body that holds the path's key alone.
func oneSpec(r *http.Request) (map[string]string, error) {
	var body map[string]string
	if err := openstack.Decode(r, &body); err != nil {
		return nil, err
	}
	if _, ok := body[r.PathValue("key")]; !ok || len(body) != 1 {
		return nil, cloud.Invalidf("request", "specs", "Request body and URI mismatch")
	}
	return body, nil
}

func (a *api) deleteSpec(w http.ResponseWriter, r *http.Request) error {
	return accepted(w, a.volumes.DeleteTypeSpec(r.Context(), typeID(r), r.PathValue("key")))
}

func (a *api) listTypeAccess(w http.ResponseWriter, r *http.Request) error {
	projects, err := a.volumes.TypeAccess(r.Context(), typeID(r))
	if err != nil {
		return err
	}
	views := []any{}
	for _, p := range projects {
		views = append(views, map[string]any{"volume_type_id": typeID(r), "project_id": p})
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"volume_type_access": views})
}

var typeActions = map[string]action{
	"addProjectAccess": func(a *api, w http.ResponseWriter, r *http.Request, raw json.RawMessage) error {
		p, err := projectOf(raw)
		if err != nil {
			return err
		}
		return accepted(w, a.volumes.GrantType(r.Context(), typeID(r), p))
	},
	"removeProjectAccess": func(a *api, w http.ResponseWriter, r *http.Request, raw json.RawMessage) error {
		p, err := projectOf(raw)
		if err != nil {
			return err
		}
		return accepted(w, a.volumes.RevokeType(r.Context(), typeID(r), p))
	},
}

func projectOf(raw json.RawMessage) (cloud.ProjectID, error) {
	var body struct {
		Project cloud.ProjectID `json:"project"`
	}
	if err := openstack.DecodeBytes(raw, &body); err != nil {
		return "", err
	}
	if body.Project == "" {
		return "", missing("project")
	}
	return body.Project, nil
}

func (a *api) typeAction(w http.ResponseWriter, r *http.Request) error {
	return a.act(typeActions, w, r)
}
