package ec2

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
	"github.com/nubo-cloud/nubo/internal/image"
)

func (a *api) imageActions() []*action {
	return []*action{
		serve("DescribeImages", a.describeImages,
			"ExecutableUsers Filters ImageIds IncludeDeprecated IncludeDisabled MaxResults NextToken Owners"),
		serve("CreateImage", a.createImage, "BlockDeviceMappings Description InstanceId Name TagSpecifications -NoReboot"),
		serve("RegisterImage", a.registerImage, "Architecture BlockDeviceMappings BootMode Description ImageLocation Name RootDeviceName "+
			"TagSpecifications VirtualizationType EnaSupport SriovNetSupport"),
		serve("CopyImage", a.copyImage, "CopyImageTags Description Encrypted Name SourceImageId SourceRegion TagSpecifications"),
		serve("DeregisterImage", a.deregisterImage, "DeleteAssociatedSnapshots ImageId"),
		done("ModifyImageAttribute", a.modifyImageAttribute, "Attribute Description ImageId LaunchPermission OperationType UserGroups UserIds Value"),
		done("ResetImageAttribute", a.resetImageAttribute, "Attribute ImageId"),
		serve("DescribeImageAttribute", a.describeImageAttribute, "Attribute ImageId"),
		serve("EnableImageDeprecation", a.enableImageDeprecation, "DeprecateAt ImageId"),
		serve("DisableImageDeprecation", a.disableImageDeprecation, "ImageId"),
	}
}

// usableImages are the images that the account may use, ownImages those that it may change.
func (a *api) usableImages(ctx context.Context, where ...cloud.Cond) ([]*cloud.Image, error) {
	return a.Images.List(ctx, image.Filter{Usable: true, Query: cloud.Where(where...)})
}

func (a *api) ownImages(ctx context.Context, where ...cloud.Cond) ([]*cloud.Image, error) {
	return a.usableImages(ctx, append(where, own(ctx))...)
}

func imageID(i *cloud.Image) string { return string(i.ID) }

// findImage is an image that the account may use, ownImage one that it may change.
func (a *api) findImage(ctx context.Context, text string) (*cloud.Image, error) {
	return findOne(ctx, imageIDs, text, a.usableImages, imageID)
}

func (a *api) ownImage(ctx context.Context, text string) (*cloud.Image, error) {
	return findOne(ctx, imageIDs, text, a.ownImages, imageID)
}

func imageTags(i *cloud.Image) []shape.Tag { return tagsOf(i.Labels, "") }

func (a *api) labelImage(ctx context.Context, id string, edit labels) error {
	return a.Images.ChangeLabels(ctx, cloud.ImageID(id), edit)
}

func (a *api) describeImages(ctx context.Context, in *shape.DescribeImagesRequest) (*shape.DescribeImagesResult, error) {
	if err := idsOrPages(in.ImageIds, in.MaxResults, "imageIds"); err != nil {
		return nil, err
	}
	list, err := namedOrAll(ctx, imageIDs, in.ImageIds, a.usableImages, imageID)
	if err != nil {
		return nil, err
	}
	if len(in.ImageIds) == 0 {
		list = a.offered(ctx, list, isTrue(in.IncludeDeprecated), isTrue(in.IncludeDisabled))
	}
	rows, err := a.imageRows(ctx, list)
	if err != nil {
		return nil, err
	}
	if rows, err = a.imagesOf(ctx, rows, in.Owners, in.ExecutableUsers); err != nil {
		return nil, err
	}
	rows, next, err := pageFor(rows, imageFields, in.Filters, (*imageRow).tags, in.MaxResults, in.NextToken, (*imageRow).place)
	if err != nil {
		return nil, err
	}
	out := &shape.DescribeImagesResult{NextToken: next, Images: make([]shape.Image, len(rows))}
	for i, r := range rows {
		out.Images[i] = r.shown
	}
	return out, nil
}

// offered leaves out the images that are not to be shown to whoever has not named them: others' that are outdated or not there yet, and
// those that are out of use.
func (a *api) offered(ctx context.Context, list []*cloud.Image, outdated, disabled bool) []*cloud.Image {
	project, now := cloud.PrincipalOf(ctx).ProjectID, a.Images.Now()
	return slices.DeleteFunc(list, func(i *cloud.Image) bool {
		if i.State == cloud.ImageDeactivated {
			return !disabled
		}
		past := i.Hidden || i.OutdatedAt != nil && !i.OutdatedAt.After(now)
		return i.ProjectID != project && (past && !outdated || i.State != cloud.ImageActive)
	})
}

// imagesOf keeps the images of owners, and those that users may start instances from; without words for either, all.
func (a *api) imagesOf(ctx context.Context, rows []*imageRow, owners, executable []string) ([]*imageRow, error) {
	own, err := a.account(ctx)
	if err != nil {
		return nil, err
	}
	by, err := a.usersNamed(ctx, executable)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(rows, func(r *imageRow) bool {
		if len(owners) > 0 && !ownedBy(owners, own, r.shown.OwnerId, r.shown.ImageOwnerAlias) {
			return true
		}
		return len(executable) > 0 && !by.may(isPublic(r.image), r.image.ProjectID, membersOf(r.image))
	}), nil
}

func isPublic(i *cloud.Image) bool {
	return i.Visibility == cloud.VisibilityPublic || i.Visibility == cloud.VisibilityCommunity
}

func membersOf(i *cloud.Image) []cloud.ProjectID {
	projects := make([]cloud.ProjectID, len(i.Members))
	for n, m := range i.Members {
		projects[n] = m.ProjectID
	}
	return projects
}

// deregisterImage removes an image, and if asked the snapshots that it stood for.
func (a *api) deregisterImage(ctx context.Context, in *shape.DeregisterImageRequest) (*shape.DeregisterImageResult, error) {
	i, err := a.ownImage(ctx, in.ImageId)
	if err != nil {
		return nil, err
	}
	if i.Protected {
		return nil, bad("OperationNotPermitted", "Image '%s' is protected and cannot be deregistered.", in.ImageId)
	}
	out := &shape.DeregisterImageResult{Return: new(true)}
	return out, a.Network.Together(ctx, func(ctx context.Context) error {
		out.DeleteSnapshotResults = nil
		if err := a.Images.Delete(ctx, i.ID); err != nil || !isTrue(in.DeleteAssociatedSnapshots) {
			return err
		}
		for _, d := range i.Disks {
			word := "success"
			if err := a.Volumes.DeleteSpareSnapshot(ctx, d.SnapshotID); cloud.Is(err, cloud.NotFound) || cloud.Is(err, cloud.InUse) {
				word = "skipped"
			} else if err != nil {
				return err
			}
			out.DeleteSnapshotResults = append(out.DeleteSnapshotResults, shape.DeleteSnapshotReturnCode{SnapshotId: id(snapshotIDs, d.SnapshotID), ReturnCode: word})
		}
		return nil
	})
}
