package identity

import (
	"context"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// find answers the place of an id in a list, or NotFound.
func find[T any](resource string, list []T, id string, idOf func(T) string) (int, error) {
	i := slices.IndexFunc(list, func(v T) bool { return idOf(v) == id })
	if i < 0 {
		return 0, cloud.NotFoundf(resource, id)
	}
	return i, nil
}

func regionID(r Region) string          { return r.ID }
func serviceID(s CatalogService) string { return s.ID }
func endpointID(e Endpoint) string      { return e.ID }

// Region answers one region.
func (s *Service) Region(ctx context.Context, id string) (*Region, error) {
	all, err := s.Regions(ctx, "")
	if err != nil {
		return nil, err
	}
	i, err := find("region", all, id, regionID)
	if err != nil {
		return nil, err
	}
	return &all[i], nil
}

// CreateRegion adds a region; without an id it gets one.
func (s *Service) CreateRegion(ctx context.Context, r Region) (*Region, error) {
	if r.ID == "" {
		r.ID = cloud.NewHexID()
	}
	return &r, s.changeCatalog(ctx, func(c *catalog) error {
		if _, err := find("region", c.Regions, r.ID, regionID); err == nil {
			return cloud.Errorf(cloud.AlreadyExists, "region", r.ID, "A region with id %s exists already.", r.ID)
		}
		if err := c.checkRegion(r); err != nil {
			return err
		}
		c.Regions = append(c.Regions, r)
		return nil
	})
}

func (c *catalog) checkRegion(r Region) error {
	if len(r.ID) > nameMax {
		return cloud.Invalidf("region", "id", "The id of a region has %d characters at most.", nameMax)
	}
	if r.ParentID == "" {
		return nil
	}
	_, err := find("region", c.Regions, r.ParentID, regionID)
	return err
}

// UpdateRegion lets f change a region.
func (s *Service) UpdateRegion(ctx context.Context, id string, f func(*Region)) (r *Region, err error) {
	err = s.changeCatalog(ctx, func(c *catalog) error {
		i, err := find("region", c.Regions, id, regionID)
		if err != nil {
			return err
		}
		f(&c.Regions[i])
		c.Regions[i].ID = id
		r = &c.Regions[i]
		return c.checkRegion(*r)
	})
	return r, err
}

// DeleteRegion removes a region that no region or endpoint is in. Limits for it stay: a region has no id but its name, and
// counts again when it is made again.
func (s *Service) DeleteRegion(ctx context.Context, id string) error {
	return s.changeCatalog(ctx, func(c *catalog) error {
		i, err := find("region", c.Regions, id, regionID)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(c.Regions, func(r Region) bool { return r.ParentID == id }) ||
			slices.ContainsFunc(c.Endpoints, func(e Endpoint) bool { return e.RegionID == id }) {
			return cloud.Errorf(cloud.InUse, "region", id, "The region still has endpoints or regions in it.")
		}
		c.Regions = slices.Delete(c.Regions, i, i+1)
		c.forgetPolicies(func(b boundPolicy) bool { return b.RegionID == id })
		return nil
	})
}

// CatalogService answers one service.
func (s *Service) CatalogService(ctx context.Context, id string) (*CatalogService, error) {
	all, err := s.Services(ctx, "", "")
	if err != nil {
		return nil, err
	}
	i, err := find("service", all, id, serviceID)
	if err != nil {
		return nil, err
	}
	return &all[i], nil
}

// CreateCatalogService adds a service.
func (s *Service) CreateCatalogService(ctx context.Context, v CatalogService) (*CatalogService, error) {
	v.ID = cloud.NewHexID()
	return &v, s.changeCatalog(ctx, func(c *catalog) error {
		c.Services = append(c.Services, v)
		return v.check()
	})
}

func (s CatalogService) check() error {
	if strings.TrimSpace(s.Type) == "" || len(s.Type) > nameMax {
		return cloud.Invalidf("service", "type", "Invalid input for field 'type': a service needs a type of %d characters at most.", nameMax)
	}
	return nil
}

// UpdateCatalogService lets f change a service.
func (s *Service) UpdateCatalogService(ctx context.Context, id string, f func(*CatalogService)) (v *CatalogService, err error) {
	err = s.changeCatalog(ctx, func(c *catalog) error {
		i, err := find("service", c.Services, id, serviceID)
		if err != nil {
			return err
		}
		f(&c.Services[i])
		c.Services[i].ID = id
		v = &c.Services[i]
		return v.check()
	})
	return v, err
}

// DeleteCatalogService removes a service and its endpoints. Its limits stay, for an administrator to move to another service
// or delete.
func (s *Service) DeleteCatalogService(ctx context.Context, id string) error {
	return s.changeCatalog(ctx, func(c *catalog) error { return c.forgetService(id) })
}

// forgetService removes a service with all that is bound to it.
func (c *catalog) forgetService(id string) error {
	i, err := find("service", c.Services, id, serviceID)
	if err != nil {
		return err
	}
	c.Services = slices.Delete(c.Services, i, i+1)
	c.forgetPolicies(func(b boundPolicy) bool { return b.ServiceID == id })
	for _, e := range c.Endpoints {
		if e.ServiceID == id {
			c.forgetEndpoint(e.ID)
		}
	}
	c.Endpoints = slices.DeleteFunc(c.Endpoints, func(e Endpoint) bool { return e.ServiceID == id })
	return nil
}

// Endpoint answers one endpoint.
func (s *Service) Endpoint(ctx context.Context, base, id string) (*Endpoint, error) {
	list, err := s.Endpoints(ctx, base, Endpoint{ID: id})
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, cloud.NotFoundf("endpoint", id)
	}
	return &list[0], nil
}

// CreateEndpoint adds an endpoint of a service. A region that does not exist is made.
func (s *Service) CreateEndpoint(ctx context.Context, e Endpoint) (*Endpoint, error) {
	e.ID = cloud.NewHexID()
	return &e, s.changeCatalog(ctx, func(c *catalog) error {
		c.Endpoints = append(c.Endpoints, e)
		return c.checkEndpoint(e)
	})
}

func (c *catalog) checkEndpoint(e Endpoint) error {
	if !slices.Contains(Interfaces, e.Interface) {
		return cloud.Invalidf("endpoint", "interface", "Invalid input for field 'interface': '%s' is not one of %v.", e.Interface, Interfaces)
	}
	if e.URL == "" {
		return cloud.Invalidf("endpoint", "url", "Invalid input for field 'url': an endpoint needs one.")
	}
	if _, err := find("service", c.Services, e.ServiceID, serviceID); err != nil {
		return cloud.Invalidf("endpoint", "service_id", "The service %s does not exist.", e.ServiceID)
	}
	if e.RegionID == "" {
		return nil
	}
	if _, err := find("region", c.Regions, e.RegionID, regionID); err != nil {
		c.Regions = append(c.Regions, Region{ID: e.RegionID})
	}
	return nil
}

// UpdateEndpoint lets f change an endpoint.
func (s *Service) UpdateEndpoint(ctx context.Context, base, id string, f func(*Endpoint)) (*Endpoint, error) {
	var changed Endpoint
	err := s.changeCatalog(ctx, func(c *catalog) error {
		i, err := find("endpoint", c.Endpoints, id, endpointID)
		if err != nil {
			return err
		}
		f(&c.Endpoints[i])
		c.Endpoints[i].ID = id
		changed = c.Endpoints[i]
		return c.checkEndpoint(changed)
	})
	changed.URL = strings.ReplaceAll(changed.URL, BaseMark, base)
	return &changed, err
}

// DeleteEndpoint removes an endpoint.
func (s *Service) DeleteEndpoint(ctx context.Context, id string) error {
	return s.changeCatalog(ctx, func(c *catalog) error {
		i, err := find("endpoint", c.Endpoints, id, endpointID)
		if err != nil {
			return err
		}
		c.Endpoints = slices.Delete(c.Endpoints, i, i+1)
		c.forgetEndpoint(id)
		return nil
	})
}
