package qemu

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// process is a QEMU process that is alive, or was: exited tells. It may have been started
// by an earlier daemon, so it is followed by a pidfd and not as a child.
type process struct {
	pid    int
	handle *os.File // pidfd
	exited chan struct{}
}

// follow starts watching a process. pidfd is ours from now on.
func follow(pid, pidfd int) *process {
	unix.SetNonblock(pidfd, true) // so that the runtime's poller takes it: no thread per guest
	p := &process{pid: pid, handle: os.NewFile(uintptr(pidfd), "pidfd"), exited: make(chan struct{})}
	go p.wait()
	return p
}

func openProcess(pid int) (*process, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, err
	}
	return follow(pid, fd), nil
}

func (p *process) wait() {
	defer close(p.exited)
	ended := func(fd uintptr) bool {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		return n > 0 || (err != nil && err != unix.EINTR)
	}
	if raw, err := p.handle.SyscallConn(); err != nil || raw.Read(ended) != nil {
		for !ended(p.handle.Fd()) {
			time.Sleep(50 * time.Millisecond) // a kernel whose pidfds cannot be polled
		}
	}
	unix.Wait4(p.pid, nil, unix.WNOHANG, nil) // reaps it if it is our child
	p.handle.Close()
}

func (p *process) kill() {
	if raw, err := p.handle.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) { unix.PidfdSendSignal(int(fd), unix.SIGKILL, nil, 0) })
	}
}

func (p *process) alive() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// awaitExit reports whether the process ended before ctx.
func (p *process) awaitExit(ctx context.Context) bool {
	select {
	case <-p.exited:
		return true
	case <-ctx.Done():
		return false
	}
}

// inherit collects the files a new process is given and knows their numbers there.
type inherit struct{ files []*os.File }

func (i *inherit) add(f *os.File) int {
	i.files = append(i.files, f)
	return 2 + len(i.files) // after stdin, stdout and stderr
}

func (i *inherit) close() { closeAll(i.files) }

// spawn starts QEMU in a session of its own: no signal meant for the daemon reaches
// it, and it is not ended with its parent.
func spawn(binary string, args []string, in *inherit, stderr *os.File, uid int) (*process, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	pidfd := -1
	attr := &os.ProcAttr{Dir: "/", Env: []string{"PATH=/usr/bin:/bin"},
		Files: append([]*os.File{null, stderr, stderr}, in.files...),
		Sys:   &syscall.SysProcAttr{Setsid: true, PidFD: &pidfd}}
	if uid != 0 {
		attr.Sys.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid), Groups: kvmGroups()}
	}
	p, err := os.StartProcess(binary, append([]string{binary}, args...), attr)
	if err != nil {
		return nil, err
	}
	pid := p.Pid
	p.Release()
	if pidfd < 0 {
		return openProcess(pid)
	}
	return follow(pid, pidfd), nil
}

// kvmGroups is the group that may use /dev/kvm, on hosts where one may.
func kvmGroups() []uint32 {
	var st unix.Stat_t
	if unix.Stat("/dev/kvm", &st) != nil || st.Gid == 0 || st.Mode&0o060 != 0o060 {
		return nil
	}
	return []uint32{st.Gid}
}

// lockDir takes the flock whose holder is the guest's process. held is true if
// one is alive.
func lockDir(dir string) (f *os.File, held bool, err error) {
	f, err = os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, false, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return f, false, nil
	}
	f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, true, nil
	}
	return nil, false, err
}

// lockFD is the descriptor a guest's process has its lock at: the first it inherits.
const lockFD = 3

// findProcess looks for the process that holds the lock of dir: the recorded pid if
// that is still the same process, otherwise whoever has the lock file open.
func findProcess(dir string, pid int, ticks uint64) (int, error) {
	if pid > 0 && startTicks(pid) == ticks && holdsLock(pid, dir) {
		return pid, nil
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && pid != os.Getpid() && holdsLock(pid, dir) {
			return pid, nil
		}
	}
	return 0, fmt.Errorf("no process found that holds %s/lock", dir)
}

func holdsLock(pid int, dir string) bool {
	var ours, theirs unix.Stat_t
	if unix.Stat(filepath.Join(dir, "lock"), &ours) != nil ||
		unix.Stat(fmt.Sprintf("/proc/%d/fd/%d", pid, lockFD), &theirs) != nil {
		return false
	}
	return ours.Ino == theirs.Ino && ours.Dev == theirs.Dev
}

// startTicks is when a process started, in clock ticks since boot; 0 if it is gone.
func startTicks(pid int) uint64 {
	f := procStat(fmt.Sprintf("/proc/%d/stat", pid))
	if len(f) < 20 {
		return 0
	}
	n, _ := strconv.ParseUint(f[19], 10, 64)
	return n
}

// procStat are the fields of a stat file from the third on (state is 0). The second is a
// name that may hold spaces.
func procStat(name string) []string {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil
	}
	_, rest, _ := strings.Cut(string(b[strings.LastIndexByte(string(b), ')')+1:]), " ")
	return strings.Fields(rest)
}

func bootID() string {
	b, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(b))
}

// shortName names a file in dir in few bytes: a socket's address holds 108. The
// returned directory must stay open while the name is used.
func shortName(dir, name string) (*os.File, string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, "", err
	}
	return d, fmt.Sprintf("/proc/self/fd/%d/%s", d.Fd(), name), nil
}

// listen binds a socket that QEMU will accept on. Connecting works from now on,
// before QEMU even runs.
func listen(dir, name string) (*os.File, error) {
	d, path, err := shortName(dir, name)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	os.Remove(path)
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), name)
	err = unix.Bind(fd, &unix.SockaddrUnix{Name: path})
	if err == nil {
		err = os.Chmod(path, 0o600)
	}
	if err == nil {
		err = unix.Listen(fd, 4)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("socket %s: %w", filepath.Join(dir, name), err)
	}
	return f, nil
}

func dial(ctx context.Context, dir, name string) (*net.UnixConn, error) {
	d, path, err := shortName(dir, name)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	return c.(*net.UnixConn), nil
}

// lastWords is the end of QEMU's log, for errors.
func lastWords(dir string) string {
	f, err := os.Open(filepath.Join(dir, "qemu.log"))
	if err != nil {
		return "it said nothing"
	}
	defer f.Close()
	if size, err := f.Seek(0, io.SeekEnd); err == nil {
		f.Seek(max(0, size-1000), io.SeekStart)
	}
	b, _ := io.ReadAll(io.LimitReader(f, 1000))
	if s := strings.TrimSpace(string(b)); s != "" {
		return "it said: " + s
	}
	return "it said nothing"
}
