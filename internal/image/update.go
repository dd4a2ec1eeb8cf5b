package image

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// Facts are what an owner may change about an image.
type Facts struct {
	Name         string
	ProjectID    cloud.ProjectID
	Visibility   cloud.Visibility
	Protected    bool
	Hidden       bool
	Container    string
	Format       string
	MinDiskGiB   int
	MinMemoryMiB int
	Properties   map[string]string
	Labels       map[string]string
	Tags         []string
	// OutdatedAt is from when on it is not offered to others any more; nil: it is.
	OutdatedAt *time.Time
}

// Update lets edit change the facts of an image, all or nothing: edit sees them as they are in the transaction. It
// may run more than once. Its maps and slices are its own to write into.
func (s *Service) Update(ctx context.Context, id cloud.ImageID, edit func(*Facts) error) (*cloud.Image, error) {
	var i *cloud.Image
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		var err error
		if i, err = s.authorized(ctx, "image.update", id); err != nil {
			return err
		}
		f := factsOf(i)
		if err = edit(&f); err != nil {
			return err
		}
		return s.write(ctx, i, f)
	})
	return i, err
}

func (s *Service) write(ctx context.Context, i *cloud.Image, f Facts) error {
	t := target(ctx, i)
	if f.Visibility != i.Visibility {
		if err := mayShow(ctx, f.Visibility, t); err != nil {
			return err
		}
	}
	if f.ProjectID != i.ProjectID {
		if err := policy.Authorize(ctx, "image.create_for", t); err != nil {
			return err
		}
	}
	if (f.Format != i.Format || f.Container != i.Container) && i.State != cloud.ImageQueued {
		return cloud.Errorf(cloud.WrongState, "image", i.ID, "The formats of an image can be changed only while it is queued.")
	}
	f.into(i)
	if err := checkFacts(i); err != nil {
		return err
	}
	return s.Images.Update(ctx, i)
}

func factsOf(i *cloud.Image) Facts {
	properties, labels := map[string]string{}, map[string]string{}
	maps.Copy(properties, i.Properties)
	maps.Copy(labels, i.Labels)
	return Facts{Name: i.Name, ProjectID: i.ProjectID, Visibility: i.Visibility, Protected: i.Protected, Hidden: i.Hidden,
		Container: i.Container, Format: i.Format, MinDiskGiB: i.MinDiskGiB, MinMemoryMiB: i.MinMemoryMiB,
		Properties: properties, Labels: labels, Tags: slices.Clone(i.Tags), OutdatedAt: i.OutdatedAt}
}

func (f Facts) into(i *cloud.Image) {
	i.Name, i.ProjectID, i.Visibility, i.Protected, i.Hidden = f.Name, f.ProjectID, f.Visibility, f.Protected, f.Hidden
	i.Container, i.Format, i.MinDiskGiB, i.MinMemoryMiB = f.Container, f.Format, f.MinDiskGiB, f.MinMemoryMiB
	i.Properties, i.Labels, i.Tags, i.OutdatedAt = f.Properties, f.Labels, tidyTags(f.Tags), f.OutdatedAt
}

// Deactivate keeps everybody from using the bytes, until Reactivate. Both may be repeated.
func (s *Service) Deactivate(ctx context.Context, id cloud.ImageID) error {
	return s.switchState(ctx, id, cloud.ImageActive, cloud.ImageDeactivated)
}

// Reactivate takes back Deactivate.
func (s *Service) Reactivate(ctx context.Context, id cloud.ImageID) error {
	return s.switchState(ctx, id, cloud.ImageDeactivated, cloud.ImageActive)
}

func (s *Service) switchState(ctx context.Context, id cloud.ImageID, from, to cloud.ImageState) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		i, err := s.authorized(ctx, "image.deactivate", id)
		if err != nil {
			return err
		}
		if i.State == to {
			return nil
		}
		if i.State != from {
			return cloud.Errorf(cloud.Forbidden, "image", id, "Not allowed to change image %s from %s to %s.", id, i.State, to)
		}
		i.State = to
		return s.Images.Update(ctx, i)
	})
}

// Delete removes an image from any state, and its bytes. Disks made from it stay. A protected one is Forbidden.
func (s *Service) Delete(ctx context.Context, id cloud.ImageID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		i, err := s.authorized(ctx, "image.delete", id)
		if err != nil {
			return err
		}
		if i.Protected {
			return cloud.Errorf(cloud.Forbidden, "image", id, "Image %s is protected and cannot be deleted.", id)
		}
		return s.remove(ctx, id)
	})
}

// Discard deletes an image whatever its state and protection, for use cases that take back one they made. It
// may be repeated.
func (s *Service) Discard(ctx context.Context, id cloud.ImageID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		err := s.remove(ctx, id)
		if cloud.Is(err, cloud.NotFound) {
			return nil
		}
		return err
	})
}

// remove takes the row away and, once that is on disk, the bytes. Should the process die between
// the two, Recover finds the bytes.
func (s *Service) remove(ctx context.Context, id cloud.ImageID) error {
	i, err := s.Images.Get(ctx, id)
	if err != nil {
		return err
	}
	if i.State == cloud.ImageImporting && i.OperationID != "" {
		if err := s.Operations.Cancel(ctx, i.OperationID); err != nil {
			return err
		}
	}
	if err := s.Images.Delete(ctx, id); err != nil {
		return err
	}
	background := context.WithoutCancel(ctx)
	s.Tx.After(ctx, func() {
		s.drop(background, id)
		s.unstage(background, id)
	})
	return nil
}

func (s *Service) drop(ctx context.Context, id cloud.ImageID) {
	if err := s.Bytes.Delete(ctx, id); err != nil {
		s.Log.Error("image bytes stay until the next start", "image", id, "error", err)
	}
}
