package network

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// A copy of a distributed router sends what is for the outside to the router's own host. There the router has an exit on each of its
// networks: a port beside the interface, with an address and a MAC that no copy has.

// settleExits makes a router's exits those that it needs: one beside each interface while it is distributed and has a gateway.
func (s *Service) settleExits(ctx context.Context, r *cloud.Router) error {
	ports, err := s.Ports.List(ctx, cloud.Query{Where: []cloud.Cond{cloud.Eq("router_id", string(r.ID))}, Order: []cloud.Order{{Column: "network_id"}}})
	if err != nil {
		return err
	}
	for _, p := range ports {
		switch beside := besides(ports, p); {
		case p.Owner == cloud.OwnerRouterCopy && beside == nil && r.Gateway != nil:
			err = s.addExit(ctx, r, p)
		case p.Owner == cloud.OwnerRouterExit && (beside == nil || r.Gateway == nil):
			err = s.removeExit(ctx, p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// besides finds the exit beside an interface of copies, or the interface beside an exit: both are on the same subnets.
func besides(ports []*cloud.Port, p *cloud.Port) *cloud.Port {
	other := map[cloud.PortOwner]cloud.PortOwner{cloud.OwnerRouterCopy: cloud.OwnerRouterExit, cloud.OwnerRouterExit: cloud.OwnerRouterCopy}[p.Owner]
	i := slices.IndexFunc(ports, func(o *cloud.Port) bool {
		return other != "" && o.Owner == other && len(o.Addresses) > 0 && len(p.Addresses) > 0 && o.Addresses[0].SubnetID == p.Addresses[0].SubnetID
	})
	if i < 0 {
		return nil
	}
	return ports[i]
}

func (s *Service) addExit(ctx context.Context, r *cloud.Router, beside *cloud.Port) error {
	if err := s.lockNetwork(ctx, beside.NetworkID); err != nil {
		return err
	}
	n, err := s.Networks.Get(ctx, beside.NetworkID)
	if err != nil {
		return missing(err, "network", beside.NetworkID)
	}
	fixed := make([]AddressRequest, len(beside.Addresses))
	for i, a := range beside.Addresses {
		fixed[i].SubnetID = a.SubnetID
	}
	p := &cloud.Port{ID: cloud.PortID(cloud.NewID()), NetworkID: n.ID, AdminUp: true, Owner: cloud.OwnerRouterExit, RouterID: r.ID, Up: true}
	return s.insertPort(ctx, n, p, "", &fixed)
}

func (s *Service) removeExit(ctx context.Context, p *cloud.Port) error {
	if err := s.lockNetwork(ctx, p.NetworkID); err != nil {
		return err
	}
	return s.removePort(ctx, p)
}

// exitsOf are a router's exits as its copy on a host needs them: none on the router's own host.
func exitsOf(r *cloud.Router, ports []*cloud.Port, host cloud.HostID) (exits []*cloud.Port) {
	if r.HostID == host || r.HostID == "" {
		return nil
	}
	for _, p := range ports {
		if p.Owner == cloud.OwnerRouterExit {
			exits = append(exits, p)
		}
	}
	slices.SortFunc(exits, comparePorts)
	return exits
}

// planExits chooses one exit for each family, on a network that reaches other hosts.
func (r routerRows) planExits() (exits []spec.RouterExit) {
	families := map[bool]bool{}
	for _, p := range r.exits {
		if n := r.networks[p.NetworkID]; n == nil || n.Physical == "" {
			continue
		}
		for _, a := range p.Addresses {
			if is4 := a.Address.Is4(); !families[is4] {
				families[is4] = true
				exits = append(exits, spec.RouterExit{Address: a.Address, MAC: p.MAC})
			}
		}
	}
	return exits
}
