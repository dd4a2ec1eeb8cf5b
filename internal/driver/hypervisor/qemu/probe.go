package qemu

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// acceleration is what was found out about this host.
type acceleration struct {
	Kind   string // "kvm" or "tcg"
	Reason string // why not KVM
	// Key names what it was found out for: boot of the host, QEMU, payload.
	Key string
}

// prober finds out once.
type prober struct {
	mu      sync.Mutex
	found   *acceleration
	version string
}

// probeSector is a boot sector that switches to long mode with paging, takes timer
// interrupts there, and says so on COM1. It takes 0.2 s, and finds hosts whose
// KVM runs firmware but hangs later. Its source is testdata/probe.S.
//
//go:embed probe.bin
var probeSector []byte

// Describe implements agent.Hypervisor.
func (d *Driver) Describe(ctx context.Context) (spec.Hypervisor, error) {
	a, err := d.acceleration(ctx)
	if err != nil {
		return spec.Hypervisor{}, err
	}
	version, err := d.version(ctx)
	if err != nil {
		return spec.Hypervisor{}, err
	}
	firmwares := []spec.Firmware{spec.FirmwareBIOS}
	if _, _, err := findFirmware(d.opts.FirmwareDirs); err == nil {
		firmwares = append(firmwares, spec.FirmwareUEFI)
	}
	return spec.Hypervisor{Type: "QEMU", Version: version, Acceleration: a.Kind, AccelerationReason: a.Reason,
		Machines:  []spec.Machine{spec.MachineQ35, spec.MachinePC, spec.MachineMicroVM},
		Firmwares: firmwares, CPUModel: d.cpuModel(a.Kind)}, nil
}

// cpuModel: "max" costs no boot time under TCG compared with smaller models, and runs
// images built for newer CPUs.
func (d *Driver) cpuModel(accel string) string {
	switch {
	case d.opts.CPUModel != "":
		return d.opts.CPUModel
	case accel == "kvm":
		return "host"
	}
	return "max"
}

var versionWord = regexp.MustCompile(`version (\d+\.\d+\.\d+)`)

func (d *Driver) version(ctx context.Context) (string, error) {
	d.probe.mu.Lock()
	defer d.probe.mu.Unlock()
	if d.probe.version != "" {
		return d.probe.version, nil
	}
	out, err := exec.CommandContext(ctx, d.opts.Binary, "--version").Output()
	m := versionWord.FindSubmatch(out)
	if err != nil || m == nil {
		return "", fmt.Errorf("qemu: %s --version: %v, %.80q", d.opts.Binary, err, out)
	}
	d.probe.version = string(m[1])
	return d.probe.version, nil
}

// acceleration is what guests are run with. The first call on a boot of the host may run a
// guest for a few seconds; others wait for it.
func (d *Driver) acceleration(ctx context.Context) (acceleration, error) {
	if d.opts.Accel != "auto" {
		a := acceleration{Kind: d.opts.Accel}
		if a.Kind == "tcg" {
			a.Reason = "chosen by configuration"
		}
		return a, nil
	}
	version, err := d.version(ctx)
	if err != nil {
		return acceleration{}, err
	}
	d.probe.mu.Lock()
	defer d.probe.mu.Unlock()
	if d.probe.found != nil {
		return *d.probe.found, nil
	}
	a, err := d.findAcceleration(ctx, version)
	if err != nil {
		return a, err
	}
	d.probe.found = &a
	return a, nil
}

func (d *Driver) findAcceleration(ctx context.Context, version string) (acceleration, error) {
	// Not kept: the device may appear, or its permissions change, at any time.
	if f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0); err != nil {
		return acceleration{Kind: "tcg", Reason: "/dev/kvm: " + errors.Unwrap(err).Error()}, nil
	} else {
		f.Close()
	}
	if privileged() && !guestsMayUseKVM() {
		return acceleration{Kind: "tcg", Reason: "only root may use /dev/kvm, and guests have users of their own: " +
			"give it a group that may read and write (chgrp kvm /dev/kvm; chmod 660 /dev/kvm; udev does so)"}, nil
	}
	kernel := d.probeKernel()
	st, _ := os.Stat("/dev/kvm")
	key := fmt.Sprintf("%s %s %s %v", d.boot, version, kernel, st.Mode())
	cache := filepath.Join(d.opts.StateDir, "acceleration.json")
	var a acceleration
	if b, err := os.ReadFile(cache); err == nil && json.Unmarshal(b, &a) == nil && a.Key == key {
		return a, nil
	}
	reason, err := d.tryKVM(ctx, kernel)
	if err != nil {
		return a, err
	}
	a = acceleration{Kind: "kvm", Key: key}
	if reason != "" {
		a.Kind, a.Reason = "tcg", "KVM does not run a guest here: "+reason
	}
	d.log.Info("acceleration probed", "found", a.Kind, "reason", a.Reason, "kernel", kernel)
	b, _ := json.MarshalIndent(a, "", " ")
	if err := writeFile(cache, b); err != nil {
		d.log.Warn("acceleration is probed again at the next start", "err", err)
	}
	return a, nil
}

// guestsMayUseKVM says whether any user or a group may.
func guestsMayUseKVM() bool {
	st, err := os.Stat("/dev/kvm")
	return err == nil && (st.Mode()&0o006 == 0o006 || kvmGroups() != nil)
}

// probeKernel is a Linux kernel to try, or "". A kernel asks more of KVM than a boot sector can:
// there are hosts that run the one and not the other.
func (d *Driver) probeKernel() string {
	if d.opts.ProbeKernel != "" {
		return d.opts.ProbeKernel
	}
	found, _ := filepath.Glob("/boot/vmlinuz-*")
	sort.Slice(found, func(i, j int) bool { return modTime(found[i]) > modTime(found[j]) })
	if len(found) == 0 {
		return ""
	}
	return found[0]
}

func modTime(name string) int64 {
	st, err := os.Stat(name)
	if err != nil {
		return 0
	}
	return st.ModTime().UnixNano()
}

// sectorTimeout is how long the boot sector may take; with working KVM it is 0.2 s.
const sectorTimeout = 3 * time.Second

// probeDisk shows descriptor 3 as a disk.
var probeDisk = []string{"-add-fd", "fd=3,set=1", "-blockdev",
	`{"driver":"raw","node-name":"d","read-only":true,"file":{"driver":"file","filename":"/dev/fdset/1","read-only":true}}`,
	"-device", "virtio-blk-pci,drive=d"}

// tryKVM runs guests with KVM, as the user guests have, and answers why it does not work, or
// "". An error means that nothing was found out.
func (d *Driver) tryKVM(ctx context.Context, kernel string) (reason string, err error) {
	dir, err := os.MkdirTemp(d.opts.StateDir, "probe")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	disk := filepath.Join(dir, "disk") // of a size that firmware takes for a hard disk
	if err := os.WriteFile(disk, append(bytes.Clone(probeSector), make([]byte, 1<<20)...), 0o644); err != nil {
		return "", err
	}
	reason, err = d.tryGuest(ctx, "kvm", sectorTimeout, disk, probeDisk...)
	if reason != "" || err != nil || kernel == "" {
		return reason, err
	}
	// It finds no root file system, panics, and resets.
	return d.tryGuest(ctx, "kvm", d.opts.ProbeTimeout, kernel, "-kernel", "/proc/self/fd/3",
		"-append", "console=ttyS0 earlyprintk=ttyS0 panic=-1 root=none")
}

// TryKVM runs guests with KVM as the daemon's own user, who may open a device that guests' users may not, and
// answers why it does not work, or "". It tells an operator whether opening the device to guests is of any
// use. Nothing is remembered.
func (d *Driver) TryKVM(ctx context.Context) (reason string, err error) {
	own := &Driver{opts: d.opts, log: d.log, probeAsOwner: true}
	return own.tryKVM(ctx, own.probeKernel())
}

// tryGuest runs a guest that shall say one of probeDone and reset. It has payload as
// descriptor 3.
func (d *Driver) tryGuest(ctx context.Context, accel string, most time.Duration, payload string, args ...string) (reason string, err error) {
	f, err := readable(payload, filepath.Join(d.opts.StateDir, "probe.copy"))
	if err != nil {
		return "", err
	}
	defer os.Remove(filepath.Join(d.opts.StateDir, "probe.copy"))
	defer f.Close()
	limit, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	var said, complained bytes.Buffer
	cmd := exec.CommandContext(limit, d.opts.Binary, append([]string{"-accel", accel, "-cpu", d.cpuModel(accel),
		"-machine", "q35", "-nodefaults", "-no-user-config", "-display", "none", "-m", "256", "-no-reboot",
		"-serial", "stdio"}, args...)...)
	cmd.ExtraFiles = []*os.File{f}
	cmd.Stdout, cmd.Stderr = &said, &complained
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if privileged() && !d.probeAsOwner {
		uid := uint32(d.opts.UIDBase + d.opts.UIDCount)
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: uid, Groups: kvmGroups()}
	}
	err = cmd.Run()
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	return probeVerdict(err, limit.Err() != nil, said.String(), complained.String()), nil
}

// probeDone are the words of a guest that got to its end.
var probeDone = []string{"Kernel panic - not syncing: VFS", "NUBO PROBE OK"}

func probeVerdict(err error, late bool, said, complained string) string {
	for _, w := range probeDone {
		if strings.Contains(said, w) {
			return ""
		}
	}
	last := func(s string) string {
		s = strings.TrimSpace(s)
		return s[strings.LastIndexByte(s, '\n')+1:]
	}
	switch {
	case late && said == "":
		return "it hangs without a word"
	case late:
		return "it hangs after saying " + last(said)
	case complained != "":
		return last(complained)
	case err != nil:
		return err.Error()
	}
	return "it ended early, after saying " + last(said)
}
