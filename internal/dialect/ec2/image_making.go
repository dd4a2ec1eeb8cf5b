package ec2

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
	"github.com/nubo-cloud/nubo/internal/image"
)

// The lengths of the names of images, in characters.
const (
	imageNameMin = 3
	imageNameMax = 128
)

// newImage is what every request for an image says: a name that no other image of the account has, a description, and tags.
func newImage(name, description string, tags map[string]string) (image.CreateRequest, error) {
	r := image.CreateRequest{Name: name, UniqueName: true, Labels: tags, Visibility: cloud.VisibilityPrivate, Properties: map[string]string{}}
	if name == "" {
		return r, missingParameter("Name")
	}
	if n := utf8.RuneCountInString(name); n < imageNameMin || n > imageNameMax {
		return r, bad("InvalidAMIName.Malformed", "AMI names must be between %d and %d characters long.", imageNameMin, imageNameMax)
	}
	return r, describe(r.Properties, description)
}

// createImage takes the instance as it is: it need not stop, so whether it may is of no matter.
func (a *api) createImage(ctx context.Context, in *shape.CreateImageRequest) (*shape.CreateImageResult, error) {
	tags, err := tagsFor(in.TagSpecifications, "image", "snapshot")
	if err != nil {
		return nil, err
	}
	onSnapshots, err := tagsFor(in.TagSpecifications, "snapshot", "image")
	if err != nil {
		return nil, err
	}
	r, err := newImage(in.Name, in.Description, tags)
	if err != nil {
		return nil, err
	}
	from, err := findOne(ctx, instanceIDs, in.InstanceId, a.instances, instanceID)
	if err != nil {
		return nil, err
	}
	r.Properties["instance_uuid"] = string(from.ID)
	disks, err := captureDisks(from, in.BlockDeviceMappings)
	if err != nil {
		return nil, err
	}
	made, err := a.Compute.CaptureInstance(ctx, from.ID, compute.CaptureRequest{Name: r.Name, Properties: r.Properties, Labels: r.Labels,
		SnapshotLabels: onSnapshots, UniqueName: true, Disks: disks})
	if err != nil {
		return nil, err
	}
	return &shape.CreateImageResult{ImageId: id(imageIDs, made.ID)}, nil
}

// captureDisks are what an image shall have in place of the instance's volumes.
func captureDisks(in *cloud.Instance, mappings []shape.BlockDeviceMapping) ([]compute.CaptureDisk, error) {
	var disks []compute.CaptureDisk
	for _, m := range mappings {
		if m.VirtualName != "" {
			continue // of disks that a flavor has by itself
		}
		n := deviceNamed(in, m.DeviceName)
		if n < 0 || in.Disks[n].Local {
			return nil, unsupported("Instance '%s' has no volume at %s: an image has the disks of the instance, or fewer.", id(instanceIDs, in.ID), m.DeviceName)
		}
		c := compute.CaptureDisk{Volume: in.Disks[n].VolumeID, Leave: m.NoDevice != "" || m.Ebs == nil}
		if m.Ebs != nil {
			c.DeleteWithInstance = m.Ebs.DeleteOnTermination
			if m.Ebs.VolumeSize != nil {
				c.SizeGiB = *m.Ebs.VolumeSize
			}
			if m.Ebs.SnapshotId != "" || isTrue(m.Ebs.Encrypted) || m.Ebs.KmsKeyId != "" {
				return nil, unsupported("Of a disk of an image, only its size and whether it goes with the instance can be said here.")
			}
		}
		disks = append(disks, c)
	}
	return disks, nil
}

// deviceNamed is which disk of an instance is called so; below 0 for none.
func deviceNamed(in *cloud.Instance, name string) int {
	for n := range in.Disks {
		if deviceShown(in, n) == name || "/dev/"+in.Disks[n].Device == name {
			return n
		}
	}
	return -1
}

// registerImage makes an image that stands for snapshots, or one of the disk that an address names.
func (a *api) registerImage(ctx context.Context, in *shape.RegisterImageRequest) (*shape.RegisterImageResult, error) {
	tags, err := tagsFor(in.TagSpecifications, "image", "snapshot")
	if err != nil {
		return nil, err
	}
	r, err := newImage(in.Name, in.Description, tags)
	if err != nil {
		return nil, err
	}
	if in.VirtualizationType != "" && in.VirtualizationType != "hvm" {
		return nil, unsupported("Images of the virtualization type %s cannot run here: use hvm.", in.VirtualizationType)
	}
	if err := machineProperties(r.Properties, in.Architecture, in.BootMode); err != nil {
		return nil, err
	}
	r.Properties[enaProperty] = strconv.FormatBool(isTrue(in.EnaSupport))
	if in.RootDeviceName != "" {
		r.Properties[rootProperty] = in.RootDeviceName
	}
	if in.SriovNetSupport != "" {
		r.Properties[sriovProperty] = in.SriovNetSupport
	}
	var made *cloud.Image
	if in.ImageLocation != "" {
		if len(in.BlockDeviceMappings) > 0 {
			return nil, invalidCombination("An image is registered from a location or from snapshots, not from both.")
		}
		made, err = a.fetchImage(ctx, r, in.ImageLocation, "", importAsk{})
	} else {
		made, err = a.imageOfSnapshots(ctx, r, cmp.Or(in.RootDeviceName, rootDevice), in.BlockDeviceMappings)
	}
	if err != nil {
		return nil, err
	}
	return &shape.RegisterImageResult{ImageId: id(imageIDs, made.ID)}, nil
}

// processors are the names that other APIs have for architectures.
var processors = map[string]string{"x86_64": "x86_64", "arm64": "aarch64", "i386": "i686"}

// machineProperties writes what sort of machine an image runs on among its properties.
func machineProperties(properties map[string]string, architecture, bootMode string) error {
	if architecture != "" {
		if processors[architecture] == "" {
			return invalidParameter("Value (%s) for parameter architecture is invalid: use x86_64, arm64 or i386.", architecture)
		}
		properties["architecture"] = processors[architecture]
	}
	switch bootMode {
	case "uefi":
		properties["hw_firmware_type"] = "uefi"
	case "", "legacy-bios", "legacy_bios", "uefi-preferred":
	default:
		return invalidParameter("Value (%s) for parameter bootMode is invalid: use uefi or legacy-bios.", bootMode)
	}
	return nil
}

func (a *api) imageOfSnapshots(ctx context.Context, r image.CreateRequest, root string, mappings []shape.BlockDeviceMapping) (*cloud.Image, error) {
	for _, m := range mappings {
		if m.VirtualName != "" || m.NoDevice != "" {
			continue
		}
		d, err := a.diskOfSnapshot(ctx, m)
		if err != nil {
			return nil, err
		}
		d.Boot = m.DeviceName == root
		r.Disks = append(r.Disks, d)
	}
	first := slices.IndexFunc(r.Disks, func(d cloud.ImageDisk) bool { return d.Boot })
	if first < 0 {
		return nil, bad("InvalidBlockDeviceMapping", "No snapshot is given for the root device %s.", root)
	}
	r.Disks[0], r.Disks[first] = r.Disks[first], r.Disks[0]
	return a.Images.Create(ctx, r)
}

// diskOfSnapshot is a disk of an image as a request maps it.
func (a *api) diskOfSnapshot(ctx context.Context, m shape.BlockDeviceMapping) (d cloud.ImageDisk, err error) {
	if m.Ebs == nil || m.Ebs.SnapshotId == "" {
		return d, invalidParameter("The disk at %s needs a snapshot: the disks of an image are made of snapshots.", m.DeviceName)
	}
	if err := only(m.Ebs, "BlockDeviceMapping.Ebs", "DeleteOnTermination Encrypted SnapshotId VolumeSize VolumeType"); err != nil {
		return d, err
	}
	n, err := a.findSnapshot(ctx, m.Ebs.SnapshotId)
	if err != nil {
		return d, err
	}
	if isTrue(m.Ebs.Encrypted) && n.Key == nil {
		return d, unsupported("The disk at %s cannot be encrypted: its snapshot is not.", m.DeviceName)
	}
	d = cloud.ImageDisk{SnapshotID: n.ID, SizeGiB: n.SizeGiB, Device: m.DeviceName, Alias: m.DeviceName,
		DeleteWithInstance: m.Ebs.DeleteOnTermination == nil || *m.Ebs.DeleteOnTermination}
	if m.Ebs.VolumeSize != nil {
		if d.SizeGiB = *m.Ebs.VolumeSize; d.SizeGiB < n.SizeGiB {
			return d, bad("InvalidBlockDeviceMapping", "The disk at %s cannot be smaller than its snapshot, which has %d GiB.", m.DeviceName, n.SizeGiB)
		}
	}
	name, alias, err := a.volumeType(ctx, m.Ebs.VolumeType)
	if err != nil || name == "" {
		d.TypeAlias = alias
		return d, err
	}
	t, err := a.Volumes.Type(ctx, name)
	if err != nil {
		return d, err
	}
	d.TypeID = t.ID
	return d, nil
}

func (a *api) copyImage(ctx context.Context, in *shape.CopyImageRequest) (*shape.CopyImageResult, error) {
	tags, err := tagsFor(in.TagSpecifications, "image", "snapshot")
	if err != nil {
		return nil, err
	}
	if !a.isRegion(in.SourceRegion) {
		return nil, invalidParameter("Invalid source region: %s", in.SourceRegion)
	}
	from, err := a.findImage(ctx, in.SourceImageId)
	if err != nil {
		return nil, err
	}
	if isTrue(in.Encrypted) {
		return nil, unsupported("A copy of an image is encrypted if the image is.")
	}
	if isTrue(in.CopyImageTags) {
		copied := maps.Clone(from.Labels)
		maps.Copy(copied, tags)
		tags = copied
	}
	r, err := newImage(in.Name, cmp.Or(in.Description, from.Properties[descriptionProperty]), tags)
	if err != nil {
		return nil, err
	}
	for k, v := range from.Properties {
		if _, said := r.Properties[k]; !said {
			r.Properties[k] = v
		}
	}
	var made *cloud.Image
	err = a.Network.Together(ctx, func(ctx context.Context) error {
		if made, err = a.copyOf(ctx, from, r); err != nil {
			return err
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &shape.CopyImageResult{ImageId: id(imageIDs, made.ID)}, nil
}

// copyOf makes an image with a copy of another's bytes, or of the snapshots that it stands for.
func (a *api) copyOf(ctx context.Context, from *cloud.Image, r image.CreateRequest) (*cloud.Image, error) {
	r.Container, r.Format, r.MinDiskGiB, r.MinMemoryMiB = from.Container, from.Format, from.MinDiskGiB, from.MinMemoryMiB
	r.Disks = nil
	for _, d := range from.Disks {
		n, err := a.Volumes.CopySnapshot(ctx, d.SnapshotID, cloud.SnapshotRequest{Description: "Copied for " + r.Name})
		if err != nil {
			return nil, err
		}
		d.SnapshotID = n.ID
		r.Disks = append(r.Disks, d)
	}
	made, err := a.Images.Create(ctx, r)
	if err != nil || len(r.Disks) > 0 {
		return made, err
	}
	return made, a.Images.Import(ctx, made.ID, image.ImportRequest{From: image.SourceImage, Image: from.ID})
}
