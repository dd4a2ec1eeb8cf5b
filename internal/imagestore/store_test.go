package imagestore

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

func open(t testing.TB) *Store {
	t.Helper()
	s, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func fine(io.ReaderAt, int64) error { return nil }

func random(n int) []byte {
	b := make([]byte, n)
	source := rand.New(rand.NewPCG(uint64(n), 1))
	for i := 0; i+8 <= n; i += 8 {
		copy(b[i:], fmt.Sprintf("%08x", source.Uint32()))
	}
	return b
}

func read(t *testing.T, s *Store, id cloud.ImageID) []byte {
	t.Helper()
	f, size, err := s.Open(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil || int64(len(b)) != size {
		t.Fatalf("%d bytes of %d, %v", len(b), size, err)
	}
	return b
}

// empty checks that no upload left anything.
func (s *Store) empty(t *testing.T) {
	t.Helper()
	left, err := os.ReadDir(s.path(tmpDir))
	if err != nil || len(left) > 0 {
		t.Fatalf("tmp holds %v (%v)", left, err)
	}
}

// TestPut proves that bytes of any length come back, with the right sums.
func TestPut(t *testing.T) {
	s := open(t)
	for _, n := range []int{0, 1, 512, chunkBytes - 1, chunkBytes, chunkBytes + 1, 3*chunkCount*chunkBytes + 7} {
		b := random(n)
		if n > 2*chunkBytes {
			clear(b[chunkBytes : 2*chunkBytes])
			clear(b[n-chunkBytes:])
		}
		var seen int64
		stored, err := s.Put(t.Context(), "i", bytes.NewReader(b), func(_ io.ReaderAt, size int64) error { seen = size; return nil })
		if err != nil {
			t.Fatal(err)
		}
		m, h, w := md5.Sum(b), sha256.Sum256(b), sha512.Sum512(b)
		if stored.SizeBytes != int64(n) || seen != int64(n) || stored.MD5 != hex.EncodeToString(m[:]) ||
			stored.SHA256 != hex.EncodeToString(h[:]) || stored.SHA512 != hex.EncodeToString(w[:]) {
			t.Fatalf("%d bytes: %+v", n, stored)
		}
		if !bytes.Equal(read(t, s, "i"), b) {
			t.Fatalf("%d bytes: others came back", n)
		}
		s.empty(t)
	}
}

// brokenReader gives some bytes and an error.
func brokenReader(n int, err error) io.Reader {
	return io.MultiReader(bytes.NewReader(random(n)), failing{err})
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestPutFails proves that a failed upload, whoever fails, leaves what was there and nothing else, and says why.
func TestPutFails(t *testing.T) {
	s := open(t)
	if _, err := s.Put(t.Context(), "i", bytes.NewReader([]byte("old")), fine); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx   context.Context
		r     io.Reader
		check func(io.ReaderAt, int64) error
		want  error
	}{
		"reader":    {t.Context(), brokenReader(3<<20, broken), fine, broken},
		"hung up":   {t.Context(), brokenReader(3<<20+5, io.ErrUnexpectedEOF), fine, io.ErrUnexpectedEOF},
		"check":     {t.Context(), bytes.NewReader([]byte("new")), func(io.ReaderAt, int64) error { return broken }, broken},
		"cancelled": {cancelled, bytes.NewReader([]byte("new")), fine, context.Canceled},
	} {
		if _, err := s.Put(c.ctx, "i", c.r, c.check); !errors.Is(err, c.want) {
			t.Fatalf("%s: %v", name, err)
		}
		if got := read(t, s, "i"); string(got) != "old" {
			t.Fatalf("%s: holds %q", name, got)
		}
		s.empty(t)
	}
}

// TestNoRoom proves that an upload stops before the file system is full.
func TestNoRoom(t *testing.T) {
	s := open(t)
	s.FreeBytesMin = 1 << 60
	if _, err := s.Put(t.Context(), "i", bytes.NewReader([]byte("new")), fine); !cloud.Is(err, cloud.NoCapacity) {
		t.Fatal(err)
	}
	s.empty(t)
}

// TestDelete proves that it can be repeated, that readers go on, and that others are not touched.
func TestDelete(t *testing.T) {
	s, ctx := open(t), t.Context()
	for _, id := range []cloud.ImageID{"a", "b"} {
		if _, err := s.Put(ctx, id, bytes.NewReader([]byte(id)), fine); err != nil {
			t.Fatal(err)
		}
	}
	f, _, err := s.Open(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for range 2 {
		if err := s.Delete(ctx, "a"); err != nil {
			t.Fatal(err)
		}
	}
	if b, err := io.ReadAll(f); string(b) != "a" || err != nil {
		t.Fatalf("an open reader got %q, %v", b, err)
	}
	if _, _, err := s.Open(ctx, "a"); !cloud.Is(err, cloud.NotFound) {
		t.Fatal(err)
	}
	if ids, err := s.List(ctx); err != nil || len(ids) != 1 || ids[0] != "b" {
		t.Fatalf("%v, %v", ids, err)
	}
	s.empty(t)
}

// TestUnsafeIDs proves that an id cannot leave the directory.
func TestUnsafeIDs(t *testing.T) {
	s, ctx := open(t), t.Context()
	for _, id := range []cloud.ImageID{"", ".", "..", "../images", "a/b", "a\x00b"} {
		if _, err := s.Put(ctx, id, bytes.NewReader(nil), fine); !cloud.Is(err, cloud.NotFound) {
			t.Fatalf("%q: %v", id, err)
		}
		if _, _, err := s.Open(ctx, id); !cloud.Is(err, cloud.NotFound) {
			t.Fatalf("%q: %v", id, err)
		}
		if err := s.Delete(ctx, id); err != nil {
			t.Fatalf("%q: %v", id, err)
		}
	}
}

// TestReopen proves that a killed upload is swept and that whole images stay.
func TestReopen(t *testing.T) {
	s := open(t)
	if _, err := s.Put(t.Context(), "i", bytes.NewReader([]byte("whole")), fine); err != nil {
		t.Fatal(err)
	}
	os.MkdirAll(s.path(tmpDir, "put-1"), 0o700)
	os.WriteFile(s.path(tmpDir, "put-1", "upload"), []byte("half"), 0o600)
	s, err := Open(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	s.empty(t)
	if string(read(t, s, "i")) != "whole" {
		t.Fatal("lost an image")
	}
}

// TestPutsAtOnce proves that readers see one of the whole files while many are put under one id.
func TestPutsAtOnce(t *testing.T) {
	s := open(t)
	var group sync.WaitGroup
	for k := range 8 {
		group.Go(func() {
			for range 10 {
				if _, err := s.Put(context.Background(), "i", bytes.NewReader(bytes.Repeat([]byte{byte(k)}, 1000)), fine); err != nil {
					t.Error(err)
				}
				f, _, err := s.Open(context.Background(), "i")
				if err != nil {
					t.Error(err)
					return
				}
				b, _ := io.ReadAll(f)
				f.Close()
				if len(b) != 1000 || !bytes.Equal(b, bytes.Repeat(b[:1], 1000)) {
					t.Error("a mixture was read")
				}
			}
		})
	}
	group.Wait()
	s.empty(t)
}

// TestLocal proves that a driver beside the store learns path and checksum.
func TestLocal(t *testing.T) {
	s := open(t)
	stored, err := s.Put(t.Context(), "i", bytes.NewReader([]byte("x")), fine)
	if err != nil {
		t.Fatal(err)
	}
	r, _, err := s.Open(t.Context(), "i")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f := r.(File)
	if b, err := os.ReadFile(f.LocalPath()); string(b) != "x" || err != nil || f.LocalSHA256() != stored.SHA256 {
		t.Fatalf("%q, %v, %s", b, err, f.LocalSHA256())
	}
}

// BenchmarkPut shows the speed of an upload, hashed three times and durable.
func BenchmarkPut(b *testing.B) {
	s := open(b)
	content := random(256 << 20)
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		if _, err := s.Put(context.Background(), "i", bytes.NewReader(content), fine); err != nil {
			b.Fatal(err)
		}
	}
}
