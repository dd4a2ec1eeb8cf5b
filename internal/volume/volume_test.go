package volume_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/image"
	"github.com/nubo-cloud/nubo/internal/spec"
	"github.com/nubo-cloud/nubo/internal/volume"
)

const gib = 1 << 30

func TestVolumesFromEverySource(t *testing.T) {
	r, ctx := newRig(t), as("a")
	ok(t, r.EnsureDefaults(ctx))
	blank := r.made(ctx, volume.CreateRequest{Name: "blank", SizeGiB: 2})
	if blank.State != cloud.VolumeAvailable || blank.TypeID == "" || blank.Zone != "nova" || blank.OperationID != "" || blank.Task != "" {
		t.Fatalf("blank volume is %+v", blank)
	}
	if d, _ := r.host.Volume(blank.ID); d.SizeBytes != 2*gib || d.Origin != "blank" {
		t.Fatalf("the host made %+v", d)
	}
	i := r.activeImage(ctx)
	boot := r.made(ctx, volume.CreateRequest{SizeGiB: 1, ImageID: i.ID})
	if !boot.Bootable || boot.ImageProperties["os_distro"] != "debian" || boot.ImageProperties["image_id"] != string(i.ID) {
		t.Fatalf("volume from image is %+v", boot)
	}
	n := r.snapped(ctx, boot.ID)
	fromSnapshot := r.made(ctx, volume.CreateRequest{SnapshotID: n.ID})
	fromVolume := r.made(ctx, volume.CreateRequest{SourceVolumeID: boot.ID, SizeGiB: 3})
	for v, origin := range map[*cloud.Volume]string{boot: "image/" + string(i.ID), fromSnapshot: "snapshot/" + string(n.ID), fromVolume: "volume/" + string(boot.ID)} {
		if d, _ := r.host.Volume(v.ID); d.Origin != origin || !v.Bootable || d.SizeBytes != int64(v.SizeGiB)*gib {
			t.Errorf("volume %+v lies on the host as %+v, want origin %s", v, d, origin)
		}
	}
	if fromSnapshot.SizeGiB != 1 {
		t.Errorf("a volume without a size got %d GiB from its snapshot of 1", fromSnapshot.SizeGiB)
	}
}

func TestCreateRefusesNonsense(t *testing.T) {
	r, ctx := newRig(t), as("a")
	big := r.made(ctx, volume.CreateRequest{SizeGiB: 5})
	n := r.snapped(ctx, big.ID)
	small := r.activeImage(ctx)
	queued, err := r.images.Create(ctx, image.CreateRequest{Name: "q"})
	ok(t, err)
	_, err = r.images.Update(ctx, small.ID, func(f *image.Facts) error { f.MinDiskGiB = 4; return nil })
	ok(t, err)
	for what, c := range map[string]struct {
		q    volume.CreateRequest
		kind cloud.Kind
	}{
		"no size":               {volume.CreateRequest{}, cloud.Invalid},
		"negative":              {volume.CreateRequest{SizeGiB: -1}, cloud.Invalid},
		"two sources":           {volume.CreateRequest{SizeGiB: 5, SnapshotID: n.ID, SourceVolumeID: big.ID}, cloud.Invalid},
		"smaller than snapshot": {volume.CreateRequest{SizeGiB: 4, SnapshotID: n.ID}, cloud.Invalid},
		"smaller than volume":   {volume.CreateRequest{SizeGiB: 4, SourceVolumeID: big.ID}, cloud.Invalid},
		"smaller than min disk": {volume.CreateRequest{SizeGiB: 3, ImageID: small.ID}, cloud.Invalid},
		"image without bytes":   {volume.CreateRequest{SizeGiB: 3, ImageID: queued.ID}, cloud.Invalid},
		"no such image":         {volume.CreateRequest{SizeGiB: 3, ImageID: "none"}, cloud.NotFound},
		"no such type":          {volume.CreateRequest{SizeGiB: 3, TypeName: "gold"}, cloud.NotFound},
		"no such zone":          {volume.CreateRequest{SizeGiB: 3, Zone: "moon"}, cloud.NoCapacity},
	} {
		if _, err := r.CreateVolume(ctx, c.q); !cloud.Is(err, c.kind) {
			t.Errorf("%s: got %v, want %s", what, err, c.kind)
		}
	}
	if _, err := r.CreateVolume(as("b"), volume.CreateRequest{SourceVolumeID: big.ID}); !cloud.Is(err, cloud.NotFound) {
		t.Errorf("another project's volume as source: %v", err)
	}
	if _, err := r.CreateVolume(as("a", "reader"), volume.CreateRequest{SizeGiB: 1}); !cloud.Is(err, cloud.Forbidden) {
		t.Errorf("a reader created a volume: %v", err)
	}
}

func TestQuotaIsCountedFromRows(t *testing.T) {
	r, ctx := newRig(t), as("a")
	ok(t, r.quota.Set(ctx, "a", map[string]int64{cloud.QuotaVolumes: 2, cloud.QuotaGigabytes: 10, cloud.QuotaVolumeGigabytes: 6, cloud.QuotaSnapshots: 1}))
	_, err := r.CreateVolume(ctx, volume.CreateRequest{SizeGiB: 7})
	wantKind(t, err, cloud.QuotaExceeded)
	v := r.made(ctx, volume.CreateRequest{SizeGiB: 4})
	wantKind(t, r.Grow(ctx, v.ID, 7), cloud.QuotaExceeded)
	ok(t, r.Grow(ctx, v.ID, 5))
	r.settled()
	n := r.snapped(ctx, v.ID) // 10 GiB now
	_, err = r.CreateVolume(ctx, volume.CreateRequest{SizeGiB: 1})
	wantKind(t, err, cloud.QuotaExceeded)
	r.host.SetDown(true) // what waits for a host to be removed holds no quota
	ok(t, r.DeleteSnapshot(ctx, n.ID, false))
	r.host.SetDown(false)
	r.made(ctx, volume.CreateRequest{SizeGiB: 1})
	_, err = r.CreateVolume(ctx, volume.CreateRequest{SizeGiB: 1})
	wantKind(t, err, cloud.QuotaExceeded) // of volumes
	q, err := r.QuotasOf(ctx, "a", true)
	ok(t, err)
	if q.Used[cloud.QuotaVolumes] != 2 || q.Used[cloud.QuotaGigabytes] != 6 || q.Limits[cloud.QuotaGigabytes] != 10 {
		t.Fatalf("quotas are %+v", q)
	}
}

func TestGrowAlsoWhileAttachedAndBackWhenTheHostRefuses(t *testing.T) {
	r, ctx := newRig(t), as("a")
	v := r.made(ctx, volume.CreateRequest{SizeGiB: 1})
	r.attach(ctx, v.ID, "i-1")
	ok(t, r.Grow(ctx, v.ID, 2))
	r.settled()
	if d, _ := r.host.Volume(v.ID); d.SizeBytes != 2*gib || r.row(v.ID).State != cloud.VolumeAttached {
		t.Fatalf("grown volume is %+v on the host and %s", d, r.row(v.ID).State)
	}
	wantKind(t, r.Grow(ctx, v.ID, 2), cloud.Invalid)
	r.host.Fail("EnsureVolume", spec.ErrNoSpace)
	ok(t, r.Grow(ctx, v.ID, 3))
	eventually(t, "the failed growth is being undone", func() bool { return r.host.Calls("EnsureVolume") >= 4 })
	r.host.Fail("EnsureVolume", nil)
	r.settled()
	if got := r.row(v.ID); got.SizeGiB != 2 || got.Fault == nil || got.Fault.Kind != cloud.NoCapacity || got.Task != "" {
		t.Fatalf("after a refused growth the volume is %+v", got)
	}
	if got := r.ledger(v.ID); !slices.Equal(got, []cloud.UsageKind{cloud.UsageVolumeCreated, cloud.UsageVolumeGrown}) {
		t.Fatalf("ledger says %v", got)
	}
}

func TestAFailedVolumeSaysWhyAndIsDeleted(t *testing.T) {
	r, ctx := newRig(t), as("a")
	r.host.Fail("EnsureVolume", spec.ErrNoSpace)
	v, err := r.CreateVolume(ctx, volume.CreateRequest{SizeGiB: 1})
	ok(t, err)
	wantKind(t, r.WaitVolume(ctx, v.ID), cloud.NoCapacity)
	if got := r.row(v.ID); got.State != cloud.VolumeFailed || got.Fault == nil {
		t.Fatalf("failed volume is %+v", got)
	}
	ok(t, r.Delete(ctx, volume.DeleteRequest{ID: v.ID}))
	r.settled()
	if !r.gone(v.ID) {
		t.Fatal("a failed volume was not deleted")
	}
	if got := r.ledger(v.ID); !slices.Equal(got, []cloud.UsageKind{cloud.UsageVolumeCreated, cloud.UsageVolumeRemoved}) {
		t.Fatalf("ledger says %v", got)
	}
}

func TestDeleteWorksFromAnyStateAndOnADeadHost(t *testing.T) {
	r, ctx := newRig(t), as("a")
	v := r.made(ctx, volume.CreateRequest{SizeGiB: 1})
	r.host.SetDown(true)
	ok(t, r.Delete(ctx, volume.DeleteRequest{ID: v.ID}))
	ok(t, r.Delete(ctx, volume.DeleteRequest{ID: v.ID}))
	if got := r.row(v.ID).State; got != cloud.VolumeDeleting {
		t.Fatalf("on a dead host the row says %s", got)
	}
	making, err := r.CreateVolume(ctx, volume.CreateRequest{SizeGiB: 1})
	ok(t, err)
	ok(t, r.Delete(ctx, volume.DeleteRequest{ID: making.ID}))
	if got := r.row(making.ID).State; got != cloud.VolumeDeleting {
		t.Fatalf("a volume deleted while being made says %s", got)
	}
	r.host.SetDown(false)
	r.settled()
	for _, id := range []cloud.VolumeID{v.ID, making.ID} {
		if _, there := r.host.Volume(id); there || !r.gone(id) {
			t.Errorf("volume %s is still there", id)
		}
		if n := len(r.ledger(id)); n != 2 {
			t.Errorf("ledger of %s has %d lines, want created and removed", id, n)
		}
	}
	wantKind(t, r.Delete(ctx, volume.DeleteRequest{ID: v.ID}), cloud.NotFound)
}

func TestDeleteOfAHostThatIsNoMore(t *testing.T) {
	r, ctx := newRig(t), as("a")
	v := r.made(ctx, volume.CreateRequest{SizeGiB: 1})
	v.HostID = "host-that-was-removed"
	ok(t, r.db.Volumes.Update(ctx, v))
	ok(t, r.Delete(ctx, volume.DeleteRequest{ID: v.ID}))
	r.settled()
	if !r.gone(v.ID) {
		t.Fatal("a volume of a removed host was not deleted")
	}
}

func TestDeleteWithAttachmentsAndSnapshots(t *testing.T) {
	r, ctx := newRig(t), as("a")
	v := r.made(ctx, volume.CreateRequest{SizeGiB: 1})
	r.attach(ctx, v.ID, "i-1")
	wantKind(t, r.Delete(ctx, volume.DeleteRequest{ID: v.ID}), cloud.InUse)
	wantKind(t, r.Delete(ctx, volume.DeleteRequest{ID: v.ID, Force: true}), cloud.Forbidden)
	n := r.snapped(ctx, v.ID)
	ok(t, r.Delete(admin(), volume.DeleteRequest{ID: v.ID, Force: true}))
	r.settled()
	if len(r.guests.told) != 1 || r.guests.told[0] != "i-1" {
		t.Fatalf("guests told: %v", r.guests.told)
	}
	if _, there := r.host.Snapshot(string(n.ID)); !r.gone(v.ID) || !there {
		t.Fatal("the volume must go and its snapshot stay")
	}
	w := r.made(ctx, volume.CreateRequest{SnapshotID: n.ID})
	m := r.snapped(ctx, w.ID)
	wantKind(t, r.Delete(ctx, volume.DeleteRequest{ID: w.ID, UnlessSnapshots: true}), cloud.InUse)
	ok(t, r.Delete(ctx, volume.DeleteRequest{ID: w.ID, WithSnapshots: true}))
	r.settled()
	if _, there := r.host.Snapshot(string(m.ID)); there || !r.gone(w.ID) {
		t.Fatal("a cascading delete left something")
	}
}

func TestAttachmentLife(t *testing.T) {
	r, ctx := newRig(t), as("a")
	v := r.made(ctx, volume.CreateRequest{SizeGiB: 1})
	in := &cloud.Instance{ID: "i-1", ProjectID: "a", HostID: "host-1"}
	a, err := r.ReserveVolume(ctx, v.ID, in, "/dev/vdb", false)
	ok(t, err)
	if r.row(v.ID).State != cloud.VolumeReserved {
		t.Fatal("not reserved")
	}
	_, err = r.ReserveVolume(ctx, v.ID, &cloud.Instance{ID: "i-2", ProjectID: "a"}, "", false)
	wantKind(t, err, cloud.WrongState)
	_, err = r.ReserveVolume(ctx, v.ID, in, "", false)
	wantKind(t, err, cloud.Invalid)
	ok(t, r.FinishAttach(ctx, a.ID))
	ok(t, r.FinishAttach(ctx, a.ID))
	held, err := r.InstanceVolumes(ctx, []cloud.InstanceID{"i-1", "i-2"})
	ok(t, err)
	if len(held["i-1"]) != 1 || held["i-1"][0].AttachedAt == nil || r.row(v.ID).State != cloud.VolumeAttached {
		t.Fatalf("attached: %+v", held)
	}
	wantKind(t, r.DeleteAttachment(ctx, a.ID), cloud.Conflict)
	wantKind(t, r.DetachByHand(ctx, v.ID, ""), cloud.Conflict)
	_, err = r.BeginDetach(ctx, v.ID, "i-1")
	ok(t, err)
	if got := r.row(v.ID); got.Task != "volume.detach" || got.State != cloud.VolumeAttached {
		t.Fatalf("detaching volume is %+v", got)
	}
	ok(t, r.AbortDetach(ctx, a.ID))
	_, err = r.BeginDetach(ctx, v.ID, "i-2")
	wantKind(t, err, cloud.NotFound)
	_, err = r.BeginDetach(ctx, v.ID, "i-1")
	ok(t, err)
	ok(t, r.FinishDetach(ctx, a.ID))
	ok(t, r.FinishDetach(ctx, a.ID))
	if got := r.row(v.ID); got.State != cloud.VolumeAvailable || got.Task != "" {
		t.Fatalf("detached volume is %+v", got)
	}
	_, err = r.ReserveVolume(ctx, v.ID, &cloud.Instance{ID: "i-3", ProjectID: "b"}, "", false)
	wantKind(t, err, cloud.NotFound)
	_, err = r.ReserveVolume(ctx, v.ID, &cloud.Instance{ID: "i-3", ProjectID: "a", HostID: "host-2"}, "", false)
	wantKind(t, err, cloud.WrongState)
}

func (r *rig) attach(ctx ctxT, v cloud.VolumeID, in cloud.InstanceID) *cloud.Attachment {
	r.t.Helper()
	row := r.row(v)
	a, err := r.ReserveVolume(ctx, v, &cloud.Instance{ID: in, ProjectID: row.ProjectID, HostID: "host-1"}, "/dev/vdb", false)
	ok(r.t, err)
	ok(r.t, r.FinishAttach(ctx, a.ID))
	return a
}

func TestMultiAttachByType(t *testing.T) {
	r, ctx := newRig(t), as("a")
	many, err := r.CreateType(admin(), cloud.VolumeType{Name: "many", Public: true, ExtraSpecs: map[string]string{"multiattach": "<is> True"}})
	ok(t, err)
	v := r.made(ctx, volume.CreateRequest{SizeGiB: 1, TypeName: "many"})
	a, b := r.attach(ctx, v.ID, "i-1"), r.attach(ctx, v.ID, "i-2")
	ok(t, r.FinishDetach(ctx, a.ID))
	if r.row(v.ID).State != cloud.VolumeAttached {
		t.Fatal("free while the second instance has it")
	}
	ok(t, r.DeleteInstanceVolume(ctx, v.ID)) // i-2 has it still
	r.settled()
	if r.gone(v.ID) {
		t.Fatal("deleted under the second instance")
	}
	ok(t, r.FinishDetach(ctx, b.ID))
	ok(t, r.DeleteInstanceVolume(ctx, v.ID))
	r.settled()
	if !r.gone(v.ID) {
		t.Fatal("delete on termination left the volume")
	}
	ok(t, r.DeleteType(admin(), many.ID))
}

func TestAttachmentsByHandGiveNoInstanceADisk(t *testing.T) {
	r, ctx := newRig(t), as("a")
	v := r.made(ctx, volume.CreateRequest{SizeGiB: 1})
	ok(t, r.Reserve(ctx, v.ID))
	wantKind(t, r.Reserve(ctx, v.ID), cloud.WrongState)
	ok(t, r.Unreserve(ctx, v.ID))
	_, err := r.AttachByHand(ctx, volume.ByHand{VolumeID: v.ID, InstanceID: "i-9", Device: "/dev/vdc"})
	ok(t, err)
	if held, _ := r.InstanceVolumes(ctx, []cloud.InstanceID{"i-9"}); len(held) != 0 || r.row(v.ID).State != cloud.VolumeAttached {
		t.Fatalf("state %s, instances have %v", r.row(v.ID).State, held)
	}
	ok(t, r.BeginDetachByHand(ctx, v.ID))
	ok(t, r.RollBackDetachByHand(ctx, v.ID))
	ok(t, r.DetachByHand(ctx, v.ID, ""))
	if r.row(v.ID).State != cloud.VolumeAvailable {
		t.Fatal("not free again")
	}
}

func TestUploadImageHasTheVolumesBytes(t *testing.T) {
	r, ctx := newRig(t), as("a")
	i := r.activeImage(ctx)
	v := r.made(ctx, volume.CreateRequest{SizeGiB: 1, ImageID: i.ID})
	wantKind(t, second(r.UploadImage(ctx, volume.UploadRequest{VolumeID: v.ID, Format: "vmdk"})), cloud.Invalid)
	_, made, err := r.UploadImage(ctx, volume.UploadRequest{VolumeID: v.ID, Name: "from volume"})
	ok(t, err)
	if got := r.row(v.ID); got.Task != "volume.upload_image" {
		t.Fatalf("uploading volume is %+v", got)
	}
	r.settled()
	got, err := r.images.Image(ctx, made.ID)
	ok(t, err)
	if got.State != cloud.ImageActive || got.SizeBytes != 4096 || got.MinDiskGiB != 1 || got.Properties["os_distro"] != "debian" || got.Properties["image_id"] != "" {
		t.Fatalf("image of a volume is %+v", got)
	}
	if _, there := r.host.Snapshot(string(made.ID)); there || r.row(v.ID).Task != "" {
		t.Fatal("the upload left something")
	}
}

func second[A, B any](_ A, _ B, err error) error { return err }

func TestOrphansGoAndWhatIsKnownStays(t *testing.T) {
	r, ctx := newRig(t), as("a")
	v := r.made(ctx, volume.CreateRequest{SizeGiB: 1, ImageID: r.activeImage(ctx).ID})
	n := r.snapped(ctx, v.ID)
	for _, id := range []spec.VolumeID{"lost", "local-disk"} {
		_, err := r.host.EnsureVolume(ctx, spec.Volume{ID: id, SizeBytes: gib})
		ok(t, err)
	}
	ok(t, r.host.EnsureSnapshot(ctx, spec.Snapshot{ID: "lost", Volume: "lost"}))
	ok(t, r.host.EnsureImage(ctx, spec.Image{ID: "lost"}))
	inv, err := r.host.Inventory(ctx)
	ok(t, err)
	known := volume.Known{Volumes: func(_ ctxT, ids []spec.VolumeID) (map[spec.VolumeID]bool, error) {
		return map[spec.VolumeID]bool{"local-disk": true}, nil
	}}
	// As a caller with no rights: what is hidden from it must not look like an orphan.
	gone, err := r.CollectOrphans(t.Context(), "host-1", inv, known)
	ok(t, err)
	if !slices.Equal(gone.Volumes, []spec.VolumeID{"lost"}) || !slices.Equal(gone.Snapshots, []spec.SnapshotID{"lost"}) || !slices.Equal(gone.Images, []spec.ImageID{"lost"}) {
		t.Fatalf("removed %+v", gone)
	}
	_, a := r.host.Volume(v.ID)
	_, b := r.host.Volume("local-disk")
	_, c := r.host.Snapshot(string(n.ID))
	if !a || !b || !c {
		t.Fatal("something that is known was removed")
	}
}

func TestOrphansThatAreBusyWait(t *testing.T) {
	r := newRig(t)
	_, err := r.host.EnsureVolume(t.Context(), spec.Volume{ID: "lost", SizeBytes: gib})
	ok(t, err)
	r.host.Fail("RemoveVolume", errors.Join(errors.New("open"), spec.ErrBusy))
	gone, err := r.CollectOrphans(t.Context(), "host-1", spec.Inventory{Volumes: []spec.VolumeID{"lost"}}, volume.Known{})
	ok(t, err)
	if len(gone.Volumes) != 0 {
		t.Fatal("said that a busy volume is gone")
	}
}

// The usual type is the one that the operator named, unless a project has one of its own.
func TestUsualType(t *testing.T) {
	r, ctx := newRig(t), as("a")
	r.DefaultTypeName = "silver"
	ok(t, r.EnsureDefaults(ctx))
	usual := func() string {
		t.Helper()
		found, err := r.UsualType(ctx)
		ok(t, err)
		if v := r.made(ctx, volume.CreateRequest{SizeGiB: 1}); v.TypeID != found.ID {
			t.Errorf("a new volume has type %s, the usual one is %s", v.TypeID, found.ID)
		}
		return found.Name
	}
	if got := usual(); got != "silver" {
		t.Errorf("the usual type is %s", got)
	}
	_, err := r.CreateType(admin(), cloud.VolumeType{Name: "gold", Public: true})
	ok(t, err)
	_, err = r.SetDefaultType(admin(), "a", "gold")
	ok(t, err)
	if got := usual(); got != "gold" {
		t.Errorf("the project's usual type is %s", got)
	}
}

func TestTypesAndTheirAccess(t *testing.T) {
	r, ctx := newRig(t), as("a")
	ok(t, r.EnsureDefaults(ctx))
	ok(t, r.EnsureDefaults(ctx))
	_, err := r.CreateType(ctx, cloud.VolumeType{Name: "mine", Public: true})
	wantKind(t, err, cloud.Forbidden)
	_, err = r.CreateType(admin(), cloud.VolumeType{Name: volume.DefaultTypeName})
	wantKind(t, err, cloud.AlreadyExists)
	secret, err := r.CreateType(admin(), cloud.VolumeType{Name: "secret"})
	ok(t, err)
	_, err = r.Type(ctx, "secret")
	wantKind(t, err, cloud.NotFound)
	ok(t, r.GrantType(admin(), secret.ID, "a"))
	v := r.made(ctx, volume.CreateRequest{SizeGiB: 1, TypeName: "secret"})
	wantKind(t, r.DeleteType(admin(), secret.ID), cloud.InUse)
	ok(t, r.Retype(ctx, volume.RetypeRequest{ID: v.ID, Type: volume.DefaultTypeName}))
	ok(t, r.RevokeType(admin(), secret.ID, "a"))
	wantKind(t, r.RevokeType(admin(), secret.ID, "a"), cloud.NotFound)
	ok(t, r.DeleteType(admin(), secret.ID))
	types, err := r.ListTypes(ctx, cloud.Query{}, nil)
	ok(t, err)
	if len(types) != 1 {
		t.Fatalf("a project sees %d types", len(types))
	}
}
