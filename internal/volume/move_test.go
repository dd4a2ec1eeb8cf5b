package volume_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/volume"
)

// busyHost has the moves of a rig wait.
func (r *rig) busyHost(busy bool) {
	if busy {
		r.host.Fail("EnsureVolume", errors.New("busy"))
		return
	}
	r.host.Fail("EnsureVolume", nil)
}

// TestNothingElseWhileMoving proves that a volume that moves is left alone: nothing reads it, holds it or changes its row's
// state; its types stay; and that deleting it works all the same.
func TestNothingElseWhileMoving(t *testing.T) {
	r, ctx := newRig(t), as("a")
	other := r.typed("other", "second")
	v := r.made(ctx, volume.CreateRequest{SizeGiB: 1})
	r.busyHost(true)
	ok(t, r.Retype(ctx, volume.RetypeRequest{ID: v.ID, Type: "other", MayMove: true}))
	for what, do := range map[string]func() error{
		"snapshot": func() error {
			_, err := r.CreateSnapshot(ctx, volume.SnapshotRequest{VolumeID: v.ID, Force: true})
			return err
		},
		"copy": func() error { _, err := r.CreateVolume(ctx, volume.CreateRequest{SourceVolumeID: v.ID}); return err },
		"backup": func() error {
			_, err := r.CreateBackup(ctx, volume.BackupRequest{VolumeID: v.ID, Force: true})
			return err
		},
		"attach": func() error {
			_, err := r.ReserveVolume(ctx, v.ID, &cloud.Instance{ID: "i", ProjectID: "a", HostID: v.HostID}, "", false)
			return err
		},
		"grow":  func() error { return r.Grow(ctx, v.ID, 2) },
		"reset": func() error { return r.Reset(admin(), v.ID, volume.Reset{State: cloud.VolumeAvailable}) },
		"again": func() error {
			return r.Migrate(admin(), volume.MigrateRequest{ID: v.ID, Host: "one", Pool: "second"})
		},
		"complete": func() error { return r.CompleteMigration(admin(), v.ID, v.ID) },
	} {
		if err := do(); !cloud.Is(err, cloud.WrongState) {
			t.Errorf("%s of a volume that moves: %v", what, err)
		}
	}
	wantKind(t, r.DeleteType(admin(), other.ID), cloud.InUse)
	ok(t, r.Delete(ctx, volume.DeleteRequest{ID: v.ID}))
	r.busyHost(false)
	r.settled()
	if _, there := r.host.Volume(v.ID); there || !r.gone(v.ID) {
		t.Error("a volume deleted on its way is still there")
	}
}

// TestWhatDoesNotMove proves that volumes whose bytes others use, or that cannot be copied, stay, and that the reason is given.
func TestWhatDoesNotMove(t *testing.T) {
	r, ctx := newRig(t), as("a")
	snapped := r.made(ctx, volume.CreateRequest{SizeGiB: 1})
	r.snapped(ctx, snapped.ID)
	held := r.made(ctx, volume.CreateRequest{SizeGiB: 1})
	_, err := r.ReserveVolume(ctx, held.ID, &cloud.Instance{ID: "i", ProjectID: "a", HostID: held.HostID}, "", false)
	ok(t, err)
	for id, kind := range map[cloud.VolumeID]cloud.Kind{
		snapped.ID: cloud.WrongState,
		held.ID:    cloud.WrongState,
	} {
		wantKind(t, r.Migrate(admin(), volume.MigrateRequest{ID: id, Host: "one", Pool: "second"}), kind)
	}
	free := r.made(ctx, volume.CreateRequest{SizeGiB: 1})
	for _, to := range []volume.MigrateRequest{{Host: "two", Pool: "default"}, {Host: "one", Pool: "none"}, {Host: "one", Pool: "default"}, {Host: "one"}} {
		to.ID = free.ID
		wantKind(t, r.Migrate(admin(), to), cloud.Invalid)
	}
	wantKind(t, r.Migrate(ctx, volume.MigrateRequest{ID: free.ID, Host: "one", Pool: "second"}), cloud.Forbidden)
	wantKind(t, r.CompleteMigration(admin(), free.ID, held.ID), cloud.WrongState)
}

// attached is a volume that so many instances have.
func (r *rig) attached(ctx ctxT, q volume.CreateRequest, times int) *cloud.Volume {
	r.t.Helper()
	v := r.made(ctx, q)
	for i := range times {
		in := &cloud.Instance{ID: cloud.InstanceID(fmt.Sprintf("i%d", i)), ProjectID: "a", HostID: v.HostID}
		a, err := r.ReserveVolume(ctx, v.ID, in, "/dev/vdb", false)
		ok(r.t, err)
		ok(r.t, r.FinishAttach(ctx, a.ID))
	}
	return r.row(v.ID)
}

// TestAttachedMoves proves that a volume that one instance has moves and is attached as before, also if it is encrypted or was
// locked on the way; and that it is said why one stays that more have, or something else, or an instance that is busy.
func TestAttachedMoves(t *testing.T) {
	r, ctx := newRig(t), as("a")
	r.locking("locked", byLUKS)
	_, err := r.CreateType(admin(), cloud.VolumeType{Name: "many", Public: true, ExtraSpecs: map[string]string{"multiattach": "<is> True"}})
	ok(t, err)
	to := func(id cloud.VolumeID, lock bool) volume.MigrateRequest {
		return volume.MigrateRequest{ID: id, Host: "one", Pool: "second", Lock: lock}
	}
	for _, name := range []string{"", "locked", "many"} {
		v := r.attached(ctx, volume.CreateRequest{SizeGiB: 1, TypeName: name}, 1)
		ok(t, r.Migrate(admin(), to(v.ID, name == "")))
		r.settled()
		if got := r.row(v.ID); got.State != cloud.VolumeAttached || got.Pool != "second" || got.Move != cloud.VolumeMoved || got.Task != "" {
			t.Errorf("an attached volume of type %q is %+v", name, got)
		}
	}
	written := r.made(ctx, volume.CreateRequest{SizeGiB: 1})
	_, err = r.AttachByHand(ctx, volume.ByHand{VolumeID: written.ID, InstanceID: "elsewhere"})
	ok(t, err)
	wantKind(t, r.Migrate(admin(), to(written.ID, false)), cloud.WrongState)
	wantKind(t, r.Migrate(admin(), to(r.attached(ctx, volume.CreateRequest{SizeGiB: 1, TypeName: "many"}, 2).ID, false)), cloud.WrongState)
	r.guests.restless = cloud.Errorf(cloud.WrongState, "instance", "i0", "busy")
	wantKind(t, r.Migrate(admin(), to(r.attached(ctx, volume.CreateRequest{SizeGiB: 1}, 1).ID, false)), cloud.WrongState)
}

// TestMovingCountsForBothTypes proves that no other volume takes the place, in a type's part of a quota, of one that is on its way.
func TestMovingCountsForBothTypes(t *testing.T) {
	r, ctx := newRig(t), as("a")
	other := r.typed("other", "second")
	ok(t, r.SetQuotas(admin(), "a", map[string]int64{volume.TypeQuota(cloud.QuotaVolumes, other.ID): 1}))
	v := r.made(ctx, volume.CreateRequest{SizeGiB: 1})
	r.busyHost(true)
	ok(t, r.Retype(ctx, volume.RetypeRequest{ID: v.ID, Type: "other", MayMove: true}))
	_, err := r.CreateVolume(ctx, volume.CreateRequest{SizeGiB: 1, TypeName: "other"})
	wantKind(t, err, cloud.QuotaExceeded)
	r.busyHost(false)
	r.settled()
	if got := r.row(v.ID); got.TypeID != other.ID || got.Pool != "second" {
		t.Errorf("the volume is of type %q on %s", got.TypeID, got.Pool)
	}
}
