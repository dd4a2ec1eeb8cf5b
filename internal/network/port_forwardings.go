package network

import (
	"context"
	"net/netip"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// PortForwardingChange says what a forwarding is to be; nil is as it is. A new one needs all but the description.
type PortForwardingChange struct {
	Description        *string
	Protocol           *string
	External, Internal *cloud.PortRange
	PortID             *cloud.PortID
	Address            *netip.Addr // invalid: the port's only IPv4 address
}

// CreatePortForwarding leads ports of a floating IP that leads nowhere yet, or has other forwardings, to a port.
func (s *Service) CreatePortForwarding(ctx context.Context, id cloud.FloatingIPID, c PortForwardingChange) (made cloud.PortForwarding, err error) {
	err = s.changeForwardings(ctx, id, func(ctx context.Context, f *cloud.FloatingIP) error {
		if c.Protocol == nil || c.External == nil || c.Internal == nil || c.PortID == nil {
			return cloud.Invalidf("port forwarding", "body", "A port forwarding needs a protocol, external and internal ports, and an internal port id.")
		}
		made = cloud.PortForwarding{ID: cloud.PortForwardingID(cloud.NewID())}
		if err := s.applyForwarding(ctx, f, &made, c); err != nil {
			return err
		}
		f.Forwardings = append(slices.Clone(f.Forwardings), made)
		return nil
	})
	return made, err
}

// UpdatePortForwarding changes a forwarding.
func (s *Service) UpdatePortForwarding(ctx context.Context, id cloud.FloatingIPID, fw cloud.PortForwardingID, c PortForwardingChange) (changed cloud.PortForwarding, err error) {
	err = s.changeForwardings(ctx, id, func(ctx context.Context, f *cloud.FloatingIP) error {
		i, err := forwardingIndex(f, fw)
		if err != nil {
			return err
		}
		changed = f.Forwardings[i]
		if err := s.applyForwarding(ctx, f, &changed, c); err != nil {
			return err
		}
		f.Forwardings = slices.Clone(f.Forwardings)
		f.Forwardings[i] = changed
		return nil
	})
	return changed, err
}

// DeletePortForwarding removes a forwarding.
func (s *Service) DeletePortForwarding(ctx context.Context, id cloud.FloatingIPID, fw cloud.PortForwardingID) error {
	return s.changeForwardings(ctx, id, func(_ context.Context, f *cloud.FloatingIP) error {
		i, err := forwardingIndex(f, fw)
		if err != nil {
			return err
		}
		dropForwardings(f, func(p cloud.PortForwarding) bool { return p.ID == f.Forwardings[i].ID })
		return nil
	})
}

// PortForwarding answers one forwarding of a floating IP that the caller may see.
func (s *Service) PortForwarding(ctx context.Context, id cloud.FloatingIPID, fw cloud.PortForwardingID) (cloud.PortForwarding, error) {
	f, err := s.FloatingIP(ctx, id)
	if err != nil {
		return cloud.PortForwarding{}, err
	}
	i, err := forwardingIndex(f, fw)
	if err != nil {
		return cloud.PortForwarding{}, err
	}
	return f.Forwardings[i], nil
}

func forwardingIndex(f *cloud.FloatingIP, id cloud.PortForwardingID) (int, error) {
	i := slices.IndexFunc(f.Forwardings, func(p cloud.PortForwarding) bool { return p.ID == id })
	if i < 0 {
		return 0, cloud.NotFoundf("port forwarding", id)
	}
	return i, nil
}

func (s *Service) changeForwardings(ctx context.Context, id cloud.FloatingIPID, change func(context.Context, *cloud.FloatingIP) error) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		f, err := s.ownFloating(ctx, id, "floating IP.update")
		if err != nil {
			return err
		}
		if f.TargetPort != "" {
			return cloud.Errorf(cloud.Conflict, "floating IP with target", f.ID, "Floating IP %s leads to port %s and cannot have port forwardings as well.", f.ID, f.TargetPort)
		}
		s.nudgeRouter(ctx, f.RouterID)
		if err := change(ctx, f); err != nil {
			return err
		}
		s.nudgeRouter(ctx, f.RouterID)
		f.Revisions++
		return s.FloatingIPs.Update(ctx, f)
	})
}

// applyForwarding changes a forwarding and finds the router it goes through, which is one for all of a floating IP.
func (s *Service) applyForwarding(ctx context.Context, f *cloud.FloatingIP, fw *cloud.PortForwarding, c PortForwardingChange) error {
	apply(&fw.Description, c.Description)
	apply(&fw.Protocol, c.Protocol)
	apply(&fw.External, c.External)
	apply(&fw.Internal, c.Internal)
	if err := checkForwarding(*fw); err != nil {
		return err
	}
	if c.PortID == nil && c.Address == nil {
		return checkNotForwarded(f, *fw)
	}
	apply(&fw.PortID, c.PortID)
	router, err := s.leadForwarding(ctx, f, fw, or(c.Address, netip.Addr{}))
	if err != nil {
		return err
	}
	others := slices.ContainsFunc(f.Forwardings, func(p cloud.PortForwarding) bool { return p.ID != fw.ID })
	if others && router != f.RouterID {
		return cloud.Errorf(cloud.Conflict, "port forwarding router", f.ID, "The floating IP %s has forwardings through router %s, and port %s is behind router %s.",
			f.ID, f.RouterID, fw.PortID, router)
	}
	f.RouterID = router
	return checkNotForwarded(f, *fw)
}

func (s *Service) leadForwarding(ctx context.Context, f *cloud.FloatingIP, fw *cloud.PortForwarding, address netip.Addr) (cloud.RouterID, error) {
	p, err := s.Port(ctx, fw.PortID)
	if err != nil {
		return "", err
	}
	if p.ProjectID != f.ProjectID && !policy.May(ctx, "floating IP.any_port", policy.Target{}) {
		return "", cloud.NotFoundf("port", fw.PortID)
	}
	a, err := targetAddress(p, TargetRequest{PortID: p.ID, Address: address})
	if err != nil {
		return "", err
	}
	if !a.Address.Is4() {
		return "", cloud.Invalidf("port forwarding", "internal_ip_address", "A port forwarding leads to an IPv4 address, not to %s.", a.Address)
	}
	if err := s.checkUnled(ctx, f, p, a); err != nil {
		return "", err
	}
	fw.Address = a.Address
	return s.routerBetween(ctx, f.NetworkID, p, a)
}

var forwardedProtocols = []string{"tcp", "udp", "sctp"}

func checkForwarding(fw cloud.PortForwarding) error {
	if !slices.Contains(forwardedProtocols, fw.Protocol) {
		return cloud.Invalidf("port forwarding", "protocol", "Invalid input for protocol. Reason: '%s' is not in %v.", fw.Protocol, forwardedProtocols)
	}
	for _, r := range []cloud.PortRange{fw.External, fw.Internal} {
		if r.First < 1 || r.Last > 65535 || r.Last < r.First {
			return cloud.Invalidf("port forwarding", "port range", "Invalid port range %d:%d.", r.First, r.Last)
		}
	}
	if n := fw.Internal.Len(); n != 1 && n != fw.External.Len() {
		return cloud.Invalidf("port forwarding", "port range", "The internal range must have one port, or as many as the external one: %d and %d.", n, fw.External.Len())
	}
	return nil
}

// checkNotForwarded refuses to forward the same ports twice, or to the same place.
func checkNotForwarded(f *cloud.FloatingIP, fw cloud.PortForwarding) error {
	for _, o := range f.Forwardings {
		if o.ID != fw.ID && o.Protocol == fw.Protocol && (o.External.Overlaps(fw.External) || sameTarget(o, fw)) {
			return cloud.Invalidf("port forwarding", "duplicate", "Bad port_forwarding request: A duplicate entry already exists: %s ports %d:%d "+
				"of floating IP %s are forwarded by %s.", o.Protocol, o.External.First, o.External.Last, f.ID, o.ID)
		}
	}
	return nil
}

// sameTarget tells whether two forwardings lead to one place.
func sameTarget(a, b cloud.PortForwarding) bool {
	return a.PortID == b.PortID && a.Address == b.Address && a.Internal.Overlaps(b.Internal)
}

// dropForwardings takes forwardings away. A floating IP without any leads through no router.
func dropForwardings(f *cloud.FloatingIP, gone func(cloud.PortForwarding) bool) {
	f.Forwardings = slices.DeleteFunc(slices.Clone(f.Forwardings), gone)
	if len(f.Forwardings) == 0 {
		f.RouterID = ""
	}
}

// detachForwardings ends what forwards to addresses that a port has no more.
func (s *Service) detachForwardings(ctx context.Context, port cloud.PortID, lost func(netip.Addr) bool) error {
	floating, err := s.FloatingIPs.List(ctx, cloud.Where(cloud.Eq("forwarded_ports", string(port))))
	if err != nil {
		return err
	}
	for _, f := range floating {
		s.nudgeRouter(ctx, f.RouterID)
		dropForwardings(f, func(p cloud.PortForwarding) bool { return p.PortID == port && lost(p.Address) })
		f.Revisions++
		if err := s.FloatingIPs.Update(ctx, f); err != nil {
			return err
		}
	}
	return nil
}
