package volume

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/policy"
	"github.com/nubo-cloud/nubo/internal/spec"
)

const (
	kindSnapshotCreate = "snapshot.create"
	kindSnapshotDelete = "snapshot.delete"
)

// SnapshotRequest says what a new snapshot shall be.
type SnapshotRequest = cloud.SnapshotRequest

// CreateSnapshot inserts a snapshot and starts making it, in the caller's transaction if there is one.
func (s *Service) CreateSnapshot(ctx context.Context, r SnapshotRequest) (*cloud.Snapshot, error) {
	if err := checkWords("snapshot", r.Name, r.Description, r.Properties); err != nil {
		return nil, err
	}
	var n *cloud.Snapshot
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		v, err := s.authorized(ctx, "volume.get", r.VolumeID)
		if err != nil {
			return err
		}
		if err := policy.Authorize(ctx, "snapshot.create", policy.Target{Resource: "snapshot", ProjectID: v.ProjectID}); err != nil {
			return err
		}
		if err := snappable(v, r.Force); err != nil {
			return err
		}
		if err := s.reserve(ctx, v.ProjectID, v.TypeID, cloud.QuotaSnapshots, v.SizeGiB, 0); err != nil {
			return err
		}
		n = snapshotOf(ctx, v, r)
		op, err := s.Operations.Start(ctx, operation.Request{Kind: kindSnapshotCreate, Subject: snapshotSubject(n.ID), ProjectID: v.ProjectID})
		if err != nil {
			return err
		}
		n.OperationID = op.ID
		return s.Snapshots.Insert(ctx, n)
	})
	return n, err
}

// snappable allows what has bytes and may be read now. What happens to a volume meanwhile (growing,
// uploading) does not disturb a snapshot, but for a move.
func snappable(v *cloud.Volume, force bool) error {
	if err := still(v); err != nil {
		return err
	}
	if v.State == cloud.VolumeAvailable || force && (v.State == cloud.VolumeAttached || v.State == cloud.VolumeReserved) {
		return nil
	}
	return cloud.Errorf(cloud.WrongState, "volume", v.ID,
		"Invalid volume: Volume %s status must be available, but current status is: %s.", v.ID, v.State)
}

func snapshotOf(ctx context.Context, v *cloud.Volume, r SnapshotRequest) *cloud.Snapshot {
	return &cloud.Snapshot{ID: cloud.SnapshotID(cloud.NewID()), ProjectID: v.ProjectID, UserID: cloud.PrincipalOf(ctx).UserID,
		VolumeID: v.ID, Name: r.Name, Description: r.Description, SizeGiB: v.SizeGiB, State: cloud.VolumeCreating,
		HostID: v.HostID, Pool: v.Pool, Properties: r.Properties, Bootable: v.Bootable, ImageProperties: v.ImageProperties, Key: v.Key}
}

func snapshotSubject(id cloud.SnapshotID) string { return "snapshot/" + string(id) }

// Snapshot answers one snapshot that the caller may see.
func (s *Service) Snapshot(ctx context.Context, id cloud.SnapshotID) (*cloud.Snapshot, error) {
	return s.authorizedSnapshot(ctx, "snapshot.get", id)
}

// ListSnapshots answers the snapshots that f selects among those the caller may see.
func (s *Service) ListSnapshots(ctx context.Context, f Filter[cloud.Snapshot]) ([]*cloud.Snapshot, error) {
	return s.Snapshots.List(ctx, f.where(ctx, "snapshot.get"), f.keep()...)
}

func (s *Service) authorizedSnapshot(ctx context.Context, a policy.Action, id cloud.SnapshotID) (*cloud.Snapshot, error) {
	n, err := s.Snapshots.Get(ctx, id)
	if cloud.Is(err, cloud.NotFound) {
		return nil, cloud.NotFoundf("snapshot", id)
	}
	if err != nil {
		return nil, err
	}
	return n, policy.Authorize(ctx, a, policy.Target{Resource: "snapshot", ID: string(id), ProjectID: n.ProjectID, UserID: n.UserID, Shared: lent(ctx, n)})
}

// UpdateSnapshot lets edit change the facts of a snapshot, all or nothing. Same rules as Update.
func (s *Service) UpdateSnapshot(ctx context.Context, id cloud.SnapshotID, edit func(*Facts) error) (*cloud.Snapshot, error) {
	return s.changeSnapshot(ctx, "snapshot.update", id, func(_ context.Context, n *cloud.Snapshot) error {
		f := Facts{n.Name, n.Description, cloned(n.Properties)}
		if err := editFacts("snapshot", &f, edit); err != nil {
			return err
		}
		n.Name, n.Description, n.Properties = f.Name, f.Description, f.Properties
		return nil
	})
}

// ResetSnapshot is Reset for a snapshot.
func (s *Service) ResetSnapshot(ctx context.Context, id cloud.SnapshotID, to Reset) error {
	_, err := s.changeSnapshot(ctx, "snapshot.reset", id, func(_ context.Context, n *cloud.Snapshot) error {
		n.State, n.FailedTask, n.OperationID, n.Fault = to.State, to.FailedTask, "", nil
		return nil
	})
	return err
}

func (s *Service) changeSnapshot(ctx context.Context, a policy.Action, id cloud.SnapshotID, edit func(context.Context, *cloud.Snapshot) error) (*cloud.Snapshot, error) {
	var n *cloud.Snapshot
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		var err error
		if n, err = s.authorizedSnapshot(ctx, a, id); err != nil {
			return err
		}
		if err = edit(ctx, n); err != nil {
			return err
		}
		return s.Snapshots.Update(ctx, n)
	})
	return n, err
}

// DeleteSnapshot starts the deletion of a snapshot, from any state. It may be repeated. Volumes made from it stay.
func (s *Service) DeleteSnapshot(ctx context.Context, id cloud.SnapshotID, force bool) error {
	action := policy.Action("snapshot.delete")
	if force {
		action = "snapshot.force_delete"
	}
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		n, err := s.authorizedSnapshot(ctx, action, id)
		if err != nil {
			return err
		}
		if err := single(n, force); err != nil {
			return err
		}
		return s.startSnapshotDelete(ctx, n)
	})
}

// DeleteSpareSnapshot is DeleteSnapshot for one that no image stands for: InUse if one does.
func (s *Service) DeleteSpareSnapshot(ctx context.Context, id cloud.SnapshotID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		if _, err := s.authorizedSnapshot(ctx, "snapshot.delete", id); err != nil {
			return err
		}
		image, err := s.Images.Standing(ctx, id)
		if err != nil {
			return err
		}
		if image != "" {
			return cloud.Errorf(cloud.InUse, "snapshot", id, "Snapshot %s is in use by an image that stands for it.", id)
		}
		return s.DeleteSnapshot(ctx, id, false)
	})
}

func (s *Service) startSnapshotDelete(ctx context.Context, n *cloud.Snapshot) error {
	if n.State == cloud.VolumeDeleting && n.OperationID != "" {
		return nil
	}
	if n.OperationID != "" {
		if err := s.Operations.Cancel(ctx, n.OperationID); err != nil {
			return err
		}
	}
	op, err := s.Operations.Start(ctx, operation.Request{Kind: kindSnapshotDelete, Subject: snapshotSubject(n.ID), ProjectID: n.ProjectID,
		Params: deleteParams{HostID: n.HostID}})
	if err != nil {
		return err
	}
	n.State, n.OperationID = cloud.VolumeDeleting, op.ID
	return s.Snapshots.Update(ctx, n)
}

func (s *Service) snapshotCreateKind() operation.Kind {
	return operation.Kind{Name: kindSnapshotCreate, Settle: s.settleSnapshotCreate, Steps: []operation.Step{
		{Name: "bytes", Do: s.copyBytes, Undo: s.uncopyBytes},
	}}
}

func (s *Service) copyBytes(ctx context.Context, op *cloud.Operation) error {
	n, err := s.Snapshots.Get(ctx, cloud.SnapshotID(operation.SubjectID(op)))
	if err != nil {
		return err
	}
	if n.OperationID != op.ID {
		return cloud.Errorf(cloud.WrongState, "snapshot", n.ID, "Snapshot %s was taken over while it was being made.", n.ID)
	}
	a, err := s.agent(ctx, n.HostID)
	if err != nil {
		return err
	}
	return permanent(a.EnsureSnapshot(ctx, spec.Snapshot{ID: spec.SnapshotID(n.ID), Volume: spec.VolumeID(n.VolumeID), Pool: n.Pool}))
}

// uncopyBytes tries once, for the reason that unmakeBytes gives.
func (s *Service) uncopyBytes(ctx context.Context, op *cloud.Operation) error {
	n, err := s.Snapshots.Get(ctx, cloud.SnapshotID(operation.SubjectID(op)))
	if cloud.Is(err, cloud.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.removeSnapshotBytes(ctx, n.HostID, spec.SnapshotID(n.ID)); err != nil {
		s.Log.Warn("half-made snapshot stays on its host until it is deleted", "snapshot", n.ID, "host", n.HostID, "error", err)
	}
	return nil
}

func (s *Service) settleSnapshotCreate(ctx context.Context, op *cloud.Operation) error {
	return s.settleSnapshot(ctx, op, func(n *cloud.Snapshot) { n.State, n.Fault = outcome(op) })
}

// outcome is what an Operation that made something leaves it as.
func outcome(op *cloud.Operation) (cloud.VolumeState, *cloud.Fault) {
	if op.State == cloud.OperationSucceeded {
		return cloud.VolumeAvailable, nil
	}
	return cloud.VolumeFailed, op.Fault
}

func (s *Service) settleSnapshot(ctx context.Context, op *cloud.Operation, edit func(*cloud.Snapshot)) error {
	return s.releaseSnapshot(ctx, op, cloud.SnapshotID(operation.SubjectID(op)), edit)
}

// releaseSnapshot gives a snapshot back at the end of an Operation, if that still holds it.
func (s *Service) releaseSnapshot(ctx context.Context, op *cloud.Operation, id cloud.SnapshotID, edit func(*cloud.Snapshot)) error {
	holder := func(n *cloud.Snapshot) *cloud.OperationID { return &n.OperationID }
	return release(ctx, s.Snapshots, id, op, holder, func(n *cloud.Snapshot) error {
		edit(n)
		n.FailedTask = failedTask(n.State, op)
		return nil
	})
}

func (s *Service) snapshotDeleteKind() operation.Kind {
	return operation.Kind{Name: kindSnapshotDelete, Deadline: deleteDeadline, Settle: s.settleSnapshotDelete, Steps: []operation.Step{
		// No undo: nobody wants a deleted snapshot back.
		{Name: "bytes", Do: s.deleteSnapshotBytes},
	}}
}

func (s *Service) deleteSnapshotBytes(ctx context.Context, op *cloud.Operation) error {
	p, err := operation.Params[deleteParams](op)
	if err != nil {
		return err
	}
	return s.dropSnapshotBytes(ctx, p.HostID, cloud.SnapshotID(operation.SubjectID(op)))
}

// dropSnapshotBytes removes what nobody needs any more; it is tried again until that is so, and works.
func (s *Service) dropSnapshotBytes(ctx context.Context, host cloud.HostID, id cloud.SnapshotID) error {
	if err := s.unneeded(ctx, id); err != nil {
		return err
	}
	return retryable(s.removeSnapshotBytes(ctx, host, spec.SnapshotID(id)))
}

// unneeded is Unavailable while something is being made from a snapshot.
func (s *Service) unneeded(ctx context.Context, id cloud.SnapshotID) error {
	needed, err := s.neededBy(ctx, cloud.Eq("snapshot_id", id))
	if err != nil {
		return err
	}
	copies, err := s.Snapshots.Count(ctx, cloud.Eq("copy_of", id), cloud.Eq("state", cloud.VolumeCreating))
	if err == nil && (needed || copies > 0) {
		err = cloud.Errorf(cloud.Unavailable, "snapshot", id, "Snapshot %s waits for volumes and copies that are being made from it.", id)
	}
	return err
}

func (s *Service) removeSnapshotBytes(ctx context.Context, host cloud.HostID, id spec.SnapshotID) error {
	if host == "" {
		return nil
	}
	a, err := s.agent(ctx, host)
	if cloud.Is(err, cloud.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return a.RemoveSnapshot(ctx, id)
}

func (s *Service) settleSnapshotDelete(ctx context.Context, op *cloud.Operation) error {
	if op.State != cloud.OperationSucceeded {
		return s.settleSnapshot(ctx, op, func(n *cloud.Snapshot) { n.State, n.Fault = cloud.VolumeFailed, op.Fault })
	}
	return unlessGone(s.Snapshots.Delete(ctx, cloud.SnapshotID(operation.SubjectID(op))))
}
