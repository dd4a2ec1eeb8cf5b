package identity

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// Region is a place that endpoints are in.
type Region struct {
	ID          string         `json:"id"`
	Description string         `json:"description"`
	ParentID    string         `json:"parent_id,omitempty"`
	Extra       map[string]any `json:"extra,omitempty"`
}

// CatalogService is one service that users are told about.
type CatalogService struct {
	ID          string         `json:"id"`
	Type        string         `json:"type"`
	Name        string         `json:"name"`
	Description *string        `json:"description,omitempty"`
	Enabled     bool           `json:"enabled"`
	Extra       map[string]any `json:"extra,omitempty"`
}

// Endpoint is where a service answers. In its URL $(base)s stands for the address that the client has
// reached us by, $(project_id)s and $(user_id)s for what the token says.
type Endpoint struct {
	ID        string         `json:"id"`
	ServiceID string         `json:"service_id"`
	RegionID  string         `json:"region_id,omitempty"`
	Interface string         `json:"interface"`
	URL       string         `json:"url"`
	Enabled   bool           `json:"enabled"`
	Extra     map[string]any `json:"extra,omitempty"`
}

// Interfaces are the kinds of endpoint.
var Interfaces = []string{"public", "internal", "admin"}

// BaseMark in a stored URL is replaced by the address clients use.
const BaseMark = "$(base)s"

// catalog is the whole of it: small, read with every token, changed by hand. One document.
type catalog struct {
	Regions   []Region         `json:"regions"`
	Services  []CatalogService `json:"services"`
	Endpoints []Endpoint       `json:"endpoints"`
	Groups    []EndpointGroup  `json:"groups,omitempty"`
	// Given are ids of endpoints that a project was given.
	Given    map[cloud.ProjectID][]string `json:"given,omitempty"`
	Policies []boundPolicy                `json:"policies,omitempty"`
}

const catalogSetting cloud.SettingID = "identity/catalog"

// builtIn is what this cloud serves itself. Image and network endpoints carry no version (clients add it).
var builtIn = []struct{ kind, name, path string }{
	{"identity", "keystone", "/identity"},
	{"compute", "nova", "/compute/v2.1"},
	{"image", "glance", "/image"},
	{"network", "neutron", "/network"},
	{"volumev3", "cinderv3", "/volume/v3/$(project_id)s"},
	{"placement", "placement", "/placement"},
}

// firstCatalog is the catalog that first start stores.
func firstCatalog(region string) *catalog {
	c := &catalog{Regions: []Region{{ID: region}}}
	for _, b := range builtIn {
		s := CatalogService{ID: cloud.NewHexID(), Type: b.kind, Name: b.name, Enabled: true}
		c.Services = append(c.Services, s)
		for _, i := range Interfaces {
			c.Endpoints = append(c.Endpoints, Endpoint{ID: cloud.NewHexID(), ServiceID: s.ID, RegionID: region,
				Interface: i, URL: BaseMark + b.path, Enabled: true})
		}
	}
	return c
}

// catalogCache remembers the document as decoded at a revision.
type catalogCache struct{ atomic.Pointer[decodedCatalog] }

type decodedCatalog struct {
	revision int64
	catalog  *catalog
}

// catalog answers the document, which must not be written into.
func (s *Service) catalog(ctx context.Context) (*catalog, error) {
	row, err := s.Settings.Get(ctx, catalogSetting)
	if cloud.Is(err, cloud.NotFound) {
		return &catalog{}, nil
	}
	if err != nil {
		return nil, err
	}
	if d := s.decoded.Load(); d != nil && d.revision == row.Revision {
		return d.catalog, nil
	}
	c := &catalog{}
	if err := s.setting(ctx, catalogSetting, c); err != nil {
		return nil, err
	}
	s.decoded.Store(&decodedCatalog{row.Revision, c})
	return c, nil
}

// changeCatalog lets f change a copy of the document and stores it.
func (s *Service) changeCatalog(ctx context.Context, f func(*catalog) error) error {
	if err := policy.Authorize(ctx, "catalog.manage", policy.Target{}); err != nil {
		return err
	}
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.Tx.Lock(ctx, string(catalogSetting)); err != nil {
			return err
		}
		c := &catalog{}
		if err := s.setting(ctx, catalogSetting, c); err != nil {
			return err
		}
		if err := f(c); err != nil {
			return err
		}
		return s.putSetting(ctx, catalogSetting, c)
	})
}

// CatalogEntry is a service with its endpoints as one caller sees them.
type CatalogEntry struct {
	Service   CatalogService
	Endpoints []Endpoint
}

// Catalog is what a token's holder may use. Endpoints that need what the token does not say are left out.
func (s *Service) Catalog(ctx context.Context, base string, user cloud.UserID, project cloud.ProjectID) ([]CatalogEntry, error) {
	c, err := s.catalog(ctx)
	if err != nil {
		return nil, err
	}
	offered := c.Endpoints
	if project != "" {
		offered = c.offered(project)
	}
	var entries []CatalogEntry
	for _, service := range c.Services {
		e := CatalogEntry{Service: service}
		for _, at := range offered {
			if at.ServiceID != service.ID || !at.Enabled {
				continue
			}
			var whole bool
			if at.URL, whole = fillURL(at.URL, base, user, project); whole {
				e.Endpoints = append(e.Endpoints, at)
			}
		}
		if service.Enabled && len(e.Endpoints) > 0 {
			entries = append(entries, e)
		}
	}
	return entries, nil
}

// fillURL puts values into a URL; whole is false if one is missing.
func fillURL(url, base string, user cloud.UserID, project cloud.ProjectID) (filled string, whole bool) {
	for name, value := range map[string]string{"base": base, "project_id": string(project), "tenant_id": string(project), "user_id": string(user)} {
		for _, mark := range []string{"$(" + name + ")s", "%(" + name + ")s"} {
			if strings.Contains(url, mark) && value == "" {
				return "", false
			}
			url = strings.ReplaceAll(url, mark, value)
		}
	}
	return url, true
}

// Regions lists regions, with parent only those directly below it.
func (s *Service) Regions(ctx context.Context, parent string) ([]Region, error) {
	if err := policy.Authorize(ctx, "region.get", policy.Target{}); err != nil {
		return nil, err
	}
	c, err := s.catalog(ctx)
	if err != nil {
		return nil, err
	}
	return selected(c.Regions, func(r Region) bool { return parent == "" || r.ParentID == parent }), nil
}

// Services lists services of a type and name; empty: any.
func (s *Service) Services(ctx context.Context, kind, name string) ([]CatalogService, error) {
	if err := policy.Authorize(ctx, "service.get", policy.Target{}); err != nil {
		return nil, err
	}
	c, err := s.catalog(ctx)
	if err != nil {
		return nil, err
	}
	return selected(c.Services, func(v CatalogService) bool {
		return (kind == "" || v.Type == kind) && (name == "" || v.Name == name)
	}), nil
}

// Endpoints lists endpoints by the fields of like that are not empty. Their URLs have base filled in.
func (s *Service) Endpoints(ctx context.Context, base string, like Endpoint) ([]Endpoint, error) {
	if err := policy.Authorize(ctx, "endpoint.get", policy.Target{}); err != nil {
		return nil, err
	}
	c, err := s.catalog(ctx)
	if err != nil {
		return nil, err
	}
	list := selected(c.Endpoints, func(e Endpoint) bool {
		return (like.ServiceID == "" || e.ServiceID == like.ServiceID) && (like.RegionID == "" || e.RegionID == like.RegionID) &&
			(like.Interface == "" || e.Interface == like.Interface) && (like.ID == "" || e.ID == like.ID)
	})
	return at(base, list), nil
}

// selected is a copy of those that match.
func selected[T any](list []T, keep func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(list), func(v T) bool { return !keep(v) })
}
