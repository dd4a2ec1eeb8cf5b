package network

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Branches are where the port is that carries them: their rows follow its row, and hosts get them when they have it.

// followParent brings a trunk's branches to where the port that carries it went.
func (s *Service) followParent(ctx context.Context, p, old *cloud.Port) error {
	if p.Owner == cloud.OwnerTrunk || p.HostID == old.HostID && p.Up == old.Up {
		return nil
	}
	t, err := s.trunkOn(ctx, p.ID)
	if err != nil || t == nil {
		return err
	}
	if err := s.lockTrunk(ctx, p.ID); err != nil {
		return err
	}
	branches, err := s.branchesOf(ctx, t.ID)
	if err != nil {
		return err
	}
	for _, b := range branches {
		if b.HostID == p.HostID {
			s.nudgeOn(ctx, b.HostID, kindPort, string(b.ID))
			continue
		}
		b.HostID, b.Up = p.HostID, false
		if err := s.savePort(ctx, b); err != nil {
			return err
		}
	}
	return s.restateTrunk(ctx, t.ID)
}

// followBranch brings a trunk's status up to date with one of its branches.
func (s *Service) followBranch(ctx context.Context, p, old *cloud.Port) error {
	if p.TrunkID == "" || p.Up == old.Up || p.TrunkID != old.TrunkID || p.HostID != old.HostID {
		return nil // what moves a branch restates the trunk
	}
	return s.restateTrunk(ctx, p.TrunkID)
}

// restateTrunk stores the status that a trunk's ports give it, if it is another.
func (s *Service) restateTrunk(ctx context.Context, id cloud.TrunkID) error {
	t, err := s.Trunks.Get(ctx, id)
	if err != nil {
		return err
	}
	was := t.Status
	if err := s.stateTrunk(ctx, t); err != nil || t.Status == was {
		return err
	}
	return s.Trunks.Update(ctx, t)
}

func (s *Service) stateTrunk(ctx context.Context, t *cloud.Trunk) error {
	parent, err := s.Ports.Get(ctx, t.PortID)
	if err != nil {
		return err
	}
	branches, err := s.branchesOf(ctx, t.ID)
	t.Status = trunkStatus(parent, branches)
	return err
}

// saveTrunk stores a trunk whose branches have changed.
func (s *Service) saveTrunk(ctx context.Context, t *cloud.Trunk) error {
	if err := s.stateTrunk(ctx, t); err != nil {
		return err
	}
	t.Revisions++
	return s.Trunks.Update(ctx, t)
}

func trunkStatus(parent *cloud.Port, branches []*cloud.Port) cloud.TrunkStatus {
	if !parent.Up {
		return cloud.TrunkDown
	}
	for _, b := range branches {
		if !b.Up {
			return cloud.TrunkBuilding
		}
	}
	return cloud.TrunkActive
}

// parentOf is the port that carries a branch; nil if it is none.
func (s *Service) parentOf(ctx context.Context, p *cloud.Port) (*cloud.Port, error) {
	if p.TrunkID == "" {
		return nil, nil
	}
	t, err := s.Trunks.Get(ctx, p.TrunkID)
	if err != nil {
		return nil, err
	}
	return s.Ports.Get(ctx, t.PortID)
}

// presenceOf tells what a host should do about a port; parent is what carries it, if it is a branch.
func presenceOf(p, parent *cloud.Port, host cloud.HostID) presence {
	switch {
	case p.HostID != host || p.Owner != cloud.OwnerInstance && p.Owner != cloud.OwnerTrunk:
		return absent
	case parent != nil && (parent.HostID != host || !parent.Up || parent.Owner != cloud.OwnerInstance):
		return absent
	case parent == nil && !p.Up:
		return asIs
	}
	return present
}

// onBranch completes the document of a branch.
func onBranch(doc *spec.Port, p, parent *cloud.Port) {
	doc.Guest = spec.GuestID(parent.InstanceID)
	doc.Branch = &spec.Branch{Parent: spec.PortID(parent.ID), Tag: p.TrunkTag}
}

// plugBranches brings what ports carry to their host, before the guest starts. One that fails does not keep it from
// starting: it is tried again by itself.
func (s *Service) plugBranches(ctx context.Context, ports []*cloud.Port, host cloud.HostID) error {
	trunks, err := s.TrunksByPort(ctx, ports)
	if err != nil || len(trunks) == 0 {
		return err
	}
	branches, err := s.BranchesByTrunk(ctx, slices.Collect(maps.Values(trunks)))
	for _, ports := range branches {
		for _, p := range ports {
			if err := s.fabric.objects.Do(ctx, key{host, object{kindPort, string(p.ID)}}); err != nil {
				s.Log.Warn("a trunk's branch is not ready; the instance starts without it", "port", p.ID, "host", host, "error", err)
			}
		}
	}
	return errors.Join(err, ctx.Err())
}
