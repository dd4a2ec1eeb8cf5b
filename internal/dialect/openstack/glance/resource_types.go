package glance

import (
	"net/http"

	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

// ResourceTypes are the resources of this cloud's services that have properties, as Orchestration calls them.
var ResourceTypes = []string{"OS::Cinder::Snapshot", "OS::Cinder::Volume", "OS::Glance::Image", "OS::Nova::Aggregate", "OS::Nova::Flavor", "OS::Nova::Server"}

func (a *api) resourceTypes(w http.ResponseWriter, r *http.Request) error {
	known, err := a.vocabularies.Known(r.Context())
	if err != nil {
		return err
	}
	views := make([]any, len(known))
	for n, k := range known {
		views[n] = map[string]any{"name": k.Name, "created_at": stamp(k.CreatedAt), "updated_at": stamp(k.UpdatedAt)}
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"resource_types": views})
}

func (a *api) listAssociations(w http.ResponseWriter, r *http.Request) error {
	v, err := a.vocabularies.Vocabulary(r.Context(), namespace(r))
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"resource_type_associations": viewAssociations(v)})
}

func (a *api) associate(w http.ResponseWriter, r *http.Request) error {
	var body associationBody
	if err := openstack.DecodeStrict(r, &body); err != nil {
		return err
	}
	if err := body.refuse(); err != nil {
		return err
	}
	t, err := a.vocabularies.Associate(r.Context(), namespace(r), body.target())
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusCreated, viewAssociation(t))
}

func (a *api) dissociate(w http.ResponseWriter, r *http.Request) error {
	if err := a.vocabularies.Dissociate(r.Context(), namespace(r), r.PathValue("type")); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusNoContent)
}
