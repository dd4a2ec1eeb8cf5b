package qemu

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"time"
)

// Packages are the Debian packages this driver needs, on hosts with UEFI guests or not.
var Packages = []string{"qemu-system-x86", "seabios", "ovmf"}

// Options configure a Driver. Only StateDir is needed.
type Options struct {
	// StateDir is ours alone; made if missing.
	StateDir string
	// Binary is the emulator; default "qemu-system-x86_64" from PATH.
	Binary string
	// UIDBase and UIDCount are the user and group ids guests run as, one each. They must
	// belong to nobody. Default 100,000 ids from 1,900,000,000 on. Unused when not root:
	// then guests run as the daemon's own user.
	UIDBase, UIDCount int
	// Accel is "kvm", "tcg", or "auto" (default): probe.
	Accel string
	// ProbeKernel is a Linux kernel to probe acceleration with; default: the newest of /boot.
	ProbeKernel string
	// ProbeTimeout is how long a probe may take; default 6 s.
	ProbeTimeout time.Duration
	// CPUModel is QEMU's name; default "host" with KVM and "max" without. Both
	// tie suspended guests to hosts with the same features.
	CPUModel string
	// Cache is "writeback" (default) or "none". Writeback goes through the host's page cache:
	// a base shared by many guests is read once, first boots are fast, and flushes of the
	// guest still reach the disk before they return. None uses O_DIRECT and native AIO.
	Cache string
	// IOThread gives each guest a thread of its own for virtio disks.
	IOThread bool
	// Manufacturer, Product and Release are what SMBIOS tells the guest. Some guests
	// look there for the kind of cloud they are in. Default "Nubo", "Nubo", "".
	Manufacturer, Product, Release string
	// ConsoleLogBytes is how much serial output is kept at least; default 1 MiB. At most
	// four times that is on disk.
	ConsoleLogBytes int64
	// TrimInterval is how often logs are looked at; default 5 s.
	TrimInterval time.Duration
	// FirmwareDirs are searched for OVMF; default those of the distributions.
	FirmwareDirs []string
	// Cgroup is the name of our cgroup below each controller's root; default "nubo".
	// "-" switches cgroups off.
	Cgroup string
	Log    *slog.Logger
}

func (o Options) withDefaults() (Options, error) {
	if o.StateDir == "" {
		return o, errors.New("qemu: no state directory given")
	}
	setDefault(&o.Binary, "qemu-system-x86_64")
	path, err := exec.LookPath(o.Binary)
	if err != nil {
		return o, fmt.Errorf("qemu: %w; install the package qemu-system-x86", err)
	}
	o.Binary = path
	setDefault(&o.UIDBase, 1_900_000_000)
	setDefault(&o.UIDCount, 100_000)
	setDefault(&o.Accel, "auto")
	setDefault(&o.ProbeTimeout, 6*time.Second)
	setDefault(&o.Cache, "writeback")
	setDefault(&o.Manufacturer, "Nubo")
	setDefault(&o.Product, "Nubo")
	setDefault(&o.ConsoleLogBytes, 1<<20)
	setDefault(&o.TrimInterval, 5*time.Second)
	setDefault(&o.Cgroup, "nubo")
	if o.FirmwareDirs == nil {
		o.FirmwareDirs = defaultFirmwareDirs
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o, o.check()
}

func (o Options) check() error {
	if o.Accel != "auto" && o.Accel != "kvm" && o.Accel != "tcg" {
		return fmt.Errorf("qemu: acceleration %q is not one of auto, kvm, tcg", o.Accel)
	}
	if o.Cache != "writeback" && o.Cache != "none" {
		return fmt.Errorf("qemu: cache %q is not one of writeback, none", o.Cache)
	}
	return nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// privileged says whether guests can be given users of their own.
func privileged() bool { return os.Geteuid() == 0 }
