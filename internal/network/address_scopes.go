package network

import (
	"context"
	"net/netip"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// AddressScopeRequest asks for an address scope.
type AddressScopeRequest struct {
	ProjectID cloud.ProjectID // empty: the caller's
	Name      string
	IPv6      bool
	Shared    bool
}

func scopeTarget(a *cloud.AddressScope) policy.Target {
	return policy.Target{Resource: "address scope", ID: string(a.ID), ProjectID: a.ProjectID, Shared: a.Shared}
}

// CreateAddressScope makes a scope.
func (s *Service) CreateAddressScope(ctx context.Context, r AddressScopeRequest) (a *cloud.AddressScope, err error) {
	r.ProjectID = owner(ctx, r.ProjectID)
	asked := map[policy.Action]bool{"address scope.create": true, "address scope.share": r.Shared}
	if err := authorizeAll(ctx, asked, policy.Target{Resource: "address scope", ProjectID: r.ProjectID}); err != nil {
		return nil, err
	}
	if r.ProjectID == "" {
		return nil, cloud.Invalidf("address scope", "project_id", "An address scope needs a project.")
	}
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		a = &cloud.AddressScope{ID: cloud.AddressScopeID(cloud.NewID()), ProjectID: r.ProjectID, Name: r.Name, IPv6: r.IPv6, Shared: r.Shared}
		if err := s.Scopes.Insert(ctx, a); err != nil {
			return err
		}
		return s.shareWithAll(ctx, cloud.ShareAddressScope, string(a.ID), a.ProjectID, cloud.UseShared, a.Shared)
	})
	return a, err
}

// AddressScope answers one scope that the caller may see.
func (s *Service) AddressScope(ctx context.Context, id cloud.AddressScopeID) (*cloud.AddressScope, error) {
	a, err := s.Scopes.Get(ctx, id)
	if err != nil {
		return nil, missing(err, "address scope", id)
	}
	return a, s.authorizeReach(ctx, "address scope.get", scopeTarget(a), cloud.UseShared)
}

// ListAddressScopes lists what the caller may see: its project's, and shared ones.
func (s *Service) ListAddressScopes(ctx context.Context, q cloud.Query, keep ...func(*cloud.AddressScope) bool) ([]*cloud.AddressScope, error) {
	all, own := policy.Visible(ctx, "address scope.get")
	if all {
		return s.Scopes.List(ctx, q, keep...)
	}
	with, err := s.SharedWithCaller(ctx, cloud.ShareAddressScope, cloud.UseShared)
	if err != nil {
		return nil, err
	}
	return listUnion(ctx, s.Scopes, q, scopeColumn, func(a *cloud.AddressScope) string { return string(a.ID) }, keep,
		cloud.Eq("project_id", string(own)), cloud.Eq("shared", true), cloud.In("id", keys(with)))
}

// AddressScopeChange changes what is not nil.
type AddressScopeChange struct {
	Name   *string
	Shared *bool
}

// UpdateAddressScope changes a scope. One that is shared with all stays so.
func (s *Service) UpdateAddressScope(ctx context.Context, id cloud.AddressScopeID, c AddressScopeChange) (a *cloud.AddressScope, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if a, err = s.AddressScope(ctx, id); err != nil {
			return err
		}
		t, err := s.reach(ctx, scopeTarget(a), cloud.UseShared)
		if err != nil {
			return err
		}
		asked := map[policy.Action]bool{"address scope.update": true, "address scope.share": c.Shared != nil}
		if err := authorizeAll(ctx, asked, t); err != nil {
			return err
		}
		if a.Shared && c.Shared != nil && !*c.Shared {
			return cloud.Invalidf("address scope", "shared", "Unable to update address scope %s : Shared address scope can't be unshared.", id)
		}
		apply(&a.Name, c.Name)
		apply(&a.Shared, c.Shared)
		if err := s.shareWithAll(ctx, cloud.ShareAddressScope, string(id), a.ProjectID, cloud.UseShared, a.Shared); err != nil {
			return err
		}
		return s.Scopes.Update(ctx, a)
	})
	return a, err
}

// DeleteAddressScope removes a scope. InUse while pools are in it.
func (s *Service) DeleteAddressScope(ctx context.Context, id cloud.AddressScopeID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.lockScope(ctx, id); err != nil {
			return err
		}
		a, err := s.AddressScope(ctx, id)
		if err != nil {
			return err
		}
		if err := s.authorizeReach(ctx, "address scope.delete", scopeTarget(a), cloud.UseShared); err != nil {
			return err
		}
		pools, err := s.poolsIn(ctx, id)
		if err != nil {
			return err
		}
		if len(pools) > 0 {
			return cloud.Errorf(cloud.InUse, "address scope", id, "Unable to complete operation on address scope %s. "+
				"There are one or more subnet pools in use on the address scope", id)
		}
		if err := s.unshare(ctx, string(id)); err != nil {
			return err
		}
		return s.Scopes.Delete(ctx, id)
	})
}

// lockScope makes whoever puts pools into a scope or deletes it wait for each other.
func (s *Service) lockScope(ctx context.Context, id cloud.AddressScopeID) error {
	return s.Tx.Lock(ctx, "address scope/"+string(id))
}

func (s *Service) poolsIn(ctx context.Context, id cloud.AddressScopeID) ([]*cloud.SubnetPool, error) {
	return s.SubnetPools.List(ctx, cloud.Where(cloud.Eq("scope_id", string(id))))
}

// enterScope checks that a pool may be in the scope it names: it is the caller's to use, of the pool's IP version, and no
// other pool in it has any of the prefixes.
func (s *Service) enterScope(ctx context.Context, p *cloud.SubnetPool) error {
	if p.ScopeID == "" {
		return nil
	}
	if err := s.lockScope(ctx, p.ScopeID); err != nil {
		return err
	}
	a, err := s.AddressScope(ctx, p.ScopeID)
	if err != nil {
		return err
	}
	if s.authorizeReach(ctx, "address scope.use", scopeTarget(a), cloud.UseShared) != nil {
		return cloud.Invalidf("subnet pool", "scope", "Illegal subnetpool association: subnetpool %s cannot be associated with address scope %s.", p.ID, a.ID)
	}
	if p.Shared && !a.Shared {
		return cloud.Invalidf("subnet pool", "scope", "Illegal subnetpool association: a shared subnetpool %s needs a shared address scope, and %s is not.", p.ID, a.ID)
	}
	if a.IPv6 != poolIPv6(p) {
		return cloud.Invalidf("subnet pool", "scope version", "Illegal subnetpool association: subnetpool %s cannot associate with address scope %s "+
			"because subnetpool ip_version is not the scope's.", p.ID, a.ID)
	}
	return s.checkScopePrefixes(ctx, p)
}

func (s *Service) checkScopePrefixes(ctx context.Context, p *cloud.SubnetPool) error {
	others, err := s.poolsIn(ctx, p.ScopeID)
	if err != nil {
		return err
	}
	for _, o := range others {
		for _, x := range o.Prefixes {
			if o.ID != p.ID && slices.ContainsFunc(p.Prefixes, func(y netip.Prefix) bool { return x.Overlaps(y) }) {
				return cloud.Errorf(cloud.Conflict, "address scope prefix", p.ScopeID, "Failed to associate address scope: "+
					"subnetpools within an address scope must have unique prefixes; subnetpool %s has %s.", o.ID, x)
			}
		}
	}
	return nil
}
