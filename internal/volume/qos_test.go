package volume_test

import (
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
	"github.com/nubo-cloud/nubo/internal/volume"
)

// TestDiskLimits follows limits from a set over its type to a volume.
func TestDiskLimits(t *testing.T) {
	r := newRig(t)
	front, err := r.CreateQOS(admin(), cloud.VolumeQOS{Name: "front", Consumer: "front-end",
		Specs: map[string]string{"total_iops_sec": "100", "read_iops_sec": "7", "write_bytes_sec_per_gb": "1000", "other": "words"}})
	ok(t, err)
	_, err = r.CreateQOS(admin(), cloud.VolumeQOS{Name: "front"})
	wantKind(t, err, cloud.AlreadyExists)
	_, err = r.CreateQOS(admin(), cloud.VolumeQOS{Name: "bad", Specs: map[string]string{"read_iops_sec": "many"}})
	wantKind(t, err, cloud.Invalid)
	_, err = r.CreateQOS(as("a"), cloud.VolumeQOS{Name: "mine"})
	wantKind(t, err, cloud.Forbidden)
	fast, err := r.CreateType(admin(), cloud.VolumeType{Name: "fast", Public: true})
	ok(t, err)
	ok(t, r.AssociateQOS(admin(), front.ID, fast.ID))
	v := r.made(as("a"), volume.CreateRequest{SizeGiB: 3, TypeName: "fast"})
	plain := r.made(as("a"), volume.CreateRequest{SizeGiB: 1})
	limits := func() map[cloud.VolumeID]spec.DiskLimits {
		l, err := r.DiskLimits(t.Context(), []cloud.VolumeID{v.ID, plain.ID})
		ok(t, err)
		return l
	}
	if got := limits(); len(got) != 1 || got[v.ID] != (spec.DiskLimits{IOPS: 100, WriteBytesPerSecond: 3000}) {
		t.Errorf("limits: %+v", got)
	}
	_, err = r.SetQOS(admin(), front.ID, "back-end", nil)
	ok(t, err)
	if got := limits(); len(got) != 0 {
		t.Errorf("limits for the back end reach the guest: %+v", got)
	}
	wantKind(t, r.DeleteQOS(admin(), front.ID, false), cloud.InUse)
	ok(t, r.DeleteQOS(admin(), front.ID, true))
	if got, err := r.Type(admin(), "fast"); err != nil || got.QOSID != "" {
		t.Errorf("type after its limits went: %+v, %v", got, err)
	}
}

// TestDefaultTypes gives a project a default type of its own, which others do not have.
func TestDefaultTypes(t *testing.T) {
	r := newRig(t)
	ok(t, r.EnsureDefaults(t.Context()))
	fast, err := r.CreateType(admin(), cloud.VolumeType{Name: "fast", Public: true})
	ok(t, err)
	_, err = r.SetDefaultType(as("a"), "a", "fast")
	wantKind(t, err, cloud.Forbidden)
	for range 2 {
		_, err = r.SetDefaultType(admin(), "a", "fast")
		ok(t, err)
	}
	if v := r.made(as("a"), volume.CreateRequest{SizeGiB: 1}); v.TypeID != fast.ID {
		t.Errorf("type %s, not the project's default", v.TypeID)
	}
	if v := r.made(as("b"), volume.CreateRequest{SizeGiB: 1}); v.TypeID == fast.ID {
		t.Error("another project has the default type too")
	}
	ok(t, r.UnsetDefaultType(admin(), "a"))
	wantKind(t, r.UnsetDefaultType(admin(), "a"), cloud.NotFound)
}
