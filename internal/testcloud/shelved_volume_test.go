package testcloud_test

import (
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/testcloud"
)

// A volume can be given to an instance that is off its host, and taken back; it comes up with those it has then.
func TestVolumesOfAShelvedInstance(t *testing.T) {
	c := testcloud.New(t, testcloud.Options{Hosts: 1})
	n := c.Tenant(t)
	in, s := n.Create(n.Request("shelved")), c.Services().Compute
	kept, returned := n.Volume(1), n.Volume(1)
	step := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		c.Settle(t)
	}
	step(s.ShelveInstance(n.Context(), in.ID))
	for _, v := range []*cloud.Volume{kept, returned} {
		_, err := s.AttachVolume(n.Context(), in.ID, compute.AttachRequest{Volume: v.ID})
		step(err)
	}
	step(s.DetachVolume(n.Context(), in.ID, returned.ID))
	if v, err := c.Store.Volumes.Get(n.Context(), returned.ID); err != nil || v.State != cloud.VolumeAvailable {
		t.Errorf("the returned volume: %+v, %v", v, err)
	}
	step(s.UnshelveInstance(n.Context(), in.ID, compute.UnshelveRequest{}))
	got := c.Instance(t, in.ID)
	if got.Phase != cloud.PhaseReady || len(got.Disks) != 2 || got.Disks[1].VolumeID != kept.ID {
		t.Errorf("it is %s with disks %+v: %+v", got.Phase, got.Disks, got.Fault)
	}
}
