package ec2

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
)

// diskMembers are what may be said of a disk of a new instance.
const diskMembers = "DeleteOnTermination Encrypted Iops SnapshotId Throughput VolumeSize VolumeType"

// disksOf are the disks of new instances: the image's, as the request changes them, and the request's own. The first is the root
// disk, a volume made of the image.
func (a *api) disksOf(ctx context.Context, mappings []shape.BlockDeviceMapping, image *cloud.Image) ([]compute.DiskRequest, error) {
	root := compute.DiskRequest{Source: "image", SourceID: string(image.ID), Volume: true, BootIndex: 0, DeleteWithInstance: true, SizeGiB: imageGiB(image)}
	var more []compute.DiskRequest
	for _, m := range mappings {
		disk := &root
		if !slices.Contains(rootNames, m.DeviceName) {
			if m.NoDevice != "" || m.VirtualName != "" { // of the image's disks, or of those that a flavor has by itself
				continue
			}
			more = append(more, compute.DiskRequest{Source: "blank", Volume: true, BootIndex: -1, DeleteWithInstance: true, Device: m.DeviceName})
			disk = &more[len(more)-1]
		}
		if err := a.applyMapping(ctx, disk, m); err != nil {
			return nil, err
		}
	}
	return append([]compute.DiskRequest{root}, more...), nil
}

// rootNames all mean the root disk: clients take the name from the image, from habit or from what the guest says.
var rootNames = []string{rootDevice, "/dev/sda", "/dev/xvda", "/dev/vda"}

// imageGiB is the size that a volume of an image needs.
func imageGiB(i *cloud.Image) int {
	const gib = 1 << 30
	return max(i.MinDiskGiB, int((i.VirtualBytes+gib-1)/gib), 1)
}

func (a *api) applyMapping(ctx context.Context, d *compute.DiskRequest, m shape.BlockDeviceMapping) error {
	if m.DeviceName == "" {
		return missingParameter("BlockDeviceMapping.DeviceName")
	}
	if m.Ebs == nil {
		return nil
	}
	if err := only(m.Ebs, "BlockDeviceMapping.Ebs", diskMembers); err != nil {
		return err
	}
	if m.Ebs.SnapshotId != "" && d.BootIndex != 0 {
		s, err := a.findSnapshot(ctx, m.Ebs.SnapshotId)
		if err != nil {
			return err
		}
		d.Source, d.SourceID, d.SizeGiB = "snapshot", string(s.ID), s.SizeGiB
	}
	if m.Ebs.VolumeSize != nil {
		if *m.Ebs.VolumeSize < d.SizeGiB {
			return bad("InvalidBlockDeviceMapping", "Volume of size %dGB is smaller than its source, expect size >= %dGB", *m.Ebs.VolumeSize, d.SizeGiB)
		}
		d.SizeGiB = *m.Ebs.VolumeSize
	}
	if d.SizeGiB == 0 {
		return missingParameter("BlockDeviceMapping.Ebs.VolumeSize")
	}
	if m.Ebs.DeleteOnTermination != nil {
		d.DeleteWithInstance = *m.Ebs.DeleteOnTermination
	}
	return a.applyType(ctx, d, m.Ebs)
}
