package qemu

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// inNamespace runs f on a thread that is in the network namespace.
func inNamespace(path string, f func() error) error {
	if path == "" {
		return f()
	}
	ns, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("network namespace %s: %w", path, spec.ErrMissing)
	}
	if err != nil {
		return err
	}
	defer ns.Close()
	done := make(chan error, 1)
	go func() {
		// Never unlocked: the thread ends with the goroutine, and no other
		// goroutine can find itself in the wrong namespace.
		runtime.LockOSThread()
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("enter network namespace %s: %w", path, err)
			return
		}
		done <- f()
	}()
	return <-done
}

// openTap attaches to a tap the fabric made, which may be in another namespace. The
// descriptor works from anywhere. It asks for the virtio header, which lets the
// guest and the kernel leave out checksums and segment late.
func openTap(name, namespace string) (tap *os.File, err error) {
	err = inNamespace(namespace, func() error {
		if _, err := linkCounters(name); err != nil {
			return err // TUNSETIFF would make a tap that nobody filters
		}
		tap, err = attachTap(name)
		return err
	})
	return tap, err
}

func attachTap(name string) (*os.File, error) {
	req, err := unix.NewIfreq(name)
	if err != nil {
		return nil, fmt.Errorf("tap %q: %w", name, spec.ErrInvalid)
	}
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("/dev/net/tun: %w", err)
	}
	req.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, req); err != nil {
		unix.Close(fd)
		if errors.Is(err, unix.EBUSY) {
			return nil, fmt.Errorf("tap %s: %w: another process has it", name, spec.ErrBusy)
		}
		return nil, fmt.Errorf("tap %s: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// counters are a link's, as the host sees them.
type counters struct {
	rxBytes, rxPackets, rxErrors, rxDropped int64
	txBytes, txPackets, txErrors, txDropped int64
}

// linkCounters reads /proc/net/dev of the calling thread's namespace.
func linkCounters(name string) (c counters, err error) {
	f, err := os.Open("/proc/thread-self/net/dev")
	if err != nil {
		return c, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		link, rest, found := strings.Cut(lines.Text(), ":")
		if found && strings.TrimSpace(link) == name {
			return parseCounters(strings.Fields(rest)), nil
		}
	}
	return c, fmt.Errorf("link %s: %w", name, spec.ErrMissing)
}

func parseCounters(fields []string) counters {
	at := func(i int) int64 {
		if i >= len(fields) {
			return 0
		}
		n, _ := strconv.ParseInt(fields[i], 10, 64)
		return n
	}
	return counters{at(0), at(1), at(2), at(3), at(8), at(9), at(10), at(11)}
}

func tapCounters(name, namespace string) (c counters, err error) {
	err = inNamespace(namespace, func() error {
		c, err = linkCounters(name)
		return err
	})
	return c, err
}
