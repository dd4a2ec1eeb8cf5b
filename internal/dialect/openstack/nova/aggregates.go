package nova

import (
	"net/http"
	"strconv"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

// zoneKey is the metadata key that stands for an aggregate's zone.
const zoneKey = "availability_zone"

func (a *api) aggregates() {
	a.handle("GET /os-aggregates", a.listAggregates)
	a.handle("POST /os-aggregates", a.createAggregate)
	a.handle("GET /os-aggregates/{id}", a.showAggregate)
	a.handle("PUT /os-aggregates/{id}", a.updateAggregate)
	a.handle("DELETE /os-aggregates/{id}", a.deleteAggregate)
	a.handle("POST /os-aggregates/{id}/action", a.aggregateAction)
}

func aggregateID(r *http.Request) cloud.AggregateID { return cloud.AggregateID(r.PathValue("id")) }

// aggregateBasics is what the answer to a creation shows: hosts and metadata are known to be none.
func aggregateBasics(r *http.Request, v *compute.AggregateView) map[string]any {
	id, _ := strconv.Atoi(string(v.ID)) // always a number
	m := map[string]any{"id": id, "name": v.Name, "availability_zone": orNull(v.Zone), "created_at": v.CreatedAt.UTC().Format(microSeconds),
		"updated_at": nil, "deleted": false, "deleted_at": nil}
	if v.UpdatedAt.After(v.CreatedAt) {
		m["updated_at"] = v.UpdatedAt.UTC().Format(microSeconds)
	}
	if atLeast(r, 41) {
		m["uuid"] = v.UniqueID
	}
	return m
}

func aggregateView(r *http.Request, v *compute.AggregateView) map[string]any {
	m := aggregateBasics(r, v)
	hosts := make([]string, len(v.Members))
	for i, h := range v.Members {
		hosts[i] = h.Name
	}
	metadata := combined(v.Properties, nil, false)
	if v.Zone != "" {
		metadata[zoneKey] = v.Zone
	}
	m["hosts"], m["metadata"] = hosts, metadata
	return m
}

func writeAggregate(w http.ResponseWriter, r *http.Request, v *compute.AggregateView, err error) error {
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"aggregate": aggregateView(r, v)})
}

func (a *api) listAggregates(w http.ResponseWriter, r *http.Request) error {
	list, err := a.Compute.ListAggregates(r.Context())
	if err != nil {
		return err
	}
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = aggregateView(r, v)
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"aggregates": out})
}

func (a *api) showAggregate(w http.ResponseWriter, r *http.Request) error {
	v, err := a.Compute.Aggregate(r.Context(), aggregateID(r))
	return writeAggregate(w, r, v, err)
}

// readAggregate reads name and zone; a null zone is an empty one.
func readAggregate(r *http.Request) (name, zone *string, err error) {
	var body struct {
		Aggregate *struct {
			Name *string                    `json:"name"`
			Zone openstack.Optional[string] `json:"availability_zone"`
		} `json:"aggregate"`
	}
	if err := openstack.DecodeStrict(r, &body); err != nil {
		return nil, nil, err
	}
	b := body.Aggregate
	if b == nil {
		return nil, nil, cloud.Invalidf("request", "aggregate", "Invalid input: 'aggregate' is a required property")
	}
	if err := checkName("name", b.Name); err != nil {
		return nil, nil, err
	}
	if b.Zone.Set {
		zone = &b.Zone.Value
		if !b.Zone.Null {
			err = checkName("availability_zone", zone)
		}
	}
	return b.Name, zone, err
}

// checkName bounds what people call things; nil is not given.
func checkName(field string, text *string) error {
	if text == nil || *text != "" && len([]rune(*text)) <= 255 {
		return nil
	}
	return cloud.Invalidf("request", field, "Invalid input for field/attribute %s. It must have 1 to 255 characters.", field)
}

func (a *api) createAggregate(w http.ResponseWriter, r *http.Request) error {
	name, zone, err := readAggregate(r)
	if err != nil {
		return err
	}
	if name == nil {
		return cloud.Invalidf("request", "name", "Invalid input: 'name' is a required property")
	}
	v, err := a.Compute.CreateAggregate(r.Context(), *name, deref(zone))
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"aggregate": aggregateBasics(r, v)})
}

func (a *api) updateAggregate(w http.ResponseWriter, r *http.Request) error {
	name, zone, err := readAggregate(r)
	if err != nil {
		return err
	}
	if name == nil && zone == nil {
		return cloud.Invalidf("request", "aggregate", "Invalid input for field/attribute aggregate. Nothing to change.")
	}
	v, err := a.Compute.UpdateAggregate(r.Context(), aggregateID(r), compute.AggregateChange{Name: name, Zone: zone})
	return writeAggregate(w, r, v, err)
}

func (a *api) deleteAggregate(w http.ResponseWriter, r *http.Request) error {
	if err := a.Compute.DeleteAggregate(r.Context(), aggregateID(r)); err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusOK)
}

func (a *api) aggregateAction(w http.ResponseWriter, r *http.Request) error {
	type member struct {
		Host string `json:"host"`
	}
	var body struct {
		Add    *member `json:"add_host"`
		Remove *member `json:"remove_host"`
		Set    *struct {
			Metadata map[string]*string `json:"metadata"`
		} `json:"set_metadata"`
	}
	if err := openstack.DecodeStrict(r, &body); err != nil {
		return err
	}
	var v *compute.AggregateView
	var err error
	switch {
	case body.Add != nil:
		v, err = a.Compute.AddHost(r.Context(), aggregateID(r), body.Add.Host)
	case body.Remove != nil:
		v, err = a.Compute.RemoveHost(r.Context(), aggregateID(r), body.Remove.Host)
	case body.Set != nil && body.Set.Metadata != nil:
		v, err = a.Compute.UpdateAggregate(r.Context(), aggregateID(r), metadataChange(body.Set.Metadata))
	default:
		err = cloud.Invalidf("request", "body", "The body must name add_host, remove_host or set_metadata.")
	}
	return writeAggregate(w, r, v, err)
}

func metadataChange(m map[string]*string) compute.AggregateChange {
	c := compute.AggregateChange{Properties: map[string]*string{}}
	for k, v := range m {
		if k == zoneKey {
			zone := deref(v)
			c.Zone = &zone
			continue
		}
		c.Properties[k] = v
	}
	return c
}
