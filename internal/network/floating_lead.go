package network

import (
	"context"
	"net/netip"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// TargetRequest says where a floating IP leads.
type TargetRequest struct {
	PortID  cloud.PortID
	Address netip.Addr // invalid: the port's only IPv4 address
	// Displace: another floating IP that leads there already leads nowhere then.
	Displace bool
	// KeepLead: neither is the floating IP led away from somewhere else, nor may another lead there. AlreadyExists otherwise.
	KeepLead bool
}

// relead changes where a floating IP leads.
func (s *Service) relead(ctx context.Context, f *cloud.FloatingIP, t TargetRequest) error {
	if len(f.Forwardings) > 0 && t.PortID != "" {
		return cloud.Errorf(cloud.Conflict, "floating IP with forwardings", f.ID, "Floating IP %s has port forwardings and cannot lead to port %s as well.", f.ID, t.PortID)
	}
	if len(f.Forwardings) > 0 {
		return nil
	}
	if err := s.refuseNATs(ctx, f); err != nil {
		return err
	}
	if t.KeepLead && f.TargetPort != "" && f.TargetPort != t.PortID {
		return cloud.Errorf(cloud.AlreadyExists, "floating IP", f.ID, "Floating IP %s leads to port %s already.", f.ID, f.TargetPort)
	}
	old := f.RouterID
	if err := s.retellPort(ctx, f.TargetPort); err != nil {
		return err
	}
	unlead(f)
	s.nudgeRouter(ctx, old)
	if t.PortID == "" {
		return nil
	}
	return s.lead(ctx, f, t)
}

// refuseNATs keeps a floating IP with the NAT gateway that it was given to.
func (s *Service) refuseNATs(ctx context.Context, f *cloud.FloatingIP) error {
	nats, err := s.NATGateways.List(ctx, cloud.Where(cloud.Eq("floating_ip_id", string(f.ID))))
	if err != nil || len(nats) == 0 {
		return err
	}
	return cloud.Errorf(cloud.InUse, "floating IP", f.ID, "Floating IP %s is NAT gateway %s's.", f.ID, nats[0].ID)
}

func unlead(f *cloud.FloatingIP) {
	f.TargetPort, f.TargetAddress, f.RouterID = "", netip.Addr{}, ""
}

// lead points a floating IP at a port's address, through the router that joins the two.
func (s *Service) lead(ctx context.Context, f *cloud.FloatingIP, t TargetRequest) error {
	p, err := s.Port(ctx, t.PortID)
	if err != nil {
		return err
	}
	if p.ProjectID != f.ProjectID && !policy.May(ctx, "floating IP.any_port", policy.Target{}) {
		return cloud.Invalidf("floating IP", "port_id", "Bad floating IP request: Port %s is associated with a different project than "+
			"Floating IP %s and therefore cannot be bound.", t.PortID, f.ID)
	}
	a, err := targetAddress(p, t)
	if err != nil {
		return err
	}
	if err := s.checkLeadable(ctx, p); err != nil {
		return err
	}
	there := func(o *cloud.FloatingIP) bool { return o.ID != f.ID && o.TargetAddress == a.Address }
	switch {
	case t.Displace:
		err = s.detachFloating(ctx, p.ID, there)
	case t.KeepLead:
		err = s.refuseLed(ctx, p, there)
	}
	if err != nil {
		return err
	}
	return s.point(ctx, f, p, a)
}

// refuseLed refuses a port that floating IPs lead to that match.
func (s *Service) refuseLed(ctx context.Context, p *cloud.Port, match func(*cloud.FloatingIP) bool) error {
	others, err := s.FloatingIPs.List(ctx, cloud.Where(cloud.Eq("target_port", string(p.ID))), match)
	if err != nil || len(others) == 0 {
		return err
	}
	return cloud.Errorf(cloud.AlreadyExists, "floating IP", others[0].ID, "Floating IP %s leads to port %s already.", others[0].Address, p.ID)
}

// checkLeadable refuses a port whose floating IP is its NAT gateway's, and gives back a passing one: another comes in its place.
func (s *Service) checkLeadable(ctx context.Context, p *cloud.Port) error {
	if p.Owner == cloud.OwnerNATGateway {
		return cloud.Errorf(cloud.Conflict, "port of NAT gateway", p.ID, "Port %s is of a NAT gateway, whose floating IP was chosen when it was made.", p.ID)
	}
	return s.dropPassing(ctx, p.ID)
}

// point leads a floating IP to an address of a port.
func (s *Service) point(ctx context.Context, f *cloud.FloatingIP, p *cloud.Port, a cloud.PortAddress) error {
	if err := s.checkUnled(ctx, f, p, a); err != nil {
		return err
	}
	router, err := s.routerBetween(ctx, f.NetworkID, p, a)
	if err != nil {
		return err
	}
	f.TargetPort, f.TargetAddress, f.RouterID = p.ID, a.Address, router
	s.nudgeRouter(ctx, router)
	s.retell(ctx, p.InstanceID)
	return nil
}

func targetAddress(p *cloud.Port, t TargetRequest) (cloud.PortAddress, error) {
	var four []cloud.PortAddress
	for _, a := range p.Addresses {
		if t.Address.IsValid() && a.Address == t.Address {
			return a, nil
		}
		if a.Address.Is4() {
			four = append(four, a)
		}
	}
	switch {
	case t.Address.IsValid():
		return cloud.PortAddress{}, cloud.Invalidf("floating IP", "fixed_ip_address", "Bad floating IP request: Port %s does not have fixed ip %s.", p.ID, t.Address)
	case len(four) == 0:
		return cloud.PortAddress{}, cloud.Invalidf("floating IP", "port_id", "Bad floating IP request: Cannot add floating IP to port %s that has no fixed IPv4 addresses.", p.ID)
	case len(four) > 1:
		return cloud.PortAddress{}, cloud.Invalidf("floating IP", "port_id", "Bad floating IP request: Port %s has multiple fixed IPv4 addresses. "+
			"Must provide a specific IPv4 address when assigning a floating IP.", p.ID)
	}
	return four[0], nil
}

// checkUnled refuses a second floating IP for one address.
func (s *Service) checkUnled(ctx context.Context, f *cloud.FloatingIP, p *cloud.Port, a cloud.PortAddress) error {
	others, err := s.FloatingIPs.List(ctx, cloud.Where(cloud.Eq("target_port", string(p.ID)), cloud.Eq("target_address", a.Address)),
		func(o *cloud.FloatingIP) bool { return o.ID != f.ID })
	if err != nil || len(others) == 0 {
		return err
	}
	return cloud.Errorf(cloud.Conflict, "floating IP", f.ID, "Cannot associate floating IP %s (%s) with port %s using fixed IP %s, "+
		"as that fixed IP already has a floating IP on external network %s.", f.Address, f.ID, p.ID, a.Address, others[0].NetworkID)
}

// routerBetween finds the router that has an interface on the address's subnet and its gateway on the
// external network; the one on the subnet's gateway address if there are several.
func (s *Service) routerBetween(ctx context.Context, external cloud.NetworkID, p *cloud.Port, a cloud.PortAddress) (cloud.RouterID, error) {
	interfaces, err := s.Ports.List(ctx, cloud.Where(cloud.Eq("subnets", string(a.SubnetID)), isRouterInterface))
	if err != nil {
		return "", err
	}
	sub, err := s.Subnets.Get(ctx, a.SubnetID)
	if err != nil {
		return "", err
	}
	var found cloud.RouterID
	for _, i := range interfaces {
		if err := s.lockRouter(ctx, i.RouterID); err != nil {
			return "", err
		}
		r, err := s.Routers.Get(ctx, i.RouterID)
		if err != nil {
			return "", err
		}
		if r.Gateway == nil || r.Gateway.NetworkID != external {
			continue
		}
		if found == "" || holds(i, sub.Gateway) {
			found = r.ID
		}
	}
	if found == "" {
		return "", cloud.Errorf(cloud.NotFound, "external gateway for floating IP", external, "External network %s is not reachable from subnet %s. "+
			"Therefore, cannot associate Port %s with a Floating IP.", external, a.SubnetID, p.ID)
	}
	return found, nil
}

// detachFloating makes floating IPs that lead to a port and match lead nowhere; one that passes with the port goes.
func (s *Service) detachFloating(ctx context.Context, port cloud.PortID, match func(*cloud.FloatingIP) bool) error {
	floating, err := s.FloatingIPs.List(ctx, cloud.Where(cloud.Eq("target_port", string(port))), match)
	if err != nil {
		return err
	}
	for _, f := range floating {
		if f.Passing {
			if err := s.dropPassing(ctx, port); err != nil {
				return err
			}
			continue
		}
		s.nudgeRouter(ctx, f.RouterID)
		if err := s.retellPort(ctx, port); err != nil {
			return err
		}
		unlead(f)
		f.Revisions++
		if err := s.FloatingIPs.Update(ctx, f); err != nil {
			return err
		}
	}
	return nil
}
