package blocktest

import (
	"github.com/nubo-cloud/nubo/internal/spec"
)

// loose compares what is nobody's with what should be.
func (s *suite) loose(kind spec.DiskKind, want ...string) []spec.LooseDisk {
	s.Helper()
	disks, err := s.Block.ListLoose(s.ctx(), "", kind)
	s.must(err)
	var names []string
	for _, d := range disks {
		names = append(names, d.Name)
		if d.Unfit != "" {
			s.Fatalf("%s %s is unfit: %s", kind, d.Name, d.Unfit)
		}
	}
	if len(names) != len(want) {
		s.Fatalf("loose %ss are %v, want %v", kind, names, want)
	}
	for n := range want {
		if names[n] != want[n] {
			s.Fatalf("loose %ss are %v, want %v", kind, names, want)
		}
	}
	return disks
}

// looseVolume: a volume that was let go of is no volume, keeps its bytes over a restart and the end of its
// image, and comes back under another id.
func looseVolume(s *suite) {
	i := s.image("i")
	s.volume(spec.Volume{ID: "v", SizeBytes: 8 * mib, Image: i, Generation: 7})
	s.fill("v", 1, 2*mib, 4096)
	s.must(s.Block.ReleaseVolume(s.ctx(), "v", "old disk.img"))
	s.wantError(s.Block.ReleaseVolume(s.ctx(), "v", "old disk.img"), spec.ErrMissing)
	s.must(s.Block.RemoveVolume(s.ctx(), "v"))
	s.must(s.Block.RemoveImage(s.ctx(), "i"))
	s.Block = s.Target.Reopen(s.T)
	s.inventory(nil, nil, nil)
	if d := s.loose(spec.DiskVolume, "old disk.img")[0]; d.SizeBytes != 8*mib {
		s.Fatalf("it has %d bytes, want %d", d.SizeBytes, 8*mib)
	}
	s.loose(spec.DiskSnapshot)
	for range 2 {
		s.must(s.Block.AdoptVolume(s.ctx(), "w", "", "old disk.img"))
	}
	s.loose(spec.DiskVolume)
	s.inventory(nil, []spec.VolumeID{"w"}, nil)
	if grown := s.volume(spec.Volume{ID: "w", SizeBytes: 9 * mib, Generation: 1}); grown.SizeBytes != 9*mib {
		s.Fatalf("grown to %d bytes", grown.SizeBytes)
	}
	s.expect("w", imagePattern, mib, mib)
	s.expect("w", 1, 2*mib, 4096)
	s.expect("w", 0, 8*mib, mib)
}

// looseSnapshot: the pool remembers what it was taken of.
func looseSnapshot(s *suite) {
	s.volume(spec.Volume{ID: "v", SizeBytes: 4 * mib})
	s.fill("v", 1, 0, mib)
	n := spec.Snapshot{ID: "s", Volume: "v"}
	s.must(s.Block.EnsureSnapshot(s.ctx(), n))
	s.must(s.Block.ReleaseSnapshot(s.ctx(), n, "s"))
	s.wantError(s.Block.ReleaseSnapshot(s.ctx(), n, "s"), spec.ErrMissing)
	s.inventory(nil, []spec.VolumeID{"v"}, nil)
	if d := s.loose(spec.DiskSnapshot, "s")[0]; d.Of != "v" || d.SizeBytes != 4*mib {
		s.Fatalf("loose snapshot is %+v", d)
	}
	for range 2 {
		s.must(s.Block.AdoptSnapshot(s.ctx(), "t", "", "s"))
	}
	s.inventory(nil, []spec.VolumeID{"v"}, []spec.SnapshotID{"t"})
	s.volume(spec.Volume{ID: "w", SizeBytes: 4 * mib, Snapshot: "t"})
	s.expect("w", 1, 0, mib)
}

// looseRefused: names are names, and what has one keeps it.
func looseRefused(s *suite) {
	s.volume(spec.Volume{ID: "v", SizeBytes: mib})
	s.volume(spec.Volume{ID: "w", SizeBytes: mib})
	for _, name := range []string{"", ".", "..", "a/b", "/etc/passwd", ".hidden", "new\nline", "nul\x00"} {
		s.wantError(s.Block.ReleaseVolume(s.ctx(), "v", name), spec.ErrInvalid)
		s.wantError(s.Block.AdoptVolume(s.ctx(), "x", "", name), spec.ErrInvalid)
	}
	s.wantError(s.Block.AdoptVolume(s.ctx(), "x", "", "none"), spec.ErrMissing)
	s.wantError(s.Block.AdoptSnapshot(s.ctx(), "x", "", "none"), spec.ErrMissing)
	s.wantError(s.Block.AdoptVolume(s.ctx(), "x", "another pool", "none"), spec.ErrInvalid)
	s.must(s.Block.ReleaseVolume(s.ctx(), "v", "taken"))
	s.wantError(s.Block.ReleaseVolume(s.ctx(), "w", "taken"), spec.ErrExists)
	s.inventory(nil, []spec.VolumeID{"w"}, nil)
	s.must(s.Block.AdoptVolume(s.ctx(), "w", "", "taken")) // is a volume: another disk of that name stays
	s.loose(spec.DiskVolume, "taken")
	key := spec.Encryption{Cipher: "aes-xts-plain64", KeyBits: 256, Key: "secret"}
	s.volume(spec.Volume{ID: "e", SizeBytes: mib, Encryption: &key})
	s.wantError(s.Block.ReleaseVolume(s.ctx(), "e", "sealed"), spec.ErrNotSupported)
}
