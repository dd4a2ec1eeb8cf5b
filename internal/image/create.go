package image

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// CreateRequest says what a new image shall be.
type CreateRequest = cloud.ImageRequest

// Create makes an image without bytes, in state queued.
func (s *Service) Create(ctx context.Context, r CreateRequest) (*cloud.Image, error) {
	return s.create(ctx, r, cloud.ImageQueued)
}

// CreateFor makes an image whose bytes another use case will write (WriteBytes), in the caller's transaction. Its
// state is saving, so that no client uploads to it.
func (s *Service) CreateFor(ctx context.Context, r CreateRequest) (*cloud.Image, error) {
	return s.create(ctx, r, cloud.ImageSaving)
}

func (s *Service) create(ctx context.Context, r CreateRequest, state cloud.ImageState) (*cloud.Image, error) {
	var i *cloud.Image
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		var err error
		i, err = s.insert(ctx, r, state)
		return err
	})
	return i, err
}

func (s *Service) insert(ctx context.Context, r CreateRequest, state cloud.ImageState) (*cloud.Image, error) {
	i := fromRequest(ctx, r)
	i.State = state
	if len(i.Disks) > 0 {
		i.State = cloud.ImageActive
	}
	if err := s.mayCreate(ctx, i); err != nil {
		return nil, err
	}
	if err := checkFacts(i); err != nil {
		return nil, err
	}
	if r.UniqueName {
		if err := s.freeName(ctx, i); err != nil {
			return nil, err
		}
	}
	if err := s.Quota.Reserve(ctx, i.ProjectID, map[string]int64{cloud.QuotaImages: 1}); err != nil {
		return nil, err
	}
	err := s.Images.Insert(ctx, i)
	if cloud.Is(err, cloud.AlreadyExists) {
		return nil, cloud.Errorf(cloud.AlreadyExists, "image", i.ID, "Image ID %s already exists!", i.ID)
	}
	return i, err
}

// freeName refuses a name that another image of the project has. Whoever asks at the same time waits until this transaction has ended.
func (s *Service) freeName(ctx context.Context, i *cloud.Image) error {
	if err := s.Tx.Lock(ctx, "image names of "+string(i.ProjectID)); err != nil {
		return err
	}
	same, err := s.Images.Count(ctx, cloud.Eq("project_id", i.ProjectID), cloud.Eq("name", i.Name))
	if err == nil && same > 0 {
		err = cloud.Errorf(cloud.AlreadyExists, "image", "", "The name '%s' is already in use by another image of the project.", i.Name)
	}
	return err
}

func fromRequest(ctx context.Context, r CreateRequest) *cloud.Image {
	i := &cloud.Image{ID: r.ID, ProjectID: r.ProjectID, Name: r.Name, Visibility: r.Visibility, Protected: r.Protected,
		Hidden: r.Hidden, Container: r.Container, Format: r.Format, MinDiskGiB: r.MinDiskGiB, MinMemoryMiB: r.MinMemoryMiB,
		Properties: r.Properties, Tags: tidyTags(r.Tags), Disks: r.Disks, OperationID: r.OperationID}
	i.Labels = r.Labels
	if i.ID == "" {
		i.ID = cloud.ImageID(cloud.NewID())
	}
	if i.ProjectID == "" {
		i.ProjectID = cloud.PrincipalOf(ctx).ProjectID
	}
	if i.Visibility == "" {
		i.Visibility = cloud.VisibilityShared
	}
	return i
}

func (s *Service) mayCreate(ctx context.Context, i *cloud.Image) error {
	action := policy.Action("image.create")
	if i.ProjectID != cloud.PrincipalOf(ctx).ProjectID {
		action = "image.create_for"
	}
	t := policy.Target{Resource: "image", ProjectID: i.ProjectID}
	if err := policy.Authorize(ctx, action, t); err != nil {
		return err
	}
	return mayShow(ctx, i.Visibility, t)
}

// mayShow refuses a visibility that the caller may not give.
func mayShow(ctx context.Context, v cloud.Visibility, t policy.Target) error {
	switch v {
	case cloud.VisibilityPublic:
		return policy.Authorize(ctx, "image.publish", t)
	case cloud.VisibilityCommunity:
		return policy.Authorize(ctx, "image.communitize", t)
	}
	return nil
}
