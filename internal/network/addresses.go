package network

import (
	"context"
	"encoding/hex"
	"math/big"
	"math/rand/v2"
	"net/netip"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// An address is taken by inserting the row AddressUse{SubnetID/address}: the id is unique, so
// that no bug above can give an address twice. All below runs with the network locked.

// addressID is the id of the row that takes an address.
func addressID(s cloud.SubnetID, a netip.Addr) string { return string(s) + "/" + a.String() }

// sortKey orders addresses as text.
func sortKey(a netip.Addr) string {
	b := a.As16()
	return hex.EncodeToString(b[:])
}

// take records that a port holds an address. AlreadyExists if another does.
func (s *Service) take(ctx context.Context, sub *cloud.Subnet, port cloud.PortID, a netip.Addr) error {
	free, err := s.isFree(ctx, sub.ID, a)
	if err != nil {
		return err
	}
	if !free {
		return cloud.Errorf(cloud.AlreadyExists, "address", a.String(),
			"Unable to complete operation for network %s. The IP address %s is in use.", sub.NetworkID, a)
	}
	return s.Addresses.Insert(ctx, &cloud.AddressUse{ID: addressID(sub.ID, a), SubnetID: sub.ID, NetworkID: sub.NetworkID,
		PortID: port, Address: a, Sort: sortKey(a)})
}

func (s *Service) isFree(ctx context.Context, sub cloud.SubnetID, a netip.Addr) (bool, error) {
	n, err := s.Addresses.Count(ctx, cloud.Eq("id", addressID(sub, a)))
	return n == 0, err
}

// release gives back addresses of a port. What was not taken is no error.
func (s *Service) release(ctx context.Context, addresses []cloud.PortAddress) error {
	for _, a := range addresses {
		if err := s.Addresses.Delete(ctx, addressID(a.SubnetID, a.Address)); err != nil && !cloud.Is(err, cloud.NotFound) {
			return err
		}
	}
	return nil
}

// allocate takes a free address of the subnet's pools. NoCapacity if there is none.
func (s *Service) allocate(ctx context.Context, sub *cloud.Subnet, port cloud.PortID) (netip.Addr, error) {
	for _, find := range []func(context.Context, *cloud.Subnet, cloud.AddressRange) (netip.Addr, error){s.findNext, s.findRandom, s.findGap} {
		for _, pool := range sub.Pools {
			a, err := find(ctx, sub, pool)
			if err != nil {
				return netip.Addr{}, err
			}
			if a.IsValid() {
				return a, s.take(ctx, sub, port, a)
			}
		}
	}
	return netip.Addr{}, cloud.Errorf(cloud.NoCapacity, "address", sub.ID,
		"No more IP addresses available on network %s.", sub.NetworkID)
}

// findNext is the address behind the largest one taken: two steps in an index, however large the
// pool. Addresses given back are not used again at once, which spares neighbours' caches.
func (s *Service) findNext(ctx context.Context, sub *cloud.Subnet, pool cloud.AddressRange) (netip.Addr, error) {
	last, err := s.Addresses.List(ctx, cloud.Query{Where: inPool(sub.ID, pool), Order: []cloud.Order{{Column: "sort", Desc: true}}, Limit: 1})
	if err != nil {
		return netip.Addr{}, err
	}
	if len(last) == 0 {
		return pool.Start, nil
	}
	next := last[0].Address.Next()
	if !next.IsValid() || pool.End.Less(next) {
		return netip.Addr{}, nil
	}
	return next, nil
}

// randomTries is how often a random address is tried before the pool is searched. In a
// pool that is three quarters full it finds one with probability 0.99.
const randomTries = 16

// smallPool is the size up to which searching is as cheap as guessing.
const smallPool = 256

func (s *Service) findRandom(ctx context.Context, sub *cloud.Subnet, pool cloud.AddressRange) (netip.Addr, error) {
	size := rangeSize(pool)
	if size <= smallPool {
		return netip.Addr{}, nil
	}
	for range randomTries {
		a := addTo(pool.Start, rand.Uint64N(size))
		free, err := s.isFree(ctx, sub.ID, a)
		if err != nil || free {
			return a, err
		}
	}
	return netip.Addr{}, nil
}

// gapPage bounds the rows read at one time when searching.
const gapPage = 1024

// findGap is the lowest free address, found by walking through all that are taken.
func (s *Service) findGap(ctx context.Context, sub *cloud.Subnet, pool cloud.AddressRange) (netip.Addr, error) {
	want := pool.Start
	for {
		used, err := s.Addresses.List(ctx, cloud.Query{Where: inPool(sub.ID, cloud.AddressRange{Start: want, End: pool.End}),
			Order: []cloud.Order{{Column: "sort"}}, Limit: gapPage})
		if err != nil {
			return netip.Addr{}, err
		}
		for _, u := range used {
			if u.Address != want {
				return want, nil
			}
			if want == pool.End {
				return netip.Addr{}, nil
			}
			want = want.Next()
		}
		if len(used) < gapPage {
			return want, nil
		}
	}
}

func inPool(sub cloud.SubnetID, pool cloud.AddressRange) []cloud.Cond {
	return []cloud.Cond{cloud.Eq("subnet_id", string(sub)), {Column: "sort", Op: cloud.OpGe, Value: sortKey(pool.Start)},
		{Column: "sort", Op: cloud.OpLe, Value: sortKey(pool.End)}}
}

// rangeSize counts the addresses of a range, up to 2^63.
func rangeSize(r cloud.AddressRange) uint64 {
	a, b := r.Start.As16(), r.End.As16()
	n := new(big.Int).Sub(new(big.Int).SetBytes(b[:]), new(big.Int).SetBytes(a[:]))
	n.Add(n, big.NewInt(1))
	if !n.IsUint64() || n.Uint64() > 1<<63 {
		return 1 << 63
	}
	return n.Uint64()
}

// addTo is the address n behind a.
func addTo(a netip.Addr, n uint64) netip.Addr {
	b := a.As16()
	sum := new(big.Int).Add(new(big.Int).SetBytes(b[:]), new(big.Int).SetUint64(n))
	var out [16]byte
	sum.FillBytes(out[:])
	r := netip.AddrFrom16(out)
	if a.Is4() {
		return r.Unmap()
	}
	return r
}
