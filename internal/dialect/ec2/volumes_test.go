package ec2_test

import (
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/testcloud"
)

// volume makes a volume and waits until it is there.
func (w *world) volume(parameters ...string) string {
	w.t.Helper()
	made := w.do("CreateVolume", append([]string{"AvailabilityZone", "test-1a", "Size", "1"}, parameters...)...)
	w.Settle(w.t)
	return made.get("volumeId")
}

// TestVolumes takes a volume through its life as clients see it.
func TestVolumes(t *testing.T) {
	w := newWorld(t)
	made := w.do("CreateVolume", "AvailabilityZone", "test-1a", "Size", "2", "VolumeType", "gp3", "Iops", "3000", "Throughput", "125",
		"TagSpecification.1.ResourceType", "volume", "TagSpecification.1.Tag.1.Key", "Name", "TagSpecification.1.Tag.1.Value", "data")
	if made.get("status") != "creating" || made.get("volumeType") != "gp3" || made.get("size") != "2" {
		t.Errorf("answered %+v", made)
	}
	w.Settle(t)
	id := made.get("volumeId")
	w.filtersWork("DescribeVolumes", "volumeSet", map[string]string{"availability-zone": "test-1a", "encrypted": "false", "multi-attach-enabled": "false",
		"size": "2", "status": "available", "volume-id": id, "volume-type": "gp3", "tag:Name": "data", "tag-key": "Name", "create-time": "20*", "fast-restored": "false"})
	w.refused("VolumeInUse", "AttachVolume", "VolumeId", w.attachedVolume(), "InstanceId", w.instance(), "Device", "/dev/sdf")
	w.do("DeleteVolume", "VolumeId", id)
	w.Settle(t)
	w.refused("InvalidVolume.NotFound", "DescribeVolumes", "VolumeId.1", id)
	w.refused("InvalidVolumeID.Malformed", "DescribeVolumes", "VolumeId.1", "vol-x")
	w.refused("UnknownVolumeType", "CreateVolume", "AvailabilityZone", "test-1a", "Size", "1", "VolumeType", "turbo")
	w.refused("MissingParameter", "CreateVolume", "Size", "1")
	w.refused("InvalidParameterValue", "CreateVolume", "Size", "1", "AvailabilityZone", "test-1z")
	w.refused("InvalidParameterValue", "CreateVolume", "Size", "0", "AvailabilityZone", "test-1a")
	w.refused("MissingParameter", "CreateVolume", "AvailabilityZone", "test-1a")
	w.refused("UnsupportedOperation", "CreateVolume", "AvailabilityZone", "test-1a", "Size", "1", "Encrypted", "true")
	w.refused("InvalidParameterCombination", "DescribeVolumes", "VolumeId.1", id, "MaxResults", "5")
}

// instance is a running instance of the tenant's.
func (w *world) instance() string {
	w.t.Helper()
	return "i-" + cloud.ShortID(string(w.Create(w.Request("one")).ID))
}

// attachedVolume is a volume that an instance has at /dev/sdf.
func (w *world) attachedVolume() string {
	w.t.Helper()
	id := w.volume()
	w.do("AttachVolume", "VolumeId", id, "InstanceId", w.instance(), "Device", "/dev/sdf")
	w.Settle(w.t)
	return id
}

// TestVolumeAttachments shows a volume at the device that the client named, for as long as the instance has it.
func TestVolumeAttachments(t *testing.T) {
	w := newWorld(t)
	id, in := w.volume(), w.instance()
	w.refused("MissingParameter", "AttachVolume", "VolumeId", id, "InstanceId", in)
	w.refused("IncorrectState", "DetachVolume", "VolumeId", id)
	if got := w.do("AttachVolume", "VolumeId", id, "InstanceId", in, "Device", "/dev/sdf").get("status"); got != "attaching" {
		t.Errorf("attaching is %s", got)
	}
	w.Settle(t)
	w.filtersWork("DescribeVolumes", "volumeSet", map[string]string{"attachment.device": "/dev/sdf", "attachment.instance-id": in, "attachment.status": "attached",
		"attachment.delete-on-termination": "false", "attachment.attach-time": "20*", "status": "in-use"})
	w.refused("InvalidParameterValue", "AttachVolume", "VolumeId", w.volume(), "InstanceId", in, "Device", "/dev/sdf")
	w.refused("VolumeInUse", "DeleteVolume", "VolumeId", id)
	w.refused("InvalidAttachment.NotFound", "DetachVolume", "VolumeId", id, "Device", "/dev/sdz")
	if got := w.do("DetachVolume", "VolumeId", id, "InstanceId", in).get("status"); got != "detaching" {
		t.Errorf("detaching is %s", got)
	}
	w.Settle(t)
	if got := w.do("DescribeVolumes", "VolumeId.1", id); got.get("volumeSet/status") != "available" || got.get("volumeSet/attachmentSet/device") != "" {
		t.Errorf("after detaching: %+v", got)
	}
}

// TestRootVolume shows the root disk of an instance that runs from a volume, and keeps it there.
func TestRootVolume(t *testing.T) {
	w := newWorld(t)
	r := w.Request("one")
	r.Image = ""
	r.Disks = []compute.DiskRequest{{Source: "image", SourceID: string(w.Image), SizeGiB: 1, Volume: true, DeleteWithInstance: true}}
	in := w.Create(r)
	all := w.do("DescribeVolumes", "Filter.1.Name", "attachment.instance-id", "Filter.1.Value.1", "i-"+cloud.ShortID(string(in.ID)))
	if got := all.get("volumeSet/attachmentSet/device"); got != "/dev/sda1" {
		t.Errorf("the root disk is at %s", got)
	}
	if got := all.get("volumeSet/attachmentSet/deleteOnTermination"); got != "true" {
		t.Errorf("it goes with the instance: %s", got)
	}
	w.refused("OperationNotPermitted", "DetachVolume", "VolumeId", all.get("volumeSet/volumeId"))
}

// TestVolumeChanges modifies volumes, and shows what became of it.
func TestVolumeChanges(t *testing.T) {
	w := newWorld(t)
	id := w.volume("VolumeType", "gp2")
	w.refused("InvalidVolumeModification.NotFound", "DescribeVolumesModifications", "VolumeId.1", id)
	change := w.do("ModifyVolume", "VolumeId", id, "Size", "3", "VolumeType", "io1", "Iops", "200")
	if change.get("volumeModification/originalSize") != "1" || change.get("volumeModification/targetSize") != "3" {
		t.Errorf("answered %+v", change)
	}
	w.Settle(t)
	w.filtersWork("DescribeVolumesModifications", "volumeModificationSet", map[string]string{"modification-state": "completed", "original-size": "1",
		"target-size": "3", "original-volume-type": "gp2", "target-volume-type": "io1", "target-iops": "200", "volume-id": id, "start-time": "20*",
		"originalMultiAttachEnabled": "false", "targetMultiAttachEnabled": "false"})
	if got := w.do("DescribeVolumes", "VolumeId.1", id); got.get("volumeSet/size") != "3" || got.get("volumeSet/volumeType") != "io1" || got.get("volumeSet/iops") != "200" {
		t.Errorf("afterwards: %+v", got)
	}
	w.refused("InvalidParameterValue", "ModifyVolume", "VolumeId", id, "Size", "2")
	w.refused("UnknownVolumeType", "ModifyVolume", "VolumeId", id, "VolumeType", "turbo")
}

// TestVolumeStatus is what is known of how volumes do.
func TestVolumeStatus(t *testing.T) {
	w := newWorld(t)
	id := w.volume()
	w.filtersWork("DescribeVolumeStatus", "volumeStatusSet", map[string]string{"availability-zone": "test-1a", "volume-status.status": "ok",
		"volume-status.details-name": "io-enabled", "volume-status.details-status": "passed"}, "VolumeId.1", id)
	if got := w.do("DescribeVolumeAttribute", "VolumeId", id, "Attribute", "autoEnableIO").get("autoEnableIO/value"); got != "true" {
		t.Errorf("autoEnableIO is %s", got)
	}
	w.do("ModifyVolumeAttribute", "VolumeId", id, "AutoEnableIO.Value", "true")
	w.refused("UnsupportedOperation", "ModifyVolumeAttribute", "VolumeId", id, "AutoEnableIO.Value", "false")
	w.do("EnableVolumeIO", "VolumeId", id)
	if got := w.do("GetEbsEncryptionByDefault").get("ebsEncryptionByDefault"); got != "false" {
		t.Errorf("encrypted by default: %s", got)
	}
}

// TestVolumeLimits says which limit of the account was passed.
func TestVolumeLimits(t *testing.T) {
	w := newWorld(t)
	if err := w.Services().Volume.SetQuotas(w.Admin(), w.Project, map[string]int64{cloud.QuotaVolumes: 1, cloud.QuotaSnapshots: 0}); err != nil {
		t.Fatal(err)
	}
	id := w.volume()
	w.refused("VolumeLimitExceeded", "CreateVolume", "AvailabilityZone", "test-1a", "Size", "1")
	w.refused("SnapshotLimitExceeded", "CreateSnapshot", "VolumeId", id)
}

// TestVolumePages walks over volumes page by page, while one on the way goes.
func TestVolumePages(t *testing.T) {
	w := newWorldWith(t, testcloud.Options{})
	want := map[string]bool{}
	for range 12 {
		want[w.do("CreateVolume", "AvailabilityZone", "test-1a", "Size", "1").get("volumeId")] = true
	}
	w.Settle(t)
	token, pages := "", 0
	for {
		page := w.do("DescribeVolumes", "MaxResults", "5", "NextToken", token)
		for _, id := range page.texts("volumeSet/volumeId") {
			if !want[id] {
				t.Errorf("%s is shown twice, or nobody's", id)
			}
			delete(want, id)
		}
		pages++
		if token = page.get("nextToken"); token == "" {
			break
		}
	}
	if len(want) > 0 || pages != 3 {
		t.Errorf("%d pages leave out %v", pages, want)
	}
}
