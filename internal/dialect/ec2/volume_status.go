package ec2

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
)

// volumeHealth is a volume with how it does.
type volumeHealth struct {
	*volumeRow
	shown shape.VolumeStatusItem
}

func (a *api) describeVolumeStatus(ctx context.Context, in *shape.DescribeVolumeStatusRequest) (*shape.DescribeVolumeStatusResult, error) {
	if err := idsOrPages(in.VolumeIds, in.MaxResults, "volumeIds"); err != nil {
		return nil, err
	}
	volumes, err := a.chosenVolumes(ctx, in.VolumeIds)
	if err != nil {
		return nil, err
	}
	rows := make([]*volumeHealth, len(volumes))
	for i, v := range volumes {
		rows[i] = &volumeHealth{v, v.status()}
	}
	rows, next, err := pageFor(rows, healthFields, in.Filters, (*volumeHealth).tags, in.MaxResults, in.NextToken, (*volumeHealth).place)
	if err != nil {
		return nil, err
	}
	out := &shape.DescribeVolumeStatusResult{NextToken: next, VolumeStatuses: make([]shape.VolumeStatusItem, len(rows))}
	for i, r := range rows {
		out.VolumeStatuses[i] = r.shown
	}
	return out, nil
}

// status is whether the volume can be read and written. Nothing here holds back what a guest writes, so there is nothing to do and
// nothing to tell beside that.
func (r *volumeRow) status() shape.VolumeStatusItem {
	info := &shape.VolumeStatusInfo{Status: "ok", Details: []shape.VolumeStatusDetails{{Name: "io-enabled", Status: "passed"}, {Name: "io-performance", Status: "not-applicable"}}}
	switch r.volume.State {
	case cloud.VolumeCreating:
		info = &shape.VolumeStatusInfo{Status: "insufficient-data", Details: []shape.VolumeStatusDetails{}}
	case cloud.VolumeFailed, cloud.VolumeMaintenance:
		info.Status, info.Details[0].Status = "impaired", "failed"
	}
	return shape.VolumeStatusItem{VolumeId: r.shown.VolumeId, AvailabilityZone: r.shown.AvailabilityZone, AvailabilityZoneId: r.shown.AvailabilityZoneId,
		VolumeStatus: info, Actions: []shape.VolumeStatusAction{}, Events: []shape.VolumeStatusEvent{}, AttachmentStatuses: []shape.VolumeStatusAttachmentStatus{}}
}

var healthFields = known(fields[*volumeHealth]{
	"availability-zone":    one(func(r *volumeHealth) string { return r.shown.AvailabilityZone }),
	"availability-zone-id": one(func(r *volumeHealth) string { return r.shown.AvailabilityZoneId }),
	"volume-status.details-name": func(r *volumeHealth) []string {
		return valuesOf(r.shown.VolumeStatus.Details, func(d shape.VolumeStatusDetails) string { return d.Name })
	},
	"volume-status.details-status": func(r *volumeHealth) []string {
		return valuesOf(r.shown.VolumeStatus.Details, func(d shape.VolumeStatusDetails) string { return d.Status })
	},
	"volume-status.status": one(func(r *volumeHealth) string { return r.shown.VolumeStatus.Status }),
}, "action.code", "action.description", "action.event-id", "event.description", "event.event-id", "event.event-type", "event.not-after", "event.not-before")

// describeVolumeAttribute: I/O is never held back here, so it goes on by itself.
func (a *api) describeVolumeAttribute(ctx context.Context, in *shape.DescribeVolumeAttributeRequest) (*shape.DescribeVolumeAttributeResult, error) {
	v, err := a.findVolume(ctx, in.VolumeId)
	if err != nil {
		return nil, err
	}
	out := &shape.DescribeVolumeAttributeResult{VolumeId: id(volumeIDs, v.ID)}
	switch in.Attribute {
	case "autoEnableIO":
		out.AutoEnableIO = &shape.AttributeBooleanValue{Value: new(true)}
	case "productCodes":
		out.ProductCodes = []shape.ProductCode{}
	default:
		return nil, invalidParameter("Invalid attribute '%s': use autoEnableIO or productCodes.", in.Attribute)
	}
	return out, nil
}

// modifyVolumeAttribute refuses that I/O be held back when a volume may be damaged: it would not be.
func (a *api) modifyVolumeAttribute(ctx context.Context, in *shape.ModifyVolumeAttributeRequest) error {
	if _, err := a.findVolume(ctx, in.VolumeId); err != nil {
		return err
	}
	if in.AutoEnableIO == nil || in.AutoEnableIO.Value == nil {
		return missingParameter("AutoEnableIO")
	}
	if !*in.AutoEnableIO.Value {
		return unsupported("This cloud never holds back the I/O of a volume, so it cannot wait to be enabled.")
	}
	return nil
}

// enableVolumeIO has nothing to enable, for the reason that describeVolumeAttribute gives.
func (a *api) enableVolumeIO(ctx context.Context, in *shape.EnableVolumeIORequest) error {
	_, err := a.findVolume(ctx, in.VolumeId)
	return err
}
