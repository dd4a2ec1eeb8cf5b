// Package netns makes, finds, enters and removes named network namespaces, the
// same way and in the same place as `ip netns`, so an operator can look into them.
//
// It knows nothing of networks or routers. Package linux is its caller.
//
// A thread that cannot find back to its own namespace is never used again: the
// goroutine that was on it ends while it is locked, and so does the thread.
package netns

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Dir is where names of namespaces are kept.
const Dir = "/run/netns"

// Path is the file of a named namespace.
func Path(name string) string { return filepath.Join(Dir, name) }

// Exists tells whether the name stands for a whole namespace.
func Exists(name string) bool {
	var st unix.Statfs_t
	return unix.Statfs(Path(name), &st) == nil && st.Type == unix.NSFS_MAGIC
}

// List gives the names with this prefix, whole or half made.
func List(prefix string) ([]string, error) {
	entries, err := os.ReadDir(Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Create makes a namespace, runs prepare inside, and only then names it: a name
// always stands for a prepared namespace. A half-made name is replaced.
func Create(name string, prepare func() error) error {
	if err := mountDir(); err != nil {
		return err
	}
	done := make(chan error)
	go func() {
		// Never unlocked: the thread is in the new namespace and must not be reused.
		runtime.LockOSThread()
		done <- create(name, prepare)
	}()
	return <-done
}

func create(name string, prepare func() error) error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("make network namespace: %w", err)
	}
	if err := prepare(); err != nil {
		return err
	}
	f, err := os.OpenFile(Path(name), os.O_CREATE|os.O_RDONLY, 0o444)
	if err != nil {
		return err
	}
	f.Close()
	if err := unix.Mount("/proc/thread-self/ns/net", Path(name), "none", unix.MS_BIND, ""); err != nil {
		os.Remove(Path(name)) // what is left otherwise is half made, and Delete takes it
		return fmt.Errorf("name network namespace %s: %w", name, err)
	}
	return nil
}

// mountDir makes Dir a shared mount, so that names appear in other mount
// namespaces as well (services with private mounts), as `ip netns` does.
func mountDir() error {
	if err := os.MkdirAll(Dir, 0o755); err != nil {
		return err
	}
	share := func() error { return unix.Mount("", Dir, "none", unix.MS_SHARED|unix.MS_REC, "") }
	err := share()
	if !errors.Is(err, unix.EINVAL) {
		return err
	}
	if err := unix.Mount(Dir, Dir, "none", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("mount %s on itself: %w", Dir, err)
	}
	return share()
}

// Delete removes a name. The namespace itself ends with its last user. What is
// not there is no error.
func Delete(name string) error {
	err := unix.Unmount(Path(name), unix.MNT_DETACH)
	if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("unmount %s: %w", Path(name), err)
	}
	if err := os.Remove(Path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Handle is an open namespace. The zero Handle (and nil) is the namespace this
// process runs in. It may be used from several goroutines.
type Handle struct {
	file *os.File
}

// Open opens a namespace by path; an empty path gives our own.
func Open(path string) (*Handle, error) {
	if path == "" {
		return &Handle{}, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return &Handle{file: f}, nil
}

// Own tells whether the handle is the namespace of this process.
func (h *Handle) Own() bool { return h == nil || h.file == nil }

// FD is the descriptor of the namespace, -1 for our own.
func (h *Handle) FD() int {
	if h.Own() {
		return -1
	}
	return int(h.file.Fd())
}

// Close gives the descriptor back; the namespace stays.
func (h *Handle) Close() error {
	if h.Own() {
		return nil
	}
	return h.file.Close()
}

// Do runs f on a thread inside the namespace. Sockets and files f opens belong
// to the namespace for ever and may be used from anywhere; processes it starts begin inside.
func (h *Handle) Do(f func() error) error {
	if h.Own() {
		return f()
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		err, back := h.visit(f)
		if back {
			runtime.UnlockOSThread()
		}
		done <- err
	}()
	return <-done
}

// visit tells also whether the thread is back where it came from.
func (h *Handle) visit(f func() error) (err error, back bool) {
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err, true
	}
	defer home.Close()
	if err := unix.Setns(h.FD(), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter network namespace: %w", err), true
	}
	err = f()
	return err, unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil
}
