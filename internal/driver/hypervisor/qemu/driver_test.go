package qemu

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/driver/hypervisor/qmp"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// started is a rig with the test guest running.
func started(t *testing.T, change ...func(*Options)) (*rig, agent.Launch) {
	r := newRig(t, spec.MachineQ35)
	if len(change) > 0 {
		r.d.Close()
		for _, c := range change {
			c(&r.opts)
		}
		r.open()
	}
	l := r.launch("g1")
	if err := r.d.Start(t.Context(), l, false); err != nil {
		t.Fatal(err)
	}
	return r, l
}

func (r *rig) status() spec.GuestStatus {
	st, err := r.d.Status(r.t.Context(), "g1")
	if err != nil {
		r.t.Fatal(err)
	}
	return st
}

// A guest's process has a user, session and sandbox of its own, and its disk stays root's.
func TestConfinement(t *testing.T) {
	if !privileged() {
		t.Skip("needs root: only root gives guests users of their own")
	}
	r, l := started(t)
	second := r.launch("g2")
	if err := r.d.Start(t.Context(), second, true); err != nil {
		t.Fatal(err)
	}
	uids := map[int]bool{}
	for _, id := range []spec.GuestID{"g1", "g2"} {
		pid := r.pid(id)
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		uid := r.d.guests[id].uid
		for _, want := range []string{fmt.Sprintf("Uid:\t%d\t%d", uid, uid), "Seccomp:\t2", "CapEff:\t0000000000000000"} {
			if !strings.Contains(string(status), want) {
				t.Errorf("%s: no %q in %s", id, want, status)
			}
		}
		if uids[uid] || uid < 1_900_000_000 {
			t.Errorf("%s: user %d", id, uid)
		}
		uids[uid] = true
		if sid, _ := unix.Getsid(pid); sid != pid {
			t.Errorf("%s: session %d of process %d", id, sid, pid)
		}
	}
	var st unix.Stat_t
	if err := unix.Stat(l.Disks[0].Source.Path, &st); err != nil || st.Uid != 0 || st.Mode&0o777 != 0o600 {
		t.Errorf("disk belongs to %d, mode %o, %v", st.Uid, st.Mode, err)
	}
}

// The process is in cgroups of its own, with a bound on its memory.
func TestCgroups(t *testing.T) {
	if !privileged() || (!exists("/sys/fs/cgroup/memory") && !unified()) {
		t.Skip("needs root and cgroups")
	}
	r, _ := started(t)
	file := filepath.Join("/sys/fs/cgroup/memory", r.opts.Cgroup, "g1/memory.limit_in_bytes")
	if unified() {
		file = filepath.Join("/sys/fs/cgroup", r.opts.Cgroup, "g1/memory.max")
	}
	limit, err := os.ReadFile(file)
	if err != nil {
		t.Skipf("needs a memory controller that may be used: %v", err)
	}
	var n int64
	fmt.Sscan(string(limit), &n)
	if n < 64<<20 || n > 2<<30 {
		t.Errorf("limit %s", limit)
	}
	procs, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "cgroup.procs"))
	if strings.TrimSpace(string(procs)) != fmt.Sprint(r.pid("g1")) {
		t.Errorf("processes there: %q", procs)
	}
}

// A second driver is kept out of a state directory in use.
func TestOneDriver(t *testing.T) {
	r := newRig(t, spec.MachineQ35)
	if d, err := New(r.opts); !errors.Is(err, spec.ErrBusy) {
		t.Errorf("got %v", err)
		d.Close()
	}
	r.d.Close()
	r.d.Close()
	r.open()
}

// What QEMU says when it refuses to start is in the error, and nothing stays behind.
func TestLastWords(t *testing.T) {
	r := newRig(t, spec.MachineQ35)
	r.d.Close()
	r.opts.CPUModel = "abacus"
	r.open()
	err := r.d.Start(t.Context(), r.launch("g1"), false)
	if err == nil || !strings.Contains(err.Error(), "abacus") {
		t.Errorf("got %v", err)
	}
	if st := r.status(); st.State != spec.GuestStopped {
		t.Errorf("status %+v", st)
	}
}

// A start that is given up leaves no process.
func TestStartCancelled(t *testing.T) {
	r := newRig(t, spec.MachineQ35)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.d.Start(ctx, r.launch("g1"), false); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	lock, held, err := lockDir(r.d.guestDir("g1"))
	if held || err != nil {
		t.Fatalf("a process is left: %v %v", held, err)
	}
	lock.Close() // or this test is the process that is left
	if err := r.d.Start(t.Context(), r.launch("g1"), false); err != nil {
		t.Error(err)
	}
}

// A daemon that died in the middle of an operation leaves a process that does not fit its
// record; its successor brings both together.
func TestAdoptHalfDone(t *testing.T) {
	for _, c := range []struct {
		name  string
		leave func(r *rig, g *guest) // makes things as the death left them
		want  spec.GuestState
		alive bool
	}{
		{"starting", func(r *rig, g *guest) {
			g.change(func(rec *record) { rec.Phase, rec.PID = phaseStarting, 0 })
		}, spec.GuestStopped, false},
		{"stopping", func(r *rig, g *guest) {
			g.change(func(rec *record) { rec.Phase = phaseStopped })
		}, spec.GuestStopped, false},
		{"pid lost", func(r *rig, g *guest) {
			g.change(func(rec *record) { rec.PID, rec.StartTicks = 1, 0 })
		}, spec.GuestRunning, true},
		{"memory written", func(r *rig, g *guest) {
			run := g.current()
			run.mon.Execute(r.t.Context(), "stop", nil, nil)
			f, _ := os.Create(filepath.Join(g.dir, "memory.part"))
			defer f.Close()
			if err := migrateTo(r.t.Context(), run.mon, f); err != nil {
				r.t.Error(err)
			}
		}, spec.GuestPaused, true},
		{"suspended", func(r *rig, g *guest) {
			if err := g.saveMemory(r.t.Context(), g.current()); err != nil {
				r.t.Error(err)
			}
		}, spec.GuestSuspended, false},
		{"plugging", func(r *rig, g *guest) {
			s := diskSlot{Slot: 9, LaunchDisk: r.disk("half")}
			g.change(func(rec *record) { rec.Disks = append(rec.Disks, s) })
			if err := g.openNodes(r.t.Context(), g.current(), diskNode(9), slotSet(9), s.Source, false); err != nil {
				r.t.Error(err)
			}
		}, spec.GuestRunning, true},
		{"copying", func(r *rig, g *guest) {
			run, target := g.current(), r.overlay(nil)
			if err := g.openNodes(r.t.Context(), run, copyNode, setCopy, target, false); err != nil {
				r.t.Error(err)
			}
			if err := run.mon.Execute(r.t.Context(), "blockdev-backup", object{"job-id": "copy", "device": "d1",
				"target": copyNode, "sync": "full", "speed": 1, "auto-dismiss": false}, nil); err != nil {
				r.t.Error(err)
			}
		}, spec.GuestRunning, true},
		{"swapping", func(r *rig, g *guest) { r.beginSwap(g, "swapped", 1) }, spec.GuestRunning, true},
		{"about to go over", func(r *rig, g *guest) {
			twin := r.beginSwap(g, "swapped", 0)
			g.change(func(rec *record) { rec.put(twin) })
		}, spec.GuestRunning, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, l := started(t)
			pid := r.pid("g1")
			g := r.d.guests["g1"]
			c.leave(r, g)
			r.d.Close()
			r.open()
			st := r.status()
			if st.State != c.want {
				t.Fatalf("status %+v, want %s", st, c.want)
			}
			if alive := startTicks(pid) != 0; alive != c.alive {
				t.Errorf("process alive: %v", alive)
			}
			if c.alive {
				if err := r.d.Resume(t.Context(), "g1"); err != nil {
					t.Error(err)
				}
				r.keys("g1", "i", "1")
				if err := r.d.PlugDisk(t.Context(), "g1", r.disk("half")); err != nil {
					t.Errorf("plug: %v", err)
				}
				if err := r.d.CopyDisk(t.Context(), "g1", "v1", r.overlay(l.Disks[0].Source.Base)); err != nil {
					t.Errorf("copy: %v", err)
				}
			} else if err := r.d.Start(t.Context(), l, false); err != nil {
				t.Error(err)
			}
			if st := r.status(); st.State != spec.GuestRunning {
				t.Errorf("at the end %+v", st)
			}
		})
	}
}

// A damaged or missing record does not hide the guest nor stop the others from being found.
func TestAdoptWithoutRecord(t *testing.T) {
	r, _ := started(t)
	r.d.Close()
	os.WriteFile(filepath.Join(r.state, "guests", "g1", "guest.json"), []byte("{"), 0o600)
	os.Mkdir(filepath.Join(r.state, "guests", "g0"), 0o700)
	r.open()
	all, err := r.d.List(t.Context())
	if err != nil || len(all) != 2 || all[0].State != spec.GuestStopped || all[1].State != spec.GuestStopped || all[1].Reason == "" {
		t.Errorf("list %+v %v", all, err)
	}
	if left := r.left("g1"); len(left) > 2 { // the two directories
		t.Errorf("left %v", left)
	}
}

// The old bytes of a log that is being written give their disk blocks back; the last stay.
func TestTrim(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log")
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const keep = 64 << 10
	for i := range 100 {
		f.Write(bytes.Repeat([]byte{byte('a' + i%26)}, 10<<10))
		f.Sync()
		if err := trim(name, keep); err != nil {
			t.Fatal(err)
		}
		var st unix.Stat_t
		unix.Stat(name, &st)
		if st.Blocks*512 > 3*keep {
			t.Fatalf("%d bytes on disk", st.Blocks*512)
		}
	}
	tail, err := readTail(name, keep)
	if err != nil || len(tail) != keep || bytes.IndexByte(tail, 0) >= 0 || tail[keep-1] != 'a'+99%26 {
		t.Errorf("tail of %d bytes ends with %q, %v", len(tail), tail[len(tail)-1:], err)
	}
	compactLog(name, keep)
	if st, _ := os.Stat(name); st.Size() != keep {
		t.Errorf("%d bytes after compaction", st.Size())
	}
}

// A qcow2 file that points to another file is refused before QEMU sees it.
func TestHeader(t *testing.T) {
	h := make([]byte, 104)
	copy(h, "QFI\xfb")
	binary.BigEndian.PutUint32(h[4:], 3)
	if err := checkHeader(bytes.NewReader(h), spec.FormatQCOW2); err != nil {
		t.Errorf("good header: %v", err)
	}
	binary.BigEndian.PutUint64(h[72:], 1<<2)
	if err := checkHeader(bytes.NewReader(h), spec.FormatQCOW2); !errors.Is(err, spec.ErrInvalid) {
		t.Errorf("external data: %v", err)
	}
	if err := checkHeader(bytes.NewReader(make([]byte, 104)), spec.FormatQCOW2); !errors.Is(err, spec.ErrCorrupt) {
		t.Errorf("zeros: %v", err)
	}
	if err := checkHeader(bytes.NewReader(nil), spec.FormatQCOW2); !errors.Is(err, spec.ErrCorrupt) {
		t.Errorf("empty: %v", err)
	}
	if err := checkHeader(bytes.NewReader(nil), spec.FormatRaw); err != nil {
		t.Errorf("raw: %v", err)
	}
}

// Every bus that a board has gets its disk in front of a guest.
func TestBuses(t *testing.T) {
	for _, c := range []struct {
		machine spec.Machine
		bus     spec.Bus
		cdrom   bool
	}{
		{spec.MachineQ35, spec.BusSCSI, false}, {spec.MachineQ35, spec.BusSATA, false},
		{spec.MachineQ35, spec.BusIDE, false}, {spec.MachineQ35, spec.BusVirtio, true},
		{spec.MachineQ35, spec.BusSCSI, true},
		{spec.MachinePC, spec.BusIDE, false}, {spec.MachinePC, spec.BusSATA, false},
		{spec.MachinePC, spec.BusSCSI, false}, {spec.MachinePC, spec.BusIDE, true},
	} {
		t.Run(fmt.Sprintf("%s-%s-cdrom=%v", c.machine, c.bus, c.cdrom), func(t *testing.T) {
			r := newRig(t, c.machine)
			l := r.launch("g1")
			second := r.disk("v2")
			second.Disk.Bus, second.Disk.CDROM = c.bus, c.cdrom
			if !c.cdrom {
				l.Disks[0].Disk.Bus = c.bus // boots from it
			}
			l.Disks = append(l.Disks, second)
			l.ConfigDrive = r.system().Path
			if err := r.d.Start(t.Context(), l, false); err != nil {
				t.Fatal(err)
			}
			r.keys("g1", "i", "1")
			s, err := r.d.Stats(t.Context(), "g1")
			if err != nil || len(s.Disks) != 2 || s.Disks[0].ReadCount == 0 {
				t.Errorf("stats %+v %v", s.Disks, err)
			}
		})
	}
}

// A SCSI disk can be plugged where there is a controller; what cannot be plugged says so.
func TestPlugBuses(t *testing.T) {
	r := newRig(t, spec.MachineQ35)
	l := r.launch("g1")
	scsi := r.disk("v2")
	scsi.Disk.Bus = spec.BusSCSI
	if err := r.d.Start(t.Context(), l, false); err != nil {
		t.Fatal(err)
	}
	if err := r.d.PlugDisk(t.Context(), "g1", scsi); !errors.Is(err, spec.ErrNotSupported) {
		t.Errorf("SCSI without a controller: %v", err)
	}
	if err := r.d.Stop(t.Context(), "g1", agent.StopOptions{}); err != nil {
		t.Fatal(err)
	}
	l.Disks = append(l.Disks, scsi)
	if err := r.d.Start(t.Context(), l, false); err != nil {
		t.Fatal(err)
	}
	more := r.disk("v3")
	more.Disk.Bus = spec.BusSCSI
	if err := r.d.PlugDisk(t.Context(), "g1", more); err != nil {
		t.Errorf("SCSI: %v", err)
	}
	more = r.disk("v4")
	more.Disk.Bus = spec.BusSATA
	if err := r.d.PlugDisk(t.Context(), "g1", more); !errors.Is(err, spec.ErrNotSupported) {
		t.Errorf("SATA: %v", err)
	}
	more = r.disk("v5")
	more.Source.Format = spec.FormatVMDK
	if err := r.d.PlugDisk(t.Context(), "g1", more); !errors.Is(err, spec.ErrNotSupported) {
		t.Errorf("VMDK: %v", err)
	}
}

// All slots can be filled, and one more is refused.
func TestSlots(t *testing.T) {
	r, _ := started(t)
	for i := 2; i <= slotsOf(spec.MachineQ35); i++ {
		if err := r.d.PlugDisk(t.Context(), "g1", r.disk(spec.VolumeID(fmt.Sprintf("v%d", i)))); err != nil {
			t.Fatalf("disk %d: %v", i, err)
		}
	}
	if err := r.d.PlugDisk(t.Context(), "g1", r.disk("v99")); !errors.Is(err, spec.ErrNoSpace) {
		t.Errorf("one too many: %v", err)
	}
	if n := len(r.status().Disks); n != slotsOf(spec.MachineQ35) {
		t.Errorf("%d disks", n)
	}
}

// With O_DIRECT and a thread of its own a guest runs as well.
func TestCacheNone(t *testing.T) {
	r, _ := started(t, func(o *Options) { o.Cache, o.IOThread = "none", true })
	r.keys("g1", "w", "WROTE")
	if err := r.d.PlugDisk(t.Context(), "g1", r.disk("v2")); err != nil {
		t.Error(err)
	}
}

// The probe's boot sector runs to its end on an emulator that works, and a payload that does not
// is told from it.
func TestProbe(t *testing.T) {
	r := newRig(t, spec.MachineQ35)
	disk := filepath.Join(r.dir, "probe")
	os.WriteFile(disk, append(bytes.Clone(probeSector), make([]byte, 1<<20)...), 0o600)
	reason, err := r.d.tryGuest(t.Context(), "tcg", 30*time.Second, disk, probeDisk...)
	if reason != "" || err != nil {
		t.Errorf("working: %q %v", reason, err)
	}
	os.WriteFile(disk, make([]byte, 1<<20), 0o600)
	reason, err = r.d.tryGuest(t.Context(), "tcg", 2*time.Second, disk, probeDisk...)
	if !strings.Contains(reason, "hangs") || err != nil {
		t.Errorf("hanging: %q %v", reason, err)
	}
}

// Describe finds an acceleration that runs guests, says why it is no better, and
// remembers over a restart.
func TestDescribe(t *testing.T) {
	r := newRig(t, spec.MachineQ35)
	r.d.Close()
	r.opts.Accel = "auto"
	r.open()
	h, err := r.d.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", h)
	if h.Type != "QEMU" || h.Version == "" || (h.Acceleration == "tcg") != (h.AccelerationReason != "") {
		t.Errorf("%+v", h)
	}
	if err := r.d.Start(t.Context(), r.launch("g1"), false); err != nil {
		t.Fatal(err)
	}
	r.keys("g1", "i", "1")
	r.d.Close()
	r.open()
	begin := time.Now()
	again, err := r.d.Describe(t.Context())
	if err != nil || again.Acceleration != h.Acceleration || again.AccelerationReason != h.AccelerationReason {
		t.Errorf("%+v %v", again, err)
	}
	t.Logf("the second time took %s", time.Since(begin))
}

// beginSwap starts the mirror of a swap, or of a move if it is the volume's own id, as mirror does. speed slows it down, in bytes per second; 0 does not, and waits
// until both disks are the same.
func (r *rig) beginSwap(g *guest, v spec.VolumeID, speed int) diskSlot {
	rec, run := g.record(), g.current()
	s := rec.Disks[0]
	next := s.LaunchDisk
	next.Disk.Volume, next.Source = v, r.overlay(s.Source.Base)
	twin := diskSlot{Slot: s.Slot, Twin: true, LaunchDisk: next, Was: &s.LaunchDisk}
	if err := g.openNodes(r.t.Context(), run, twin.node(), twin.set(), next.Source, false); err != nil {
		r.t.Error(err)
	}
	events, cancel := run.mon.Listen("JOB_STATUS_CHANGE")
	defer cancel()
	if err := run.mon.Execute(r.t.Context(), "blockdev-mirror", object{"job-id": swapJob, "device": s.node(), "target": twin.node(),
		"sync": "full", "copy-mode": "write-blocking", "speed": speed, "auto-dismiss": false}, nil); err != nil {
		r.t.Error(err)
	}
	if speed == 0 {
		if _, err := run.mon.Await(r.t.Context(), events, func(e qmp.Event) bool { return jobIs(e, swapJob, "ready") }); err != nil {
			r.t.Error(err)
		}
	}
	return twin
}
