package image

import (
	"context"
	"io"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// Download opens an image's bytes for its reader. The stream is nil if there are none yet. The
// caller closes it.
func (s *Service) Download(ctx context.Context, id cloud.ImageID) (*cloud.Image, io.ReadSeekCloser, error) {
	i, err := s.authorized(ctx, "image.download", id)
	if err != nil {
		return nil, nil, err
	}
	if i.State == cloud.ImageDeactivated {
		if err = policy.Authorize(ctx, "image.download_deactivated", target(ctx, i)); err != nil {
			return nil, nil, cloud.Errorf(cloud.Forbidden, "image", id, "The requested image has been deactivated. Image data download is forbidden.")
		}
	}
	if !hasBytes(i) {
		return i, nil, nil
	}
	f, _, err := s.Bytes.Open(ctx, id)
	return i, f, err
}

// OpenBytes opens an image's bytes for hosts and use cases, without regard to the caller. WrongState
// if there are none. The caller closes it.
func (s *Service) OpenBytes(ctx context.Context, id cloud.ImageID) (io.ReadCloser, int64, error) {
	i, err := s.Images.Get(ctx, id)
	if err != nil {
		return nil, 0, err
	}
	if !hasBytes(i) {
		return nil, 0, cloud.Errorf(cloud.WrongState, "image", id, "Image %s has no data (it is %s).", id, i.State)
	}
	return s.Bytes.Open(ctx, id)
}

// hasBytes tells whether the row vouches for bytes of the image's own.
func hasBytes(i *cloud.Image) bool {
	return (i.State == cloud.ImageActive || i.State == cloud.ImageDeactivated) && len(i.Disks) == 0
}
