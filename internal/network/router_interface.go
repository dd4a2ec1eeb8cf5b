package network

import (
	"context"
	"net/netip"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// InterfaceRequest names a router's interface by the subnet it is on or by its port.
type InterfaceRequest struct {
	SubnetID cloud.SubnetID
	PortID   cloud.PortID
}

func (r InterfaceRequest) check(adding bool) error {
	if r.SubnetID == "" && r.PortID == "" {
		return cloud.Invalidf("router", "subnet_id", "Bad router request: Either subnet_id or port_id must be specified.")
	}
	if adding && r.SubnetID != "" && r.PortID != "" {
		return cloud.Invalidf("router", "subnet_id", "Bad router request: Cannot specify both subnet-id and port-id.")
	}
	return nil
}

// AddInterface joins a router to a subnet, on the subnet's gateway address or with a port that
// the client made. It answers the interface's port.
func (s *Service) AddInterface(ctx context.Context, id cloud.RouterID, req InterfaceRequest) (p *cloud.Port, err error) {
	if err := req.check(true); err != nil {
		return nil, err
	}
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		r, err := s.ownRouter(ctx, id, "router.update")
		if err == nil {
			err = refuseDomain(r, "get an interface but with a subnet of its own")
		}
		if err != nil {
			return err
		}
		if req.PortID != "" {
			p, err = s.joinPort(ctx, r, req.PortID)
		} else {
			p, err = s.joinSubnet(ctx, r, req.SubnetID)
		}
		if err != nil {
			return err
		}
		return s.interfaceChanged(ctx, r, p)
	})
	return p, err
}

// interfaceChanged gives the router a host if it needs one now and tells the hosts: the network's, whose
// advertisements name the router, and the router's.
func (s *Service) interfaceChanged(ctx context.Context, r *cloud.Router, p *cloud.Port) error {
	if err := s.placeRouter(ctx, r); err != nil {
		return err
	}
	if err := s.settleExits(ctx, r); err != nil {
		return err
	}
	s.nudge(ctx, kindNetwork, string(p.NetworkID))
	r.Revisions++
	return s.saveRouter(ctx, r)
}

func (s *Service) joinSubnet(ctx context.Context, r *cloud.Router, id cloud.SubnetID) (*cloud.Port, error) {
	sub, err := s.Subnet(ctx, id)
	if err != nil {
		return nil, err
	}
	n, err := s.lockedNetwork(ctx, sub.NetworkID)
	if err != nil {
		return nil, err
	}
	// To stand on a network's gateway address is its owner's to allow.
	if err := policy.Authorize(ctx, "port.address", policy.Target{Resource: "port", ProjectID: n.ProjectID}); err != nil {
		return nil, err
	}
	if !sub.Gateway.IsValid() || !sub.Prefix.Contains(sub.Gateway) {
		return nil, cloud.Invalidf("router", "subnet_id", "Bad router request: Subnet for router interface must have a gateway IP.")
	}
	if err := s.checkJoin(ctx, r, []*cloud.Subnet{sub}); err != nil {
		return nil, err
	}
	if err := s.Quota.Reserve(ctx, r.ProjectID, map[string]int64{cloud.QuotaPorts: 1}); err != nil {
		return nil, err
	}
	p := &cloud.Port{ID: cloud.PortID(cloud.NewID()), ProjectID: r.ProjectID, NetworkID: n.ID, AdminUp: true,
		Owner: r.InterfaceOwner(), RouterID: r.ID, Up: true}
	return p, s.insertPort(ctx, n, p, "", &[]AddressRequest{{SubnetID: sub.ID, Address: sub.Gateway}})
}

func (s *Service) joinPort(ctx context.Context, r *cloud.Router, id cloud.PortID) (*cloud.Port, error) {
	p, _, err := s.ownPort(ctx, id, "port.update")
	if err != nil {
		return nil, err
	}
	if p.Owner != cloud.OwnerNone || p.DeviceText != "" {
		return nil, portInUse(p)
	}
	if err := fitsCard(p); err != nil {
		return nil, err
	}
	four := 0
	for _, a := range p.Addresses {
		if a.Address.Is4() {
			four++
		}
	}
	if len(p.Addresses) == 0 || four > 1 {
		return nil, cloud.Invalidf("router", "port_id", "Bad router request: Router port must have at least one fixed IP and at most one of IPv4.")
	}
	subnets, err := s.Subnets.List(ctx, cloud.Where(cloud.In("id", subnetIDs([]*cloud.Port{p}))))
	if err != nil {
		return nil, err
	}
	if err := s.checkJoin(ctx, r, subnets); err != nil {
		return nil, err
	}
	p.Owner, p.RouterID, p.Up = r.InterfaceOwner(), r.ID, true
	p.PortSecurity, p.SecurityGroups, p.AllowedPairs, p.OwnerText = false, nil, nil, ""
	return p, s.savePort(ctx, p)
}

func portInUse(p *cloud.Port) error {
	device := p.DeviceText
	if p.InstanceID != "" {
		device = string(p.InstanceID)
	} else if p.RouterID != "" {
		device = string(p.RouterID)
	}
	return cloud.Errorf(cloud.InUse, "port", p.ID, "Unable to complete operation on port %s for network %s. Port already has an attached device %s.",
		p.ID, p.NetworkID, device)
}

func (s *Service) checkJoin(ctx context.Context, r *cloud.Router, subnets []*cloud.Subnet) error {
	_, have, err := s.routerPorts(ctx, r.ID)
	if err != nil {
		return err
	}
	for _, sub := range subnets {
		if slices.ContainsFunc(have, func(h *cloud.Subnet) bool { return h.ID == sub.ID }) {
			return cloud.Invalidf("router", "subnet_id", "Bad router request: Router already has a port on subnet %s.", sub.ID)
		}
		if err := checkApart(sub, have); err != nil {
			return err
		}
	}
	return nil
}

// RemoveInterface parts a router from a subnet and removes the port, which it answers.
func (s *Service) RemoveInterface(ctx context.Context, id cloud.RouterID, req InterfaceRequest) (p *cloud.Port, err error) {
	if err := req.check(false); err != nil {
		return nil, err
	}
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		r, err := s.ownRouter(ctx, id, "router.update")
		if err == nil {
			err = refuseDomain(r, "lose an interface but with the subnet that it is on")
		}
		if err != nil {
			return err
		}
		if p, err = s.interfacePort(ctx, r, req); err != nil {
			return err
		}
		if err := s.lockNetwork(ctx, p.NetworkID); err != nil {
			return err
		}
		if err := s.checkPart(ctx, r, p); err != nil {
			return err
		}
		if err := s.removePort(ctx, p); err != nil {
			return err
		}
		return s.interfaceChanged(ctx, r, p)
	})
	return p, err
}

func (s *Service) interfacePort(ctx context.Context, r *cloud.Router, req InterfaceRequest) (*cloud.Port, error) {
	where := []cloud.Cond{cloud.Eq("router_id", string(r.ID)), isRouterInterface}
	if req.PortID != "" {
		where = append(where, cloud.Eq("id", string(req.PortID)))
	} else {
		where = append(where, cloud.Eq("subnets", string(req.SubnetID)))
	}
	ports, err := s.Ports.List(ctx, cloud.Where(where...))
	if err != nil {
		return nil, err
	}
	switch {
	case len(ports) == 0 && req.PortID != "":
		return nil, cloud.Errorf(cloud.NotFound, "router interface", r.ID, "Router %s does not have an interface with id %s", r.ID, req.PortID)
	case len(ports) == 0:
		return nil, cloud.Errorf(cloud.NotFound, "router interface for subnet", r.ID, "Router %s has no interface on subnet %s", r.ID, req.SubnetID)
	case req.SubnetID != "" && !slices.ContainsFunc(ports[0].Addresses, func(a cloud.PortAddress) bool { return a.SubnetID == req.SubnetID }):
		return nil, cloud.Errorf(cloud.Conflict, "subnet mismatch for port", r.ID, "Subnet on port %s does not match the requested subnet %s.", ports[0].ID, req.SubnetID)
	}
	return ports[0], nil
}

// leadsInto tells whether a floating IP, or a forwarding of it, leads to an address in the prefix.
func leadsInto(f *cloud.FloatingIP, prefix netip.Prefix) bool {
	return prefix.Contains(f.TargetAddress) ||
		slices.ContainsFunc(f.Forwardings, func(p cloud.PortForwarding) bool { return prefix.Contains(p.Address) })
}

// checkPart refuses to take away what floating IPs or routes lead through.
func (s *Service) checkPart(ctx context.Context, r *cloud.Router, p *cloud.Port) error {
	subnets, err := s.Subnets.List(ctx, cloud.Where(cloud.In("id", subnetIDs([]*cloud.Port{p}))))
	if err != nil {
		return err
	}
	floating, err := s.FloatingIPs.List(ctx, cloud.Where(cloud.Eq("router_id", string(r.ID))))
	if err != nil {
		return err
	}
	if err := s.refuseVPNSubnets(ctx, r, subnets); err != nil {
		return err
	}
	for _, sub := range subnets {
		if slices.ContainsFunc(floating, func(f *cloud.FloatingIP) bool { return leadsInto(f, sub.Prefix) }) {
			return cloud.Errorf(cloud.InUse, "router interface by floating IP", r.ID, "Router interface for subnet %s on router %s cannot be deleted, "+
				"as it is required by one or more floating IPs.", sub.ID, r.ID)
		}
		if slices.ContainsFunc(r.Routes, func(route cloud.Route) bool { return sub.Prefix.Contains(route.NextHop) }) {
			return cloud.Errorf(cloud.InUse, "router interface by route", r.ID, "Router interface for subnet %s on router %s cannot be deleted, "+
				"as it is required by one or more routes.", sub.ID, r.ID)
		}
	}
	return nil
}
