package network

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// TrunkRequest asks for a trunk.
type TrunkRequest struct {
	ProjectID         cloud.ProjectID // empty: the caller's
	Name, Description string
	AdminUp           *bool
	PortID            cloud.PortID
	Branches          []BranchRequest
	Tags              []string
}

func trunkTarget(t *cloud.Trunk) policy.Target {
	return policy.Target{Resource: "trunk", ID: string(t.ID), ProjectID: t.ProjectID}
}

// CreateTrunk makes a port carry others. It may be an instance's already.
func (s *Service) CreateTrunk(ctx context.Context, r TrunkRequest) (t *cloud.Trunk, err error) {
	r.ProjectID = owner(ctx, r.ProjectID)
	if err := policy.Authorize(ctx, "trunk.create", policy.Target{Resource: "trunk", ProjectID: r.ProjectID}); err != nil {
		return nil, err
	}
	if r.ProjectID == "" {
		return nil, cloud.Invalidf("trunk", "project_id", "A trunk needs a project.")
	}
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if err := s.lockTrunk(ctx, r.PortID); err != nil {
			return err
		}
		if err := s.checkParent(ctx, r.PortID); err != nil {
			return err
		}
		t = &cloud.Trunk{ID: cloud.TrunkID(cloud.NewID()), ProjectID: r.ProjectID, Name: r.Name, Description: r.Description,
			AdminUp: or(r.AdminUp, true), PortID: r.PortID, Status: cloud.TrunkDown, Tags: r.Tags}
		if err := s.Trunks.Insert(ctx, t); err != nil {
			return err
		}
		return s.addBranches(ctx, t, r.Branches)
	})
	return t, err
}

// lockTrunk makes whoever changes a trunk, or the place of the port that carries it, wait for each other.
func (s *Service) lockTrunk(ctx context.Context, parent cloud.PortID) error {
	return s.Tx.Lock(ctx, "trunk/"+string(parent))
}

// checkParent checks that a port may carry others.
func (s *Service) checkParent(ctx context.Context, id cloud.PortID) error {
	p, _, err := s.ownPort(ctx, id, "port.update")
	if err != nil {
		return err
	}
	if err := s.checkUntrunked(ctx, p); err != nil {
		return err
	}
	if p.Owner != cloud.OwnerNone && p.Owner != cloud.OwnerInstance {
		return unfitParent(id)
	}
	return nil
}

func unfitParent(id cloud.PortID) error {
	return cloud.Errorf(cloud.InUse, "parent port", id, "Port %s is currently in use and is not eligible for use as a parent port.", id)
}

// checkUntrunked refuses a port that is in a trunk.
func (s *Service) checkUntrunked(ctx context.Context, p *cloud.Port) error {
	if p.TrunkID != "" {
		return cloud.Errorf(cloud.InUse, "trunk branch", p.ID, "Port %s is currently a subport for trunk %s.", p.ID, p.TrunkID)
	}
	t, err := s.trunkOn(ctx, p.ID)
	if err != nil || t == nil {
		return err
	}
	return cloud.Errorf(cloud.InUse, "trunk parent", p.ID, "Port %s is currently a parent port for trunk %s.", p.ID, t.ID)
}

// trunkOn is the trunk that a port carries, nil for none.
func (s *Service) trunkOn(ctx context.Context, parent cloud.PortID) (*cloud.Trunk, error) {
	found, err := s.Trunks.List(ctx, cloud.Where(cloud.Eq("port_id", string(parent))))
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

// Trunk answers one trunk that the caller may see.
func (s *Service) Trunk(ctx context.Context, id cloud.TrunkID) (*cloud.Trunk, error) {
	t, err := s.Trunks.Get(ctx, id)
	if err != nil {
		return nil, missing(err, "trunk", id)
	}
	return t, policy.Authorize(ctx, "trunk.get", trunkTarget(t))
}

// ListTrunks lists the trunks of the caller's project, or all.
func (s *Service) ListTrunks(ctx context.Context, q cloud.Query, keep ...func(*cloud.Trunk) bool) ([]*cloud.Trunk, error) {
	return s.Trunks.List(ctx, visible(ctx, "trunk.get", q), keep...)
}

// TrunkChange changes what is not nil.
type TrunkChange struct {
	Name, Description *string
	AdminUp           *bool
	Tags              *[]string
}

// UpdateTrunk changes a trunk.
func (s *Service) UpdateTrunk(ctx context.Context, id cloud.TrunkID, c TrunkChange) (t *cloud.Trunk, err error) {
	err = s.Tx.Update(ctx, func(ctx context.Context) error {
		if t, err = s.ownTrunk(ctx, id, "trunk.update"); err != nil {
			return err
		}
		apply(&t.Name, c.Name)
		apply(&t.Description, c.Description)
		apply(&t.AdminUp, c.AdminUp)
		apply(&t.Tags, c.Tags)
		t.Revisions++
		return s.Trunks.Update(ctx, t)
	})
	return t, err
}

// ownTrunk locks and answers a trunk that the caller may change.
func (s *Service) ownTrunk(ctx context.Context, id cloud.TrunkID, action policy.Action) (*cloud.Trunk, error) {
	t, err := s.Trunk(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := s.lockTrunk(ctx, t.PortID); err != nil {
		return nil, err
	}
	if t, err = s.Trunk(ctx, id); err != nil { // again: it may have changed while we waited
		return nil, err
	}
	return t, policy.Authorize(ctx, action, trunkTarget(t))
}

// openTrunk is ownTrunk for what a locked trunk refuses.
func (s *Service) openTrunk(ctx context.Context, id cloud.TrunkID, action policy.Action) (*cloud.Trunk, error) {
	t, err := s.ownTrunk(ctx, id, action)
	if err == nil && !t.AdminUp {
		err = cloud.Errorf(cloud.WrongState, "trunk", id, "Trunk %s is currently disabled.", id)
	}
	return t, err
}

// DeleteTrunk removes a trunk. Its ports stay; those it carried are plugged nowhere any more.
func (s *Service) DeleteTrunk(ctx context.Context, id cloud.TrunkID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		t, err := s.openTrunk(ctx, id, "trunk.delete")
		if err != nil {
			return err
		}
		branches, err := s.branchesOf(ctx, t.ID)
		if err != nil {
			return err
		}
		for _, p := range branches {
			if err := s.freeBranch(ctx, p); err != nil {
				return err
			}
		}
		return s.Trunks.Delete(ctx, id)
	})
}
