// Package image holds the use cases on images: facts, bytes, and who sees
// them.
//
// An image's row and its bytes live in two places. The rule that keeps them together: bytes
// without an active row are rubbish, and Recover sweeps them; a row says active only
// after its bytes are on disk. So a crash at any point leaves a queued image or nothing.
//
//	Create -> queued --Upload--> saving --hash, inspect, keep--> active
//	             ^                  |
//	             +--- cut off, hostile, over quota, killed: nothing kept
//
// Import fills an image by an Operation instead: from bytes that were staged, from the web, or from another image.
//
// It is not where the bytes lie (package imagestore) and not what knows disk formats
// (package imageformat). The dialects, compute and volume call it.
package image

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/imageformat"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/policy"
	"github.com/nubo-cloud/nubo/internal/quota"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Bytes keeps the files of images.
type Bytes interface {
	// Put reads r to its end, calls check on the whole file, and then keeps it under id, in place of
	// what was there; it is on disk when Put returns nil. If r or check fails nothing is kept, what was there
	// stays, and their error is in the chain of Put's. Two Puts of one id do not
	// disturb each other: the later one to end wins.
	Put(ctx context.Context, id cloud.ImageID, r io.Reader, check func(f io.ReaderAt, size int64) error) (Stored, error)
	// Open answers NotFound if there is nothing. The caller closes it.
	Open(ctx context.Context, id cloud.ImageID) (io.ReadSeekCloser, int64, error)
	// Delete succeeds when nothing is left, also if nothing was there.
	Delete(ctx context.Context, id cloud.ImageID) error
	// List lists all ids that have bytes. It leaves out Puts that have not ended.
	List(ctx context.Context) ([]cloud.ImageID, error)
}

// Web fetches what users name by URL, and never from addresses that are not meant for them.
type Web interface {
	// Check refuses, as Invalid, what could never be fetched.
	Check(uri string) error
	// Fetch opens what uri names and tells its length, negative if unknown. The caller closes the stream.
	Fetch(ctx context.Context, uri string) (io.ReadCloser, int64, error)
}

// Stored is what was learnt of a file while it was kept. The sums are hex.
type Stored struct {
	SizeBytes int64
	MD5       string
	SHA256    string
	SHA512    string
}

// Deps is what a Service is made of.
type Deps struct {
	Images cloud.Records[cloud.Image, cloud.ImageID]
	Tx     cloud.Transactor
	Quota  *quota.Service
	Bytes  Bytes
	// Staging keeps bytes that wait to be imported.
	Staging    Bytes
	Web        Web
	Operations *operation.Engine
	Records    cloud.Records[cloud.Operation, cloud.OperationID]
	// Hosts make disks from images.
	Hosts Hosts
	// PrefetchDelay is how long an image waits at least before hosts are told to take it in without need.
	PrefetchDelay time.Duration
	Region        string             // of this cloud: images of others cannot be copied
	Limits        imageformat.Limits // on files and the disks inside; zero: imageformat's own
	Log           *slog.Logger
	Now           func() time.Time
}

// Service is the use cases on images. It is safe for concurrent use.
type Service struct {
	Deps

	mu sync.Mutex
	// living are the uploads of this process, by image: the upload's id.
	living map[cloud.ImageID]string
}

// New makes a Service and registers how its quotas are counted.
func New(d Deps) *Service {
	s := &Service{Deps: d, living: map[cloud.ImageID]string{}}
	d.Operations.Register(s.importKind())
	d.Operations.Register(s.prefetchKind())
	d.Quota.Register(cloud.QuotaStagedBytes, func(ctx context.Context, p cloud.ProjectID) (int64, error) {
		return d.Images.Sum(ctx, "staged_bytes", cloud.Eq("project_id", p))
	})
	d.Quota.Register(cloud.QuotaImagesArriving, func(ctx context.Context, p cloud.ProjectID) (int64, error) {
		return d.Images.Count(ctx, cloud.Eq("project_id", p), cloud.In("state", arriving))
	})
	d.Quota.Register(cloud.QuotaImages, func(ctx context.Context, p cloud.ProjectID) (int64, error) {
		return d.Images.Count(ctx, cloud.Eq("project_id", p))
	})
	d.Quota.Register(cloud.QuotaImageBytes, func(ctx context.Context, p cloud.ProjectID) (int64, error) {
		return d.Images.Sum(ctx, "size_bytes", cloud.Eq("project_id", p))
	})
	return s
}

// Image answers one image that the caller may see.
func (s *Service) Image(ctx context.Context, id cloud.ImageID) (*cloud.Image, error) {
	return s.authorized(ctx, "image.get", id)
}

// Usable answers an image that the caller may make disks from: visible, active, and of a kind
// that hosts can open. Anything else is NotFound or Invalid.
func (s *Service) Usable(ctx context.Context, id cloud.ImageID) (*cloud.Image, error) {
	i, err := s.Image(ctx, id)
	if err != nil {
		return nil, err
	}
	if i.State != cloud.ImageActive {
		return nil, cloud.Invalidf("image", "image_id", "Image %s is not active (it is %s).", id, i.State)
	}
	if i.VirtualBytes == 0 && len(i.Disks) == 0 {
		return nil, cloud.Invalidf("image", "image_id", "Image %s holds no disk that an instance could use.", id)
	}
	return i, nil
}

// Spec is an image as hosts know it.
func (s *Service) Spec(i *cloud.Image) spec.Image {
	return spec.Image{ID: spec.ImageID(i.ID), Format: diskFormat(i.Format), SizeBytes: i.SizeBytes, SHA256: i.SHA256}
}

// authorized answers the image if the caller may do a to it.
func (s *Service) authorized(ctx context.Context, a policy.Action, id cloud.ImageID) (*cloud.Image, error) {
	i, err := s.Images.Get(ctx, id)
	if cloud.Is(err, cloud.NotFound) {
		return nil, cloud.NotFoundf("image", id)
	}
	if err != nil {
		return nil, err
	}
	return i, policy.Authorize(ctx, a, target(ctx, i))
}

func target(ctx context.Context, i *cloud.Image) policy.Target {
	return policy.Target{Resource: "image", ID: string(i.ID), ProjectID: i.ProjectID,
		Shared: sharedWith(i, cloud.PrincipalOf(ctx).ProjectID)}
}

// sharedWith tells whether a project other than the owner may read the image when it asks for it by id.
func sharedWith(i *cloud.Image, p cloud.ProjectID) bool {
	switch i.Visibility {
	case cloud.VisibilityPublic, cloud.VisibilityCommunity:
		return true
	case cloud.VisibilityShared:
		return member(i, p) != nil
	}
	return false
}

func member(i *cloud.Image, p cloud.ProjectID) *cloud.ImageMember {
	for n := range i.Members {
		if i.Members[n].ProjectID == p && p != "" {
			return &i.Members[n]
		}
	}
	return nil
}
