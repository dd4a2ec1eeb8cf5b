package qemu

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/spec"
)

const cgroupRoot = "/sys/fs/cgroup"

// What QEMU needs besides the guest's memory: its own code and buffers, device state, and the page
// cache of the guest's disks, which is charged to it but given up under pressure.
const (
	overheadBytes  = 512 << 20
	tcgBufferBytes = 256 << 20
	// pidsMax bounds QEMU's threads: CPUs, disk workers (64 per AIO context), VNC.
	pidsMax = 512
)

// confine puts a process into cgroups of its own and makes it the first to go when the
// host runs out of memory. A host without cgroups still runs guests; the log says so.
func (d *Driver) confine(id spec.GuestID, pid int, r record) {
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), []byte("0"), 0); err != nil {
		d.log.Warn("OOM score of a guest", "guest", id, "err", err)
	}
	if d.opts.Cgroup == "-" || !privileged() {
		return
	}
	for _, c := range cgroupPlan(r) {
		if err := d.enter(c, id, pid); err != nil {
			d.log.Warn("guest runs without a limit", "guest", id, "controller", c.controller, "err", err)
		}
	}
}

// cgroup is one directory to enter and the values to write there first.
type cgroup struct {
	controller string // v1: a directory; "" is the unified hierarchy
	values     [][2]string
}

// cgroupPlan says what a guest may use, in the words of the hierarchy that is mounted.
func cgroupPlan(r record) []cgroup {
	memory := r.Guest.MemoryBytes + r.Guest.MemoryBytes/16 + overheadBytes
	if r.Accel != "kvm" {
		memory += tcgBufferBytes
	}
	pids := strconv.Itoa(pidsMax + r.Guest.CPUs)
	if unified() {
		return []cgroup{{"", [][2]string{{"memory.max", strconv.FormatInt(memory, 10)}, {"pids.max", pids},
			{"cpu.weight", strconv.Itoa(min(10000, 100*r.Guest.CPUs))}}}}
	}
	return []cgroup{
		{"memory", [][2]string{{"memory.limit_in_bytes", strconv.FormatInt(memory, 10)}}},
		{"pids", [][2]string{{"pids.max", pids}}},
		{"cpu", [][2]string{{"cpu.shares", strconv.Itoa(1024 * r.Guest.CPUs)}}},
	}
}

func unified() bool {
	var st unix.Statfs_t
	return unix.Statfs(cgroupRoot, &st) == nil && st.Type == unix.CGROUP2_SUPER_MAGIC
}

func (d *Driver) enter(c cgroup, id spec.GuestID, pid int) error {
	parent := filepath.Join(cgroupRoot, c.controller, d.opts.Cgroup)
	dir := filepath.Join(parent, string(id))
	if c.controller != "" && !exists(filepath.Dir(parent)) {
		return errors.New("controller not mounted")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if c.controller == "" {
		for _, p := range []string{cgroupRoot, parent} {
			os.WriteFile(filepath.Join(p, "cgroup.subtree_control"), []byte("+memory +pids +cpu"), 0)
		}
	}
	for _, v := range c.values {
		if err := os.WriteFile(filepath.Join(dir, v[0]), []byte(v[1]), 0); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0)
}

// removeCgroups removes what enter made, once the process is gone. The kernel may need a
// moment to notice; what stays is empty, and entered again or removed with the guest.
func (d *Driver) removeCgroups(id spec.GuestID) {
	if d.opts.Cgroup == "-" || !privileged() {
		return
	}
	for _, c := range []string{"", "memory", "pids", "cpu"} {
		os.Remove(filepath.Join(cgroupRoot, c, d.opts.Cgroup, string(id)))
	}
}
