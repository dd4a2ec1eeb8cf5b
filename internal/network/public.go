package network

import (
	"context"
	"net/netip"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// EnsurePublic makes the external network of the configuration, owned by a project (the
// administrators'), unless there is an external network already. The caller must be an administrator;
// the first start is. It may be repeated, but an operator who deletes the network and starts again gets it
// again: a caller that wants it once remembers that it called.
func (s *Service) EnsurePublic(ctx context.Context, project cloud.ProjectID) error {
	c := s.Config.Public
	if c.Name == "" {
		return nil
	}
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		there, err := s.Networks.Count(ctx, cloud.Eq("external", true))
		if err != nil || there > 0 {
			return err
		}
		n, err := s.CreateNetwork(ctx, NetworkRequest{ProjectID: project, Name: c.Name, External: true, Default: true})
		if err != nil {
			return err
		}
		off, gateway := false, c.Gateway
		_, err = s.CreateSubnet(ctx, SubnetRequest{ProjectID: project, NetworkID: n.ID, Name: c.Name + "-subnet", Prefix: c.Prefix,
			Gateway: &gateway, DHCP: &off, Pools: []cloud.AddressRange{c.Pool}, DNS: c.DNS})
		return err
	})
}

// Projects that say nothing about addresses get theirs from here: a range that neither the public network nor most sites use.
var defaultPool = netip.MustParsePrefix("10.96.0.0/12")

const defaultPoolBits = 26 // of a subnet

// EnsureDefaultPool makes the subnet pool that networks made for a project take their addresses from, owned by a project (the
// administrators'), unless there is a default pool already. As EnsurePublic in all else.
func (s *Service) EnsureDefaultPool(ctx context.Context, project cloud.ProjectID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		there, err := s.SubnetPools.Count(ctx, cloud.Eq("default", true))
		if err != nil || there > 0 {
			return err
		}
		bits := defaultPoolBits
		_, err = s.CreateSubnetPool(ctx, SubnetPoolRequest{ProjectID: project, Name: "default", Prefixes: []netip.Prefix{defaultPool},
			DefaultBits: &bits, Shared: true, Default: true})
		return err
	})
}
