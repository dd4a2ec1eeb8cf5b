package volume_test

import (
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
	"github.com/nubo-cloud/nubo/internal/volume"
)

// TestModify changes size, words and limits of a volume at once, and keeps on record what changed into what.
func TestModify(t *testing.T) {
	r := newRig(t)
	ok(t, r.EnsureDefaults(t.Context()))
	v := r.made(as("a"), volume.CreateRequest{SizeGiB: 1, TypeAlias: "plain", Limits: cloud.VolumeLimits{IOPS: 100}})
	_, err := r.Modify(as("a"), v.ID, volume.ModifyRequest{SizeGiB: new(3), Alias: new("fast"), Limits: &cloud.VolumeLimits{IOPS: 200, MiBPerSecond: 5}})
	ok(t, err)
	r.settled()
	got, err := r.Volume(as("a"), v.ID)
	ok(t, err)
	change := got.LastChange
	if change == nil || change.EndedAt == nil || change.Fault != nil {
		t.Fatalf("the change is %+v", change)
	}
	want := cloud.VolumeShape{SizeGiB: 3, TypeID: v.TypeID, TypeAlias: "fast", VolumeLimits: cloud.VolumeLimits{IOPS: 200, MiBPerSecond: 5}}
	if change.From != v.Shape() || change.To != want || got.Shape() != want {
		t.Errorf("changed from %+v to %+v, is %+v", change.From, change.To, got.Shape())
	}
	limits, err := r.DiskLimits(t.Context(), []cloud.VolumeID{v.ID})
	ok(t, err)
	if limits[v.ID] != (spec.DiskLimits{IOPS: 200, BytesPerSecond: 5 << 20}) {
		t.Errorf("limits: %+v", limits)
	}
	_, err = r.Modify(as("a"), v.ID, volume.ModifyRequest{SizeGiB: new(2)})
	wantKind(t, err, cloud.Invalid)
	_, err = r.Modify(as("a"), v.ID, volume.ModifyRequest{Limits: &cloud.VolumeLimits{IOPS: -1}})
	wantKind(t, err, cloud.Invalid)
	_, err = r.Modify(as("b"), v.ID, volume.ModifyRequest{SizeGiB: new(9)})
	wantKind(t, err, cloud.NotFound)
}

// TestEncryptedAsked takes a type that encrypts for who asks for encryption and no type, and never one that does not.
func TestEncryptedAsked(t *testing.T) {
	r := newRig(t)
	ok(t, r.EnsureDefaults(t.Context()))
	_, err := r.CreateVolume(as("a"), volume.CreateRequest{SizeGiB: 1, Encrypted: true})
	wantKind(t, err, cloud.Unsupported)
	safe, err := r.CreateType(admin(), cloud.VolumeType{Name: "safe", Public: true})
	ok(t, err)
	_, err = r.CreateEncryption(admin(), safe.ID, cloud.VolumeEncryption{Provider: "luks", Cipher: "aes-xts-plain64", KeyBits: 256, Location: "front-end"})
	ok(t, err)
	if v := r.made(as("a"), volume.CreateRequest{SizeGiB: 1, Encrypted: true}); v.TypeID != safe.ID || v.Key == nil {
		t.Errorf("type %s, key %v", v.TypeID, v.Key)
	}
	_, err = r.CreateVolume(as("a"), volume.CreateRequest{SizeGiB: 1, TypeName: "default", Encrypted: true})
	wantKind(t, err, cloud.Unsupported)
}

// TestSharedSnapshots lets those make volumes from a snapshot, and copies of it, that it is shared with, and nobody else.
func TestSharedSnapshots(t *testing.T) {
	r := newRig(t)
	v := r.made(as("a"), volume.CreateRequest{SizeGiB: 2})
	n, err := r.CreateSnapshot(as("a"), volume.SnapshotRequest{VolumeID: v.ID})
	ok(t, err)
	r.settled()
	_, err = r.ShareSnapshot(as("b"), n.ID, cloud.Sharing{Add: []cloud.ProjectID{"b"}})
	wantKind(t, err, cloud.NotFound)
	_, err = r.ShareSnapshot(as("a"), n.ID, cloud.Sharing{Public: new(true)})
	wantKind(t, err, cloud.Forbidden)
	_, err = r.CreateVolume(as("b"), volume.CreateRequest{SnapshotID: n.ID})
	wantKind(t, err, cloud.NotFound)
	for range 2 {
		_, err = r.ShareSnapshot(as("a"), n.ID, cloud.Sharing{Add: []cloud.ProjectID{"b"}})
		ok(t, err)
	}
	r.made(as("b"), volume.CreateRequest{SnapshotID: n.ID})
	theirs, err := r.CopySnapshot(as("b"), n.ID, volume.SnapshotRequest{Name: "copy"})
	ok(t, err)
	r.settled()
	got, err := r.Snapshot(as("b"), theirs.ID)
	ok(t, err)
	if got.State != cloud.VolumeAvailable || got.SizeGiB != 2 || got.CopyOf != n.ID || got.ProjectID != "b" {
		t.Errorf("the copy is %+v", got)
	}
	for project, want := range map[string]int{"a": 1, "b": 2, "c": 0} {
		usable, err := r.UsableSnapshots(as(project), cloud.Query{})
		ok(t, err)
		if len(usable) != want {
			t.Errorf("project %s may use %d snapshots, want %d", project, len(usable), want)
		}
	}
	_, err = r.ShareSnapshot(admin(), n.ID, cloud.Sharing{Public: new(true), Remove: []cloud.ProjectID{"b"}})
	ok(t, err)
	r.made(as("c"), volume.CreateRequest{SnapshotID: n.ID})
	wantKind(t, r.DeleteSnapshot(as("c"), n.ID, false), cloud.Forbidden)
}
