package ec2

import (
	"context"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
)

// imageRow is an image with all that is shown of it.
type imageRow struct {
	image *cloud.Image
	shown shape.Image
}

func (r *imageRow) tags() []shape.Tag { return r.shown.Tags }
func (r *imageRow) place() string     { return place(r.image.CreatedAt, r.image.ID) }

func (a *api) imageRows(ctx context.Context, list []*cloud.Image) ([]*imageRow, error) {
	var projects []cloud.ProjectID
	var disks []cloud.SnapshotID
	for _, i := range list {
		projects = append(projects, i.ProjectID)
		for _, d := range i.Disks {
			disks = append(disks, d.SnapshotID)
		}
	}
	owners, err := a.Keys.Accounts(ctx, projects...)
	if err != nil {
		return nil, err
	}
	snapshots, err := a.snapshotsByID(ctx, disks)
	if err != nil {
		return nil, err
	}
	types, err := a.Volumes.TypeNames(ctx)
	if err != nil {
		return nil, err
	}
	rows := make([]*imageRow, len(list))
	for n, i := range list {
		rows[n] = &imageRow{i, imageShown(i, owners[i.ProjectID])}
		rows[n].shown.BlockDeviceMappings = a.disksShown(i, snapshots, types)
		rows[n].shown.State, rows[n].shown.StateReason = imageState(i, snapshots)
	}
	return rows, nil
}

// snapshotsByID are those of the snapshots that the account itself may see.
func (a *api) snapshotsByID(ctx context.Context, ids []cloud.SnapshotID) (map[cloud.SnapshotID]*cloud.Snapshot, error) {
	byID := make(map[cloud.SnapshotID]*cloud.Snapshot, len(ids))
	if len(ids) == 0 {
		return byID, nil
	}
	list, err := a.usableSnapshots(ctx, cloud.In("id", ids))
	for _, n := range list {
		byID[n.ID] = n
	}
	return byID, err
}

// imageShown is what an image alone tells.
func imageShown(i *cloud.Image, owner string) shape.Image {
	shown := shape.Image{ImageId: id(imageIDs, i.ID), Name: i.Name, Description: i.Properties[descriptionProperty], OwnerId: owner, ImageLocation: owner + "/" + i.Name,
		Architecture: architectureShown(i.Properties), ImageType: imageType(i), Public: new(isPublic(i)), CreationDate: instant(&i.CreatedAt),
		RootDeviceType: "ebs", RootDeviceName: rootName(i.Properties), VirtualizationType: "hvm", Hypervisor: "xen", EnaSupport: new(i.Properties[enaProperty] != "false"), SriovNetSupport: i.Properties[sriovProperty],
		PlatformDetails: "Linux/UNIX", UsageOperation: "RunInstances", Tags: imageTags(i),
		DeprecationTime: instant(i.OutdatedAt), DeregistrationProtection: "disabled", SourceInstanceId: id(instanceIDs, i.Properties["instance_uuid"])}
	if i.Visibility == cloud.VisibilityPublic {
		shown.ImageOwnerAlias = operatorAlias
	}
	if i.Properties["os_type"] == "windows" {
		shown.Platform, shown.PlatformDetails, shown.UsageOperation = "windows", "Windows", "RunInstances:0002"
	}
	if i.Properties["hw_firmware_type"] == "uefi" {
		shown.BootMode = "uefi"
	}
	if i.Protected {
		shown.DeregistrationProtection = "enabled-without-cooldown"
	}
	return shown
}

// enaProperty and sriovProperty keep what a client said of an image's network drivers. Guests here need neither: it is for clients to read.
const (
	enaProperty   = "ena_support"
	sriovProperty = "sriov_net_support"
)

// descriptionProperty is where other APIs keep what an image is described by, too.
const descriptionProperty = "description"

// architectures are the names of processors here by those that images have elsewhere.
var architectures = map[string]string{"aarch64": "arm64", "i686": "i386", "i586": "i386", "i386": "i386"}

func architectureShown(properties map[string]string) string {
	if shown := architectures[properties["architecture"]]; shown != "" {
		return shown
	}
	return "x86_64"
}

func imageType(i *cloud.Image) string {
	switch i.Container {
	case "aki":
		return "kernel"
	case "ari":
		return "ramdisk"
	}
	return "machine"
}

// imageState is what a state is called, and why an image failed that did. One that stands for snapshots is there when they are; those
// that its user cannot see are another's, who has no interest in sharing what is not there.
func imageState(i *cloud.Image, snapshots map[cloud.SnapshotID]*cloud.Snapshot) (string, *shape.StateReason) {
	switch {
	case i.State == cloud.ImageDeactivated:
		return "disabled", nil
	case i.State == cloud.ImageKilled:
		return "failed", &shape.StateReason{Code: "Client.UserInitiatedShutdown", Message: "The data was given up."}
	case i.State != cloud.ImageActive && i.Fault != nil:
		return "failed", &shape.StateReason{Code: "Client.ImportFailed", Message: i.Fault.Message}
	case i.State != cloud.ImageActive:
		return "pending", nil
	}
	state := "available"
	for _, d := range i.Disks {
		switch n := snapshots[d.SnapshotID]; {
		case n != nil && n.State == cloud.VolumeFailed:
			return "failed", &shape.StateReason{Code: "Client.SnapshotFailed", Message: "Snapshot " + id(snapshotIDs, n.ID) + " could not be made."}
		case n != nil && n.State == cloud.VolumeCreating:
			state = "pending"
		}
	}
	return state, nil
}

// disksShown are the disks of instances made from an image. The root disk of an image that has bytes of its own is made of those: there
// is no snapshot to name.
func (a *api) disksShown(i *cloud.Image, snapshots map[cloud.SnapshotID]*cloud.Snapshot, types map[cloud.VolumeTypeID]string) []shape.BlockDeviceMapping {
	if len(i.Disks) == 0 {
		return []shape.BlockDeviceMapping{{DeviceName: rootName(i.Properties),
			Ebs: &shape.EbsBlockDevice{VolumeSize: new(rootGiB(i)), DeleteOnTermination: new(true), VolumeType: defaultTypeShown, Encrypted: new(false)}}}
	}
	shown := make([]shape.BlockDeviceMapping, len(i.Disks))
	for n, d := range i.Disks {
		of := snapshots[d.SnapshotID]
		shown[n] = shape.BlockDeviceMapping{DeviceName: deviceOf(i, d), Ebs: &shape.EbsBlockDevice{SnapshotId: id(snapshotIDs, d.SnapshotID), VolumeSize: &d.SizeGiB,
			DeleteOnTermination: &d.DeleteWithInstance, VolumeType: a.typeShown(cloud.VolumeShape{TypeID: d.TypeID, TypeAlias: d.TypeAlias}, types), Encrypted: new(of != nil && of.Key != nil)}}
	}
	return shown
}

func deviceOf(i *cloud.Image, d cloud.ImageDisk) string {
	switch {
	case d.Boot:
		return rootName(i.Properties)
	case d.Alias != "":
		return d.Alias
	}
	return d.Device
}

// rootGiB is how large a root disk of an image's bytes is at least.
func rootGiB(i *cloud.Image) int {
	const gib = 1 << 30
	return max(i.MinDiskGiB, int((i.VirtualBytes+gib-1)/gib), 1)
}

// ofMappings makes a field of the values that an image's disks have.
func ofMappings(value func(*shape.EbsBlockDevice) string) func(*imageRow) []string {
	return func(r *imageRow) []string {
		return valuesOf(r.shown.BlockDeviceMappings, func(m shape.BlockDeviceMapping) string { return value(m.Ebs) })
	}
}

func ofImage(value func(*shape.Image) string) func(*imageRow) []string {
	return one(func(r *imageRow) string { return value(&r.shown) })
}

func reasonOf(r *imageRow) shape.StateReason {
	if r.shown.StateReason == nil {
		return shape.StateReason{}
	}
	return *r.shown.StateReason
}

var imageFields = known(fields[*imageRow]{
	"architecture": ofImage(func(i *shape.Image) string { return i.Architecture }),
	"block-device-mapping.delete-on-termination": ofMappings(func(d *shape.EbsBlockDevice) string { return yes(d.DeleteOnTermination) }),
	"block-device-mapping.device-name": func(r *imageRow) []string {
		return valuesOf(r.shown.BlockDeviceMappings, func(m shape.BlockDeviceMapping) string { return m.DeviceName })
	},
	"block-device-mapping.snapshot-id": ofMappings(func(d *shape.EbsBlockDevice) string { return d.SnapshotId }),
	"block-device-mapping.volume-size": ofMappings(func(d *shape.EbsBlockDevice) string { return count(d.VolumeSize) }),
	"block-device-mapping.volume-type": ofMappings(func(d *shape.EbsBlockDevice) string { return d.VolumeType }),
	"block-device-mapping.encrypted":   ofMappings(func(d *shape.EbsBlockDevice) string { return yes(d.Encrypted) }),
	"creation-date":                    ofImage(func(i *shape.Image) string { return i.CreationDate }),
	"description":                      ofImage(func(i *shape.Image) string { return i.Description }),
	"ena-support":                      ofImage(func(i *shape.Image) string { return yes(i.EnaSupport) }),
	"hypervisor":                       ofImage(func(i *shape.Image) string { return i.Hypervisor }),
	"image-id":                         ofImage(func(i *shape.Image) string { return i.ImageId }),
	"image-type":                       ofImage(func(i *shape.Image) string { return i.ImageType }),
	"is-public":                        ofImage(func(i *shape.Image) string { return yes(i.Public) }),
	"manifest-location":                ofImage(func(i *shape.Image) string { return i.ImageLocation }),
	"name":                             ofImage(func(i *shape.Image) string { return i.Name }),
	"owner-alias":                      ofImage(func(i *shape.Image) string { return i.ImageOwnerAlias }),
	"owner-id":                         ofImage(func(i *shape.Image) string { return i.OwnerId }),
	"platform":                         ofImage(func(i *shape.Image) string { return i.Platform }),
	"root-device-name":                 ofImage(func(i *shape.Image) string { return i.RootDeviceName }),
	"root-device-type":                 ofImage(func(i *shape.Image) string { return i.RootDeviceType }),
	"source-instance-id":               ofImage(func(i *shape.Image) string { return i.SourceInstanceId }),
	"state":                            ofImage(func(i *shape.Image) string { return i.State }),
	"sriov-net-support":                ofImage(func(i *shape.Image) string { return i.SriovNetSupport }),
	"state-reason-code":                one(func(r *imageRow) string { return reasonOf(r).Code }),
	"state-reason-message":             one(func(r *imageRow) string { return reasonOf(r).Message }),
	"virtualization-type":              ofImage(func(i *shape.Image) string { return i.VirtualizationType }),
}, "free-tier-eligible", "image-allowed", "kernel-id", "product-code", "product-code.type", "ramdisk-id", "source-image-id", "source-image-region")

// outdatedFrom is when an image is outdated, to the minute, which has to be ahead.
func outdatedFrom(at *time.Time, now time.Time) (time.Time, error) {
	rounded := at.UTC().Truncate(time.Minute)
	if rounded.Before(now.Truncate(time.Minute)) {
		return rounded, invalidParameter("The deprecation time %s is in the past.", instant(at))
	}
	return rounded, nil
}
