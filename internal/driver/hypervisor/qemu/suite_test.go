package qemu

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/driver/hypervisor/hypervisortest"
	"github.com/nubo-cloud/nubo/internal/imageformat/luks"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Real guests on the board that most have pass the suite.
func TestSuiteQ35(t *testing.T) {
	hypervisortest.Run(t, func(t *testing.T) *hypervisortest.Fixture { return newRig(t, spec.MachineQ35).fixture() })
}

// So do those on the old board.
func TestSuitePC(t *testing.T) {
	if testing.Short() {
		t.Skip("the same as on q35; left out because of -short")
	}
	hypervisortest.Run(t, func(t *testing.T) *hypervisortest.Fixture { return newRig(t, spec.MachinePC).fixture() })
}

// rig is a driver with files and taps around it, and hands on its guests' consoles.
type rig struct {
	t       testing.TB
	dir     string
	state   string
	machine spec.Machine
	opts    Options
	d       *Driver
	files   int
	taps    int
}

func newRig(t testing.TB, m spec.Machine) *rig {
	for _, tool := range []string{"qemu-system-x86_64", "qemu-img"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s: install the packages qemu-system-x86 and qemu-utils", tool)
		}
	}
	r := &rig{t: t, dir: t.TempDir(), machine: m}
	r.state = filepath.Join(r.dir, "state")
	r.opts = Options{StateDir: r.state, Accel: "tcg", ConsoleLogBytes: 32 << 10, TrimInterval: 20 * time.Millisecond,
		Cgroup: fmt.Sprintf("nubotest%d", os.Getpid())}
	r.open()
	t.Cleanup(r.cleanup)
	return r
}

func (r *rig) open() {
	d, err := New(r.opts)
	if err != nil {
		r.t.Fatal(err)
	}
	r.d = d
}

func (r *rig) cleanup() {
	all, _ := r.d.List(r.t.Context())
	for _, g := range all {
		if r.t.Failed() {
			b, _ := os.ReadFile(filepath.Join(r.state, "guests", string(g.ID), "qemu.log"))
			r.t.Logf("%s: QEMU said: %s", g.ID, b)
		}
	}
	for _, g := range r.d.all() {
		if err := r.d.Remove(r.t.Context(), g.id); err != nil {
			r.t.Error(err)
		}
	}
	r.d.Close()
	cgroups, _ := filepath.Glob("/sys/fs/cgroup/*/" + r.opts.Cgroup)
	for _, c := range append(cgroups, "/sys/fs/cgroup/"+r.opts.Cgroup) {
		os.Remove(c)
	}
}

func (r *rig) fixture() *hypervisortest.Fixture {
	f := &hypervisortest.Fixture{
		Hypervisor: r.d,
		Ready:      hypervisortest.Ready,
		Reopen: func(between func()) agent.Hypervisor {
			r.d.Close()
			between()
			r.open()
			return r.d
		},
		Launch:  r.launch,
		Disk:    r.disk,
		Encrypt: r.encrypt,
		Hides: func(s spec.BlockSource, text string) bool {
			b, err := os.ReadFile(s.Path)
			return err == nil && !bytes.Contains(b, []byte(text))
		},
		CopyTarget: r.copyTarget,
		Same:       same,
		PowerOff:   func(id spec.GuestID) { r.keys(id, "p", "BYE") },
		Reboot:     func(id spec.GuestID) { r.keys(id, "r", "BYE") },
		Write:      func(id spec.GuestID) { r.keys(id, "w", "WROTE") },
		Flood:      func(id spec.GuestID) { r.keys(id, "f", "FLOODED") },
		Count:      func(id spec.GuestID) string { return r.keys(id, "i", "") },
		Crash:      func(id spec.GuestID) { unix.Kill(r.pid(id), unix.SIGKILL) },
		LogBound:   32 << 10,
		Left:       r.left,
	}
	if os.Geteuid() == 0 {
		f.NIC = r.nic
	}
	return f
}

func (r *rig) launch(id spec.GuestID) agent.Launch {
	return agent.Launch{
		Guest: spec.Guest{ID: id, Name: "test, guest", CPUs: 1, MemoryBytes: 64 << 20, Machine: r.machine,
			Firmware: spec.FirmwareBIOS},
		Disks: []agent.LaunchDisk{{
			Disk:   spec.Disk{Volume: "v1", Bus: spec.BusVirtio, Serial: "v1", BootIndex: 1},
			Source: r.overlay(r.system())}},
	}
}

// system is a disk with the test guest on it, to be the base of an overlay.
func (r *rig) system() *spec.BlockSource {
	name := r.name("base")
	if err := os.WriteFile(name, append(bytes.Clone(hypervisortest.BootGuest), make([]byte, 16<<20-512)...), 0o600); err != nil {
		r.t.Fatal(err)
	}
	return &spec.BlockSource{Driver: "file", Path: name, Format: spec.FormatRaw}
}

func (r *rig) overlay(base *spec.BlockSource) spec.BlockSource {
	name := r.name("qcow2")
	args := []string{"create", "-q", "-f", "qcow2"}
	if base != nil {
		args = append(args, "-b", base.Path, "-F", "raw")
	}
	if out, err := exec.Command("qemu-img", append(args, name, "16M")...).CombinedOutput(); err != nil {
		r.t.Fatalf("qemu-img: %s", out)
	}
	os.Chmod(name, 0o600)
	return spec.BlockSource{Driver: "file", Path: name, Format: spec.FormatQCOW2, Base: base}
}

// encrypt has QEMU's tool copy a disk into an encrypted one of the same size.
func (r *rig) encrypt(d agent.LaunchDisk) agent.LaunchDisk {
	to := spec.BlockSource{Driver: "file", Path: r.name("luks"), Format: spec.FormatLUKS, Key: "the secret"}
	f, err := os.Create(to.Path)
	if err == nil {
		err = errors.Join(luks.WriteHeader(f, luks.DefaultCipher, luks.DefaultKeyBits, string(to.Key)), f.Truncate(luks.HeaderBytes+16<<20), f.Close())
	}
	if err != nil {
		r.t.Fatal(err)
	}
	out, err := exec.Command("qemu-img", "convert", "-n", "--object", "secret,id=k,data="+string(to.Key), "-f", "qcow2",
		"--target-image-opts", d.Source.Path, "driver=luks,key-secret=k,file.driver=file,file.filename="+to.Path).CombinedOutput()
	if err != nil {
		r.t.Fatalf("qemu-img: %s", out)
	}
	d.Source = to
	return d
}

// copyTarget is an overlay over the disk's base, or for an encrypted disk an empty file of its length.
func (r *rig) copyTarget(d agent.LaunchDisk) spec.BlockSource {
	if d.Source.Format != spec.FormatLUKS {
		return r.overlay(d.Source.Base)
	}
	info, err := os.Stat(d.Source.Path)
	to := spec.BlockSource{Driver: "file", Path: r.name("luks"), Format: spec.FormatLUKS}
	if err == nil {
		err = errors.Join(os.WriteFile(to.Path, nil, 0o600), os.Truncate(to.Path, info.Size()))
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return to
}

// same compares what disks hold, or for encrypted ones their files.
func same(a, b spec.BlockSource) bool {
	args := []string{"compare", "-q"}
	if a.Format == spec.FormatLUKS {
		args = append(args, "-f", "raw", "-F", "raw")
	}
	return exec.Command("qemu-img", append(args, a.Path, b.Path)...).Run() == nil
}

func (r *rig) disk(v spec.VolumeID) agent.LaunchDisk {
	return agent.LaunchDisk{Disk: spec.Disk{Volume: v, Bus: spec.BusVirtio, Serial: string(v)}, Source: r.overlay(nil)}
}

func (r *rig) name(ext string) string {
	r.files++
	return filepath.Join(r.dir, fmt.Sprintf("%d.%s", r.files, ext))
}

// nic makes a tap in a network namespace of its own.
func (r *rig) nic(p spec.PortID) agent.LaunchNIC {
	r.taps++
	ns := fmt.Sprintf("nuqt%d-%d", os.Getpid(), r.taps)
	tap := fmt.Sprintf("nut%d", r.taps)
	for _, c := range [][]string{{"netns", "add", ns}, {"-n", ns, "tuntap", "add", tap, "mode", "tap", "vnet_hdr"},
		{"-n", ns, "link", "set", tap, "up"}} {
		if out, err := exec.Command("ip", c...).CombinedOutput(); err != nil {
			r.t.Skipf("needs network namespaces and /dev/net/tun: ip %v: %s", c, out)
		}
	}
	r.t.Cleanup(func() { exec.Command("ip", "netns", "del", ns).Run() })
	return agent.LaunchNIC{NIC: spec.NIC{Port: p, MAC: fmt.Sprintf("52:54:00:00:00:%02x", r.taps), MTU: 1400},
		Tap: tap, Namespace: "/run/netns/" + ns}
}

// keys types on the guest's serial console, without the driver, and answers what came back.
func (r *rig) keys(id spec.GuestID, keys, want string) string {
	r.t.Helper()
	var c net.Conn
	var err error
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if c, err = dial(r.t.Context(), filepath.Join(r.state, "guests", string(id)), "serial"); err == nil {
			break
		}
		if time.Now().After(end) {
			r.t.Fatalf("serial console: %v", err)
		}
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := c.Write([]byte(keys)); err != nil {
		r.t.Fatal(err)
	}
	var got strings.Builder
	buf := make([]byte, 4096)
	for got.Len() == 0 || !strings.Contains(got.String(), want) {
		n, err := c.Read(buf)
		got.Write(buf[:n])
		if err != nil {
			r.t.Fatalf("serial console: %v after %.100q", err, got.String())
		}
	}
	return got.String()
}

func (r *rig) pid(id spec.GuestID) int {
	rec, err := loadRecord(filepath.Join(r.state, "guests", string(id)))
	if err != nil || rec.PID == 0 {
		r.t.Fatalf("no pid of %s: %v", id, err)
	}
	return rec.PID
}

// left looks for processes and files of a guest.
func (r *rig) left(id spec.GuestID) []string {
	var left []string
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		b, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		if strings.Contains(string(b), "guest="+string(id)+",") && strings.Contains(string(b), "nubo:") && r.isOurs(e.Name()) {
			left = append(left, "process "+e.Name())
		}
	}
	for _, pattern := range []string{r.state + "/guests/*", "/sys/fs/cgroup/*/" + r.opts.Cgroup + "/" + string(id),
		"/sys/fs/cgroup/" + r.opts.Cgroup + "/" + string(id)} {
		found, _ := filepath.Glob(pattern)
		left = append(left, found...)
	}
	return left
}

func (r *rig) isOurs(pid string) bool {
	target, _ := os.Readlink("/proc/" + pid + "/fd/3")
	return strings.HasPrefix(target, r.state)
}
