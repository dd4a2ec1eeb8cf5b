package network

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// RouterProfileChange makes a profile, or changes what is not nil.
type RouterProfileChange struct {
	Description, Driver, Details *string
	Enabled                      *bool
}

func authorizeProfiles(ctx context.Context, a policy.Action, id cloud.RouterProfileID) error {
	return policy.Authorize(ctx, a, policy.Target{Resource: "router profile", ID: string(id)})
}

// CreateRouterProfile makes a profile.
func (s *Service) CreateRouterProfile(ctx context.Context, c RouterProfileChange) (*cloud.RouterProfile, error) {
	if err := authorizeProfiles(ctx, "router profile.create", ""); err != nil {
		return nil, err
	}
	p := &cloud.RouterProfile{ID: cloud.RouterProfileID(cloud.NewID()), Enabled: true}
	if err := applyRouterProfile(p, c); err != nil {
		return nil, err
	}
	return p, s.RouterProfiles.Insert(ctx, p)
}

func applyRouterProfile(p *cloud.RouterProfile, c RouterProfileChange) error {
	apply(&p.Description, c.Description)
	apply(&p.Driver, c.Driver)
	apply(&p.Details, c.Details)
	apply(&p.Enabled, c.Enabled)
	if p.Driver != "" && p.Driver != RouterDriver {
		return cloud.Errorf(cloud.NotFound, "router driver", p.Driver, "Service profile driver %s could not be found: the drivers are %s.", p.Driver, RouterDriver)
	}
	if p.Driver == "" && p.Details == "" {
		return cloud.Invalidf("router profile", "driver", "A service profile needs a driver or metainfo.")
	}
	return nil
}

// RouterProfile answers one profile, to operators.
func (s *Service) RouterProfile(ctx context.Context, id cloud.RouterProfileID) (*cloud.RouterProfile, error) {
	p, err := s.RouterProfiles.Get(ctx, id)
	if err != nil {
		return nil, missing(err, "router profile", id)
	}
	return p, authorizeProfiles(ctx, "router profile.get", id)
}

// ListRouterProfiles lists all profiles, to operators; nobody else sees any.
func (s *Service) ListRouterProfiles(ctx context.Context, q cloud.Query, keep ...func(*cloud.RouterProfile) bool) ([]*cloud.RouterProfile, error) {
	if err := authorizeProfiles(ctx, "router profile.get", ""); err != nil {
		return nil, nil //nolint:nilerr // a list shows what the caller may see
	}
	return s.RouterProfiles.List(ctx, q, keep...)
}

// UpdateRouterProfile changes a profile that no flavor has.
func (s *Service) UpdateRouterProfile(ctx context.Context, id cloud.RouterProfileID, c RouterProfileChange) (p *cloud.RouterProfile, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if p, err = s.unusedRouterProfile(ctx, id, "router profile.update"); err != nil {
			return err
		}
		if err := applyRouterProfile(p, c); err != nil {
			return err
		}
		return s.RouterProfiles.Update(ctx, p)
	})
	return p, err
}

// DeleteRouterProfile removes a profile that no flavor has.
func (s *Service) DeleteRouterProfile(ctx context.Context, id cloud.RouterProfileID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		if _, err := s.unusedRouterProfile(ctx, id, "router profile.delete"); err != nil {
			return err
		}
		return s.RouterProfiles.Delete(ctx, id)
	})
}

// unusedRouterProfile locks and answers a profile that the caller may change.
func (s *Service) unusedRouterProfile(ctx context.Context, id cloud.RouterProfileID, action policy.Action) (*cloud.RouterProfile, error) {
	if err := s.lockRouterFlavors(ctx); err != nil {
		return nil, err
	}
	p, err := s.RouterProfile(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := authorizeProfiles(ctx, action, id); err != nil {
		return nil, err
	}
	n, err := s.RouterFlavors.Count(ctx, cloud.Eq("profiles", string(id)))
	if err == nil && n > 0 {
		err = cloud.Errorf(cloud.InUse, "router profile", id, "Service profile %s is used by %d flavor(s).", id, n)
	}
	return p, err
}
