package hypervisortest

import (
	"time"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// A guest starts, pauses, resumes and stops, and each step shows.
func lifecycle(s *suite) {
	l := s.f.Launch("g1")
	l.Guest.Generation, l.Guest.BootSerial = 7, 3
	before := time.Now().Add(-time.Second)
	s.must("start", s.hv().Start(s.within(), l, false))
	st := s.status("g1")
	if st.State != spec.GuestRunning || st.Generation != 7 || st.BootSerial != 3 || st.StartedAt.Before(before) {
		s.Fatalf("after start: %+v", st)
	}
	if !s.hasDisk(l.Disks[0].Disk.Volume) {
		s.Fatalf("disks %v", st.Disks)
	}
	s.ready(1)
	s.must("pause", s.hv().Pause(s.within(), "g1"))
	s.inState("g1", spec.GuestPaused)
	s.must("resume", s.hv().Resume(s.within(), "g1"))
	s.inState("g1", spec.GuestRunning)
	s.must("stop", s.hv().Stop(s.within(), "g1", agent.StopOptions{}))
	st = s.status("g1")
	if st.State != spec.GuestStopped || !st.StartedAt.IsZero() || st.Reason != "" {
		s.Fatalf("after stop: %+v", st)
	}
	s.must("start again", s.hv().Start(s.within(), l, false))
	s.ready(2)
	all, err := s.hv().List(s.within())
	if err != nil || len(all) != 1 || all[0].ID != "g1" || all[0].State != spec.GuestRunning {
		s.Fatalf("list: %+v %v", all, err)
	}
}

// Everything may be asked twice.
func repeat(s *suite) {
	l := s.up()
	started := s.status("g1").StartedAt
	s.must("second start", s.hv().Start(s.within(), l, false))
	if !s.status("g1").StartedAt.Equal(started) {
		s.Fatal("the second start started again")
	}
	for range 2 {
		s.must("pause", s.hv().Pause(s.within(), "g1"))
		s.inState("g1", spec.GuestPaused)
	}
	for range 2 {
		s.must("resume", s.hv().Resume(s.within(), "g1"))
		s.inState("g1", spec.GuestRunning)
	}
	l.Guest.BootSerial++
	s.is("start with another boot serial", s.hv().Start(s.within(), l, false), spec.ErrBusy)
	for range 2 {
		s.must("stop", s.hv().Stop(s.within(), "g1", agent.StopOptions{}))
		s.inState("g1", spec.GuestStopped)
	}
	for range 2 {
		s.must("remove", s.hv().Remove(s.within(), "g1"))
	}
}

// A guest that is not there is missing, except to those that want it gone.
func missing(s *suite) {
	ctx, hv := s.within(), s.hv()
	_, err := hv.Status(ctx, "nobody")
	s.is("status", err, spec.ErrMissing)
	s.is("pause", hv.Pause(ctx, "nobody"), spec.ErrMissing)
	s.is("resume", hv.Resume(ctx, "nobody"), spec.ErrMissing)
	s.is("suspend", hv.Suspend(ctx, "nobody"), spec.ErrMissing)
	s.is("plug", hv.PlugDisk(ctx, "nobody", s.f.Disk("v9")), spec.ErrMissing)
	s.is("unplug", hv.UnplugNIC(ctx, "nobody", "p9"), spec.ErrMissing)
	s.is("resize", hv.ResizeDisk(ctx, "nobody", "v9", 1<<30), spec.ErrMissing)
	_, err = hv.Stats(ctx, "nobody")
	s.is("stats", err, spec.ErrMissing)
	_, err = hv.ConsoleLog(ctx, "nobody", 0)
	s.is("console log", err, spec.ErrMissing)
	_, err = hv.DialConsole(ctx, "nobody", spec.ConsoleSerial)
	s.is("console", err, spec.ErrMissing)
	s.must("stop", hv.Stop(ctx, "nobody", agent.StopOptions{Grace: time.Second}))
	s.must("remove", hv.Remove(ctx, "nobody"))
	all, err := hv.List(ctx)
	if err != nil || len(all) != 0 {
		s.Errorf("list: %v %v", all, err)
	}
}

// A guest started paused does nothing until it is resumed.
func startPaused(s *suite) {
	s.must("start", s.hv().Start(s.within(), s.f.Launch("g1"), true))
	s.inState("g1", spec.GuestPaused)
	if s.timesReady() != 0 {
		s.Fatal("it ran")
	}
	s.must("resume", s.hv().Resume(s.within(), "g1"))
	s.ready(1)
}

// With grace the guest shuts itself down, well before grace is over, and nobody is told.
func grace(s *suite) {
	s.up()
	news := s.watch()
	begin := time.Now()
	s.must("stop", s.hv().Stop(s.within(), "g1", agent.StopOptions{Grace: patience}))
	s.inState("g1", spec.GuestStopped)
	if took := time.Since(begin); took > patience/2 {
		s.Errorf("took %s: the guest was not asked", took)
	}
	select {
	case st := <-news:
		s.Errorf("told of what was asked for: %+v", st)
	default:
	}
}

// A guest that cannot answer loses its power when grace is over.
func gracePulledPlug(s *suite) {
	l := s.f.Launch("g1")
	s.must("start", s.hv().Start(s.within(), l, true)) // paused: it hears nothing
	s.must("stop", s.hv().Stop(s.within(), "g1", agent.StopOptions{Grace: time.Second}))
	s.inState("g1", spec.GuestStopped)
}

// A guest that powers itself off is stopped, not crashed, and Watch tells.
func powerOff(s *suite) {
	l := s.up()
	news := s.watch()
	s.f.PowerOff("g1")
	s.told(news, spec.GuestStopped)
	s.inState("g1", spec.GuestStopped)
	s.must("start", s.hv().Start(s.within(), l, false))
	s.ready(2)
}

// A guest that reboots itself goes on running.
func reboot(s *suite) {
	s.up()
	news := s.watch()
	s.f.Reboot("g1")
	s.ready(2)
	s.told(news, spec.GuestRunning)
	s.inState("g1", spec.GuestRunning)
}

// A guest whose process is killed is crashed, with a reason, and can be started again.
func crash(s *suite) {
	l := s.up()
	news := s.watch()
	s.f.Crash("g1")
	s.told(news, spec.GuestCrashed)
	if st := s.status("g1"); st.State != spec.GuestCrashed || st.Reason == "" {
		s.Fatalf("status %+v", st)
	}
	s.must("start", s.hv().Start(s.within(), l, false))
	s.inState("g1", spec.GuestRunning)
	s.ready(2)
	s.f.Crash("g1")
	s.reaches("g1", spec.GuestCrashed)
	s.must("stop", s.hv().Stop(s.within(), "g1", agent.StopOptions{}))
	s.inState("g1", spec.GuestStopped)
}

// A start that fails says why and leaves the guest stopped.
func badStart(s *suite) {
	l := s.f.Launch("g1")
	l.Disks[0].Source.Path += "-not-there"
	if !s.f.Pretended {
		s.is("start without its disk", s.hv().Start(s.within(), l, false), spec.ErrMissing)
		s.inState("g1", spec.GuestStopped)
	}
	l = s.f.Launch("g1")
	l.Guest.Machine = "vax"
	s.is("start on another board", s.hv().Start(s.within(), l, false), spec.ErrNotSupported)
	l = s.f.Launch("../g1")
	s.is("start with a bad id", s.hv().Start(s.within(), l, false), spec.ErrInvalid)
	s.must("good start", s.hv().Start(s.within(), s.f.Launch("g1"), false))
}

// Remove leaves nothing, whatever the guest was doing.
func remove(s *suite) {
	s.up()
	s.must("remove running", s.hv().Remove(s.within(), "g1"))
	s.gone()
	s.must("start", s.hv().Start(s.within(), s.f.Launch("g1"), true))
	s.must("remove paused", s.hv().Remove(s.within(), "g1"))
	s.gone()
	s.must("start", s.hv().Start(s.within(), s.f.Launch("g1"), false))
	s.must("suspend", s.hv().Suspend(s.within(), "g1"))
	s.must("remove suspended", s.hv().Remove(s.within(), "g1"))
	s.gone()
	s.must("start", s.hv().Start(s.within(), s.f.Launch("g1"), false))
	s.reopen()
	s.must("remove adopted", s.hv().Remove(s.within(), "g1"))
	s.gone()
}

func (s *suite) gone() {
	s.Helper()
	_, err := s.hv().Status(s.within(), "g1")
	s.is("status", err, spec.ErrMissing)
	if left := s.f.Left("g1"); len(left) > 0 {
		s.Errorf("left over: %v", left)
	}
}
