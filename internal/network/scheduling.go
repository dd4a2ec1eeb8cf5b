package network

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// DHCP is answered on every host for the guests there. An operator may take a network out of a host's care: then
// nobody answers for it there. A router runs on one host, which an operator may choose.

func authorizeAgents(ctx context.Context, a policy.Action) error {
	return policy.Authorize(ctx, a, policy.Target{Resource: "network agent"})
}

// HostsServing lists the hosts that answer DHCP for a network's guests.
func (s *Service) HostsServing(ctx context.Context, id cloud.NetworkID) ([]*cloud.Host, error) {
	if err := authorizeAgents(ctx, "network agent.get"); err != nil {
		return nil, err
	}
	n, err := s.Network(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.HostRecords.List(ctx, cloud.Query{}, func(h *cloud.Host) bool { return !slices.Contains(n.Unserved, h.ID) })
}

// NetworksServedOn lists the networks that a host answers DHCP for.
func (s *Service) NetworksServedOn(ctx context.Context, host cloud.HostID) ([]*cloud.Network, error) {
	if err := authorizeAgents(ctx, "network agent.get"); err != nil {
		return nil, err
	}
	return s.Networks.List(ctx, cloud.Query{}, func(n *cloud.Network) bool { return !slices.Contains(n.Unserved, host) })
}

// ServeOn puts a network into a host's care, or takes it out. Conflict if it is so already.
func (s *Service) ServeOn(ctx context.Context, host cloud.HostID, id cloud.NetworkID, on bool) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := authorizeAgents(ctx, "network agent.schedule"); err != nil {
			return err
		}
		n, err := s.lockedNetwork(ctx, id)
		if err != nil {
			return err
		}
		if on != slices.Contains(n.Unserved, host) {
			return alreadyServed(n, host, on)
		}
		if err := s.refuseOff(ctx, host, cloud.DutyDHCP, on); err != nil {
			return err
		}
		if on {
			n.Unserved = slices.DeleteFunc(slices.Clone(n.Unserved), func(h cloud.HostID) bool { return h == host })
		} else {
			n.Unserved = append(slices.Clone(n.Unserved), host)
		}
		s.nudgeOn(ctx, host, kindNetwork, string(id))
		return s.Networks.Update(ctx, n)
	})
}

func alreadyServed(n *cloud.Network, host cloud.HostID, on bool) error {
	if on {
		return cloud.Errorf(cloud.Conflict, "served network", n.ID, "The network %s has been already hosted by the DHCP Agent on host %s.", n.ID, host)
	}
	return cloud.Errorf(cloud.Conflict, "unserved network", n.ID, "The network %s is not hosted by the DHCP agent on host %s.", n.ID, host)
}

// RoutersOn lists the routers that run on a host.
func (s *Service) RoutersOn(ctx context.Context, host cloud.HostID) ([]*cloud.Router, error) {
	if err := authorizeAgents(ctx, "network agent.get"); err != nil {
		return nil, err
	}
	return s.Routers.List(ctx, cloud.Where(cloud.Eq("host_id", string(host))))
}

// HostOfRouter answers the host that a router runs on, nil for none.
func (s *Service) HostOfRouter(ctx context.Context, id cloud.RouterID) (*cloud.Host, error) {
	if err := authorizeAgents(ctx, "network agent.get"); err != nil {
		return nil, err
	}
	r, err := s.Router(ctx, id)
	if err != nil || r.HostID == "" {
		return nil, err
	}
	h, err := s.HostRecords.Get(ctx, r.HostID)
	if cloud.Is(err, cloud.NotFound) {
		return nil, nil
	}
	return h, err
}

// MoveRouter makes a router without a host run on one; to the empty host it takes it from the one it is on.
func (s *Service) MoveRouter(ctx context.Context, id cloud.RouterID, from, to cloud.HostID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := authorizeAgents(ctx, "network agent.schedule"); err != nil {
			return err
		}
		r, err := s.ownRouter(ctx, id, "router.update")
		if err != nil || to != "" && r.HostID == to {
			return err
		}
		if r.HostID != from {
			return misplaced(r, to != "")
		}
		if err := s.refuseOff(ctx, to, cloud.DutyRouters, to != ""); err != nil {
			return err
		}
		r.HostID, r.Withheld = to, to == ""
		s.nudgeOn(ctx, from, kindRouter, string(id))
		return s.saveMoved(ctx, r)
	})
}

// saveMoved stores a router that has another host, or none any more, and has what hangs on it follow.
func (s *Service) saveMoved(ctx context.Context, r *cloud.Router) error {
	if err := s.saveRouter(ctx, r); err != nil {
		return err
	}
	if err := s.serveFloating(ctx, r); err != nil {
		return err
	}
	return s.nudgeNetworksOf(ctx, r)
}

// serveFloating notes at a router's floating IPs whether the router is on a host.
func (s *Service) serveFloating(ctx context.Context, r *cloud.Router) error {
	unserved := r.HostID == ""
	floating, err := s.FloatingIPs.List(ctx, cloud.Where(cloud.Eq("router_id", r.ID)), func(f *cloud.FloatingIP) bool { return f.Unserved != unserved })
	if err != nil {
		return err
	}
	for _, f := range floating {
		f.Unserved = unserved
		if err := s.FloatingIPs.Update(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

func misplaced(r *cloud.Router, placing bool) error {
	if placing {
		return cloud.Errorf(cloud.Conflict, "placed router", r.ID, "The router %s has been already hosted by the L3 Agent on host %s.", r.ID, r.HostID)
	}
	return cloud.Errorf(cloud.Conflict, "unplaced router", r.ID, "The router %s is not hosted by that L3 agent.", r.ID)
}
