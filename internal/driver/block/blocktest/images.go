package blocktest

import (
	"context"
	"errors"
	"io"

	"github.com/nubo-cloud/nubo/internal/imageformat/qcow2"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// imageIsTakenInOnce: open is called when the image is not here, and only then.
func imageIsTakenInOnce(s *suite) {
	b, opened := rawImage(), 0
	open := func() (io.ReadCloser, error) {
		opened++
		return opener(b)()
	}
	for range 3 {
		s.must(s.Block.EnsureImage(s.ctx(), describe("i", spec.FormatRaw, b), open))
	}
	if opened != 1 {
		s.Fatalf("opened %d times", opened)
	}
	if path, err := s.Block.ImagePath(s.ctx(), "i"); err != nil || path == "" {
		s.Fatalf("path %q, %v", path, err)
	}
	s.inventory([]spec.ImageID{"i"}, nil, nil)
	s.must(s.Block.RemoveImage(s.ctx(), "i"))
	s.inventory(nil, nil, nil)
	s.must(s.Block.EnsureImage(s.ctx(), describe("i", spec.FormatRaw, b), open))
	if opened != 2 {
		s.Fatalf("opened %d times after the image was removed", opened)
	}
}

// imageUses: the pool tells how often volumes were made from an image, also after the driver began anew.
func imageUses(s *suite) {
	i := s.image("i")
	one := func(uses int64) spec.ImageStatus {
		all, err := s.Block.Images(s.ctx())
		s.must(err)
		if len(all) != 1 || all[0].ID != "i" || all[0].SizeBytes != imageBytes || all[0].Uses != uses || all[0].TakenAt.IsZero() || all[0].UsedAt.Before(all[0].TakenAt) {
			s.Fatalf("images are %+v, want one used %d times", all, uses)
		}
		return all[0]
	}
	fresh := one(0)
	if !fresh.UsedAt.Equal(fresh.TakenAt) {
		s.Fatalf("never used, and used at %s", fresh.UsedAt)
	}
	for range 2 { // the second finds the volume there
		s.volume(spec.Volume{ID: "v", SizeBytes: 8 * mib, Image: i})
	}
	s.volume(spec.Volume{ID: "w", SizeBytes: 8 * mib, Image: i})
	s.volume(spec.Volume{ID: "x", SizeBytes: 8 * mib, Volume: "w"})
	s.Block = s.Reopen(s.T)
	if used := one(2); !used.TakenAt.Equal(fresh.TakenAt) {
		s.Fatalf("taken in at %s, then at %s", fresh.TakenAt, used.TakenAt)
	}
}

// imageIsChecked: wrong bytes and hostile files are not taken in, and leave nothing.
func imageIsChecked(s *suite) {
	b := rawImage()
	good := describe("i", spec.FormatRaw, b)
	wrongSum := good
	wrongSum.SHA256 = describe("", spec.FormatRaw, []byte("other")).SHA256
	s.wantError(s.Block.EnsureImage(s.ctx(), wrongSum, opener(b)), spec.ErrCorrupt)
	s.wantError(s.Block.EnsureImage(s.ctx(), good, opener(b[:mib])), spec.ErrCorrupt)
	s.wantError(s.Block.EnsureImage(s.ctx(), good, opener(append(b[:len(b):len(b)], 1))), spec.ErrCorrupt)
	s.wantError(s.Block.EnsureImage(s.ctx(), describe("i", spec.FormatQCOW2, b), opener(b)), spec.ErrInvalid)
	hostile := backedQCOW2(s)
	s.wantError(s.Block.EnsureImage(s.ctx(), describe("i", spec.FormatQCOW2, hostile), opener(hostile)), spec.ErrInvalid)
	s.wantError(s.Block.EnsureImage(s.ctx(), describe("i", spec.FormatRaw, hostile), opener(hostile)), spec.ErrInvalid)
	s.wantError(s.Block.EnsureImage(s.ctx(), describe("../i", spec.FormatRaw, b), opener(b)), spec.ErrInvalid)
	s.inventory(nil, nil, nil)
	s.must(s.Block.EnsureImage(s.ctx(), good, opener(b)))
}

// memoryFile is a file for qcow2.WriteOverlay.
type memoryFile struct{ b []byte }

func (m *memoryFile) Truncate(n int64) error {
	m.b = append(m.b, make([]byte, n)...)[:n]
	return nil
}

func (m *memoryFile) WriteAt(p []byte, at int64) (int, error) {
	if end := at + int64(len(p)); end > int64(len(m.b)) {
		m.Truncate(end)
	}
	return copy(m.b[at:], p), nil
}

// backedQCOW2 is an image that makes its reader open another file of the host.
func backedQCOW2(s *suite) []byte {
	var m memoryFile
	s.must(qcow2.WriteOverlay(&m, qcow2.Overlay{SizeBytes: mib, BackingFile: "/etc/passwd", BackingFormat: "raw"}))
	return m.b
}

// imageInterrupted: a broken or cancelled transfer leaves nothing, and the call can be repeated.
func imageInterrupted(s *suite) {
	b := rawImage()
	i := describe("i", spec.FormatRaw, b)
	broken := errors.New("the line broke")
	s.wantError(s.Block.EnsureImage(s.ctx(), i, func() (io.ReadCloser, error) { return nil, broken }), broken)
	s.wantError(s.Block.EnsureImage(s.ctx(), i, func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(errorAfter{b[:mib], broken}.reader()...)), nil
	}), broken)
	ctx, cancel := context.WithCancel(s.ctx())
	err := s.Block.EnsureImage(ctx, i, func() (io.ReadCloser, error) {
		cancel()
		return opener(b)()
	})
	s.wantError(err, context.Canceled)
	s.inventory(nil, nil, nil)
	s.must(s.Block.EnsureImage(s.ctx(), i, opener(b)))
}

// errorAfter gives some bytes and then an error.
type errorAfter struct {
	b   []byte
	err error
}

func (e errorAfter) reader() []io.Reader {
	first, w := io.Pipe()
	go func() {
		w.Write(e.b)
		w.CloseWithError(e.err)
	}()
	return []io.Reader{first}
}

// imageRemovedFirst: volumes and snapshots go on after their image is gone, and it may come again.
func imageRemovedFirst(s *suite) {
	i := s.image("i")
	s.volume(spec.Volume{ID: "v", SizeBytes: 8 * mib, Image: i})
	s.must(s.Block.EnsureSnapshot(s.ctx(), spec.Snapshot{ID: "s", Volume: "v"}))
	s.must(s.Block.RemoveImage(s.ctx(), "i"))
	s.must(s.Block.RemoveImage(s.ctx(), "i"))
	_, err := s.Block.EnsureVolume(s.ctx(), spec.Volume{ID: "w", SizeBytes: 8 * mib, Image: i})
	s.wantError(err, spec.ErrMissing)
	s.inventory(nil, []spec.VolumeID{"v"}, []spec.SnapshotID{"s"})
	s.expectImage("v", 8*mib)
	s.volume(spec.Volume{ID: "v", SizeBytes: 8 * mib, Image: i}) // its source matters no more
	s.volume(spec.Volume{ID: "w", SizeBytes: 9 * mib, Snapshot: "s"})
	s.expectImage("w", 9*mib)
	s.image("i")
	s.volume(spec.Volume{ID: "x", SizeBytes: 8 * mib, Image: i})
	s.must(s.Block.RemoveVolume(s.ctx(), "v"))
	s.expectImage("w", 9*mib)
	s.expectImage("x", 8*mib)
}
