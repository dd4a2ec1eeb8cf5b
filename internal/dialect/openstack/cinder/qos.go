package cinder

import (
	"encoding/json"
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

func (a *api) qosRoutes(s *openstack.Service) {
	s.Handle("GET /v3/qos-specs", a.listQOS)
	s.Handle("POST /v3/qos-specs", a.createQOS)
	s.Handle("GET /v3/qos-specs/{id}", a.showQOS)
	s.Handle("PUT /v3/qos-specs/{id}", a.setQOS)
	s.Handle("DELETE /v3/qos-specs/{id}", a.deleteQOS)
	s.Handle("PUT /v3/qos-specs/{id}/delete_keys", a.unsetQOS)
	s.Handle("GET /v3/qos-specs/{id}/associations", a.qosTypes)
	s.Handle("GET /v3/qos-specs/{id}/associate", a.associateQOS)
	s.Handle("GET /v3/qos-specs/{id}/disassociate", a.dissociateQOS)
	s.Handle("GET /v3/qos-specs/{id}/disassociate_all", a.dissociateQOSAll)
}

func qosID(r *http.Request) cloud.VolumeQOSID { return cloud.VolumeQOSID(r.PathValue("id")) }

func viewQOS(q *cloud.VolumeQOS) map[string]any {
	return map[string]any{"id": q.ID, "name": q.Name, "consumer": q.Consumer, "specs": notNil(q.Specs)}
}

var qosColumns = openstack.SortColumns{"id": "id", "name": "name", "consumer": "consumer", "created_at": "created_at", "updated_at": "updated_at"}

var qosFilters = filters[cloud.VolumeQOS]{"id": column[cloud.VolumeQOS]("id"), "name": column[cloud.VolumeQOS]("name"),
	"consumer": column[cloud.VolumeQOS]("consumer")}

func (a *api) listQOS(w http.ResponseWriter, r *http.Request) error {
	return writeList(w, r, "qos_specs", qosColumns, qosFilters, a.volumes.ListQOS,
		func(q *cloud.VolumeQOS) (map[string]any, string) { return viewQOS(q), string(q.ID) })
}

// readQOS takes name and consumer out of the specs they are mixed with. Numbers count as their text.
func readQOS(r *http.Request) (name, consumer string, specs map[string]string, err error) {
	var body struct {
		QOS map[string]json.RawMessage `json:"qos_specs"`
	}
	if err := openstack.Decode(r, &body); err != nil {
		return "", "", nil, err
	}
	if len(body.QOS) == 0 {
		return "", "", nil, missing("qos_specs")
	}
	specs = map[string]string{}
	for key, raw := range body.QOS {
		value, err := textOf(key, raw)
		if err != nil {
			return "", "", nil, err
		}
		specs[key] = value
	}
	name, consumer = specs["name"], specs["consumer"]
	delete(specs, "name")
	delete(specs, "consumer")
	return name, consumer, specs, nil
}

func textOf(key string, raw json.RawMessage) (string, error) {
	var text string
	var number json.Number
	if json.Unmarshal(raw, &text) == nil {
		return text, nil
	}
	if json.Unmarshal(raw, &number) == nil {
		return number.String(), nil
	}
	return "", cloud.Invalidf("request", key, "Invalid input for field/attribute %s: it must be text or a number.", key)
}

func (a *api) createQOS(w http.ResponseWriter, r *http.Request) error {
	name, consumer, specs, err := readQOS(r)
	if err != nil {
		return err
	}
	q, err := a.volumes.CreateQOS(r.Context(), cloud.VolumeQOS{Name: name, Consumer: consumer, Specs: specs})
	return writeQOS(w, r, q, err)
}

func writeQOS(w http.ResponseWriter, r *http.Request, q *cloud.VolumeQOS, err error) error {
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"qos_specs": viewQOS(q), "links": selfLinks(r, "qos-specs", string(q.ID))})
}

func (a *api) showQOS(w http.ResponseWriter, r *http.Request) error {
	q, err := a.volumes.QOS(r.Context(), qosID(r))
	return writeQOS(w, r, q, err)
}

func (a *api) setQOS(w http.ResponseWriter, r *http.Request) error {
	name, consumer, specs, err := readQOS(r)
	if err != nil {
		return err
	}
	if name != "" {
		return cloud.Invalidf("request", "name", "The name of QoS specs cannot be changed.")
	}
	if _, err := a.volumes.SetQOS(r.Context(), qosID(r), consumer, specs); err != nil {
		return err
	}
	if consumer != "" {
		specs["consumer"] = consumer
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"qos_specs": specs})
}

func (a *api) unsetQOS(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Keys []string `json:"keys"`
	}
	if err := openstack.Decode(r, &body); err != nil {
		return err
	}
	if body.Keys == nil {
		return missing("keys")
	}
	return accepted(w, a.volumes.UnsetQOS(r.Context(), qosID(r), body.Keys))
}

func (a *api) deleteQOS(w http.ResponseWriter, r *http.Request) error {
	return accepted(w, a.volumes.DeleteQOS(r.Context(), qosID(r), truth(r.URL.Query(), "force")))
}

func (a *api) qosTypes(w http.ResponseWriter, r *http.Request) error {
	types, err := a.volumes.QOSTypes(r.Context(), qosID(r))
	if err != nil {
		return err
	}
	views := []any{}
	for _, t := range types {
		views = append(views, map[string]any{"association_type": "volume_type", "name": t.Name, "id": t.ID})
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"qos_associations": views})
}

func (a *api) associateQOS(w http.ResponseWriter, r *http.Request) error {
	t, err := askedType(r)
	if err != nil {
		return err
	}
	return accepted(w, a.volumes.AssociateQOS(r.Context(), qosID(r), t))
}

func askedType(r *http.Request) (cloud.VolumeTypeID, error) {
	t := r.URL.Query().Get("vol_type_id")
	if t == "" {
		return "", missing("vol_type_id")
	}
	return cloud.VolumeTypeID(t), nil
}

func (a *api) dissociateQOS(w http.ResponseWriter, r *http.Request) error {
	t, err := askedType(r)
	if err != nil {
		return err
	}
	return accepted(w, a.volumes.DissociateQOS(r.Context(), qosID(r), t))
}

func (a *api) dissociateQOSAll(w http.ResponseWriter, r *http.Request) error {
	return accepted(w, a.volumes.DissociateQOS(r.Context(), qosID(r), ""))
}
