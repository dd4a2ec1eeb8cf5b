package volume

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/spec"
)

const kindLetGo = "volume.let_go"

// LetGo makes a volume a loose disk of its pool under a name, from which it may be taken in again: its row goes, its bytes stay.
// Only a volume that stands alone may go: not attached, without snapshots, in no group, not encrypted.
func (s *Service) LetGo(ctx context.Context, id cloud.VolumeID, name string) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		v, err := s.authorized(ctx, "volume.let_go", id)
		if err != nil {
			return err
		}
		if err := s.standsAlone(ctx, v); err != nil {
			return err
		}
		op, err := s.Operations.Start(ctx, operation.Request{Kind: kindLetGo, Subject: subject(v.ID), ProjectID: v.ProjectID,
			Params: looseParams{HostID: v.HostID, Pool: v.Pool, Disk: name}})
		if err != nil {
			return err
		}
		v.State, v.OperationID, v.Task = cloud.VolumeDeleting, op.ID, kindLetGo
		return s.Volumes.Update(ctx, v)
	})
}

func (s *Service) standsAlone(ctx context.Context, v *cloud.Volume) error {
	if err := mustBe(v, cloud.VolumeAvailable, cloud.VolumeFailed); err != nil {
		return err
	}
	if err := ungrouped(v); err != nil {
		return err
	}
	if v.Key != nil {
		return encryptedStays("volume", string(v.ID))
	}
	n, err := s.Snapshots.Count(ctx, cloud.Eq("volume_id", v.ID))
	if err == nil && n > 0 {
		err = cloud.Errorf(cloud.InUse, "volume", v.ID, "Invalid volume: Volume still has %d dependent snapshots.", n)
	}
	return err
}

// encryptedStays: the key is in the row, and would go with it.
func encryptedStays(resource, id string) error {
	return cloud.Errorf(cloud.WrongState, resource, id, "The %s is encrypted: without its key, which only this cloud has, its bytes mean nothing.", resource)
}

func (s *Service) letGoKind() operation.Kind {
	return operation.Kind{Name: kindLetGo, Deadline: deleteDeadline, Settle: s.settleLetGo, Steps: []operation.Step{
		{Name: "release", Do: s.releaseWhenFree, Undo: s.adoptBytes},
	}}
}

// releaseWhenFree waits for copies that are being made of the volume.
func (s *Service) releaseWhenFree(ctx context.Context, op *cloud.Operation) error {
	if err := s.uncopied(ctx, cloud.VolumeID(operation.SubjectID(op))); err != nil {
		return err
	}
	p, a, err := s.looseOf(ctx, op)
	if cloud.Is(err, cloud.NotFound) {
		return nil // the host was removed from the cloud, with its disks
	}
	if err != nil {
		return err
	}
	return permanent(a.ReleaseVolume(ctx, spec.VolumeID(operation.SubjectID(op)), p.Disk))
}

// settleLetGo ends the volume, or gives it back with its bytes.
func (s *Service) settleLetGo(ctx context.Context, op *cloud.Operation) error {
	if op.State != cloud.OperationSucceeded {
		return s.settle(ctx, op, func(v *cloud.Volume) error { v.State = cloud.VolumeAvailable; return nil })
	}
	v, err := s.Volumes.Get(ctx, cloud.VolumeID(operation.SubjectID(op)))
	if cloud.Is(err, cloud.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.billEnd(ctx, v); err != nil {
		return err
	}
	if err := s.dropTransfers(ctx, v.ID); err != nil {
		return err
	}
	return s.Volumes.Delete(ctx, v.ID)
}
