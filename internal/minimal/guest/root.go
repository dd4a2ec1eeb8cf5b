package guest

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/minimal/fsprobe"
	"golang.org/x/sys/unix"
)

// rootLabel is the label the image builder gives to the root filesystem.
const rootLabel = "nubo-root"

// enterRoot finds the root, stretches it over its disk and moves there. Without
// a root disk the initramfs stays the root.
func (g *guest) enterRoot() error {
	name, ok := g.findRoot()
	if !ok {
		if want := g.cmdline["root"]; want != "" {
			g.console.logf("no disk is %s: running from memory, nothing is kept", want)
		}
		return bindProgram("")
	}
	if err := growPartition(name); err != nil {
		g.console.logf("grow partition %s: %v", name, err)
	}
	const target = "/newroot"
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	// noinit_itable: a grown disk reads as zeros, so new inode tables need not
	// be written with zeros, which makes growing quick.
	if err := unix.Mount("/dev/"+name, target, "ext4", unix.MS_NOATIME, "noinit_itable"); err != nil {
		return fmt.Errorf("mount /dev/%s: %w", name, err)
	}
	if err := growFilesystem(target, name); err != nil {
		g.console.logf("grow the filesystem on %s: %v", name, err)
	}
	return moveRoot(target)
}

// findRoot waits for the root that the command line names, if it names one.
// Disks on virtio and the partitions on them are there as soon as their modules
// are; only SCSI disks come later.
func (g *guest) findRoot() (string, bool) {
	want, named := g.cmdline["root"]
	if !named {
		want = "LABEL=" + rootLabel
	}
	patience := 10 * time.Second
	if !named {
		patience = 0
	}
	if hosts, _ := filepath.Glob("/sys/class/scsi_host/*"); !named && len(hosts) > 0 {
		patience = 2 * time.Second
	}
	for began := time.Now(); ; {
		if name, ok := findDevice(rootMatcher(want)); ok {
			return name, true
		}
		if time.Since(began) >= patience {
			return "", false
		}
		// A poll, because events are followed only once there is a root.
		time.Sleep(20 * time.Millisecond)
		g.coldplug(earlyBuses, true)
	}
}

// rootMatcher understands LABEL=, UUID= and /dev/NAME.
func rootMatcher(want string) func(string, fsprobe.Info) bool {
	key, value, _ := strings.Cut(want, "=")
	return func(name string, i fsprobe.Info) bool {
		switch {
		case !strings.HasPrefix(i.Type, "ext"):
			return false
		case key == "LABEL":
			return i.Label == value
		case key == "UUID":
			return strings.EqualFold(i.UUID, value)
		}
		return "/dev/"+name == want
	}
}

// moveRoot makes target the root, taking the kernel's mounts along. The memory
// of the initramfs is freed, but for our own program and the modules.
func moveRoot(target string) error {
	for _, m := range kernelMounts {
		if err := os.MkdirAll(target+m.target, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(m.target, target+m.target, "", unix.MS_MOVE, ""); err != nil {
			return fmt.Errorf("move %s: %w", m.target, err)
		}
	}
	if err := bindProgram(target); err != nil {
		return err
	}
	if err := bind("/usr/lib/modules", target+"/usr/lib/modules"); err != nil {
		return err
	}
	freeInitramfs("/", target)
	if err := os.Chdir(target); err != nil {
		return err
	}
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("move the root: %w", err)
	}
	if err := unix.Chroot("."); err != nil {
		return fmt.Errorf("change the root: %w", err)
	}
	return os.Chdir("/")
}

// bindProgram shows our own program, which lives in the initramfs, under the
// root: the tools of package applet are links to it.
func bindProgram(target string) error { return bind("/init", target+Program) }

func bind(from, to string) error {
	if err := unix.Mount(from, to, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("show %s as %s: %w", from, to, err)
	}
	return nil
}

func freeInitramfs(dir, except string) {
	var st unix.Stat_t
	if unix.Stat(dir, &st) != nil {
		return
	}
	keep := map[string]bool{"/init": true, "/usr/lib/modules": true, except: true}
	// What cannot be removed only holds a little memory.
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return fs.SkipDir
		}
		var other unix.Stat_t
		if keep[path] || (d.IsDir() && (unix.Lstat(path, &other) != nil || other.Dev != st.Dev)) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if !d.IsDir() {
			_ = os.Remove(path)
		}
		return nil
	})
}
