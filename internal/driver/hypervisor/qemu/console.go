package qemu

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// DialConsole implements agent.Hypervisor. Several may look at VNC; the serial console belongs to
// the one who came last, and the one before is cut off.
func (d *Driver) DialConsole(ctx context.Context, id spec.GuestID, kind spec.ConsoleKind) (net.Conn, error) {
	g, err := d.find(id)
	if err != nil {
		return nil, err
	}
	r, err := g.running()
	if err != nil {
		return nil, err
	}
	switch {
	case kind == spec.ConsoleSerial:
		return g.dialSerial(ctx)
	case kind == spec.ConsoleVNC && g.record().Guest.Machine != spec.MachineMicroVM:
		return r.dialVNC(ctx)
	}
	return nil, fmt.Errorf("guest %s: console %q: %w", id, kind, spec.ErrNotSupported)
}

func (g *guest) dialSerial(ctx context.Context) (net.Conn, error) {
	g.closeSerial()
	conn, err := dial(ctx, g.dir, "serial")
	if err != nil {
		return nil, fmt.Errorf("guest %s: serial console: %w", g.id, err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.serial = conn
	return conn, nil
}

// dialVNC makes a pair of connected sockets and gives QEMU one end: nothing listens, so
// nobody else can connect.
func (r *run) dialVNC(ctx context.Context) (net.Conn, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "vnc"), os.NewFile(uintptr(fds[1]), "vnc")
	defer ours.Close()
	defer theirs.Close()
	if err := getFD(ctx, r.mon, "vnc", theirs); err != nil {
		return nil, err
	}
	err = r.mon.Execute(ctx, "add_client", object{"protocol": "vnc", "fdname": "vnc", "skipauth": true}, nil)
	if err != nil {
		return nil, err
	}
	return net.FileConn(ours)
}

// ConsoleLog implements agent.Hypervisor.
func (d *Driver) ConsoleLog(ctx context.Context, id spec.GuestID, tailBytes int64) ([]byte, error) {
	g, err := d.find(id)
	if err != nil {
		return nil, err
	}
	keep := d.opts.ConsoleLogBytes
	if tailBytes > 0 && tailBytes < keep {
		keep = tailBytes
	}
	b, err := readTail(filepath.Join(g.dir, "serial.log"), keep)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

func readTail(name string, n int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.NewSectionReader(f, max(0, size-n), n))
}

// trimLogs keeps the logs of all guests within bounds while they are written. QEMU appends, and
// cannot be asked to start a new file.
func (d *Driver) trimLogs() {
	tick := time.NewTicker(d.opts.TrimInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-d.closed:
			return
		}
		for _, g := range d.all() {
			if g.current() == nil {
				continue
			}
			for _, name := range []string{"serial.log", "qemu.log"} {
				if err := trim(filepath.Join(g.dir, name), d.opts.ConsoleLogBytes); err != nil {
					d.log.Error("trim a guest's log", "guest", g.id, "err", err)
				}
			}
		}
	}
}

// trim frees the disk blocks of all but the last keep bytes of a file, once they are more than
// twice as many. The file's length stays, so that no byte written meanwhile is
// lost or moved. File systems without holes get the file truncated instead.
func trim(name string, keep int64) error {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_APPEND, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil || st.Blocks*512 <= 2*keep {
		return err
	}
	err = unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, st.Size-keep)
	if !errors.Is(err, unix.EOPNOTSUPP) {
		return err
	}
	tail, err := readTail(name, keep)
	if err != nil {
		return err
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err = f.Write(tail)
	return err
}

// compactLog shortens a log nobody writes to. What goes wrong is met again at the next start.
func compactLog(name string, keep int64) {
	st, err := os.Stat(name)
	if err != nil || st.Size() <= keep {
		return
	}
	if tail, err := readTail(name, keep); err == nil {
		writeFile(name, tail)
	}
}
