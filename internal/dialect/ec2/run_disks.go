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

// disksOf are the disks of new instances: the image's, as the request changes them, and the request's own. All are volumes, the first
// is the root disk.
func (a *api) disksOf(ctx context.Context, mappings []shape.BlockDeviceMapping, image *cloud.Image) ([]compute.DiskRequest, error) {
	disks := imageDisks(image)
	for _, m := range mappings {
		if m.DeviceName == "" {
			return nil, missingParameter("BlockDeviceMapping.DeviceName")
		}
		at := slices.IndexFunc(disks, func(d compute.DiskRequest) bool {
			return d.Alias == m.DeviceName || d.BootIndex == 0 && (slices.Contains(rootNames, m.DeviceName) || m.DeviceName == rootName(image.Properties))
		})
		switch {
		case m.NoDevice != "" && at > 0:
			disks = slices.Delete(disks, at, at+1)
			continue
		case m.NoDevice != "" || m.VirtualName != "": // of the root disk, which stays, or of disks that a flavor has by itself
			continue
		case at < 0:
			at = len(disks)
			disks = append(disks, compute.DiskRequest{Source: "blank", Volume: true, BootIndex: -1, DeleteWithInstance: true, Alias: m.DeviceName})
		}
		if err := a.applyMapping(ctx, &disks[at], m); err != nil {
			return nil, err
		}
	}
	return disks, nil
}

// imageDisks are the disks that an image has: volumes of its snapshots, or one of its bytes. The root disk is the first.
func imageDisks(i *cloud.Image) []compute.DiskRequest {
	if len(i.Disks) == 0 {
		return []compute.DiskRequest{{Source: "image", SourceID: string(i.ID), Volume: true, DeleteWithInstance: true, SizeGiB: rootGiB(i)}}
	}
	var disks []compute.DiskRequest
	for _, d := range i.Disks {
		r := compute.DiskRequest{Source: "snapshot", SourceID: string(d.SnapshotID), SizeGiB: d.SizeGiB, Volume: true, BootIndex: -1, DeleteWithInstance: d.DeleteWithInstance, Alias: deviceOf(i, d),
			Type: string(d.TypeID), TypeAlias: d.TypeAlias}
		if d.Boot {
			r.BootIndex, r.Alias = 0, ""
			disks = append([]compute.DiskRequest{r}, disks...)
			continue
		}
		disks = append(disks, r)
	}
	return disks
}

// rootNames all mean the root disk: clients take the name from the image, from habit or from what the guest says.
var rootNames = []string{rootDevice, "/dev/sda", "/dev/xvda", "/dev/vda"}

func (a *api) applyMapping(ctx context.Context, d *compute.DiskRequest, m shape.BlockDeviceMapping) error {
	e := m.Ebs
	if e == nil {
		e = &shape.EbsBlockDevice{}
	}
	if err := only(e, "BlockDeviceMapping.Ebs", diskMembers); err != nil {
		return err
	}
	if e.SnapshotId != "" && d.BootIndex != 0 {
		s, err := a.findSnapshot(ctx, e.SnapshotId)
		if err != nil {
			return err
		}
		d.Source, d.SourceID, d.SizeGiB = "snapshot", string(s.ID), s.SizeGiB
	}
	if e.VolumeSize != nil {
		if *e.VolumeSize < max(d.SizeGiB, 1) {
			return bad("InvalidBlockDeviceMapping", "Volume of size %dGB is smaller than its source, expect size >= %dGB", *e.VolumeSize, max(d.SizeGiB, 1))
		}
		d.SizeGiB = *e.VolumeSize
	}
	if d.SizeGiB == 0 {
		return missingParameter("BlockDeviceMapping.Ebs.VolumeSize")
	}
	if e.DeleteOnTermination != nil {
		d.DeleteWithInstance = *e.DeleteOnTermination
	}
	return a.applyType(ctx, d, e)
}
