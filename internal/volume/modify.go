package volume

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// ModifyRequest says what shape a volume shall have. What is nil stays as it is.
type ModifyRequest struct {
	SizeGiB *int
	// Type is an id or a name; the volume may move to another pool for it. Alias is kept beside it.
	Type        *string
	Alias       *string
	Limits      *cloud.VolumeLimits
	MultiAttach *bool
}

// Modify begins to change the shape of a volume, attached or not, and keeps on record what changed into what. WrongState while an
// earlier change is under way. Limits hold from the next start or attachment of a guest on.
func (s *Service) Modify(ctx context.Context, id cloud.VolumeID, r ModifyRequest) (*cloud.Volume, error) {
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		before, err := s.authorized(ctx, "volume.retype", id)
		if err != nil {
			return err
		}
		if err := mustBe(before, cloud.VolumeAvailable, cloud.VolumeAttached); err != nil {
			return err
		}
		from := before.Shape()
		if err := s.reshape(ctx, id, from, r); err != nil {
			return err
		}
		return s.recordChange(ctx, id, from, r)
	})
	if err != nil {
		return nil, err
	}
	return s.Volumes.Get(ctx, id)
}

// reshape starts what takes an Operation: the type first, as one that moves the volume lets nothing else begin.
func (s *Service) reshape(ctx context.Context, id cloud.VolumeID, from cloud.VolumeShape, r ModifyRequest) error {
	if r.Type != nil {
		t, err := s.Type(ctx, *r.Type)
		if err != nil {
			return err
		}
		if t.ID != from.TypeID {
			if err := s.Retype(ctx, RetypeRequest{ID: id, Type: string(t.ID), MayMove: true}); err != nil {
				return err
			}
		}
	}
	if r.SizeGiB != nil && *r.SizeGiB != from.SizeGiB {
		return s.Grow(ctx, id, *r.SizeGiB)
	}
	return nil
}

// recordChange writes the rest, which needs no work, and what the change is.
func (s *Service) recordChange(ctx context.Context, id cloud.VolumeID, from cloud.VolumeShape, r ModifyRequest) error {
	v, err := s.Volumes.Get(ctx, id)
	if err != nil {
		return err
	}
	if r.Alias != nil {
		v.TypeAlias = *r.Alias
	}
	if r.Limits != nil {
		v.VolumeLimits = *r.Limits
		if err := checkLimits(v.VolumeLimits); err != nil {
			return err
		}
	}
	if r.MultiAttach != nil && *r.MultiAttach != v.MultiAttach {
		if err := mustBe(v, cloud.VolumeAvailable); err != nil {
			return err
		}
		v.MultiAttach = *r.MultiAttach
	}
	now := s.Now().UTC()
	v.LastChange = &cloud.VolumeChange{From: from, To: v.Shape(), BeganAt: now}
	if v.NextTypeID != "" {
		v.LastChange.To.TypeID = v.NextTypeID
	}
	if v.Task == "" {
		v.LastChange.EndedAt = &now
	}
	return s.Volumes.Update(ctx, v)
}

// endChange writes how the change ended that an Operation was for, if there is one under way.
func (s *Service) endChange(v *cloud.Volume, op *cloud.Operation) {
	if v.LastChange == nil || v.LastChange.EndedAt != nil {
		return
	}
	ended, now := *v.LastChange, s.Now().UTC()
	ended.EndedAt = &now
	if op.State != cloud.OperationSucceeded {
		ended.Fault = op.Fault
	}
	v.LastChange = &ended
}
