package quota

import (
	"context"
	"maps"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// Forget puts some limits of a project or class back to the defaults, leaving the others. It may be repeated.
func (s *Service) Forget(ctx context.Context, id cloud.QuotaID, resources []string) error {
	return s.tx.Update(ctx, func(ctx context.Context) error {
		q, err := s.quotas.Get(ctx, id)
		if cloud.Is(err, cloud.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		limits := maps.Clone(q.Limits)
		maps.DeleteFunc(limits, func(r string, _ int64) bool { return slices.Contains(resources, r) })
		q.Limits = limits
		return s.quotas.Update(ctx, q)
	})
}
