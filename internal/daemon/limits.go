package daemon

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// imageLimits are the limits of images that are kept with Identity: by the names that clients register them by, our own
// resource and how many of its units are one of theirs.
var imageLimits = map[string]struct {
	resource string
	unit     int64
}{
	"image_count_total":     {cloud.QuotaImages, 1},
	"image_count_uploading": {cloud.QuotaImagesArriving, 1},
	"image_size_total":      {cloud.QuotaImageBytes, 1 << 20},
	"image_stage_total":     {cloud.QuotaStagedBytes, 1 << 20},
}

// useImageLimits has quota count by the limits that identity keeps.
func (s *services) useImageLimits(region string) {
	var resources []string
	for _, l := range imageLimits {
		resources = append(resources, l.resource)
	}
	s.quota.KeptElsewhere(resources, func(ctx context.Context, p cloud.ProjectID) (map[string]int64, error) {
		force, err := s.identity.LimitsInForce(ctx, "image", region, p)
		limits := map[string]int64{}
		for name, n := range force {
			l, ours := imageLimits[name]
			if !ours {
				continue
			}
			if n != cloud.Unlimited {
				n *= l.unit
			}
			limits[l.resource] = n
		}
		return limits, err
	})
}

// firstImageLimits are registered when the cloud starts for the first time: what holds without them.
func firstImageLimits() map[string]int64 {
	first := map[string]int64{}
	for name, l := range imageLimits {
		first[name] = cloud.DefaultLimits[l.resource]
		if first[name] != cloud.Unlimited {
			first[name] /= l.unit
		}
	}
	return first
}
