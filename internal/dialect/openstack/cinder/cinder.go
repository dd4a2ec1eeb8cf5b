package cinder

import (
	"log/slog"
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/volume"
)

// Deps is what the dialect stands on.
type Deps struct {
	Volumes *volume.Service
	Auth    dialect.Authenticator
	Log     *slog.Logger
}

// Versions is the range of microversions.
var Versions = openstack.Microversions{Type: "volume", Min: openstack.Version{Major: 3, Minor: 0}, Max: openstack.Version{Major: 3, Minor: 60}}

// prefix is where package daemon mounts the service.
const prefix = "/volume"

type api struct{ volumes *volume.Service }

// New makes the service. Its handler expects paths without the service's prefix.
func New(d Deps) *openstack.Service {
	s := openstack.NewService("cinder", openstack.FaultCinder, d.Auth, d.Log)
	s.ProjectPath = "/v3"
	s.Check = Versions.Negotiate
	a := &api{volumes: d.Volumes}
	s.Public("GET /{$}", a.versionsMultiple)
	s.Public("GET /v3", a.versionOne)
	a.volumeRoutes(s)
	a.snapshotRoutes(s)
	a.typeRoutes(s)
	a.encryptionRoutes(s)
	a.attachmentRoutes(s)
	a.operatorRoutes(s)
	a.transferRoutes(s)
	a.backupRoutes(s)
	a.qosRoutes(s)
	a.groupTypeRoutes(s)
	a.groupRoutes(s)
	a.groupSnapshotRoutes(s)
	a.messageRoutes(s)
	a.defaultTypeRoutes(s)
	a.manageRoutes(s)
	absentRoutes(s)
	return s
}

func (a *api) volumeRoutes(s *openstack.Service) {
	s.Handle("GET /v3/volumes", a.listVolumes)
	s.Handle("GET /v3/volumes/detail", a.listVolumesDetail)
	s.Handle("GET /v3/volumes/summary", a.summary)
	s.Handle("POST /v3/volumes", a.createVolume)
	s.Handle("GET /v3/volumes/{id}", a.showVolume)
	s.Handle("PUT /v3/volumes/{id}", a.updateVolume)
	s.Handle("DELETE /v3/volumes/{id}", a.deleteVolume)
	s.Handle("POST /v3/volumes/{id}/action", a.volumeAction)
	a.volumeMetadata().routes(s, "/v3/volumes/{id}/metadata")
}

func (a *api) snapshotRoutes(s *openstack.Service) {
	s.Handle("GET /v3/snapshots", a.listSnapshots)
	s.Handle("GET /v3/snapshots/detail", a.listSnapshotsDetail)
	s.Handle("POST /v3/snapshots", a.createSnapshot)
	s.Handle("GET /v3/snapshots/{id}", a.showSnapshot)
	s.Handle("PUT /v3/snapshots/{id}", a.updateSnapshot)
	s.Handle("DELETE /v3/snapshots/{id}", a.deleteSnapshot)
	s.Handle("POST /v3/snapshots/{id}/action", a.snapshotAction)
	a.snapshotMetadata().routes(s, "/v3/snapshots/{id}/metadata")
}

func (a *api) typeRoutes(s *openstack.Service) {
	s.Handle("GET /v3/types", a.listTypes)
	s.Handle("POST /v3/types", a.createType)
	s.Handle("GET /v3/types/{id}", a.showType)
	s.Handle("PUT /v3/types/{id}", a.updateType)
	s.Handle("DELETE /v3/types/{id}", a.deleteType)
	s.Handle("GET /v3/types/{id}/extra_specs", a.listSpecs)
	s.Handle("POST /v3/types/{id}/extra_specs", a.createSpecs)
	s.Handle("GET /v3/types/{id}/extra_specs/{key}", a.showSpec)
	s.Handle("PUT /v3/types/{id}/extra_specs/{key}", a.updateSpec)
	s.Handle("DELETE /v3/types/{id}/extra_specs/{key}", a.deleteSpec)
	s.Handle("GET /v3/types/{id}/os-volume-type-access", a.listTypeAccess)
	s.Handle("POST /v3/types/{id}/action", a.typeAction)
}

func (a *api) attachmentRoutes(s *openstack.Service) {
	for pattern, h := range map[string]openstack.Handler{
		"GET /v3/attachments":              a.listAttachments,
		"GET /v3/attachments/detail":       a.listAttachmentsDetail,
		"POST /v3/attachments":             a.createAttachment,
		"GET /v3/attachments/{id}":         a.showAttachment,
		"PUT /v3/attachments/{id}":         a.updateAttachment,
		"DELETE /v3/attachments/{id}":      a.deleteAttachment,
		"POST /v3/attachments/{id}/action": a.attachmentAction,
	} {
		s.Handle(pattern, since(27, h))
	}
}

func (a *api) operatorRoutes(s *openstack.Service) {
	s.Handle("GET /v3/limits", a.limits)
	s.Handle("GET /v3/os-quota-sets/{project}", a.showQuotas)
	s.Handle("GET /v3/os-quota-sets/{project}/defaults", a.defaultQuotas)
	s.Handle("PUT /v3/os-quota-sets/{project}", a.setQuotas)
	s.Handle("DELETE /v3/os-quota-sets/{project}", a.resetQuotas)
	s.Handle("GET /v3/os-quota-class-sets/{class}", a.showQuotaClass)
	s.Handle("PUT /v3/os-quota-class-sets/{class}", a.setQuotaClass)
	s.Handle("GET /v3/os-availability-zone", a.zones)
	s.Handle("GET /v3/os-services", a.services)
	s.Handle("PUT /v3/os-services/{verb}", a.changeService)
	s.Handle("GET /v3/os-hosts", a.hosts)
	s.Handle("GET /v3/os-hosts/{host}", a.showHost)
	s.Handle("GET /v3/resource_filters", since(33, a.resourceFilters))
	s.Handle("GET /v3/scheduler-stats/get_pools", a.pools)
	s.Handle("GET /v3/capabilities/{host}", a.capabilities)
	s.Handle("GET /v3/extensions", a.extensions)
}

// since hides a route from requests of microversions before 3.minor.
func since(minor int, h openstack.Handler) openstack.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if !openstack.VersionOf(r).AtLeast(3, minor) {
			return &cloud.Error{Kind: cloud.NotFound, Resource: "resource", Message: "The resource could not be found."}
		}
		return h(w, r)
	}
}

func volumeID(r *http.Request) cloud.VolumeID     { return cloud.VolumeID(r.PathValue("id")) }
func snapshotID(r *http.Request) cloud.SnapshotID { return cloud.SnapshotID(r.PathValue("id")) }
func typeID(r *http.Request) cloud.VolumeTypeID   { return cloud.VolumeTypeID(r.PathValue("id")) }

// accepted answers 202 without a body, or the error.
func accepted(w http.ResponseWriter, err error) error {
	if err != nil {
		return err
	}
	return openstack.WriteEmpty(w, http.StatusAccepted)
}
