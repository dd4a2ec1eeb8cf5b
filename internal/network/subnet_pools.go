package network

import (
	"context"
	"net/netip"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// SubnetPoolRequest asks for a subnet pool. Nil and 0 bits mean: the default.
type SubnetPoolRequest struct {
	ProjectID                     cloud.ProjectID // empty: the caller's
	Name, Description             string
	Prefixes                      []netip.Prefix
	DefaultBits, MinBits, MaxBits *int
	ProjectQuota                  *int64
	Shared, Default               bool
	ScopeID                       cloud.AddressScopeID
	Tags                          []string
}

func poolTarget(p *cloud.SubnetPool) policy.Target {
	return policy.Target{Resource: "subnet pool", ID: string(p.ID), ProjectID: p.ProjectID, Shared: p.Shared}
}

// The least length of a prefix cut from a pool that names none.
const (
	poolMinBits4 = 8
	poolMinBits6 = 64
)

// CreateSubnetPool makes a pool.
func (s *Service) CreateSubnetPool(ctx context.Context, r SubnetPoolRequest) (p *cloud.SubnetPool, err error) {
	r.ProjectID = owner(ctx, r.ProjectID)
	asked := map[policy.Action]bool{"subnet pool.create": true, "subnet pool.share": r.Shared, "subnet pool.default": r.Default}
	if err := authorizeAll(ctx, asked, policy.Target{Resource: "subnet pool", ProjectID: r.ProjectID}); err != nil {
		return nil, err
	}
	if p, err = newPool(r); err != nil {
		return nil, err
	}
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.Quota.Reserve(ctx, r.ProjectID, map[string]int64{cloud.QuotaSubnetPools: 1}); err != nil {
			return err
		}
		if err := s.onlyDefaultPool(ctx, p); err != nil {
			return err
		}
		if err := s.enterScope(ctx, p); err != nil {
			return err
		}
		if err := s.SubnetPools.Insert(ctx, p); err != nil {
			return err
		}
		return s.shareWithAll(ctx, cloud.ShareSubnetPool, string(p.ID), p.ProjectID, cloud.UseShared, p.Shared)
	})
	return p, err
}

func newPool(r SubnetPoolRequest) (*cloud.SubnetPool, error) {
	p := &cloud.SubnetPool{ID: cloud.SubnetPoolID(cloud.NewID()), ProjectID: r.ProjectID, Name: r.Name, Description: r.Description,
		ProjectQuota: r.ProjectQuota, Shared: r.Shared, Default: r.Default, ScopeID: r.ScopeID, Tags: r.Tags}
	if err := setPoolPrefixes(p, r.Prefixes); err != nil {
		return nil, err
	}
	least := poolMinBits4
	if poolIPv6(p) {
		least = poolMinBits6
	}
	p.MinBits, p.MaxBits = or(r.MinBits, least), or(r.MaxBits, p.Prefixes[0].Addr().BitLen())
	p.DefaultBits = or(r.DefaultBits, p.MinBits)
	return p, checkPool(p)
}

func poolIPv6(p *cloud.SubnetPool) bool { return p.Prefixes[0].Addr().Is6() }

func setPoolPrefixes(p *cloud.SubnetPool, prefixes []netip.Prefix) error {
	if len(prefixes) == 0 {
		return cloud.Invalidf("subnet pool", "prefixes_empty", "Empty subnet pool prefix list.")
	}
	for _, x := range prefixes {
		if x.Addr().Is6() != prefixes[0].Addr().Is6() {
			return cloud.Invalidf("subnet pool", "version", "Cannot mix IPv4 and IPv6 prefixes in a subnet pool.")
		}
	}
	p.Prefixes = mergePrefixes(prefixes)
	return nil
}

func checkPool(p *cloud.SubnetPool) error {
	bits := p.Prefixes[0].Addr().BitLen()
	bad := func(a string, x int, b string, y int) error {
		return cloud.Invalidf("subnet pool", "bounds", "Illegal prefix bounds: %s=%d, %s=%d.", a, x, b, y)
	}
	switch {
	case p.MinBits < 0 || p.MaxBits > bits:
		return bad("min_prefixlen", p.MinBits, "max_prefixlen", p.MaxBits)
	case p.MinBits > p.MaxBits:
		return bad("min_prefixlen", p.MinBits, "max_prefixlen", p.MaxBits)
	case p.DefaultBits < p.MinBits:
		return bad("default_prefixlen", p.DefaultBits, "min_prefixlen", p.MinBits)
	case p.DefaultBits > p.MaxBits:
		return bad("default_prefixlen", p.DefaultBits, "max_prefixlen", p.MaxBits)
	case p.ProjectQuota != nil && *p.ProjectQuota < 0:
		return cloud.Invalidf("subnet pool", "default_quota", "Invalid input for default_quota. Reason: '%d' must be a non-negative integer.", *p.ProjectQuota)
	}
	return nil
}

// onlyDefaultPool refuses a second default pool of one IP version.
func (s *Service) onlyDefaultPool(ctx context.Context, p *cloud.SubnetPool) error {
	if !p.Default {
		return nil
	}
	other, err := s.defaultPool(ctx, poolIPv6(p))
	if cloud.Is(err, cloud.NotFound) || err == nil && other.ID == p.ID {
		return nil
	}
	if err != nil {
		return err
	}
	return cloud.Invalidf("subnet pool", "is_default", "Invalid input for operation: A default subnetpool for this IP family has already been set. "+
		"Only one default may exist per IP family.")
}

func (s *Service) defaultPool(ctx context.Context, ipv6 bool) (*cloud.SubnetPool, error) {
	return s.SubnetPools.One(ctx, cloud.Eq("default", true), cloud.Eq("ipv6", ipv6))
}

// SubnetPool answers one pool that the caller may see.
func (s *Service) SubnetPool(ctx context.Context, id cloud.SubnetPoolID) (*cloud.SubnetPool, error) {
	p, err := s.SubnetPools.Get(ctx, id)
	if err != nil {
		return nil, missing(err, "subnet pool", id)
	}
	return p, s.authorizeReach(ctx, "subnet pool.get", poolTarget(p), cloud.UseShared)
}

// ListSubnetPools lists what the caller may see: its project's, and shared ones.
func (s *Service) ListSubnetPools(ctx context.Context, q cloud.Query, keep ...func(*cloud.SubnetPool) bool) ([]*cloud.SubnetPool, error) {
	all, own := policy.Visible(ctx, "subnet pool.get")
	if all {
		return s.SubnetPools.List(ctx, q, keep...)
	}
	with, err := s.SharedWithCaller(ctx, cloud.ShareSubnetPool, cloud.UseShared)
	if err != nil {
		return nil, err
	}
	return listUnion(ctx, s.SubnetPools, q, subnetPoolColumn, func(p *cloud.SubnetPool) string { return string(p.ID) }, keep,
		cloud.Eq("project_id", string(own)), cloud.Eq("shared", true), cloud.In("id", keys(with)))
}

// SubnetPoolChange changes what is not nil.
type SubnetPoolChange struct {
	Name, Description             *string
	Prefixes                      *[]netip.Prefix
	AddPrefixes, RemovePrefixes   []netip.Prefix
	DefaultBits, MinBits, MaxBits *int
	ProjectQuota                  **int64 // to nil: no bound
	Default                       *bool
	ScopeID                       *cloud.AddressScopeID // empty: none
	Tags                          *[]string
}

// UpdateSubnetPool changes a pool. Prefixes that subnets have stay in it.
func (s *Service) UpdateSubnetPool(ctx context.Context, id cloud.SubnetPoolID, c SubnetPoolChange) (p *cloud.SubnetPool, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if p, err = s.ownPool(ctx, id, "subnet pool.update"); err != nil {
			return err
		}
		if changes(c.Default, p.Default) {
			if err := policy.Authorize(ctx, "subnet pool.default", poolTarget(p)); err != nil {
				return err
			}
		}
		if err := s.changePoolPrefixes(ctx, p, c); err != nil {
			return err
		}
		applyPoolChange(p, c)
		if err := checkPool(p); err != nil {
			return err
		}
		if err := s.onlyDefaultPool(ctx, p); err != nil {
			return err
		}
		if err := s.enterScope(ctx, p); err != nil {
			return err
		}
		p.Revisions++
		return s.SubnetPools.Update(ctx, p)
	})
	return p, err
}

func applyPoolChange(p *cloud.SubnetPool, c SubnetPoolChange) {
	apply(&p.Name, c.Name)
	apply(&p.Description, c.Description)
	apply(&p.DefaultBits, c.DefaultBits)
	apply(&p.MinBits, c.MinBits)
	apply(&p.MaxBits, c.MaxBits)
	apply(&p.ProjectQuota, c.ProjectQuota)
	apply(&p.Default, c.Default)
	apply(&p.ScopeID, c.ScopeID)
	apply(&p.Tags, c.Tags)
}

func (s *Service) changePoolPrefixes(ctx context.Context, p *cloud.SubnetPool, c SubnetPoolChange) error {
	old := p.Prefixes
	wanted := old
	if c.Prefixes != nil {
		wanted = *c.Prefixes
		for _, o := range old {
			if !covered(o, mergePrefixes(wanted)) {
				return cloud.Invalidf("subnet pool", "prefixes", "Illegal update to prefixes: prefix %s would be removed; use remove_prefixes.", o)
			}
		}
	}
	wanted = append(append([]netip.Prefix{}, wanted...), c.AddPrefixes...)
	for _, gone := range c.RemovePrefixes {
		wanted = without(mergePrefixes(wanted), gone.Masked())
	}
	if len(c.RemovePrefixes) > 0 {
		if err := s.checkStillCovered(ctx, p, wanted); err != nil {
			return err
		}
	}
	if len(wanted) > 0 && wanted[0].Addr().Is6() != old[0].Addr().Is6() {
		return cloud.Invalidf("subnet pool", "version", "Cannot mix IPv4 and IPv6 prefixes in a subnet pool.")
	}
	return setPoolPrefixes(p, wanted)
}

// checkStillCovered refuses to take prefixes away that subnets stand on.
func (s *Service) checkStillCovered(ctx context.Context, p *cloud.SubnetPool, prefixes []netip.Prefix) error {
	taken, err := s.cutFrom(ctx, p.ID)
	if err != nil {
		return err
	}
	for _, c := range taken {
		if !covered(c.prefix, prefixes) {
			return cloud.Invalidf("subnet pool", "prefixes", "Illegal update to prefixes: %s has %s of them.", c.what, c.prefix)
		}
	}
	return nil
}

// ownPool locks and answers a pool that the caller may change.
func (s *Service) ownPool(ctx context.Context, id cloud.SubnetPoolID, action policy.Action) (*cloud.SubnetPool, error) {
	if err := s.lockPool(ctx, id); err != nil {
		return nil, err
	}
	p, err := s.SubnetPool(ctx, id)
	if err != nil {
		return nil, err
	}
	return p, s.authorizeReach(ctx, action, poolTarget(p), cloud.UseShared)
}

// lockPool makes whoever cuts from, changes or deletes a pool wait for each other.
func (s *Service) lockPool(ctx context.Context, id cloud.SubnetPoolID) error {
	return s.Tx.Lock(ctx, "subnet pool/"+string(id))
}

// DeleteSubnetPool removes a pool that nothing was cut from.
func (s *Service) DeleteSubnetPool(ctx context.Context, id cloud.SubnetPoolID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		p, err := s.ownPool(ctx, id, "subnet pool.delete")
		if err != nil {
			return err
		}
		taken, err := s.cutFrom(ctx, id)
		if err != nil {
			return err
		}
		if len(taken) > 0 {
			return cloud.Invalidf("subnet pool", "in use", "Unable to delete subnet pool: Subnet pool has existing allocations.")
		}
		if err := s.unshare(ctx, string(p.ID)); err != nil {
			return err
		}
		return s.SubnetPools.Delete(ctx, p.ID)
	})
}
