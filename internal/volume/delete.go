package volume

import (
	"context"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/policy"
	"github.com/nubo-cloud/nubo/internal/spec"
)

const kindDelete = "volume.delete"

// deleteDeadline is how long a deletion waits for a host that is down before its owner is told.
const deleteDeadline = 10 * 365 * 24 * time.Hour

// DeleteRequest says how a volume shall go.
type DeleteRequest struct {
	ID cloud.VolumeID
	// Force deletes it also while it is attached; the guests lose it. Administrators only.
	Force bool
	// WithSnapshots deletes its snapshots too; UnlessSnapshots is InUse if there are any. With neither they stay: they
	// do not need the volume.
	WithSnapshots   bool
	UnlessSnapshots bool
}

// deleteParams are what volume.delete must still know when the rows say otherwise.
type deleteParams struct {
	HostID    cloud.HostID       `json:"host_id"`
	Instances []cloud.InstanceID `json:"instances,omitempty"`
}

// Delete starts the deletion of a volume, from any state. It may be repeated. InUse while it is attached or
// reserved, unless forced.
func (s *Service) Delete(ctx context.Context, r DeleteRequest) error {
	action := policy.Action("volume.delete")
	if r.Force {
		action = "volume.force_delete"
	}
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		v, err := s.authorized(ctx, action, r.ID)
		if err != nil {
			return err
		}
		if err := ungrouped(v); err != nil && !r.Force {
			return err
		}
		return s.deleteChecked(ctx, v, r)
	})
}

// deleteChecked starts a deletion that the caller may ask for, if nothing but the group stands against it.
func (s *Service) deleteChecked(ctx context.Context, v *cloud.Volume, r DeleteRequest) error {
	held, err := s.Attachments.List(ctx, cloud.Where(cloud.Eq("volume_id", v.ID)))
	if err != nil {
		return err
	}
	if !r.Force && (len(held) > 0 || v.State == cloud.VolumeReserved || v.State == cloud.VolumeAttached) {
		return cloud.Errorf(cloud.InUse, "volume", v.ID, "Invalid volume: volume %s is %s and must be detached before it is deleted.", v.ID, v.State)
	}
	if err := s.deleteSnapshots(ctx, v, r); err != nil {
		return err
	}
	return s.startDelete(ctx, v, held)
}

func (s *Service) deleteSnapshots(ctx context.Context, v *cloud.Volume, r DeleteRequest) error {
	if !r.WithSnapshots && !r.UnlessSnapshots {
		return nil
	}
	snapshots, err := s.Snapshots.List(ctx, cloud.Where(cloud.Eq("volume_id", v.ID)))
	if err != nil {
		return err
	}
	if len(snapshots) > 0 && !r.WithSnapshots {
		return cloud.Errorf(cloud.InUse, "volume", v.ID, "Invalid volume: Volume still has %d dependent snapshots.", len(snapshots))
	}
	for _, n := range snapshots {
		if err := single(n, r.Force); err != nil {
			return err
		}
		if err := s.startSnapshotDelete(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// DeleteInstanceVolume starts the deletion of a volume that was to go with its instance, whatever its state. One
// that another instance has stays: let go of it first. It may be repeated; a volume that is gone is no error.
func (s *Service) DeleteInstanceVolume(ctx context.Context, id cloud.VolumeID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		v, err := s.Volumes.Get(ctx, id)
		if cloud.Is(err, cloud.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		held, err := s.Attachments.List(ctx, cloud.Where(cloud.Eq("volume_id", id)))
		if err != nil || len(held) > 0 {
			return err
		}
		return s.startDelete(ctx, v, nil)
	})
}

// startDelete takes the volume over from whatever holds it. A volume being made is given up, and a move; other
// work is waited for, as Operations of one volume follow each other.
func (s *Service) startDelete(ctx context.Context, v *cloud.Volume, held []*cloud.Attachment) error {
	if v.State == cloud.VolumeDeleting && v.OperationID != "" {
		return nil
	}
	params := deleteParams{HostID: v.HostID}
	for _, a := range held {
		if a.InstanceID != "" && !a.Manual {
			params.Instances = append(params.Instances, a.InstanceID)
		}
		if err := s.Attachments.Delete(ctx, a.ID); err != nil {
			return err
		}
	}
	if v.OperationID != "" && (v.State == cloud.VolumeCreating || isMoving(v)) {
		if err := s.Operations.Cancel(ctx, v.OperationID); err != nil {
			return err
		}
	}
	op, err := s.Operations.Start(ctx, operation.Request{Kind: kindDelete, Subject: subject(v.ID), ProjectID: v.ProjectID, Params: params})
	if err != nil {
		return err
	}
	if err := s.billEnd(ctx, v); err != nil {
		return err
	}
	if err := s.dropTransfers(ctx, v.ID); err != nil {
		return err
	}
	v.State, v.OperationID, v.Task = cloud.VolumeDeleting, op.ID, kindDelete
	return s.Volumes.Update(ctx, v)
}

func (s *Service) deleteKind() operation.Kind {
	return operation.Kind{Name: kindDelete, Deadline: deleteDeadline, Settle: s.settleDelete, Steps: []operation.Step{
		// Neither has an undo: nobody wants a deleted volume back, and after the first byte it is gone.
		{Name: "guests", Do: s.tellGuests},
		{Name: "bytes", Do: s.deleteBytes},
	}}
}

// tellGuests makes the guests that had the volume let go of it.
func (s *Service) tellGuests(ctx context.Context, op *cloud.Operation) error {
	p, err := operation.Params[deleteParams](op)
	if err != nil {
		return err
	}
	for _, id := range p.Instances {
		if err := s.Instances.DisksChanged(ctx, id); err != nil && !cloud.Is(err, cloud.NotFound) {
			return retryable(err)
		}
	}
	return nil
}

func (s *Service) deleteBytes(ctx context.Context, op *cloud.Operation) error {
	p, err := operation.Params[deleteParams](op)
	if err != nil {
		return err
	}
	id := cloud.VolumeID(operation.SubjectID(op))
	if err := s.uncopied(ctx, id); err != nil {
		return err
	}
	return retryable(s.removeBytes(ctx, p.HostID, id))
}

// uncopied is Unavailable while copies of a volume are being made.
func (s *Service) uncopied(ctx context.Context, id cloud.VolumeID) error {
	needed, err := s.neededBy(ctx, cloud.Eq("source_volume", id))
	if err != nil {
		return err
	}
	copied, err := s.Snapshots.Count(ctx, cloud.Eq("volume_id", id), cloud.Eq("state", cloud.VolumeCreating))
	if err != nil {
		return err
	}
	if needed || copied > 0 {
		return cloud.Errorf(cloud.Unavailable, "volume", id, "Volume %s waits for copies of it that are being made.", id)
	}
	return nil
}

// neededBy tells whether volumes are being made from the source that the condition names.
func (s *Service) neededBy(ctx context.Context, source cloud.Cond) (bool, error) {
	n, err := s.Volumes.Count(ctx, source, cloud.Eq("state", cloud.VolumeCreating))
	return n > 0, err
}

// removeBytes takes a volume off its host. A host that was removed from the cloud took its volumes with it.
func (s *Service) removeBytes(ctx context.Context, host cloud.HostID, id cloud.VolumeID) error {
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
	return a.RemoveVolume(ctx, spec.VolumeID(id))
}

// retryable makes every failure one that is tried again: a deletion does not give up.
func retryable(err error) error {
	if err == nil {
		return nil
	}
	return &cloud.Error{Kind: cloud.Unavailable, Resource: "volume", Message: "The host has not removed it yet.", Cause: err}
}

func (s *Service) settleDelete(ctx context.Context, op *cloud.Operation) error {
	if op.State != cloud.OperationSucceeded {
		return s.settle(ctx, op, func(v *cloud.Volume) error {
			v.State, v.Task, v.Fault = cloud.VolumeFailed, "", op.Fault
			return nil
		})
	}
	// The bytes are gone, so the row goes too, whoever reset it meanwhile.
	return unlessGone(s.Volumes.Delete(ctx, cloud.VolumeID(operation.SubjectID(op))))
}

// unlessGone is for the last thing that is done to what may be gone, which is as good.
func unlessGone(err error) error {
	if cloud.Is(err, cloud.NotFound) {
		return nil
	}
	return err
}
