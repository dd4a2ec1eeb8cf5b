package blocktest

import (
	"bytes"
	"io"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// snapshotIsIndependent: neither later writes nor the end of the volume change it.
func snapshotIsIndependent(s *suite) {
	s.volume(spec.Volume{ID: "v", SizeBytes: 4 * mib})
	s.fill("v", 1, 0, mib)
	snapshot := spec.Snapshot{ID: "s", Volume: "v"}
	s.must(s.Block.EnsureSnapshot(s.ctx(), snapshot))
	s.fill("v", 2, 0, 2*mib)
	s.must(s.Block.EnsureSnapshot(s.ctx(), snapshot)) // is there: stays as it was
	s.must(s.Block.RemoveVolume(s.ctx(), "v"))
	s.must(s.Block.EnsureSnapshot(s.ctx(), snapshot)) // even so
	s.volume(spec.Volume{ID: "w", SizeBytes: 5 * mib, Snapshot: "s"})
	s.fill("w", 3, 3*mib, mib)
	s.volume(spec.Volume{ID: "x", SizeBytes: 4 * mib, Snapshot: "s"})
	_, err := s.Block.EnsureVolume(s.ctx(), spec.Volume{ID: "y", SizeBytes: mib, Snapshot: "s"})
	s.wantError(err, spec.ErrInvalid)
	s.must(s.Block.RemoveSnapshot(s.ctx(), "s"))
	s.expect("x", 1, 0, mib)
	s.expect("x", 0, mib, 3*mib)
	s.expect("w", 1, 0, mib)
	s.expect("w", 3, 3*mib, mib)
	s.inventory(nil, []spec.VolumeID{"w", "x"}, nil)
}

// snapshotOfClone: a clone's snapshot holds the image's bytes too.
func snapshotOfClone(s *suite) {
	i := s.image("i")
	s.volume(spec.Volume{ID: "v", SizeBytes: 8 * mib, Image: i})
	s.fill("v", 1, 2*mib, 8192)
	s.must(s.Block.EnsureSnapshot(s.ctx(), spec.Snapshot{ID: "s", Volume: "v"}))
	s.must(s.Block.RemoveVolume(s.ctx(), "v"))
	s.must(s.Block.RemoveImage(s.ctx(), "i"))
	s.volume(spec.Volume{ID: "w", SizeBytes: 8 * mib, Snapshot: "s"})
	s.must(s.Block.RemoveSnapshot(s.ctx(), "s"))
	s.expect("w", imagePattern, mib, mib)
	s.expect("w", 1, 2*mib, 8192)
	s.expect("w", 0, 2*mib+8192, mib-8192)
}

// snapshotPrepared: a target is hidden until committed, and can be begun again.
func snapshotPrepared(s *suite) {
	i := s.image("i")
	s.volume(spec.Volume{ID: "v", SizeBytes: 8 * mib, Image: i})
	snapshot := spec.Snapshot{ID: "s", Volume: "v"}
	first, err := s.Block.PrepareSnapshot(s.ctx(), snapshot)
	s.must(err)
	s.Fill(s.T, first, 9, 0, 4096)
	target, err := s.Block.PrepareSnapshot(s.ctx(), snapshot) // begun again
	s.must(err)
	s.inventory([]spec.ImageID{"i"}, []spec.VolumeID{"v"}, nil)
	_, err = s.Block.EnsureVolume(s.ctx(), spec.Volume{ID: "w", SizeBytes: 8 * mib, Snapshot: "s"})
	s.wantError(err, spec.ErrMissing)
	s.Fill(s.T, target, 4, 2*mib, 4096) // as if this were what v differs in from its base
	s.must(s.Block.CommitSnapshot(s.ctx(), "s"))
	s.must(s.Block.CommitSnapshot(s.ctx(), "s"))
	s.inventory([]spec.ImageID{"i"}, []spec.VolumeID{"v"}, []spec.SnapshotID{"s"})
	_, err = s.Block.PrepareSnapshot(s.ctx(), snapshot)
	s.wantError(err, spec.ErrExists)
	s.volume(spec.Volume{ID: "w", SizeBytes: 8 * mib, Snapshot: "s"})
	s.expect("w", 4, 2*mib, 4096)
	s.expect("w", 0, 2*mib+4096, 4096)
	_, err = s.Block.PrepareSnapshot(s.ctx(), spec.Snapshot{ID: "t", Volume: "v"})
	s.must(err)
	s.must(s.Block.RemoveSnapshot(s.ctx(), "t"))
	s.wantError(s.Block.CommitSnapshot(s.ctx(), "t"), spec.ErrMissing)
}

// export: one file without a base, whose bytes make the same volume again.
func export(s *suite) {
	i := s.image("i")
	s.volume(spec.Volume{ID: "clone", SizeBytes: 8 * mib, Image: i})
	s.volume(spec.Volume{ID: "plain", SizeBytes: 8 * mib})
	for _, id := range []spec.VolumeID{"clone", "plain"} {
		s.fill(id, 6, 5*mib, mib)
		snapshot := spec.SnapshotID("s-" + id)
		s.must(s.Block.EnsureSnapshot(s.ctx(), spec.Snapshot{ID: snapshot, Volume: id}))
		for _, f := range []spec.Format{spec.FormatRaw, spec.FormatQCOW2} {
			s.exportAndReturn(snapshot, id, f)
		}
		_, err := s.Block.Export(s.ctx(), snapshot, spec.FormatVMDK)
		s.wantError(err, spec.ErrNotSupported)
	}
}

func (s *suite) exportAndReturn(snapshot spec.SnapshotID, original spec.VolumeID, f spec.Format) {
	s.Helper()
	r, err := s.Block.Export(s.ctx(), snapshot, f)
	s.must(err)
	b, err := io.ReadAll(r)
	s.must(err)
	s.must(r.Close())
	if f == spec.FormatRaw && (len(b) != 8*mib || !bytes.Equal(b[5*mib:6*mib], bytes.Repeat([]byte{6}, mib))) {
		s.Fatalf("raw export of %s: %d bytes, or the wrong ones", original, len(b))
	}
	i := describe(spec.ImageID("again-"+string(snapshot)+string(f)), f, b)
	s.must(s.Block.EnsureImage(s.ctx(), i, opener(b)))
	again := spec.VolumeID(i.ID)
	s.volume(spec.Volume{ID: again, SizeBytes: 8 * mib, Image: &i})
	s.expect(again, 6, 5*mib, mib)
	s.expect(again, 0, 6*mib, 2*mib)
	if original == "clone" {
		s.expect(again, imagePattern, mib, mib)
	} else {
		s.expect(again, 0, 0, 5*mib)
	}
}
