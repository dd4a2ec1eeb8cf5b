package hypervisortest

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// A disk comes and goes while the guest runs; both may be asked twice.
func plugDisk(s *suite) {
	s.up()
	d := s.f.Disk("v2")
	for range 2 {
		s.must("plug", s.hv().PlugDisk(s.within(), "g1", d))
		if !s.hasDisk("v2") {
			s.Fatal("not plugged")
		}
	}
	for range 2 {
		s.must("unplug", s.hv().UnplugDisk(s.within(), "g1", "v2"))
		if s.hasDisk("v2") {
			s.Fatal("still plugged")
		}
	}
	s.must("plug again", s.hv().PlugDisk(s.within(), "g1", d))
	s.plugLostDisk()
	s.must("pause", s.hv().Pause(s.within(), "g1"))
	short, cancel := context.WithTimeout(s.Context(), 300*time.Millisecond)
	defer cancel()
	s.is("unplug from a guest that does not answer", s.hv().UnplugDisk(short, "g1", "v2"), spec.ErrBusy)
	s.must("resume", s.hv().Resume(s.within(), "g1"))
	s.must("unplug", s.hv().UnplugDisk(s.within(), "g1", "v2"))
	s.inState("g1", spec.GuestRunning)
}

func (s *suite) plugLostDisk() {
	if s.f.Pretended {
		return
	}
	lost := s.f.Disk("v3")
	lost.Source.Path += "-not-there"
	s.is("plug without bytes", s.hv().PlugDisk(s.within(), "g1", lost), spec.ErrMissing)
	if s.hasDisk("v3") {
		s.Error("it counts as plugged")
	}
}

// A NIC comes and goes while the guest runs.
func plugNIC(s *suite) {
	if s.f.NIC == nil {
		s.Skip("needs the right to make tap devices (root, /dev/net/tun)")
	}
	first := s.f.NIC("p1")
	s.up(func(l *agent.Launch) { l.NICs = []agent.LaunchNIC{first} })
	if !s.hasNIC("p1") {
		s.Fatal("not there at start")
	}
	n := s.f.NIC("p2")
	for range 2 {
		s.must("plug", s.hv().PlugNIC(s.within(), "g1", n))
		if !s.hasNIC("p2") {
			s.Fatal("not plugged")
		}
	}
	st, err := s.hv().Stats(s.within(), "g1")
	if err != nil || len(st.NICs) != 2 || st.NICs[1].MAC != n.NIC.MAC {
		s.Fatalf("stats %+v %v", st.NICs, err)
	}
	for _, p := range []spec.PortID{"p2", "p1", "p1"} {
		s.must("unplug", s.hv().UnplugNIC(s.within(), "g1", p))
		if s.hasNIC(p) {
			s.Fatal("still plugged")
		}
	}
	s.must("plug again", s.hv().PlugNIC(s.within(), "g1", n))
	if s.f.Pretended {
		return
	}
	lost := s.f.NIC("p3")
	lost.Tap = "nutnone"
	s.is("plug without a tap", s.hv().PlugNIC(s.within(), "g1", lost), spec.ErrMissing)
}

// A suspended guest has no process, keeps its memory, and goes on where it was, under
// another driver, with what was plugged.
func suspend(s *suite) {
	l := s.up()
	if s.f.Count != nil {
		s.f.Count("g1")
		s.f.Count("g1")
	}
	for range 2 {
		s.must("suspend", s.hv().Suspend(s.within(), "g1"))
		s.inState("g1", spec.GuestSuspended)
	}
	s.reopen()
	s.inState("g1", spec.GuestSuspended)
	s.must("start", s.hv().Start(s.within(), l, false))
	s.inState("g1", spec.GuestRunning)
	if s.f.Count != nil {
		if n := s.f.Count("g1"); n != "3" {
			s.Errorf("counted to %s, want 3: memory is lost", n)
		}
	}
	if s.timesReady() != 1 {
		s.Error("it booted again")
	}
	s.must("suspend", s.hv().Suspend(s.within(), "g1"))
	s.must("start paused", s.hv().Start(s.within(), l, true))
	s.inState("g1", spec.GuestPaused)
	s.must("resume", s.hv().Resume(s.within(), "g1"))
	s.inState("g1", spec.GuestRunning)
}

// Suspended with a plugged disk, it comes back with it, and with one more that was added meanwhile.
func suspendPlugged(s *suite) {
	l := s.up()
	two, three := s.f.Disk("v2"), s.f.Disk("v3")
	s.must("plug", s.hv().PlugDisk(s.within(), "g1", two))
	s.must("suspend", s.hv().Suspend(s.within(), "g1"))
	s.is("start without a disk it had", s.hv().Start(s.within(), l, false), spec.ErrInvalid)
	s.inState("g1", spec.GuestSuspended)
	l.Disks = append(l.Disks, three, two)
	s.must("start", s.hv().Start(s.within(), l, false))
	if !s.hasDisk("v2") || !s.hasDisk("v3") {
		s.Fatalf("disks %v", s.status("g1").Disks)
	}
	s.must("unplug", s.hv().UnplugDisk(s.within(), "g1", "v2"))
}

// Stop of a suspended guest means off: it boots afresh.
func stopSuspended(s *suite) {
	l := s.up()
	s.must("suspend", s.hv().Suspend(s.within(), "g1"))
	s.must("stop", s.hv().Stop(s.within(), "g1", agent.StopOptions{}))
	s.inState("g1", spec.GuestStopped)
	s.must("start", s.hv().Start(s.within(), l, false))
	s.ready(2)
}

// A disk grows under a running guest, and does not shrink.
func resize(s *suite) {
	l := s.up()
	v := l.Disks[0].Disk.Volume
	for range 2 {
		s.must("grow", s.hv().ResizeDisk(s.within(), "g1", v, 64<<20))
	}
	s.is("shrink", s.hv().ResizeDisk(s.within(), "g1", v, 32<<20), spec.ErrNotSupported)
	s.is("another disk", s.hv().ResizeDisk(s.within(), "g1", "v9", 64<<20), spec.ErrMissing)
	s.inState("g1", spec.GuestRunning)
}

// A copy holds what the guest has written, and is independent of what it writes later.
func copyDisk(s *suite) {
	l := s.up()
	d := l.Disks[0]
	s.f.Write("g1")
	target := s.f.CopyTarget(d)
	s.must("copy", s.hv().CopyDisk(s.within(), "g1", d.Disk.Volume, target))
	again := s.f.CopyTarget(d)
	s.must("second copy", s.hv().CopyDisk(s.within(), "g1", d.Disk.Volume, again))
	s.is("copy of nothing", s.hv().CopyDisk(s.within(), "g1", "v9", target), spec.ErrMissing)
	if s.f.Pretended {
		return
	}
	lost := again
	lost.Path += "-not-there"
	s.is("copy to nowhere", s.hv().CopyDisk(s.within(), "g1", d.Disk.Volume, lost), spec.ErrMissing)
	s.must("stop", s.hv().Stop(s.within(), "g1", agent.StopOptions{}))
	if !s.f.Same(d.Source, target) || !s.f.Same(target, again) {
		s.Error("the copy differs")
	}
}

// Another disk takes a disk's place with all that is on it, under the guest's feet, and has what is written from then on;
// it may be asked twice, by another driver, too, and taken back.
func swapDisk(s *suite) {
	l := s.up()
	old := l.Disks[0]
	s.f.Write("g1")
	next := agent.LaunchDisk{Disk: old.Disk, Source: s.f.CopyTarget(old)}
	next.Disk.Volume = "v9"
	s.is("swap what is not there", s.hv().SwapDisk(s.within(), "g1", "v8", next), spec.ErrMissing)
	s.swapToNowhere(next)
	for range 2 {
		s.must("swap", s.hv().SwapDisk(s.within(), "g1", old.Disk.Volume, next))
		if !s.hasDisk("v9") || s.hasDisk(old.Disk.Volume) {
			s.Fatalf("disks %v", s.status("g1").Disks)
		}
		s.reopen()
	}
	s.inState("g1", spec.GuestRunning)
	s.must("swap back", s.hv().SwapDisk(s.within(), "g1", "v9", old))
	s.must("swap again", s.hv().SwapDisk(s.within(), "g1", old.Disk.Volume, next))
	s.must("stop", s.hv().Stop(s.within(), "g1", agent.StopOptions{}))
	if !s.f.Pretended && !s.f.Same(old.Source, next.Source) {
		s.Error("they differ")
	}
}

func (s *suite) swapToNowhere(next agent.LaunchDisk) {
	if s.f.Pretended {
		return
	}
	old := s.status("g1").Disks[0]
	next.Source.Path += "-not-there"
	s.is("swap to nowhere", s.hv().SwapDisk(s.within(), "g1", old, next), spec.ErrMissing)
	if !s.hasDisk(old) {
		s.Error("the old disk is gone")
	}
}

// noted are the places that a move said are the volume.
type noted []spec.BlockSource

func (n *noted) settle(_ context.Context, at spec.BlockSource) error {
	*n = append(*n, at)
	return nil
}

// A disk goes on in other bytes under the guest's feet, and whoever keeps the volume is told before the guest writes there
// alone. It may be asked twice, by another driver, too, and taken back; where the other cannot be told, the guest stays.
func moveDisk(s *suite) {
	l := s.up()
	d := l.Disks[0]
	s.f.Write("g1")
	target, said := s.f.CopyTarget(d), noted{}
	move := func(v spec.VolumeID, to spec.BlockSource, settle agent.Settle) error {
		return s.hv().MoveDisk(s.within(), "g1", v, to, settle)
	}
	s.is("move what is not there", move("v8", target, said.settle), spec.ErrMissing)
	deaf := errors.New("deaf")
	s.is("move untold", move(d.Disk.Volume, target, func(_ context.Context, at spec.BlockSource) error {
		said.settle(s.within(), at)
		if at.Path == target.Path {
			return deaf
		}
		return nil
	}), deaf)
	s.lastly(said, d.Source)
	for range 2 {
		s.must("move", move(d.Disk.Volume, target, said.settle))
		s.lastly(said, target)
		s.reopen()
	}
	s.inState("g1", spec.GuestRunning)
	s.must("move back", move(d.Disk.Volume, d.Source, said.settle))
	s.lastly(said, d.Source)
	s.must("stop", s.hv().Stop(s.within(), "g1", agent.StopOptions{}))
	s.is("move of a stopped guest's disk", move(d.Disk.Volume, target, said.settle), spec.ErrMissing)
	if !s.f.Pretended && !s.f.Same(d.Source, target) {
		s.Error("they differ")
	}
}

// lastly wants the guest to have one disk, the volume being at a place.
func (s *suite) lastly(said noted, at spec.BlockSource) {
	s.Helper()
	if len(said) == 0 || said[len(said)-1].Path != at.Path || len(s.status("g1").Disks) != 1 {
		s.Fatalf("the volume is at %v, want %s; disks %v", said, at.Path, s.status("g1").Disks)
	}
}

// Counters of CPU, memory and disks are there and grow.
func stats(s *suite) {
	l := s.up()
	first, err := s.hv().Stats(s.within(), "g1")
	s.must("stats", err)
	if first.MemoryBytes != l.Guest.MemoryBytes || first.ResidentBytes == 0 || first.Uptime <= 0 ||
		len(first.CPUs) != l.Guest.CPUs || len(first.Disks) != 1 {
		s.Fatalf("stats %+v", first)
	}
	s.f.Write("g1")
	s.eventually("the disk's counter shows a write", func() bool {
		now, err := s.hv().Stats(s.within(), "g1")
		s.must("stats", err)
		return now.Disks[0].WriteCount > first.Disks[0].WriteCount &&
			now.Disks[0].WriteBytes > first.Disks[0].WriteBytes && now.CPUTime > first.CPUTime
	})
}

// The console's log is bounded, its end is what was written last, and it outlives the process.
func consoleLog(s *suite) {
	s.up()
	s.f.Flood("g1")
	var log []byte
	s.eventually("flooded", func() bool {
		var err error
		log, err = s.hv().ConsoleLog(s.within(), "g1", 0)
		s.must("console log", err)
		return int64(len(log)) >= s.f.LogBound/4
	})
	if int64(len(log)) > s.f.LogBound {
		s.Errorf("%d bytes kept, bound is %d", len(log), s.f.LogBound)
	}
	s.must("stop", s.hv().Stop(s.within(), "g1", agent.StopOptions{}))
	log, err := s.hv().ConsoleLog(s.within(), "g1", 0)
	s.must("log of a stopped guest", err)
	tail, err := s.hv().ConsoleLog(s.within(), "g1", 100)
	if err != nil || len(tail) != 100 || !bytes.HasSuffix(log, tail) {
		s.Errorf("tail of %d bytes is %q, %v", len(log), tail, err)
	}
}

// The serial console is a two-way stream, VNC greets, and both survive an adoption.
func consoles(s *suite) {
	s.up()
	for range 2 {
		c, err := s.hv().DialConsole(s.within(), "g1", spec.ConsoleVNC)
		s.must("VNC", err)
		c.SetDeadline(time.Now().Add(patience))
		s.readSome(c, "RFB 003.")
		c.Close()
		c, err = s.hv().DialConsole(s.within(), "g1", spec.ConsoleSerial)
		s.must("serial", err)
		c.SetDeadline(time.Now().Add(patience))
		if _, err := c.Write([]byte("r")); err != nil {
			s.Fatalf("write: %v", err)
		}
		s.readSome(c, s.f.Ready)
		c.Close()
		s.reopen()
	}
	_, err := s.hv().DialConsole(s.within(), "g1", "telepathy")
	s.is("another console", err, spec.ErrNotSupported)
}
