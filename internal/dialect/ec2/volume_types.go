package ec2

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
)

// usualTypes are what clients call types of volumes without looking which there are. Where the cloud has no type of such a name the
// default type stands for it, and the volume is shown with the name that was asked for.
var usualTypes = []string{"gp2", "gp3", "io1", "io2", "sc1", "st1", "standard"}

// defaultTypeShown is what volumes of the default type are called of which nobody asked for a type.
const defaultTypeShown = "gp2"

// volumeType is the cloud's type of a name here, or the name alone if it stands for the default type.
func (a *api) volumeType(ctx context.Context, asked string) (name, alias string, err error) {
	if asked == "" {
		return "", "", nil
	}
	types, err := a.Volumes.ListTypes(ctx, cloud.Where(cloud.Eq("name", asked)), nil)
	switch {
	case err != nil:
		return "", "", err
	case len(types) > 0:
		return asked, "", nil
	case slices.Contains(usualTypes, asked):
		return "", asked, nil
	}
	return "", "", bad("UnknownVolumeType", "The volume type '%s' is not known: use a type of this cloud, or one of %v.", asked, usualTypes)
}

// applyType has a disk of a new instance be a volume of the type and with the limits that a request asks for.
func (a *api) applyType(ctx context.Context, d *compute.DiskRequest, e *shape.EbsBlockDevice) (err error) {
	if e.VolumeType != "" {
		if d.Type, d.TypeAlias, err = a.volumeType(ctx, e.VolumeType); err != nil {
			return err
		}
	}
	d.Encrypted = isTrue(e.Encrypted)
	d.Limits, err = volumeLimits(d.Limits, e.Iops, e.Throughput)
	return err
}

// typeShown is what a volume's type is called. names are the types' by id.
func (a *api) typeShown(of cloud.VolumeShape, names map[cloud.VolumeTypeID]string) string {
	if of.TypeAlias != "" {
		return of.TypeAlias
	}
	if name := names[of.TypeID]; name != "" && name != a.Volumes.DefaultTypeName {
		return name
	}
	return defaultTypeShown
}

// encryptedByDefault tells whether volumes are encrypted for which nothing is asked.
func (a *api) encryptedByDefault(ctx context.Context, _ *shape.GetEbsEncryptionByDefaultRequest) (*shape.GetEbsEncryptionByDefaultResult, error) {
	t, err := a.Volumes.UsualType(ctx)
	if err != nil && !cloud.Is(err, cloud.NotFound) {
		return nil, err
	}
	return &shape.GetEbsEncryptionByDefaultResult{EbsEncryptionByDefault: new(err == nil && t.Encryption != nil)}, nil
}
