package glance

import (
	"context"
	"io"
	"log/slog"
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
	"github.com/nubo-cloud/nubo/internal/image"
)

// Images is the use cases on images.
type Images interface {
	Create(ctx context.Context, r image.CreateRequest) (*cloud.Image, error)
	Image(ctx context.Context, id cloud.ImageID) (*cloud.Image, error)
	List(ctx context.Context, f image.Filter) ([]*cloud.Image, error)
	Update(ctx context.Context, id cloud.ImageID, edit func(*image.Facts) error) (*cloud.Image, error)
	Delete(ctx context.Context, id cloud.ImageID) error
	Upload(ctx context.Context, id cloud.ImageID, r io.Reader) error
	Stage(ctx context.Context, id cloud.ImageID, r io.Reader) error
	Import(ctx context.Context, id cloud.ImageID, r image.ImportRequest) error
	ImageTasks(ctx context.Context, id cloud.ImageID) ([]image.Task, error)
	Tasks(ctx context.Context, q cloud.Query) ([]image.Task, error)
	Task(ctx context.Context, id cloud.OperationID) (image.Task, error)
	Download(ctx context.Context, id cloud.ImageID) (*cloud.Image, io.ReadSeekCloser, error)
	Deactivate(ctx context.Context, id cloud.ImageID) error
	Reactivate(ctx context.Context, id cloud.ImageID) error
	Members(ctx context.Context, id cloud.ImageID) ([]cloud.ImageMember, error)
	Member(ctx context.Context, id cloud.ImageID, project cloud.ProjectID) (*cloud.ImageMember, error)
	AddMember(ctx context.Context, id cloud.ImageID, project cloud.ProjectID) (*cloud.ImageMember, error)
	SetMemberStatus(ctx context.Context, id cloud.ImageID, project cloud.ProjectID, status string) (*cloud.ImageMember, error)
	RemoveMember(ctx context.Context, id cloud.ImageID, project cloud.ProjectID) error
	Usage(ctx context.Context) (image.Usage, error)
	Copies(ctx context.Context) (image.Copies, error)
	Prefetch(ctx context.Context, id cloud.ImageID) error
	DropCopies(ctx context.Context, id cloud.ImageID) error
	ClearCopies(ctx context.Context, queued, kept bool) error
}

// Deps is what the dialect is made of.
type Deps struct {
	Images       Images
	Vocabularies Vocabularies
	Auth         dialect.Authenticator
	Log          *slog.Logger
}

type api struct {
	images       Images
	vocabularies Vocabularies
}

// New makes the service. Its handler expects paths without the service's prefix.
func New(d Deps) *openstack.Service {
	s := openstack.NewService("glance", openstack.FaultGlance, d.Auth, d.Log)
	a := &api{images: d.Images, vocabularies: d.Vocabularies}
	s.Public("GET /{$}", a.versionsMultiple)
	s.Public("GET /versions", a.versionsOK)
	s.Public("GET /v2", a.versionsMultiple)
	a.imageRoutes(s)
	a.memberRoutes(s)
	a.infoRoutes(s)
	a.cacheRoutes(s)
	a.namespaceRoutes(s)
	a.definitionRoutes(s)
	return s
}

func (a *api) imageRoutes(s *openstack.Service) {
	s.Handle("GET /v2/images", a.list)
	s.Handle("POST /v2/images", a.create)
	s.Handle("GET /v2/images/{id}", a.show)
	s.Handle("PATCH /v2/images/{id}", a.patch)
	s.Handle("DELETE /v2/images/{id}", a.delete)
	s.Handle("PUT /v2/images/{id}/file", a.upload)
	s.Handle("GET /v2/images/{id}/file", a.download)
	s.Handle("PUT /v2/images/{id}/stage", a.stage)
	s.Handle("POST /v2/images/{id}/import", a.importImage)
	s.Handle("PUT /v2/images/{id}/tags/{tag}", a.addTag)
	s.Handle("DELETE /v2/images/{id}/tags/{tag}", a.removeTag)
	s.Handle("POST /v2/images/{id}/actions/deactivate", a.deactivate)
	s.Handle("POST /v2/images/{id}/actions/reactivate", a.reactivate)
	s.Handle("GET /v2/images/{id}/tasks", a.imageTasks)
}

func (a *api) memberRoutes(s *openstack.Service) {
	s.Handle("GET /v2/images/{id}/members", a.listMembers)
	s.Handle("POST /v2/images/{id}/members", a.addMember)
	s.Handle("GET /v2/images/{id}/members/{member}", a.showMember)
	s.Handle("PUT /v2/images/{id}/members/{member}", a.setMember)
	s.Handle("DELETE /v2/images/{id}/members/{member}", a.removeMember)
}

func (a *api) infoRoutes(s *openstack.Service) {
	s.Handle("GET /v2/info/import", a.importMethods)
	s.Handle("GET /v2/info/stores", a.stores)
	s.Handle("GET /v2/info/stores/detail", a.storesDetail)
	s.Handle("GET /v2/info/usage", a.usage)
	s.Handle("GET /v2/tasks", a.tasks)
	s.Handle("GET /v2/tasks/{id}", a.task)
	for name, schema := range schemas {
		s.Handle("GET /v2/schemas/"+name, func(w http.ResponseWriter, _ *http.Request) error {
			return openstack.WriteJSON(w, http.StatusOK, schema)
		})
	}
}

func (a *api) cacheRoutes(s *openstack.Service) {
	s.Handle("GET /v2/cache", a.cache)
	s.Handle("DELETE /v2/cache", a.clearCache)
	s.Handle("PUT /v2/cache/{id}", a.queueForCache)
	s.Handle("DELETE /v2/cache/{id}", a.dropFromCache)
}

func imageID(r *http.Request) cloud.ImageID { return cloud.ImageID(r.PathValue("id")) }
