package placement

import (
	"math"
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/inventory"
)

func inventoryView(s cloud.Stock) map[string]any {
	return map[string]any{"total": s.Total, "reserved": s.Reserved, "allocation_ratio": s.Ratio, "min_unit": s.MinUnit, "max_unit": s.MaxUnit, "step_size": s.StepSize}
}

// stockBody is one inventory as clients write it.
type stockBody struct {
	Total    *int     `json:"total"`
	Reserved int      `json:"reserved"`
	MinUnit  *int     `json:"min_unit"`
	MaxUnit  *int     `json:"max_unit"`
	StepSize *int     `json:"step_size"`
	Ratio    *float64 `json:"allocation_ratio"`
}

// stock fills in what was left out. A reserve of everything is possible from 1.26 on.
func (b stockBody) stock(r *http.Request) (cloud.Stock, error) {
	if b.Total == nil {
		return cloud.Stock{}, cloud.Invalidf("request", "total", "JSON does not validate: 'total' is a required property")
	}
	s := cloud.Stock{Total: *b.Total, Reserved: b.Reserved, MinUnit: 1, MaxUnit: math.MaxInt32, StepSize: 1, Ratio: 1}
	for _, f := range []struct {
		from *int
		to   *int
	}{{b.MinUnit, &s.MinUnit}, {b.MaxUnit, &s.MaxUnit}, {b.StepSize, &s.StepSize}} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	if b.Ratio != nil {
		s.Ratio = *b.Ratio
	}
	if s.Reserved == s.Total && !atLeast(r, 26) {
		return s, cloud.Invalidf("request", "reserved", "Unable to update inventory: the reserved amount must be less than the total.")
	}
	return s, nil
}

func (a *api) inventories(w http.ResponseWriter, r *http.Request, v *inventory.View) error {
	all := map[string]any{}
	for class, s := range v.Stock {
		all[class] = inventoryView(s)
	}
	return write(w, r, http.StatusOK, v.UpdatedAt, map[string]any{"inventories": all, "resource_provider_generation": v.Generation})
}

func (a *api) listInventories(w http.ResponseWriter, r *http.Request) error {
	v, err := a.Inventory.Provider(r.Context(), providerID(r))
	if err != nil {
		return err
	}
	return a.inventories(w, r, v)
}

func (a *api) showInventory(w http.ResponseWriter, r *http.Request) error {
	v, err := a.Inventory.Provider(r.Context(), providerID(r))
	if err != nil {
		return err
	}
	return a.oneInventory(w, r, http.StatusOK, v, r.PathValue("class"))
}

func (a *api) oneInventory(w http.ResponseWriter, r *http.Request, status int, v *inventory.View, class string) error {
	s, ok := v.Stock[class]
	if !ok {
		return cloud.Errorf(cloud.NotFound, "inventory", class, "No inventory of class %s for %s", class, v.ID)
	}
	m := inventoryView(s)
	m["resource_provider_generation"] = v.Generation
	return write(w, r, status, v.UpdatedAt, m)
}

// generated is any body that names the generation its writer saw.
type generated struct {
	Generation *int `json:"resource_provider_generation"`
}

func (g generated) check() (int, error) {
	if g.Generation == nil {
		return 0, cloud.Invalidf("request", "resource_provider_generation", "JSON does not validate: 'resource_provider_generation' is a required property")
	}
	return *g.Generation, nil
}

func (a *api) createInventory(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		generated
		Class string `json:"resource_class"`
		stockBody
	}
	if err := openstack.DecodeStrict(r, &body); err != nil {
		return err
	}
	if body.Class == "" {
		return cloud.Invalidf("request", "resource_class", "JSON does not validate: 'resource_class' is a required property")
	}
	v, err := a.putInventory(r, body.generated, body.Class, body.stockBody, true)
	if err != nil {
		return err
	}
	w.Header().Set("Location", openstack.BaseURL(r)+a.Prefix+"/resource_providers/"+string(v.ID)+"/inventories/"+body.Class)
	return a.oneInventory(w, r, http.StatusCreated, v, body.Class)
}

func (a *api) updateInventory(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		generated
		stockBody
	}
	if err := openstack.DecodeStrict(r, &body); err != nil {
		return err
	}
	class := r.PathValue("class")
	v, err := a.putInventory(r, body.generated, class, body.stockBody, false)
	if err != nil {
		return err
	}
	return a.oneInventory(w, r, http.StatusOK, v, class)
}

func (a *api) putInventory(r *http.Request, g generated, class string, b stockBody, add bool) (*inventory.View, error) {
	generation, err := g.check()
	if err != nil {
		return nil, err
	}
	s, err := b.stock(r)
	if err != nil {
		return nil, err
	}
	return a.Inventory.PutStock(r.Context(), providerID(r), generation, class, s, add)
}

// stocks are all inventories of a provider as clients write them.
type stocks struct {
	generated
	Inventories *map[string]stockBody `json:"inventories"`
}

func (s stocks) read(r *http.Request) (int, map[string]cloud.Stock, error) {
	generation, err := s.check()
	if err != nil {
		return 0, nil, err
	}
	if s.Inventories == nil {
		return 0, nil, cloud.Invalidf("request", "inventories", "JSON does not validate: 'inventories' is a required property")
	}
	out := map[string]cloud.Stock{}
	for class, b := range *s.Inventories {
		if out[class], err = b.stock(r); err != nil {
			return 0, nil, err
		}
	}
	return generation, out, nil
}

func (a *api) replaceInventories(w http.ResponseWriter, r *http.Request) error {
	var body stocks
	if err := openstack.DecodeStrict(r, &body); err != nil {
		return err
	}
	generation, all, err := body.read(r)
	if err != nil {
		return err
	}
	v, err := a.Inventory.SetStock(r.Context(), providerID(r), generation, all)
	if err != nil {
		return err
	}
	return a.inventories(w, r, v)
}

func (a *api) deleteInventories(w http.ResponseWriter, r *http.Request) error {
	return a.dropInventory(w, r, "")
}

func (a *api) deleteInventory(w http.ResponseWriter, r *http.Request) error {
	return a.dropInventory(w, r, r.PathValue("class"))
}

func (a *api) dropInventory(w http.ResponseWriter, r *http.Request, class string) error {
	if err := a.Inventory.DeleteStock(r.Context(), providerID(r), class); err != nil {
		return err
	}
	return writeEmpty(w, r, http.StatusNoContent)
}
