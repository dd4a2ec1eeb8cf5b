package volume

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/policy"
	"github.com/nubo-cloud/nubo/internal/spec"
)

const (
	kindSnapshotTakeIn = "snapshot.take_in"
	kindSnapshotLetGo  = "snapshot.let_go"
)

// TakeInSnapshot makes a loose disk in the pool of a volume a snapshot of that volume. As snapshots do not need their
// volumes, it is the operator's word that it is one.
func (s *Service) TakeInSnapshot(ctx context.Context, r SnapshotRequest, disk string) (*cloud.Snapshot, error) {
	v, err := s.authorized(ctx, "volume.get", r.VolumeID)
	if err != nil {
		return nil, err
	}
	if err := policy.Authorize(ctx, "snapshot.take_in", policy.Target{Resource: "snapshot", ProjectID: v.ProjectID}); err != nil {
		return nil, err
	}
	if err := checkWords("snapshot", r.Name, r.Description, r.Properties); err != nil {
		return nil, err
	}
	if v.Key != nil {
		return nil, cloud.Errorf(cloud.WrongState, "volume", v.ID, "Invalid volume: volume %s is encrypted, and what lies there is not.", v.ID)
	}
	loose, err := s.looseDisk(ctx, cloud.VolumePlace{HostID: v.HostID, Pool: v.Pool}, spec.DiskSnapshot, disk)
	if err != nil {
		return nil, err
	}
	n := snapshotOf(ctx, v, r)
	n.SizeGiB = wholeGiB(loose.SizeBytes)
	return n, s.Tx.Update(ctx, func(ctx context.Context) error { return s.insertTakenInSnapshot(ctx, n, v.TypeID, disk) })
}

func (s *Service) insertTakenInSnapshot(ctx context.Context, n *cloud.Snapshot, t cloud.VolumeTypeID, disk string) error {
	if err := s.reserve(ctx, n.ProjectID, t, cloud.QuotaSnapshots, n.SizeGiB, 0); err != nil {
		return err
	}
	op, err := s.startLooseSnapshot(ctx, kindSnapshotTakeIn, n, disk)
	if err != nil {
		return err
	}
	n.OperationID = op
	return s.Snapshots.Insert(ctx, n)
}

func (s *Service) startLooseSnapshot(ctx context.Context, kind string, n *cloud.Snapshot, disk string) (cloud.OperationID, error) {
	op, err := s.Operations.Start(ctx, operation.Request{Kind: kind, Subject: snapshotSubject(n.ID), ProjectID: n.ProjectID,
		Params: looseParams{HostID: n.HostID, Pool: n.Pool, Disk: disk, Of: n.VolumeID}})
	if err != nil {
		return "", err
	}
	return op.ID, nil
}

// LetGoSnapshot makes a snapshot a loose disk of its pool under a name.
func (s *Service) LetGoSnapshot(ctx context.Context, id cloud.SnapshotID, name string) error {
	_, err := s.changeSnapshot(ctx, "snapshot.let_go", id, func(ctx context.Context, n *cloud.Snapshot) (err error) {
		if n.OperationID != "" || n.State != cloud.VolumeAvailable && n.State != cloud.VolumeFailed {
			return cloud.Errorf(cloud.WrongState, "snapshot", n.ID, "Invalid snapshot: snapshot %s is %s; it must be available.", n.ID, n.State)
		}
		if err := single(n, false); err != nil {
			return err
		}
		if n.Key != nil {
			return encryptedStays("snapshot", string(n.ID))
		}
		n.State = cloud.VolumeDeleting
		n.OperationID, err = s.startLooseSnapshot(ctx, kindSnapshotLetGo, n, name)
		return err
	})
	return err
}

func (s *Service) snapshotTakeInKind() operation.Kind {
	return operation.Kind{Name: kindSnapshotTakeIn, Settle: s.settleSnapshotCreate, Steps: []operation.Step{
		{Name: "adopt", Do: s.adoptSnapshotBytes, Undo: s.releaseSnapshotBytes},
	}}
}

func (s *Service) snapshotLetGoKind() operation.Kind {
	return operation.Kind{Name: kindSnapshotLetGo, Deadline: deleteDeadline, Settle: s.settleSnapshotLetGo, Steps: []operation.Step{
		{Name: "release", Do: s.releaseSnapshotWhenFree, Undo: s.adoptSnapshotBytes},
	}}
}

func (s *Service) adoptSnapshotBytes(ctx context.Context, op *cloud.Operation) error {
	p, a, err := s.looseOf(ctx, op)
	if err != nil {
		return err
	}
	return permanent(a.AdoptSnapshot(ctx, spec.SnapshotID(operation.SubjectID(op)), p.Pool, p.Disk))
}

func (s *Service) releaseSnapshotBytes(ctx context.Context, op *cloud.Operation) error {
	p, a, err := s.looseOf(ctx, op)
	if err != nil {
		return err
	}
	n := spec.Snapshot{ID: spec.SnapshotID(operation.SubjectID(op)), Volume: spec.VolumeID(p.Of), Pool: p.Pool}
	return permanent(a.ReleaseSnapshot(ctx, n, p.Disk))
}

// releaseSnapshotWhenFree waits for volumes that are being made from the snapshot.
func (s *Service) releaseSnapshotWhenFree(ctx context.Context, op *cloud.Operation) error {
	if err := s.unneeded(ctx, cloud.SnapshotID(operation.SubjectID(op))); err != nil {
		return err
	}
	return unlessGone(s.releaseSnapshotBytes(ctx, op)) // the host may have been removed from the cloud, with its disks
}

func (s *Service) settleSnapshotLetGo(ctx context.Context, op *cloud.Operation) error {
	if op.State != cloud.OperationSucceeded {
		return s.settleSnapshot(ctx, op, func(n *cloud.Snapshot) { n.State = cloud.VolumeAvailable })
	}
	return s.settleSnapshotDelete(ctx, op)
}
