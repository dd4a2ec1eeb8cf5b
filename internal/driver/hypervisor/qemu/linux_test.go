package qemu

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// minimalImage is a qcow2 image with Linux; kernel and initramfs for direct boot lie beside it.
func minimalImage(t *testing.T) string {
	if os.Getenv("NUBO_TEST_LINUX") == "" {
		t.Skip("boots Linux seven times without a network, ten minutes under TCG: set NUBO_TEST_LINUX=1")
	}
	image := os.Getenv("NUBO_TEST_IMAGE")
	if image == "" && os.Getenv("NUBO_TEST_REAL") != "1" {
		t.Skip("needs a Linux guest: set NUBO_TEST_IMAGE to a qcow2 image made by `nubo image minimal`")
	}
	if !exists(image) {
		t.Fatalf("NUBO_TEST_IMAGE=%q is not there", image)
	}
	return image
}

// linux launches the minimal image on a thin clone.
func (r *rig) linux(image string) agent.Launch {
	base := &spec.BlockSource{Driver: "file", Path: image, Format: spec.FormatQCOW2}
	name := r.name("qcow2")
	out, err := exec.Command("qemu-img", "create", "-q", "-f", "qcow2", "-b", image, "-F", "qcow2", name, "200M").CombinedOutput()
	if err != nil {
		r.t.Fatalf("qemu-img: %s", out)
	}
	l := r.launch("g1")
	l.Guest.MemoryBytes = 256 << 20
	l.Disks[0].Source = spec.BlockSource{Driver: "file", Path: name, Format: spec.FormatQCOW2, Base: base}
	return l
}

// shell is a login on a guest's serial console.
type shell struct {
	t    testing.TB
	conn net.Conn
	seen strings.Builder
}

const linuxPatience = 90 * time.Second

// login waits for the system to come up, and logs in.
func (r *rig) login() *shell {
	r.t.Helper()
	c, err := r.d.DialConsole(r.t.Context(), "g1", spec.ConsoleSerial)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(linuxPatience))
	s := &shell{t: r.t, conn: c}
	s.await("login:")
	s.enter("cirros\n", "assword:")
	s.enter("gocubsgo\n", "$ ")
	return s
}

func (s *shell) await(want string) string {
	s.t.Helper()
	s.seen.Reset()
	buf := make([]byte, 4096)
	for !strings.Contains(s.seen.String(), want) {
		n, err := s.conn.Read(buf)
		s.seen.Write(buf[:n])
		if err != nil {
			s.t.Fatalf("console: %v; waiting for %q, saw %q", err, want, s.seen.String())
		}
	}
	return s.seen.String()
}

func (s *shell) enter(text, want string) string {
	s.t.Helper()
	if _, err := s.conn.Write([]byte(text)); err != nil {
		s.t.Fatal(err)
	}
	return s.await(want)
}

// run answers what a command prints.
func (s *shell) run(command string) string {
	s.t.Helper()
	// The quotes keep the echo of the command from looking like its end.
	out := s.enter(command+"; echo E'N'D\n", "END\r\n")
	return out[strings.IndexByte(out, '\n')+1:]
}

// until runs a command until its output holds want.
func (s *shell) until(command, want string, holds bool) {
	s.t.Helper()
	for end := time.Now().Add(linuxPatience); ; {
		out := s.run(command)
		if strings.Contains(out, want) == holds {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("%s: %q in it should be %v: %q", command, want, holds, out)
		}
	}
}

// Linux boots on every board and firmware, and shuts down when asked.
func TestLinuxBoards(t *testing.T) {
	image := minimalImage(t)
	for _, c := range []struct {
		machine  spec.Machine
		firmware spec.Firmware
		kernel   bool
		bus      spec.Bus
	}{
		{spec.MachineQ35, spec.FirmwareBIOS, false, spec.BusVirtio},
		{spec.MachineQ35, spec.FirmwareUEFI, false, spec.BusVirtio},
		{spec.MachineQ35, spec.FirmwareBIOS, true, spec.BusVirtio},
		{spec.MachinePC, spec.FirmwareBIOS, false, spec.BusVirtio},
		{spec.MachineMicroVM, spec.FirmwareBIOS, true, spec.BusVirtio},
	} {
		t.Run(fmt.Sprintf("%s-%s-kernel=%v", c.machine, c.firmware, c.kernel), func(t *testing.T) {
			if c.machine == spec.MachineMicroVM && os.Getenv("NUBO_TEST_MICROVM") == "" {
				t.Skip("Linux cannot calibrate its clock on microvm without KVM and hangs in many of its starts: set NUBO_TEST_MICROVM=1 to try")
			}
			r := newRig(t, c.machine)
			l := r.linux(image)
			l.Guest.Firmware, l.Disks[0].Disk.Bus = c.firmware, c.bus
			stem := strings.TrimSuffix(image, ".qcow2")
			if c.kernel {
				l.Kernel, l.Initramfs = stem+".vmlinuz", stem+".initramfs"
				// microvm without KVM has nothing to measure the TSC with.
				l.Guest.Kernel = &spec.Kernel{CommandLine: "console=ttyS0 tsc_early_khz=2000000"}
			}
			begin := time.Now()
			if err := r.d.Start(t.Context(), l, false); err != nil {
				t.Fatal(err)
			}
			t.Logf("Start took %s", time.Since(begin))
			r.login()
			t.Logf("logged in after %s", time.Since(begin))
			begin = time.Now()
			if err := r.d.Stop(t.Context(), "g1", agent.StopOptions{Grace: linuxPatience}); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(begin); took > linuxPatience/2 {
				t.Errorf("shutdown took %s", took)
			}
		})
	}
}

// Linux sees disks and NICs come, and lets them go, also when asked while it boots.
func TestLinuxPlug(t *testing.T) {
	image := minimalImage(t)
	for _, m := range []spec.Machine{spec.MachineQ35, spec.MachinePC} {
		t.Run(string(m), func(t *testing.T) { linuxPlug(t, newRig(t, m), image) })
	}
}

func linuxPlug(t *testing.T, r *rig, image string) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*linuxPatience)
	defer cancel()
	l := r.linux(image)
	l.Disks = append(l.Disks, r.disk("early"))
	must(r.d.Start(ctx, l, false))
	must(r.d.UnplugDisk(ctx, "g1", "early")) // while it boots
	sh := r.login()
	sh.until("ls /sys/block", "vdb", false)
	must(r.d.PlugDisk(ctx, "g1", r.disk("plugged")))
	sh.until("cat /sys/block/vd*/serial", "plugged", true)
	must(r.d.ResizeDisk(ctx, "g1", "plugged", 48<<20))
	sh.until("cat /sys/block/vd*/size", fmt.Sprint(48<<20/512), true)
	if os.Geteuid() == 0 {
		must(r.d.PlugNIC(ctx, "g1", r.nic("p1")))
		sh.until("cat /sys/class/net/*/address", "52:54:00:00:00:01", true)
		sh.until("cat /sys/class/net/*/mtu", "1400", true)
		must(r.d.UnplugNIC(ctx, "g1", "p1"))
		sh.until("cat /sys/class/net/*/address", "52:54:00:00:00:01", false)
	}
	must(r.d.UnplugDisk(ctx, "g1", "plugged"))
	sh.until("cat /sys/block/vd*/serial", "plugged", false)
	must(r.d.Suspend(ctx, "g1"))
	must(r.d.Start(ctx, l2(l), false))
	sh = &shell{t: t}
	c, err := r.d.DialConsole(ctx, "g1", spec.ConsoleSerial)
	must(err)
	defer c.Close()
	c.SetDeadline(time.Now().Add(linuxPatience))
	sh.conn = c
	sh.until("uptime", "up", true) // still logged in
}

// l2 is a launch without its second disk.
func l2(l agent.Launch) agent.Launch {
	l.Disks = l.Disks[:1]
	return l
}
