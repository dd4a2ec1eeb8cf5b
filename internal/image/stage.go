package image

import (
	"context"
	"fmt"
	"io"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// Stage reads bytes for a queued image from r and keeps them aside until Import takes them. What they are is judged
// then. If r ends in an error or the project is over its quota, the image is queued again and nothing is kept.
func (s *Service) Stage(ctx context.Context, id cloud.ImageID, r io.Reader) error {
	i, err := s.begin(ctx, id, func(ctx context.Context) (*cloud.Image, error) {
		i, err := s.authorized(ctx, "image.upload", id)
		if err != nil {
			return nil, err
		}
		if i.State != cloud.ImageQueued {
			return nil, cloud.Errorf(cloud.WrongState, "image", id, "Image status transition from %s to uploading is not allowed", i.State)
		}
		i.State, i.Fault = cloud.ImageStaged, nil
		return i, s.admit(ctx, i)
	})
	if err != nil {
		return err
	}
	if err = s.keepAside(ctx, i, &intake{r: r}); err == nil {
		s.discharge(id)
		return nil
	}
	s.abandon(context.WithoutCancel(ctx), i)
	return err
}

func (s *Service) keepAside(ctx context.Context, i *cloud.Image, in *intake) error {
	if err := s.admitBytes(ctx, i, cloud.QuotaStagedBytes); err != nil {
		return err
	}
	in.image = i.ID
	stored, err := s.Staging.Put(ctx, i.ID, in, func(io.ReaderAt, int64) error { return nil })
	if in.err != nil {
		return in.failure()
	}
	if err != nil {
		return fmt.Errorf("stage image %s: %w", i.ID, err)
	}
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		now, err := s.mine(ctx, i)
		if err != nil {
			return err
		}
		now.UploadID, now.StagedBytes = "", stored.SizeBytes
		return s.Images.Update(ctx, now)
	})
}

// hasStaged tells whether the row vouches for staged bytes.
func hasStaged(i *cloud.Image) bool {
	return i.State == cloud.ImageStaged && i.UploadID == "" || i.State == cloud.ImageImporting
}

func (s *Service) unstage(ctx context.Context, id cloud.ImageID) {
	if err := s.Staging.Delete(ctx, id); err != nil {
		s.Log.Error("staged bytes stay until the next start", "image", id, "error", err)
	}
}
