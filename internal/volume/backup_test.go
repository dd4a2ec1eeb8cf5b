package volume_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/backupstore"
	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/volume"
)

func (r *rig) backed(ctx ctxT, q volume.BackupRequest) *cloud.Backup {
	r.t.Helper()
	b, err := r.CreateBackup(ctx, q)
	ok(r.t, err)
	r.settled()
	return r.backup(b.ID)
}

func (r *rig) backup(id cloud.BackupID) *cloud.Backup {
	r.t.Helper()
	b, err := r.db.Backups.Get(r.t.Context(), id)
	ok(r.t, err)
	return b
}

// kept answers the bytes that a backup keeps.
func (r *rig) kept(id cloud.BackupID) string {
	r.t.Helper()
	store, err := backupstore.Open(r.dir)
	ok(r.t, err)
	f, err := store.Open(r.t.Context(), id)
	ok(r.t, err)
	defer f.Close()
	b, err := io.ReadAll(f)
	ok(r.t, err)
	return string(b)
}

// TestBackupLife makes a chain of two, restores into an old and a new volume, and deletes it from its end.
func TestBackupLife(t *testing.T) {
	r := newRig(t)
	v := r.made(as("a"), volume.CreateRequest{SizeGiB: 2})
	_, err := r.CreateBackup(as("a"), volume.BackupRequest{VolumeID: v.ID, Incremental: true})
	wantKind(t, err, cloud.Invalid)
	full := r.backed(as("a"), volume.BackupRequest{VolumeID: v.ID, Name: "full"})
	more := r.backed(as("a"), volume.BackupRequest{VolumeID: v.ID, Name: "more", Incremental: true})
	if full.State != cloud.BackupAvailable || more.ParentID != full.ID || full.Pieces != 1 {
		t.Fatalf("backups: %+v, %+v", full, more)
	}
	if _, there := r.host.Snapshot(string(full.ID)); there {
		t.Error("the snapshot that the backup was read from is still there")
	}
	if got, want := r.kept(full.ID)[:9+len(full.ID)], "snapshot "+string(full.ID); got != want {
		t.Errorf("kept %q, want %q", got, want)
	}
	wantKind(t, r.DeleteBackup(as("a"), full.ID, false), cloud.InUse)
	_, err = r.Backup(as("b"), full.ID)
	wantKind(t, err, cloud.NotFound)
	small := r.made(as("a"), volume.CreateRequest{SizeGiB: 1})
	_, err = r.RestoreBackup(as("a"), more.ID, small.ID, "")
	wantKind(t, err, cloud.Invalid)
	into, err := r.RestoreBackup(as("a"), more.ID, v.ID, "")
	ok(t, err)
	made, err := r.RestoreBackup(as("a"), full.ID, "", "new")
	ok(t, err)
	r.settled()
	for id, from := range map[cloud.VolumeID]cloud.BackupID{into.ID: more.ID, made.ID: full.ID} {
		if d, _ := r.host.Volume(id); d.Origin != "image/"+string(from) || r.row(id).State != cloud.VolumeAvailable {
			t.Errorf("restored volume is %+v from %s", r.row(id), d.Origin)
		}
	}
	if b := r.backup(more.ID); b.State != cloud.BackupAvailable || b.OperationID != "" {
		t.Errorf("backup after restoring: %+v", b)
	}
	ok(t, r.DeleteBackup(as("a"), more.ID, false))
	r.settled()
	ok(t, r.DeleteBackup(as("a"), full.ID, false))
	r.settled()
	for _, resource := range []string{cloud.QuotaBackups, cloud.QuotaBackupGigabytes} {
		if used, err := r.quota.Used(t.Context(), "a", resource); err != nil || used != 0 {
			t.Errorf("%s used after all: %d, %v", resource, used, err)
		}
	}
}

// TestBackupRecords imports an exported record under another id: both stand for the same bytes, which go with the last.
func TestBackupRecords(t *testing.T) {
	r := newRig(t)
	v := r.made(as("a"), volume.CreateRequest{SizeGiB: 1})
	b := r.backed(as("a"), volume.BackupRequest{VolumeID: v.ID})
	_, err := r.ExportBackup(as("a"), b.ID)
	wantKind(t, err, cloud.Forbidden)
	record, err := r.ExportBackup(admin(), b.ID)
	ok(t, err)
	_, err = r.ImportBackup(admin(), *record)
	wantKind(t, err, cloud.WrongState)
	other := *record
	other.ID = cloud.BackupID(cloud.NewID())
	_, err = r.ImportBackup(admin(), other)
	ok(t, err)
	ok(t, r.DeleteBackup(as("a"), b.ID, false))
	r.settled()
	if r.kept(record.StoredAs) == "" {
		t.Error("the bytes went with the first row")
	}
	unknown := *record
	unknown.ID, unknown.StoredAs = "x", "nowhere"
	_, err = r.ImportBackup(admin(), unknown)
	wantKind(t, err, cloud.NotFound)
}

// TestRevert gives a volume its newest snapshot's bytes back, and no other's.
func TestRevert(t *testing.T) {
	r := newRig(t)
	v := r.made(as("a"), volume.CreateRequest{SizeGiB: 1})
	old, n := r.snapped(as("a"), v.ID), r.snapped(as("a"), v.ID)
	wantKind(t, r.Revert(as("a"), v.ID, old.ID), cloud.Invalid)
	ok(t, r.Revert(as("a"), v.ID, n.ID))
	r.settled()
	if d, _ := r.host.Volume(v.ID); d.Origin != "snapshot/"+string(n.ID) || r.row(v.ID).State != cloud.VolumeAvailable {
		t.Errorf("reverted volume comes from %s: %+v", d.Origin, r.row(v.ID))
	}
}

func init() {
	scenarios["backup.create"] = scenario{
		run: func(r *rig, ctx ctxT, v *cloud.Volume, _ *cloud.Snapshot) error {
			_, err := r.CreateBackup(ctx, volume.BackupRequest{VolumeID: v.ID})
			return err
		},
		succeeded: func(r *rig, _ *cloud.Volume, _ *cloud.Snapshot) error { return r.oneBackup(cloud.BackupAvailable) },
		failed:    func(r *rig, _ *cloud.Volume, _ *cloud.Snapshot) error { return r.oneBackup(cloud.BackupFailed) },
	}
	scenarios["backup.delete"] = scenario{
		run: func(r *rig, ctx ctxT, v *cloud.Volume, _ *cloud.Snapshot) error {
			return r.DeleteBackup(ctx, r.backed(ctx, volume.BackupRequest{VolumeID: v.ID}).ID, false)
		},
		succeeded: func(r *rig, _ *cloud.Volume, _ *cloud.Snapshot) error { return r.noBackup() },
		failed: func(r *rig, _ *cloud.Volume, _ *cloud.Snapshot) error {
			if err := r.oneBackup(cloud.BackupFailed); err != nil {
				return err
			}
			rows, err := r.db.Backups.List(r.t.Context(), cloud.Query{})
			ok(r.t, err)
			if err := r.DeleteBackup(as("a"), rows[0].ID, false); err != nil { // and again
				return err
			}
			r.settled()
			return r.noBackup()
		},
	}
	scenarios["volume.restore"] = scenario{
		run: func(r *rig, ctx ctxT, v *cloud.Volume, _ *cloud.Snapshot) error {
			_, err := r.RestoreBackup(ctx, r.backed(ctx, volume.BackupRequest{VolumeID: v.ID}).ID, v.ID, "")
			return err
		},
		succeeded: func(r *rig, v *cloud.Volume, _ *cloud.Snapshot) error {
			if err := r.oneBackup(cloud.BackupAvailable); err != nil {
				return err
			}
			return r.check(r.row(v.ID), cloud.VolumeAvailable, true)
		},
		failed: func(r *rig, v *cloud.Volume, _ *cloud.Snapshot) error {
			if err := r.oneBackup(cloud.BackupAvailable); err != nil {
				return err
			}
			return r.replaced(v.ID, "image/")
		},
	}
	scenarios["volume.revert"] = scenario{
		run: func(r *rig, ctx ctxT, _ *cloud.Volume, n *cloud.Snapshot) error {
			return r.Revert(ctx, n.VolumeID, n.ID)
		},
		succeeded: func(r *rig, _ *cloud.Volume, n *cloud.Snapshot) error {
			return r.check(r.row(n.VolumeID), cloud.VolumeAvailable, true)
		},
		failed: func(r *rig, _ *cloud.Volume, n *cloud.Snapshot) error { return r.replaced(n.VolumeID, "snapshot/") },
	}
}

// replaced wants a volume that could not get other bytes to say so, unless it has all its old ones.
func (r *rig) replaced(id cloud.VolumeID, origin string) error {
	v := r.row(id)
	d, there := r.host.Volume(id)
	whole := there && !strings.HasPrefix(d.Origin, origin)
	if v.Fault == nil || v.Task != "" || v.State == cloud.VolumeAvailable && !whole {
		return fmt.Errorf("volume is %+v, its bytes on the host: %+v", v, d)
	}
	return nil
}

func (r *rig) noBackup() error {
	n, err := r.db.Backups.Count(r.t.Context())
	if err != nil || n != 0 {
		return fmt.Errorf("%d backups are left, %v", n, err)
	}
	return nil
}

func (r *rig) oneBackup(state cloud.BackupState) error {
	rows, err := r.db.Backups.List(r.t.Context(), cloud.Query{})
	if err != nil || len(rows) != 1 || rows[0].State != state {
		return fmt.Errorf("backups: %+v, %v", rows, err)
	}
	return nil
}
