package network

import (
	"context"
	"math/big"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// Availability says how many addresses a subnet's pools have, and how many on the subnet are taken. IPv6 pools
// have more than an integer holds.
type Availability struct {
	Subnet *cloud.Subnet
	Total  *big.Int
	Used   int64
}

// Availabilities answers how many addresses networks have left, by network and subnet.
func (s *Service) Availabilities(ctx context.Context, networks []*cloud.Network) (map[cloud.NetworkID][]Availability, error) {
	if err := policy.Authorize(ctx, "network.availability", policy.Target{Resource: "network"}); err != nil {
		return nil, err
	}
	subnets, err := s.SubnetsByNetwork(ctx, networks)
	if err != nil {
		return nil, err
	}
	taken, err := s.Addresses.List(ctx, cloud.Where(cloud.In("network_id", networkIDs(networks))))
	if err != nil {
		return nil, err
	}
	used := map[cloud.SubnetID]int64{}
	for _, u := range taken {
		used[u.SubnetID]++
	}
	by := map[cloud.NetworkID][]Availability{}
	for id, subs := range subnets {
		for _, sub := range subs {
			by[id] = append(by[id], Availability{Subnet: sub, Total: poolSize(sub.Pools), Used: used[sub.ID]})
		}
	}
	return by, nil
}

// poolSize counts the addresses of ranges.
func poolSize(pools []cloud.AddressRange) *big.Int {
	total := new(big.Int)
	for _, p := range pools {
		size := new(big.Int).Sub(new(big.Int).SetBytes(p.End.AsSlice()), new(big.Int).SetBytes(p.Start.AsSlice()))
		total.Add(total, size.Add(size, big.NewInt(1)))
	}
	return total
}
