package volume

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// The states of an attachment.
const (
	AttachmentReserved  = "reserved"
	AttachmentAttaching = "attaching"
	AttachmentAttached  = "attached"
	AttachmentDetaching = "detaching"
)

// taskDetach marks a volume that a guest is letting go of, so that its row alone says so.
const taskDetach = "volume.detach"

// ReserveVolume promises a volume to an instance, in the caller's transaction: nobody else gets it until the
// attachment is finished and detached, or FinishDetach takes it back. WrongState if it is not free, Invalid if
// the instance has it already or its host cannot reach it. A volume that is being made is free for the instance it
// is made for only.
func (s *Service) ReserveVolume(ctx context.Context, id cloud.VolumeID, in *cloud.Instance, device string, readOnly bool) (*cloud.Attachment, error) {
	var a *cloud.Attachment
	_, err := s.change(ctx, "volume.attach", id, func(ctx context.Context, v *cloud.Volume) error {
		if v.ProjectID != in.ProjectID {
			return cloud.NotFoundf("volume", id)
		}
		if err := s.mayReserve(ctx, v, in); err != nil {
			return err
		}
		a = &cloud.Attachment{ID: cloud.AttachmentID(cloud.NewID()), ProjectID: v.ProjectID, VolumeID: id, InstanceID: in.ID,
			HostID: in.HostID, Device: device, State: AttachmentReserved, ReadOnly: readOnly || v.ReadOnly}
		if v.State == cloud.VolumeAvailable {
			v.State = cloud.VolumeReserved
		}
		v.Fault = nil
		return s.Attachments.Insert(ctx, a)
	})
	return a, err
}

func (s *Service) mayReserve(ctx context.Context, v *cloud.Volume, in *cloud.Instance) error {
	twice, err := s.Attachments.Count(ctx, cloud.Eq("volume_id", v.ID), cloud.Eq("instance_id", in.ID))
	if err != nil {
		return err
	}
	if twice > 0 {
		return cloud.Invalidf("volume", "volume_id", "Invalid volume: volume %s is attached to instance %s already.", v.ID, in.ID)
	}
	if v.State == cloud.VolumeCreating && v.Task == kindCreate && v.MadeFor == in.ID {
		return s.reachable(ctx, v, in.HostID)
	}
	states := []cloud.VolumeState{cloud.VolumeAvailable}
	if v.MultiAttach {
		states = append(states, cloud.VolumeAttached, cloud.VolumeReserved)
	}
	if err := mustBe(v, states...); err != nil {
		return err
	}
	return s.reachable(ctx, v, in.HostID)
}

// reachable refuses a host that cannot reach the pool a volume is on. An instance that is not placed yet will be
// placed where it can.
func (s *Service) reachable(ctx context.Context, v *cloud.Volume, host cloud.HostID) error {
	if host == "" || host == v.HostID {
		return nil
	}
	h, err := s.HostRows.Get(ctx, v.HostID)
	if err != nil && !cloud.Is(err, cloud.NotFound) {
		return err
	}
	if err == nil && h.SharedPool {
		return nil
	}
	return cloud.Errorf(cloud.WrongState, "volume", v.ID, "Invalid volume: volume %s lies on another host than the instance, in a pool that is not shared.", v.ID)
}

// FinishAttach records that the guest has the volume. It may be repeated.
func (s *Service) FinishAttach(ctx context.Context, id cloud.AttachmentID) error {
	return s.changeAttachment(ctx, id, func(a *cloud.Attachment, v *cloud.Volume) {
		if a.State != AttachmentAttached || a.AttachedAt == nil {
			now := s.Now().UTC()
			a.AttachedAt = &now
		}
		a.State = AttachmentAttached
	})
}

// BeginDetach records that the guest shall let go of a volume. It may be repeated. NotFound if the instance has
// it not.
func (s *Service) BeginDetach(ctx context.Context, v cloud.VolumeID, in cloud.InstanceID) (*cloud.Attachment, error) {
	var a *cloud.Attachment
	err := s.Tx.Update(ctx, func(ctx context.Context) error {
		var err error
		a, err = s.Attachments.One(ctx, cloud.Eq("volume_id", v), cloud.Eq("instance_id", in))
		if cloud.Is(err, cloud.NotFound) {
			return cloud.Errorf(cloud.NotFound, "attachment", string(v), "Instance %s is not attached to volume %s.", in, v)
		}
		if err != nil {
			return err
		}
		return s.changeAttachment(ctx, a.ID, func(row *cloud.Attachment, v *cloud.Volume) {
			row.State, v.Task = AttachmentDetaching, taskDetach
			*a = *row
		})
	})
	return a, err
}

// AbortDetach takes back BeginDetach: the guest keeps the volume. It may be repeated.
func (s *Service) AbortDetach(ctx context.Context, id cloud.AttachmentID) error {
	return s.changeAttachment(ctx, id, func(a *cloud.Attachment, v *cloud.Volume) {
		a.State = AttachmentAttached
		letGo(v)
	})
}

// FinishDetach removes an attachment, whatever its state: the volume is free again when it was the last. It may be repeated.
func (s *Service) FinishDetach(ctx context.Context, id cloud.AttachmentID) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		a, err := s.Attachments.Get(ctx, id)
		if cloud.Is(err, cloud.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.Attachments.Delete(ctx, id); err != nil {
			return err
		}
		v, err := s.Volumes.Get(ctx, a.VolumeID)
		if cloud.Is(err, cloud.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		letGo(v)
		return s.rest(ctx, v)
	})
}

func letGo(v *cloud.Volume) {
	if v.Task == taskDetach {
		v.Task = ""
	}
}

// changeAttachment changes an attachment and its volume together. One that is gone is NotFound.
func (s *Service) changeAttachment(ctx context.Context, id cloud.AttachmentID, edit func(*cloud.Attachment, *cloud.Volume)) error {
	return s.Tx.Update(ctx, func(ctx context.Context) error {
		a, err := s.Attachments.Get(ctx, id)
		if err != nil {
			return err
		}
		v, err := s.Volumes.Get(ctx, a.VolumeID)
		if err != nil {
			return err
		}
		edit(a, v)
		if err := s.Attachments.Update(ctx, a); err != nil {
			return err
		}
		return s.rest(ctx, v)
	})
}

// rest writes the state that a volume's attachments give it, unless it is being made or deleted or has failed.
func (s *Service) rest(ctx context.Context, v *cloud.Volume) error {
	held, err := s.Attachments.List(ctx, cloud.Where(cloud.Eq("volume_id", v.ID)))
	if err != nil {
		return err
	}
	switch v.State {
	case cloud.VolumeAvailable, cloud.VolumeReserved, cloud.VolumeAttached:
		v.State = stateOf(held)
	}
	return s.Volumes.Update(ctx, v)
}

func stateOf(held []*cloud.Attachment) cloud.VolumeState {
	state := cloud.VolumeAvailable
	for _, a := range held {
		if a.State == AttachmentAttached || a.State == AttachmentDetaching {
			return cloud.VolumeAttached
		}
		state = cloud.VolumeReserved
	}
	return state
}

// InstanceVolumes answers the attachments of instances, oldest first, with one question to the store. It
// leaves out those that clients wrote down by hand.
func (s *Service) InstanceVolumes(ctx context.Context, ids []cloud.InstanceID) (map[cloud.InstanceID][]*cloud.Attachment, error) {
	rows, err := s.Attachments.List(ctx, cloud.Where(cloud.In("instance_id", ids)), func(a *cloud.Attachment) bool { return !a.Manual })
	if err != nil {
		return nil, err
	}
	return grouped(rows, func(a *cloud.Attachment) cloud.InstanceID { return a.InstanceID }), nil
}

// AttachmentsOf answers the attachments of volumes, oldest first, with one question to the store.
func (s *Service) AttachmentsOf(ctx context.Context, ids []cloud.VolumeID) (map[cloud.VolumeID][]*cloud.Attachment, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	rows, err := s.Attachments.List(ctx, cloud.Where(cloud.In("volume_id", ids)))
	if err != nil {
		return nil, err
	}
	return grouped(rows, func(a *cloud.Attachment) cloud.VolumeID { return a.VolumeID }), nil
}

func grouped[K comparable](rows []*cloud.Attachment, key func(*cloud.Attachment) K) map[K][]*cloud.Attachment {
	m := map[K][]*cloud.Attachment{}
	for _, a := range rows {
		m[key(a)] = append(m[key(a)], a)
	}
	return m
}
