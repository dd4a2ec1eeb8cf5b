package nova

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/policy"
)

var flavorColumns = openstack.SortColumns{"created_at": "created_at", "description": "description", "disabled": "disabled",
	"ephemeral_gb": "ephemeral_gib", "flavorid": "id", "id": "id", "is_public": "public", "memory_mb": "memory_mib", "name": "name",
	"root_gb": "disk_gib", "rxtx_factor": "rxtx_factor", "swap": "swap_mib", "updated_at": "updated_at", "vcpus": "vcpus", "vcpu_weight": "id"}

func flavorID(r *http.Request) cloud.FlavorID { return cloud.FlavorID(r.PathValue("id")) }

func (a *api) flavor(r *http.Request, f *cloud.Flavor) map[string]any {
	body := map[string]any{"id": f.ID, "name": f.Name, "ram": f.MemoryMiB, "disk": f.DiskGiB, "vcpus": f.VCPUs,
		"OS-FLV-EXT-DATA:ephemeral": f.EphemeralGiB, "OS-FLV-DISABLED:disabled": f.Disabled, "os-flavor-access:is_public": f.Public,
		"rxtx_factor": f.RxTxFactor, "swap": swapWord(r, f.SwapMiB), "links": a.links(r, "flavors", string(f.ID))}
	if atLeast(r, 55) {
		body["description"] = f.Description
	}
	if atLeast(r, 61) {
		body["extra_specs"] = orEmpty(f.ExtraSpecs)
	}
	return body
}

// swapWord is an empty string for none until 2.75.
func swapWord(r *http.Request, mib int) any {
	if mib == 0 && !atLeast(r, 75) {
		return ""
	}
	return mib
}

func (a *api) flavorList(r *http.Request) ([]*cloud.Flavor, openstack.Page, error) {
	p, err := openstack.ParsePage(r, flavorColumns, pageMax)
	if err != nil {
		return nil, p, err
	}
	if len(p.Order) == 0 {
		p.Order = []cloud.Order{{Column: "id"}}
	}
	public, err := publicFilter(r)
	if err != nil {
		return nil, p, err
	}
	keep, err := sizeFilter(r)
	if err != nil {
		return nil, p, err
	}
	list, err := a.Compute.ListFlavors(r.Context(), p.Query(), public, keep)
	return list, p, noMarker(err, p)
}

// publicFilter: administrators may ask for private flavors or, with "None", for all.
func publicFilter(r *http.Request) (*bool, error) {
	yes := true
	text := r.URL.Query().Get("is_public")
	if !policy.May(r.Context(), "flavor.list_private", policy.Target{}) {
		return nil, nil
	}
	switch text {
	case "":
		return &yes, nil
	case "None", "none":
		return nil, nil
	}
	on, err := openstack.ParseBool("is_public", text)
	return &on, err
}

func sizeFilter(r *http.Request) (func(*cloud.Flavor) bool, error) {
	least := map[string]int{}
	for _, key := range []string{"minRam", "minDisk"} {
		if text := r.URL.Query().Get(key); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil {
				return nil, cloud.Invalidf("request", key, "Invalid %s filter [%s]", key, text)
			}
			least[key] = n
		}
	}
	return func(f *cloud.Flavor) bool { return f.MemoryMiB >= least["minRam"] && f.DiskGiB >= least["minDisk"] }, nil
}

func (a *api) listFlavors(w http.ResponseWriter, r *http.Request) error {
	return a.writeFlavors(w, r, "/flavors", func(f *cloud.Flavor) any {
		m := map[string]any{"id": f.ID, "name": f.Name, "links": a.links(r, "flavors", string(f.ID))}
		if atLeast(r, 55) {
			m["description"] = f.Description
		}
		return m
	})
}

func (a *api) listFlavorsDetail(w http.ResponseWriter, r *http.Request) error {
	return a.writeFlavors(w, r, "/flavors/detail", func(f *cloud.Flavor) any { return a.flavor(r, f) })
}

func (a *api) writeFlavors(w http.ResponseWriter, r *http.Request, path string, view func(*cloud.Flavor) any) error {
	list, p, err := a.flavorList(r)
	if err != nil {
		return err
	}
	out := make([]any, len(list))
	for i, f := range list {
		out[i] = view(f)
	}
	body := map[string]any{"flavors": out}
	if n := len(list); n > 0 {
		body = a.withNext(r, body, "flavors_links", path, p.Limit, n, string(list[n-1].ID))
	}
	return openstack.WriteJSON(w, http.StatusOK, body)
}

func (a *api) showFlavor(w http.ResponseWriter, r *http.Request) error {
	f, err := a.Compute.Flavor(r.Context(), flavorID(r))
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"flavor": a.flavor(r, f)})
}

func (a *api) createFlavor(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Flavor *struct {
			Name        string     `json:"name"`
			ID          refString  `json:"id"`
			RAM         *looseInt  `json:"ram"`
			VCPUs       *looseInt  `json:"vcpus"`
			Disk        *looseInt  `json:"disk"`
			Ephemeral   looseInt   `json:"OS-FLV-EXT-DATA:ephemeral"`
			Swap        looseInt   `json:"swap"`
			Factor      *float64   `json:"rxtx_factor"`
			Public      *looseBool `json:"os-flavor-access:is_public"`
			Description *string    `json:"description"`
		} `json:"flavor"`
	}
	if err := openstack.DecodeStrict(r, &body); err != nil {
		return err
	}
	b := body.Flavor
	if b == nil || b.RAM == nil || b.VCPUs == nil || b.Disk == nil {
		return cloud.Invalidf("request", "flavor", "Invalid input: 'flavor' needs 'name', 'ram', 'vcpus' and 'disk'.")
	}
	f := cloud.Flavor{ID: cloud.FlavorID(b.ID), Name: b.Name, Description: b.Description, Public: b.Public == nil || bool(*b.Public),
		FlavorSize: cloud.FlavorSize{VCPUs: int(*b.VCPUs), MemoryMiB: int(*b.RAM), DiskGiB: int(*b.Disk), EphemeralGiB: int(b.Ephemeral), SwapMiB: int(b.Swap), RxTxFactor: 1}}
	if f.ID == "auto" || f.ID == "null" {
		f.ID = ""
	}
	if b.Factor != nil {
		f.RxTxFactor = *b.Factor
	}
	made, err := a.Compute.CreateFlavor(r.Context(), f)
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"flavor": a.flavor(r, made)})
}

func (a *api) updateFlavor(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Flavor struct {
			Description *string `json:"description"`
		} `json:"flavor"`
	}
	if err := since(r, 55); err != nil {
		return err
	}
	if err := openstack.DecodeStrict(r, &body); err != nil {
		return err
	}
	f, err := a.Compute.ChangeFlavor(r.Context(), flavorID(r), func(f *cloud.Flavor) error {
		f.Description = body.Flavor.Description
		return nil
	})
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"flavor": a.flavor(r, f)})
}

func (a *api) deleteFlavor(w http.ResponseWriter, r *http.Request) error {
	return accept(w, a.Compute.DeleteFlavor(r.Context(), flavorID(r)))
}

// flavorAction adds or removes a project of a private flavor.
func (a *api) flavorAction(w http.ResponseWriter, r *http.Request) error {
	type tenant struct {
		Tenant cloud.ProjectID `json:"tenant"`
	}
	var body struct {
		Add    *tenant `json:"addTenantAccess"`
		Remove *tenant `json:"removeTenantAccess"`
	}
	if err := openstack.DecodeStrict(r, &body); err != nil {
		return err
	}
	if (body.Add == nil) == (body.Remove == nil) {
		return cloud.Invalidf("request", "body", "The body must name addTenantAccess or removeTenantAccess.")
	}
	f, err := a.Compute.ChangeFlavor(r.Context(), flavorID(r), func(f *cloud.Flavor) error {
		if f.Public {
			return cloud.Errorf(cloud.WrongState, "flavor", f.ID, "Can not add or remove access of a public flavor.")
		}
		projects := slices.Clone(f.Projects)
		if body.Add != nil {
			if slices.Contains(projects, body.Add.Tenant) {
				return cloud.Errorf(cloud.AlreadyExists, "flavor", f.ID, "Flavor access already exists for flavor %s and project %s combination.", f.ID, body.Add.Tenant)
			}
			f.Projects = append(projects, body.Add.Tenant)
			return nil
		}
		i := slices.Index(projects, body.Remove.Tenant)
		if i < 0 {
			return cloud.Errorf(cloud.NotFound, "flavor", f.ID, "Flavor access not found for %s / %s combination.", f.ID, body.Remove.Tenant)
		}
		f.Projects = slices.Delete(projects, i, i+1)
		return nil
	})
	if err != nil {
		return err
	}
	return writeAccess(w, f)
}

func writeAccess(w http.ResponseWriter, f *cloud.Flavor) error {
	out := []any{}
	for _, p := range f.Projects {
		out = append(out, map[string]any{"flavor_id": f.ID, "tenant_id": p})
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"flavor_access": out})
}

func (a *api) listFlavorAccess(w http.ResponseWriter, r *http.Request) error {
	f, err := a.Compute.FlavorProjects(r.Context(), flavorID(r))
	if err != nil {
		return err
	}
	if f.Public {
		return cloud.Errorf(cloud.NotFound, "flavor", f.ID, "Access list not available for public flavors.")
	}
	return writeAccess(w, f)
}

func (a *api) listExtraSpecs(w http.ResponseWriter, r *http.Request) error {
	f, err := a.Compute.Flavor(r.Context(), flavorID(r))
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"extra_specs": orEmpty(f.ExtraSpecs)})
}

var extraSpecKey = regexp.MustCompile(`^[a-zA-Z0-9 :._-]{1,255}$`)

func (a *api) createExtraSpecs(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Specs map[string]refString `json:"extra_specs"`
	}
	if err := openstack.DecodeStrict(r, &body); err != nil {
		return err
	}
	specs := map[string]string{}
	for k, v := range body.Specs {
		specs[k] = string(v)
	}
	if err := checkExtraSpecs(r, specs); err != nil {
		return err
	}
	_, err := a.Compute.ChangeFlavor(r.Context(), flavorID(r), func(f *cloud.Flavor) error {
		f.ExtraSpecs = combined(f.ExtraSpecs, specs, false)
		return nil
	})
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"extra_specs": specs})
}

func (a *api) showExtraSpec(w http.ResponseWriter, r *http.Request) error {
	f, err := a.Compute.Flavor(r.Context(), flavorID(r))
	if err != nil {
		return err
	}
	key := r.PathValue("key")
	v, ok := f.ExtraSpecs[key]
	if !ok {
		return noExtraSpec(f.ID, key)
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]string{key: v})
}

func noExtraSpec(id cloud.FlavorID, key string) error {
	return cloud.Errorf(cloud.NotFound, "extra spec", key, "Flavor %s has no extra specs with key %s.", id, key)
}

func (a *api) updateExtraSpec(w http.ResponseWriter, r *http.Request) error {
	var body map[string]refString
	if err := openstack.Decode(r, &body); err != nil {
		return err
	}
	key := r.PathValue("key")
	value, ok := body[key]
	if !ok || len(body) != 1 {
		return cloud.Invalidf("request", key, "Request body and URI mismatch")
	}
	if err := checkExtraSpecs(r, map[string]string{key: string(value)}); err != nil {
		return err
	}
	_, err := a.Compute.ChangeFlavor(r.Context(), flavorID(r), func(f *cloud.Flavor) error {
		f.ExtraSpecs = combined(f.ExtraSpecs, map[string]string{key: string(value)}, false)
		return nil
	})
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]string{key: string(value)})
}

func (a *api) deleteExtraSpec(w http.ResponseWriter, r *http.Request) error {
	key := r.PathValue("key")
	_, err := a.Compute.ChangeFlavor(r.Context(), flavorID(r), func(f *cloud.Flavor) error {
		if _, ok := f.ExtraSpecs[key]; !ok {
			return noExtraSpec(f.ID, key)
		}
		f.ExtraSpecs = maps.Clone(f.ExtraSpecs)
		delete(f.ExtraSpecs, key)
		return nil
	})
	if err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusOK)
}
