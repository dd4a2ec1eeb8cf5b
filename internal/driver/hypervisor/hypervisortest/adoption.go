package hypervisortest

import (
	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Another driver over the same state finds a running guest, as it was, and can do everything with it.
func adopt(s *suite) {
	l := s.up()
	extra := s.f.Disk("v2")
	s.must("plug", s.hv().PlugDisk(s.within(), "g1", extra))
	before := s.status("g1")
	s.reopen()
	after := s.status("g1")
	if after.State != spec.GuestRunning || !after.StartedAt.Equal(before.StartedAt) ||
		after.BootSerial != before.BootSerial || len(after.Disks) != 2 || len(after.NICs) != len(before.NICs) {
		s.Fatalf("before %+v, after %+v", before, after)
	}
	s.must("start of the adopted", s.hv().Start(s.within(), l, false))
	s.must("unplug", s.hv().UnplugDisk(s.within(), "g1", "v2"))
	news := s.watch()
	s.f.Reboot("g1")
	s.ready(2)
	s.told(news, spec.GuestRunning)
	s.f.PowerOff("g1")
	s.told(news, spec.GuestStopped)
	s.reopen()
	s.inState("g1", spec.GuestStopped)
	s.must("start", s.hv().Start(s.within(), l, false))
	s.reopen()
	s.must("stop", s.hv().Stop(s.within(), "g1", agent.StopOptions{}))
	s.inState("g1", spec.GuestStopped)
}

// A paused guest stays paused through an adoption.
func adoptPaused(s *suite) {
	s.up()
	s.must("pause", s.hv().Pause(s.within(), "g1"))
	s.reopen()
	s.inState("g1", spec.GuestPaused)
	s.must("resume", s.hv().Resume(s.within(), "g1"))
	s.inState("g1", spec.GuestRunning)
}

// A guest that powers itself off while nobody watches is stopped, not crashed.
func adoptPoweredOff(s *suite) {
	s.up()
	s.reopenAfter(s.f.PowerOff)
	s.reaches("g1", spec.GuestStopped)
}

// A guest whose process dies while nobody watches is crashed.
func adoptCrashed(s *suite) {
	s.up()
	s.reopenAfter(s.f.Crash)
	s.reaches("g1", spec.GuestCrashed)
	if s.status("g1").Reason == "" {
		s.Error("no reason")
	}
	s.reopen()
	s.inState("g1", spec.GuestCrashed)
}
