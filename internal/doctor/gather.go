package doctor

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	driver "github.com/nubo-cloud/nubo/internal/driver/hypervisor/qemu"
)

// Options say where to look.
type Options struct {
	StateDir string
	Listen   string
	NoVNCDir string
	// PublicNetwork is the range that the external network has or will have.
	PublicNetwork netip.Prefix
}

// Gather looks at this host. It takes some seconds, as it boots guests under KVM. An error means that
// nothing could be looked at; what fails is a fact.
func Gather(ctx context.Context, o Options) (Facts, error) {
	tmp, err := os.MkdirTemp("", "nubo-doctor-")
	if err != nil {
		return Facts{}, fmt.Errorf("make a directory to try things in: %w", err)
	}
	defer os.RemoveAll(tmp)
	f := Facts{Root: os.Geteuid() == 0, StateDir: o.StateDir, Listen: o.Listen, CPUs: runtime.NumCPU()}
	gatherHypervisor(ctx, &f, tmp)
	f.QemuImg, f.Nft = version(ctx, "qemu-img"), version(ctx, "nft")
	if f.Root {
		gatherNetwork(ctx, &f, o.PublicNetwork)
		f.Cgroups, f.CgroupsError = gatherCgroups()
	}
	gatherStateDir(&f)
	gatherMemory(&f)
	f.NeighboursMax = number("/proc/sys/net/ipv4/neigh/default/gc_thresh3")
	f.ConnectionsMax = number("/proc/sys/net/netfilter/nf_conntrack_max")
	gatherListen(&f)
	_, err = os.Stat(filepath.Join(o.NoVNCDir, "core", "rfb.js"))
	f.NoVNC = err == nil
	return f, ctx.Err()
}

// gatherHypervisor asks the driver itself, over a state directory of its own: what it finds is what guests
// will be run with, and a daemon that runs is not disturbed.
func gatherHypervisor(ctx context.Context, f *Facts, tmp string) {
	if kvm, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0); err != nil {
		f.KVMError = errors.Unwrap(err).Error()
	} else {
		kvm.Close()
	}
	d, err := driver.New(driver.Options{StateDir: filepath.Join(tmp, "guests"), Cgroup: "-", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.HypervisorError = err.Error()
		return
	}
	defer d.Close()
	if f.Hypervisor, err = d.Describe(ctx); err != nil {
		f.HypervisorError = err.Error()
		return
	}
	if f.Root && f.KVMError == "" && f.Hypervisor.Acceleration != "kvm" && !triedKVM(f.Hypervisor) {
		if f.KVMForRoot, err = d.TryKVM(ctx); err != nil {
			f.KVMForRoot = err.Error()
		}
	}
}

// version is the first line of what a tool says about itself, "" if it is not there.
func version(ctx context.Context, tool string) string {
	out, err := exec.CommandContext(ctx, tool, "--version").Output()
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(line)
}

const cgroupRoot = "/sys/fs/cgroup"

// gatherCgroups makes a group and removes it again.
func gatherCgroups() (kind, problem string) {
	var st unix.Statfs_t
	if err := unix.Statfs(cgroupRoot, &st); err != nil {
		return "", "no cgroups: " + err.Error()
	}
	parents := []string{cgroupRoot}
	kind = "v2"
	if st.Type != unix.CGROUP2_SUPER_MAGIC {
		kind = "v1"
		parents = []string{cgroupRoot + "/memory", cgroupRoot + "/pids", cgroupRoot + "/cpu"}
	}
	for _, parent := range parents {
		if _, err := os.Stat(parent); err != nil {
			return kind, fmt.Sprintf("the controller %s is not mounted", filepath.Base(parent))
		}
		dir := filepath.Join(parent, fmt.Sprintf("nubo-doctor-%d", os.Getpid()))
		if err := os.Mkdir(dir, 0o755); err != nil {
			return kind, "cgroups cannot be made: " + err.Error()
		}
		_ = os.Remove(dir) // empty: nothing keeps it
	}
	return kind, ""
}

// gatherStateDir looks at the nearest directory that exists, and makes none.
func gatherStateDir(f *Facts) {
	dir := f.StateDir
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		f.StateDirError = fmt.Sprintf("%s: %v", dir, err)
		return
	}
	f.FreeBytes = int64(st.Bavail) * st.Bsize
	f.FileSystem = fileSystem(int64(st.Type))
	if err := unix.Access(dir, unix.W_OK); err != nil {
		f.StateDirError = fmt.Sprintf("%s cannot be written: %v", dir, err)
		return
	}
	f.Reflink = reflinks(dir)
	f.Running = held(filepath.Join(f.StateDir, "lock"))
}

func fileSystem(magic int64) string {
	names := map[int64]string{unix.EXT4_SUPER_MAGIC: "ext4", unix.XFS_SUPER_MAGIC: "XFS", unix.BTRFS_SUPER_MAGIC: "Btrfs",
		unix.TMPFS_MAGIC: "tmpfs", unix.OVERLAYFS_SUPER_MAGIC: "overlayfs", unix.NFS_SUPER_MAGIC: "NFS"}
	if n := names[magic]; n != "" {
		return n
	}
	return fmt.Sprintf("a file system of type %#x", magic)
}

// reflinks tries to clone a file.
func reflinks(dir string) bool {
	from, err := os.CreateTemp(dir, ".nubo-doctor-*")
	if err != nil {
		return false
	}
	defer from.Close()
	defer os.Remove(from.Name())
	if _, err := from.Write(make([]byte, 4096)); err != nil {
		return false
	}
	to, err := os.CreateTemp(dir, ".nubo-doctor-*")
	if err != nil {
		return false
	}
	defer to.Close()
	defer os.Remove(to.Name())
	return unix.IoctlFileClone(int(to.Fd()), int(from.Fd())) == nil
}

// held tells whether a daemon has locked its state directory.
func held(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK)
}

func gatherMemory(f *Facts) {
	file, err := os.Open("/proc/meminfo")
	if err != nil {
		return
	}
	defer file.Close()
	for s := bufio.NewScanner(file); s.Scan(); {
		words := strings.Fields(s.Text())
		if len(words) < 2 {
			continue
		}
		kib, _ := strconv.ParseInt(words[1], 10, 64)
		switch words[0] {
		case "MemTotal:":
			f.MemoryBytes = kib << 10
		case "MemAvailable:":
			f.MemoryFreeBytes = kib << 10
		}
	}
}

func number(path string) int64 {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	return n
}

func gatherListen(f *Facts) {
	l, err := net.Listen("tcp", f.Listen)
	if err != nil {
		f.ListenError = err.Error()
		return
	}
	l.Close()
}
