package minimal

import (
	"bytes"
	"context"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// tools are the programs and files of other packages that a build uses.
type tools struct {
	aptGet, aptCache, dpkgDeb            string
	mke2fs, debugfs, mformat, mmd, mcopy string
	syslinux, qemuImg, busybox           string
	gptMBR, bootEFI                      string
}

// findTools looks in sbin too, which is not in everybody's path.
func findTools() (tools, error) {
	var t tools
	for _, w := range []struct {
		to      *string
		pkg     string
		choices []string
	}{
		{&t.aptGet, "apt", []string{"apt-get"}}, {&t.aptCache, "apt", []string{"apt-cache"}},
		{&t.dpkgDeb, "dpkg", []string{"dpkg-deb"}},
		{&t.mke2fs, "e2fsprogs", []string{"mke2fs", "/usr/sbin/mke2fs", "/sbin/mke2fs"}},
		{&t.debugfs, "e2fsprogs", []string{"debugfs", "/usr/sbin/debugfs", "/sbin/debugfs"}},
		{&t.mformat, "mtools", []string{"mformat"}}, {&t.mcopy, "mtools", []string{"mcopy"}}, {&t.mmd, "mtools", []string{"mmd"}},
		{&t.syslinux, "syslinux", []string{"syslinux"}},
		{&t.qemuImg, "qemu-utils", []string{"qemu-img"}},
		{&t.busybox, "busybox-static", []string{"/bin/busybox", "/usr/bin/busybox"}},
		{&t.gptMBR, "syslinux-common", []string{"/usr/lib/syslinux/mbr/gptmbr.bin"}},
		{&t.bootEFI, "systemd-boot-efi", []string{"/usr/lib/systemd/boot/efi/systemd-bootx64.efi"}},
	} {
		found, err := firstFound(w.choices)
		if err != nil {
			return t, fmt.Errorf("%s is missing, which building the minimal image needs: install the package %s (apt-get install %s)",
				w.choices[0], w.pkg, strings.Join(Packages, " "))
		}
		*w.to = found
	}
	return t, checkStatic(t.busybox)
}

func firstFound(choices []string) (string, error) {
	for _, c := range choices {
		if strings.HasPrefix(c, "/") {
			if _, err := os.Stat(c); err == nil {
				return c, nil
			}
		} else if p, err := exec.LookPath(c); err == nil {
			return p, nil
		}
	}
	return "", os.ErrNotExist
}

// checkStatic: the package busybox installs a dynamic program in the same
// place, which would not start in the guest.
func checkStatic(busybox string) error {
	f, err := elf.Open(busybox)
	if err != nil {
		return fmt.Errorf("read %s: %w", busybox, err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("%s needs shared libraries, which the guest has not: install the package busybox-static in its place", busybox)
		}
	}
	return nil
}

// run runs a tool; the error carries what it printed.
func run(ctx context.Context, dir, program string, args ...string) ([]byte, error) {
	return runInput(ctx, dir, nil, program, args...)
}

func runInput(ctx context.Context, dir string, input []byte, program string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.Stdin = bytes.NewReader(input)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	// mtools refuses images whose geometry it finds odd, without need.
	cmd.Env = append(os.Environ(), "MTOOLS_SKIP_CHECK=1", "LC_ALL=C")
	if err := cmd.Run(); err != nil {
		said := strings.Join(strings.Fields(errs.String()), " ")
		return nil, fmt.Errorf("%s: %w: %s", program, err, said)
	}
	return out.Bytes(), nil
}
