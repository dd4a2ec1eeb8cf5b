package placement

import (
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/dialect"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/inventory"
)

// Deps is what the dialect stands on.
type Deps struct {
	Auth      dialect.Authenticator
	Inventory *inventory.Service
	Prefix    string // "/placement"
	Log       *slog.Logger
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
	a.providers()
	a.words()
	a.consumers()
	return a.Service
}

func (a *api) providers() {
	const one = "/resource_providers/{id}"
	a.reads(0, "GET /resource_providers", a.listProviders)
	a.writes(0, "POST /resource_providers", a.createProvider)
	a.reads(0, "GET "+one, a.showProvider)
	a.writes(0, "PUT "+one, a.updateProvider)
	a.writes(0, "DELETE "+one, a.deleteProvider)
	a.reads(0, "GET "+one+"/inventories", a.listInventories)
	a.writes(0, "POST "+one+"/inventories", a.createInventory)
	a.writes(0, "PUT "+one+"/inventories", a.replaceInventories)
	a.writes(5, "DELETE "+one+"/inventories", a.deleteInventories)
	a.reads(0, "GET "+one+"/inventories/{class}", a.showInventory)
	a.writes(0, "PUT "+one+"/inventories/{class}", a.updateInventory)
	a.writes(0, "DELETE "+one+"/inventories/{class}", a.deleteInventory)
	a.reads(0, "GET "+one+"/usages", a.providerUsages)
	a.reads(1, "GET "+one+"/aggregates", a.listAggregates)
	a.writes(1, "PUT "+one+"/aggregates", a.replaceAggregates)
	a.reads(6, "GET "+one+"/traits", a.listProviderTraits)
	a.writes(6, "PUT "+one+"/traits", a.replaceProviderTraits)
	a.writes(6, "DELETE "+one+"/traits", a.deleteProviderTraits)
	a.reads(0, "GET "+one+"/allocations", a.listProviderAllocations)
}

func (a *api) words() {
	a.reads(2, "GET /resource_classes", a.listClasses)
	a.writes(2, "POST /resource_classes", a.createClass)
	a.reads(2, "GET /resource_classes/{name}", a.showClass)
	a.writes(2, "PUT /resource_classes/{name}", a.putClass)
	a.writes(2, "DELETE /resource_classes/{name}", a.deleteClass)
	a.reads(6, "GET /traits", a.listTraits)
	a.reads(6, "GET /traits/{name}", a.showTrait)
	a.writes(6, "PUT /traits/{name}", a.putTrait)
	a.writes(6, "DELETE /traits/{name}", a.deleteTrait)
}

func (a *api) consumers() {
	a.reads(0, "GET /allocations/{consumer}", a.showAllocations)
	a.writes(0, "PUT /allocations/{consumer}", a.replaceAllocations)
	a.writes(0, "DELETE /allocations/{consumer}", a.deleteAllocations)
	a.writes(13, "POST /allocations", a.manageAllocations)
	a.writes(30, "POST /reshaper", a.reshape)
	a.reads(10, "GET /allocation_candidates", a.listCandidates)
	a.Handle("GET /usages", a.projectUsages)
}

// reads adds a route that exists from a microversion on, for those who may look at providers.
func (a *api) reads(minor int, pattern string, h openstack.Handler) {
	a.Handle(pattern, func(w http.ResponseWriter, r *http.Request) error {
		if err := since(r, minor); err != nil {
			return err
		}
		if err := a.Inventory.MayRead(r.Context()); err != nil {
			return err
		}
		return h(w, r)
	})
}

// writes is reads for those who may change them. Who may not is told so whatever the body.
func (a *api) writes(minor int, pattern string, h openstack.Handler) {
	a.Handle(pattern, func(w http.ResponseWriter, r *http.Request) error {
		if err := since(r, minor); err != nil {
			return err
		}
		if err := a.Inventory.MayManage(r.Context()); err != nil {
			return err
		}
		if r.Method != http.MethodDelete && r.ContentLength != 0 && !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
			return openstack.UnsupportedMedia("The media type " + r.Header.Get("Content-Type") + " is not supported, use application/json")
		}
		return h(w, r)
	})
}

func atLeast(r *http.Request, minor int) bool { return openstack.VersionOf(r).AtLeast(1, minor) }

func since(r *http.Request, minor int) error {
	if atLeast(r, minor) {
		return nil
	}
	return notFound("The resource could not be found.")
}

func (a *api) version(w http.ResponseWriter, r *http.Request) error {
	return openstack.WriteJSON(w, http.StatusOK, map[string]any{"versions": []any{map[string]any{
		"id": "v1.0", "status": "CURRENT", "max_version": Versions.Max.String(), "min_version": Versions.Min.String(),
		"links": []any{map[string]any{"rel": "self", "href": ""}}}}})
}

// write answers with a body; from 1.15 on it says how old that is and that it must not be kept.
func write(w http.ResponseWriter, r *http.Request, status int, changed time.Time, body any) error {
	dated(w, r, changed)
	return openstack.WriteJSON(w, status, body)
}

// writeEmpty is write without a body.
func writeEmpty(w http.ResponseWriter, r *http.Request, status int) error {
	dated(w, r, time.Time{})
	return openstack.WriteEmpty(w, status)
}

func dated(w http.ResponseWriter, r *http.Request, changed time.Time) {
	if !atLeast(r, 15) {
		return
	}
	if changed.IsZero() {
		changed = time.Now()
	}
	w.Header().Set("Last-Modified", changed.UTC().Format(http.TimeFormat))
	w.Header().Set("Cache-Control", "no-cache")
}
