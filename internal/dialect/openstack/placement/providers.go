package placement

import (
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/inventory"
)

func notFound(message string) error {
	return &cloud.Error{Kind: cloud.NotFound, Resource: "resource", Message: message}
}

func providerID(r *http.Request) cloud.ProviderID { return cloud.ProviderID(r.PathValue("id")) }

// providerLinks are what can be asked of a provider, each with the microversion it came with.
var providerLinks = []struct {
	rel   string
	minor int
}{{"inventories", 0}, {"usages", 0}, {"aggregates", 1}, {"traits", 6}, {"allocations", 11}}

func (a *api) provider(r *http.Request, v *inventory.View) map[string]any {
	path := a.Prefix + "/resource_providers/" + string(v.ID)
	links := []any{map[string]any{"rel": "self", "href": path}}
	for _, l := range providerLinks {
		if atLeast(r, l.minor) {
			links = append(links, map[string]any{"rel": l.rel, "href": path + "/" + l.rel})
		}
	}
	m := map[string]any{"uuid": v.ID, "name": v.Name, "generation": v.Generation, "links": links}
	if atLeast(r, 14) {
		m["parent_provider_uuid"], m["root_provider_uuid"] = orNull(string(v.Parent)), v.Root
	}
	return m
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func (a *api) listProviders(w http.ResponseWriter, r *http.Request) error {
	f, err := providerFilter(r)
	if err != nil {
		return err
	}
	list, err := a.Inventory.ListProviders(r.Context(), f)
	if err != nil {
		return err
	}
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = a.provider(r, v)
	}
	return write(w, r, http.StatusOK, latest(list), map[string]any{"resource_providers": out})
}

func (a *api) showProvider(w http.ResponseWriter, r *http.Request) error {
	v, err := a.Inventory.Provider(r.Context(), providerID(r))
	if err != nil {
		return err
	}
	return write(w, r, http.StatusOK, v.UpdatedAt, a.provider(r, v))
}

// providerBody is what clients say of a provider.
type providerBody struct {
	Name   *string                    `json:"name"`
	UUID   string                     `json:"uuid"`
	Parent openstack.Optional[string] `json:"parent_provider_uuid"`
}

const nameMax = 200

func decodeProvider(r *http.Request) (b providerBody, err error) {
	if err := openstack.DecodeStrict(r, &b); err != nil {
		return b, err
	}
	if b.Name == nil || *b.Name == "" || len(*b.Name) > nameMax {
		return b, cloud.Invalidf("request", "name", "JSON does not validate: 'name' is a required property of 1 to %d characters.", nameMax)
	}
	if b.UUID != "" && !isUUID(b.UUID) {
		return b, cloud.Invalidf("request", "uuid", "JSON does not validate: '%s' is not a 'uuid'.", b.UUID)
	}
	if b.Parent.Set && !atLeast(r, 14) {
		return b, cloud.Invalidf("request", "parent_provider_uuid", "JSON does not validate: Additional properties are not allowed ('parent_provider_uuid' was unexpected)")
	}
	if p := b.Parent.Value; p != "" && !isUUID(p) {
		return b, cloud.Invalidf("request", "parent_provider_uuid", "JSON does not validate: '%s' is not a 'uuid'.", p)
	}
	return b, nil
}

// createProvider answers with the provider from 1.20 on, before with its address alone.
func (a *api) createProvider(w http.ResponseWriter, r *http.Request) error {
	body, err := decodeProvider(r)
	if err != nil {
		return err
	}
	v, err := a.Inventory.CreateProvider(r.Context(), cloud.Provider{ID: cloud.ProviderID(body.UUID), Name: *body.Name, Parent: cloud.ProviderID(body.Parent.Value)})
	if err != nil {
		return err
	}
	w.Header().Set("Location", openstack.BaseURL(r)+a.Prefix+"/resource_providers/"+string(v.ID))
	if !atLeast(r, 20) {
		return writeEmpty(w, r, http.StatusCreated)
	}
	return write(w, r, http.StatusOK, v.UpdatedAt, a.provider(r, v))
}

func (a *api) updateProvider(w http.ResponseWriter, r *http.Request) error {
	body, err := decodeProvider(r)
	if err != nil {
		return err
	}
	if body.UUID != "" {
		return cloud.Invalidf("request", "uuid", "JSON does not validate: Additional properties are not allowed ('uuid' was unexpected)")
	}
	c := inventory.ProviderChange{Name: body.Name, Reparent: atLeast(r, 37)}
	if parent := cloud.ProviderID(body.Parent.Value); body.Parent.Set {
		c.Parent = &parent
	}
	v, err := a.Inventory.UpdateProvider(r.Context(), providerID(r), c)
	if err != nil {
		return err
	}
	return write(w, r, http.StatusOK, v.UpdatedAt, a.provider(r, v))
}

func (a *api) deleteProvider(w http.ResponseWriter, r *http.Request) error {
	if err := a.Inventory.DeleteProvider(r.Context(), providerID(r)); err != nil {
		return err
	}
	return writeEmpty(w, r, http.StatusNoContent)
}

func (a *api) providerUsages(w http.ResponseWriter, r *http.Request) error {
	v, err := a.Inventory.Provider(r.Context(), providerID(r))
	if err != nil {
		return err
	}
	used := map[string]int{}
	for class := range v.Stock {
		used[class] = v.Used[class]
	}
	return write(w, r, http.StatusOK, v.UpdatedAt, map[string]any{"usages": used, "resource_provider_generation": v.Generation})
}

// aggregates answers a provider's groups; with its generation from 1.19 on.
func (a *api) aggregates(w http.ResponseWriter, r *http.Request, v *inventory.View) error {
	body := map[string]any{"aggregates": texts(v.Groups)}
	if atLeast(r, 19) {
		body["resource_provider_generation"] = v.Generation
	}
	return write(w, r, http.StatusOK, v.UpdatedAt, body)
}

func (a *api) listAggregates(w http.ResponseWriter, r *http.Request) error {
	v, err := a.Inventory.Provider(r.Context(), providerID(r))
	if err != nil {
		return err
	}
	return a.aggregates(w, r, v)
}

func (a *api) replaceAggregates(w http.ResponseWriter, r *http.Request) error {
	groups, generation, err := decodeAggregates(r)
	if err != nil {
		return err
	}
	for i, g := range groups {
		if !isUUID(g) {
			return cloud.Invalidf("request", "aggregates", "JSON does not validate: '%s' is not a 'uuid'.", g)
		}
		for _, other := range groups[:i] {
			if g == other {
				return cloud.Invalidf("request", "aggregates", "JSON does not validate: %s stands there twice.", g)
			}
		}
	}
	v, err := a.Inventory.SetGroups(r.Context(), providerID(r), generation, groups)
	if err != nil {
		return err
	}
	return a.aggregates(w, r, v)
}

// decodeAggregates reads a list before 1.19, then an object with the generation.
func decodeAggregates(r *http.Request) (groups []string, generation *int, err error) {
	if !atLeast(r, 19) {
		return groups, nil, openstack.Decode(r, &groups)
	}
	var body struct {
		Aggregates *[]string `json:"aggregates"`
		Generation *int      `json:"resource_provider_generation"`
	}
	if err := openstack.DecodeStrict(r, &body); err != nil {
		return nil, nil, err
	}
	if body.Aggregates == nil || body.Generation == nil {
		return nil, nil, cloud.Invalidf("request", "aggregates", "JSON does not validate: 'aggregates' and 'resource_provider_generation' are required properties")
	}
	return *body.Aggregates, body.Generation, nil
}

// texts is a list that is never null.
func texts(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
