package qcow2

import (
	"bytes"
	"context"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// tool skips the test when QEMU's tool is not installed.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("needs %s (Debian package qemu-utils)", name)
	}
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func overlay(t *testing.T, size int64) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "o.qcow2"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := WriteOverlay(f, Overlay{SizeBytes: size}); err != nil {
		t.Fatal(err)
	}
	return f
}

// TestOverlayIsSound proves that QEMU finds no fault with overlays of any size, and that they grow.
func TestOverlayIsSound(t *testing.T) {
	for _, size := range []int64{512, 1 << 20, 10<<30 + 512, 1 << 40, 40 << 40} {
		f := overlay(t, size)
		tool(t, "qemu-img", "check", "-f", "qcow2", f.Name())
		h, err := Parse(f)
		if err != nil || h.SizeBytes != uint64(size) || h.ExtensionsInvalid {
			t.Fatalf("size %d: %+v, %v", size, h, err)
		}
		if err := Grow(f, size+3<<30); err != nil {
			t.Fatalf("grow from %d: %v", size, err)
		}
		tool(t, "qemu-img", "check", "-f", "qcow2", f.Name())
	}
}

// TestGrowKeepsData proves that what was written stays and what is new reads as zeros,
// also when QEMU laid the file out.
func TestGrowKeepsData(t *testing.T) {
	for _, options := range []string{"", "cluster_size=512", "extended_l2=on", "compat=0.10"} {
		path := filepath.Join(t.TempDir(), "d.qcow2")
		args := []string{"create", "-q", "-f", "qcow2", path, "4M"}
		if options != "" {
			args = append([]string{"create", "-q", "-f", "qcow2", "-o", options}, args[4:]...)
		}
		tool(t, "qemu-img", args...)
		tool(t, "qemu-io", "-f", "qcow2", "-c", "write -P 7 3M 1M", path)
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		err = Grow(f, 9<<20)
		f.Close()
		if options == "cluster_size=512" { // 64 entries of L1 map 2 MiB at most: 4 MiB need two clusters, 9 MiB five
			if err != ErrNoRoom {
				t.Fatalf("%s: got %v, want ErrNoRoom", options, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", options, err)
		}
		tool(t, "qemu-img", "check", "-f", "qcow2", path)
		out := tool(t, "qemu-io", "-f", "qcow2", "-c", "read -P 7 3M 1M", "-c", "read -P 0 4M 5M", path)
		if strings.Contains(out, "failed") {
			t.Fatalf("%s: %s", options, out)
		}
	}
}

// TestEncode proves that a streamed file is sound and holds the same bytes.
func TestEncode(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	const size = 1<<30 + 4096
	raw, err := os.Create(filepath.Join(t.TempDir(), "raw"))
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	raw.Truncate(size)
	var extents []Extent
	for at := int64(0); at < size-1<<20; at += random.Int63n(200 << 20) {
		block := make([]byte, 1+random.Intn(300<<10))
		random.Read(block)
		raw.WriteAt(block, at)
		extents = append(extents, Extent{at, int64(len(block))})
		at += int64(len(block))
	}
	var out bytes.Buffer
	e := NewEncoder(size, extents)
	if err := e.Encode(context.Background(), &out, raw); err != nil {
		t.Fatal(err)
	}
	if int64(out.Len()) != e.Bytes() {
		t.Fatalf("wrote %d bytes, promised %d", out.Len(), e.Bytes())
	}
	path := filepath.Join(t.TempDir(), "out.qcow2")
	os.WriteFile(path, out.Bytes(), 0o600)
	tool(t, "qemu-img", "check", "-f", "qcow2", path)
	tool(t, "qemu-img", "compare", "-f", "raw", "-F", "qcow2", raw.Name(), path)
}

// TestEncodeEmpty proves that a disk of zeros becomes a small sound file.
func TestEncodeEmpty(t *testing.T) {
	var out bytes.Buffer
	if err := NewEncoder(5<<40, nil).Encode(context.Background(), &out, bytes.NewReader(nil)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "out.qcow2")
	os.WriteFile(path, out.Bytes(), 0o600)
	tool(t, "qemu-img", "check", "-f", "qcow2", path)
}

// FuzzParse proves that no header makes Parse panic or read without bound.
func FuzzParse(f *testing.F) {
	f.Add(encodeHeader(Header{ClusterBits: 16, SizeBytes: 1 << 30, BackingFile: "/etc/passwd"}, "raw"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := Parse(bytes.NewReader(b))
		if err == nil && len(h.BackingFile) > len(b) {
			t.Fatal("backing name longer than the file")
		}
	})
}

// BenchmarkOverlay shows what a thin clone costs (without syncing).
func BenchmarkOverlay(b *testing.B) {
	dir := b.TempDir()
	for b.Loop() {
		f, err := os.CreateTemp(dir, "o")
		if err != nil {
			b.Fatal(err)
		}
		if err := WriteOverlay(f, Overlay{SizeBytes: 20 << 30, BackingFile: "base", BackingFormat: "raw"}); err != nil {
			b.Fatal(err)
		}
		f.Close()
		os.Remove(f.Name())
	}
}
