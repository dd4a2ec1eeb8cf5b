package identity

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// LimitsInForce are the limits of a project on the resources of the services of a type, by the resource's name: the
// project's own before the registered one, one of the region before one of all regions. A resource that nobody registered has none.
func (s *Service) LimitsInForce(ctx context.Context, serviceType, region string, p cloud.ProjectID) (map[string]int64, error) {
	c, err := s.catalog(ctx)
	if err != nil {
		return nil, err
	}
	var services []string
	for _, v := range selected(c.Services, func(v CatalogService) bool { return v.Type == serviceType }) {
		services = append(services, v.ID)
	}
	if len(services) == 0 {
		return nil, nil
	}
	here := []cloud.Cond{cloud.In("service_id", services), cloud.In("region_id", []string{"", region})}
	registered, err := s.RegisteredLimits.List(ctx, cloud.Where(here...))
	if err != nil || len(registered) == 0 {
		return nil, err
	}
	own, err := s.Limits.List(ctx, cloud.Where(append(here, cloud.Eq("project_id", p))...))
	if err != nil {
		return nil, err
	}
	// The later overrides: registered ones, then the project's, of each those of all regions first.
	slices.SortStableFunc(registered, func(a, b *cloud.RegisteredLimit) int { return len(a.RegionID) - len(b.RegionID) })
	slices.SortStableFunc(own, func(a, b *cloud.Limit) int { return len(a.RegionID) - len(b.RegionID) })
	force := map[string]int64{}
	for _, l := range registered {
		force[l.Resource] = l.Default
	}
	for _, l := range own {
		force[l.Resource] = l.Value
	}
	return force, nil
}
