package image_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/image"
	"github.com/nubo-cloud/nubo/internal/image/imagetest"
	"github.com/nubo-cloud/nubo/internal/operation"
	"github.com/nubo-cloud/nubo/internal/quota"
	"github.com/nubo-cloud/nubo/internal/store"
)

type rig struct {
	*image.Service
	db    *store.Store
	bytes *imagetest.Bytes
	quota *quota.Service

	t       *testing.T
	staging *imagetest.Bytes
	web     web
	engine  *operation.Engine
}

func newRig(t *testing.T) *rig {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite::memory:", store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	r := &rig{t: t, db: db, bytes: &imagetest.Bytes{}, staging: &imagetest.Bytes{}, web: web{}, quota: quota.New(db.Quotas, db)}
	r.Service = r.service()
	return r
}

// service makes another Service on the same rows and bytes, as a process that starts anew does.
func (r *rig) service() *image.Service {
	engine := operation.New(operation.Options{Records: r.db.Operations, Tx: r.db, Log: slog.New(slog.DiscardHandler), Exclusive: true})
	s := image.New(image.Deps{Images: r.db.Images, Tx: r.db, Quota: r.quota, Bytes: r.bytes, Staging: r.staging, Web: r.web,
		Operations: engine, Records: r.db.Operations, Region: "here", Log: slog.New(slog.DiscardHandler), Now: time.Now})
	r.run(engine)
	return s
}

// run lets Operations run until the test ends.
func (r *rig) run(e *operation.Engine) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	r.engine = e
	r.t.Cleanup(func() {
		stop()
		<-ended
	})
}

func as(project string, roles ...string) context.Context {
	if len(roles) == 0 {
		roles = []string{"member", "reader"}
	}
	return cloud.WithPrincipal(context.Background(), &cloud.Principal{UserID: cloud.UserID("user-" + project),
		ProjectID: cloud.ProjectID(project), Roles: roles})
}

func admin() context.Context { return as("ops", "admin", "manager", "member", "reader") }

func wantKind(t *testing.T, err error, k cloud.Kind) {
	t.Helper()
	if !cloud.Is(err, k) {
		t.Fatalf("got error %v, want one of kind %q", err, k)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var raw = append([]byte("not any known magic"), make([]byte, 8192)...)

func (r *rig) queued(t *testing.T, ctx context.Context, change ...func(*image.CreateRequest)) *cloud.Image {
	t.Helper()
	q := image.CreateRequest{Name: "debian", Format: "raw", Container: "bare"}
	for _, c := range change {
		c(&q)
	}
	i, err := r.Create(ctx, q)
	ok(t, err)
	return i
}

func (r *rig) active(t *testing.T, ctx context.Context, change ...func(*image.CreateRequest)) *cloud.Image {
	t.Helper()
	i := r.queued(t, ctx, change...)
	ok(t, r.Upload(ctx, i.ID, bytes.NewReader(raw)))
	return must(r.Image(ctx, i.ID))
}

func (r *rig) state(t *testing.T, id cloud.ImageID) cloud.ImageState {
	t.Helper()
	i, err := r.db.Images.Get(t.Context(), id)
	ok(t, err)
	return i.State
}

func (r *rig) kept(t *testing.T) int {
	t.Helper()
	return len(must(r.bytes.List(t.Context())))
}

func TestUploadMakesTheImageActiveAndGivesTheBytesBack(t *testing.T) {
	r, ctx := newRig(t), as("a")
	i := r.active(t, ctx)
	if i.State != cloud.ImageActive || i.SizeBytes != int64(len(raw)) || len(i.MD5) != 32 || len(i.SHA512) != 128 {
		t.Fatalf("uploaded image is %+v", i)
	}
	if i.VirtualBytes < i.SizeBytes || i.VirtualBytes%512 != 0 {
		t.Fatalf("a raw disk of %d bytes shows %d", i.SizeBytes, i.VirtualBytes)
	}
	_, f, err := r.Download(ctx, i.ID)
	ok(t, err)
	defer f.Close()
	if got := must(io.ReadAll(f)); !bytes.Equal(got, raw) {
		t.Fatal("other bytes came back")
	}
	if _, err := r.Usable(ctx, i.ID); err != nil {
		t.Fatal(err)
	}
	wantKind(t, r.Upload(ctx, i.ID, bytes.NewReader(raw)), cloud.WrongState)
}

func TestBrokenUploadLeavesNothing(t *testing.T) {
	r, ctx := newRig(t), as("a")
	i := r.queued(t, ctx)
	cut := io.MultiReader(strings.NewReader("half of it"), errReader{io.ErrUnexpectedEOF})
	wantKind(t, r.Upload(ctx, i.ID, cut), cloud.Invalid)
	if s := r.state(t, i.ID); s != cloud.ImageQueued {
		t.Fatalf("state after a cut is %s", s)
	}
	if r.kept(t) != 0 {
		t.Fatal("bytes of a cut upload were kept")
	}
	ok(t, r.Upload(ctx, i.ID, bytes.NewReader(raw)))
}

type errReader struct{ err error }

func (e errReader) Read([]byte) (int, error) { return 0, e.err }

func TestHostileBytesAreRefusedAndSwept(t *testing.T) {
	r, ctx := newRig(t), as("a")
	qcow := append([]byte("QFI\xfb\x00\x00\x00\x03"), make([]byte, 8192)...)
	i := r.queued(t, ctx)
	wantKind(t, r.Upload(ctx, i.ID, bytes.NewReader(qcow)), cloud.Invalid)
	j := r.queued(t, ctx, func(q *image.CreateRequest) { q.Format = "qcow2" })
	wantKind(t, r.Upload(ctx, j.ID, bytes.NewReader(raw)), cloud.Invalid)
	if r.state(t, i.ID) != cloud.ImageQueued || r.state(t, j.ID) != cloud.ImageQueued || r.kept(t) != 0 {
		t.Fatal("a refused upload left something")
	}
}

func TestASecondUploadBesideARunningOneIsRefused(t *testing.T) {
	r, ctx := newRig(t), as("a")
	i := r.queued(t, ctx)
	reading, done := make(chan struct{}), make(chan error)
	r.bytes.Reading = func(cloud.ImageID) { close(reading) }
	pr, pw := io.Pipe()
	go func() { done <- r.Upload(ctx, i.ID, pr) }()
	<-reading
	wantKind(t, r.Upload(ctx, i.ID, bytes.NewReader(raw)), cloud.WrongState)
	if _, err := pw.Write(raw); err != nil {
		t.Fatal(err)
	}
	pw.Close()
	ok(t, <-done)
	if r.state(t, i.ID) != cloud.ImageActive {
		t.Fatal("the first upload was disturbed")
	}
}

func TestAnImageDeletedDuringItsUploadLeavesNoBytes(t *testing.T) {
	r, ctx := newRig(t), as("a")
	i := r.queued(t, ctx)
	r.bytes.Reading = func(id cloud.ImageID) { ok(t, r.Delete(ctx, id)) }
	wantKind(t, r.Upload(ctx, i.ID, bytes.NewReader(raw)), cloud.NotFound)
	if r.kept(t) != 0 {
		t.Fatal("bytes of a deleted image were kept")
	}
}

func TestRecoverQueuesBrokenUploadsAndSweepsBytes(t *testing.T) {
	r, ctx := newRig(t), as("a")
	broken, whole := r.queued(t, ctx), r.active(t, ctx)
	dead := make(chan struct{})
	r.bytes.Reading = func(cloud.ImageID) { close(dead); select {} } // the process dies here
	go r.Upload(ctx, broken.ID, bytes.NewReader(raw))                // never returns
	<-dead
	r.bytes.Reading = nil
	r.bytes.Plant(broken.ID, raw)
	r.bytes.Plant("11111111-1111-4111-8111-111111111111", raw)
	again := r.service()
	ok(t, again.Recover(t.Context()))
	if r.state(t, broken.ID) != cloud.ImageQueued || r.state(t, whole.ID) != cloud.ImageActive {
		t.Fatal("recovery left the states wrong")
	}
	if got := must(r.bytes.List(t.Context())); len(got) != 1 || got[0] != whole.ID {
		t.Fatalf("recovery left the bytes of %v", got)
	}
	ok(t, again.Upload(ctx, broken.ID, bytes.NewReader(raw)))
}

func TestWriteBytesMayBeRepeatedAndKeepsOthersAway(t *testing.T) {
	r, ctx := newRig(t), as("a")
	i, err := r.CreateFor(ctx, image.CreateRequest{Name: "snap", Format: "raw", Container: "bare", OperationID: "op-1"})
	ok(t, err)
	wantKind(t, r.Upload(ctx, i.ID, bytes.NewReader(raw)), cloud.WrongState)
	lost := errors.New("the host went away")
	if err := r.WriteBytes(ctx, i.ID, errReader{lost}); !errors.Is(err, lost) {
		t.Fatalf("got %v, want the reader's own error", err)
	}
	if r.state(t, i.ID) != cloud.ImageSaving {
		t.Fatal("an image that an Operation writes was opened to others")
	}
	ok(t, r.WriteBytes(ctx, i.ID, bytes.NewReader(raw)))
	ok(t, r.WriteBytes(ctx, i.ID, errReader{lost})) // has its bytes: not read
	ok(t, r.Discard(ctx, i.ID))
	ok(t, r.Discard(ctx, i.ID))
	if r.kept(t) != 0 {
		t.Fatal("discarded bytes stayed")
	}
}

func TestQuotaOfImagesAndBytes(t *testing.T) {
	r, ctx := newRig(t), as("a")
	ok(t, r.quota.Set(t.Context(), "a", map[string]int64{cloud.QuotaImages: 4, cloud.QuotaImageBytes: int64(len(raw)) + 10}))
	r.active(t, ctx)
	passing, over, staged := r.queued(t, ctx), r.queued(t, ctx), r.queued(t, ctx)
	_, err := r.Create(ctx, image.CreateRequest{Name: "one too many"})
	wantKind(t, err, cloud.QuotaExceeded)
	ok(t, r.Upload(ctx, passing.ID, bytes.NewReader(raw))) // the limit is not passed before it is there
	wantKind(t, r.Upload(ctx, over.ID, bytes.NewReader(raw)), cloud.QuotaExceeded)
	if r.kept(t) != 2 || r.state(t, over.ID) != cloud.ImageQueued {
		t.Fatal("an upload over quota left something")
	}
	ok(t, r.quota.Set(t.Context(), "a", map[string]int64{cloud.QuotaStagedBytes: 1}))
	ok(t, r.Stage(ctx, staged.ID, bytes.NewReader(raw)))
	wantKind(t, r.Stage(ctx, over.ID, bytes.NewReader(raw)), cloud.QuotaExceeded)
}

func TestWhoSeesWhat(t *testing.T) {
	r := newRig(t)
	owner, other := as("a"), as("b")
	visibility := func(v cloud.Visibility) func(*image.CreateRequest) {
		return func(q *image.CreateRequest) { q.Visibility, q.Name = v, string(v) }
	}
	private := r.active(t, owner, visibility(cloud.VisibilityPrivate))
	shared := r.active(t, owner, visibility(cloud.VisibilityShared))
	community := r.active(t, owner, visibility(cloud.VisibilityCommunity))
	public := r.active(t, admin(), visibility(cloud.VisibilityPublic))
	_, err := r.Create(owner, image.CreateRequest{Visibility: cloud.VisibilityPublic})
	wantKind(t, err, cloud.Forbidden)

	names := func(ctx context.Context, f image.Filter) string {
		var all []string
		for _, i := range must(r.List(ctx, f)) {
			all = append(all, i.Name)
		}
		return strings.Join(all, " ")
	}
	check := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: listed %q, want %q", what, got, want)
		}
	}
	check("the owner", names(owner, image.Filter{}), "private shared community public")
	check("another", names(other, image.Filter{}), "public")
	check("another asking for all", names(other, image.Filter{Visibility: image.VisibilityAll}), "community public")
	check("another asking for community", names(other, image.Filter{Visibility: cloud.VisibilityCommunity}), "community")
	_, err = r.Image(other, shared.ID)
	wantKind(t, err, cloud.NotFound)
	_, err = r.Image(other, private.ID)
	wantKind(t, err, cloud.NotFound)
	if _, err := r.Image(other, community.ID); err != nil {
		t.Error("a community image is hidden:", err)
	}
	_, err = r.Update(other, public.ID, func(*image.Facts) error { return nil })
	wantKind(t, err, cloud.Forbidden)

	_, err = r.AddMember(owner, shared.ID, "b")
	ok(t, err)
	_, err = r.AddMember(owner, shared.ID, "b")
	wantKind(t, err, cloud.AlreadyExists)
	check("a pending member", names(other, image.Filter{}), "public")
	check("a pending member asking for pending", names(other, image.Filter{MemberStatus: image.MemberPending, Visibility: cloud.VisibilityShared}), "shared")
	if _, err := r.Image(other, shared.ID); err != nil {
		t.Error("a pending member cannot see the image by id:", err)
	}
	_, err = r.SetMemberStatus(owner, shared.ID, "b", image.MemberAccepted)
	wantKind(t, err, cloud.Forbidden)
	_, err = r.SetMemberStatus(other, shared.ID, "b", image.MemberAccepted)
	ok(t, err)
	check("an accepted member", names(other, image.Filter{}), "shared public")
	wantKind(t, r.RemoveMember(other, shared.ID, "b"), cloud.Forbidden)
	ok(t, r.RemoveMember(owner, shared.ID, "b"))
	check("a former member", names(other, image.Filter{}), "public")
	_, err = r.AddMember(owner, private.ID, "b")
	wantKind(t, err, cloud.Forbidden)
}

func TestProtectionAndDeactivation(t *testing.T) {
	r, ctx := newRig(t), as("a")
	i := r.active(t, ctx)
	_, err := r.Update(ctx, i.ID, func(f *image.Facts) error { f.Protected = true; return nil })
	ok(t, err)
	wantKind(t, r.Delete(ctx, i.ID), cloud.Forbidden)
	ok(t, r.Deactivate(ctx, i.ID))
	ok(t, r.Deactivate(ctx, i.ID))
	_, _, err = r.Download(ctx, i.ID)
	wantKind(t, err, cloud.Forbidden)
	_, err = r.Usable(ctx, i.ID)
	wantKind(t, err, cloud.Invalid)
	_, f, err := r.Download(admin(), i.ID)
	ok(t, err)
	f.Close()
	ok(t, r.Reactivate(ctx, i.ID))
	_, err = r.Update(ctx, i.ID, func(f *image.Facts) error { f.Protected = false; return nil })
	ok(t, err)
	ok(t, r.Delete(ctx, i.ID))
	if r.kept(t) != 0 {
		t.Fatal("bytes of a deleted image stayed")
	}
	wantKind(t, r.Deactivate(ctx, r.queued(t, ctx).ID), cloud.Forbidden)
}

func TestFactsAreChecked(t *testing.T) {
	r, ctx := newRig(t), as("a")
	for what, q := range map[string]image.CreateRequest{
		"format":     {Format: "tape"},
		"container":  {Container: "box"},
		"id":         {ID: "../../etc/passwd"},
		"visibility": {Visibility: "secret"},
		"min disk":   {MinDiskGiB: -1},
		"name":       {Name: strings.Repeat("x", 256)},
		"value":      {Properties: map[string]string{"k": strings.Repeat("x", 65536)}},
	} {
		if _, err := r.Create(ctx, q); !cloud.Is(err, cloud.Invalid) {
			t.Errorf("%s: got %v, want Invalid", what, err)
		}
	}
	kernel, err := r.Create(ctx, image.CreateRequest{Format: "aki", Properties: map[string]string{"APPLIANCE_ATTRIBUTES": strings.Repeat("x", 65000)}})
	ok(t, err)
	if kernel.Container != "aki" {
		t.Error("an Amazon format did not bring its container")
	}
	ok(t, r.Upload(ctx, kernel.ID, bytes.NewReader(raw)))
	_, err = r.Update(ctx, kernel.ID, func(f *image.Facts) error { f.Format, f.Container = "raw", "bare"; return nil })
	wantKind(t, err, cloud.WrongState)
	noFormat := must(r.Create(ctx, image.CreateRequest{Name: "n"}))
	wantKind(t, r.Upload(ctx, noFormat.ID, bytes.NewReader(raw)), cloud.Invalid)
	if r.state(t, noFormat.ID) != cloud.ImageQueued {
		t.Error("an upload that never began changed the state")
	}
	twice := must(r.Create(ctx, image.CreateRequest{ID: "22222222-2222-4222-8222-222222222222"}))
	_, err = r.Create(as("b"), image.CreateRequest{ID: twice.ID})
	wantKind(t, err, cloud.AlreadyExists)
}

func TestAnAmazonContainerWithAnotherFormatIsKeptButNotUsable(t *testing.T) {
	r, ctx := newRig(t), as("a")
	for format, usable := range map[string]bool{"vhd": false, "qcow2": false, "raw": true, "ari": true} {
		i := r.queued(t, ctx, func(q *image.CreateRequest) { q.Format, q.Container = format, "ami" })
		ok(t, r.Upload(ctx, i.ID, bytes.NewReader(raw)))
		if _, err := r.Usable(ctx, i.ID); cloud.Is(err, cloud.Invalid) == usable {
			t.Errorf("ami of %s: %v", format, err)
		}
	}
}

// A client whose standard input is empty uploads that: the image is active, and no instance boots from it.
func TestNothingIsKeptButNotUsable(t *testing.T) {
	r, ctx := newRig(t), as("a")
	i := r.queued(t, ctx)
	ok(t, r.Upload(ctx, i.ID, strings.NewReader("")))
	if got := r.state(t, i.ID); got != cloud.ImageActive {
		t.Errorf("the image is %s", got)
	}
	_, err := r.Usable(ctx, i.ID)
	wantKind(t, err, cloud.Invalid)
}

func TestAnOVAPackageIsKeptButNotUsable(t *testing.T) {
	r, ctx := newRig(t), as("a")
	tar := make([]byte, 10240)
	copy(tar[257:], "ustar")
	i := r.queued(t, ctx, func(q *image.CreateRequest) { q.Format, q.Container = "vmdk", "ova" })
	ok(t, r.Upload(ctx, i.ID, bytes.NewReader(tar)))
	_, err := r.Usable(ctx, i.ID)
	wantKind(t, err, cloud.Invalid)
}
