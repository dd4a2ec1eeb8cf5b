package blocktest

import (
	"io"

	"github.com/nubo-cloud/nubo/internal/spec"
)

func encryption() *spec.Encryption {
	return &spec.Encryption{Cipher: "aes-xts-plain64", KeyBits: 512, Key: "correct horse battery staple"}
}

// locked is a source with the key that the agent would give it.
func (s *suite) locked(id spec.VolumeID) spec.BlockSource {
	s.Helper()
	source := s.source(id)
	source.Key = encryption().Key
	return source
}

// encrypted: a volume is as large as asked, before and after it has grown, and keeps what is written.
func encrypted(s *suite) {
	v := spec.Volume{ID: "v", SizeBytes: 4 * mib, Encryption: encryption()}
	if status := s.volume(v); status.SizeBytes != 4*mib {
		s.Fatalf("it has %d bytes", status.SizeBytes)
	}
	s.volume(v)
	s.Fill(s.T, s.locked("v"), 7, mib, mib)
	v.SizeBytes, v.Generation, v.Encryption = 6*mib, 1, nil // who only grows it need not have its key
	if status := s.volume(v); status.SizeBytes != 6*mib {
		s.Fatalf("grown, it has %d bytes", status.SizeBytes)
	}
	s.Fill(s.T, s.locked("v"), 8, 5*mib, mib)
	s.Expect(s.T, s.locked("v"), 7, mib, mib)
	s.Expect(s.T, s.locked("v"), 8, 5*mib, mib)
	_, err := s.Block.EnsureVolume(s.ctx(), spec.Volume{ID: "w", SizeBytes: mib, Encryption: &spec.Encryption{Cipher: "aes-xts-plain64", KeyBits: 512}})
	s.wantError(err, spec.ErrInvalid)
	s.inventory(nil, []spec.VolumeID{"v"}, nil)
}

// encryptedCopies: what is made of an image, a volume or a snapshot holds its bytes; what is made of an encrypted
// one opens with its key, and cannot be made in clear.
func encryptedCopies(s *suite) {
	i := s.image("i")
	s.volume(spec.Volume{ID: "v", SizeBytes: 8 * mib, Image: i, Encryption: encryption()})
	s.Expect(s.T, s.locked("v"), imagePattern, mib, mib)
	s.Expect(s.T, s.locked("v"), 0, 2*mib, mib)
	s.must(s.Block.EnsureSnapshot(s.ctx(), spec.Snapshot{ID: "s", Volume: "v"}))
	s.volume(spec.Volume{ID: "w", SizeBytes: 9 * mib, Snapshot: "s", Encryption: encryption()})
	s.Expect(s.T, s.locked("w"), imagePattern, mib, mib)
	for _, v := range []spec.Volume{{ID: "y", SizeBytes: 8 * mib, Snapshot: "s"}, {ID: "y", SizeBytes: 8 * mib, Volume: "v"}} {
		_, err := s.Block.EnsureVolume(s.ctx(), v)
		s.wantError(err, spec.ErrInvalid)
	}
	s.encryptedAgain("s")
	s.volume(spec.Volume{ID: "clear", SizeBytes: 8 * mib, Image: i})
	s.fill("clear", 3, 5*mib, mib)
	s.volume(spec.Volume{ID: "z", SizeBytes: 8 * mib, Volume: "clear", Encryption: encryption()})
	s.Expect(s.T, s.locked("z"), imagePattern, mib, mib)
	s.Expect(s.T, s.locked("z"), 3, 5*mib, mib)
}

// encryptedAgain makes a volume of an encrypted snapshot that has been outside, as backups are.
func (s *suite) encryptedAgain(snapshot spec.SnapshotID) {
	s.Helper()
	_, err := s.Block.Export(s.ctx(), snapshot, spec.FormatQCOW2)
	s.wantError(err, spec.ErrNotSupported)
	r, err := s.Block.Export(s.ctx(), snapshot, spec.FormatRaw)
	s.must(err)
	b, err := io.ReadAll(r)
	s.must(err)
	s.must(r.Close())
	i := describe("again", spec.FormatLUKS, b)
	s.must(s.Block.EnsureImage(s.ctx(), i, opener(b)))
	s.volume(spec.Volume{ID: "again", SizeBytes: 8 * mib, Image: &i, Encryption: encryption()})
	s.Expect(s.T, s.locked("again"), imagePattern, mib, mib)
	_, err = s.Block.EnsureVolume(s.ctx(), spec.Volume{ID: "y", SizeBytes: 8 * mib, Image: &i})
	s.wantError(err, spec.ErrInvalid)
}
