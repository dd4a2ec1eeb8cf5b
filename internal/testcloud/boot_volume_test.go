package testcloud_test

import (
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/testcloud"
)

// An empty volume is nothing to boot from, unless the request names an image beside it, which says what will be on it.
func TestBootFromAnEmptyVolume(t *testing.T) {
	c := testcloud.New(t, testcloud.Options{Hosts: 1})
	n := c.Tenant(t)
	v := n.Volume(1)
	r := n.Request("from-volume")
	r.Disks = []compute.DiskRequest{{Source: "volume", SourceID: string(v.ID), Volume: true}}
	withImage := r
	r.Image = ""
	if _, err := c.Services().Compute.CreateInstance(n.Context(), r); !cloud.Is(err, cloud.Invalid) {
		t.Fatalf("without an image: %v", err)
	}
	in := n.Create(withImage)
	if len(in.Disks) != 1 || in.Disks[0].VolumeID != v.ID || in.Disks[0].Role != "root" {
		t.Errorf("its disks are %+v", in.Disks)
	}
}
