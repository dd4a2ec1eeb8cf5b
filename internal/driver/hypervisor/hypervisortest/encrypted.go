package hypervisortest

import (
	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// A guest boots from an encrypted disk and has another plugged, each with its key and not without; a driver that comes
// later knows no key until it is told one. What the host keeps can be copied, grown, and not read.
func encrypted(s *suite) {
	l := s.f.Launch("g1")
	l.Disks[0] = s.f.Encrypt(l.Disks[0])
	s.is("start without the key", s.hv().Start(s.within(), without(l), false), spec.ErrInvalid)
	s.must("start", s.hv().Start(s.within(), l, false))
	s.ready(1)
	s.f.Write("g1")
	s.plugEncrypted()
	s.reopen()
	s.must("suspend", s.hv().Suspend(s.within(), "g1"))
	s.is("resume without the key", s.hv().Start(s.within(), without(l), false), spec.ErrInvalid)
	s.must("resume", s.hv().Start(s.within(), l, false))
	s.inState("g1", spec.GuestRunning)
	s.copyEncrypted(l.Disks[0])
}

func without(l agent.Launch) agent.Launch {
	d := l.Disks[0]
	d.Source.Key = ""
	l.Disks = []agent.LaunchDisk{d}
	return l
}

func (s *suite) plugEncrypted() {
	d := s.f.Encrypt(s.f.Disk("v2"))
	locked := d
	locked.Source.Key = ""
	s.is("plug without the key", s.hv().PlugDisk(s.within(), "g1", locked), spec.ErrInvalid)
	for range 2 {
		s.must("plug", s.hv().PlugDisk(s.within(), "g1", d))
		s.must("grow", s.hv().ResizeDisk(s.within(), "g1", "v2", 64<<20))
		s.must("unplug", s.hv().UnplugDisk(s.within(), "g1", "v2"))
	}
}

func (s *suite) copyEncrypted(d agent.LaunchDisk) {
	target := s.f.CopyTarget(d)
	s.must("copy", s.hv().CopyDisk(s.within(), "g1", d.Disk.Volume, target))
	s.must("stop", s.hv().Stop(s.within(), "g1", agent.StopOptions{}))
	if s.f.Pretended {
		return
	}
	if !s.f.Same(d.Source, target) {
		s.Error("the copy differs")
	}
	for _, kept := range []spec.BlockSource{d.Source, target} {
		if !s.f.Hides(kept, s.f.Ready) {
			s.Errorf("%s shows what is on the disk", kept.Path)
		}
	}
}
