package identity

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// A policy document may be said to be the one of an endpoint, of a service's endpoints in a region and the regions
// below it, or of all a service's endpoints. The nearest of these counts.

// PolicyPlace is what a policy document is for: an endpoint, or a service and perhaps a region.
type PolicyPlace struct {
	EndpointID string `json:"endpoint_id,omitempty"`
	ServiceID  string `json:"service_id,omitempty"`
	RegionID   string `json:"region_id,omitempty"`
}

// boundPolicy is a policy document at its place. A place has one at most.
type boundPolicy struct {
	PolicyPlace
	PolicyID cloud.PolicyDocumentID `json:"policy_id"`
}

// checkPlace finds all that the place names.
func (c *catalog) checkPlace(at PolicyPlace) error {
	if at.EndpointID != "" {
		_, err := find("endpoint", c.Endpoints, at.EndpointID, endpointID)
		return err
	}
	_, err := find("service", c.Services, at.ServiceID, serviceID)
	if err == nil && at.RegionID != "" {
		_, err = find("region", c.Regions, at.RegionID, regionID)
	}
	return err
}

func (c *catalog) policyAt(at PolicyPlace) (cloud.PolicyDocumentID, bool) {
	i := slices.IndexFunc(c.Policies, func(b boundPolicy) bool { return b.PolicyPlace == at })
	if i < 0 {
		return "", false
	}
	return c.Policies[i].PolicyID, true
}

// above is a region and those it lies in, the nearest first.
func (c *catalog) above(region string) (ids []string) {
	// A ring, which nothing forbids, ends at the region that was met before.
	for region != "" && !slices.Contains(ids, region) {
		ids = append(ids, region)
		i, err := find("region", c.Regions, region, regionID)
		if err != nil {
			break
		}
		region = c.Regions[i].ParentID
	}
	return ids
}

// policyFor is the document that counts for an endpoint.
func (c *catalog) policyFor(e Endpoint) (cloud.PolicyDocumentID, bool) {
	places := []PolicyPlace{{EndpointID: e.ID}}
	for _, region := range c.above(e.RegionID) {
		places = append(places, PolicyPlace{ServiceID: e.ServiceID, RegionID: region})
	}
	for _, at := range append(places, PolicyPlace{ServiceID: e.ServiceID}) {
		if id, ok := c.policyAt(at); ok {
			return id, true
		}
	}
	return "", false
}

// covers tells whether an endpoint is at the place.
func (c *catalog) covers(at PolicyPlace, e Endpoint) bool {
	if at.EndpointID != "" {
		return at.EndpointID == e.ID
	}
	return at.ServiceID == e.ServiceID && (at.RegionID == "" || slices.Contains(c.above(e.RegionID), at.RegionID))
}

// forgetPolicies takes documents from places that are going away, or documents that are.
func (c *catalog) forgetPolicies(gone func(boundPolicy) bool) {
	c.Policies = slices.DeleteFunc(c.Policies, gone)
}

// bindable finds what a binding names, for those who may read it.
func (s *Service) bindable(ctx context.Context, id cloud.PolicyDocumentID, at PolicyPlace) (*catalog, error) {
	if _, err := s.PolicyDocument(ctx, id); err != nil {
		return nil, err
	}
	c, err := s.readCatalog(ctx)
	if err != nil {
		return nil, err
	}
	return c, c.checkPlace(at)
}

// HasPolicy answers nil if the document is bound to the very place.
func (s *Service) HasPolicy(ctx context.Context, id cloud.PolicyDocumentID, at PolicyPlace) error {
	c, err := s.bindable(ctx, id, at)
	if err != nil {
		return err
	}
	if bound, _ := c.policyAt(at); bound != id {
		return notBound(id)
	}
	return nil
}

func notBound(id cloud.PolicyDocumentID) error {
	return cloud.Errorf(cloud.NotFound, "policy", id, "The policy %s is not associated with that.", id)
}

// BindPolicy binds a document to a place, instead of the one that is there.
func (s *Service) BindPolicy(ctx context.Context, id cloud.PolicyDocumentID, at PolicyPlace) error {
	return s.changePolicies(ctx, id, at, func(c *catalog) error {
		c.forgetPolicies(func(b boundPolicy) bool { return b.PolicyPlace == at })
		c.Policies = append(c.Policies, boundPolicy{at, id})
		return nil
	})
}

// UnbindPolicy is the reverse of BindPolicy.
func (s *Service) UnbindPolicy(ctx context.Context, id cloud.PolicyDocumentID, at PolicyPlace) error {
	return s.changePolicies(ctx, id, at, func(c *catalog) error {
		if bound, _ := c.policyAt(at); bound != id {
			return notBound(id)
		}
		c.forgetPolicies(func(b boundPolicy) bool { return b.PolicyPlace == at })
		return nil
	})
}

// changePolicies holds the document, so that it cannot go away meanwhile.
func (s *Service) changePolicies(ctx context.Context, id cloud.PolicyDocumentID, at PolicyPlace, f func(*catalog) error) error {
	return s.changeCatalog(ctx, func(c *catalog) error {
		if _, err := s.PolicyDocuments.Get(ctx, id); err != nil {
			return err
		}
		if err := c.checkPlace(at); err != nil {
			return err
		}
		return f(c)
	})
}

// EffectivePolicy answers the document that counts for an endpoint.
func (s *Service) EffectivePolicy(ctx context.Context, endpoint string) (*cloud.PolicyDocument, error) {
	c, err := s.readCatalog(ctx)
	if err != nil {
		return nil, err
	}
	i, err := find("endpoint", c.Endpoints, endpoint, endpointID)
	if err != nil {
		return nil, err
	}
	id, ok := c.policyFor(c.Endpoints[i])
	if !ok {
		return nil, cloud.Errorf(cloud.NotFound, "policy", "", "No policy is associated with the endpoint %s.", endpoint)
	}
	return s.PolicyDocument(ctx, id)
}

// EndpointsWithPolicy lists the endpoints at the places that a document is bound to.
func (s *Service) EndpointsWithPolicy(ctx context.Context, base string, id cloud.PolicyDocumentID) ([]Endpoint, error) {
	if _, err := s.PolicyDocument(ctx, id); err != nil {
		return nil, err
	}
	c, err := s.readCatalog(ctx)
	if err != nil {
		return nil, err
	}
	list := selected(c.Endpoints, func(e Endpoint) bool {
		return slices.ContainsFunc(c.Policies, func(b boundPolicy) bool { return b.PolicyID == id && c.covers(b.PolicyPlace, e) })
	})
	return at(base, list), nil
}

// forgetPolicyDocument is for a document that is going away, inside the caller's Update.
func (s *Service) forgetPolicyDocument(ctx context.Context, id cloud.PolicyDocumentID) error {
	c, err := s.catalog(ctx)
	bound := func(b boundPolicy) bool { return b.PolicyID == id }
	if err != nil || !slices.ContainsFunc(c.Policies, bound) {
		return err
	}
	return s.changeCatalog(ctx, func(c *catalog) error {
		c.forgetPolicies(bound)
		return nil
	})
}
