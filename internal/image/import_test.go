package image_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/image"
)

// web serves pages by their URL.
type web map[string]string

func (web) Check(uri string) error {
	if uri == "" {
		return cloud.Invalidf("image", "uri", "no URI")
	}
	return nil
}

func (w web) Fetch(_ context.Context, uri string) (io.ReadCloser, int64, error) {
	page, ok := w[uri]
	if !ok {
		return nil, 0, cloud.Invalidf("image", "uri", "not found")
	}
	return io.NopCloser(strings.NewReader(page)), -1, nil
}

// ended waits for the last import of an image and answers the image.
func (r *rig) ended(t *testing.T, id cloud.ImageID) *cloud.Image {
	t.Helper()
	tasks, err := r.ImageTasks(admin(), id)
	ok(t, err)
	_, err = r.engine.Await(t.Context(), tasks[len(tasks)-1].Operation.ID)
	ok(t, err)
	i, err := r.db.Images.Get(t.Context(), id)
	ok(t, err)
	return i
}

// nothingStaged wants no bytes aside.
func (r *rig) nothingStaged(t *testing.T) {
	t.Helper()
	if left := must(r.staging.List(t.Context())); len(left) > 0 {
		t.Errorf("staged bytes of %v are left", left)
	}
}

// Staged bytes become the image's, and nothing of them stays aside.
func TestImportStaged(t *testing.T) {
	r := newRig(t)
	i := r.queued(t, as("a"))
	ok(t, r.Stage(as("a"), i.ID, strings.NewReader(string(raw))))
	wantKind(t, r.Stage(as("a"), i.ID, strings.NewReader("again")), cloud.WrongState)
	wantKind(t, r.Upload(as("a"), i.ID, strings.NewReader("again")), cloud.WrongState)
	if u := must(r.Usage(as("a"))); u.Staged != int64(len(raw)) || u.Arriving != 1 {
		t.Errorf("usage %+v", u)
	}
	wantKind(t, r.Import(as("a"), i.ID, image.ImportRequest{From: image.SourceWeb, URI: "x"}), cloud.WrongState)
	ok(t, r.Import(as("a"), i.ID, image.ImportRequest{From: image.SourceStaged}))
	if got := r.ended(t, i.ID); got.State != cloud.ImageActive || got.SizeBytes != int64(len(raw)) || got.StagedBytes != 0 || got.OperationID != "" {
		t.Errorf("after the import: %+v", got)
	}
	r.nothingStaged(t)
	wantKind(t, r.Import(as("a"), i.ID, image.ImportRequest{From: image.SourceStaged}), cloud.WrongState)
}

// A broken staging, a page that is not there, and bytes that are not what they were said to be leave a queued image.
func TestImportFails(t *testing.T) {
	r := newRig(t)
	i := r.queued(t, as("a"), func(q *image.CreateRequest) { q.Format = "qcow2" })
	wantKind(t, r.Stage(as("a"), i.ID, io.MultiReader(strings.NewReader("x"), broken{})), cloud.Invalid)
	if s := r.state(t, i.ID); s != cloud.ImageQueued {
		t.Errorf("after a broken staging: %s", s)
	}
	r.web["page"] = "no qcow2"
	for _, uri := range []string{"nowhere", "page"} {
		ok(t, r.Import(as("a"), i.ID, image.ImportRequest{From: image.SourceWeb, URI: uri}))
		if got := r.ended(t, i.ID); got.State != cloud.ImageQueued || got.Fault == nil || got.OperationID != "" || got.SizeBytes != 0 {
			t.Errorf("%s: %+v", uri, got)
		}
	}
	if kept := must(r.bytes.List(t.Context())); len(kept) > 0 {
		t.Errorf("bytes of %v are left", kept)
	}
	r.nothingStaged(t)
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// An image is copied with its formats and what it says about running it, if the owner may read it.
func TestImportImage(t *testing.T) {
	r := newRig(t)
	from := r.active(t, as("b"), func(q *image.CreateRequest) {
		q.Properties = map[string]string{"hw_cpu_cores": "5", "speed": "high"}
		q.Visibility = cloud.VisibilityPrivate
	})
	i := r.queued(t, as("a"), func(q *image.CreateRequest) { q.Container, q.Format = "ovf", "iso" })
	ask := image.ImportRequest{From: image.SourceImage, Image: from.ID, Region: "here"}
	ok(t, r.Import(as("a"), i.ID, ask))
	if got := r.ended(t, i.ID); got.State != cloud.ImageQueued || got.Format != "iso" {
		t.Errorf("a private image of others was copied: %+v", got)
	}
	must(r.Update(as("b"), from.ID, func(f *image.Facts) error { f.Visibility = cloud.VisibilityCommunity; return nil }))
	ok(t, r.Import(as("a"), i.ID, ask))
	if got := r.ended(t, i.ID); got.State != cloud.ImageActive || got.Format != "raw" || got.Properties["hw_cpu_cores"] != "5" || got.Properties["speed"] != "" {
		t.Errorf("copied: %+v", got)
	}
	wantKind(t, r.Import(as("a"), i.ID, image.ImportRequest{From: image.SourceImage, Image: "foo"}), cloud.Invalid)
}

// A process that dies while bytes are staged leaves a queued image; what was staged whole stays.
func TestRecoverStaged(t *testing.T) {
	r := newRig(t)
	half, whole := r.queued(t, as("a")), r.queued(t, as("a"))
	ok(t, r.Stage(as("a"), whole.ID, strings.NewReader("whole")))
	i := must(r.db.Images.Get(t.Context(), half.ID))
	i.State, i.UploadID = cloud.ImageStaged, "of a dead process"
	ok(t, r.db.Images.Update(t.Context(), i))
	r.staging.Plant(half.ID, []byte("ha"))
	again := r.service()
	ok(t, again.Recover(t.Context()))
	if s := r.state(t, half.ID); s != cloud.ImageQueued {
		t.Errorf("half: %s", s)
	}
	if kept := must(r.staging.List(t.Context())); len(kept) != 1 || kept[0] != whole.ID {
		t.Errorf("staged: %v", kept)
	}
	ok(t, again.Delete(as("a"), whole.ID))
	r.nothingStaged(t)
}
