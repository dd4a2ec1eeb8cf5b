package volume

import (
	"context"
	"errors"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/spec"
)

const kindGrow = "volume.grow"

type growParams struct {
	FromGiB int          `json:"from_gib"`
	ToGiB   int          `json:"to_gib"`
	HostID  cloud.HostID `json:"host_id"`
}

// growData is what undoing found out: it was too late, the volume has the new size.
type growData struct {
	Grown bool `json:"grown"`
}

// Grow starts to make a volume larger, attached or not. The row has the new size at once, as it counts against the
// quota from now on; should the host refuse, it gets the old one back.
func (s *Service) Grow(ctx context.Context, id cloud.VolumeID, sizeGiB int) error {
	_, err := s.change(ctx, "volume.grow", id, func(ctx context.Context, v *cloud.Volume) error {
		if err := mustBe(v, cloud.VolumeAvailable, cloud.VolumeAttached); err != nil {
			return err
		}
		if sizeGiB <= v.SizeGiB {
			return cloud.Invalidf("volume", "new_size", "New size for extend must be greater than current size. (current: %d, extended: %d).", v.SizeGiB, sizeGiB)
		}
		if err := s.reserve(ctx, v.ProjectID, v.TypeID, "", sizeGiB-v.SizeGiB, sizeGiB); err != nil {
			return err
		}
		user, err := s.userOf(ctx, id)
		if err != nil {
			return err
		}
		op, err := s.Operations.Start(ctx, operation.Request{Kind: kindGrow, Subject: subject(id), Concerns: user, ProjectID: v.ProjectID,
			Params: growParams{FromGiB: v.SizeGiB, ToGiB: sizeGiB, HostID: v.HostID}})
		if err != nil {
			return err
		}
		v.SizeGiB, v.OperationID, v.Task, v.Fault = sizeGiB, op.ID, kindGrow, nil
		return nil
	})
	return err
}

// userOf is the instance that has a volume, as Operations write it, since its guest sees the disk grow; empty if none has, the
// first of several.
func (s *Service) userOf(ctx context.Context, id cloud.VolumeID) (string, error) {
	held, err := s.Attachments.List(ctx, cloud.Query{Where: []cloud.Cond{cloud.Eq("volume_id", id)}, Order: []cloud.Order{{Column: "created_at"}}})
	if err != nil {
		return "", err
	}
	for _, a := range held {
		if a.InstanceID != "" && !a.Manual {
			return "instance/" + string(a.InstanceID), nil
		}
	}
	return "", nil
}

func (s *Service) growKind() operation.Kind {
	return operation.Kind{Name: kindGrow, Settle: s.settleGrow, Steps: []operation.Step{
		{Name: "bytes", Do: s.growBytes, Undo: s.ungrowBytes},
	}}
}

func (s *Service) growBytes(ctx context.Context, op *cloud.Operation) error {
	p, err := operation.Params[growParams](op)
	if err != nil {
		return err
	}
	return permanent(s.sizeBytes(ctx, op, p.HostID, p.ToGiB, generation(op)))
}

// ungrowBytes makes the host want the old size again. If that comes too late, the volume keeps the new one.
func (s *Service) ungrowBytes(ctx context.Context, op *cloud.Operation) error {
	p, err := operation.Params[growParams](op)
	if err != nil {
		return err
	}
	err = s.sizeBytes(ctx, op, p.HostID, p.FromGiB, generation(op)+1)
	if errors.Is(err, spec.ErrNotSupported) {
		return operation.SetData(op, growData{Grown: true})
	}
	return unlessGone(err) // the host may be no more
}

func (s *Service) sizeBytes(ctx context.Context, op *cloud.Operation, host cloud.HostID, sizeGiB int, generation int64) error {
	a, err := s.agent(ctx, host)
	if err != nil {
		return err
	}
	_, err = a.EnsureVolume(ctx, spec.Volume{ID: spec.VolumeID(operation.SubjectID(op)), Generation: generation, SizeBytes: int64(sizeGiB) * gib})
	return err
}

func (s *Service) settleGrow(ctx context.Context, op *cloud.Operation) error {
	p, err := operation.Params[growParams](op)
	if err != nil {
		return err
	}
	d, err := operation.Data[growData](op)
	if err != nil {
		return err
	}
	return s.settle(ctx, op, func(v *cloud.Volume) error {
		if op.State == cloud.OperationSucceeded || d.Grown {
			return s.bill(ctx, cloud.UsageVolumeGrown, v)
		}
		v.SizeGiB, v.Fault = p.FromGiB, op.Fault
		return nil
	})
}
