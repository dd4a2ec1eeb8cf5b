package file

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/imageformat/qcow2"
	"github.com/nubo-cloud/nubo/internal/spec"
)

func newDriver(t testing.TB) *Driver {
	t.Helper()
	d, err := New(Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestForeignFormats proves that what other hypervisors write becomes a volume with the same bytes.
func TestForeignFormats(t *testing.T) {
	needTools(t)
	d, ctx, dir := newDriver(t), t.Context(), t.TempDir()
	raw := filepath.Join(dir, "raw")
	b := bytes.Repeat([]byte{0, 0, 7, 7}, 1<<20)
	if err := os.WriteFile(raw, b, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		format  spec.Format
		options string
	}{
		{spec.FormatVMDK, "subformat=monolithicSparse"}, {spec.FormatVMDK, "subformat=streamOptimized"},
		{spec.FormatVHD, "subformat=dynamic,force_size=on"}, {spec.FormatVHD, "subformat=fixed,force_size=on"},
		{spec.FormatVHDX, "subformat=dynamic"}, {spec.FormatVDI, "static=off"}, {spec.FormatQCOW2, "compat=0.10"}, {spec.FormatQCOW2, "compression_type=zstd"},
	} {
		id := string(c.format) + "-" + c.options
		path := filepath.Join(dir, "image")
		out, err := exec.Command("qemu-img", "convert", "-f", "raw", "-O", toolFormats[c.format], "-o", c.options, raw, path).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v %s", id, err, out)
		}
		file, _ := os.ReadFile(path)
		i := image(file, spec.ImageID("i"), c.format)
		if err := d.EnsureImage(ctx, i, opener(file)); err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		if _, err := d.EnsureVolume(ctx, spec.Volume{ID: "v", SizeBytes: int64(len(b)), Image: &i}); err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		source, _ := d.Source(ctx, "v")
		flat := filepath.Join(dir, "flat")
		options, _ := blockOptions(source.Format, source.Path, source.Base.Format, source.Base.Path)
		if out, err := exec.Command("qemu-img", "convert", "-O", "raw", options, flat).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v %s", id, err, out)
		}
		if got, _ := os.ReadFile(flat); !bytes.Equal(got, b) {
			t.Fatalf("%s: other bytes", id)
		}
		d.RemoveVolume(ctx, "v")
		d.RemoveImage(ctx, "i")
	}
}

// TestSandbox proves that a tool cannot reach a file it was not given, even as the right user.
func TestSandbox(t *testing.T) {
	needTools(t)
	d := newDriver(t)
	secret := filepath.Join("/tmp", "nubo-sandbox-secret-"+filepath.Base(t.TempDir()))
	if err := os.WriteFile(secret, make([]byte, 512), 0o644); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(secret)
	if err := exec.Command("qemu-img", "info", "-f", "raw", secret).Run(); err != nil {
		t.Fatal("the test itself is wrong: ", err)
	}
	s := d.sandbox()
	defer s.close()
	err := s.run(t.Context(), "qemu-img", []string{"info", "-f", "raw", secret})
	if !errors.Is(err, spec.ErrCorrupt) {
		t.Fatalf("the sandbox let a tool read %s: %v", secret, err)
	}
}

// TestToolStops proves that a tool ends with its context.
func TestToolStops(t *testing.T) {
	needTools(t)
	s := newDriver(t).sandbox()
	defer s.close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.run(ctx, "tail", []string{"-f", "/dev/urandom"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
}

// TestHostileOverlay proves that a guest's QEMU that rewrites its overlay's header gets no other file exported.
func TestHostileOverlay(t *testing.T) {
	d, ctx := newDriver(t), t.Context()
	d.reflink = false // so that the volume is an overlay
	b := make([]byte, 1<<20)
	i := image(b, "i", spec.FormatRaw)
	if err := d.EnsureImage(ctx, i, opener(b)); err != nil {
		t.Fatal(err)
	}
	if _, err := d.EnsureVolume(ctx, spec.Volume{ID: "v", SizeBytes: 1 << 20, Image: &i}); err != nil {
		t.Fatal(err)
	}
	source, _ := d.Source(ctx, "v")
	f, err := os.OpenFile(source.Path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := qcow2.WriteOverlay(f, qcow2.Overlay{SizeBytes: 1 << 20, BackingFile: "/etc/passwd", BackingFormat: "raw"}); err != nil {
		t.Fatal(err)
	}
	if err := d.EnsureSnapshot(ctx, spec.Snapshot{ID: "s", Volume: "v"}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Export(ctx, "s", spec.FormatRaw); !errors.Is(err, spec.ErrCorrupt) {
		t.Fatal(err)
	}
}

// localFile is an image that is a file of this host.
type localFile struct {
	*os.File
	sum string
}

func (l localFile) LocalPath() string   { return l.Name() }
func (l localFile) LocalSHA256() string { return l.sum }

// TestLocalImageIsLinked proves that an image beside the pool is not copied, and still checked.
func TestLocalImageIsLinked(t *testing.T) {
	dir := t.TempDir()
	d, err := New(Options{Dir: filepath.Join(dir, "pool")})
	if err != nil {
		t.Fatal(err)
	}
	b := bytes.Repeat([]byte("x"), 1<<20)
	path := filepath.Join(dir, "image")
	if err := os.WriteFile(path, b, 0o444); err != nil {
		t.Fatal(err)
	}
	i := image(b, "i", spec.FormatRaw)
	open := func() (io.ReadCloser, error) {
		f, err := os.Open(path)
		return localFile{f, i.SHA256}, err
	}
	if err := d.EnsureImage(t.Context(), i, open); err != nil {
		t.Fatal(err)
	}
	kept, _ := d.ImagePath(t.Context(), "i")
	a, _ := os.Stat(path)
	c, err := os.Stat(kept)
	if err != nil || (!d.reflink && !os.SameFile(a, c)) {
		t.Fatalf("it was copied (%v)", err)
	}
	i.ID, i.Format = "j", spec.FormatQCOW2
	if err := d.EnsureImage(t.Context(), i, open); !errors.Is(err, spec.ErrInvalid) {
		t.Fatalf("a linked image was not checked: %v", err)
	}
}

// BenchmarkThinClone shows what a guest's disk costs, durable: budget is a few fsyncs.
func BenchmarkThinClone(b *testing.B) {
	d, ctx := newDriver(b), context.Background()
	content := make([]byte, 1<<20)
	i := image(content, "i", spec.FormatRaw)
	if err := d.EnsureImage(ctx, i, opener(content)); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := d.EnsureVolume(ctx, spec.Volume{ID: "v", SizeBytes: 20 << 30, Image: &i}); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		d.RemoveVolume(ctx, "v")
		b.StartTimer()
	}
}
