package cinder_test

import (
	"context"
	"testing"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/attachments"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/availabilityzones"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/limits"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/quotasets"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/schedulerstats"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/services"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/snapshots"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/volumes"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/volumetypes"
	"github.com/gophercloud/gophercloud/v2/pagination"
)

func (s *site) client(token, project string) *gophercloud.ServiceClient {
	endpoint := s.url + "/v3/" + project + "/"
	return &gophercloud.ServiceClient{ProviderClient: &gophercloud.ProviderClient{TokenID: token}, Endpoint: endpoint, Type: "volume"}
}

// TestGophercloud walks a volume through its life with the client library that Terraform uses.
func TestGophercloud(t *testing.T) {
	s, ctx := newSite(t), context.Background()
	c := s.client("a", "a")
	v, err := volumes.Create(ctx, c, volumes.CreateOpts{Name: "v", Size: 1, Metadata: map[string]string{"k": "w"}, AvailabilityZone: "nova"},
		volumes.SchedulerHintOpts{}).Extract()
	ok(t, err)
	ok(t, volumes.WaitForStatus(ctx, c, v.ID, "available"))
	v, err = volumes.Get(ctx, c, v.ID).Extract()
	ok(t, err)
	if v.Size != 1 || v.Metadata["k"] != "w" || v.CreatedAt.IsZero() || v.Bootable != "false" || v.VolumeType != "default" {
		t.Fatalf("volume is %+v", v)
	}
	name := "renamed"
	v, err = volumes.Update(ctx, c, v.ID, volumes.UpdateOpts{Name: &name, Metadata: map[string]string{"x": "y"}}).Extract()
	ok(t, err)
	if v.Name != name || v.Metadata["x"] != "y" {
		t.Fatalf("updated volume is %+v", v)
	}
	ok(t, volumes.ExtendSize(ctx, c, v.ID, volumes.ExtendSizeOpts{NewSize: 2}).ExtractErr())
	ok(t, volumes.WaitForStatus(ctx, c, v.ID, "available"))
	ok(t, volumes.SetBootable(ctx, c, v.ID, volumes.BootableOpts{Bootable: true}).ExtractErr())
	ok(t, volumes.SetImageMetadata(ctx, c, v.ID, volumes.ImageMetadataOpts{Metadata: map[string]string{"a": "b"}}).ExtractErr())
	n, err := snapshots.Create(ctx, c, snapshots.CreateOpts{VolumeID: v.ID, Name: "s"}).Extract()
	ok(t, err)
	ok(t, snapshots.WaitForStatus(ctx, c, n.ID, "available"))
	pages, err := snapshots.List(c, snapshots.ListOpts{VolumeID: v.ID}).AllPages(ctx)
	ok(t, err)
	if all, err := snapshots.ExtractSnapshots(pages); err != nil || len(all) != 1 || all[0].Size != 2 {
		t.Fatalf("snapshots are %+v, %v", all, err)
	}
	if err := volumes.Delete(ctx, c, v.ID, volumes.DeleteOpts{}).ExtractErr(); !gophercloud.ResponseCodeIs(err, 400) {
		t.Fatalf("deleting a volume with a snapshot: %v", err)
	}
	i, err := volumes.UploadImage(ctx, c, v.ID, volumes.UploadImageOpts{ImageName: "i", DiskFormat: "raw", ContainerFormat: "bare"}).Extract()
	ok(t, err)
	if i.ImageID == "" || i.Status != "uploading" {
		t.Fatalf("upload is %+v", i)
	}
	ok(t, volumes.WaitForStatus(ctx, c, v.ID, "available"))
	ok(t, volumes.Delete(ctx, c, v.ID, volumes.DeleteOpts{Cascade: true}).ExtractErr())
	s.reaches("volume", "/v3/volumes/"+v.ID, "gone")
}

func TestGophercloudFollowsPages(t *testing.T) {
	s, ctx := newSite(t), context.Background()
	for range 5 {
		s.made("a", `{"size":1,"metadata":{"k":"v"}}`)
	}
	seen, pages := map[string]bool{}, 0
	err := volumes.List(s.client("a", "a"), volumes.ListOpts{Limit: 2, Metadata: map[string]string{"k": "v"}, Status: "available", Sort: "created_at:asc"}).
		EachPage(ctx, func(_ context.Context, p pagination.Page) (bool, error) {
			list, err := volumes.ExtractVolumes(p)
			for _, v := range list {
				seen[v.ID] = true
			}
			pages++
			return true, err
		})
	ok(t, err)
	if len(seen) != 5 || pages != 3 {
		t.Fatalf("saw %d volumes on %d pages", len(seen), pages)
	}
}

func TestGophercloudTypesAttachmentsAndOperators(t *testing.T) {
	s, ctx := newSite(t), context.Background()
	admin, member := s.client("a+admin", "a"), s.client("a", "a")
	private := false
	vt, err := volumetypes.Create(ctx, admin, volumetypes.CreateOpts{Name: "fast", IsPublic: &private, ExtraSpecs: map[string]string{"a": "b"}}).Extract()
	ok(t, err)
	ok(t, volumetypes.AddAccess(ctx, admin, vt.ID, volumetypes.AddAccessOpts{Project: "a"}).ExtractErr())
	_, err = volumetypes.CreateExtraSpecs(ctx, admin, vt.ID, volumetypes.ExtraSpecsOpts{"c": "d"}).Extract()
	ok(t, err)
	ok(t, volumetypes.DeleteExtraSpec(ctx, admin, vt.ID, "c").ExtractErr())
	pages, err := volumetypes.List(member, volumetypes.ListOpts{}).AllPages(ctx)
	ok(t, err)
	if all, err := volumetypes.ExtractVolumeTypes(pages); err != nil || len(all) != 2 {
		t.Fatalf("types are %+v, %v", all, err)
	}
	ok(t, volumetypes.Delete(ctx, admin, vt.ID).ExtractErr())

	id := s.made("a", `{"size":1}`)
	member.Microversion = "3.44"
	at, err := attachments.Create(ctx, member, attachments.CreateOpts{VolumeUUID: id, InstanceUUID: "i-1"}).Extract()
	ok(t, err)
	ok(t, attachments.Complete(ctx, member, at.ID).ExtractErr())
	at, err = attachments.Get(ctx, member, at.ID).Extract()
	ok(t, err)
	if at.Status != "attached" || at.AttachedAt.IsZero() {
		t.Fatalf("attachment is %+v", at)
	}
	ok(t, attachments.Delete(ctx, member, at.ID).ExtractErr())
	member.Microversion = ""

	zones, err := availabilityzones.List(member).AllPages(ctx)
	ok(t, err)
	if all, err := availabilityzones.ExtractAvailabilityZones(zones); err != nil || len(all) != 1 || !all[0].ZoneState.Available {
		t.Fatalf("zones are %+v, %v", all, err)
	}
	l, err := limits.Get(ctx, member).Extract()
	ok(t, err)
	q, err := quotasets.GetUsage(ctx, member, "a").Extract()
	ok(t, err)
	if l.Absolute.TotalVolumesUsed != 1 || q.Volumes.InUse != 1 || q.Gigabytes.Limit != 2000 {
		t.Fatalf("limits %+v, quotas %+v", l.Absolute, q)
	}
	volumesMax := 5
	set, err := quotasets.Update(ctx, admin, "a", quotasets.UpdateOpts{Volumes: &volumesMax}).Extract()
	ok(t, err)
	if set.Volumes != 5 {
		t.Fatalf("quotas are %+v", set)
	}
	page, err := services.List(admin, services.ListOpts{}).AllPages(ctx)
	ok(t, err)
	if all, err := services.ExtractServices(page); err != nil || len(all) != 3 || all[0].State != "up" || all[2].Binary != "cinder-scheduler" {
		t.Fatalf("services are %+v, %v", all, err)
	}
	page, err = schedulerstats.List(admin, schedulerstats.ListOpts{Detail: true}).AllPages(ctx)
	ok(t, err)
	if all, err := schedulerstats.ExtractStoragePools(page); err != nil || len(all) != 2 || all[0].Capabilities.TotalCapacityGB != 100 {
		t.Fatalf("pools are %+v, %v", all, err)
	}
}
