package network

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// QuotaResources are the counted resources of this package.
var QuotaResources = []string{cloud.QuotaNetworks, cloud.QuotaSubnets, cloud.QuotaSubnetPools, cloud.QuotaShares, cloud.QuotaPorts, cloud.QuotaRouters,
	cloud.QuotaFloatingIPs, cloud.QuotaSecurityGroups, cloud.QuotaSecurityRules}

func quotaTarget(p cloud.ProjectID) policy.Target {
	return policy.Target{Resource: "quota", ID: string(p), ProjectID: p}
}

// Limits answers a project's limits of our resources; byDefault: what they would be if it had none of its own.
func (s *Service) Limits(ctx context.Context, p cloud.ProjectID, byDefault bool) (map[string]int64, error) {
	if err := policy.Authorize(ctx, "quota.get", quotaTarget(p)); err != nil {
		return nil, err
	}
	if byDefault {
		return s.Quota.Defaults(ctx)
	}
	return s.Quota.Limits(ctx, p)
}

// OwnLimits answers the limits of all projects that have some of their own.
func (s *Service) OwnLimits(ctx context.Context) (map[cloud.ProjectID]map[string]int64, error) {
	if err := policy.Authorize(ctx, "quota.manage", policy.Target{Resource: "quota"}); err != nil {
		return nil, err
	}
	return s.Quota.Projects(ctx, QuotaResources)
}

// Used answers how much of our resources a project uses.
func (s *Service) Used(ctx context.Context, p cloud.ProjectID) (map[string]int64, error) {
	if err := policy.Authorize(ctx, "quota.get", quotaTarget(p)); err != nil {
		return nil, err
	}
	used := map[string]int64{}
	for _, r := range QuotaResources {
		n, err := s.Quota.Used(ctx, p, r)
		if err != nil {
			return nil, err
		}
		used[r] = n
	}
	return used, nil
}

// SetLimits changes some of a project's limits.
func (s *Service) SetLimits(ctx context.Context, p cloud.ProjectID, limits map[string]int64) error {
	if err := policy.Authorize(ctx, "quota.manage", quotaTarget(p)); err != nil {
		return err
	}
	return s.Quota.Set(ctx, cloud.QuotaID(p), limits)
}

// ResetLimits puts our limits of a project back to the defaults and leaves those of others.
func (s *Service) ResetLimits(ctx context.Context, p cloud.ProjectID) error {
	if err := policy.Authorize(ctx, "quota.manage", quotaTarget(p)); err != nil {
		return err
	}
	return s.Quota.Forget(ctx, cloud.QuotaID(p), QuotaResources)
}

// TagsMax bounds the tags of one noun, TagMax the bytes of one.
const (
	TagsMax = 50
	TagMax  = 255
)

// CheckTags refuses tags that cannot be kept, and answers them sorted, each once.
func CheckTags(resource string, tags []string) ([]string, error) {
	tags = slices.Compact(slices.Sorted(slices.Values(tags)))
	if len(tags) > TagsMax {
		return nil, cloud.Invalidf(resource, "tags", "The number of tags exceeds the maximum %d.", TagsMax)
	}
	for _, t := range tags {
		if t == "" || len(t) > TagMax {
			return nil, cloud.Invalidf(resource, "tags", "'%s' is not a tag: it must have 1 to %d characters.", t, TagMax)
		}
	}
	return tags, nil
}
