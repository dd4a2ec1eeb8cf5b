package sim

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/driver/block/blocktest"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// TestSuite proves the contract.
func TestSuite(t *testing.T) {
	blocktest.Run(t, func(*testing.T) *blocktest.Target {
		p := NewPool(Options{})
		return &blocktest.Target{
			Block: p,
			Fill: func(t *testing.T, s spec.BlockSource, pattern byte, offset, length int64) {
				if err := p.WriteAt(s, bytes.Repeat([]byte{pattern}, int(length)), offset); err != nil {
					t.Fatal(err)
				}
			},
			Expect: func(t *testing.T, s spec.BlockSource, pattern byte, offset, length int64) {
				t.Helper()
				b := make([]byte, length)
				if err := p.ReadAt(s, b, offset); err != nil || !bytes.Equal(b, bytes.Repeat([]byte{pattern}, int(length))) {
					t.Fatalf("%s: not %d bytes of %d at %d (%v)", s.Path, length, pattern, offset, err)
				}
			},
			Reopen: func(*testing.T) agent.Block { p.Restart(); return p },
		}
	})
}

// TestFaultsAreRepeatable proves that a seed decides which calls fail, and that
// repeating a failed call always ends in what was asked.
func TestFaultsAreRepeatable(t *testing.T) {
	run := func(seed uint64) (story string) {
		p := NewPool(Options{Seed: seed, FaultRate: 0.4})
		for k := range 50 {
			v := spec.Volume{ID: spec.VolumeID(fmt.Sprint("v", k)), SizeBytes: 1 << 20}
			for {
				_, err := p.EnsureVolume(context.Background(), v)
				if err == nil {
					break
				}
				if !errors.Is(err, ErrFault) {
					t.Fatal(err)
				}
				story += fmt.Sprintf("%d ", k)
			}
		}
		if i, _ := p.Inventory(context.Background()); len(i.Volumes) != 50 {
			t.Fatalf("%d volumes", len(i.Volumes))
		}
		return story
	}
	first := run(1)
	if first == "" || first != run(1) || first == run(2) {
		t.Fatal("faults do not follow the seed")
	}
}

// TestNext proves that a chosen call fails as chosen: before or after the work.
func TestNext(t *testing.T) {
	p := NewPool(Options{})
	p.Next("EnsureVolume", FailsBefore, FailsAfter)
	for want := range 2 {
		_, err := p.EnsureVolume(t.Context(), spec.Volume{ID: "v", SizeBytes: 512})
		i, _ := p.Inventory(t.Context())
		if !errors.Is(err, ErrFault) || len(i.Volumes) != want {
			t.Fatalf("call %d: %v, %d volumes", want, err, len(i.Volumes))
		}
	}
}

// TestDelay proves that changes take simulated time and stop with their context.
func TestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPool(Options{DelayMin: time.Second, DelayMax: 3 * time.Second})
		start := time.Now()
		if _, err := p.EnsureVolume(t.Context(), spec.Volume{ID: "v", SizeBytes: 512}); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(start); d < time.Second || d >= 3*time.Second {
			t.Fatalf("took %v", d)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := p.RemoveVolume(ctx, "v"); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
	})
}

// TestNoSpace proves that a pool fills up, with what is written and not with what is promised.
func TestNoSpace(t *testing.T) {
	p := NewPool(Options{TotalBytes: 1 << 20})
	if _, err := p.EnsureVolume(t.Context(), spec.Volume{ID: "v", SizeBytes: 1 << 40}); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 2<<20)
	sum := sha256.Sum256(b)
	err := p.EnsureImage(t.Context(), spec.Image{ID: "i", Format: spec.FormatRaw, SizeBytes: int64(len(b)), SHA256: hex.EncodeToString(sum[:])},
		func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil })
	if !errors.Is(err, spec.ErrNoSpace) {
		t.Fatal(err)
	}
	source, _ := p.Source(t.Context(), "v")
	if err := p.WriteAt(source, b, 0); !errors.Is(err, spec.ErrNoSpace) {
		t.Fatal(err)
	}
}

// TestSpaceComesBack proves that the space of everything removed is free again.
func TestSpaceComesBack(t *testing.T) {
	p, ctx := NewPool(Options{}), t.Context()
	p.EnsureVolume(ctx, spec.Volume{ID: "v", SizeBytes: 1 << 20})
	source, _ := p.Source(ctx, "v")
	p.WriteAt(source, make([]byte, 10000), 100)
	p.EnsureVolume(ctx, spec.Volume{ID: "w", SizeBytes: 1 << 20, Volume: "v"})
	p.EnsureSnapshot(ctx, spec.Snapshot{ID: "s", Volume: "v"})
	target, _ := p.PrepareSnapshot(ctx, spec.Snapshot{ID: "t", Volume: "v"})
	p.WriteAt(target, make([]byte, 10000), 0)
	p.CommitSnapshot(ctx, "t")
	if pools, _ := p.Pools(ctx); pools[0].UsedBytes != 4*3*pageBytes {
		t.Fatalf("%d bytes used", pools[0].UsedBytes)
	}
	p.RemoveVolume(ctx, "v")
	p.RemoveVolume(ctx, "w")
	p.RemoveSnapshot(ctx, "s")
	p.RemoveSnapshot(ctx, "t")
	if pools, _ := p.Pools(ctx); pools[0].UsedBytes != 0 {
		t.Fatalf("%d bytes left", pools[0].UsedBytes)
	}
}

// TestLargeImage proves that an image too large to keep still has its size and checksum.
func TestLargeImage(t *testing.T) {
	p := NewPool(Options{ImageBytesKept: 4096})
	b := make([]byte, 1<<20)
	sum := sha256.Sum256(b)
	i := spec.Image{ID: "i", Format: spec.FormatRaw, SizeBytes: int64(len(b)), SHA256: hex.EncodeToString(sum[:])}
	if err := p.EnsureImage(t.Context(), i, func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := p.EnsureVolume(t.Context(), spec.Volume{ID: "v", SizeBytes: 4096, Image: &i}); !errors.Is(err, spec.ErrInvalid) {
		t.Fatal(err)
	}
}
