package network

import (
	"cmp"
	"context"
	"net/netip"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// takePrefix gives a new subnet its prefix: the one that was asked for, or one cut from a pool.
func (s *Service) takePrefix(ctx context.Context, sub *cloud.Subnet, r SubnetRequest) error {
	pool, err := s.poolFor(ctx, r)
	if err != nil {
		return err
	}
	if pool == nil {
		sub.Prefix = r.Prefix.Masked()
		return s.checkAffinity(ctx, sub)
	}
	if err := s.authorizeReach(ctx, "subnet pool.use", poolTarget(pool), cloud.UseShared); err != nil {
		return err
	}
	sub.SubnetPoolID = pool.ID
	if sub.Prefix, err = s.cut(ctx, pool, sub.ProjectID, r); err != nil {
		return err
	}
	return s.checkAffinity(ctx, sub)
}

// poolFor answers the pool of a request, locked; nil if it is for none.
func (s *Service) poolFor(ctx context.Context, r SubnetRequest) (*cloud.SubnetPool, error) {
	if r.DefaultPool && r.PoolID == "" {
		p, err := s.defaultPool(ctx, r.IPv6)
		if cloud.Is(err, cloud.NotFound) {
			return nil, cloud.Invalidf("subnet", "prefixlen", "No default subnetpool found for the IP version.")
		}
		if err != nil {
			return nil, err
		}
		r.PoolID = p.ID
	}
	if r.PoolID == "" {
		if !r.Prefix.IsValid() {
			return nil, cloud.Invalidf("subnet", "prefixlen", "a subnetpool must be specified in the absence of a cidr")
		}
		return nil, nil
	}
	if err := s.lockPool(ctx, r.PoolID); err != nil {
		return nil, err
	}
	return s.SubnetPool(ctx, r.PoolID)
}

// checkAffinity keeps all subnets of a network and IP version in one pool, or outside any: else addresses that
// the pool thinks free could be on the network already.
func (s *Service) checkAffinity(ctx context.Context, sub *cloud.Subnet) error {
	if !sub.Prefix.IsValid() {
		return nil // refused elsewhere
	}
	others, err := s.Subnets.List(ctx, cloud.Where(cloud.Eq("network_id", string(sub.NetworkID)), cloud.Eq("ipv6", sub.Prefix.Addr().Is6())))
	if err != nil {
		return err
	}
	for _, o := range others {
		if o.SubnetPoolID != sub.SubnetPoolID {
			return cloud.Invalidf("subnet pool", "affinity", "Subnets hosted on the same network must be allocated from the same subnet pool.")
		}
	}
	return nil
}

// cutting is what was cut from a pool: a subnet, or a block of a routing domain.
type cutting struct {
	what    string // in words
	project cloud.ProjectID
	prefix  netip.Prefix
}

func (s *Service) cutFrom(ctx context.Context, id cloud.SubnetPoolID) ([]cutting, error) {
	subnets, err := s.Subnets.List(ctx, cloud.Where(cloud.Eq("subnet_pool_id", string(id))))
	if err != nil {
		return nil, err
	}
	domains, err := s.Routers.List(ctx, cloud.Where(cloud.Eq("block_pools", string(id))))
	var taken []cutting
	for _, sub := range subnets {
		taken = append(taken, cutting{"subnet " + string(sub.ID), sub.ProjectID, sub.Prefix})
	}
	for _, r := range domains {
		for _, b := range r.Domain.Blocks {
			if b.PoolID == id {
				taken = append(taken, cutting{"routing domain " + string(r.ID), r.ProjectID, b.Prefix})
			}
		}
	}
	return taken, err
}

func prefixesCut(taken []cutting) (used []netip.Prefix) {
	for _, c := range taken {
		used = append(used, c.prefix)
	}
	return used
}

// cut finds a prefix in a pool that no subnet has.
func (s *Service) cut(ctx context.Context, p *cloud.SubnetPool, project cloud.ProjectID, r SubnetRequest) (netip.Prefix, error) {
	taken, err := s.cutFrom(ctx, p.ID)
	if err != nil {
		return netip.Prefix{}, err
	}
	wanted, err := wantedFrom(p, r)
	if err != nil {
		return wanted, err
	}
	if err := checkPoolQuota(p, project, taken, wanted.Bits()); err != nil {
		return wanted, err
	}
	used := prefixesCut(taken)
	if r.Prefix.IsValid() {
		if !covered(wanted, p.Prefixes) || slices.ContainsFunc(used, wanted.Overlaps) {
			return wanted, cloud.Errorf(cloud.Conflict, "subnet pool prefixes", p.ID,
				"Failed to allocate subnet: Cannot allocate requested subnet from the available set of prefixes.")
		}
		return wanted, nil
	}
	for _, x := range p.Prefixes {
		if found, ok := firstFree(x, wanted.Bits(), used); ok {
			return found, nil
		}
	}
	return wanted, cloud.Errorf(cloud.Conflict, "subnet pool prefixes", p.ID,
		"Failed to allocate subnet: Insufficient prefix space to allocate subnet size /%d.", wanted.Bits())
}

// wantedFrom is what a request asks of a pool; only the length counts if it names no prefix.
func wantedFrom(p *cloud.SubnetPool, r SubnetRequest) (netip.Prefix, error) {
	wanted := r.Prefix
	switch {
	case wanted.IsValid() && r.Bits != 0:
		return wanted, cloud.Invalidf("subnet", "prefixlen", "Only one of cidr and prefixlen may be given.")
	case !wanted.IsValid():
		bits := p.DefaultBits
		if r.Bits != 0 {
			bits = r.Bits
		}
		if bits < 0 || bits > p.Prefixes[0].Addr().BitLen() {
			return wanted, cloud.Invalidf("subnet", "prefixlen", "'%d' is not a prefix length of the subnet pool's IP version.", bits)
		}
		wanted = netip.PrefixFrom(p.Prefixes[0].Addr(), bits)
	}
	switch {
	case r.IPv6 != poolIPv6(p) || wanted.Addr().Is6() != poolIPv6(p):
		return wanted, cloud.Invalidf("subnet", "prefixlen", "Invalid input for operation: the subnet pool's prefixes are of the other IP version.")
	case wanted.Bits() < p.MinBits:
		return wanted, cloud.Invalidf("subnet", "prefixlen", "Unable to allocate subnet with prefix length %d, minimum allowed prefix is %d.", wanted.Bits(), p.MinBits)
	case wanted.Bits() > p.MaxBits:
		return wanted, cloud.Invalidf("subnet", "prefixlen", "Unable to allocate subnet with prefix length %d, maximum allowed prefix is %d.", wanted.Bits(), p.MaxBits)
	}
	return wanted.Masked(), nil
}

// checkPoolQuota bounds what one project takes from a pool.
func checkPoolQuota(p *cloud.SubnetPool, project cloud.ProjectID, taken []cutting, bits int) error {
	if p.ProjectQuota == nil {
		return nil
	}
	used := poolUnits(poolIPv6(p), bits)
	for _, c := range taken {
		if c.project == project {
			used += poolUnits(poolIPv6(p), c.prefix.Bits())
		}
	}
	if used <= *p.ProjectQuota {
		return nil
	}
	return &cloud.Error{Kind: cloud.QuotaExceeded, Resource: "subnet pool", ID: string(p.ID), Message: "Per-tenant subnet pool prefix quota exceeded."}
}

// poolUnits is the size of a prefix in what pool quotas count: IPv4 addresses, or IPv6 prefixes of /64 (a part of
// one counts as one). It is capped far above any quota.
func poolUnits(ipv6 bool, bits int) int64 {
	length := 32
	if ipv6 {
		length = 64
	}
	return 1 << min(max(length-bits, 0), 50)
}

// firstFree finds the first prefix of the given length within p that touches no used one.
func firstFree(p netip.Prefix, bits int, used []netip.Prefix) (netip.Prefix, bool) {
	if p.Bits() > bits {
		return p, false
	}
	var within []netip.Prefix
	for _, u := range used {
		if u.Overlaps(p) {
			within = append(within, u)
		}
	}
	if len(within) == 0 {
		return netip.PrefixFrom(p.Addr(), bits), true
	}
	if p.Bits() == bits || slices.ContainsFunc(within, func(u netip.Prefix) bool { return u.Bits() <= p.Bits() }) {
		return p, false
	}
	for _, half := range halves(p) {
		if found, ok := firstFree(half, bits, within); ok {
			return found, true
		}
	}
	return p, false
}

// halves splits a prefix, which must be longer than one address.
func halves(p netip.Prefix) [2]netip.Prefix {
	bytes := p.Addr().AsSlice()
	bytes[p.Bits()/8] |= 1 << (7 - p.Bits()%8)
	upper, _ := netip.AddrFromSlice(bytes) // 4 or 16 bytes: always an address
	return [2]netip.Prefix{netip.PrefixFrom(p.Addr(), p.Bits()+1), netip.PrefixFrom(upper, p.Bits()+1)}
}

// mergePrefixes sorts prefixes, drops those within others and joins halves of one.
func mergePrefixes(prefixes []netip.Prefix) []netip.Prefix {
	var out []netip.Prefix
	for _, p := range prefixes {
		out = append(out, p.Masked())
	}
	slices.SortFunc(out, func(a, b netip.Prefix) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
	})
	var merged []netip.Prefix
	for _, p := range out {
		if n := len(merged); n > 0 && merged[n-1].Overlaps(p) {
			continue // sorted: the earlier one is the wider
		}
		merged = append(merged, p)
		for n := len(merged); n > 1 && siblings(merged[n-2], merged[n-1]); n = len(merged) {
			merged = append(merged[:n-2], netip.PrefixFrom(merged[n-2].Addr(), merged[n-2].Bits()-1))
		}
	}
	return merged
}

// siblings tells whether two prefixes are the halves of one, the lower first.
func siblings(a, b netip.Prefix) bool {
	return a.Bits() == b.Bits() && a.Bits() > 0 && halves(netip.PrefixFrom(a.Addr(), a.Bits()-1).Masked()) == [2]netip.Prefix{a, b}
}

// covered tells whether a prefix is within one of several.
func covered(p netip.Prefix, prefixes []netip.Prefix) bool {
	return slices.ContainsFunc(prefixes, func(q netip.Prefix) bool { return q.Bits() <= p.Bits() && q.Contains(p.Addr()) })
}

// without takes a prefix out of others, splitting those that are wider.
func without(prefixes []netip.Prefix, gone netip.Prefix) []netip.Prefix {
	var out []netip.Prefix
	for _, p := range prefixes {
		switch {
		case !p.Overlaps(gone):
			out = append(out, p)
		case p.Bits() < gone.Bits():
			for _, half := range halves(p) {
				out = append(out, without([]netip.Prefix{half}, gone)...)
			}
		}
	}
	return out
}
