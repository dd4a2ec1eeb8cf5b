package nova

import (
	"log/slog"
	"net/http"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/dialect"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/quota"
)

// Deps is what the dialect stands on.
type Deps struct {
	Auth    dialect.Authenticator
	Compute *compute.Service
	Quota   *quota.Service
	// Images, Networks and Volumes serve the proxies that ended with 2.36.
	Images   Images
	Networks Networks
	Volumes  Volumes
	// Consoles makes addresses of consoles.
	Consoles Consoles
	// Prefix is where the service is mounted: "/compute".
	Prefix string
	// HostName is the machine of the process that answers.
	HostName string
	Log      *slog.Logger
}

// Versions is the range of microversions.
var Versions = openstack.Microversions{Type: "compute", Legacy: "X-OpenStack-Nova-API-Version",
	Min: openstack.Version{Major: 2, Minor: 1}, Max: openstack.Version{Major: 2, Minor: 96}}

type api struct {
	Deps
	*openstack.Service
}

// New makes the service.
func New(d Deps) *openstack.Service {
	a := &api{Deps: d, Service: openstack.NewService("nova", openstack.FaultNova, d.Auth, d.Log)}
	a.Check = Versions.Negotiate
	a.ProjectPath, a.OldPath, a.StrictSlash = "/v2.1", "/v2", true
	a.versions()
	a.servers()
	a.flavors()
	a.access()
	a.operators()
	a.quotas()
	a.proxies()
	a.aggregates()
	a.hostProxies()
	a.removals()
	return a.Service
}

// handle adds a route below /v2.1.
func (a *api) handle(pattern string, h openstack.Handler) {
	method, path, _ := strings.Cut(pattern, " ")
	a.Handle(method+" /v2.1"+path, h)
}

func (a *api) servers() {
	a.handle("GET /servers", a.listServers)
	a.handle("GET /servers/detail", a.listServersDetail)
	a.handle("POST /servers", a.createServer)
	a.handle("GET /servers/{id}", a.showServer)
	a.handle("PUT /servers/{id}", a.updateServer)
	a.handle("DELETE /servers/{id}", a.deleteServer)
	a.handle("POST /servers/{id}/action", a.action)
	a.handle("GET /servers/{id}/ips", a.listAddresses)
	a.handle("GET /servers/{id}/ips/{network}", a.showAddresses)
	a.handle("GET /servers/{id}/diagnostics", a.diagnostics)
	a.handle("GET /servers/{id}/os-security-groups", a.serverGroupsOf)
	a.handle("GET /servers/{id}/os-instance-actions", a.listActions)
	a.handle("GET /servers/{id}/os-instance-actions/{action}", a.showAction)
	a.handle("POST /servers/{id}/remote-consoles", a.remoteConsole)
	a.handle("GET /servers/{id}/metadata", a.showMetadata)
	a.handle("POST /servers/{id}/metadata", a.updateMetadata)
	a.handle("PUT /servers/{id}/metadata", a.replaceMetadata)
	a.handle("GET /servers/{id}/metadata/{key}", a.showMetadataItem)
	a.handle("PUT /servers/{id}/metadata/{key}", a.setMetadataItem)
	a.handle("DELETE /servers/{id}/metadata/{key}", a.deleteMetadataItem)
	a.handle("GET /servers/{id}/tags", a.listTags)
	a.handle("PUT /servers/{id}/tags", a.replaceTags)
	a.handle("DELETE /servers/{id}/tags", a.deleteTags)
	a.handle("GET /servers/{id}/tags/{tag}", a.checkTag)
	a.handle("PUT /servers/{id}/tags/{tag}", a.addTag)
	a.handle("DELETE /servers/{id}/tags/{tag}", a.deleteTag)
	a.handle("GET /servers/{id}/os-volume_attachments", a.listAttachments)
	a.handle("POST /servers/{id}/os-volume_attachments", a.attachVolume)
	a.handle("GET /servers/{id}/os-volume_attachments/{volume}", a.showAttachment)
	a.handle("PUT /servers/{id}/os-volume_attachments/{volume}", a.updateAttachment)
	a.handle("DELETE /servers/{id}/os-volume_attachments/{volume}", a.detachVolume)
	a.handle("GET /servers/{id}/os-server-password", a.showServerPassword)
	a.handle("DELETE /servers/{id}/os-server-password", a.clearServerPassword)
	a.handle("GET /servers/{id}/os-interface", a.listInterfaces)
	a.handle("POST /servers/{id}/os-interface", a.attachInterface)
	a.handle("GET /servers/{id}/os-interface/{port}", a.showInterface)
	a.handle("DELETE /servers/{id}/os-interface/{port}", a.detachInterface)
}

func (a *api) flavors() {
	a.handle("GET /flavors", a.listFlavors)
	a.handle("GET /flavors/detail", a.listFlavorsDetail)
	a.handle("POST /flavors", a.createFlavor)
	a.handle("GET /flavors/{id}", a.showFlavor)
	a.handle("PUT /flavors/{id}", a.updateFlavor)
	a.handle("DELETE /flavors/{id}", a.deleteFlavor)
	a.handle("POST /flavors/{id}/action", a.flavorAction)
	a.handle("GET /flavors/{id}/os-flavor-access", a.listFlavorAccess)
	a.handle("GET /flavors/{id}/os-extra_specs", a.listExtraSpecs)
	a.handle("POST /flavors/{id}/os-extra_specs", a.createExtraSpecs)
	a.handle("GET /flavors/{id}/os-extra_specs/{key}", a.showExtraSpec)
	a.handle("PUT /flavors/{id}/os-extra_specs/{key}", a.updateExtraSpec)
	a.handle("DELETE /flavors/{id}/os-extra_specs/{key}", a.deleteExtraSpec)
}

func (a *api) access() {
	a.handle("GET /os-keypairs", a.listKeyPairs)
	a.handle("POST /os-keypairs", a.createKeyPair)
	a.handle("GET /os-keypairs/{name}", a.showKeyPair)
	a.handle("DELETE /os-keypairs/{name}", a.deleteKeyPair)
	a.handle("GET /os-server-groups", a.listGroups)
	a.handle("POST /os-server-groups", a.createGroup)
	a.handle("GET /os-server-groups/{id}", a.showGroup)
	a.handle("DELETE /os-server-groups/{id}", a.deleteGroup)
	a.handle("GET /os-availability-zone", a.listZones)
	a.handle("GET /os-availability-zone/detail", a.listZonesDetail)
	a.handle("GET /extensions", a.listExtensions)
	a.handle("GET /extensions/{alias}", a.showExtension)
}

func (a *api) operators() {
	a.handle("GET /os-hypervisors", a.listHypervisors)
	a.handle("GET /os-hypervisors/detail", a.listHypervisorsDetail)
	a.ended("GET /os-hypervisors/statistics", 87, a.hypervisorStatistics)
	a.handle("GET /os-hypervisors/{id}", a.showHypervisor)
	a.ended("GET /os-hypervisors/{id}/uptime", 87, a.hypervisorUptime)
	a.ended("GET /os-hypervisors/{id}/search", 52, a.searchHypervisors)
	a.ended("GET /os-hypervisors/{id}/servers", 52, a.hypervisorServers)
	a.handle("GET /os-services", a.listServices)
	a.handle("PUT /os-services/{id}", a.updateService)
	a.handle("DELETE /os-services/{id}", a.deleteService)
	a.handle("GET /os-simple-tenant-usage", a.listUsage)
	a.handle("GET /os-simple-tenant-usage/{tenant}", a.showUsage)
	a.handle("POST /os-server-external-events", a.externalEvents)
	a.handle("GET /os-migrations", a.listMigrations)
	a.handle("GET /servers/{id}/migrations", a.listServerMigrations)
	a.handle("GET /servers/{id}/migrations/{migration}", a.showServerMigration)
	a.handle("DELETE /servers/{id}/migrations/{migration}", a.abortMigration)
	a.handle("POST /servers/{id}/migrations/{migration}/action", a.forceMigration)
}

func (a *api) quotas() {
	a.handle("GET /limits", a.showLimits)
	a.handle("GET /os-quota-sets/{tenant}", a.showQuota)
	a.handle("GET /os-quota-sets/{tenant}/detail", a.showQuotaDetail)
	a.handle("GET /os-quota-sets/{tenant}/defaults", a.showQuotaDefaults)
	a.handle("PUT /os-quota-sets/{tenant}", a.updateQuota)
	a.handle("DELETE /os-quota-sets/{tenant}", a.deleteQuota)
	a.handle("GET /os-quota-class-sets/{class}", a.showQuotaClass)
	a.handle("PUT /os-quota-class-sets/{class}", a.updateQuotaClass)
}

func (a *api) versions() {
	a.Public("GET /{$}", func(w http.ResponseWriter, r *http.Request) error {
		return openstack.WriteJSON(w, http.StatusOK, map[string]any{"versions": []any{a.version(r, "2"), a.version(r, "2.1")}})
	})
	for _, number := range []string{"2", "2.1"} {
		a.Public("GET /v"+number, func(w http.ResponseWriter, r *http.Request) error {
			v := a.version(r, number)
			v["media-types"] = []any{map[string]any{"base": "application/json", "type": "application/vnd.openstack.compute+json;version=" + number}}
			return openstack.WriteJSON(w, http.StatusOK, map[string]any{"version": v})
		})
	}
}

// version describes 2.1, or the 2 that it replaced, which has no microversions.
func (a *api) version(r *http.Request, number string) map[string]any {
	v := map[string]any{"id": "v2.0", "status": "SUPPORTED", "version": "", "min_version": "", "updated": "2011-01-21T11:33:21Z"}
	if number == "2.1" {
		v = map[string]any{"id": "v2.1", "status": "CURRENT", "version": Versions.Max.String(), "min_version": Versions.Min.String(), "updated": "2013-07-23T11:33:21Z"}
	}
	v["links"] = []any{map[string]any{"rel": "self", "href": openstack.BaseURL(r) + a.Prefix + "/v" + number + "/"}}
	return v
}

func serverID(r *http.Request) cloud.InstanceID { return cloud.InstanceID(r.PathValue("id")) }

func atLeast(r *http.Request, minor int) bool { return openstack.VersionOf(r).AtLeast(2, minor) }

// since hides a route from versions before it existed.
func since(r *http.Request, minor int) error {
	if atLeast(r, minor) {
		return nil
	}
	return noRoute()
}

func noRoute() error {
	return &cloud.Error{Kind: cloud.NotFound, Resource: "resource", Message: "The resource could not be found."}
}

func (a *api) links(r *http.Request, kind, id string) []any {
	base := openstack.BaseURL(r) + a.Prefix
	return []any{
		map[string]any{"rel": "self", "href": base + "/v2.1/" + kind + "/" + id},
		map[string]any{"rel": "bookmark", "href": base + "/" + kind + "/" + id},
	}
}

const pageMax = 1000

// withNext adds a link to the next page when this one is full.
func (a *api) withNext(r *http.Request, body map[string]any, key, path string, limit, n int, last string) map[string]any {
	if limit > 0 && n == limit && n > 0 {
		body[key] = []any{map[string]any{"rel": "next", "href": openstack.NextURL(r, a.Prefix+"/v2.1"+path, last)}}
	}
	return body
}
