package volume_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/volume"
)

// grouped makes a group of a type with some specs, and volumes in it.
func (r *rig) grouped(ctx ctxT, volumes int, specs map[string]string) *cloud.VolumeGroup {
	r.t.Helper()
	ok(r.t, r.EnsureDefaults(ctx))
	kind, err := r.CreateGroupType(admin(), cloud.VolumeGroupType{Name: cloud.NewID(), Public: true, Specs: specs})
	ok(r.t, err)
	g, err := r.CreateGroup(ctx, volume.GroupRequest{Name: "g", GroupType: string(kind.ID), VolumeTypes: []string{"default"}})
	ok(r.t, err)
	for range volumes {
		r.made(ctx, volume.CreateRequest{SizeGiB: 1, GroupID: g.ID})
	}
	return g
}

func (r *rig) members(id cloud.VolumeGroupID) []cloud.VolumeID {
	r.t.Helper()
	members, err := r.GroupMembers(context.Background(), []cloud.VolumeGroupID{id})
	ok(r.t, err)
	return members[id]
}

func (r *rig) groupSnapped(ctx ctxT, id cloud.VolumeGroupID) *cloud.GroupSnapshot {
	r.t.Helper()
	n, err := r.CreateGroupSnapshot(ctx, volume.GroupSnapshotRequest{GroupID: id, Name: "new"})
	ok(r.t, err)
	r.settled()
	n, err = r.db.GroupSnapshots.Get(ctx, n.ID)
	ok(r.t, err)
	return n
}

// checkTogether wants a group snapshot and each snapshot in it in a state, with bytes or without.
func (r *rig) checkTogether(state cloud.VolumeState, bytes bool) error {
	n, err := r.db.GroupSnapshots.One(context.Background(), cloud.Eq("name", "new"))
	if err != nil {
		return err
	}
	rows, err := r.db.Snapshots.List(context.Background(), cloud.Where(cloud.Eq("group_snapshot_id", n.ID)))
	if err != nil || len(rows) != 2 || n.State != state || n.OperationID != "" {
		return fmt.Errorf("group snapshot %+v with %d snapshots, %v", n, len(rows), err)
	}
	for _, m := range rows {
		if _, there := r.host.Snapshot(string(m.ID)); m.State != state || m.OperationID != "" || there != bytes {
			return fmt.Errorf("snapshot %+v, bytes %t", m, there)
		}
	}
	return nil
}

func (r *rig) groupState(name string, state cloud.VolumeState) error {
	g, err := r.db.VolumeGroups.One(context.Background(), cloud.Eq("name", name))
	if err != nil || g.State != state || g.OperationID != "" {
		return fmt.Errorf("group %+v, %v", g, err)
	}
	return nil
}

func init() {
	scenarios["group.copy"] = scenario{
		run: func(r *rig, ctx ctxT, _ *cloud.Volume, _ *cloud.Snapshot) error {
			_, err := r.CopyGroup(ctx, volume.GroupSource{Name: "copy", GroupID: r.grouped(ctx, 2, nil).ID})
			return err
		},
		succeeded: func(r *rig, _ *cloud.Volume, _ *cloud.Snapshot) error {
			return r.groupState("copy", cloud.VolumeAvailable)
		},
		failed: func(r *rig, _ *cloud.Volume, _ *cloud.Snapshot) error {
			return r.groupState("copy", cloud.VolumeFailed)
		},
	}
	scenarios["group.delete"] = scenario{
		run: func(r *rig, ctx ctxT, _ *cloud.Volume, _ *cloud.Snapshot) error {
			return r.DeleteGroup(ctx, r.grouped(ctx, 2, nil).ID, true)
		},
		succeeded: func(r *rig, _ *cloud.Volume, _ *cloud.Snapshot) error { return r.noGroups() },
		failed: func(r *rig, _ *cloud.Volume, _ *cloud.Snapshot) error {
			g, err := r.db.VolumeGroups.One(context.Background(), cloud.Eq("name", "g"))
			if err != nil || g.State != cloud.VolumeFailed {
				return fmt.Errorf("group %+v, %v", g, err)
			}
			if err := r.DeleteGroup(as("a"), g.ID, true); err != nil { // and again
				return err
			}
			r.settled()
			return r.noGroups()
		},
	}
	scenarios["group_snapshot.create"] = scenario{
		run: func(r *rig, ctx ctxT, _ *cloud.Volume, _ *cloud.Snapshot) error {
			_, err := r.CreateGroupSnapshot(ctx, volume.GroupSnapshotRequest{GroupID: r.grouped(ctx, 2, nil).ID, Name: "new"})
			return err
		},
		succeeded: func(r *rig, _ *cloud.Volume, _ *cloud.Snapshot) error {
			return r.checkTogether(cloud.VolumeAvailable, true)
		},
		failed: func(r *rig, _ *cloud.Volume, _ *cloud.Snapshot) error {
			return r.checkTogether(cloud.VolumeFailed, false)
		},
	}
	scenarios["group_snapshot.delete"] = scenario{
		run: func(r *rig, ctx ctxT, _ *cloud.Volume, _ *cloud.Snapshot) error {
			return r.DeleteGroupSnapshot(ctx, r.groupSnapped(ctx, r.grouped(ctx, 2, nil).ID).ID)
		},
		succeeded: func(r *rig, _ *cloud.Volume, _ *cloud.Snapshot) error {
			n, err := r.db.GroupSnapshots.Count(context.Background())
			m, err2 := r.db.Snapshots.Count(context.Background(), cloud.Cond{Column: "group_snapshot_id", Op: cloud.OpNe, Value: ""})
			if n > 0 || m > 0 || err != nil || err2 != nil {
				return fmt.Errorf("%d group snapshots and %d snapshots left, %v, %v", n, m, err, err2)
			}
			return nil
		},
		failed: func(r *rig, _ *cloud.Volume, _ *cloud.Snapshot) error {
			n, err := r.db.GroupSnapshots.One(context.Background(), cloud.Eq("name", "new"))
			if err != nil || n.State != cloud.VolumeFailed {
				return fmt.Errorf("group snapshot %+v, %v", n, err)
			}
			return nil
		},
	}
}

func (r *rig) noGroups() error {
	groups, err := r.db.VolumeGroups.Count(context.Background())
	members, err2 := r.db.Volumes.Count(context.Background(), cloud.Cond{Column: "group_id", Op: cloud.OpNe, Value: ""})
	if groups > 0 || members > 0 || err != nil || err2 != nil {
		return fmt.Errorf("%d groups and %d volumes left, %v, %v", groups, members, err, err2)
	}
	return nil
}

// A group is filled, emptied, snapshotted, copied and deleted; what would break it is refused.
func TestGroupLife(t *testing.T) {
	r, ctx := newRig(t), as("a")
	g := r.grouped(ctx, 2, nil)
	in := r.members(g.ID)
	wantKind(t, r.Delete(ctx, volume.DeleteRequest{ID: in[0]}), cloud.InUse)
	wantKind(t, r.DeleteGroup(ctx, g.ID, false), cloud.InUse)
	_, err := r.UpdateGroup(ctx, g.ID, volume.GroupChange{Remove: in[:1]})
	ok(t, err)
	_, err = r.UpdateGroup(ctx, g.ID, volume.GroupChange{Remove: in[:1]})
	wantKind(t, err, cloud.Invalid)
	_, err = r.UpdateGroup(ctx, g.ID, volume.GroupChange{Add: in[:1]})
	ok(t, err)
	_, err = r.UpdateGroup(as("b"), g.ID, volume.GroupChange{Remove: in[:1]})
	wantKind(t, err, cloud.NotFound)

	n := r.groupSnapped(ctx, g.ID)
	rows, err := r.ListSnapshots(ctx, volume.Filter[cloud.Snapshot]{Query: cloud.Where(cloud.Eq("group_snapshot_id", n.ID))})
	if err != nil || len(rows) != 2 || n.State != cloud.VolumeAvailable {
		t.Fatalf("%+v with %d snapshots, %v", n, len(rows), err)
	}
	wantKind(t, r.DeleteSnapshot(ctx, rows[0].ID, false), cloud.InUse)
	wantKind(t, r.DeleteGroup(ctx, g.ID, true), cloud.InUse)
	copied, err := r.CopyGroup(ctx, volume.GroupSource{Name: "copy", GroupSnapshotID: n.ID})
	ok(t, err)
	r.settled()
	ok(t, r.groupState("copy", cloud.VolumeAvailable))
	if made := r.members(copied.ID); len(made) != 2 || r.row(made[0]).State != cloud.VolumeAvailable {
		t.Errorf("volumes of the copy: %v", made)
	}
	ok(t, r.DeleteGroupSnapshot(ctx, n.ID))
	r.settled()
	ok(t, r.DeleteGroup(ctx, g.ID, true))
	ok(t, r.DeleteGroup(ctx, copied.ID, true))
	r.settled()
	ok(t, r.noGroups())
}

// Groups take only volumes of their project and types, and are counted.
func TestGroupsRefuse(t *testing.T) {
	r, ctx := newRig(t), as("a")
	g := r.grouped(ctx, 0, nil)
	_, err := r.CreateGroupSnapshot(ctx, volume.GroupSnapshotRequest{GroupID: g.ID})
	wantKind(t, err, cloud.WrongState)
	_, err = r.CopyGroup(ctx, volume.GroupSource{GroupID: g.ID})
	wantKind(t, err, cloud.WrongState)
	_, err = r.CreateType(admin(), cloud.VolumeType{Name: "other", Public: true})
	ok(t, err)
	_, err = r.CreateVolume(ctx, volume.CreateRequest{SizeGiB: 1, TypeName: "other", GroupID: g.ID})
	wantKind(t, err, cloud.Invalid)
	_, err = r.CreateVolume(as("b"), volume.CreateRequest{SizeGiB: 1, GroupID: g.ID})
	wantKind(t, err, cloud.NotFound)
	other := r.made(as("b"), volume.CreateRequest{SizeGiB: 1})
	_, err = r.UpdateGroup(ctx, g.ID, volume.GroupChange{Add: []cloud.VolumeID{other.ID}})
	wantKind(t, err, cloud.Invalid)
	def, err := r.Type(ctx, "default")
	ok(t, err)
	ok(t, r.Delete(as("b"), volume.DeleteRequest{ID: other.ID}))
	r.settled()
	wantKind(t, r.DeleteType(admin(), def.ID), cloud.InUse)
	wantKind(t, r.DeleteGroupType(admin(), g.GroupTypeID), cloud.InUse)
	ok(t, r.SetQuotas(admin(), "a", map[string]int64{cloud.QuotaVolumeGroups: 1}))
	_, err = r.CreateGroup(ctx, volume.GroupRequest{GroupType: string(g.GroupTypeID), VolumeTypes: []string{"default"}})
	wantKind(t, err, cloud.QuotaExceeded)
}

// A type that promises snapshots of one moment has them taken while nobody writes.
func TestConsistentGroupSnapshots(t *testing.T) {
	r, ctx := newRig(t), as("a")
	g := r.grouped(ctx, 2, map[string]string{"consistent_group_snapshot_enabled": "<is> True"})
	if n := r.groupSnapped(ctx, g.ID); n.State != cloud.VolumeAvailable {
		t.Errorf("of volumes at rest: %+v", n)
	}
	_, err := r.ReserveVolume(ctx, r.members(g.ID)[0], &cloud.Instance{ID: "i", ProjectID: "a"}, "", false)
	ok(t, err)
	_, err = r.CreateGroupSnapshot(ctx, volume.GroupSnapshotRequest{GroupID: g.ID})
	wantKind(t, err, cloud.WrongState)
}
