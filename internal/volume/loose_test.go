package volume_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
	"github.com/nubo-cloud/nubo/internal/volume"
	"github.com/nubo-cloud/nubo/internal/volume/volumetest"
)

// operator may touch what lies on pools, and has project a.
func operator() ctxT { return as("a", "admin", "member", "reader") }

// takeIn is a request for a disk that lies on the rig's one pool.
func takeIn(disk string) volume.TakeInRequest {
	return volume.TakeInRequest{HostName: "one", Pool: "default", Disk: disk, Name: "new"}
}

// isLoose checks whether a disk is loose under a name.
func (r *rig) isLoose(kind spec.DiskKind, name string, want bool) error {
	if _, got := r.host.Loose(kind, name); got != want {
		return fmt.Errorf("loose %s %s: %t, want %t", kind, name, got, want)
	}
	return nil
}

func both(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func init() {
	scenarios["volume.take_in"] = scenario{
		run: func(r *rig, _ ctxT, _ *cloud.Volume, _ *cloud.Snapshot) error {
			r.host.PutLoose(spec.DiskVolume, "lying", gib)
			_, err := r.TakeIn(operator(), takeIn("lying"))
			return err
		},
		succeeded: func(r *rig, _ *cloud.Volume, _ *cloud.Snapshot) error {
			return both(r.check(r.named("new"), cloud.VolumeAvailable, true), r.isLoose(spec.DiskVolume, "lying", false))
		},
		failed: func(r *rig, _ *cloud.Volume, _ *cloud.Snapshot) error {
			return both(r.check(r.named("new"), cloud.VolumeFailed, false), r.isLoose(spec.DiskVolume, "lying", true))
		},
	}
	scenarios["volume.let_go"] = scenario{
		run: func(r *rig, _ ctxT, v *cloud.Volume, _ *cloud.Snapshot) error {
			return r.LetGo(operator(), v.ID, "left")
		},
		succeeded: func(r *rig, v *cloud.Volume, _ *cloud.Snapshot) error {
			if !r.gone(v.ID) {
				return fmt.Errorf("the row is still there")
			}
			return r.isLoose(spec.DiskVolume, "left", true)
		},
		failed: func(r *rig, v *cloud.Volume, _ *cloud.Snapshot) error {
			return both(r.check(r.row(v.ID), cloud.VolumeAvailable, true), r.isLoose(spec.DiskVolume, "left", false))
		},
	}
	scenarios["snapshot.take_in"] = scenario{
		run: func(r *rig, _ ctxT, v *cloud.Volume, _ *cloud.Snapshot) error {
			r.host.PutLoose(spec.DiskSnapshot, "lying", gib)
			_, err := r.TakeInSnapshot(operator(), volume.SnapshotRequest{VolumeID: v.ID, Name: "new"}, "lying")
			return err
		},
		succeeded: func(r *rig, _ *cloud.Volume, _ *cloud.Snapshot) error {
			return both(r.checkSnapshot(cloud.VolumeAvailable, true), r.isLoose(spec.DiskSnapshot, "lying", false))
		},
		failed: func(r *rig, _ *cloud.Volume, _ *cloud.Snapshot) error {
			return both(r.checkSnapshot(cloud.VolumeFailed, false), r.isLoose(spec.DiskSnapshot, "lying", true))
		},
	}
	scenarios["snapshot.let_go"] = scenario{
		run: func(r *rig, _ ctxT, _ *cloud.Volume, n *cloud.Snapshot) error {
			return r.LetGoSnapshot(operator(), n.ID, "left")
		},
		succeeded: func(r *rig, _ *cloud.Volume, n *cloud.Snapshot) error {
			if _, err := r.db.Snapshots.Get(context.Background(), n.ID); !cloud.Is(err, cloud.NotFound) {
				return fmt.Errorf("the row is still there: %v", err)
			}
			return r.isLoose(spec.DiskSnapshot, "left", true)
		},
		failed: func(r *rig, _ *cloud.Volume, n *cloud.Snapshot) error {
			got, err := r.db.Snapshots.Get(context.Background(), n.ID)
			if err != nil || got.State != cloud.VolumeAvailable {
				return fmt.Errorf("snapshot %+v, %v", got, err)
			}
			return r.isLoose(spec.DiskSnapshot, "left", false)
		},
	}
}

// TestTakeInIsCounted proves that what is taken in is rounded up to whole GiB on the host as in the row, counts against the
// project's limits, and is billed until it is let go of.
func TestTakeInIsCounted(t *testing.T) {
	r := newRig(t)
	r.host.PutLoose(spec.DiskVolume, "lying", gib+1)
	v, err := r.TakeIn(operator(), takeIn("lying"))
	ok(t, err)
	ok(t, r.WaitVolume(operator(), v.ID))
	ok(t, r.sized(v.ID, 2))
	ok(t, r.quota.Set(t.Context(), "a", map[string]int64{cloud.QuotaGigabytes: 2}))
	r.host.PutLoose(spec.DiskVolume, "another", 1)
	_, err = r.TakeIn(operator(), takeIn("another"))
	wantKind(t, err, cloud.QuotaExceeded)
	ok(t, r.LetGo(operator(), v.ID, "lying"))
	r.settled()
	if got := fmt.Sprint(r.ledger(v.ID)); got != fmt.Sprint([]cloud.UsageKind{cloud.UsageVolumeCreated, cloud.UsageVolumeRemoved}) {
		t.Errorf("the ledger has %s", got)
	}
	inv, err := r.host.Inventory(t.Context())
	ok(t, err)
	_, err = r.CollectOrphans(t.Context(), volumetest.HostID, inv, volume.Known{})
	ok(t, err)
	ok(t, r.isLoose(spec.DiskVolume, "lying", true)) // the self-check leaves it alone
}

// TestTakeInRefused proves that nothing is taken in that is not there, or not allowed, or against the words of the operator.
func TestTakeInRefused(t *testing.T) {
	r := newRig(t)
	r.host.PutLoose(spec.DiskVolume, "lying", gib)
	for name, q := range map[string]volume.TakeInRequest{
		"no disk": takeIn("none"), "a path": takeIn("../lying"),
		"another zone": {HostName: "one", Disk: "lying", Zone: "moon"},
	} {
		if _, err := r.TakeIn(operator(), q); !cloud.Is(err, cloud.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := r.TakeIn(operator(), volume.TakeInRequest{HostName: "two", Disk: "lying"})
	wantKind(t, err, cloud.NotFound)
	_, err = r.TakeIn(as("a"), takeIn("lying"))
	wantKind(t, err, cloud.Forbidden)
	_, err = r.ListDisks(as("a"), "one", "default", spec.DiskVolume)
	wantKind(t, err, cloud.Forbidden)
	_, err = r.SwitchPools(admin(), "one", "default", func(p *cloud.PoolSwitch) { p.Disabled = true })
	ok(t, err)
	_, err = r.TakeIn(operator(), takeIn("lying"))
	wantKind(t, err, cloud.WrongState)
	ok(t, r.isLoose(spec.DiskVolume, "lying", true))
}

// TestLetGoStandsAlone proves that nobody is left behind by a volume that is let go of.
func TestLetGoStandsAlone(t *testing.T) {
	r := newRig(t)
	v := r.made(as("a"), volume.CreateRequest{Name: "v", SizeGiB: 1})
	wantKind(t, r.LetGo(as("a"), v.ID, "left"), cloud.Forbidden)
	n := r.snapped(as("a"), v.ID)
	wantKind(t, r.LetGo(operator(), v.ID, "left"), cloud.InUse)
	ok(t, r.DeleteSnapshot(as("a"), n.ID, false))
	r.settled()
	ok(t, r.Reserve(as("a"), v.ID))
	wantKind(t, r.LetGo(operator(), v.ID, "left"), cloud.WrongState)
	ok(t, r.Unreserve(as("a"), v.ID))
	ok(t, r.LetGo(operator(), v.ID, "left"))
	r.settled()
	disks, err := r.ListDisks(operator(), "one", "", spec.DiskVolume)
	ok(t, err)
	if len(disks) != 1 || disks[0].Name != "left" || disks[0].ID != "" || disks[0].SizeGiB != 1 {
		t.Errorf("the pool has %+v", disks)
	}
}
