package placement

import (
	"encoding/json"
	"net/http"
	"regexp"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/inventory"
)

func consumerOf(r *http.Request) cloud.ConsumerID { return cloud.ConsumerID(r.PathValue("consumer")) }

// consumerType is what a type of consumers may be called.
var consumerType = regexp.MustCompile(`^[A-Z0-9_]{1,255}$`)

func typeOf(c *cloud.Claim) string {
	if c.Type == "" {
		return inventory.UnknownType
	}
	return c.Type
}

// showAllocations says whose they are from 1.12 on, with a generation from 1.28 and a type from 1.38 on.
func (a *api) showAllocations(w http.ResponseWriter, r *http.Request) error {
	claims, err := a.Inventory.ListClaims(r.Context(), consumerOf(r))
	if err != nil {
		return err
	}
	generations := map[cloud.ProviderID]int{}
	for _, c := range claims {
		v, err := a.Inventory.Provider(r.Context(), c.Provider)
		if err != nil {
			return err
		}
		generations[c.Provider] = v.Generation
	}
	all := map[string]any{}
	body := map[string]any{"allocations": all}
	var changed time.Time
	for _, c := range claims {
		changed = c.UpdatedAt
		all[string(c.Provider)] = map[string]any{"resources": c.Held, "generation": generations[c.Provider]}
		if atLeast(r, 12) {
			body["project_id"], body["user_id"] = c.ProjectID, c.UserID
		}
		if atLeast(r, 28) {
			body["consumer_generation"] = c.Generation
		}
		if atLeast(r, 38) {
			body["consumer_type"] = typeOf(c)
		}
	}
	return write(w, r, http.StatusOK, changed, body)
}

func (a *api) listProviderAllocations(w http.ResponseWriter, r *http.Request) error {
	v, claims, err := a.Inventory.ClaimsOn(r.Context(), providerID(r))
	if err != nil {
		return err
	}
	all := map[string]any{}
	for _, c := range claims {
		m := map[string]any{"resources": c.Held}
		if atLeast(r, 28) {
			m["consumer_generation"] = c.Generation
		}
		all[string(c.Consumer)] = m
	}
	return write(w, r, http.StatusOK, v.UpdatedAt, map[string]any{"allocations": all, "resource_provider_generation": v.Generation})
}

// holdingBody is what a consumer should hold, as clients write it.
type holdingBody struct {
	Allocations json.RawMessage         `json:"allocations"`
	ProjectID   string                  `json:"project_id"`
	UserID      string                  `json:"user_id"`
	Generation  openstack.Optional[int] `json:"consumer_generation"`
	Type        string                  `json:"consumer_type"`
	Mappings    json.RawMessage         `json:"mappings"`
}

const ownerMax = 255

func (b holdingBody) check(r *http.Request) error {
	if atLeast(r, 8) && (b.ProjectID == "" || b.UserID == "" || len(b.ProjectID) > ownerMax || len(b.UserID) > ownerMax) {
		return cloud.Invalidf("request", "project_id", "JSON does not validate: 'project_id' and 'user_id' are required properties of at most %d characters", ownerMax)
	}
	if atLeast(r, 28) && !b.Generation.Set {
		return cloud.Invalidf("request", "consumer_generation", "JSON does not validate: 'consumer_generation' is a required property")
	}
	if b.Generation.Set && !atLeast(r, 28) {
		return cloud.Invalidf("request", "consumer_generation", "JSON does not validate: Additional properties are not allowed ('consumer_generation' was unexpected)")
	}
	if atLeast(r, 38) != (b.Type != "") || b.Type != "" && !consumerType.MatchString(b.Type) && b.Type != inventory.UnknownType {
		return cloud.Invalidf("request", "consumer_type", "JSON does not validate: 'consumer_type' belongs there from 1.38 on, in upper-case letters, digits and underscores")
	}
	return nil
}

// holding reads a body; empty tells whether it may hold nothing.
func (b holdingBody) holding(r *http.Request, consumer string, empty bool) (h inventory.Holding, err error) {
	if !isUUID(consumer) {
		return h, cloud.Invalidf("request", "consumer", "JSON does not validate: '%s' is not a 'uuid'", consumer)
	}
	if err := b.check(r); err != nil {
		return h, err
	}
	h = inventory.Holding{Consumer: cloud.ConsumerID(consumer), ProjectID: cloud.ProjectID(b.ProjectID), UserID: cloud.UserID(b.UserID), Checked: b.Generation.Set}
	if b.Type != inventory.UnknownType {
		h.Type = b.Type
	}
	if b.Generation.Set && !b.Generation.Null {
		h.Generation = &b.Generation.Value
	}
	if h.Held, err = held(r, b.Allocations); err != nil {
		return h, err
	}
	if len(h.Held) == 0 && !empty {
		return h, cloud.Invalidf("request", "allocations", "JSON does not validate: 'allocations' must name at least one resource provider")
	}
	return h, nil
}

// heldBody is what is held of one provider.
type heldBody struct {
	Resources  map[string]int `json:"resources"`
	Generation *int           `json:"generation"` // answers have it; it says nothing here
}

// held reads an object from 1.12 on, before a list.
func held(r *http.Request, raw json.RawMessage) (map[cloud.ProviderID]map[string]int, error) {
	if raw == nil {
		return nil, cloud.Invalidf("request", "allocations", "JSON does not validate: 'allocations' is a required property")
	}
	all := map[string]heldBody{}
	if atLeast(r, 12) {
		if err := openstack.DecodeBytesStrict(raw, &all); err != nil {
			return nil, err
		}
		return checkHeld(all)
	}
	var list []struct {
		Provider struct {
			UUID string `json:"uuid"`
		} `json:"resource_provider"`
		Resources map[string]int `json:"resources"`
	}
	if err := openstack.DecodeBytesStrict(raw, &list); err != nil {
		return nil, err
	}
	for _, x := range list {
		all[x.Provider.UUID] = heldBody{Resources: x.Resources}
	}
	return checkHeld(all)
}

func checkHeld(all map[string]heldBody) (map[cloud.ProviderID]map[string]int, error) {
	out := map[cloud.ProviderID]map[string]int{}
	for id, b := range all {
		if !isUUID(id) || len(b.Resources) == 0 {
			return nil, cloud.Invalidf("request", "allocations", "JSON does not validate: '%s' must be the uuid of a resource provider, with at least one resource", id)
		}
		for class, n := range b.Resources {
			if n < 1 {
				return nil, cloud.Invalidf("request", "resources", "JSON does not validate: %d is less than the minimum of 1 of %s", n, class)
			}
		}
		out[cloud.ProviderID(id)] = b.Resources
	}
	return out, nil
}

// replaceAllocations may leave nothing from 1.28 on.
func (a *api) replaceAllocations(w http.ResponseWriter, r *http.Request) error {
	var body holdingBody
	if err := openstack.DecodeStrict(r, &body); err != nil {
		return err
	}
	h, err := body.holding(r, r.PathValue("consumer"), atLeast(r, 28))
	if err != nil {
		return err
	}
	if err := a.Inventory.Hold(r.Context(), []inventory.Holding{h}); err != nil {
		return err
	}
	return writeEmpty(w, r, http.StatusNoContent)
}

func (a *api) manageAllocations(w http.ResponseWriter, r *http.Request) error {
	var body map[string]holdingBody
	if err := openstack.Decode(r, &body); err != nil {
		return err
	}
	list, err := holdings(r, body)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return cloud.Invalidf("request", "body", "JSON does not validate: the body must name at least one consumer")
	}
	if err := a.Inventory.Hold(r.Context(), list); err != nil {
		return err
	}
	return writeEmpty(w, r, http.StatusNoContent)
}

func holdings(r *http.Request, body map[string]holdingBody) ([]inventory.Holding, error) {
	list := make([]inventory.Holding, 0, len(body))
	for consumer, b := range body {
		h, err := b.holding(r, consumer, true)
		if err != nil {
			return nil, err
		}
		list = append(list, h)
	}
	return list, nil
}

func (a *api) deleteAllocations(w http.ResponseWriter, r *http.Request) error {
	if err := a.Inventory.Release(r.Context(), consumerOf(r)); err != nil {
		return err
	}
	return writeEmpty(w, r, http.StatusNoContent)
}

func (a *api) reshape(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Inventories *map[string]stocks      `json:"inventories"`
		Allocations *map[string]holdingBody `json:"allocations"`
	}
	if err := openstack.DecodeStrict(r, &body); err != nil {
		return err
	}
	if body.Inventories == nil || body.Allocations == nil || len(*body.Inventories) == 0 {
		return cloud.Invalidf("request", "inventories", "JSON does not validate: 'inventories' and 'allocations' are required properties")
	}
	var restocks []inventory.Restock
	for id, s := range *body.Inventories {
		generation, all, err := s.read(r)
		if err != nil {
			return err
		}
		restocks = append(restocks, inventory.Restock{Provider: cloud.ProviderID(id), Generation: generation, Stock: all})
	}
	list, err := holdings(r, *body.Allocations)
	if err != nil {
		return err
	}
	if err := a.Inventory.Reshape(r.Context(), restocks, list); err != nil {
		return err
	}
	return writeEmpty(w, r, http.StatusNoContent)
}
