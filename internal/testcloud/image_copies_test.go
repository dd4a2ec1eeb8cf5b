package testcloud_test

import (
	"context"
	"slices"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/image"
	"github.com/nubo-cloud/nubo/internal/spec"
	"github.com/nubo-cloud/nubo/internal/testcloud"
)

// kept is what hosts keep of one image, nil if nothing.
func kept(t *testing.T, c *testcloud.Cloud, id cloud.ImageID) *spec.ImageStatus {
	t.Helper()
	all, err := c.Services().Image.Copies(c.Admin())
	if err != nil {
		t.Fatal(err)
	}
	n := slices.IndexFunc(all.Kept, func(i spec.ImageStatus) bool { return i.ID == spec.ImageID(id) })
	if n < 0 {
		return nil
	}
	return &all.Kept[n]
}

// Hosts take an image in when they are told to or need it, count what they make from it, and let go of it when told to, under
// disks that go on and are made again.
func TestImageCopies(t *testing.T) {
	c := testcloud.New(t, testcloud.Options{Hosts: 2})
	n, images := c.Tenant(t), c.Services().Image
	if i := kept(t, c, n.Image); i != nil {
		t.Errorf("kept before anybody needs it: %+v", i)
	}
	if err := images.DropCopies(c.Admin(), n.Image); !cloud.Is(err, cloud.NotFound) {
		t.Errorf("dropped what nobody has: %v", err)
	}
	for range 2 {
		if err := images.Prefetch(c.Admin(), n.Image); err != nil {
			t.Fatal(err)
		}
	}
	c.Settle(t)
	if i := kept(t, c, n.Image); i == nil || i.Uses != 0 || i.SizeBytes != 4113 {
		t.Errorf("after it was fetched: %+v", i)
	}
	n.Create(n.Request("one"))
	if i := kept(t, c, n.Image); i == nil || i.Uses != 1 || i.UsedAt.Before(i.TakenAt) {
		t.Errorf("after an instance was made from it: %+v", i)
	}
	if err := images.ClearCopies(c.Admin(), true, true); err != nil {
		t.Fatal(err)
	}
	if i := kept(t, c, n.Image); i != nil {
		t.Errorf("kept after the clearing: %+v", i)
	}
	n.Create(n.Request("two"))
	if i := kept(t, c, n.Image); i == nil || i.Uses != 1 {
		t.Errorf("after it came again: %+v", i)
	}
	sound(t, c, 2)
}

// A host keeps a kernel that one of its guests boots from, whoever wants it gone.
func TestKernelCopiesStay(t *testing.T) {
	c := testcloud.New(t, testcloud.Options{Hosts: 1})
	n, images := c.Tenant(t), c.Services().Image
	kernel := n.MakeImage("kernel")
	_, err := images.Update(n.Context(), n.Image, func(f *image.Facts) error {
		f.Properties["kernel_id"] = string(kernel)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	in := n.Create(n.Request("direct"))
	if err := images.ClearCopies(c.Admin(), false, true); err != nil {
		t.Fatal(err)
	}
	if kept(t, c, n.Image) != nil || kept(t, c, kernel) == nil {
		t.Error("the disk's image stayed, or the kernel went")
	}
	restart(t, c, n, in)
}

// restart stops and starts an instance.
func restart(t *testing.T, c *testcloud.Cloud, n *testcloud.Tenant, in *cloud.Instance) {
	t.Helper()
	for _, act := range []func(context.Context, cloud.InstanceID) error{c.Services().Compute.StopInstance, c.Services().Compute.StartInstance} {
		if err := act(n.Context(), in.ID); err != nil {
			t.Fatal(err)
		}
		c.Settle(t)
	}
	if in = c.Instance(t, in.ID); in.Phase != cloud.PhaseReady || in.Power != cloud.PowerOn {
		t.Errorf("started again: %s, %s, %+v", in.Phase, in.Power, in.Fault)
	}
}
