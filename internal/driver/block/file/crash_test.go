package file

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"

	"github.com/nubo-cloud/nubo/internal/spec"
)

const crashDirVariable = "NUBO_TEST_CRASH_DIR"

func image(b []byte, id spec.ImageID, f spec.Format) spec.Image {
	sum := sha256.Sum256(b)
	return spec.Image{ID: id, Format: f, SizeBytes: int64(len(b)), SHA256: hex.EncodeToString(sum[:])}
}

func opener(b []byte) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
}

// TestMain is also the process that TestKilled kills.
func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDirVariable); dir != "" {
		churn(dir)
	}
	os.Exit(m.Run())
}

// churn makes and removes things for ever, telling of each step on standard output.
func churn(dir string) {
	d, err := New(Options{Dir: dir})
	if err != nil {
		panic(err)
	}
	ctx, b := context.Background(), bytes.Repeat([]byte("nubo"), 1<<20)
	i := image(b, "i", spec.FormatRaw)
	for n := 0; ; n++ {
		v, s := spec.VolumeID(fmt.Sprint("v", n%5)), spec.SnapshotID(fmt.Sprint("s", n%3))
		fmt.Println("step")
		d.EnsureImage(ctx, i, opener(b))
		fmt.Println("step")
		d.EnsureVolume(ctx, spec.Volume{ID: v, SizeBytes: 8 << 20, Image: &i})
		fmt.Println("step")
		d.EnsureVolume(ctx, spec.Volume{ID: v + "-copy", SizeBytes: 9 << 20, Volume: v})
		fmt.Println("step")
		d.EnsureVolume(ctx, spec.Volume{ID: v, Generation: 2, SizeBytes: 3 << 30})
		d.EnsureSnapshot(ctx, spec.Snapshot{ID: s, Volume: v})
		fmt.Println("step")
		d.PrepareSnapshot(ctx, spec.Snapshot{ID: s + "-p", Volume: v})
		d.CommitSnapshot(ctx, s+"-p")
		fmt.Println("step")
		d.RemoveVolume(ctx, v)
		d.RemoveSnapshot(ctx, s)
		if n%3 == 0 {
			d.RemoveImage(ctx, "i")
		}
	}
}

// TestKilled proves that a process killed at any moment leaves only whole things, and nothing in tmp
// once the next one has started.
func TestKilled(t *testing.T) {
	needTools(t)
	random := rand.New(rand.NewPCG(1, 2))
	dir := t.TempDir()
	for range 25 {
		killAfter(t, dir, 1+random.IntN(40), random.IntN(3000))
		d, err := New(Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		checkWhole(t, d)
	}
}

// killAfter kills the process somewhere inside a step: where is decided by how long a busy loop takes.
func killAfter(t *testing.T, dir string, steps, spin int) {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), crashDirVariable+"="+dir)
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, steps*len("step\n"))); err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	for range spin {
		h.Write(make([]byte, 1024))
	}
	command.Process.Kill()
	command.Wait()
}

func checkWhole(t *testing.T, d *Driver) {
	t.Helper()
	ctx := context.Background()
	if left, err := os.ReadDir(d.path(tmpDir)); err != nil || len(left) > 0 {
		t.Fatalf("tmp holds %v (%v)", left, err)
	}
	i, err := d.Inventory(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range i.Volumes {
		status, err := d.VolumeStatus(ctx, id)
		if err != nil || status.SizeBytes < 8<<20 {
			t.Fatalf("%+v, %v", status, err)
		}
		source, err := d.Source(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		qemuIO(t, source, "read -P 0x6e 0 1")
		qemuIO(t, source, "read -P 0 4M 1M")
	}
	for _, id := range i.Snapshots {
		o, err := d.load(snapshotsDir, string(id))
		if err != nil {
			t.Fatal(err)
		}
		qemuIO(t, o.source(), "read -P 0 4M 1M")
	}
	if len(i.Images) == 1 {
		o, err := d.load(imagesDir, "i")
		if err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(o.base()); err != nil || len(b) != 4<<20 {
			t.Fatalf("image of %d bytes, %v", len(b), err)
		}
	}
}
