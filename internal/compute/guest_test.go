package compute

import (
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// A guest's disks are shared and read-only as their volumes were when they were attached, and without those that leave.
func TestGuestDisks(t *testing.T) {
	in := &cloud.Instance{Disks: []cloud.InstanceDisk{
		{VolumeID: "root", Local: true, Role: "root"},
		{VolumeID: "shared", Role: "data", Shared: true},
		{VolumeID: "leaving", Role: "data", Leaving: true},
		{VolumeID: "fixed", Role: "data", ReadOnly: true},
	}}
	disks := guestDisks(in)
	if len(disks) != 3 || disks[0].BootIndex != 1 || disks[0].Shared || !disks[1].Shared || disks[1].ReadOnly || !disks[2].ReadOnly {
		t.Errorf("disks are %+v", disks)
	}
}
