// Package minimal makes a small bootable image on the spot, so that a cloud can
// be tried and tested without downloading one: the distribution's own kernel,
// BusyBox, and the init of package guest.
//
//	apt: kernel package --> vmlinuz, modules --+--> initramfs --+--> EFI system partition --+
//	embedded guest program, BusyBox -----------+                |    (SYSLINUX for BIOS,    +--> qcow2
//	                                           +--> root tree --+--> ext4 partition --------+
//	                                                                 systemd-boot for UEFI)
//
// The image boots under BIOS and UEFI; the same kernel and initramfs boot
// directly (-kernel, -initrd), also on microvm. It passes for CirrOS to test
// suites that expect one. It is no distribution: nothing can be installed in
// it. `nubo image build-minimal` calls Build.
package minimal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/nubo-cloud/nubo/internal/minimal/embedded"
)

// Packages are the Debian (and Ubuntu) packages that Build needs installed. The
// kernel is none of them: it is downloaded, unpacked and never installed.
var Packages = []string{
	"busybox-static", "dpkg", "e2fsprogs", "mtools", "qemu-utils", "syslinux", "syslinux-common", "systemd-boot-efi",
}

// Cmdline is the kernel's command line in the image. For booting the exported
// kernel and initramfs directly it is a good one too; without root= the guest
// takes the first disk whose root filesystem has the image's label, or runs
// from memory.
const Cmdline = "root=LABEL=" + rootLabel + " " + DirectCmdline

// DirectCmdline is Cmdline without a root disk: two consoles, no waiting after
// a panic, and what shortens the boot where there is no hardware
// virtualisation.
//
// The mitigations are off because the guest runs one person's tests, and page
// table isolation alone makes every system call several times slower there.
// The kernel's self-tests of its ciphers, auditing and security modules take
// half a second together.
const DirectCmdline = "console=tty0 console=ttyS0,115200n8 panic=5 " +
	"mitigations=off nokaslr no_timer_check tsc=reliable 8250.nr_uarts=1 " +
	"cryptomgr.notests lsm=capability audit=0 initcall_blacklist=crypto_kdf108_init,init_kprobe_trace,init_blk_tracer"

const rootLabel = "nubo-root"

// Options say what Build makes.
type Options struct {
	Output   string // the qcow2 to write; replaced when it exists
	CacheDir string // keeps the downloaded kernel; made when missing

	// KernelOutput and InitramfsOutput, when set, get copies for direct boot.
	KernelOutput, InitramfsOutput string

	// KernelPackage overrides the choice of the kernel, for example
	// "linux-image-6.1.0-56-cloud-amd64". Empty: the distribution's newest
	// kernel for virtual machines.
	KernelPackage string

	// GuestProgram is a built cmd/nubo-guest to use in place of the embedded one.
	GuestProgram string

	Log *slog.Logger // nil: slog.Default()
}

// Build makes the image. It needs no root. It may be repeated and run beside
// itself; an output is either complete or untouched. Errors are one line that
// says what is missing and what to do.
func Build(ctx context.Context, o Options) error {
	began := time.Now()
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if err := o.check(); err != nil {
		return err
	}
	if err := absolute(&o.Output, &o.CacheDir); err != nil {
		return err
	}
	t, err := findTools()
	if err != nil {
		return err
	}
	guest, err := o.guest()
	if err != nil {
		return err
	}
	k, err := fetchKernel(ctx, o, t)
	if err != nil {
		return fmt.Errorf("get a kernel: %w", err)
	}
	work, err := os.MkdirTemp(filepath.Dir(o.Output), ".nubo-minimal-*")
	if err != nil {
		return fmt.Errorf("make a working directory: %w", err)
	}
	defer os.RemoveAll(work)
	b := &build{Options: o, tools: t, kernel: k, guest: guest, work: work}
	if err := b.make(ctx); err != nil {
		return err
	}
	st, err := os.Stat(o.Output)
	if err != nil {
		return err
	}
	o.Log.Info("minimal image made", "file", o.Output, "bytes", st.Size(), "kernel", k.version, "took", time.Since(began).Round(time.Millisecond))
	return nil
}

// absolute makes paths that tools running in other directories find.
func absolute(paths ...*string) error {
	for _, p := range paths {
		whole, err := filepath.Abs(*p)
		if err != nil {
			return fmt.Errorf("path %s: %w", *p, err)
		}
		*p = whole
	}
	return nil
}

func (o Options) check() error {
	if o.Output == "" {
		return errors.New("no output file is given for the minimal image: name one with --output")
	}
	if o.CacheDir == "" {
		return errors.New("no cache directory is given for the minimal image")
	}
	if err := os.MkdirAll(o.CacheDir, 0o755); err != nil {
		return fmt.Errorf("make the cache directory: %w", err)
	}
	return nil
}

func (o Options) guest() ([]byte, error) {
	if o.GuestProgram != "" {
		return os.ReadFile(o.GuestProgram)
	}
	return embedded.Guest()
}

// build is one run of Build.
type build struct {
	Options
	tools  tools
	kernel kernel
	guest  []byte
	work   string
}

func (b *build) make(ctx context.Context) error {
	tree, err := b.rootTree(ctx)
	if err != nil {
		return err
	}
	initramfs, err := b.initramfs(tree)
	if err != nil {
		return fmt.Errorf("make the initramfs: %w", err)
	}
	if err := b.disk(ctx, tree, initramfs); err != nil {
		return err
	}
	if err := b.export(b.InitramfsOutput, initramfs); err != nil {
		return err
	}
	vmlinuz, err := os.ReadFile(b.kernel.vmlinuz())
	if err != nil {
		return err
	}
	return b.export(b.KernelOutput, vmlinuz)
}

// export writes a file whole or not at all.
func (b *build) export(path string, data []byte) error {
	if path == "" {
		return nil
	}
	tmp := filepath.Join(b.work, "export")
	if err := os.WriteFile(tmp, data, 0o644); err != nil {
		return err
	}
	return moveFile(tmp, path)
}

// moveFile renames, or copies where the target is on another filesystem.
func moveFile(from, to string) error {
	if os.Rename(from, to) == nil {
		return nil
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.WriteFile(to+".part", data, 0o644); err != nil {
		return err
	}
	return os.Rename(to+".part", to)
}
