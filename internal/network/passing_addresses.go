package network

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// A passing floating IP is made for an instance's port and passes with it. The port remembers that it has one while its instance
// is not stopped; quotas do not count it, the ledger does.

// wishesPublic tells whether a new port of an instance has a passing address: as asked, or as its subnet says of an instance's first.
func (s *Service) wishesPublic(ctx context.Context, p *cloud.Port, asked *bool) (bool, error) {
	if asked != nil {
		return *asked, nil
	}
	if p.Order > 0 || len(p.Addresses) == 0 {
		return false, nil
	}
	sub, err := s.Subnets.Get(ctx, p.Addresses[0].SubnetID)
	return err == nil && sub.AutoPublic, err
}

// firstPublic gives a new port of an instance its passing address, if it has one.
func (s *Service) firstPublic(ctx context.Context, p *cloud.Port, asked *bool) (err error) {
	if p.Public, err = s.wishesPublic(ctx, p, asked); err != nil || !p.Public {
		return err
	}
	if err := s.Ports.Update(ctx, p); err != nil {
		return err
	}
	return s.givePassing(ctx, p)
}

// GivePublic gives those of an instance's ports that should have a passing address one. It may be repeated.
func (s *Service) GivePublic(ctx context.Context, id cloud.InstanceID) error {
	return s.eachPublic(ctx, id, s.givePassing)
}

// TakePublic takes the passing addresses of an instance back. It may be repeated.
func (s *Service) TakePublic(ctx context.Context, id cloud.InstanceID) error {
	return s.eachPublic(ctx, id, func(ctx context.Context, p *cloud.Port) error { return s.dropPassing(ctx, p.ID) })
}

func (s *Service) eachPublic(ctx context.Context, id cloud.InstanceID, do func(context.Context, *cloud.Port) error) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		ports, err := s.instancePorts(ctx, id)
		if err != nil {
			return err
		}
		for _, p := range ports {
			if !p.Public {
				continue
			}
			if err := do(ctx, p); err != nil {
				return err
			}
		}
		return nil
	})
}

// givePassing makes a passing address for a port that has no public one, if there is a way to it.
func (s *Service) givePassing(ctx context.Context, p *cloud.Port) error {
	has, err := s.FloatingIPs.Count(ctx, cloud.Eq("target_port", string(p.ID)))
	if err != nil || has > 0 {
		return err
	}
	four, found := firstIPv4(p)
	if !found {
		return nil
	}
	outside, err := s.outsideOf(ctx, four.SubnetID)
	if err != nil || outside == "" {
		return err
	}
	f, err := s.takeFloating(ctx, FloatingIPRequest{ProjectID: p.ProjectID, NetworkID: outside})
	if err != nil {
		return err
	}
	f.Passing = true
	if err := s.point(ctx, f, p, four); err != nil {
		return err
	}
	if err := s.FloatingIPs.Insert(ctx, f); err != nil {
		return err
	}
	return s.record(ctx, cloud.UsageAddressHeld, f)
}

// outsideOf is the external network that a subnet's routing domain has an internet gateway to; empty: none.
func (s *Service) outsideOf(ctx context.Context, id cloud.SubnetID) (cloud.NetworkID, error) {
	sub, err := s.Subnets.Get(ctx, id)
	if err != nil || sub.RouterID == "" {
		return "", err
	}
	out, err := s.Gateways.Count(ctx, cloud.Eq("router_id", string(sub.RouterID)), cloud.Eq("kind", string(cloud.GatewayInternet)))
	if err != nil || out == 0 {
		return "", err
	}
	r, err := s.Routers.Get(ctx, sub.RouterID)
	if err != nil || r.Gateway == nil {
		return "", err
	}
	return r.Gateway.NetworkID, nil
}

// dropPassing gives back the passing address that leads to a port.
func (s *Service) dropPassing(ctx context.Context, id cloud.PortID) error {
	passing, err := s.FloatingIPs.List(ctx, cloud.Where(cloud.Eq("target_port", string(id)), cloud.Eq("passing", true)))
	if err != nil {
		return err
	}
	for _, f := range passing {
		if err := s.lockNetwork(ctx, f.NetworkID); err != nil {
			return err
		}
		if err := s.removeFloating(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

// refusePassing keeps a passing address from being led, named or given back by itself.
func refusePassing(f *cloud.FloatingIP) error {
	if !f.Passing {
		return nil
	}
	return cloud.Errorf(cloud.Conflict, "passing floating IP", f.ID, "Floating IP %s was made for port %s and goes with that.", f.ID, f.TargetPort)
}

// firstIPv4 is the address of a port that its public one leads to.
func firstIPv4(p *cloud.Port) (a cloud.PortAddress, found bool) {
	i := slices.IndexFunc(p.Addresses, func(a cloud.PortAddress) bool { return a.Address.Is4() })
	if i < 0 {
		return a, false
	}
	return p.Addresses[i], true
}
