package ec2_test

import (
	"testing"
)

// snapshot takes a snapshot of a new volume and waits until it is there.
func (w *world) snapshot(parameters ...string) string {
	w.t.Helper()
	id := w.do("CreateSnapshot", append([]string{"VolumeId", w.volume()}, parameters...)...).get("snapshotId")
	w.Settle(w.t)
	return id
}

// TestSnapshots takes a snapshot through its life as clients see it.
func TestSnapshots(t *testing.T) {
	w := newWorld(t)
	v := w.volume()
	made := w.do("CreateSnapshot", "VolumeId", v, "Description", "before", "TagSpecification.1.ResourceType", "snapshot",
		"TagSpecification.1.Tag.1.Key", "k", "TagSpecification.1.Tag.1.Value", "v")
	if made.get("status") != "pending" || made.get("volumeSize") != "1" {
		t.Errorf("answered %+v", made)
	}
	w.Settle(t)
	id := made.get("snapshotId")
	owner := made.get("ownerId")
	w.filtersWork("DescribeSnapshots", "snapshotSet", map[string]string{"description": "before", "encrypted": "false", "owner-id": owner, "progress": "100%",
		"snapshot-id": id, "start-time": "20*", "status": "completed", "storage-tier": "standard", "tag:k": "v", "volume-id": v, "volume-size": "1"})
	from := w.volume("SnapshotId", id)
	if got := w.do("DescribeVolumes", "Filter.1.Name", "snapshot-id", "Filter.1.Value.1", id).get("volumeSet/volumeId"); got != from {
		t.Errorf("made from the snapshot: %s, want %s", got, from)
	}
	copied := w.do("CopySnapshot", "SourceRegion", "us-east-1", "SourceSnapshotId", id, "Description", "again").get("snapshotId")
	w.Settle(t)
	if got := w.do("DescribeSnapshots", "SnapshotId.1", copied); got.get("snapshotSet/status") != "completed" || got.get("snapshotSet/volumeId") != "vol-ffffffff" {
		t.Errorf("the copy is %+v", got)
	}
	w.refused("InvalidParameterValue", "CopySnapshot", "SourceRegion", "moon-1", "SourceSnapshotId", id)
	w.do("DeleteVolume", "VolumeId", v)
	w.do("DeleteSnapshot", "SnapshotId", id)
	w.refused("InvalidSnapshot.NotFound", "DescribeSnapshots", "SnapshotId.1", id)
	w.refused("InvalidSnapshotID.Malformed", "DeleteSnapshot", "SnapshotId", "snap-zz")
	w.refused("InvalidVolume.NotFound", "CreateSnapshot", "VolumeId", "vol-01234567890123456")
}

// TestSnapshotsOfInstance takes all volumes of an instance, with their tags if asked.
func TestSnapshotsOfInstance(t *testing.T) {
	w := newWorld(t)
	in, one, two := w.instance(), w.volume(), w.volume()
	for device, v := range map[string]string{"/dev/sdf": one, "/dev/sdg": two} {
		w.do("AttachVolume", "VolumeId", v, "InstanceId", in, "Device", device)
		w.Settle(t)
	}
	w.do("CreateTags", "ResourceId.1", one, "Tag.1.Key", "of", "Tag.1.Value", "one")
	made := w.do("CreateSnapshots", "InstanceSpecification.InstanceId", in, "CopyTagsFromSource", "volume", "Description", "all")
	if got := made.texts("snapshotSet/volumeId"); len(got) != 2 {
		t.Errorf("snapshots of %v", got)
	}
	w.Settle(t)
	w.filtersWork("DescribeSnapshots", "snapshotSet", map[string]string{"tag:of": "one"})
	part := w.do("CreateSnapshots", "InstanceSpecification.InstanceId", in, "InstanceSpecification.ExcludeDataVolumeId.1", one)
	if got := part.texts("snapshotSet/volumeId"); len(got) != 1 || got[0] != two {
		t.Errorf("snapshots of %v, want of %s", got, two)
	}
}

// TestSharedSnapshotsHere shares a snapshot with another account, which may then use it, and takes it back.
func TestSharedSnapshotsHere(t *testing.T) {
	w := newWorld(t)
	other, number := w.other()
	id := w.snapshot()
	other.refused("InvalidSnapshot.NotFound", "DescribeSnapshots", "SnapshotId.1", id)
	w.do("ModifySnapshotAttribute", "SnapshotId", id, "CreateVolumePermission.Add.1.UserId", number)
	if got := w.do("DescribeSnapshotAttribute", "SnapshotId", id, "Attribute", "createVolumePermission").texts("createVolumePermission/userId"); len(got) != 1 || got[0] != number {
		t.Errorf("shared with %v", got)
	}
	other.volume("SnapshotId", id)
	for name, want := range map[string]int{"Owner.1=self": 0, "RestorableBy.1=self": 1, "RestorableBy.1=all": 0, "Owner.1=123456789012": 1} {
		key, value := name[:len(name)-len(name[indexOf(name):])], name[indexOf(name)+1:]
		if got := other.do("DescribeSnapshots", key, value).texts("snapshotSet/snapshotId"); len(got) != want {
			t.Errorf("%s finds %v, want %d", name, got, want)
		}
	}
	other.refused("InvalidSnapshot.NotFound", "DeleteSnapshot", "SnapshotId", id)
	w.refused("UnauthorizedOperation", "ModifySnapshotAttribute", "SnapshotId", id, "Attribute", "createVolumePermission", "OperationType", "add", "UserGroup.1", "all")
	w.refused("InvalidUserID.Malformed", "ModifySnapshotAttribute", "SnapshotId", id, "CreateVolumePermission.Add.1.UserId", "999")
	w.refused("MissingParameter", "ModifySnapshotAttribute", "SnapshotId", id, "UserId.1", number)
	w.do("ResetSnapshotAttribute", "SnapshotId", id, "Attribute", "createVolumePermission")
	other.refused("InvalidSnapshot.NotFound", "DescribeSnapshots", "SnapshotId.1", id)
}

func indexOf(assignment string) int {
	for i, c := range assignment {
		if c == '=' {
			return i
		}
	}
	return len(assignment)
}
