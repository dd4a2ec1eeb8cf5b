package volume

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/policy"
	"github.com/nubo-cloud/nubo/internal/spec"
)

const kindGroupSnapshotCreate = "group_snapshot.create"

func groupSnapshotSubject(id cloud.GroupSnapshotID) string { return "group_snapshot/" + string(id) }

// GroupSnapshotRequest says what a new group snapshot shall be.
type GroupSnapshotRequest struct {
	GroupID           cloud.VolumeGroupID
	Name, Description string
}

// groupSnapshotParams are the members' bytes, also when the rows say otherwise.
type groupSnapshotParams struct {
	Members []memberSnapshot `json:"members"`
	// Consistent: they must all be of one moment, so nobody may write meanwhile.
	Consistent bool `json:"consistent,omitempty"`
}

type memberSnapshot struct {
	ID       cloud.SnapshotID `json:"id"`
	VolumeID cloud.VolumeID   `json:"volume_id"`
	HostID   cloud.HostID     `json:"host_id"`
	Pool     string           `json:"pool,omitempty"`
}

// CreateGroupSnapshot inserts a snapshot of each volume of a group, and starts making them: all, or none.
func (s *Service) CreateGroupSnapshot(ctx context.Context, r GroupSnapshotRequest) (*cloud.GroupSnapshot, error) {
	if err := checkWords("group snapshot", r.Name, r.Description, nil); err != nil {
		return nil, err
	}
	var n *cloud.GroupSnapshot
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		g, err := s.authorizedGroup(ctx, "volume group.get", r.GroupID)
		if err != nil {
			return err
		}
		if err := policy.Authorize(ctx, "group snapshot.create", policy.Target{Resource: "group snapshot", ProjectID: g.ProjectID}); err != nil {
			return err
		}
		if err := groupReady(g); err != nil {
			return err
		}
		n = &cloud.GroupSnapshot{ID: cloud.GroupSnapshotID(cloud.NewID()), ProjectID: g.ProjectID, UserID: cloud.PrincipalOf(ctx).UserID,
			GroupID: g.ID, Name: r.Name, Description: r.Description, GroupTypeID: g.GroupTypeID, State: cloud.VolumeCreating}
		return s.startGroupSnapshot(ctx, n)
	})
	return n, err
}

func (s *Service) startGroupSnapshot(ctx context.Context, n *cloud.GroupSnapshot) error {
	n.OperationID = cloud.OperationID(cloud.NewID())
	rows, err := s.insertMembers(ctx, n)
	if err != nil {
		return err
	}
	p := groupSnapshotParams{Members: bytesOf(rows)}
	if p.Consistent, err = s.consistent(ctx, n.GroupTypeID); err != nil {
		return err
	}
	if p.Consistent {
		if err := s.allAtRest(ctx, p.Members); err != nil {
			return err
		}
	}
	_, err = s.Operations.Start(ctx, operation.Request{ID: n.OperationID, Kind: kindGroupSnapshotCreate, Subject: groupSnapshotSubject(n.ID),
		ProjectID: n.ProjectID, Params: p})
	if err != nil {
		return err
	}
	return s.GroupSnapshots.Insert(ctx, n)
}

// consistent tells whether a group type promises that the snapshots of a group are of one moment.
func (s *Service) consistent(ctx context.Context, id cloud.VolumeGroupTypeID) (bool, error) {
	t, err := s.GroupTypes.Get(ctx, id)
	if cloud.Is(err, cloud.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return isTrue(t.Specs["consistent_group_snapshot_enabled"]), nil
}

// insertMembers inserts a row for the snapshot of each volume of the group.
func (s *Service) insertMembers(ctx context.Context, n *cloud.GroupSnapshot) ([]*cloud.Snapshot, error) {
	volumes, err := s.membersOf(ctx, n.GroupID)
	if err != nil {
		return nil, err
	}
	if len(volumes) == 0 {
		return nil, emptyGroup(n.GroupID)
	}
	var rows []*cloud.Snapshot
	for _, v := range volumes {
		if err := snappable(v, true); err != nil {
			return nil, err
		}
		if err := s.reserve(ctx, v.ProjectID, v.TypeID, cloud.QuotaSnapshots, v.SizeGiB, 0); err != nil {
			return nil, err
		}
		m := snapshotOf(ctx, v, SnapshotRequest{Name: n.Name, Description: n.Description})
		m.GroupSnapshotID, m.OperationID = n.ID, n.OperationID
		if err := s.Snapshots.Insert(ctx, m); err != nil {
			return nil, err
		}
		rows = append(rows, m)
	}
	return rows, nil
}

func bytesOf(rows []*cloud.Snapshot) []memberSnapshot {
	members := make([]memberSnapshot, len(rows))
	for i, m := range rows {
		members[i] = memberSnapshot{ID: m.ID, VolumeID: m.VolumeID, HostID: m.HostID, Pool: m.Pool}
	}
	return members
}

// allAtRest refuses volumes that somebody may be writing to: nothing here stops several guests at one moment, so a promise that
// snapshots are of one moment is kept by taking them while nobody has the volumes.
func (s *Service) allAtRest(ctx context.Context, members []memberSnapshot) error {
	ids := make([]cloud.VolumeID, len(members))
	for i, m := range members {
		ids[i] = m.VolumeID
	}
	held, err := s.Attachments.Count(ctx, cloud.In("volume_id", ids))
	if err == nil && held > 0 {
		err = &cloud.Error{Kind: cloud.WrongState, Resource: "volume group",
			Message: "Invalid volume: the group's type promises snapshots of one moment, for which all of its volumes must be detached."}
	}
	return err
}

func (s *Service) groupSnapshotCreateKind() operation.Kind {
	return operation.Kind{Name: kindGroupSnapshotCreate, Settle: s.settleGroupSnapshot, Steps: []operation.Step{
		{Name: "bytes", Do: s.copyMembers, Undo: s.uncopyMembers},
	}}
}

func (s *Service) copyMembers(ctx context.Context, op *cloud.Operation) error {
	p, err := operation.Params[groupSnapshotParams](op)
	if err != nil {
		return err
	}
	for _, m := range p.Members {
		if err := s.copyMember(ctx, op, m); err != nil {
			return err
		}
	}
	if !p.Consistent {
		return nil
	}
	return s.allAtRest(ctx, p.Members)
}

// copyMember makes the bytes of one snapshot. Whoever deletes the snapshot meanwhile ends the whole Operation: the row is
// looked at after the bytes are there, so they are removed by one or the other.
func (s *Service) copyMember(ctx context.Context, op *cloud.Operation, m memberSnapshot) error {
	a, err := s.agent(ctx, m.HostID)
	if err != nil {
		return err
	}
	if err := a.EnsureSnapshot(ctx, spec.Snapshot{ID: spec.SnapshotID(m.ID), Volume: spec.VolumeID(m.VolumeID), Pool: m.Pool}); err != nil {
		return permanent(err)
	}
	n, err := s.Snapshots.Get(ctx, m.ID)
	if err == nil && n.OperationID != op.ID {
		err = cloud.Errorf(cloud.WrongState, "snapshot", m.ID, "Snapshot %s was taken over while it was being made.", m.ID)
	}
	return err
}

// uncopyMembers tries once, for the reason that unmakeBytes gives.
func (s *Service) uncopyMembers(ctx context.Context, op *cloud.Operation) error {
	p, err := operation.Params[groupSnapshotParams](op)
	if err != nil {
		return err
	}
	for _, m := range p.Members {
		if err := s.removeSnapshotBytes(ctx, m.HostID, spec.SnapshotID(m.ID)); err != nil {
			s.Log.Warn("half-made snapshot stays on its host until it is deleted", "snapshot", m.ID, "host", m.HostID, "error", err)
		}
	}
	return nil
}

// settleGroupSnapshot gives a group snapshot and its members back at the end of an Operation, if that still holds them.
func (s *Service) settleGroupSnapshot(ctx context.Context, op *cloud.Operation) error {
	p, err := operation.Params[groupSnapshotParams](op)
	if err != nil {
		return err
	}
	for _, m := range p.Members {
		if err := s.releaseSnapshot(ctx, op, m.ID, func(n *cloud.Snapshot) { n.State, n.Fault = outcome(op) }); err != nil {
			return err
		}
	}
	holder := func(n *cloud.GroupSnapshot) *cloud.OperationID { return &n.OperationID }
	return release(ctx, s.GroupSnapshots, cloud.GroupSnapshotID(operation.SubjectID(op)), op, holder, func(n *cloud.GroupSnapshot) error {
		n.State, n.Fault = outcome(op)
		return nil
	})
}
