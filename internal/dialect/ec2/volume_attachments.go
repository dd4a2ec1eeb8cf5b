package ec2

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
)

// instancesWith are the instances that have volumes, by id.
func (a *api) instancesWith(ctx context.Context, attachments map[cloud.VolumeID][]*cloud.Attachment) (map[cloud.InstanceID]*cloud.Instance, error) {
	var ids []cloud.InstanceID
	for _, list := range attachments {
		for _, t := range list {
			if t.InstanceID != "" && !t.Manual {
				ids = append(ids, t.InstanceID)
			}
		}
	}
	byID := make(map[cloud.InstanceID]*cloud.Instance, len(ids))
	if len(ids) == 0 {
		return byID, nil
	}
	list, err := a.instances(ctx, cloud.In("id", ids))
	for _, in := range list {
		byID[in.ID] = in
	}
	return byID, err
}

// attachVolume keeps what the client calls the device: what the guest sees follows from its other disks.
func (a *api) attachVolume(ctx context.Context, in *shape.AttachVolumeRequest) (*shape.VolumeAttachment, error) {
	v, err := a.findVolume(ctx, in.VolumeId)
	if err != nil {
		return nil, err
	}
	to, err := findOne(ctx, instanceIDs, in.InstanceId, a.instances, instanceID)
	if err != nil {
		return nil, err
	}
	t, err := a.Compute.AttachVolume(ctx, to.ID, compute.AttachRequest{Volume: v.ID, Alias: in.Device})
	if err != nil {
		return nil, inUse(v, to, err)
	}
	return &shape.VolumeAttachment{VolumeId: id(volumeIDs, v.ID), InstanceId: id(instanceIDs, to.ID), Device: in.Device,
		State: "attaching", AttachTime: &t.CreatedAt, DeleteOnTermination: new(false)}, nil
}

// inUse is the fault for a volume that an instance has; other errors stay as they are.
func inUse(v *cloud.Volume, by *cloud.Instance, err error) error {
	taken := v.State == cloud.VolumeAttached || v.State == cloud.VolumeReserved
	if diskOf(by, v.ID) >= 0 || taken && cloud.Is(err, cloud.WrongState) {
		return bad("VolumeInUse", "%s is already attached to an instance", id(volumeIDs, v.ID))
	}
	return err
}

func (a *api) detachVolume(ctx context.Context, in *shape.DetachVolumeRequest) (*shape.VolumeAttachment, error) {
	v, err := a.findVolume(ctx, in.VolumeId)
	if err != nil {
		return nil, err
	}
	held, err := a.Volumes.AttachmentsOf(ctx, []cloud.VolumeID{v.ID})
	if err != nil {
		return nil, err
	}
	users, err := a.instancesWith(ctx, held)
	if err != nil {
		return nil, err
	}
	for _, t := range held[v.ID] {
		from := users[t.InstanceID]
		if from == nil {
			continue
		}
		shown := attachmentShown(t, from)
		if in.InstanceId != "" && in.InstanceId != shown.InstanceId || in.Device != "" && in.Device != shown.Device {
			continue
		}
		return a.detach(ctx, v, from, shown)
	}
	if len(users) == 0 {
		return nil, bad("IncorrectState", "Volume '%s' is in the '%s' state.", id(volumeIDs, v.ID), volumeState(v.State))
	}
	return nil, bad("InvalidAttachment.NotFound", "The volume '%s' is not attached so: it is at %s of another instance or device.", id(volumeIDs, v.ID), in.InstanceId)
}

func (a *api) detach(ctx context.Context, v *cloud.Volume, from *cloud.Instance, shown shape.VolumeAttachment) (*shape.VolumeAttachment, error) {
	if diskOf(from, v.ID) == 0 {
		return nil, bad("OperationNotPermitted", "The volume '%s' may not be detached: it is the root device of instance '%s'", shown.VolumeId, shown.InstanceId)
	}
	if err := a.Compute.DetachVolume(ctx, from.ID, v.ID); err != nil {
		return nil, err
	}
	shown.State = "detaching"
	return &shown, nil
}
