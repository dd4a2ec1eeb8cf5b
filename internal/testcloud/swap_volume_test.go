package testcloud_test

import (
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/testcloud"
)

// A volume takes another's place in a running instance; the other is free then. What is too small, is not there, or would
// leave somebody else writing to the old one is refused, and changes nothing.
func TestSwapVolume(t *testing.T) {
	c := testcloud.New(t, testcloud.Options{Hosts: 1})
	n := c.Tenant(t)
	s := c.Services()
	in := n.Create(n.Request("one"))
	made := func(size int) *cloud.Volume { return n.Volume(size) }
	old, next, small := made(2), made(3), made(1)
	if _, err := s.Compute.AttachVolume(n.Context(), in.ID, compute.AttachRequest{Volume: old.ID}); err != nil {
		t.Fatal(err)
	}
	c.Settle(t)
	for what, swap := range map[string]struct {
		old, next cloud.VolumeID
		kind      cloud.Kind
	}{
		"too small":    {old.ID, small.ID, cloud.Invalid},
		"not there":    {old.ID, "nowhere", cloud.Invalid},
		"not attached": {next.ID, old.ID, cloud.NotFound},
	} {
		if err := s.Compute.SwapVolume(c.Admin(), in.ID, swap.old, swap.next); !cloud.Is(err, swap.kind) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := s.Compute.SwapVolume(n.Context(), in.ID, old.ID, next.ID); !cloud.Is(err, cloud.Forbidden) {
		t.Errorf("a member may: %v", err)
	}
	if err := s.Compute.SwapVolume(c.Admin(), in.ID, old.ID, next.ID); err != nil {
		t.Fatal(err)
	}
	c.Settle(t)
	v, err := s.Compute.Instance(n.Context(), in.ID)
	if err != nil || v.Disks[1].VolumeID != next.ID || v.Disks[1].SizeBytes != 3<<30 {
		t.Errorf("disks %+v, %v", v.Disks, err)
	}
	for id, want := range map[cloud.VolumeID]cloud.VolumeState{old.ID: cloud.VolumeAvailable, next.ID: cloud.VolumeAttached} {
		if v, err := s.Volume.Volume(n.Context(), id); err != nil || v.State != want {
			t.Errorf("volume is %s, want %s; %v", v.State, want, err)
		}
	}
	sound(t, c, 1)
}
