package ec2

import (
	"context"
	"fmt"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
)

// ofNoVolume is shown as the volume of snapshots that were not taken of one.
const ofNoVolume = "vol-ffffffff"

// snapshotRow is a snapshot with all that is shown of it.
type snapshotRow struct {
	snapshot *cloud.Snapshot
	shown    shape.Snapshot
}

func (r *snapshotRow) tags() []shape.Tag { return r.shown.Tags }
func (r *snapshotRow) place() string     { return place(r.snapshot.CreatedAt, r.snapshot.ID) }

func (a *api) snapshotRows(ctx context.Context, list []*cloud.Snapshot) ([]*snapshotRow, error) {
	projects := make([]cloud.ProjectID, len(list))
	for i, n := range list {
		projects[i] = n.ProjectID
	}
	owners, err := a.Keys.Accounts(ctx, projects...)
	if err != nil {
		return nil, err
	}
	rows := make([]*snapshotRow, len(list))
	for i, n := range list {
		rows[i] = &snapshotRow{n, snapshotShown(n, owners[n.ProjectID])}
	}
	return rows, nil
}

func snapshotShown(n *cloud.Snapshot, owner string) shape.Snapshot {
	shown := shape.Snapshot{SnapshotId: id(snapshotIDs, n.ID), VolumeId: id(volumeIDs, n.VolumeID), VolumeSize: &n.SizeGiB, Description: n.Description,
		OwnerId: owner, StartTime: &n.CreatedAt, State: "pending", Progress: fmt.Sprintf("%d%%", n.Progress), Encrypted: new(n.Key != nil),
		StorageTier: "standard", Tags: snapshotTags(n)}
	if n.VolumeID == "" {
		shown.VolumeId = ofNoVolume
	}
	if n.Public {
		shown.OwnerAlias = operatorAlias
	}
	switch n.State {
	case cloud.VolumeAvailable:
		shown.State, shown.Progress = "completed", "100%"
	case cloud.VolumeFailed:
		shown.State = "error"
	}
	if n.Fault != nil {
		shown.StateMessage = n.Fault.Message
	}
	return shown
}

// info is the shorter form, for snapshots that were just asked for.
func (r *snapshotRow) info() shape.SnapshotInfo {
	s := r.shown
	return shape.SnapshotInfo{SnapshotId: s.SnapshotId, VolumeId: s.VolumeId, VolumeSize: s.VolumeSize, Description: s.Description, OwnerId: s.OwnerId,
		StartTime: s.StartTime, State: s.State, Progress: s.Progress, Encrypted: s.Encrypted, Tags: s.Tags}
}

func (a *api) describeSnapshots(ctx context.Context, in *shape.DescribeSnapshotsRequest) (*shape.DescribeSnapshotsResult, error) {
	if err := idsOrPages(in.SnapshotIds, in.MaxResults, "snapshotIds"); err != nil {
		return nil, err
	}
	list, err := namedOrAll(ctx, snapshotIDs, in.SnapshotIds, a.usableSnapshots, snapshotID)
	if err != nil {
		return nil, err
	}
	rows, err := a.snapshotRows(ctx, list)
	if err != nil {
		return nil, err
	}
	if rows, err = a.snapshotsOf(ctx, rows, in.OwnerIds, in.RestorableByUserIds); err != nil {
		return nil, err
	}
	rows, next, err := pageFor(rows, snapshotFields, in.Filters, (*snapshotRow).tags, in.MaxResults, in.NextToken, (*snapshotRow).place)
	if err != nil {
		return nil, err
	}
	out := &shape.DescribeSnapshotsResult{NextToken: next, Snapshots: make([]shape.Snapshot, len(rows))}
	for i, r := range rows {
		out.Snapshots[i] = r.shown
	}
	return out, nil
}

// snapshotsOf keeps the snapshots of owners, and those that users may make volumes from; without words for either, all.
func (a *api) snapshotsOf(ctx context.Context, rows []*snapshotRow, owners, users []string) ([]*snapshotRow, error) {
	own, err := a.account(ctx)
	if err != nil {
		return nil, err
	}
	by, err := a.usersNamed(ctx, users)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(rows, func(r *snapshotRow) bool {
		if len(owners) > 0 && !ownedBy(owners, own, r.shown.OwnerId, r.shown.OwnerAlias) {
			return true
		}
		return len(users) > 0 && !by.may(r.snapshot.Public, r.snapshot.ProjectID, r.snapshot.SharedWith)
	}), nil
}

// users are whom a request names as those who may use something.
type users struct {
	everybody bool
	projects  []cloud.ProjectID
}

// usersNamed reads self, all and account numbers. An account that is not there may use nothing.
func (a *api) usersNamed(ctx context.Context, words []string) (u users, err error) {
	for _, w := range words {
		switch w {
		case everybody:
			u.everybody = true
		case "self":
			u.projects = append(u.projects, cloud.PrincipalOf(ctx).ProjectID)
		default:
			project, err := a.Keys.AccountProject(ctx, w)
			if err != nil && !cloud.Is(err, cloud.NotFound) {
				return u, err
			}
			u.projects = append(u.projects, project)
		}
	}
	return u, nil
}

// may tells whether one of the users may use what is so owned and shared, explicitly: what is everybody's counts for everybody alone.
func (u users) may(public bool, owner cloud.ProjectID, shared []cloud.ProjectID) bool {
	if public && u.everybody {
		return true
	}
	return slices.ContainsFunc(u.projects, func(p cloud.ProjectID) bool { return p != "" && (p == owner || slices.Contains(shared, p)) })
}

var snapshotFields = fields[*snapshotRow]{
	"description":  one(func(r *snapshotRow) string { return r.shown.Description }),
	"encrypted":    one(func(r *snapshotRow) string { return yes(r.shown.Encrypted) }),
	"owner-alias":  one(func(r *snapshotRow) string { return r.shown.OwnerAlias }),
	"owner-id":     one(func(r *snapshotRow) string { return r.shown.OwnerId }),
	"progress":     one(func(r *snapshotRow) string { return r.shown.Progress }),
	"snapshot-id":  one(func(r *snapshotRow) string { return r.shown.SnapshotId }),
	"start-time":   one(func(r *snapshotRow) string { return instant(r.shown.StartTime) }),
	"status":       one(func(r *snapshotRow) string { return r.shown.State }),
	"storage-tier": one(func(r *snapshotRow) string { return r.shown.StorageTier }),
	"volume-id":    one(func(r *snapshotRow) string { return r.shown.VolumeId }),
	"volume-size":  one(func(r *snapshotRow) string { return count(r.shown.VolumeSize) }),
}
