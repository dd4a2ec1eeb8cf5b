package ec2

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
)

// createVolumePermission is the one attribute of snapshots that can be changed.
const createVolumePermission = "createVolumePermission"

func createPermissions(list []shape.CreateVolumePermission) []grantee {
	all := make([]grantee, len(list))
	for i, p := range list {
		all[i] = grantee{p.Group, p.UserId}
	}
	return all
}

func (a *api) modifySnapshotAttribute(ctx context.Context, in *shape.ModifySnapshotAttributeRequest) error {
	if in.Attribute != "" && in.Attribute != createVolumePermission {
		return invalidParameter("Value (%s) for parameter attribute is invalid: use %s.", in.Attribute, createVolumePermission)
	}
	n, err := a.ownSnapshot(ctx, in.SnapshotId)
	if err != nil {
		return err
	}
	var add, remove []grantee
	if p := in.CreateVolumePermission; p != nil {
		add, remove = createPermissions(p.Add), createPermissions(p.Remove)
	}
	c, err := a.sharingChanged(ctx, add, remove, in.OperationType, grantees(in.GroupNames, in.UserIds))
	if err != nil {
		return err
	}
	_, err = a.Volumes.ShareSnapshot(ctx, n.ID, c)
	return err
}

func (a *api) resetSnapshotAttribute(ctx context.Context, in *shape.ResetSnapshotAttributeRequest) error {
	if in.Attribute != createVolumePermission {
		return invalidParameter("Value (%s) for parameter attribute is invalid: use %s.", in.Attribute, createVolumePermission)
	}
	n, err := a.ownSnapshot(ctx, in.SnapshotId)
	if err != nil {
		return err
	}
	_, err = a.Volumes.ShareSnapshot(ctx, n.ID, cloud.Sharing{Public: new(false), Remove: n.SharedWith})
	return err
}

func (a *api) describeSnapshotAttribute(ctx context.Context, in *shape.DescribeSnapshotAttributeRequest) (*shape.DescribeSnapshotAttributeResult, error) {
	n, err := a.ownSnapshot(ctx, in.SnapshotId)
	if err != nil {
		return nil, err
	}
	out := &shape.DescribeSnapshotAttributeResult{SnapshotId: id(snapshotIDs, n.ID)}
	switch in.Attribute {
	case createVolumePermission:
		shown, err := a.sharingShown(ctx, n.Public, n.SharedWith)
		if err != nil {
			return nil, err
		}
		out.CreateVolumePermissions = make([]shape.CreateVolumePermission, len(shown))
		for i, p := range shown {
			out.CreateVolumePermissions[i] = shape.CreateVolumePermission{Group: p.group, UserId: p.account}
		}
	case "productCodes":
		out.ProductCodes = []shape.ProductCode{}
	default:
		return nil, invalidParameter("Value (%s) for parameter attribute is invalid: use %s or productCodes.", in.Attribute, createVolumePermission)
	}
	return out, nil
}
