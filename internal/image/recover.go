package image

import (
	"context"
	"fmt"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// Recover puts right what a killed process left: images in saving without a living upload are queued again
// (an Operation that writes one goes on from there), and bytes that no row vouches for are swept.
// Call it at start, before the first upload, and from one process only. It may be repeated.
func (s *Service) Recover(ctx context.Context) error {
	broken, err := s.Images.List(ctx, cloud.Where(cloud.In("state", []cloud.ImageState{cloud.ImageSaving, cloud.ImageStaged})))
	if err != nil {
		return fmt.Errorf("find broken uploads: %w", err)
	}
	for _, i := range broken {
		if err := s.requeue(ctx, i.ID); err != nil {
			return fmt.Errorf("requeue image %s: %w", i.ID, err)
		}
	}
	return s.sweep(ctx)
}

func (s *Service) requeue(ctx context.Context, id cloud.ImageID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		i, err := s.Images.Get(ctx, id)
		if cloud.Is(err, cloud.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		// What an Operation writes stays closed to other uploads: WriteBytes begins again.
		cutOff := i.State == cloud.ImageSaving || i.State == cloud.ImageStaged && i.UploadID != ""
		if !cutOff || s.alive(id) || i.OperationID != "" {
			return nil
		}
		s.Log.Warn("upload was cut off; the image is queued again", "image", id)
		i.State, i.UploadID = cloud.ImageQueued, ""
		return s.Images.Update(ctx, i)
	})
}

func (s *Service) sweep(ctx context.Context) error {
	if err := s.sweepIn(ctx, s.Bytes, hasBytes); err != nil {
		return err
	}
	return s.sweepIn(ctx, s.Staging, hasStaged)
}

// sweepIn deletes the bytes in one place that no row vouches for.
func (s *Service) sweepIn(ctx context.Context, in Bytes, has func(*cloud.Image) bool) error {
	kept, err := in.List(ctx)
	if err != nil {
		return fmt.Errorf("list image bytes: %w", err)
	}
	for _, id := range kept {
		vouched, err := s.vouched(ctx, id, has)
		if err != nil {
			return err
		}
		if !vouched && !s.alive(id) {
			s.Log.Warn("image bytes without an image are swept", "image", id)
			if err := in.Delete(ctx, id); err != nil {
				return fmt.Errorf("sweep image bytes: %w", err)
			}
		}
	}
	return nil
}

func (s *Service) vouched(ctx context.Context, id cloud.ImageID, has func(*cloud.Image) bool) (bool, error) {
	i, err := s.Images.Get(ctx, id)
	if cloud.Is(err, cloud.NotFound) {
		return false, nil
	}
	return err == nil && has(i), err
}
