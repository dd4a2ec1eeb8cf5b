package linux

import (
	"net"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestHopLimit: the limit is set on the connection itself, of either IP version.
func TestHopLimit(t *testing.T) {
	for address, option := range map[string][2]int{"127.0.0.1:0": {unix.IPPROTO_IP, unix.IP_TTL}, "[::1]:0": {unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS}} {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Logf("%s cannot be listened on here: %v", address, err)
			continue
		}
		defer l.Close()
		asker, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer asker.Close()
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := (reply{nil, c}).SetHopLimit(3); err != nil {
			t.Fatal(err)
		}
		if got := socketOption(t, c.(syscall.Conn), option); got != 3 {
			t.Errorf("%s: what is sent goes %d hops", address, got)
		}
	}
}

func socketOption(t *testing.T, c syscall.Conn, option [2]int) (value int) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	fault := raw.Control(func(fd uintptr) { value, err = unix.GetsockoptInt(int(fd), option[0], option[1]) })
	if fault != nil || err != nil {
		t.Fatal(fault, err)
	}
	return value
}
