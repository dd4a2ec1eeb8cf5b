package quota

import (
	"context"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// Projects answers the limits in force for every project that has some of its own among these resources.
func (s *Service) Projects(ctx context.Context, resources []string) (map[cloud.ProjectID]map[string]int64, error) {
	rows, err := s.quotas.List(ctx, cloud.Query{}, func(q *cloud.Quota) bool {
		return !strings.HasPrefix(string(q.ID), "class/") && hasAny(q.Limits, resources)
	})
	if err != nil {
		return nil, err
	}
	limits, err := s.Defaults(ctx)
	if err != nil {
		return nil, err
	}
	all := map[cloud.ProjectID]map[string]int64{}
	for _, q := range rows {
		all[cloud.ProjectID(q.ID)] = merged(limits, q.Limits)
	}
	return all, nil
}

func hasAny(limits map[string]int64, resources []string) bool {
	for _, r := range resources {
		if _, ok := limits[r]; ok {
			return true
		}
	}
	return false
}
