package identity

import (
	"context"
	"math"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// LimitFilter selects limits; what is empty selects all.
type LimitFilter struct {
	cloud.LimitSubject
	ProjectID cloud.ProjectID
	DomainID  cloud.DomainID
	Limit     int
	Marker    string
}

func (f LimitFilter) query(where ...cloud.Cond) cloud.Query {
	for column, value := range map[string]string{"service_id": f.ServiceID, "region_id": f.RegionID, "resource": f.Resource,
		"project_id": string(f.ProjectID), "domain_id": string(f.DomainID)} {
		if value != "" {
			where = append(where, cloud.Eq(column, value))
		}
	}
	return cloud.Query{Where: where, After: f.Marker, Limit: f.Limit}
}

// RegisteredLimitChange is what an update sets; nil stays.
type RegisteredLimitChange struct {
	ServiceID, RegionID, Resource, Description *string
	Default                                    *int64
}

func (c RegisteredLimitChange) apply(l *cloud.RegisteredLimit) {
	set(&l.ServiceID, c.ServiceID)
	set(&l.RegionID, c.RegionID)
	set(&l.Resource, c.Resource)
	set(&l.Description, c.Description)
	set(&l.Default, c.Default)
}

// CreateRegisteredLimits makes all of a list or none. AlreadyExists if one of the same subject does.
func (s *Service) CreateRegisteredLimits(ctx context.Context, list []*cloud.RegisteredLimit) error {
	if err := policy.Authorize(ctx, "registered limit.manage", policy.Target{}); err != nil {
		return err
	}
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		return each(list, nil, func(l *cloud.RegisteredLimit) error {
			l.ID = cloud.LimitID(cloud.NewHexID())
			if err := s.checkRegisteredLimit(ctx, l); err != nil {
				return err
			}
			return s.RegisteredLimits.Insert(ctx, l)
		})
	})
}

func (s *Service) checkRegisteredLimit(ctx context.Context, l *cloud.RegisteredLimit) error {
	if err := validName("registered limit", l.Resource, nameMax); err != nil {
		return cloud.Invalidf("registered limit", "resource_name", "Invalid input for field 'resource_name': it has 1 to %d characters.", nameMax)
	}
	if err := validLimit("registered limit", "default_limit", l.Default); err != nil {
		return err
	}
	c, err := s.catalog(ctx)
	if err != nil {
		return err
	}
	if _, err := find("service", c.Services, l.ServiceID, serviceID); err != nil {
		return cloud.Invalidf("registered limit", "service_id", "The service %s does not exist.", l.ServiceID)
	}
	if l.RegionID == "" {
		return nil
	}
	if _, err := find("region", c.Regions, l.RegionID, regionID); err != nil {
		return cloud.Invalidf("registered limit", "region_id", "The region %s does not exist.", l.RegionID)
	}
	return nil
}

func validLimit(resource, field string, value int64) error {
	if value < cloud.Unlimited || value > math.MaxInt32 {
		return cloud.Invalidf(resource, field, "Invalid input for field '%s': it must be between %d (no limit) and %d.", field, cloud.Unlimited, math.MaxInt32)
	}
	return nil
}

// RegisteredLimit answers one.
func (s *Service) RegisteredLimit(ctx context.Context, id cloud.LimitID) (*cloud.RegisteredLimit, error) {
	if err := policy.Authorize(ctx, "registered limit.get", policy.Target{}); err != nil {
		return nil, err
	}
	return s.RegisteredLimits.Get(ctx, id)
}

// ListRegisteredLimits lists them.
func (s *Service) ListRegisteredLimits(ctx context.Context, f LimitFilter) ([]*cloud.RegisteredLimit, error) {
	if err := policy.Authorize(ctx, "registered limit.get", policy.Target{}); err != nil {
		return nil, err
	}
	f.ProjectID, f.DomainID = "", ""
	return s.RegisteredLimits.List(ctx, f.query())
}

// UpdateRegisteredLimit changes one. Its subject stays while limits of projects or domains have it.
func (s *Service) UpdateRegisteredLimit(ctx context.Context, id cloud.LimitID, c RegisteredLimitChange) (l *cloud.RegisteredLimit, err error) {
	err = s.changeRegisteredLimit(ctx, id, func(ctx context.Context, was *cloud.RegisteredLimit) error {
		changed := *was
		c.apply(&changed)
		if changed.LimitSubject != was.LimitSubject {
			if err := s.unreferenced(ctx, was); err != nil {
				return err
			}
		}
		l = &changed
		if err := s.checkRegisteredLimit(ctx, l); err != nil {
			return err
		}
		return s.RegisteredLimits.Update(ctx, l)
	})
	return l, err
}

// DeleteRegisteredLimit removes one that no limit of a project or domain refers to.
func (s *Service) DeleteRegisteredLimit(ctx context.Context, id cloud.LimitID) error {
	return s.changeRegisteredLimit(ctx, id, func(ctx context.Context, l *cloud.RegisteredLimit) error {
		if err := s.unreferenced(ctx, l); err != nil {
			return err
		}
		return s.RegisteredLimits.Delete(ctx, id)
	})
}

func (s *Service) changeRegisteredLimit(ctx context.Context, id cloud.LimitID, f func(context.Context, *cloud.RegisteredLimit) error) error {
	if err := policy.Authorize(ctx, "registered limit.manage", policy.Target{}); err != nil {
		return err
	}
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		l, err := s.RegisteredLimits.Get(ctx, id)
		if err != nil {
			return err
		}
		if err := s.lockSubject(ctx, l.LimitSubject); err != nil {
			return err
		}
		return f(ctx, l)
	})
}

// lockSubject keeps a registered limit and the limits that refer to it from changing past each other.
func (s *Service) lockSubject(ctx context.Context, of cloud.LimitSubject) error {
	return s.Tx.Lock(ctx, "limits of "+of.ServiceID+" "+of.RegionID+" "+of.Resource)
}

func (s *Service) unreferenced(ctx context.Context, l *cloud.RegisteredLimit) error {
	n, err := s.Limits.Count(ctx, bySubject(l.LimitSubject)...)
	if err == nil && n > 0 {
		return cloud.Errorf(cloud.Forbidden, "registered limit", l.ID, "Unable to change or delete registered limit %s: %d limits of projects or domains refer to it.", l.ID, n)
	}
	return err
}

func bySubject(of cloud.LimitSubject) []cloud.Cond {
	return []cloud.Cond{cloud.Eq("service_id", of.ServiceID), cloud.Eq("region_id", of.RegionID), cloud.Eq("resource", of.Resource)}
}
