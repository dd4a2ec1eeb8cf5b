package ec2

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
	"github.com/nubo-cloud/nubo/internal/volume"
)

// volumeRow is a volume with all that is shown of it.
type volumeRow struct {
	volume *cloud.Volume
	shown  shape.Volume
}

func (r *volumeRow) tags() []shape.Tag { return r.shown.Tags }
func (r *volumeRow) place() string     { return place(r.volume.CreatedAt, r.volume.ID) }

// volumeSurroundings are what volumes are shown with, read once for many.
type volumeSurroundings struct {
	attachments map[cloud.VolumeID][]*cloud.Attachment
	instances   map[cloud.InstanceID]*cloud.Instance
	zones       map[string]zone
	types       map[cloud.VolumeTypeID]string
}

func (a *api) volumeSurroundings(ctx context.Context, volumes []*cloud.Volume) (s volumeSurroundings, err error) {
	ids := make([]cloud.VolumeID, len(volumes))
	for i, v := range volumes {
		ids[i] = v.ID
	}
	if s.attachments, err = a.Volumes.AttachmentsOf(ctx, ids); err != nil {
		return s, err
	}
	if s.instances, err = a.instancesWith(ctx, s.attachments); err != nil {
		return s, err
	}
	if s.zones, err = a.zoneNames(ctx); err != nil {
		return s, err
	}
	s.types, err = a.Volumes.TypeNames(ctx)
	return s, err
}

func (a *api) volumeRows(ctx context.Context, volumes []*cloud.Volume) ([]*volumeRow, error) {
	s, err := a.volumeSurroundings(ctx, volumes)
	if err != nil {
		return nil, err
	}
	rows := make([]*volumeRow, len(volumes))
	for i, v := range volumes {
		rows[i] = &volumeRow{v, a.volumeShown(v, s)}
	}
	return rows, nil
}

func (a *api) volumeShown(v *cloud.Volume, s volumeSurroundings) shape.Volume {
	shown := shape.Volume{VolumeId: id(volumeIDs, v.ID), Size: &v.SizeGiB, State: volumeState(v.State), CreateTime: &v.CreatedAt,
		VolumeType: a.typeShown(v.Shape(), s.types), Encrypted: new(v.Key != nil), MultiAttachEnabled: &v.MultiAttach,
		SnapshotId: id(snapshotIDs, v.SnapshotID), SourceVolumeId: id(volumeIDs, v.SourceVolume), Iops: given(v.IOPS),
		Throughput: given(v.MiBPerSecond), Tags: volumeTags(v), Attachments: []shape.VolumeAttachment{}}
	z := s.zones[v.Zone]
	shown.AvailabilityZone, shown.AvailabilityZoneId = z.name, z.id
	for _, t := range s.attachments[v.ID] {
		if in := s.instances[t.InstanceID]; in != nil {
			shown.Attachments = append(shown.Attachments, attachmentShown(t, in))
		}
	}
	if v.State == cloud.VolumeReserved && len(shown.Attachments) > 0 {
		// Whoever waits for it to be in use wants to use it then, and it is not there yet.
		shown.State = string(cloud.VolumeAvailable)
	}
	return shown
}

// given is a number unless it is none.
func given(n int) *int {
	if n == 0 {
		return nil
	}
	return &n
}

// volumeState is what a state is called. One that an operator has taken aside is no good to its owner.
func volumeState(s cloud.VolumeState) string {
	switch s {
	case cloud.VolumeReserved, cloud.VolumeAttached:
		return "in-use"
	case cloud.VolumeFailed, cloud.VolumeMaintenance:
		return "error"
	}
	return string(s)
}

// attachmentShown is how an instance has a volume.
func attachmentShown(t *cloud.Attachment, in *cloud.Instance) shape.VolumeAttachment {
	shown := shape.VolumeAttachment{VolumeId: id(volumeIDs, t.VolumeID), InstanceId: id(instanceIDs, t.InstanceID), Device: t.Device,
		State: attachmentState(t.State), AttachTime: t.AttachedAt, DeleteOnTermination: new(false)}
	if shown.AttachTime == nil {
		shown.AttachTime = &t.CreatedAt
	}
	if n := diskOf(in, t.VolumeID); n >= 0 {
		shown.Device, shown.DeleteOnTermination = deviceShown(in, n), new(in.Disks[n].DeleteWithInstance)
	}
	return shown
}

// diskOf is where a volume is among an instance's disks; below 0 if it is not.
func diskOf(in *cloud.Instance, v cloud.VolumeID) int {
	return slices.IndexFunc(in.Disks, func(d cloud.InstanceDisk) bool { return !d.Local && d.VolumeID == v })
}

func attachmentState(s string) string {
	if s == volume.AttachmentReserved {
		return volume.AttachmentAttaching
	}
	return s
}

// ofAttachments makes a field of the values that a volume's attachments have.
func ofAttachments(value func(shape.VolumeAttachment) string) func(*volumeRow) []string {
	return func(r *volumeRow) []string { return valuesOf(r.shown.Attachments, value) }
}

var volumeFields = known(fields[*volumeRow]{
	"attachment.attach-time":           ofAttachments(func(t shape.VolumeAttachment) string { return instant(t.AttachTime) }),
	"attachment.delete-on-termination": ofAttachments(func(t shape.VolumeAttachment) string { return yes(t.DeleteOnTermination) }),
	"attachment.device":                ofAttachments(func(t shape.VolumeAttachment) string { return t.Device }),
	"attachment.instance-id":           ofAttachments(func(t shape.VolumeAttachment) string { return t.InstanceId }),
	"attachment.status":                ofAttachments(func(t shape.VolumeAttachment) string { return t.State }),
	"availability-zone":                one(func(r *volumeRow) string { return r.shown.AvailabilityZone }),
	"availability-zone-id":             one(func(r *volumeRow) string { return r.shown.AvailabilityZoneId }),
	"create-time":                      one(func(r *volumeRow) string { return instant(r.shown.CreateTime) }),
	"encrypted":                        one(func(r *volumeRow) string { return yes(r.shown.Encrypted) }),
	"multi-attach-enabled":             one(func(r *volumeRow) string { return yes(r.shown.MultiAttachEnabled) }),
	"fast-restored":                    truth(func(*volumeRow) bool { return false }),
	"size":                             one(func(r *volumeRow) string { return count(r.shown.Size) }),
	"snapshot-id":                      one(func(r *volumeRow) string { return r.shown.SnapshotId }),
	"source-volume-id":                 one(func(r *volumeRow) string { return r.shown.SourceVolumeId }),
	"status":                           one(func(r *volumeRow) string { return r.shown.State }),
	"volume-id":                        one(func(r *volumeRow) string { return r.shown.VolumeId }),
	"volume-type":                      one(func(r *volumeRow) string { return r.shown.VolumeType }),
}, "operator.managed", "operator.principal")
