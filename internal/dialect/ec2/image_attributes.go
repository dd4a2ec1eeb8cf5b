package ec2

import (
	"cmp"
	"context"
	"time"
	"unicode/utf8"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
	"github.com/nubo-cloud/nubo/internal/image"
)

// launchPermission is whom an image is shared with.
const launchPermission = "launchPermission"

func launchPermissions(list []shape.LaunchPermission) []grantee {
	all := make([]grantee, len(list))
	for i, p := range list {
		all[i] = grantee{p.Group, p.UserId}
	}
	return all
}

// modifyImageAttribute takes one attribute, named or by its own member.
func (a *api) modifyImageAttribute(ctx context.Context, in *shape.ModifyImageAttributeRequest) error {
	i, err := a.ownImage(ctx, in.ImageId)
	if err != nil {
		return err
	}
	attribute := in.Attribute
	switch {
	case attribute == "" && in.Description != nil:
		attribute = "description"
	case attribute == "":
		attribute = launchPermission
	}
	switch attribute {
	case "description":
		text := in.Value
		if in.Description != nil {
			text = cmp.Or(in.Description.Value, text)
		}
		_, err = a.Images.Update(ctx, i.ID, func(f *image.Facts) error { return describe(f.Properties, text) })
		return err
	case launchPermission:
		return a.changeLaunchPermission(ctx, i, in)
	}
	return unsupported("The attribute '%s' of an image cannot be changed here.", attribute)
}

func (a *api) changeLaunchPermission(ctx context.Context, i *cloud.Image, in *shape.ModifyImageAttributeRequest) error {
	var add, remove []grantee
	if p := in.LaunchPermission; p != nil {
		add, remove = launchPermissions(p.Add), launchPermissions(p.Remove)
	}
	c, err := a.sharingChanged(ctx, add, remove, in.OperationType, grantees(in.UserGroups, in.UserIds))
	if err != nil {
		return err
	}
	_, err = a.Images.Share(ctx, i.ID, c)
	return err
}

// descriptionMax is how long a description may be, in characters.
const descriptionMax = 255

// describe writes a description among an image's properties.
func describe(properties map[string]string, text string) error {
	if n := utf8.RuneCountInString(text); n > descriptionMax {
		return invalidParameter("The description has %d characters, more than %d.", n, descriptionMax)
	}
	if properties[descriptionProperty] = text; text == "" {
		delete(properties, descriptionProperty)
	}
	return nil
}

func (a *api) resetImageAttribute(ctx context.Context, in *shape.ResetImageAttributeRequest) error {
	if in.Attribute != launchPermission {
		return invalidParameter("Value (%s) for parameter attribute is invalid: use %s.", in.Attribute, launchPermission)
	}
	i, err := a.ownImage(ctx, in.ImageId)
	if err != nil {
		return err
	}
	_, err = a.Images.Share(ctx, i.ID, cloud.Sharing{Public: new(false), Remove: membersOf(i)})
	return err
}

// valueOfImage are the attributes of an image that are one value: where each stands in an answer, and what it is.
var valueOfImage = map[string]struct {
	in func(*shape.ImageAttribute) **shape.AttributeValue
	of func(shape.Image) string
}{
	"description":              {func(o *shape.ImageAttribute) **shape.AttributeValue { return &o.Description }, func(i shape.Image) string { return i.Description }},
	"bootMode":                 {func(o *shape.ImageAttribute) **shape.AttributeValue { return &o.BootMode }, func(i shape.Image) string { return i.BootMode }},
	"deregistrationProtection": {func(o *shape.ImageAttribute) **shape.AttributeValue { return &o.DeregistrationProtection }, func(i shape.Image) string { return i.DeregistrationProtection }},
	"kernel":                   {func(o *shape.ImageAttribute) **shape.AttributeValue { return &o.KernelId }, func(i shape.Image) string { return i.KernelId }},
	"ramdisk":                  {func(o *shape.ImageAttribute) **shape.AttributeValue { return &o.RamdiskId }, func(i shape.Image) string { return i.RamdiskId }},
	"sriovNetSupport":          {func(o *shape.ImageAttribute) **shape.AttributeValue { return &o.SriovNetSupport }, func(i shape.Image) string { return i.SriovNetSupport }},
	"tpmSupport":               {func(o *shape.ImageAttribute) **shape.AttributeValue { return &o.TpmSupport }, func(i shape.Image) string { return i.TpmSupport }},
	"imdsSupport":              {func(o *shape.ImageAttribute) **shape.AttributeValue { return &o.ImdsSupport }, func(i shape.Image) string { return i.ImdsSupport }},
	"lastLaunchedTime":         {func(o *shape.ImageAttribute) **shape.AttributeValue { return &o.LastLaunchedTime }, func(i shape.Image) string { return i.LastLaunchedTime }},
	"uefiData":                 {func(o *shape.ImageAttribute) **shape.AttributeValue { return &o.UefiData }, func(shape.Image) string { return "" }},
}

// describeImageAttribute answers an empty element for what an image has nothing of.
func (a *api) describeImageAttribute(ctx context.Context, in *shape.DescribeImageAttributeRequest) (*shape.ImageAttribute, error) {
	i, err := a.ownImage(ctx, in.ImageId)
	if err != nil {
		return nil, err
	}
	rows, err := a.imageRows(ctx, []*cloud.Image{i})
	if err != nil {
		return nil, err
	}
	out, shown := &shape.ImageAttribute{ImageId: id(imageIDs, i.ID)}, rows[0].shown
	if value, ok := valueOfImage[in.Attribute]; ok {
		*value.in(out) = &shape.AttributeValue{Value: value.of(shown)}
		return out, nil
	}
	switch in.Attribute {
	case launchPermission:
		out.LaunchPermissions, err = a.launchPermissionsShown(ctx, i)
	case "blockDeviceMapping":
		out.BlockDeviceMappings = shown.BlockDeviceMappings
	case "productCodes":
		out.ProductCodes = []shape.ProductCode{}
	default:
		return nil, invalidParameter("Value (%s) for parameter attribute is invalid.", in.Attribute)
	}
	return out, err
}

func (a *api) launchPermissionsShown(ctx context.Context, i *cloud.Image) ([]shape.LaunchPermission, error) {
	shown, err := a.sharingShown(ctx, isPublic(i), membersOf(i))
	if err != nil {
		return nil, err
	}
	list := make([]shape.LaunchPermission, len(shown))
	for n, p := range shown {
		list[n] = shape.LaunchPermission{Group: p.group, UserId: p.account}
	}
	return list, nil
}

func (a *api) enableImageDeprecation(ctx context.Context, in *shape.EnableImageDeprecationRequest) (*shape.EnableImageDeprecationResult, error) {
	at, err := outdatedFrom(in.DeprecateAt, a.Images.Now())
	if err != nil {
		return nil, err
	}
	return &shape.EnableImageDeprecationResult{Return: new(true)}, a.outdate(ctx, in.ImageId, &at)
}

func (a *api) disableImageDeprecation(ctx context.Context, in *shape.DisableImageDeprecationRequest) (*shape.DisableImageDeprecationResult, error) {
	return &shape.DisableImageDeprecationResult{Return: new(true)}, a.outdate(ctx, in.ImageId, nil)
}

func (a *api) outdate(ctx context.Context, text string, at *time.Time) error {
	i, err := a.ownImage(ctx, text)
	if err != nil {
		return err
	}
	_, err = a.Images.Update(ctx, i.ID, func(f *image.Facts) error { f.OutdatedAt = at; return nil })
	return err
}
