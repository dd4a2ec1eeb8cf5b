package ec2

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
	"github.com/nubo-cloud/nubo/internal/image"
)

func (a *api) findImage(ctx context.Context, text string) (*cloud.Image, error) {
	return findOne(ctx, imageIDs, text, func(ctx context.Context, where ...cloud.Cond) ([]*cloud.Image, error) {
		return a.Images.List(ctx, image.Filter{Visibility: image.VisibilityAll, Query: cloud.Where(where...)})
	}, func(i *cloud.Image) string { return string(i.ID) })
}
func (a *api) findSnapshot(ctx context.Context, text string) (*cloud.Snapshot, error) {
	return nil, snapshotIDs.missing(text)
}
func (a *api) applyType(ctx context.Context, d *compute.DiskRequest, e *shape.EbsBlockDevice) error {
	return nil
}
func (a *api) setForwarding(ctx context.Context, p *cloud.Port, on bool) error  { return nil }
func (a *api) setGroups(ctx context.Context, p *cloud.Port, ids []string) error { return nil }
func (a *api) groupNamed(ctx context.Context, name, vpc string) (*cloud.SecurityGroup, error) {
	return nil, groupIDs.missing(name)
}
func (a *api) labelVolume(ctx context.Context, id string, edit labels) error { return nil }
