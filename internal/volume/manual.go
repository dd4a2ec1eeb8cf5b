package volume

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// This file is what clients of volumes write down by hand: reservations and attachments of things that are
// no instances of ours. No guest gets a disk from it. What an instance has is left to compute: taking it
// away behind a guest's back would give its blocks to the next owner while it still writes.

// ByHand says what a client wrote down.
type ByHand struct {
	VolumeID   cloud.VolumeID
	InstanceID cloud.InstanceID // of the client's own counting; it need not exist here
	HostName   string
	Device     string
	ReadOnly   bool
}

// Reserve keeps a free volume from everybody else. Unreserve takes it back and may be repeated.
func (s *Service) Reserve(ctx context.Context, id cloud.VolumeID) error {
	_, err := s.change(ctx, "volume.attach", id, func(_ context.Context, v *cloud.Volume) error {
		if err := mustBe(v, cloud.VolumeAvailable); err != nil {
			return err
		}
		v.State = cloud.VolumeReserved
		return nil
	})
	return err
}

// Unreserve takes back Reserve; a volume that is not reserved, or reserved for an instance, is left as it is.
func (s *Service) Unreserve(ctx context.Context, id cloud.VolumeID) error {
	_, err := s.change(ctx, "volume.attach", id, func(ctx context.Context, v *cloud.Volume) error {
		held, err := s.Attachments.Count(ctx, cloud.Eq("volume_id", id))
		if err == nil && held == 0 && v.State == cloud.VolumeReserved {
			v.State = cloud.VolumeAvailable
		}
		return err
	})
	return err
}

// AttachByHand records an attachment that was made elsewhere.
func (s *Service) AttachByHand(ctx context.Context, r ByHand) (*cloud.Attachment, error) {
	return s.writeDown(ctx, r, AttachmentAttached)
}

// CreateAttachment reserves a volume with an attachment that is completed later.
func (s *Service) CreateAttachment(ctx context.Context, r ByHand) (*cloud.Attachment, error) {
	return s.writeDown(ctx, r, AttachmentReserved)
}

func (s *Service) writeDown(ctx context.Context, r ByHand, state string) (*cloud.Attachment, error) {
	var a *cloud.Attachment
	_, err := s.change(ctx, "volume.attach", r.VolumeID, func(ctx context.Context, v *cloud.Volume) error {
		held, err := s.Attachments.List(ctx, cloud.Where(cloud.Eq("volume_id", v.ID)))
		if err != nil {
			return err
		}
		if err := still(v); err != nil {
			return err
		}
		reservedByHand := v.State == cloud.VolumeReserved && len(held) == 0 && v.Task == ""
		if !reservedByHand && !v.MultiAttach {
			if err := mustBe(v, cloud.VolumeAvailable); err != nil {
				return err
			}
		}
		a = &cloud.Attachment{ID: cloud.AttachmentID(cloud.NewID()), ProjectID: v.ProjectID, VolumeID: v.ID, InstanceID: r.InstanceID,
			Device: r.Device, State: state, ReadOnly: r.ReadOnly || v.ReadOnly, Manual: true}
		if r.HostName != "" {
			a.Connector = map[string]any{"host": r.HostName}
		}
		if state == AttachmentAttached {
			now := s.Now().UTC()
			a.AttachedAt = &now
		}
		v.State = stateOf(append(held, a))
		return s.Attachments.Insert(ctx, a)
	})
	return a, err
}

// CompleteAttachment records that a reserved attachment has been made.
func (s *Service) CompleteAttachment(ctx context.Context, id cloud.AttachmentID) error {
	if _, err := s.byHand(ctx, id); err != nil {
		return err
	}
	return s.FinishAttach(ctx, id)
}

// DeleteAttachment removes an attachment that was written down by hand. One of an instance is Conflict.
func (s *Service) DeleteAttachment(ctx context.Context, id cloud.AttachmentID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		if _, err := s.byHand(ctx, id); err != nil {
			return err
		}
		return s.FinishDetach(ctx, id)
	})
}

// DetachByHand is DeleteAttachment for one attachment of a volume, or its only one if id is empty: then it may be repeated.
func (s *Service) DetachByHand(ctx context.Context, v cloud.VolumeID, id cloud.AttachmentID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		if held, err := s.Attachments.Count(ctx, cloud.Eq("volume_id", v)); err != nil {
			return err
		} else if held == 0 && id == "" {
			_, err := s.authorized(ctx, "volume.attach", v)
			return err
		}
		a, err := s.onlyByHand(ctx, v, id)
		if err != nil {
			return err
		}
		return s.FinishDetach(ctx, a.ID)
	})
}

// ForceDetachByHand is an administrator's DetachByHand: whatever the volume's state, it is available once nothing holds it.
func (s *Service) ForceDetachByHand(ctx context.Context, v cloud.VolumeID, id cloud.AttachmentID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		if _, err := s.authorized(ctx, "volume.reset", v); err != nil {
			return err
		}
		if err := s.DetachByHand(ctx, v, id); err != nil {
			return err
		}
		left, err := s.Attachments.Count(ctx, cloud.Eq("volume_id", v))
		if err != nil || left > 0 {
			return err
		}
		return s.Reset(ctx, v, Reset{State: cloud.VolumeAvailable})
	})
}

// BeginDetachByHand records that an attachment written down by hand is being undone; RollBackDetachByHand takes that back.
func (s *Service) BeginDetachByHand(ctx context.Context, v cloud.VolumeID) error {
	return s.editByHand(ctx, v, func(a *cloud.Attachment, v *cloud.Volume) { a.State, v.Task = AttachmentDetaching, taskDetach })
}

// RollBackDetachByHand takes back BeginDetachByHand.
func (s *Service) RollBackDetachByHand(ctx context.Context, v cloud.VolumeID) error {
	return s.editByHand(ctx, v, func(a *cloud.Attachment, v *cloud.Volume) {
		a.State = AttachmentAttached
		letGo(v)
	})
}

func (s *Service) editByHand(ctx context.Context, v cloud.VolumeID, edit func(*cloud.Attachment, *cloud.Volume)) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		a, err := s.onlyByHand(ctx, v, "")
		if err != nil {
			return err
		}
		return s.changeAttachment(ctx, a.ID, edit)
	})
}

func (s *Service) onlyByHand(ctx context.Context, id cloud.VolumeID, which cloud.AttachmentID) (*cloud.Attachment, error) {
	if _, err := s.authorized(ctx, "volume.attach", id); err != nil {
		return nil, err
	}
	held, err := s.Attachments.List(ctx, cloud.Where(cloud.Eq("volume_id", id)),
		func(a *cloud.Attachment) bool { return which == "" || a.ID == which })
	if err != nil {
		return nil, err
	}
	if len(held) != 1 {
		return nil, cloud.Errorf(cloud.WrongState, "volume", id, "Invalid volume: volume %s has %d attachments that this could mean.", id, len(held))
	}
	return s.byHand(ctx, held[0].ID)
}

func (s *Service) byHand(ctx context.Context, id cloud.AttachmentID) (*cloud.Attachment, error) {
	a, err := s.authorizedAttachment(ctx, "attachment.manage", id)
	if err != nil {
		return nil, err
	}
	if !a.Manual {
		return nil, cloud.Errorf(cloud.Conflict, "attachment", id,
			"Volume %s is attached to instance %s; detach it through the instance.", a.VolumeID, a.InstanceID)
	}
	return a, nil
}

// Attachment answers one attachment that the caller may see.
func (s *Service) Attachment(ctx context.Context, id cloud.AttachmentID) (*cloud.Attachment, error) {
	return s.authorizedAttachment(ctx, "attachment.get", id)
}

// ListAttachments answers the attachments that f selects among those the caller may see.
func (s *Service) ListAttachments(ctx context.Context, f Filter[cloud.Attachment]) ([]*cloud.Attachment, error) {
	return s.Attachments.List(ctx, f.where(ctx, "attachment.get"), f.keep()...)
}

func (s *Service) authorizedAttachment(ctx context.Context, action policy.Action, id cloud.AttachmentID) (*cloud.Attachment, error) {
	a, err := s.Attachments.Get(ctx, id)
	if cloud.Is(err, cloud.NotFound) {
		return nil, cloud.NotFoundf("attachment", id)
	}
	if err != nil {
		return nil, err
	}
	return a, policy.Authorize(ctx, action, policy.Target{Resource: "attachment", ID: string(id), ProjectID: a.ProjectID})
}
