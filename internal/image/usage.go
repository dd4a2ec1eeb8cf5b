package image

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// Usage is what the caller's project has and may have. A limit of cloud.Unlimited is none.
type Usage struct {
	Images, ImagesLimit int64
	Bytes, BytesLimit   int64
	Uploading           int64
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
	u := Usage{ImagesLimit: limits[cloud.QuotaImages], BytesLimit: limits[cloud.QuotaImageBytes]}
	if u.Images, err = s.Quota.Used(ctx, p, cloud.QuotaImages); err != nil {
		return u, err
	}
	if u.Bytes, err = s.Quota.Used(ctx, p, cloud.QuotaImageBytes); err != nil {
		return u, err
	}
	u.Uploading, err = s.Images.Count(ctx, cloud.Eq("project_id", p), cloud.Eq("state", cloud.ImageSaving))
	return u, err
}
