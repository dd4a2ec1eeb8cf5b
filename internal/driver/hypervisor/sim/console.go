package sim

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/nubo-cloud/nubo/internal/spec"
)

const (
	bootsKept    = 8        // boots that the console's log shows
	writtenBytes = 16 << 10 // of what Write adds to it
)

// bootLog is what one boot leaves on the console.
func (g *guest) bootLog(at time.Time) string {
	l := g.launch
	name := l.Guest.Metadata.Hostname
	if name == "" {
		name = string(g.id)
	}
	var b strings.Builder
	clock := 0.0
	line := func(format string, args ...any) {
		fmt.Fprintf(&b, "[%12.6f] %s\r\n", clock, fmt.Sprintf(format, args...))
		clock += 0.173205
	}
	line("Linux version 6.1.0-sim (simulated) #1 SMP %s", at.UTC().Format("2006-01-02"))
	line("Memory: %dK available", l.Guest.MemoryBytes>>10)
	line("smp: Brought up 1 node, %d CPUs", l.Guest.CPUs)
	for i, d := range l.Disks {
		line("virtio_blk virtio%d: [vd%c] serial %s", i, 'a'+i%26, d.Disk.Serial)
	}
	for i, n := range l.NICs {
		line("virtio_net: eth%d: %s", i, n.NIC.MAC)
	}
	for _, n := range l.Guest.Metadata.NICs {
		for _, a := range n.Addresses {
			line("cloud-init: %s up, address %s", n.MAC, a.Address)
		}
	}
	fmt.Fprintf(&b, "\r\n%s login: \r\n", name)
	return b.String()
}

// ConsoleLog implements agent.Hypervisor.
func (d *Driver) ConsoleLog(ctx context.Context, id spec.GuestID, tailBytes int64) (log []byte, err error) {
	err = d.look(id, func(g *guest) error {
		for _, at := range g.boots {
			log = append(log, g.bootLog(at)...)
		}
		log = append(log, g.written...)
		if n := int64(len(log)); tailBytes > 0 && tailBytes < n {
			log = log[n-tailBytes:]
		}
		return ctx.Err()
	})
	return log, err
}

// Write is the guest writing to its console and, once, to its first disk. It does nothing to
// one that does not run.
func (s *State) Write(id spec.GuestID, text []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.guests[id]
	if g == nil || g.state != spec.GuestRunning {
		return
	}
	g.writes++
	g.written = append(g.written, text...)
	g.written = append([]byte(nil), g.written[max(0, len(g.written)-writtenBytes):]...)
}

// speaker is the guest's end of a console.
type speaker interface {
	greeting() string
	answer([]byte) []byte
}

// DialConsole implements agent.Hypervisor. The serial console echoes and asks for a login; VNC shows an empty screen.
func (d *Driver) DialConsole(ctx context.Context, id spec.GuestID, kind spec.ConsoleKind) (net.Conn, error) {
	var s speaker
	err := d.lookAlive(id, func(g *guest) error {
		switch kind {
		case spec.ConsoleSerial:
			s = terminal{prompt: fmt.Sprintf("\r\n%s login: ", g.id)}
		case spec.ConsoleVNC:
			s = &screen{name: string(g.id)}
		default:
			return fmt.Errorf("guest %s: console %q: %w", id, kind, spec.ErrNotSupported)
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	ours, theirs := net.Pipe()
	in := make(chan []byte, 16)
	go talk(theirs, in, s)
	go listen(theirs, in)
	return ours, nil
}

// listen reads what the caller types until it closes.
func listen(c net.Conn, in chan<- []byte) {
	defer close(in)
	for {
		buf := make([]byte, 256)
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		in <- buf[:n]
	}
}

// talk writes the greeting and the answers. It goes on reading after a failed write, so that listen ends.
func talk(c net.Conn, in <-chan []byte, s speaker) {
	defer c.Close()
	c.Write([]byte(s.greeting()))
	for b := range in {
		if answer := s.answer(b); len(answer) > 0 {
			c.Write(answer)
		}
	}
}
