package ec2

import (
	"context"
	"maps"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
	"github.com/nubo-cloud/nubo/internal/volume"
)

func (a *api) snapshotActions() []*action {
	return []*action{
		serve("CreateSnapshot", a.createSnapshot, "Description TagSpecifications VolumeId"),
		serve("CreateSnapshots", a.createSnapshots, "CopyTagsFromSource Description InstanceSpecification TagSpecifications"),
		serve("CopySnapshot", a.copySnapshot, "Description Encrypted SourceRegion SourceSnapshotId TagSpecifications -DestinationRegion -PresignedUrl"),
		serve("DescribeSnapshots", a.describeSnapshots, "Filters MaxResults NextToken OwnerIds RestorableByUserIds SnapshotIds"),
		done("DeleteSnapshot", a.deleteSnapshot, "SnapshotId"),
		done("ModifySnapshotAttribute", a.modifySnapshotAttribute, "Attribute CreateVolumePermission GroupNames OperationType SnapshotId UserIds"),
		done("ResetSnapshotAttribute", a.resetSnapshotAttribute, "Attribute SnapshotId"),
		serve("DescribeSnapshotAttribute", a.describeSnapshotAttribute, "Attribute SnapshotId"),
	}
}

// there holds for snapshots that are not being deleted: the protocol has no word for such, to it they are gone.
var there = cloud.Cond{Column: "state", Op: cloud.OpNe, Value: cloud.VolumeDeleting}

// snapshots are the account's own, usableSnapshots also those of others that it may make volumes from.
func (a *api) snapshots(ctx context.Context, where ...cloud.Cond) ([]*cloud.Snapshot, error) {
	return a.Volumes.ListSnapshots(ctx, volume.Filter[cloud.Snapshot]{Query: cloud.Where(append(where, there)...)})
}

func (a *api) usableSnapshots(ctx context.Context, where ...cloud.Cond) ([]*cloud.Snapshot, error) {
	return a.Volumes.UsableSnapshots(ctx, cloud.Where(append(where, there)...))
}

func snapshotID(n *cloud.Snapshot) string { return string(n.ID) }

// findSnapshot is a snapshot that the account may make volumes from, ownSnapshot one that it may change.
func (a *api) findSnapshot(ctx context.Context, text string) (*cloud.Snapshot, error) {
	return findOne(ctx, snapshotIDs, text, a.usableSnapshots, snapshotID)
}

func (a *api) ownSnapshot(ctx context.Context, text string) (*cloud.Snapshot, error) {
	return findOne(ctx, snapshotIDs, text, a.snapshots, snapshotID)
}

func snapshotTags(n *cloud.Snapshot) []shape.Tag { return tagsOf(n.Properties, n.Name) }

func (a *api) labelSnapshot(ctx context.Context, id string, edit labels) error {
	_, err := a.Volumes.UpdateSnapshot(ctx, cloud.SnapshotID(id), func(f *volume.Facts) error {
		return named(f.Properties, f.Name, edit, func(name string) error { f.Name = name; return nil })
	})
	return err
}

func (a *api) createSnapshot(ctx context.Context, in *shape.CreateSnapshotRequest) (*shape.Snapshot, error) {
	tags, err := tagsFor(in.TagSpecifications, "snapshot")
	if err != nil {
		return nil, err
	}
	v, err := a.findVolume(ctx, in.VolumeId)
	if err != nil {
		return nil, err
	}
	n, err := a.Volumes.CreateSnapshot(ctx, snapshotRequest(v, in.Description, tags))
	if err != nil {
		return nil, err
	}
	rows, err := a.snapshotRows(ctx, []*cloud.Snapshot{n})
	if err != nil {
		return nil, err
	}
	return &rows[0].shown, nil
}

// snapshotRequest asks for a snapshot of a volume whether or not somebody writes to it.
func snapshotRequest(v *cloud.Volume, description string, tags map[string]string) cloud.SnapshotRequest {
	r := cloud.SnapshotRequest{Description: description, Force: true}
	r.Name, r.Properties = splitName(tags)
	if v != nil {
		r.VolumeID = v.ID
	}
	return r
}

// createSnapshots takes all of an instance's volumes or none, in one transaction. Each is of one moment, which is nearly the same.
func (a *api) createSnapshots(ctx context.Context, in *shape.CreateSnapshotsRequest) (*shape.CreateSnapshotsResult, error) {
	tags, err := tagsFor(in.TagSpecifications, "snapshot")
	if err != nil {
		return nil, err
	}
	if in.CopyTagsFromSource != "" && in.CopyTagsFromSource != "volume" {
		return nil, invalidParameter("Value (%s) for parameter copyTagsFromSource is invalid: use volume.", in.CopyTagsFromSource)
	}
	volumes, err := a.volumesOf(ctx, in.InstanceSpecification)
	if err != nil {
		return nil, err
	}
	var made []*cloud.Snapshot
	err = a.Network.Together(ctx, func(ctx context.Context) error {
		made = nil
		for _, v := range volumes {
			all := map[string]string{}
			if in.CopyTagsFromSource != "" {
				for _, t := range volumeTags(v) {
					all[t.Key] = t.Value
				}
			}
			maps.Copy(all, tags)
			n, err := a.Volumes.CreateSnapshot(ctx, snapshotRequest(v, in.Description, all))
			if err != nil {
				return err
			}
			made = append(made, n)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	rows, err := a.snapshotRows(ctx, made)
	out := &shape.CreateSnapshotsResult{}
	for _, r := range rows {
		out.Snapshots = append(out.Snapshots, r.info())
	}
	return out, err
}

// volumesOf are the volumes that an instance has, without those that the request leaves out.
func (a *api) volumesOf(ctx context.Context, of *shape.InstanceSpecification) ([]*cloud.Volume, error) {
	in, err := findOne(ctx, instanceIDs, of.InstanceId, a.instances, instanceID)
	if err != nil {
		return nil, err
	}
	left, err := find(ctx, volumeIDs, of.ExcludeDataVolumeIds, a.volumes, volumeID)
	if err != nil {
		return nil, err
	}
	var ids []cloud.VolumeID
	for i, d := range in.Disks {
		out := slices.ContainsFunc(left, func(v *cloud.Volume) bool { return v.ID == d.VolumeID })
		if !d.Local && !out && !(i == 0 && isTrue(of.ExcludeBootVolume)) {
			ids = append(ids, d.VolumeID)
		}
	}
	if len(ids) == 0 {
		return nil, invalidParameter("Instance '%s' has no volumes to take snapshots of.", of.InstanceId)
	}
	return a.volumes(ctx, cloud.In("id", ids))
}

func (a *api) copySnapshot(ctx context.Context, in *shape.CopySnapshotRequest) (*shape.CopySnapshotResult, error) {
	tags, err := tagsFor(in.TagSpecifications, "snapshot")
	if err != nil {
		return nil, err
	}
	if !a.isRegion(in.SourceRegion) {
		return nil, invalidParameter("Invalid source region: %s", in.SourceRegion)
	}
	from, err := a.findSnapshot(ctx, in.SourceSnapshotId)
	if err != nil {
		return nil, err
	}
	if isTrue(in.Encrypted) && from.Key == nil {
		return nil, unsupported("A copy of a snapshot is encrypted if the snapshot is. Make an encrypted volume from it instead.")
	}
	n, err := a.Volumes.CopySnapshot(ctx, from.ID, snapshotRequest(nil, in.Description, tags))
	if err != nil {
		return nil, err
	}
	return &shape.CopySnapshotResult{SnapshotId: id(snapshotIDs, n.ID), Tags: snapshotTags(n)}, nil
}

func (a *api) deleteSnapshot(ctx context.Context, in *shape.DeleteSnapshotRequest) error {
	n, err := a.ownSnapshot(ctx, in.SnapshotId)
	if err != nil {
		return err
	}
	return a.Volumes.DeleteSpareSnapshot(ctx, n.ID)
}
