package glance_test

import (
	"bytes"
	"context"
	"io"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/imagedata"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/images"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/members"
	"github.com/gophercloud/gophercloud/v2/pagination"
)

func (s *site) client(token string) *gophercloud.ServiceClient {
	p := &gophercloud.ProviderClient{TokenID: token}
	return &gophercloud.ServiceClient{ProviderClient: p, Endpoint: s.url + "/", ResourceBase: s.url + "/v2/", Type: "image"}
}

// TestGophercloud walks an image through its life with the client library that Terraform uses.
func TestGophercloud(t *testing.T) {
	s, ctx := newSite(t), context.Background()
	c := s.client("a")
	visibility, protected := images.ImageVisibilityShared, false
	i, err := images.Create(ctx, c, images.CreateOpts{Name: "debian", ContainerFormat: "bare", DiskFormat: "raw", MinDisk: 1, MinRAM: 64,
		Visibility: &visibility, Protected: &protected, Tags: []string{"t"}, Properties: map[string]string{"os_distro": "debian"}}).Extract()
	ok(t, err)
	ok(t, imagedata.Upload(ctx, c, i.ID, bytes.NewReader(raw)).ExtractErr())
	i, err = images.Get(ctx, c, i.ID).Extract()
	ok(t, err)
	if i.Status != images.ImageStatusActive || i.SizeBytes != int64(len(raw)) || i.Properties["os_distro"] != "debian" || i.MinDiskGigabytes != 1 {
		t.Fatalf("image is %+v", i)
	}
	f, err := imagedata.Download(ctx, c, i.ID).Extract()
	ok(t, err)
	defer f.Close()
	if b, err := io.ReadAll(f); err != nil || !bytes.Equal(b, raw) {
		t.Fatalf("downloaded %d bytes, %v", len(b), err)
	}
	i, err = images.Update(ctx, c, i.ID, images.UpdateOpts{images.ReplaceImageName{NewName: "renamed"}, images.ReplaceImageTags{NewTags: []string{"u"}},
		images.UpdateImageProperty{Op: images.AddOp, Name: "k", Value: "v"}, images.UpdateImageProperty{Op: images.RemoveOp, Name: "os_distro"},
		images.ReplaceImageMinDisk{NewMinDisk: 2}, images.ReplaceImageProtected{NewProtected: true}, images.ReplaceImageHidden{NewHidden: false}}).Extract()
	ok(t, err)
	if i.Name != "renamed" || i.Properties["k"] != "v" || i.Properties["os_distro"] != nil || !i.Protected {
		t.Fatalf("updated image is %+v", i)
	}
	if err := images.Delete(ctx, c, i.ID).ExtractErr(); !gophercloud.ResponseCodeIs(err, 403) {
		t.Fatalf("deleting a protected image: %v", err)
	}
	_, err = members.Create(ctx, c, i.ID, "b").Extract()
	ok(t, err)
	_, err = members.Update(ctx, s.client("b"), i.ID, "b", members.UpdateOpts{Status: "accepted"}).Extract()
	ok(t, err)
	pages, err := members.List(c, i.ID).AllPages(ctx)
	ok(t, err)
	if all, err := members.ExtractMembers(pages); err != nil || len(all) != 1 || all[0].Status != "accepted" {
		t.Fatalf("members %+v, %v", all, err)
	}
	_, err = images.Update(ctx, c, i.ID, images.UpdateOpts{images.ReplaceImageProtected{NewProtected: false}}).Extract()
	ok(t, err)
	ok(t, images.Delete(ctx, c, i.ID).ExtractErr())
}

func TestGophercloudFollowsPages(t *testing.T) {
	s, ctx := newSite(t), context.Background()
	for range 5 {
		s.create("a", `{"name":"i"}`)
	}
	seen, pages := map[string]bool{}, 0
	err := images.List(s.client("a"), images.ListOpts{Limit: 2, SortKey: "created_at", SortDir: "asc",
		CreatedAtQuery: &images.ImageDateQuery{Date: time.Now().Add(-time.Hour), Filter: images.FilterGTE}}).
		EachPage(ctx, func(_ context.Context, p pagination.Page) (bool, error) {
			list, err := images.ExtractImages(p)
			for _, i := range list {
				seen[i.ID] = true
			}
			pages++
			return true, err
		})
	ok(t, err)
	if len(seen) != 5 || pages != 3 {
		t.Fatalf("saw %d images on %d pages", len(seen), pages)
	}
}
