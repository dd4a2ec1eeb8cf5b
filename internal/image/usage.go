package image

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// Usage is what the caller's project has and may have. A limit of cloud.Unlimited is none.
type Usage struct {
	Images, ImagesLimit     int64
	Bytes, BytesLimit       int64
	Staged, StagedLimit     int64
	Arriving, ArrivingLimit int64
}

// Usage answers the caller's project's use of images.
func (s *Service) Usage(ctx context.Context) (Usage, error) {
	p := cloud.PrincipalOf(ctx).ProjectID
	if err := policy.Authorize(ctx, "quota.get", policy.Target{Resource: "quota", ProjectID: p}); err != nil {
		return Usage{}, err
	}
	limits, err := s.Quota.Limits(ctx, p)
	if err != nil {
		return Usage{}, err
	}
	u := Usage{ImagesLimit: limits[cloud.QuotaImages], BytesLimit: limits[cloud.QuotaImageBytes],
		StagedLimit: limits[cloud.QuotaStagedBytes], ArrivingLimit: limits[cloud.QuotaImagesArriving]}
	for resource, used := range map[string]*int64{cloud.QuotaImages: &u.Images, cloud.QuotaImageBytes: &u.Bytes,
		cloud.QuotaStagedBytes: &u.Staged, cloud.QuotaImagesArriving: &u.Arriving} {
		if *used, err = s.Quota.Used(ctx, p, resource); err != nil {
			return u, err
		}
	}
	return u, nil
}
