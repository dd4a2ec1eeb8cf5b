package ec2_test

import (
	"context"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
)

func (w *world) imageID() string { return "ami-" + cloud.ShortID(string(w.Image)) }

// TestImages shows an image that another API made with all that clients look for.
func TestImages(t *testing.T) {
	w := newWorld(t)
	id := w.imageID()
	w.do("ModifyImageAttribute", "ImageId", id, "Description.Value", "a tiny one")
	w.do("CreateTags", "ResourceId.1", id, "Tag.1.Key", "os", "Tag.1.Value", "none")
	w.filtersWork("DescribeImages", "imagesSet", map[string]string{"architecture": "x86_64", "block-device-mapping.delete-on-termination": "true",
		"block-device-mapping.device-name": "/dev/sda1", "block-device-mapping.volume-size": "1", "block-device-mapping.volume-type": "gp2",
		"block-device-mapping.encrypted": "false", "creation-date": "20*", "description": "a tiny one", "ena-support": "true", "hypervisor": "xen", "image-id": id,
		"image-type": "machine", "is-public": "false", "name": "tiny", "owner-id": "1234*", "root-device-name": "/dev/sda1", "root-device-type": "ebs",
		"state": "available", "tag:os": "none", "virtualization-type": "hvm", "manifest-location": "*/tiny"})
	if got := w.do("DescribeImageAttribute", "ImageId", id, "Attribute", "description").get("description/value"); got != "a tiny one" {
		t.Errorf("described as %q", got)
	}
	for _, attribute := range []string{"blockDeviceMapping", "launchPermission", "productCodes", "kernel", "ramdisk", "sriovNetSupport", "bootMode", "tpmSupport", "uefiData"} {
		w.do("DescribeImageAttribute", "ImageId", id, "Attribute", attribute)
	}
	w.refused("InvalidParameterValue", "DescribeImageAttribute", "ImageId", id, "Attribute", "colour")
	w.refused("InvalidAMIID.NotFound", "DescribeImages", "ImageId.1", "ami-01234567890123456")
	w.refused("InvalidAMIID.Malformed", "DescribeImages", "ImageId.1", "ami-x")
	w.do("DeregisterImage", "ImageId", id)
	w.refused("InvalidAMIID.NotFound", "DescribeImages", "ImageId.1", id)
}

// TestSharedImages shares an image with another account, which sees it then among its images.
func TestSharedImages(t *testing.T) {
	w := newWorld(t)
	other, number := w.other()
	id := w.imageID()
	other.refused("InvalidAMIID.NotFound", "DescribeImages", "ImageId.1", id)
	w.do("ModifyImageAttribute", "ImageId", id, "LaunchPermission.Add.1.UserId", number)
	w.do("ModifyImageAttribute", "ImageId", id, "Attribute", "launchPermission", "OperationType", "add", "UserId.1", number)
	if got := w.do("DescribeImageAttribute", "ImageId", id, "Attribute", "launchPermission").texts("launchPermission/userId"); len(got) != 1 || got[0] != number {
		t.Errorf("shared with %v", got)
	}
	if got := other.do("DescribeImages", "ExecutableBy.1", "self", "Owner.1", "123456789012").texts("imagesSet/imageId"); len(got) != 1 || got[0] != id {
		t.Errorf("the other account may use %v", got)
	}
	if got := other.do("DescribeImages", "Owner.1", "self").texts("imagesSet/imageId"); len(got) != 1 || got[0] == id {
		t.Errorf("the other account owns %v", got)
	}
	other.refused("InvalidAMIID.NotFound", "DeregisterImage", "ImageId", id)
	w.refused("UnauthorizedOperation", "ModifyImageAttribute", "ImageId", id, "LaunchPermission.Add.1.Group", "all")
	copied := other.do("CopyImage", "SourceRegion", "test-1", "SourceImageId", id, "Name", "mine now").get("imageId")
	w.Settle(t)
	if got := other.do("DescribeImages", "ImageId.1", copied); got.get("imagesSet/imageState") != "available" || got.get("imagesSet/name") != "mine now" {
		t.Errorf("the copy is %+v", got)
	}
	w.do("EnableImageDeprecation", "ImageId", id, "DeprecateAt", time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	w.refused("InvalidParameterValue", "EnableImageDeprecation", "ImageId", id, "DeprecateAt", "2001-01-01T00:00:00Z")
	if _, err := w.Store.Images.Get(context.Background(), w.Image); err != nil {
		t.Fatal(err)
	}
	w.do("DisableImageDeprecation", "ImageId", id)
	w.do("ResetImageAttribute", "ImageId", id, "Attribute", "launchPermission")
	other.refused("InvalidAMIID.NotFound", "DescribeImages", "ImageId.1", id)
}

// TestImageOfInstance makes an image of an instance that runs from volumes: it is there when the snapshots are, and they stay while it is.
func TestImageOfInstance(t *testing.T) {
	w := newWorld(t)
	r := w.Request("one")
	r.Image = ""
	r.Disks = []compute.DiskRequest{{Source: "image", SourceID: string(w.Image), SizeGiB: 1, Volume: true, DeleteWithInstance: true}}
	in := "i-" + cloud.ShortID(string(w.Create(r).ID))
	w.do("AttachVolume", "VolumeId", w.volume(), "InstanceId", in, "Device", "/dev/sdf")
	w.Settle(t)
	made := w.do("CreateImage", "InstanceId", in, "Name", "golden", "Description", "as it was", "NoReboot", "true",
		"TagSpecification.1.ResourceType", "snapshot", "TagSpecification.1.Tag.1.Key", "by", "TagSpecification.1.Tag.1.Value", "image").get("imageId")
	w.Settle(t)
	w.refused("InvalidAMIName.Duplicate", "CreateImage", "InstanceId", in, "Name", "golden")
	shown := w.do("DescribeImages", "ImageId.1", made)
	if got := shown.texts("imagesSet/blockDeviceMapping/deviceName"); len(got) != 2 || got[0] != "/dev/sda1" || got[1] != "/dev/sdf" {
		t.Errorf("its disks are at %v", got)
	}
	if got := shown.get("imagesSet/imageState"); got != "available" {
		t.Errorf("it is %s", got)
	}
	w.filtersWork("DescribeImages", "imagesSet", map[string]string{"source-instance-id": in, "block-device-mapping.snapshot-id": "snap-*"})
	w.filtersWork("DescribeSnapshots", "snapshotSet", map[string]string{"tag:by": "image"})
	root := shown.texts("imagesSet/blockDeviceMapping/ebs/snapshotId")[0]
	w.refused("InvalidSnapshot.InUse", "DeleteSnapshot", "SnapshotId", root)
	small := w.do("CreateImage", "InstanceId", in, "Name", "smaller", "BlockDeviceMapping.1.DeviceName", "/dev/sdf", "BlockDeviceMapping.1.NoDevice", "true").get("imageId")
	w.Settle(t)
	if got := w.do("DescribeImages", "ImageId.1", small).texts("imagesSet/blockDeviceMapping/deviceName"); len(got) != 1 {
		t.Errorf("its disks are at %v", got)
	}
	w.do("DeregisterImage", "ImageId", made, "DeleteAssociatedSnapshots", "true")
	w.Settle(t)
	w.refused("InvalidSnapshot.NotFound", "DescribeSnapshots", "SnapshotId.1", root)
}

// TestRegisterImage makes an image of a snapshot, from which others are copied.
func TestRegisterImage(t *testing.T) {
	w := newWorld(t)
	snap := w.snapshot()
	id := w.do("RegisterImage", "Name", "registered", "Architecture", "arm64", "RootDeviceName", "/dev/xvda", "VirtualizationType", "hvm",
		"BlockDeviceMapping.1.DeviceName", "/dev/xvda", "BlockDeviceMapping.1.Ebs.SnapshotId", snap, "BlockDeviceMapping.1.Ebs.VolumeSize", "4",
		"BlockDeviceMapping.1.Ebs.VolumeType", "standard", "SriovNetSupport", "simple").get("imageId")
	w.filtersWork("DescribeImages", "imagesSet", map[string]string{"block-device-mapping.volume-type": "standard", "sriov-net-support": "simple", "ena-support": "false",
		"root-device-name": "/dev/xvda", "block-device-mapping.device-name": "/dev/xvda"})
	shown := w.do("DescribeImages", "ImageId.1", id)
	if shown.get("imagesSet/architecture") != "arm64" || shown.get("imagesSet/blockDeviceMapping/ebs/volumeSize") != "4" {
		t.Errorf("registered %+v", shown)
	}
	copied := w.do("CopyImage", "SourceRegion", "test-1", "SourceImageId", id, "Name", "copy of it").get("imageId")
	w.Settle(t)
	shown = w.do("DescribeImages", "ImageId.1", copied)
	if name := shown.get("imagesSet/rootDeviceName"); name != "/dev/xvda" {
		t.Errorf("the copy's root device is %s", name)
	}
	if got := shown.get("imagesSet/blockDeviceMapping/ebs/snapshotId"); got == snap || shown.get("imagesSet/imageState") != "available" {
		t.Errorf("the copy is %+v", shown)
	}
	other, number := w.other()
	w.do("ModifyImageAttribute", "ImageId", id, "LaunchPermission.Add.1.UserId", number)
	theirs := other.do("CopyImage", "SourceRegion", "test-1", "SourceImageId", id, "Name", "theirs").get("imageId")
	w.Settle(t)
	if got := other.do("DescribeImages", "ImageId.1", theirs).get("imagesSet/imageState"); got != "available" {
		t.Errorf("who may use the image may use its snapshot for it: the copy is %s", got)
	}
	other.refused("InvalidSnapshot.NotFound", "DescribeSnapshots", "SnapshotId.1", snap)
	w.refused("InvalidBlockDeviceMapping", "RegisterImage", "Name", "rootless", "BlockDeviceMapping.1.DeviceName", "/dev/sdf", "BlockDeviceMapping.1.Ebs.SnapshotId", snap)
	w.refused("InvalidAMIName.Malformed", "RegisterImage", "Name", "x")
	w.refused("UnsupportedOperation", "RegisterImage", "Name", "far away", "ImageLocation", "s3://bucket/image.raw")
}
