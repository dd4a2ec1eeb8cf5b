package ec2

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
	"github.com/nubo-cloud/nubo/internal/volume"
)

// volumeChange is the last change of a volume, with how it is shown.
type volumeChange struct {
	volume *cloud.Volume
	shown  shape.VolumeModification
}

func (c *volumeChange) place() string { return place(c.volume.LastChange.BeganAt, c.volume.ID) }

func (a *api) modifyVolume(ctx context.Context, in *shape.ModifyVolumeRequest) (*shape.ModifyVolumeResult, error) {
	v, err := a.findVolume(ctx, in.VolumeId)
	if err != nil {
		return nil, err
	}
	if c := v.LastChange; c != nil && c.EndedAt == nil && v.Task != "" {
		return nil, bad("IncorrectModificationState", "Volume '%s' is still being modified.", in.VolumeId)
	}
	r, err := a.volumeChangeRequest(ctx, v, in)
	if err != nil {
		return nil, err
	}
	if v, err = a.Volumes.Modify(ctx, v.ID, r); err != nil {
		return nil, err
	}
	names, err := a.Volumes.TypeNames(ctx)
	if err != nil {
		return nil, err
	}
	shown := a.changeShown(v, names)
	return &shape.ModifyVolumeResult{VolumeModification: &shown}, nil
}

func (a *api) volumeChangeRequest(ctx context.Context, v *cloud.Volume, in *shape.ModifyVolumeRequest) (r volume.ModifyRequest, err error) {
	r.SizeGiB, r.MultiAttach = in.Size, in.MultiAttachEnabled
	limits, err := volumeLimits(v.VolumeLimits, in.Iops, in.Throughput)
	if err != nil {
		return r, err
	}
	if limits != v.VolumeLimits {
		r.Limits = &limits
	}
	if in.VolumeType == "" {
		return r, nil
	}
	name, alias, err := a.volumeType(ctx, in.VolumeType)
	if err != nil {
		return r, err
	}
	r.Alias = &alias
	if name == "" && v.TypeAlias == "" { // from a type of the cloud's to one of the usual names, which stand for the default one
		name = a.Volumes.DefaultTypeName
	}
	if name != "" {
		r.Type = &name
	}
	return r, nil
}

func (a *api) changeShown(v *cloud.Volume, names map[cloud.VolumeTypeID]string) shape.VolumeModification {
	c := v.LastChange
	shown := shape.VolumeModification{VolumeId: id(volumeIDs, v.ID), StartTime: &c.BeganAt, EndTime: c.EndedAt, Progress: new(int64(0)),
		OriginalSize: &c.From.SizeGiB, OriginalVolumeType: a.typeShown(c.From, names), OriginalIops: given(c.From.IOPS),
		OriginalThroughput: given(c.From.MiBPerSecond), OriginalMultiAttachEnabled: &c.From.MultiAttach,
		TargetSize: &c.To.SizeGiB, TargetVolumeType: a.typeShown(c.To, names), TargetIops: given(c.To.IOPS),
		TargetThroughput: given(c.To.MiBPerSecond), TargetMultiAttachEnabled: &c.To.MultiAttach}
	switch {
	case c.EndedAt == nil:
		shown.ModificationState = "modifying"
	case c.Fault != nil:
		shown.ModificationState, shown.StatusMessage = "failed", c.Fault.Message
	default:
		shown.ModificationState, shown.Progress = "completed", new(int64(100))
	}
	return shown
}

// describeVolumesModifications shows the last change of each volume. A volume named that was never changed is an error.
func (a *api) describeVolumesModifications(ctx context.Context, in *shape.DescribeVolumesModificationsRequest) (*shape.DescribeVolumesModificationsResult, error) {
	volumes, err := namedOrAll(ctx, volumeIDs, in.VolumeIds, a.volumes, volumeID)
	if err != nil {
		return nil, err
	}
	names, err := a.Volumes.TypeNames(ctx)
	if err != nil {
		return nil, err
	}
	var rows []*volumeChange
	for _, v := range volumes {
		if v.LastChange != nil {
			rows = append(rows, &volumeChange{v, a.changeShown(v, names)})
		} else if len(in.VolumeIds) > 0 {
			return nil, bad("InvalidVolumeModification.NotFound", "Modification for volume '%s' does not exist.", id(volumeIDs, v.ID))
		}
	}
	rows, next, err := pageFor(rows, changeFields, in.Filters, nil, in.MaxResults, in.NextToken, (*volumeChange).place)
	if err != nil {
		return nil, err
	}
	out := &shape.DescribeVolumesModificationsResult{NextToken: next, VolumesModifications: make([]shape.VolumeModification, len(rows))}
	for i, r := range rows {
		out.VolumesModifications[i] = r.shown
	}
	return out, nil
}

var changeFields = fields[*volumeChange]{
	"modification-state":            one(func(c *volumeChange) string { return c.shown.ModificationState }),
	"original-iops":                 one(func(c *volumeChange) string { return count(c.shown.OriginalIops) }),
	"original-size":                 one(func(c *volumeChange) string { return count(c.shown.OriginalSize) }),
	"original-volume-type":          one(func(c *volumeChange) string { return c.shown.OriginalVolumeType }),
	"original-multi-attach-enabled": one(func(c *volumeChange) string { return yes(c.shown.OriginalMultiAttachEnabled) }),
	"start-time":                    one(func(c *volumeChange) string { return instant(c.shown.StartTime) }),
	"target-iops":                   one(func(c *volumeChange) string { return count(c.shown.TargetIops) }),
	"target-size":                   one(func(c *volumeChange) string { return count(c.shown.TargetSize) }),
	"target-volume-type":            one(func(c *volumeChange) string { return c.shown.TargetVolumeType }),
	"target-multi-attach-enabled":   one(func(c *volumeChange) string { return yes(c.shown.TargetMultiAttachEnabled) }),
	"volume-id":                     one(func(c *volumeChange) string { return c.shown.VolumeId }),
}
