package blocktest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/nubo-cloud/nubo/internal/imageformat/qcow2"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// volumeFromNothing: zeros, which keep what is written and grow with zeros.
func volumeFromNothing(s *suite) {
	status := s.volume(spec.Volume{ID: "v", Generation: 1, SizeBytes: 4*mib - 5})
	if status.SizeBytes != 4*mib || status.ID != "v" || status.Generation != 1 || status.UsedBytes > mib {
		s.Fatalf("status %+v", status)
	}
	s.expect("v", 0, 0, 4*mib)
	s.fill("v", 7, mib, mib)
	again := s.volume(spec.Volume{ID: "v", Generation: 1, SizeBytes: 4*mib - 5})
	if again.SizeBytes != 4*mib || again.UsedBytes < mib {
		s.Fatalf("status after writing 1 MiB: %+v", again)
	}
	if grown := s.volume(spec.Volume{ID: "v", Generation: 2, SizeBytes: 10 * mib}); grown.SizeBytes != 10*mib {
		s.Fatalf("grown to %+v", grown)
	}
	s.expect("v", 7, mib, mib)
	s.expect("v", 0, 2*mib, 8*mib)
	s.fill("v", 8, 9*mib, mib)
	s.expect("v", 8, 9*mib, mib)
}

// volumeGenerations: an older document changes nothing, whatever it says; none shrinks.
func volumeGenerations(s *suite) {
	s.volume(spec.Volume{ID: "v", Generation: 5, SizeBytes: 4 * mib})
	if old := s.volume(spec.Volume{ID: "v", Generation: 4, SizeBytes: 8 * mib}); old.SizeBytes != 4*mib || old.Generation != 5 {
		s.Fatalf("an older document grew it: %+v", old)
	}
	s.volume(spec.Volume{ID: "v", Generation: 4, SizeBytes: mib})
	_, err := s.Block.EnsureVolume(s.ctx(), spec.Volume{ID: "v", Generation: 6, SizeBytes: mib})
	s.wantError(err, spec.ErrNotSupported)
	if status, err := s.Block.VolumeStatus(s.ctx(), "v"); err != nil || status.SizeBytes != 4*mib || status.Generation != 5 {
		s.Fatalf("status %+v, %v", status, err)
	}
}

// volumeRefused: documents that contradict themselves make nothing.
func volumeRefused(s *suite) {
	i := s.image("i")
	for _, v := range []spec.Volume{
		{ID: "v", SizeBytes: 0},
		{ID: "v", SizeBytes: -1},
		{ID: "v", SizeBytes: mib, Pool: "another pool"},
		{ID: "v", SizeBytes: 8 * mib, Image: i, Volume: "w"},
		{ID: "v", SizeBytes: mib, Image: i}, // smaller than the image
		{ID: "..", SizeBytes: mib},
		{ID: "a/b", SizeBytes: mib},
		{ID: "", SizeBytes: mib},
	} {
		_, err := s.Block.EnsureVolume(s.ctx(), v)
		s.wantError(err, spec.ErrInvalid)
	}
	s.inventory([]spec.ImageID{"i"}, nil, nil)
}

// volumeFromRawImage: a clone begins as the image and never changes it.
func volumeFromRawImage(s *suite) {
	i := s.image("i")
	s.volume(spec.Volume{ID: "v", SizeBytes: 8 * mib, Image: i})
	s.expectImage("v", 8*mib)
	s.fill("v", 9, 0, 3*mib)
	s.volume(spec.Volume{ID: "v", Generation: 1, SizeBytes: 16 * mib, Image: i})
	s.expect("v", 9, 0, 3*mib)
	s.expect("v", imagePattern, 3*mib, imageBytes-3*mib)
	s.expect("v", 0, imageBytes, 16*mib-imageBytes)
	s.volume(spec.Volume{ID: "w", SizeBytes: 8 * mib, Image: i})
	s.expectImage("w", 8*mib)
	exact := s.volume(spec.Volume{ID: "x", SizeBytes: imageBytes, Image: i})
	if exact.SizeBytes != 3*mib+512 {
		s.Fatalf("size %d", exact.SizeBytes)
	}
}

// volumeFromQCOW2Image: what counts is the disk inside the file.
func volumeFromQCOW2Image(s *suite) {
	var b bytes.Buffer
	raw := rawImage()
	encoder := qcow2.NewEncoder(5*mib, []qcow2.Extent{{Offset: mib, Length: mib}, {Offset: 3 * mib, Length: imageBytes - 3*mib}})
	s.must(encoder.Encode(s.ctx(), &b, bytes.NewReader(raw)))
	i := describe("q", spec.FormatQCOW2, b.Bytes())
	s.must(s.Block.EnsureImage(s.ctx(), i, opener(b.Bytes())))
	_, err := s.Block.EnsureVolume(s.ctx(), spec.Volume{ID: "v", SizeBytes: 4 * mib, Image: &i})
	s.wantError(err, spec.ErrInvalid)
	s.volume(spec.Volume{ID: "v", SizeBytes: 6 * mib, Image: &i})
	s.expectImage("v", 6*mib)
	s.fill("v", 3, mib, 4096)
	s.must(s.Block.EnsureSnapshot(s.ctx(), spec.Snapshot{ID: "s", Volume: "v"}))
	s.volume(spec.Volume{ID: "w", SizeBytes: 7 * mib, Snapshot: "s"})
	s.expect("w", 3, mib, 4096)
	s.expect("w", imagePattern, mib+4096, mib-4096)
}

// fiftyClones: made at once from one base, each with bytes of its own.
func fiftyClones(s *suite) {
	i := s.image("i")
	const n = 50
	id := func(k int) spec.VolumeID { return spec.VolumeID(fmt.Sprintf("v%02d", k)) }
	s.atOnce(n, func(k int) error {
		_, err := s.Block.EnsureVolume(s.ctx(), spec.Volume{ID: id(k), SizeBytes: 8 * mib, Image: i})
		return err
	})
	for k := range n {
		s.fill(id(k), byte(100+k), mib, 4096)
	}
	for k := range n {
		s.expect(id(k), byte(100+k), mib, 4096)
		s.expect(id(k), imagePattern, mib+4096, mib-4096)
	}
	s.volume(spec.Volume{ID: "last", SizeBytes: 8 * mib, Image: i})
	s.expectImage("last", 8*mib)
}

// volumeFromVolume: a clone of a written clone stands alone, whatever goes first.
func volumeFromVolume(s *suite) {
	i := s.image("i")
	s.volume(spec.Volume{ID: "v", SizeBytes: 8 * mib, Image: i})
	s.fill("v", 4, 2*mib, mib)
	s.volume(spec.Volume{ID: "w", SizeBytes: 12 * mib, Volume: "v"})
	_, err := s.Block.EnsureVolume(s.ctx(), spec.Volume{ID: "x", SizeBytes: 4 * mib, Volume: "v"})
	s.wantError(err, spec.ErrInvalid)
	s.fill("v", 5, 2*mib, mib)
	s.must(s.Block.RemoveImage(s.ctx(), "i"))
	s.must(s.Block.RemoveVolume(s.ctx(), "v"))
	s.expect("w", imagePattern, mib, mib)
	s.expect("w", 4, 2*mib, mib)
	s.expect("w", 0, 4*mib, 8*mib)
	s.volume(spec.Volume{ID: "plain", SizeBytes: 2 * mib})
	s.fill("plain", 6, 0, mib)
	s.volume(spec.Volume{ID: "plain2", SizeBytes: 3 * mib, Volume: "plain"})
	s.expect("plain2", 6, 0, mib)
	s.expect("plain2", 0, mib, 2*mib)
}

// removeTwice: removing what is not there succeeds.
func removeTwice(s *suite) {
	s.volume(spec.Volume{ID: "v", SizeBytes: mib})
	s.must(s.Block.EnsureSnapshot(s.ctx(), spec.Snapshot{ID: "s", Volume: "v"}))
	s.image("i")
	for range 2 {
		s.must(s.Block.RemoveVolume(s.ctx(), "v"))
		s.must(s.Block.RemoveSnapshot(s.ctx(), "s"))
		s.must(s.Block.RemoveImage(s.ctx(), "i"))
	}
	s.inventory(nil, nil, nil)
	// The id of something removed may be ensured again: it is empty then.
	s.volume(spec.Volume{ID: "v", SizeBytes: mib})
	s.expect("v", 0, 0, mib)
}

// reopen: a new driver finds everything whole, and nothing else.
func reopen(s *suite) {
	i := s.image("i")
	s.volume(spec.Volume{ID: "v", Generation: 3, SizeBytes: 8 * mib, Image: i})
	s.fill("v", 2, 0, mib)
	s.must(s.Block.EnsureSnapshot(s.ctx(), spec.Snapshot{ID: "s", Volume: "v"}))
	_, err := s.Block.PrepareSnapshot(s.ctx(), spec.Snapshot{ID: "p", Volume: "v"})
	s.must(err)
	s.Block = s.Reopen(s.T)
	s.inventory([]spec.ImageID{"i"}, []spec.VolumeID{"v"}, []spec.SnapshotID{"s"})
	s.wantError(s.Block.CommitSnapshot(s.ctx(), "p"), spec.ErrMissing)
	if status := s.volume(spec.Volume{ID: "v", Generation: 2, SizeBytes: 9 * mib}); status.Generation != 3 || status.SizeBytes != 8*mib {
		s.Fatalf("status %+v", status)
	}
	s.expect("v", 2, 0, mib)
	s.expect("v", imagePattern, mib, mib)
}

// atOnce calls f from n goroutines and fails on the first error.
func (s *suite) atOnce(n int, f func(k int) error) {
	s.Helper()
	errs := make([]error, n)
	var group sync.WaitGroup
	for k := range n {
		group.Go(func() { errs[k] = f(k) })
	}
	group.Wait()
	for k, err := range errs {
		if err != nil {
			s.Fatalf("call %d: %v", k, err)
		}
	}
}

// sameVolumeAtOnce: one object asked for by many at once is made once, image included.
func sameVolumeAtOnce(s *suite) {
	b := rawImage()
	i := describe("i", spec.FormatRaw, b)
	var mu sync.Mutex
	opened := 0
	s.atOnce(16, func(int) error {
		if err := s.Block.EnsureImage(s.ctx(), i, func() (io.ReadCloser, error) {
			mu.Lock()
			defer mu.Unlock()
			opened++
			return opener(b)()
		}); err != nil {
			return err
		}
		if _, err := s.Block.EnsureVolume(s.ctx(), spec.Volume{ID: "v", SizeBytes: 8 * mib, Image: &i}); err != nil {
			return err
		}
		return s.Block.EnsureSnapshot(s.ctx(), spec.Snapshot{ID: "s", Volume: "v"})
	})
	if opened != 1 {
		s.Fatalf("the image was opened %d times", opened)
	}
	s.inventory([]spec.ImageID{"i"}, []spec.VolumeID{"v"}, []spec.SnapshotID{"s"})
	s.expectImage("v", 8*mib)
}

// manyAtOnce: makers and removers of different things do not disturb each other.
func manyAtOnce(s *suite) {
	i := s.image("i")
	var want []spec.VolumeID
	for k := range 20 {
		if k%2 == 0 {
			want = append(want, spec.VolumeID(fmt.Sprintf("v%02d", k)))
		}
	}
	s.atOnce(20, func(k int) error { return s.liveOnce(i, k) })
	slices.Sort(want)
	s.inventory([]spec.ImageID{"i"}, want, nil)
	for _, id := range want {
		s.expect(id, imagePattern, mib, mib)
	}
}

func (s *suite) liveOnce(i *spec.Image, k int) error {
	id, snapshot := spec.VolumeID(fmt.Sprintf("v%02d", k)), spec.SnapshotID(fmt.Sprintf("s%02d", k))
	ctx := context.WithoutCancel(s.ctx())
	if _, err := s.Block.EnsureVolume(ctx, spec.Volume{ID: id, SizeBytes: 8 * mib, Image: i}); err != nil {
		return err
	}
	if err := s.Block.EnsureSnapshot(ctx, spec.Snapshot{ID: snapshot, Volume: id}); err != nil {
		return err
	}
	if k%2 == 1 {
		if err := s.Block.RemoveVolume(ctx, id); err != nil {
			return err
		}
	}
	return s.Block.RemoveSnapshot(ctx, snapshot)
}

// missingThings: what is not here is spec.ErrMissing everywhere.
func missingThings(s *suite) {
	_, err := s.Block.VolumeStatus(s.ctx(), "v")
	s.wantError(err, spec.ErrMissing)
	_, err = s.Block.Source(s.ctx(), "v")
	s.wantError(err, spec.ErrMissing)
	_, err = s.Block.ImagePath(s.ctx(), "i")
	s.wantError(err, spec.ErrMissing)
	_, err = s.Block.Export(s.ctx(), "s", spec.FormatRaw)
	s.wantError(err, spec.ErrMissing)
	for _, v := range []spec.Volume{
		{ID: "v", SizeBytes: mib, Image: &spec.Image{ID: "i"}},
		{ID: "v", SizeBytes: mib, Snapshot: "s"},
		{ID: "v", SizeBytes: mib, Volume: "w"},
	} {
		_, err = s.Block.EnsureVolume(s.ctx(), v)
		s.wantError(err, spec.ErrMissing)
	}
	s.wantError(s.Block.EnsureSnapshot(s.ctx(), spec.Snapshot{ID: "s", Volume: "v"}), spec.ErrMissing)
	_, err = s.Block.PrepareSnapshot(s.ctx(), spec.Snapshot{ID: "s", Volume: "v"})
	s.wantError(err, spec.ErrMissing)
	s.wantError(s.Block.CommitSnapshot(s.ctx(), "s"), spec.ErrMissing)
	s.inventory(nil, nil, nil)
	pools, err := s.Block.Pools(s.ctx())
	if err != nil || len(pools) == 0 {
		s.Fatalf("pools %+v, %v", pools, err)
	}
	for _, p := range pools {
		if p.Name == "" || p.TotalBytes <= 0 || p.UsedBytes < 0 || p.UsedBytes > p.TotalBytes {
			s.Fatalf("pool %+v", p)
		}
	}
}
