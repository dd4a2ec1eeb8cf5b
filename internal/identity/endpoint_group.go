package identity

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// EndpointGroups lists the groups of a name, or given to a project; empty: any.
func (s *Service) EndpointGroups(ctx context.Context, name string, p cloud.ProjectID) ([]EndpointGroup, error) {
	c, err := s.readCatalog(ctx)
	if err != nil {
		return nil, err
	}
	return selected(c.Groups, func(g EndpointGroup) bool { return (name == "" || g.Name == name) && (p == "" || g.has(p)) }), nil
}

// EndpointGroup answers one group.
func (s *Service) EndpointGroup(ctx context.Context, id string) (*EndpointGroup, error) {
	all, err := s.EndpointGroups(ctx, "", "")
	if err != nil {
		return nil, err
	}
	i, err := find("endpoint group", all, id, endpointGroupID)
	if err != nil {
		return nil, err
	}
	return &all[i], nil
}

// EndpointsOfGroup lists the endpoints that fit a group's filter.
func (s *Service) EndpointsOfGroup(ctx context.Context, base, id string) ([]Endpoint, error) {
	g, err := s.EndpointGroup(ctx, id)
	if err != nil {
		return nil, err
	}
	c, err := s.catalog(ctx)
	if err != nil {
		return nil, err
	}
	return at(base, selected(c.Endpoints, g.Filter.fits)), nil
}

// ProjectsOfGroup lists the projects that a group is given to.
func (s *Service) ProjectsOfGroup(ctx context.Context, id string) ([]*cloud.Project, error) {
	g, err := s.EndpointGroup(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.projectsNamed(ctx, g.Projects)
}

// CreateEndpointGroup adds a group.
func (s *Service) CreateEndpointGroup(ctx context.Context, g EndpointGroup) (*EndpointGroup, error) {
	g.ID = cloud.NewHexID()
	return &g, s.changeCatalog(ctx, func(c *catalog) error {
		c.Groups = append(c.Groups, g)
		return g.check()
	})
}

func (g EndpointGroup) check() error {
	if err := validName("endpoint group", g.Name, nameMax); err != nil {
		return err
	}
	if g.Filter == (EndpointFilter{}) {
		return cloud.Invalidf("endpoint group", "filters", "An endpoint group needs a filter: service_id, region_id or interface.")
	}
	if i := g.Filter.Interface; i != "" && !slices.Contains(Interfaces, i) {
		return cloud.Invalidf("endpoint group", "filters", "The interface '%s' is not one of %v.", i, Interfaces)
	}
	return nil
}

// changeEndpointGroup lets f change one group in the stored catalog.
func (s *Service) changeEndpointGroup(ctx context.Context, id string, f func(*EndpointGroup) error) (g *EndpointGroup, err error) {
	err = s.changeCatalog(ctx, func(c *catalog) error {
		i, err := find("endpoint group", c.Groups, id, endpointGroupID)
		if err != nil {
			return err
		}
		g = &c.Groups[i]
		return f(g)
	})
	return g, err
}

// UpdateEndpointGroup lets f change a group.
func (s *Service) UpdateEndpointGroup(ctx context.Context, id string, f func(*EndpointGroup)) (*EndpointGroup, error) {
	return s.changeEndpointGroup(ctx, id, func(g *EndpointGroup) error {
		f(g)
		g.ID = id
		return g.check()
	})
}

// DeleteEndpointGroup removes a group; projects that had only its endpoints have all again.
func (s *Service) DeleteEndpointGroup(ctx context.Context, id string) error {
	return s.changeCatalog(ctx, func(c *catalog) error {
		i, err := find("endpoint group", c.Groups, id, endpointGroupID)
		if err == nil {
			c.Groups = slices.Delete(c.Groups, i, i+1)
		}
		return err
	})
}

// GiveEndpointGroup puts a group's endpoints in a project's catalog; it may be called again.
func (s *Service) GiveEndpointGroup(ctx context.Context, id string, p cloud.ProjectID) error {
	_, err := s.changeEndpointGroup(ctx, id, func(g *EndpointGroup) error {
		if _, err := s.Projects.Get(ctx, p); err != nil {
			return err
		}
		if !g.has(p) {
			g.Projects = append(g.Projects, p)
		}
		return nil
	})
	return err
}

// TakeEndpointGroup is the reverse of GiveEndpointGroup.
func (s *Service) TakeEndpointGroup(ctx context.Context, id string, p cloud.ProjectID) error {
	_, err := s.changeEndpointGroup(ctx, id, func(g *EndpointGroup) error {
		if !g.has(p) {
			return cloud.NotFoundf("project", p)
		}
		g.Projects = without(g.Projects, p)
		return nil
	})
	return err
}
