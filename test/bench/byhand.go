package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
	"github.com/nubo-cloud/nubo/internal/driver/hypervisor/qmp"
)

// recipe is a guest's QEMU command line as the daemon started it, with what its descriptors stand for, so that the
// very same can be started by hand.
type recipe struct {
	args      []string
	disk      string // the overlay that is written
	base      string // below it
	tap       string
	namespace string // of the tap
}

// readRecipe looks at a running QEMU process.
func readRecipe(pid int, tap, namespace string) (*recipe, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return nil, err
	}
	r := &recipe{args: strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00"), tap: tap, namespace: namespace}
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		return nil, err
	}
	for _, link := range links {
		file, err := os.Readlink(link)
		if err != nil {
			continue // closed meanwhile
		}
		switch name := filepath.Base(file); {
		case strings.HasPrefix(name, "disk."):
			r.disk = file
		case strings.HasPrefix(name, "base."):
			r.base = file
		}
	}
	if r.disk == "" || r.base == "" {
		return nil, fmt.Errorf("process %d has no overlay over an image open", pid)
	}
	return r, nil
}

// findQEMU is the process whose command line names a guest.
func findQEMU(id string) (int, error) {
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return 0, err
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err == nil && bytes.Contains(b, []byte("qemu-system")) && bytes.Contains(b, []byte(id)) {
			return strconv.Atoi(filepath.Base(filepath.Dir(file)))
		}
	}
	return 0, fmt.Errorf("no QEMU process runs %s", id)
}

// newOverlay is what one does by hand before the first start of an image.
func (r *recipe) newOverlay(ctx context.Context, path string) error {
	info, err := exec.CommandContext(ctx, "qemu-img", "info", "-U", "--output=json", r.disk).Output()
	if err != nil {
		return fmt.Errorf("qemu-img info %s: %w", r.disk, err)
	}
	var size struct {
		VirtualSize int64 `json:"virtual-size"`
	}
	if err := json.Unmarshal(info, &size); err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, "qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", r.base, path, strconv.FormatInt(size.VirtualSize, 10)).CombinedOutput()
	if err != nil {
		return fmt.Errorf("qemu-img create: %w: %s", err, out)
	}
	return nil
}

// byHand is a QEMU process that no daemon knows of.
type byHand struct {
	cmd     *exec.Cmd
	monitor *qmp.Client
	files   map[int]*os.File
	exited  chan struct{}
	// running is how long after the start of the process its CPUs ran.
	running time.Duration
	started time.Time
}

// start runs the recipe on the given overlay.
func (r *recipe) start(ctx context.Context, dir, disk string) (*byHand, error) {
	h := &byHand{files: map[int]*os.File{}, exited: make(chan struct{})}
	defer h.closeFiles()
	socket := filepath.Join(dir, "qmp")
	if err := r.openAll(h, dir, socket, disk); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "qemu.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	h.cmd = exec.Command(r.args[0], r.args[1:]...)
	h.cmd.Stdout, h.cmd.Stderr, h.cmd.Dir = log, log, "/"
	if h.cmd.ExtraFiles, err = h.inherited(); err != nil {
		return nil, err
	}
	h.started = time.Now()
	if err := h.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { _ = h.cmd.Wait(); close(h.exited) }()
	h.closeFiles() // or the monitor would not break when the process dies
	if err := h.run(ctx, socket); err != nil {
		words, _ := os.ReadFile(log.Name()) // the first error is the one to report
		h.end()
		return nil, fmt.Errorf("QEMU by hand: %w; it said: %s", err, words)
	}
	return h, nil
}

// run connects to the monitor and lets the CPUs run.
func (h *byHand) run(ctx context.Context, socket string) error {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return err
	}
	if h.monitor, err = qmp.New(ctx, conn.(*net.UnixConn), func(qmp.Event) {}); err != nil {
		return err
	}
	if err := h.monitor.Execute(ctx, "cont", nil, nil); err != nil {
		return err
	}
	h.running = time.Since(h.started)
	return nil
}

// openAll opens what each descriptor in the command line stands for.
func (r *recipe) openAll(h *byHand, dir, socket, disk string) error {
	sets := map[string]int{} // fdset: descriptor
	paths := map[string]string{}
	for i, arg := range r.args {
		var err error
		switch r.args[max(0, i-1)] {
		case "-add-fd":
			fields := fieldsOf(arg)
			if sets[fields["set"]], err = strconv.Atoi(fields["fd"]); err == nil {
				paths[fields["set"]] = filepath.Join(dir, "serial.log") // unless a block node names the set
			}
		case "-chardev":
			err = h.openSocket(fieldsOf(arg), dir, socket)
		case "-netdev":
			err = r.openTap(h, arg)
		case "-blockdev":
			r.nameBlock(arg, disk, paths)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", arg, err)
		}
	}
	for set, fd := range sets {
		// QEMU insists on the flags it would open with itself.
		flags := os.O_RDWR
		switch filepath.Base(paths[set]) {
		case filepath.Base(r.base):
			flags = os.O_RDONLY
		case "serial.log":
			flags = os.O_WRONLY | os.O_CREATE | os.O_APPEND
		}
		f, err := os.OpenFile(paths[set], flags, 0o600)
		if err != nil {
			return err
		}
		h.files[fd] = f
	}
	return nil
}

// fieldsOf takes QEMU's "x,a=b,c=d" apart.
func fieldsOf(arg string) map[string]string {
	m := map[string]string{}
	for field := range strings.SplitSeq(arg, ",") {
		key, value, _ := strings.Cut(field, "=")
		m[key] = value
	}
	return m
}

// nameBlock notes which file a block node wants behind its fdset.
func (r *recipe) nameBlock(arg, disk string, paths map[string]string) {
	var node struct {
		Filename string
		ReadOnly bool `json:"read-only"`
	}
	if json.Unmarshal([]byte(arg), &node) != nil {
		return
	}
	if set, ok := strings.CutPrefix(node.Filename, "/dev/fdset/"); ok {
		paths[set] = disk
		if node.ReadOnly {
			paths[set] = r.base
		}
	}
}

// openSocket listens where the daemon would.
func (h *byHand) openSocket(fields map[string]string, dir, monitor string) error {
	fd, err := strconv.Atoi(fields["fd"])
	if err != nil {
		return err
	}
	path := filepath.Join(dir, fields["id"])
	if fields["id"] == "qmp" {
		path = monitor
	}
	_ = os.Remove(path) // of an earlier run
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		return err
	}
	l.SetUnlinkOnClose(false)
	defer l.Close()
	h.files[fd], err = l.File()
	return err
}

func (r *recipe) openTap(h *byHand, arg string) error {
	var dev struct{ FD string }
	if err := json.Unmarshal([]byte(arg), &dev); err != nil {
		return err
	}
	fd, err := strconv.Atoi(dev.FD)
	if err != nil {
		return err
	}
	return inside(r.namespace, func() error {
		h.files[fd], err = attachTap(r.tap)
		return err
	})
}

func attachTap(name string) (*os.File, error) {
	request, err := unix.NewIfreq(name)
	if err != nil {
		return nil, err
	}
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	request.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		_ = unix.Close(fd) // nothing was done with it
		return nil, fmt.Errorf("attach to %s: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// inside runs f in a named network namespace.
func inside(name string, f func() error) error {
	h, err := netns.Open(netns.Path(name))
	if err != nil {
		return err
	}
	defer h.Close()
	return h.Do(f)
}

// inherited lays the files at the numbers the command line says; gaps get /dev/null.
func (h *byHand) inherited() ([]*os.File, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	h.files[-1] = null
	last := 0
	for fd := range h.files {
		last = max(last, fd)
	}
	var files []*os.File
	for fd := 3; fd <= last; fd++ {
		if f, ok := h.files[fd]; ok {
			files = append(files, f)
		} else {
			files = append(files, null)
		}
	}
	return files, nil
}

func (h *byHand) closeFiles() {
	for fd, f := range h.files {
		_ = f.Close() // the process has its own
		delete(h.files, fd)
	}
}

// powerDown asks the guest to end, as Nubo does, and waits for it.
func (h *byHand) powerDown(ctx context.Context) error {
	defer h.end()
	for range 300 {
		// Asked again and again: a guest that is not listening yet loses the first.
		if err := h.monitor.Execute(ctx, "system_powerdown", nil, nil); err != nil {
			return err
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
		var state struct{ Status string }
		if err := h.monitor.Execute(ctx, "query-status", nil, &state); err != nil {
			return err
		}
		if state.Status == "shutdown" {
			return h.quit(ctx)
		}
	}
	return errors.New("the guest by hand did not shut down within 30 seconds")
}

// quit lets QEMU close its files.
func (h *byHand) quit(ctx context.Context) error {
	if err := h.monitor.Execute(ctx, "quit", nil, nil); err != nil {
		return err
	}
	select {
	case <-h.exited:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// end pulls the plug and waits until the process is gone.
func (h *byHand) end() {
	_ = h.cmd.Process.Kill() // it may be gone
	<-h.exited
	if h.monitor != nil {
		h.monitor.Close()
	}
}
