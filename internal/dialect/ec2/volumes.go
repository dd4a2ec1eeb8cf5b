package ec2

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
	"github.com/nubo-cloud/nubo/internal/volume"
)

func (a *api) volumeActions() []*action {
	return []*action{
		serve("CreateVolume", a.createVolume,
			"AvailabilityZone AvailabilityZoneId Encrypted Iops MultiAttachEnabled Size SnapshotId TagSpecifications Throughput VolumeType"),
		serve("DescribeVolumes", a.describeVolumes, "Filters MaxResults NextToken VolumeIds -IncludeManagedResources"),
		done("DeleteVolume", a.deleteVolume, "VolumeId"),
		serve("AttachVolume", a.attachVolume, "Device InstanceId VolumeId"),
		serve("DetachVolume", a.detachVolume, "Device InstanceId VolumeId -Force"),
		serve("ModifyVolume", a.modifyVolume, "Iops MultiAttachEnabled Size Throughput VolumeId VolumeType"),
		serve("DescribeVolumesModifications", a.describeVolumesModifications, "Filters MaxResults NextToken VolumeIds"),
		serve("DescribeVolumeStatus", a.describeVolumeStatus, "Filters MaxResults NextToken VolumeIds -IncludeManagedResources"),
		serve("DescribeVolumeAttribute", a.describeVolumeAttribute, "Attribute VolumeId"),
		done("ModifyVolumeAttribute", a.modifyVolumeAttribute, "AutoEnableIO VolumeId"),
		done("EnableVolumeIO", a.enableVolumeIO, "VolumeId"),
		serve("GetEbsEncryptionByDefault", a.encryptedByDefault, ""),
	}
}

func (a *api) volumes(ctx context.Context, where ...cloud.Cond) ([]*cloud.Volume, error) {
	return a.Volumes.List(ctx, volume.Filter[cloud.Volume]{Query: cloud.Where(where...)})
}

func volumeID(v *cloud.Volume) string { return string(v.ID) }

func (a *api) findVolume(ctx context.Context, text string) (*cloud.Volume, error) {
	return findOne(ctx, volumeIDs, text, a.volumes, volumeID)
}

func volumeTags(v *cloud.Volume) []shape.Tag { return tagsOf(v.Properties, v.Name) }

func (a *api) labelVolume(ctx context.Context, id string, edit labels) error {
	_, err := a.Volumes.Update(ctx, cloud.VolumeID(id), func(f *volume.Facts) error {
		return named(f.Properties, f.Name, edit, func(name string) error { f.Name = name; return nil })
	})
	return err
}

func (a *api) createVolume(ctx context.Context, in *shape.CreateVolumeRequest) (*shape.Volume, error) {
	r, err := a.volumeRequest(ctx, in)
	if err != nil {
		return nil, err
	}
	v, err := a.Volumes.CreateVolume(ctx, r)
	if err != nil {
		return nil, err
	}
	rows, err := a.volumeRows(ctx, []*cloud.Volume{v})
	if err != nil {
		return nil, err
	}
	return &rows[0].shown, nil
}

func (a *api) volumeRequest(ctx context.Context, in *shape.CreateVolumeRequest) (r cloud.VolumeRequest, err error) {
	tags, err := tagsFor(in.TagSpecifications, "volume")
	if err != nil {
		return r, err
	}
	r.Name, r.Properties = splitName(tags)
	if r.Zone, err = a.zoneOfVolume(ctx, in); err != nil {
		return r, err
	}
	if r.TypeName, r.TypeAlias, err = a.volumeType(ctx, in.VolumeType); err != nil {
		return r, err
	}
	r.Encrypted = isTrue(in.Encrypted)
	r.MultiAttach = isTrue(in.MultiAttachEnabled)
	if r.Limits, err = volumeLimits(cloud.VolumeLimits{}, in.Iops, in.Throughput); err != nil {
		return r, err
	}
	if in.Size == nil && in.SnapshotId == "" {
		return r, missingParameter("size/snapshot")
	}
	if in.Size != nil {
		if r.SizeGiB = *in.Size; r.SizeGiB < 1 {
			return r, invalidParameter("Volume of %dGiB is too small; minimum is 1GiB.", r.SizeGiB)
		}
	}
	if in.SnapshotId == "" {
		return r, nil
	}
	from, err := a.findSnapshot(ctx, in.SnapshotId)
	if err != nil {
		return r, err
	}
	r.SnapshotID = from.ID
	return r, nil
}

// volumeLimits are limits as a request changes them.
func volumeLimits(l cloud.VolumeLimits, iops, throughput *int) (cloud.VolumeLimits, error) {
	for _, n := range []*int{iops, throughput} {
		if n != nil && *n < 1 {
			return l, invalidParameter("'%d' is no rate that a volume could have: it must be greater than 0.", *n)
		}
	}
	if iops != nil {
		l.IOPS = *iops
	}
	if throughput != nil {
		l.MiBPerSecond = *throughput
	}
	return l, nil
}

// zoneOfVolume is the cloud's own name of the zone that a volume shall be in, which has to be said.
func (a *api) zoneOfVolume(ctx context.Context, in *shape.CreateVolumeRequest) (string, error) {
	switch {
	case in.AvailabilityZone == "" && in.AvailabilityZoneId == "":
		return "", missingParameter("AvailabilityZone")
	case in.AvailabilityZone != "" && in.AvailabilityZoneId != "":
		return "", invalidCombination("Specify either AvailabilityZone or AvailabilityZoneId, not both.")
	case in.AvailabilityZone != "":
		z, err := a.zoneNamed(ctx, in.AvailabilityZone)
		return z.Name, err
	}
	zones, err := a.zones(ctx)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(zones, func(z zone) bool { return z.id == in.AvailabilityZoneId })
	if i < 0 {
		return "", invalidParameter("Invalid availability zone: [%s]", in.AvailabilityZoneId)
	}
	return zones[i].Name, nil
}

func (a *api) describeVolumes(ctx context.Context, in *shape.DescribeVolumesRequest) (*shape.DescribeVolumesResult, error) {
	if err := idsOrPages(in.VolumeIds, in.MaxResults, "volumeIds"); err != nil {
		return nil, err
	}
	rows, err := a.chosenVolumes(ctx, in.VolumeIds)
	if err != nil {
		return nil, err
	}
	rows, next, err := pageFor(rows, volumeFields, in.Filters, (*volumeRow).tags, in.MaxResults, in.NextToken, (*volumeRow).place)
	if err != nil {
		return nil, err
	}
	out := &shape.DescribeVolumesResult{NextToken: next, Volumes: make([]shape.Volume, len(rows))}
	for i, r := range rows {
		out.Volumes[i] = r.shown
	}
	return out, nil
}

func (a *api) chosenVolumes(ctx context.Context, ids []string) ([]*volumeRow, error) {
	volumes, err := namedOrAll(ctx, volumeIDs, ids, a.volumes, volumeID)
	if err != nil {
		return nil, err
	}
	return a.volumeRows(ctx, volumes)
}

func (a *api) deleteVolume(ctx context.Context, in *shape.DeleteVolumeRequest) error {
	v, err := a.findVolume(ctx, in.VolumeId)
	if err != nil {
		return err
	}
	return a.Volumes.Delete(ctx, volume.DeleteRequest{ID: v.ID})
}
