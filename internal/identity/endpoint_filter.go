package identity

import (
	"context"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// Projects may be given endpoints, one by one or as groups. A project that was given some has
// no others in its catalog; one that was given none has them all.

// EndpointGroup is the endpoints that fit its filter, and the projects they are given to.
type EndpointGroup struct {
	ID          string            `json:"id"`
	Name        string            `json:"name"`
	Description string            `json:"description"`
	Filter      EndpointFilter    `json:"filter"`
	Projects    []cloud.ProjectID `json:"projects,omitempty"`
}

// EndpointFilter selects endpoints by its fields that are not empty.
type EndpointFilter struct {
	ServiceID string `json:"service_id,omitempty"`
	RegionID  string `json:"region_id,omitempty"`
	Interface string `json:"interface,omitempty"`
}

func (f EndpointFilter) fits(e Endpoint) bool {
	return (f.ServiceID == "" || f.ServiceID == e.ServiceID) && (f.RegionID == "" || f.RegionID == e.RegionID) &&
		(f.Interface == "" || f.Interface == e.Interface)
}

func endpointGroupID(g EndpointGroup) string { return g.ID }

func (g EndpointGroup) has(p cloud.ProjectID) bool { return slices.Contains(g.Projects, p) }

// endpointsOf are the endpoints given to a project; given is false if nobody chose for it.
func (c *catalog) endpointsOf(p cloud.ProjectID) (list []Endpoint, given bool) {
	direct := c.Given[p]
	groups := selected(c.Groups, func(g EndpointGroup) bool { return g.has(p) })
	list = selected(c.Endpoints, func(e Endpoint) bool {
		return slices.Contains(direct, e.ID) || slices.ContainsFunc(groups, func(g EndpointGroup) bool { return g.Filter.fits(e) })
	})
	return list, len(direct) > 0 || len(groups) > 0
}

// offered are the endpoints in a project's catalog.
func (c *catalog) offered(p cloud.ProjectID) []Endpoint {
	if list, given := c.endpointsOf(p); given {
		return list
	}
	return c.Endpoints
}

// forgetEndpoint takes an endpoint from the projects it was given to, and its policy from it.
func (c *catalog) forgetEndpoint(id string) {
	c.forgetPolicies(func(b boundPolicy) bool { return b.EndpointID == id })
	for p, ids := range c.Given {
		c.give(p, without(ids, id))
	}
}

func (c *catalog) give(p cloud.ProjectID, ids []string) {
	if len(ids) == 0 {
		delete(c.Given, p)
		return
	}
	if c.Given == nil {
		c.Given = map[cloud.ProjectID][]string{}
	}
	c.Given[p] = ids
}

// readCatalog is the catalog for those who may read all endpoints.
func (s *Service) readCatalog(ctx context.Context) (*catalog, error) {
	if err := policy.Authorize(ctx, "endpoint.get", policy.Target{}); err != nil {
		return nil, err
	}
	return s.catalog(ctx)
}

// ProjectEndpoints lists what a project was given, directly and by groups.
func (s *Service) ProjectEndpoints(ctx context.Context, base string, p cloud.ProjectID) ([]Endpoint, error) {
	c, err := s.readCatalog(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := s.Projects.Get(ctx, p); err != nil {
		return nil, err
	}
	list, _ := c.endpointsOf(p)
	return at(base, list), nil
}

// at fills the address that clients use into the endpoints' URLs.
func at(base string, list []Endpoint) []Endpoint {
	for i := range list {
		list[i].URL = strings.ReplaceAll(list[i].URL, BaseMark, base)
	}
	return list
}

// ProjectsWithEndpoint lists the projects that an endpoint was given to, directly or by a group.
func (s *Service) ProjectsWithEndpoint(ctx context.Context, id string) ([]*cloud.Project, error) {
	c, err := s.readCatalog(ctx)
	if err != nil {
		return nil, err
	}
	i, err := find("endpoint", c.Endpoints, id, endpointID)
	if err != nil {
		return nil, err
	}
	var ids []cloud.ProjectID
	for p, given := range c.Given {
		if slices.Contains(given, id) {
			ids = append(ids, p)
		}
	}
	for _, g := range c.Groups {
		if g.Filter.fits(c.Endpoints[i]) {
			ids = append(ids, g.Projects...)
		}
	}
	return s.projectsNamed(ctx, ids)
}

func (s *Service) projectsNamed(ctx context.Context, ids []cloud.ProjectID) ([]*cloud.Project, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return s.Projects.List(ctx, cloud.Query{Where: []cloud.Cond{cloud.In("id", ids)}, Order: []cloud.Order{{Column: "name"}}})
}

// HasEndpoint answers nil if the endpoint was given to the project itself.
func (s *Service) HasEndpoint(ctx context.Context, p cloud.ProjectID, id string) error {
	c, err := s.readCatalog(ctx)
	if err != nil {
		return err
	}
	if !slices.Contains(c.Given[p], id) {
		return cloud.NotFoundf("endpoint", id)
	}
	return nil
}

// GiveEndpoint puts an endpoint in a project's catalog; it may be called again.
func (s *Service) GiveEndpoint(ctx context.Context, p cloud.ProjectID, id string) error {
	return s.changeCatalog(ctx, func(c *catalog) error {
		if _, err := s.Projects.Get(ctx, p); err != nil {
			return err
		}
		if _, err := find("endpoint", c.Endpoints, id, endpointID); err != nil {
			return err
		}
		if !slices.Contains(c.Given[p], id) {
			c.give(p, append(c.Given[p], id))
		}
		return nil
	})
}

// TakeEndpoint is the reverse of GiveEndpoint.
func (s *Service) TakeEndpoint(ctx context.Context, p cloud.ProjectID, id string) error {
	return s.changeCatalog(ctx, func(c *catalog) error {
		if !slices.Contains(c.Given[p], id) {
			return cloud.NotFoundf("endpoint", id)
		}
		c.give(p, without(c.Given[p], id))
		return nil
	})
}

// forgetProjectEndpoints is for a project that is going away, inside the caller's Update.
func (s *Service) forgetProjectEndpoints(ctx context.Context, p cloud.ProjectID) error {
	c, err := s.catalog(ctx)
	if err != nil {
		return err
	}
	if _, given := c.endpointsOf(p); !given {
		return nil
	}
	return s.changeCatalog(cloud.WithPrincipal(ctx, cloud.System()), func(c *catalog) error {
		delete(c.Given, p)
		for i := range c.Groups {
			c.Groups[i].Projects = without(c.Groups[i].Projects, p)
		}
		return nil
	})
}
