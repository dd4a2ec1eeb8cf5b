package pools

import (
	"bytes"
	"io"
	"testing"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/driver/block/blocktest"
	"github.com/nubo-cloud/nubo/internal/driver/block/file"
	"github.com/nubo-cloud/nubo/internal/driver/block/sim"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// simulated are two pools, and what a guest does to what is on them.
type simulated struct {
	Set
	pools []*sim.Pool
}

func newSimulated() *simulated {
	s := &simulated{}
	for _, name := range []string{"one", "two"} {
		p := sim.NewPool(sim.Options{Name: name})
		s.pools, s.Set = append(s.pools, p), append(s.Set, Pool{Member: p, Name: name})
	}
	return s
}

func (s *simulated) fill(t *testing.T, source spec.BlockSource, pattern byte, offset, length int64) {
	t.Helper()
	b := bytes.Repeat([]byte{pattern}, int(length))
	if s.pools[0].WriteAt(source, b, offset) != nil && s.pools[1].WriteAt(source, b, offset) != nil {
		t.Fatalf("no pool has %s", source.Path)
	}
}

func (s *simulated) expect(t *testing.T, source spec.BlockSource, pattern byte, offset, length int64) {
	t.Helper()
	b := make([]byte, length)
	if s.pools[0].ReadAt(source, b, offset) != nil && s.pools[1].ReadAt(source, b, offset) != nil {
		t.Fatalf("no pool has %s", source.Path)
	}
	if !bytes.Equal(b, bytes.Repeat([]byte{pattern}, int(length))) {
		t.Fatalf("%s: not %d bytes of %d at %d", source.Path, length, pattern, offset)
	}
}

func (s *simulated) target() *blocktest.Target {
	return &blocktest.Target{Block: s, Fill: s.fill, Expect: s.expect,
		Reopen: func(*testing.T) agent.Block { s.pools[0].Restart(); s.pools[1].Restart(); return s }}
}

// TestSuite proves that several pools keep the contract of one.
func TestSuite(t *testing.T) {
	blocktest.Run(t, func(*testing.T) *blocktest.Target { return newSimulated().target() })
}

// betweenPools runs a test on a set of two pools, of each driver and of two, in both orders.
func betweenPools(t *testing.T, test func(t *testing.T, s Set)) {
	members := map[string]func(name string) Member{
		"sim": func(name string) Member { return sim.NewPool(sim.Options{Name: name}) },
		"file": func(name string) Member {
			d, err := file.New(file.Options{Dir: t.TempDir(), Name: name})
			if err != nil {
				t.Fatal(err)
			}
			return d
		},
	}
	for from, newFrom := range members {
		for to, newTo := range members {
			t.Run(from+" to "+to, func(t *testing.T) {
				test(t, Set{{Member: newFrom("one"), Name: "one"}, {Member: newTo("two"), Name: "two"}})
			})
		}
	}
}

// TestCopiesBetweenPools proves that a volume begins with the bytes of its source on another pool.
func TestCopiesBetweenPools(t *testing.T) { betweenPools(t, copies) }

const mib = 1 << 20

func copies(t *testing.T, s Set) {
	ctx, content := t.Context(), append(make([]byte, mib), bytes.Repeat([]byte{7}, mib)...)
	ensure := func(v spec.Volume) spec.VolumeStatus {
		t.Helper()
		status, err := s.EnsureVolume(ctx, v)
		if err != nil {
			t.Fatal(err)
		}
		return status
	}
	if _, err := s[0].WriteVolume(ctx, spec.Volume{ID: "v", SizeBytes: 2 * mib}, func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content)), nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.EnsureSnapshot(ctx, spec.Snapshot{ID: "s", Volume: "v", Pool: "one"}); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time changes nothing
		for _, v := range []spec.Volume{{ID: "of-volume", Volume: "v"}, {ID: "of-snapshot", Snapshot: "s"}} {
			v.Pool, v.SizeBytes = "two", 3*mib
			if status := ensure(v); status.Pool != "two" || status.SizeBytes != 3*mib {
				t.Fatalf("status %+v", status)
			}
			r, err := s[1].ReadVolume(ctx, v.ID)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(r)
			if err != nil || !bytes.Equal(b, append(bytes.Clone(content), make([]byte, mib)...)) {
				t.Fatalf("%d bytes of %s are not its source's (%v)", len(b), v.ID, err)
			}
			r.Close()
		}
	}
	if _, err := s.EnsureVolume(ctx, spec.Volume{ID: "small", Volume: "v", Pool: "two", SizeBytes: mib}); err == nil {
		t.Fatal("a volume smaller than its source was made")
	}
}
