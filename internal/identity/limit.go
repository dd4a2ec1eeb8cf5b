package identity

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// LimitChange is what an update sets; nil stays.
type LimitChange struct {
	Value       *int64
	Description *string
}

// CreateLimits makes all of a list or none. Each needs a registered limit of its subject.
func (s *Service) CreateLimits(ctx context.Context, list []*cloud.Limit) error {
	if err := policy.Authorize(ctx, "limit.manage", policy.Target{}); err != nil {
		return err
	}
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		return each(list, nil, func(l *cloud.Limit) error {
			l.ID = cloud.LimitID(cloud.NewHexID())
			if err := s.placeLimit(ctx, l); err != nil {
				return err
			}
			return s.Limits.Insert(ctx, l)
		})
	})
}

// placeLimit checks a new limit and finds whose it is.
func (s *Service) placeLimit(ctx context.Context, l *cloud.Limit) error {
	if (l.ProjectID == "") == (l.DomainID == "") {
		return cloud.Invalidf("limit", "project_id", "A limit is of one project or of one domain: give project_id or domain_id.")
	}
	if err := validLimit("limit", "resource_limit", l.Value); err != nil {
		return err
	}
	if err := s.lockSubject(ctx, l.LimitSubject); err != nil {
		return err
	}
	n, err := s.RegisteredLimits.Count(ctx, bySubject(l.LimitSubject)...)
	if err != nil {
		return err
	}
	if n == 0 {
		return cloud.Errorf(cloud.Forbidden, "limit", "", "No registered limit is there for resource %s of service %s in region %s. Register one first.",
			l.Resource, l.ServiceID, l.RegionID)
	}
	l.HomeID = l.DomainID
	if l.DomainID != "" {
		_, err := s.Domains.Get(ctx, l.DomainID)
		if cloud.Is(err, cloud.NotFound) {
			return cloud.Invalidf("limit", "domain_id", "The domain %s does not exist.", l.DomainID)
		}
		return err
	}
	p, err := s.Projects.Get(ctx, l.ProjectID)
	if cloud.Is(err, cloud.NotFound) {
		return cloud.Invalidf("limit", "project_id", "The project %s does not exist.", l.ProjectID)
	}
	if err == nil {
		l.HomeID = p.DomainID
	}
	return err
}

func limitTarget(l *cloud.Limit) policy.Target {
	if l == nil {
		return policy.Target{Resource: "limit"}
	}
	return policy.Target{Resource: "limit", ProjectID: l.ProjectID, DomainID: l.HomeID}
}

// Limit answers one limit.
func (s *Service) Limit(ctx context.Context, id cloud.LimitID) (*cloud.Limit, error) {
	l, err := s.Limits.Get(ctx, id)
	return l, allow(ctx, "limit.get", limitTarget(l), err)
}

// ListLimits lists the limits that the caller may read: all, those of its domain and the projects in it, or its project's.
func (s *Service) ListLimits(ctx context.Context, f LimitFilter) ([]*cloud.Limit, error) {
	err := policy.Authorize(ctx, "limit.list", policy.Target{})
	if err == nil {
		return s.Limits.List(ctx, f.query())
	}
	p := cloud.PrincipalOf(ctx)
	switch {
	case p.DomainID != "" && policy.May(ctx, "limit.get", policy.Target{DomainID: p.DomainID}):
		return s.Limits.List(ctx, f.query(cloud.Eq("home_id", p.DomainID)))
	case p.ProjectID != "" && policy.May(ctx, "limit.get", policy.Target{ProjectID: p.ProjectID}):
		return s.Limits.List(ctx, f.query(cloud.Eq("project_id", p.ProjectID)))
	}
	return nil, err
}

// UpdateLimit changes how much a limit allows.
func (s *Service) UpdateLimit(ctx context.Context, id cloud.LimitID, c LimitChange) (l *cloud.Limit, err error) {
	err = s.changeLimit(ctx, id, func(ctx context.Context, was *cloud.Limit) error {
		l = was
		set(&l.Value, c.Value)
		set(&l.Description, c.Description)
		if err := validLimit("limit", "resource_limit", l.Value); err != nil {
			return err
		}
		return s.Limits.Update(ctx, l)
	})
	return l, err
}

// DeleteLimit removes a limit; the registered one counts again.
func (s *Service) DeleteLimit(ctx context.Context, id cloud.LimitID) error {
	return s.changeLimit(ctx, id, func(ctx context.Context, _ *cloud.Limit) error { return s.Limits.Delete(ctx, id) })
}

func (s *Service) changeLimit(ctx context.Context, id cloud.LimitID, f func(context.Context, *cloud.Limit) error) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		l, err := s.Limits.Get(ctx, id)
		if err := allow(ctx, "limit.manage", limitTarget(l), err); err != nil {
			return err
		}
		return f(ctx, l)
	})
}

// dropLimits is for a project, domain, service or region that is going away.
func (s *Service) dropLimits(ctx context.Context, where cloud.Cond) error {
	list, err := s.Limits.List(ctx, cloud.Where(where))
	return each(list, err, func(l *cloud.Limit) error { return s.Limits.Delete(ctx, l.ID) })
}
