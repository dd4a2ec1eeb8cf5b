// Package placement speaks OpenStack Placement, microversions 1.0 to 1.39, as a read-only
// view of the hosts that package compute places on: each host is a resource provider with three
// inventories, and what its instances use.
//
// Knowingly absent: writing (405), allocation candidates, traits and aggregates.
//
// Source: https://docs.openstack.org/api-ref/placement/
package placement

import (
	"log/slog"
	"net/http"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/dialect"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

// Deps is what the dialect stands on.
type Deps struct {
	Auth    dialect.Authenticator
	Compute *compute.Service
	Prefix  string // "/placement"
	Log     *slog.Logger
}

// Versions is the range of microversions.
var Versions = openstack.Microversions{Type: "placement", Min: openstack.Version{Major: 1}, Max: openstack.Version{Major: 1, Minor: 39}}

type api struct {
	Deps
	*openstack.Service
}

// New makes the service.
func New(d Deps) *openstack.Service {
	a := &api{Deps: d, Service: openstack.NewService("placement", openstack.FaultPlacement, d.Auth, d.Log)}
	a.Check = Versions.Negotiate
	a.Public("GET /{$}", a.version)
	a.Handle("GET /resource_providers", a.list)
	a.Handle("GET /resource_providers/{id}", a.show)
	a.Handle("GET /resource_providers/{id}/inventories", a.inventories)
	a.Handle("GET /resource_providers/{id}/inventories/{class}", a.inventory)
	a.Handle("GET /resource_providers/{id}/usages", a.usages)
	a.Handle("GET /resource_classes", a.classes)
	return a.Service
}

func (a *api) version(w http.ResponseWriter, r *http.Request) error {
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"versions": []any{map[string]any{
		"id": "v1.0", "status": "CURRENT", "max_version": Versions.Max.String(), "min_version": Versions.Min.String(),
		"links": []any{map[string]any{"rel": "self", "href": ""}}}}})
}

func (a *api) provider(r *http.Request, h *compute.HostView) map[string]any {
	path := a.Prefix + "/resource_providers/" + string(h.ID)
	links := []any{}
	for _, rel := range [][2]string{{"self", ""}, {"inventories", "/inventories"}, {"usages", "/usages"}} {
		links = append(links, map[string]any{"rel": rel[0], "href": path + rel[1]})
	}
	m := map[string]any{"uuid": h.ID, "name": h.Name, "generation": h.Revision, "links": links}
	if openstack.VersionOf(r).AtLeast(1, 14) {
		m["parent_provider_uuid"], m["root_provider_uuid"] = nil, h.ID
	}
	return m
}

func (a *api) list(w http.ResponseWriter, r *http.Request) error {
	hosts, err := a.Compute.ListHosts(r.Context(), cloud.Query{})
	if err != nil {
		return err
	}
	q := r.URL.Query()
	out := []any{}
	for _, h := range hosts {
		if (q.Get("name") == "" || q.Get("name") == h.Name) && (q.Get("uuid") == "" || q.Get("uuid") == string(h.ID)) {
			out = append(out, a.provider(r, h))
		}
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"resource_providers": out})
}

// host answers a provider by its id only: names are for the list's filter.
func (a *api) host(r *http.Request) (*compute.HostView, error) {
	id := r.PathValue("id")
	h, err := a.Compute.Host(r.Context(), id)
	if err != nil || string(h.ID) != id {
		if err == nil || cloud.Is(err, cloud.NotFound) {
			return nil, cloud.Errorf(cloud.NotFound, "resource provider", id, "No resource provider with uuid %s found", id)
		}
		return nil, err
	}
	return h, nil
}

func (a *api) show(w http.ResponseWriter, r *http.Request) error {
	h, err := a.host(r)
	if err != nil {
		return err
	}
	return openstack.WriteJSON(w, http.StatusOK, a.provider(r, h))
}

// resource is one inventory of a host.
type resource struct {
	class                 string
	total, reserved, used int
	ratio                 float64
}

func resources(h *compute.HostView) []resource {
	return []resource{
		{"VCPU", h.VCPUs, 0, h.UsedVCPUs, h.VCPURatio},
		{"MEMORY_MB", h.MemoryMiB, h.ReservedMiB, h.UsedMemoryMiB, h.MemoryRatio},
		{"DISK_GB", h.DiskGiB, 0, h.UsedDiskGiB, h.DiskRatio},
	}
}

func inventory(r resource) map[string]any {
	return map[string]any{"total": r.total, "reserved": r.reserved, "allocation_ratio": r.ratio, "min_unit": 1, "max_unit": max(r.total, 1), "step_size": 1}
}

func (a *api) inventories(w http.ResponseWriter, r *http.Request) error {
	h, err := a.host(r)
	if err != nil {
		return err
	}
	all := map[string]any{}
	for _, res := range resources(h) {
		all[res.class] = inventory(res)
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"inventories": all, "resource_provider_generation": h.Revision})
}

func (a *api) inventory(w http.ResponseWriter, r *http.Request) error {
	h, err := a.host(r)
	if err != nil {
		return err
	}
	class := r.PathValue("class")
	list := resources(h)
	i := slices.IndexFunc(list, func(res resource) bool { return res.class == class })
	if i < 0 {
		return cloud.Errorf(cloud.NotFound, "inventory", class, "No inventory of class %s for %s", class, h.ID)
	}
	m := inventory(list[i])
	m["resource_provider_generation"] = h.Revision
	return openstack.WriteJSON(w, http.StatusOK, m)
}

func (a *api) usages(w http.ResponseWriter, r *http.Request) error {
	h, err := a.host(r)
	if err != nil {
		return err
	}
	used := map[string]any{}
	for _, res := range resources(h) {
		used[res.class] = res.used
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"usages": used, "resource_provider_generation": h.Revision})
}

func (a *api) classes(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.Compute.ListHosts(r.Context(), cloud.Query{Limit: 1}); err != nil {
		return err
	}
	out := []any{}
	for _, class := range []string{"VCPU", "MEMORY_MB", "DISK_GB"} {
		out = append(out, map[string]any{"name": class, "links": []any{map[string]any{"rel": "self", "href": a.Prefix + "/resource_classes/" + class}}})
	}
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"resource_classes": out})
}
