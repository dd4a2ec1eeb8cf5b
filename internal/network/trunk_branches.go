package network

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// BranchRequest asks a trunk to carry a port.
type BranchRequest struct {
	PortID cloud.PortID
	Tag    int
	// Inherit takes the tag that the port's network has on its physical network.
	Inherit bool
}

// AddBranches makes a trunk carry more ports.
func (s *Service) AddBranches(ctx context.Context, id cloud.TrunkID, requests []BranchRequest) (t *cloud.Trunk, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if t, err = s.openTrunk(ctx, id, "trunk.update"); err != nil {
			return err
		}
		return s.addBranches(ctx, t, requests)
	})
	return t, err
}

// carrier is what decides whether a trunk may carry a port.
type carrier struct {
	trunk   *cloud.Trunk
	port    *cloud.Port
	network *cloud.Network
	taken   map[int]bool // tags
}

func (s *Service) carrierOf(ctx context.Context, t *cloud.Trunk) (c carrier, err error) {
	c = carrier{trunk: t, taken: map[int]bool{}}
	if c.port, err = s.Ports.Get(ctx, t.PortID); err != nil {
		return c, missing(err, "port", t.PortID)
	}
	if c.network, err = s.Networks.Get(ctx, c.port.NetworkID); err != nil {
		return c, err
	}
	branches, err := s.branchesOf(ctx, t.ID)
	for _, b := range branches {
		c.taken[b.TrunkTag] = true
	}
	return c, err
}

// addBranches also stores the trunk.
func (s *Service) addBranches(ctx context.Context, t *cloud.Trunk, requests []BranchRequest) error {
	c, err := s.carrierOf(ctx, t)
	if err != nil {
		return err
	}
	for _, r := range requests {
		if err := s.addBranch(ctx, c, r); err != nil {
			return err
		}
	}
	return s.saveTrunk(ctx, t)
}

func (s *Service) addBranch(ctx context.Context, c carrier, r BranchRequest) error {
	if r.PortID == c.port.ID {
		return unfitParent(r.PortID)
	}
	p, n, err := s.ownPort(ctx, r.PortID, "port.update")
	if err != nil {
		return err
	}
	if err := s.checkUntrunked(ctx, p); err != nil {
		return err
	}
	if p.Owner != cloud.OwnerNone || p.DeviceText != "" {
		return portInUse(p)
	}
	if err := fitsCard(p); err != nil {
		return err
	}
	tag, err := c.admit(p, n, r)
	if err != nil {
		return err
	}
	c.taken[tag] = true
	p.Owner, p.TrunkID, p.TrunkTag, p.TrunkInherits, p.HostID, p.Up = cloud.OwnerTrunk, c.trunk.ID, tag, r.Inherit, c.port.HostID, false
	return s.savePort(ctx, p)
}

// admit is the tag that a port of a network gets, if it fits.
func (c carrier) admit(p *cloud.Port, n *cloud.Network, r BranchRequest) (int, error) {
	tag, err := tagFor(r, n)
	if err != nil {
		return 0, err
	}
	if c.taken[tag] {
		return 0, cloud.Errorf(cloud.InUse, "trunk tag", c.trunk.ID, "segmentation_type vlan and segmentation_id %d already in use on trunk %s.", tag, c.trunk.ID)
	}
	if n.MTU > c.network.MTU {
		return 0, cloud.Errorf(cloud.Conflict, "trunk MTU", p.ID, "MTU %d of subport %s cannot be greater than MTU %d of trunk %s.",
			n.MTU, p.ID, c.network.MTU, c.trunk.ID)
	}
	return tag, nil
}

// tagFor is the tag a branch gets.
func tagFor(r BranchRequest, n *cloud.Network) (int, error) {
	if r.Inherit {
		if n.Kind != KindVLAN {
			return 0, cloud.Invalidf("trunk", "sub_ports", "Subport %s cannot inherit its tag: network %s is of type %s and not vlan. Name a segmentation_id.",
				r.PortID, n.ID, n.Kind)
		}
		return n.Segment, nil
	}
	if r.Tag < vlanMin || r.Tag > vlanMax {
		return 0, cloud.Invalidf("trunk", "sub_ports", "Invalid segmentation_id %d of subport %s: a VLAN lies between %d and %d.", r.Tag, r.PortID, vlanMin, vlanMax)
	}
	return r.Tag, nil
}

// RemoveBranches frees ports that a trunk carries.
func (s *Service) RemoveBranches(ctx context.Context, id cloud.TrunkID, ports []cloud.PortID) (t *cloud.Trunk, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if t, err = s.openTrunk(ctx, id, "trunk.update"); err != nil {
			return err
		}
		branches, err := s.branchesOf(ctx, id)
		if err != nil {
			return err
		}
		for _, port := range ports {
			i := slices.IndexFunc(branches, func(p *cloud.Port) bool { return p.ID == port })
			if i < 0 {
				return cloud.Errorf(cloud.NotFound, "trunk branch", port, "SubPort on trunk %s with parent port %s could not be found: %s.", id, t.PortID, port)
			}
			if err := s.freeBranch(ctx, branches[i]); err != nil {
				return err
			}
			branches = slices.Delete(branches, i, i+1)
		}
		return s.saveTrunk(ctx, t)
	})
	return t, err
}

func (s *Service) freeBranch(ctx context.Context, p *cloud.Port) error {
	p.Owner, p.TrunkID, p.TrunkTag, p.TrunkInherits, p.HostID, p.Up = cloud.OwnerNone, "", 0, false, "", false
	return s.savePort(ctx, p)
}

// branchesOf are the ports that a trunk carries, by tag.
func (s *Service) branchesOf(ctx context.Context, id cloud.TrunkID) ([]*cloud.Port, error) {
	return s.Ports.List(ctx, cloud.Query{Where: []cloud.Cond{cloud.Eq("trunk_id", string(id))}, Order: []cloud.Order{{Column: "trunk_tag"}}})
}

// BranchesByTrunk answers the ports that trunks carry, by tag.
func (s *Service) BranchesByTrunk(ctx context.Context, trunks []*cloud.Trunk) (map[cloud.TrunkID][]*cloud.Port, error) {
	ids := columnOf(trunks, func(t *cloud.Trunk) cloud.TrunkID { return t.ID })
	ports, err := s.Ports.List(ctx, cloud.Query{Where: []cloud.Cond{cloud.In("trunk_id", ids)}, Order: []cloud.Order{{Column: "trunk_tag"}}})
	return allBy(ports, func(p *cloud.Port) cloud.TrunkID { return p.TrunkID }), err
}

// TrunksByPort answers the trunks that ports carry.
func (s *Service) TrunksByPort(ctx context.Context, ports []*cloud.Port) (map[cloud.PortID]*cloud.Trunk, error) {
	ids := columnOf(ports, func(p *cloud.Port) cloud.PortID { return p.ID })
	trunks, err := s.Trunks.List(ctx, cloud.Where(cloud.In("port_id", ids)))
	return byID(trunks, func(t *cloud.Trunk) cloud.PortID { return t.PortID }), err
}
