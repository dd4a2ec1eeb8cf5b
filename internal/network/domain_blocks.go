package network

import (
	"context"
	"net/netip"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// blocksMax bounds the blocks of one domain.
const blocksMax = 50

// newBlocks makes a domain's first blocks.
func newBlocks(prefixes []netip.Prefix) (blocks []cloud.AddressBlock, err error) {
	if len(prefixes) == 0 {
		return nil, cloud.Invalidf("routing domain", "block", "A routing domain needs a block of addresses.")
	}
	for _, p := range prefixes {
		if blocks, err = withBlock(blocks, p); err != nil {
			return nil, err
		}
	}
	return blocks, nil
}

// withBlock adds a block to those of a domain, apart from which it must be.
func withBlock(blocks []cloud.AddressBlock, p netip.Prefix) ([]cloud.AddressBlock, error) {
	if !p.IsValid() || p.Bits() == 0 {
		return nil, cloud.Invalidf("routing domain", "block", "'%s' is not a block of addresses.", p)
	}
	a := p.Addr()
	if a.IsMulticast() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsUnspecified() || a.Is4In6() {
		return nil, cloud.Invalidf("routing domain", "block", "A routing domain cannot have the block %s: guests cannot use its addresses.", p)
	}
	p = p.Masked()
	if i := slices.IndexFunc(blocks, func(b cloud.AddressBlock) bool { return b.Prefix.Overlaps(p) }); i >= 0 {
		return nil, &cloud.Error{Kind: cloud.AlreadyExists, Resource: "address block", Field: "block",
			Message: "The block " + p.String() + " overlaps with the domain's block " + blocks[i].Prefix.String() + "."}
	}
	if len(blocks) >= blocksMax {
		return nil, &cloud.Error{Kind: cloud.QuotaExceeded, Resource: "address block", Field: "blocks", Message: "A routing domain cannot have more blocks of addresses."}
	}
	return append(slices.Clip(blocks), cloud.AddressBlock{ID: cloud.NewID(), Prefix: p}), nil
}

func hasIPv6(r *cloud.Router) bool {
	return slices.ContainsFunc(r.Domain.Blocks, func(b cloud.AddressBlock) bool { return b.Prefix.Addr().Is6() })
}

// AddBlock gives a domain one more block, which is the last of it then. The first one of IPv6 opens the default group and filter
// to IPv6 as they were made open to IPv4.
func (s *Service) AddBlock(ctx context.Context, id cloud.RouterID, p netip.Prefix) (*cloud.Router, error) {
	return s.changeDomain(ctx, id, func(ctx context.Context, r *cloud.Router) error { return s.addBlock(ctx, r, p, "") })
}

func (s *Service) addBlock(ctx context.Context, r *cloud.Router, p netip.Prefix, pool cloud.SubnetPoolID) (err error) {
	first := p.Addr().Is6() && !hasIPv6(r)
	if r.Domain.Blocks, err = withBlock(r.Domain.Blocks, p); err != nil {
		return err
	}
	r.Domain.Blocks[len(r.Domain.Blocks)-1].PoolID = pool
	if !first {
		return nil
	}
	return s.openIPv6(ctx, r)
}

func (s *Service) openIPv6(ctx context.Context, r *cloud.Router) error {
	f, err := s.Filters.Get(ctx, r.Domain.DefaultFilter)
	if err != nil {
		return err
	}
	for _, e := range openEntries(true) {
		if entryAt(f, e.Egress, e.Number) < 0 {
			f.Entries = append(slices.Clip(f.Entries), e)
		}
	}
	if err := s.filters().save(ctx, s, f); err != nil {
		return err
	}
	g, err := s.Groups.Get(ctx, r.Domain.DefaultGroup)
	if err != nil {
		return err
	}
	s.nudge(ctx, kindGroup, string(g.ID))
	for _, rule := range domainRules(g, true) {
		there, err := s.Rules.Count(ctx, cloud.Eq("group_id", string(g.ID)), cloud.Eq("key", ruleKey(rule)))
		if err != nil {
			return err
		}
		if there > 0 {
			continue
		}
		if err := s.insertRules(ctx, []*cloud.SecurityGroupRule{rule}); err != nil {
			return err
		}
	}
	return nil
}

// RemoveBlock takes a block from a domain. WrongState while subnets are in it; the first one stays.
func (s *Service) RemoveBlock(ctx context.Context, id cloud.RouterID, block string) (*cloud.Router, error) {
	return s.changeDomain(ctx, id, func(ctx context.Context, r *cloud.Router) error {
		i := slices.IndexFunc(r.Domain.Blocks, func(b cloud.AddressBlock) bool { return b.ID == block })
		switch {
		case i < 0:
			return cloud.Errorf(cloud.NotFound, "address block", block, "Routing domain %s has no block %s.", id, block)
		case i == 0:
			return &cloud.Error{Kind: cloud.WrongState, Resource: "address block", ID: block, Field: "first",
				Message: "The block that a routing domain was made with cannot be taken from it."}
		}
		prefix := r.Domain.Blocks[i].Prefix
		inside, err := s.Subnets.List(ctx, cloud.Where(cloud.Eq("router_id", string(id))), func(sub *cloud.Subnet) bool { return prefix.Overlaps(sub.Prefix) })
		if err != nil {
			return err
		}
		if len(inside) > 0 {
			return cloud.Errorf(cloud.WrongState, "address block", block, "Subnet %s is in the block %s.", inside[0].ID, prefix)
		}
		r.Domain.Blocks = slices.Delete(slices.Clone(r.Domain.Blocks), i, i+1)
		return nil
	})
}
