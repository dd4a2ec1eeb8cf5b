package guest

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// event is one of the kernel's announcements of a device.
type event struct {
	action, path, subsystem, iface, modalias string
}

// events is the kernel's uevent socket.
type events struct {
	socket *os.File

	mu     sync.Mutex
	blocks chan struct{} // closed and replaced when a block device changes
}

func listenEvents() (*events, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		return nil, fmt.Errorf("listen to device events: %w", err)
	}
	// Room for the storm of events while modules load.
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 1<<20); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("listen to device events: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1}); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("listen to device events: %w", err)
	}
	return &events{socket: os.NewFile(uintptr(fd), "uevents"), blocks: make(chan struct{})}, nil
}

// follow hands every event to react until ctx ends.
func (e *events) follow(ctx context.Context, react func(event)) {
	defer context.AfterFunc(ctx, func() { e.socket.Close() })()
	buf := make([]byte, 16<<10)
	for ctx.Err() == nil {
		n, err := e.socket.Read(buf)
		if err != nil {
			continue // ENOBUFS: events were lost; the next one tells
		}
		react(parseEvent(string(buf[:n])))
	}
}

// parseEvent reads "add@/devices/...\0KEY=value\0...".
func parseEvent(s string) event {
	var e event
	fields := map[string]*string{
		"ACTION": &e.action, "DEVPATH": &e.path, "SUBSYSTEM": &e.subsystem, "INTERFACE": &e.iface, "MODALIAS": &e.modalias,
	}
	for _, f := range strings.Split(s, "\x00") {
		key, value, _ := strings.Cut(f, "=")
		if p := fields[key]; p != nil {
			*p = value
		}
	}
	return e
}

// nextBlock is closed at the next change of a block device.
func (e *events) nextBlock() <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.blocks
}

func (e *events) blockChanged() {
	e.mu.Lock()
	defer e.mu.Unlock()
	close(e.blocks)
	e.blocks = make(chan struct{})
}
