package volume

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/policy"
)

const kindGroupSnapshotDelete = "group_snapshot.delete"

// GroupSnapshot answers one group snapshot that the caller may see.
func (s *Service) GroupSnapshot(ctx context.Context, id cloud.GroupSnapshotID) (*cloud.GroupSnapshot, error) {
	return s.authorizedGroupSnapshot(ctx, "group snapshot.get", id)
}

// ListGroupSnapshots answers the group snapshots that f selects among those the caller may see.
func (s *Service) ListGroupSnapshots(ctx context.Context, f Filter[cloud.GroupSnapshot]) ([]*cloud.GroupSnapshot, error) {
	return s.GroupSnapshots.List(ctx, f.where(ctx, "group snapshot.get"), f.keep()...)
}

func (s *Service) authorizedGroupSnapshot(ctx context.Context, a policy.Action, id cloud.GroupSnapshotID) (*cloud.GroupSnapshot, error) {
	n, err := s.GroupSnapshots.Get(ctx, id)
	if n, err = found(n, err)("group snapshot", string(id)); err != nil {
		return nil, err
	}
	return n, policy.Authorize(ctx, a, policy.Target{Resource: "group snapshot", ID: string(id), ProjectID: n.ProjectID, UserID: n.UserID})
}

// snapshotsIn lists the snapshots of a group snapshot, oldest first.
func (s *Service) snapshotsIn(ctx context.Context, id cloud.GroupSnapshotID) ([]*cloud.Snapshot, error) {
	return s.Snapshots.List(ctx, cloud.Query{Where: []cloud.Cond{cloud.Eq("group_snapshot_id", id)}, Order: []cloud.Order{{Column: "created_at"}}})
}

// single refuses a snapshot that was taken with others, and goes with them.
func single(n *cloud.Snapshot, force bool) error {
	if n.GroupSnapshotID == "" || force {
		return nil
	}
	return cloud.Errorf(cloud.InUse, "snapshot", n.ID, "Invalid snapshot: snapshot %s is part of group snapshot %s and is deleted with it.", n.ID, n.GroupSnapshotID)
}

// ResetGroupSnapshot is an administrator's word on a group snapshot's state, and on that of the snapshots in it.
func (s *Service) ResetGroupSnapshot(ctx context.Context, id cloud.GroupSnapshotID, state cloud.VolumeState) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		n, err := s.authorizedGroupSnapshot(ctx, "group snapshot.reset", id)
		if err != nil {
			return err
		}
		members, err := s.snapshotsIn(ctx, id)
		if err != nil {
			return err
		}
		for _, m := range members {
			m.State, m.OperationID, m.Fault = state, "", nil
			if err := s.Snapshots.Update(ctx, m); err != nil {
				return err
			}
		}
		n.State, n.OperationID, n.Fault = state, "", nil
		return s.GroupSnapshots.Update(ctx, n)
	})
}

// DeleteGroupSnapshot starts the deletion of a group snapshot with its snapshots, from any state. It may be repeated.
func (s *Service) DeleteGroupSnapshot(ctx context.Context, id cloud.GroupSnapshotID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		n, err := s.authorizedGroupSnapshot(ctx, "group snapshot.delete", id)
		if err != nil {
			return err
		}
		if n.State == cloud.VolumeDeleting && n.OperationID != "" {
			return nil
		}
		if n.OperationID != "" {
			if err := s.Operations.Cancel(ctx, n.OperationID); err != nil {
				return err
			}
		}
		return s.startGroupSnapshotDelete(ctx, n)
	})
}

func (s *Service) startGroupSnapshotDelete(ctx context.Context, n *cloud.GroupSnapshot) error {
	members, err := s.snapshotsIn(ctx, n.ID)
	if err != nil {
		return err
	}
	op, err := s.Operations.Start(ctx, operation.Request{Kind: kindGroupSnapshotDelete, Subject: groupSnapshotSubject(n.ID), ProjectID: n.ProjectID,
		Params: groupSnapshotParams{Members: bytesOf(members)}})
	if err != nil {
		return err
	}
	for _, m := range members {
		m.State, m.OperationID = cloud.VolumeDeleting, op.ID
		if err := s.Snapshots.Update(ctx, m); err != nil {
			return err
		}
	}
	n.State, n.OperationID = cloud.VolumeDeleting, op.ID
	return s.GroupSnapshots.Update(ctx, n)
}

func (s *Service) groupSnapshotDeleteKind() operation.Kind {
	return operation.Kind{Name: kindGroupSnapshotDelete, Deadline: deleteDeadline, Settle: s.settleGroupSnapshotDelete, Steps: []operation.Step{
		// No undo: nobody wants a deleted snapshot back.
		{Name: "bytes", Do: s.deleteMembers},
	}}
}

func (s *Service) deleteMembers(ctx context.Context, op *cloud.Operation) error {
	p, err := operation.Params[groupSnapshotParams](op)
	if err != nil {
		return err
	}
	for _, m := range p.Members {
		if err := s.dropSnapshotBytes(ctx, m.HostID, m.ID); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) settleGroupSnapshotDelete(ctx context.Context, op *cloud.Operation) error {
	if op.State != cloud.OperationSucceeded {
		return s.settleGroupSnapshot(ctx, op)
	}
	p, err := operation.Params[groupSnapshotParams](op)
	if err != nil {
		return err
	}
	for _, m := range p.Members {
		if err := unlessGone(s.Snapshots.Delete(ctx, m.ID)); err != nil {
			return err
		}
	}
	return unlessGone(s.GroupSnapshots.Delete(ctx, cloud.GroupSnapshotID(operation.SubjectID(op))))
}
