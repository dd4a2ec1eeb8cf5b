package volume

import (
	"context"
	"errors"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// The kinds of a move to another pool: for a type's sake, or because an operator said so.
const (
	kindRetype  = "volume.retype"
	kindMigrate = "volume.migrate"
)

// moveDeadline is how long copying a volume may take.
const moveDeadline = 24 * time.Hour

type moveParams struct {
	From    cloud.VolumePlace `json:"from"`
	To      string            `json:"to"` // a pool of the same host
	SizeGiB int               `json:"size_gib"`
}

// isMoving tells that a volume's bytes are on their way to another pool. But for the guest that has them, nothing may read them
// meanwhile.
func isMoving(v *cloud.Volume) bool { return v.Task == kindRetype || v.Task == kindMigrate }

// still refuses a volume that moves.
func still(v *cloud.Volume) error {
	if isMoving(v) {
		return cloud.Errorf(cloud.WrongState, "volume", v.ID, "Invalid volume: volume %s is being moved to another pool; wait until it is there.", v.ID)
	}
	return nil
}

// Still refuses volumes of which one moves, with one question to the store.
func (s *Service) Still(ctx context.Context, ids []cloud.VolumeID) error {
	if len(ids) == 0 {
		return nil
	}
	rows, err := s.Volumes.List(ctx, cloud.Where(cloud.In("id", ids)))
	for _, v := range rows {
		err = errors.Join(err, still(v))
	}
	return err
}

// movable refuses a volume whose bytes others use, or cannot be copied.
func (s *Service) movable(ctx context.Context, v *cloud.Volume) error {
	if err := mustBe(v, cloud.VolumeAvailable, cloud.VolumeAttached); err != nil {
		return err
	}
	if err := ungrouped(v); err != nil {
		return err
	}
	if err := s.heldLightly(ctx, v); err != nil {
		return err
	}
	snapshots, err := s.Snapshots.Count(ctx, cloud.Eq("volume_id", v.ID))
	if err != nil {
		return err
	}
	if snapshots > 0 {
		return cloud.Errorf(cloud.WrongState, "volume", v.ID, "Invalid volume: volume %s must not have snapshots to move to another pool; it has %d.", v.ID, snapshots)
	}
	copied, err := s.neededBy(ctx, cloud.Eq("source_volume", v.ID))
	if err == nil && copied {
		err = cloud.Errorf(cloud.WrongState, "volume", v.ID, "Invalid volume: volume %s is being copied; it can move to another pool when that is over.", v.ID)
	}
	return err
}

// heldLightly refuses a volume that anybody writes to but one instance, whose guest the host can take along.
func (s *Service) heldLightly(ctx context.Context, v *cloud.Volume) error {
	held, err := s.Attachments.List(ctx, cloud.Where(cloud.Eq("volume_id", v.ID)))
	if err != nil {
		return err
	}
	if len(held) > 1 {
		return cloud.Errorf(cloud.WrongState, "volume", v.ID, "Invalid volume: volume %s is attached %d times, and only one guest can be taken along to another pool: detach it from the others first.", v.ID, len(held))
	}
	for _, a := range held {
		if a.Manual || a.InstanceID == "" {
			return cloud.Errorf(cloud.WrongState, "volume", v.ID, "Invalid volume: volume %s is attached to something that is no instance here and would go on writing where the volume was: detach it first.", v.ID)
		}
		if err := s.Instances.HoldStill(ctx, a.InstanceID, v.HostID); err != nil {
			return err
		}
	}
	return nil
}

// startMove starts to bring a volume to another pool of its host. Until it is there the row says where it was.
func (s *Service) startMove(ctx context.Context, v *cloud.Volume, kind, pool string) error {
	op, err := s.Operations.Start(ctx, operation.Request{Kind: kind, Subject: subject(v.ID), ProjectID: v.ProjectID,
		Params: moveParams{From: cloud.VolumePlace{HostID: v.HostID, Pool: v.Pool}, To: pool, SizeGiB: v.SizeGiB}})
	if err != nil {
		return err
	}
	v.OperationID, v.Task, v.Fault, v.Move = op.ID, kind, nil, cloud.VolumeMoving
	return nil
}

func (s *Service) moveKind(name string) operation.Kind {
	return operation.Kind{Name: name, Deadline: moveDeadline, Settle: s.settleMove, Steps: []operation.Step{
		{Name: "bytes", Do: s.moveBytes, Undo: s.moveBack},
	}}
}

func (s *Service) moveBytes(ctx context.Context, op *cloud.Operation) error {
	p, err := operation.Params[moveParams](op)
	if err != nil {
		return err
	}
	return permanent(s.bringTo(ctx, op, p, p.To, generation(op)))
}

// moveBack brings the bytes to where they were, which is nothing but clearing up unless all of them had arrived.
func (s *Service) moveBack(ctx context.Context, op *cloud.Operation) error {
	p, err := operation.Params[moveParams](op)
	if err != nil {
		return err
	}
	return unlessGone(s.bringTo(ctx, op, p, p.From.Pool, generation(op)+1)) // the host may be no more
}

func (s *Service) bringTo(ctx context.Context, op *cloud.Operation, p moveParams, pool string, generation int64) error {
	v, err := s.Volumes.Get(ctx, cloud.VolumeID(operation.SubjectID(op)))
	if err != nil {
		return err
	}
	encryption, err := s.encryption(ctx, v.Key)
	if err != nil {
		return err
	}
	a, err := s.agent(ctx, p.From.HostID)
	if err != nil {
		return err
	}
	_, err = a.EnsureVolume(ctx, spec.Volume{ID: spec.VolumeID(v.ID), Generation: generation,
		SizeBytes: int64(p.SizeGiB) * gib, Pool: pool, Move: true, Encryption: encryption})
	return err
}

func (s *Service) settleMove(ctx context.Context, op *cloud.Operation) error {
	p, err := operation.Params[moveParams](op)
	if err != nil {
		return err
	}
	return s.settle(ctx, op, func(v *cloud.Volume) error {
		held, err := s.Attachments.List(ctx, cloud.Where(cloud.Eq("volume_id", v.ID)))
		if err != nil {
			return err
		}
		next := v.NextTypeID
		v.State, v.NextTypeID = stateOf(held), ""
		if op.State != cloud.OperationSucceeded {
			v.Move, v.Fault = cloud.VolumeNotMoved, op.Fault
			return nil
		}
		v.Move, v.Pool = cloud.VolumeMoved, p.To
		if next == "" {
			return nil
		}
		t, err := s.Types.Get(ctx, next)
		if err == nil {
			v.TypeID, v.MultiAttach = t.ID, multiAttach(t)
		}
		return err
	})
}
