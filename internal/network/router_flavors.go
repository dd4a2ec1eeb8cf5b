package network

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// RouterDriver is what makes routers. There is one.
const RouterDriver = "nubo"

// RouterFlavorChange makes a flavor, or changes what is not nil.
type RouterFlavorChange struct {
	Name, Description *string
	Enabled           *bool
	Profiles          *[]cloud.RouterProfileID
}

func authorizeFlavors(ctx context.Context, a policy.Action, id cloud.RouterFlavorID) error {
	return policy.Authorize(ctx, a, policy.Target{Resource: "router flavor", ID: string(id)})
}

// lockRouterFlavors makes whoever changes or uses flavors and profiles wait for each other: operators seldom change them.
func (s *Service) lockRouterFlavors(ctx context.Context) error {
	return s.Tx.Lock(ctx, "router flavors")
}

// CreateRouterFlavor makes a flavor of routers.
func (s *Service) CreateRouterFlavor(ctx context.Context, c RouterFlavorChange) (*cloud.RouterFlavor, error) {
	f := &cloud.RouterFlavor{ID: cloud.RouterFlavorID(cloud.NewID()), Enabled: true}
	return f, s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := authorizeFlavors(ctx, "router flavor.create", ""); err != nil {
			return err
		}
		if err := s.lockRouterFlavors(ctx); err != nil {
			return err
		}
		if err := s.applyRouterFlavor(ctx, f, c); err != nil {
			return err
		}
		return s.RouterFlavors.Insert(ctx, f)
	})
}

// applyRouterFlavor needs the lock: the profiles that it finds stay until the flavor names them.
func (s *Service) applyRouterFlavor(ctx context.Context, f *cloud.RouterFlavor, c RouterFlavorChange) error {
	apply(&f.Name, c.Name)
	apply(&f.Description, c.Description)
	apply(&f.Enabled, c.Enabled)
	if c.Profiles == nil {
		return nil
	}
	f.Profiles = union(nil, *c.Profiles)
	for _, id := range f.Profiles {
		if _, err := s.RouterProfile(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// RouterFlavor answers one flavor; they are everybody's to see.
func (s *Service) RouterFlavor(ctx context.Context, id cloud.RouterFlavorID) (*cloud.RouterFlavor, error) {
	f, err := s.RouterFlavors.Get(ctx, id)
	if err != nil {
		return nil, missing(err, "router flavor", id)
	}
	return f, authorizeFlavors(ctx, "router flavor.get", id)
}

// ListRouterFlavors lists all flavors of routers.
func (s *Service) ListRouterFlavors(ctx context.Context, q cloud.Query, keep ...func(*cloud.RouterFlavor) bool) ([]*cloud.RouterFlavor, error) {
	return s.RouterFlavors.List(ctx, q, keep...)
}

// UpdateRouterFlavor changes a flavor. Routers that were made with it stay as they are.
func (s *Service) UpdateRouterFlavor(ctx context.Context, id cloud.RouterFlavorID, c RouterFlavorChange) (*cloud.RouterFlavor, error) {
	return s.changeRouterFlavor(ctx, id, func(ctx context.Context, f *cloud.RouterFlavor) error { return s.applyRouterFlavor(ctx, f, c) })
}

func (s *Service) changeRouterFlavor(ctx context.Context, id cloud.RouterFlavorID, change func(context.Context, *cloud.RouterFlavor) error) (f *cloud.RouterFlavor, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.lockRouterFlavors(ctx); err != nil {
			return err
		}
		if f, err = s.RouterFlavor(ctx, id); err != nil {
			return err
		}
		if err := authorizeFlavors(ctx, "router flavor.update", id); err != nil {
			return err
		}
		if err := change(ctx, f); err != nil {
			return err
		}
		return s.RouterFlavors.Update(ctx, f)
	})
	return f, err
}

// AddRouterProfile gives a flavor one more profile.
func (s *Service) AddRouterProfile(ctx context.Context, id cloud.RouterFlavorID, profile cloud.RouterProfileID) (*cloud.RouterFlavor, error) {
	return s.changeRouterFlavor(ctx, id, func(ctx context.Context, f *cloud.RouterFlavor) error {
		if _, err := s.RouterProfile(ctx, profile); err != nil {
			return err
		}
		if slices.Contains(f.Profiles, profile) {
			return cloud.Errorf(cloud.AlreadyExists, "profile of router flavor", profile, "Service profile %s is already associated with flavor %s.", profile, id)
		}
		f.Profiles = append(slices.Clone(f.Profiles), profile)
		return nil
	})
}

// RemoveRouterProfile takes a profile from a flavor.
func (s *Service) RemoveRouterProfile(ctx context.Context, id cloud.RouterFlavorID, profile cloud.RouterProfileID) (*cloud.RouterFlavor, error) {
	return s.changeRouterFlavor(ctx, id, func(_ context.Context, f *cloud.RouterFlavor) error {
		if !slices.Contains(f.Profiles, profile) {
			return noProfile(id, profile)
		}
		f.Profiles = slices.DeleteFunc(slices.Clone(f.Profiles), func(p cloud.RouterProfileID) bool { return p == profile })
		return nil
	})
}

func noProfile(id cloud.RouterFlavorID, profile cloud.RouterProfileID) error {
	return cloud.Errorf(cloud.NotFound, "profile of router flavor", profile, "Service profile %s is not associated with flavor %s.", profile, id)
}

// DeleteRouterFlavor removes a flavor that no router has.
func (s *Service) DeleteRouterFlavor(ctx context.Context, id cloud.RouterFlavorID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.lockRouterFlavors(ctx); err != nil {
			return err
		}
		if _, err := s.RouterFlavor(ctx, id); err != nil {
			return err
		}
		if err := authorizeFlavors(ctx, "router flavor.delete", id); err != nil {
			return err
		}
		n, err := s.Routers.Count(ctx, cloud.Eq("flavor", string(id)))
		if err != nil {
			return err
		}
		if n > 0 {
			return cloud.Errorf(cloud.InUse, "router flavor", id, "Flavor %s is used by %d router(s).", id, n)
		}
		return s.RouterFlavors.Delete(ctx, id)
	})
}

// RouterFlavorDrivers answers the drivers that routers of a flavor are made by.
func (s *Service) RouterFlavorDrivers(ctx context.Context, id cloud.RouterFlavorID) ([]string, error) {
	f, err := s.RouterFlavor(ctx, id)
	if err != nil {
		return nil, err
	}
	if len(f.Profiles) == 0 {
		return nil, noProfile(id, "")
	}
	usable, err := s.RouterProfiles.List(ctx, cloud.Where(cloud.In("id", f.Profiles), cloud.Eq("enabled", true)))
	if err == nil && len(usable) == 0 {
		return nil, cloud.Errorf(cloud.Conflict, "disabled router profile", f.Profiles[0], "All service profiles of flavor %s are disabled.", id)
	}
	return []string{RouterDriver}, err
}

// useRouterFlavor checks that a new router may have a flavor; it stays until the router is there.
func (s *Service) useRouterFlavor(ctx context.Context, id cloud.RouterFlavorID) error {
	if id == "" {
		return nil
	}
	if err := s.lockRouterFlavors(ctx); err != nil {
		return err
	}
	f, err := s.RouterFlavor(ctx, id)
	if err != nil {
		return err
	}
	if !f.Enabled {
		return cloud.Errorf(cloud.Conflict, "disabled router flavor", id, "Flavor %s is disabled: no router can be made with it.", id)
	}
	_, err = s.RouterFlavorDrivers(ctx, id)
	return err
}
