// Package blocktest is the one suite that every block driver (agent.Block) must
// pass. It knows no driver: a Target tells it how a guest would reach a volume's bytes.
//
// Called by the tests of driver/block/file, driver/block/sim and driver/block/pools.
package blocktest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Target is a driver over an empty pool, with at least 1 GiB free.
type Target struct {
	Block agent.Block
	// Fill writes length bytes of a pattern into what a Source names, as a guest would.
	Fill func(t *testing.T, s spec.BlockSource, pattern byte, offset, length int64)
	// Expect fails the test unless there are length bytes of a pattern.
	Expect func(t *testing.T, s spec.BlockSource, pattern byte, offset, length int64)
	// Reopen gives a new driver over the same pool, as after kill -9.
	Reopen func(t *testing.T) agent.Block
}

// Run proves that a driver keeps the contract of agent.Block.
func Run(t *testing.T, factory func(t *testing.T) *Target) {
	cases := []struct {
		name string
		run  func(*suite)
	}{
		{"ImageIsTakenInOnce", imageIsTakenInOnce},
		{"ImageUses", imageUses},
		{"ImageIsChecked", imageIsChecked},
		{"ImageInterrupted", imageInterrupted},
		{"VolumeFromNothing", volumeFromNothing},
		{"VolumeGenerations", volumeGenerations},
		{"VolumeRefused", volumeRefused},
		{"VolumeFromRawImage", volumeFromRawImage},
		{"VolumeFromQCOW2Image", volumeFromQCOW2Image},
		{"FiftyClones", fiftyClones},
		{"ImageRemovedFirst", imageRemovedFirst},
		{"VolumeFromVolume", volumeFromVolume},
		{"SnapshotIsIndependent", snapshotIsIndependent},
		{"SnapshotOfClone", snapshotOfClone},
		{"SnapshotPrepared", snapshotPrepared},
		{"Export", export},
		{"Encrypted", encrypted},
		{"EncryptedCopies", encryptedCopies},
		{"LooseVolume", looseVolume},
		{"LooseSnapshot", looseSnapshot},
		{"LooseRefused", looseRefused},
		{"RemoveTwice", removeTwice},
		{"Reopen", reopen},
		{"SameVolumeAtOnce", sameVolumeAtOnce},
		{"ManyAtOnce", manyAtOnce},
		{"MissingThings", missingThings},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.run(&suite{T: t, Target: factory(t)}) })
	}
}

const (
	mib = 1 << 20
	// imageBytes is not a multiple of a sector on purpose.
	imageBytes   = 3*mib + 100
	imagePattern = 0x5a
)

// suite is one test over one Target.
type suite struct {
	*testing.T
	*Target
}

func (s *suite) ctx() context.Context { return s.Context() }

func (s *suite) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *suite) wantError(err, want error) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Fatalf("got error %v, want %v", err, want)
	}
}

// rawImage has a pattern in its second MiB and in its last bytes, zeros elsewhere.
func rawImage() []byte {
	b := make([]byte, imageBytes)
	for i := mib; i < 2*mib; i++ {
		b[i] = imagePattern
	}
	for i := 3 * mib; i < imageBytes; i++ {
		b[i] = imagePattern
	}
	return b
}

func describe(id spec.ImageID, f spec.Format, b []byte) spec.Image {
	sum := sha256.Sum256(b)
	return spec.Image{ID: id, Format: f, SizeBytes: int64(len(b)), SHA256: hex.EncodeToString(sum[:])}
}

func opener(b []byte) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
}

// image takes rawImage in.
func (s *suite) image(id spec.ImageID) *spec.Image {
	s.Helper()
	b := rawImage()
	i := describe(id, spec.FormatRaw, b)
	s.must(s.Block.EnsureImage(s.ctx(), i, opener(b)))
	return &i
}

func (s *suite) volume(v spec.Volume) spec.VolumeStatus {
	s.Helper()
	status, err := s.Block.EnsureVolume(s.ctx(), v)
	s.must(err)
	return status
}

func (s *suite) source(id spec.VolumeID) spec.BlockSource {
	s.Helper()
	source, err := s.Block.Source(s.ctx(), id)
	s.must(err)
	if source.Base != nil && source.Base.Base != nil {
		s.Fatal("a chain is more than one deep")
	}
	return source
}

func (s *suite) fill(id spec.VolumeID, pattern byte, offset, length int64) {
	s.Helper()
	s.Fill(s.T, s.source(id), pattern, offset, length)
}

func (s *suite) expect(id spec.VolumeID, pattern byte, offset, length int64) {
	s.Helper()
	s.Expect(s.T, s.source(id), pattern, offset, length)
}

// expectImage checks that a volume begins as rawImage does and is zeros up to size.
func (s *suite) expectImage(id spec.VolumeID, size int64) {
	s.Helper()
	s.expect(id, 0, 0, mib)
	s.expect(id, imagePattern, mib, mib)
	s.expect(id, 0, 2*mib, mib)
	s.expect(id, imagePattern, 3*mib, imageBytes-3*mib)
	s.expect(id, 0, imageBytes, size-imageBytes)
}

// inventory compares what is listed with what should be.
func (s *suite) inventory(images []spec.ImageID, volumes []spec.VolumeID, snapshots []spec.SnapshotID) {
	s.Helper()
	i, err := s.Block.Inventory(s.ctx())
	s.must(err)
	slices.Sort(i.Images)
	slices.Sort(i.Volumes)
	slices.Sort(i.Snapshots)
	if !slices.Equal(i.Images, images) || !slices.Equal(i.Volumes, volumes) || !slices.Equal(i.Snapshots, snapshots) {
		s.Fatalf("inventory is %v, want images %v, volumes %v, snapshots %v", i, images, volumes, snapshots)
	}
}
