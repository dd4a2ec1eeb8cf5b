package qmp

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// fakeMonitor answers each command with what answer returns, after qmp_capabilities.
type fakeMonitor struct {
	t    *testing.T
	conn *net.UnixConn
	in   *bufio.Reader
}

type request struct {
	Execute   string          `json:"execute"`
	Arguments json.RawMessage `json:"arguments"`
	ID        uint64          `json:"id"`
}

func (m *fakeMonitor) say(format string, args ...any) {
	fmt.Fprintf(m.conn, format+"\n", args...)
}

func (m *fakeMonitor) hear() (r request) {
	line, err := m.in.ReadBytes('\n')
	if err != nil {
		return
	}
	if err := json.Unmarshal(line, &r); err != nil {
		m.t.Errorf("bad request %q: %v", line, err)
	}
	return r
}

// pair connects a Client to script, which runs after the negotiation.
func pair(t *testing.T, handler func(Event), script func(*fakeMonitor)) *Client {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := unixConn(t, fds[0]), unixConn(t, fds[1])
	m := &fakeMonitor{t, theirs, bufio.NewReader(theirs)}
	go func() {
		defer theirs.Close()
		m.say(`{"QMP":{"version":{"qemu":{"major":7,"minor":2,"micro":9},"package":"p"},"capabilities":[]}}`)
		if r := m.hear(); r.Execute != "qmp_capabilities" {
			t.Errorf("first command is %q", r.Execute)
		} else {
			m.say(`{"return":{},"id":%d}`, r.ID)
		}
		script(m)
	}()
	c, err := New(t.Context(), ours, handler)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); <-c.Done() })
	return c
}

func unixConn(t *testing.T, fd int) *net.UnixConn {
	f := os.NewFile(uintptr(fd), "socket")
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		t.Fatal(err)
	}
	return c.(*net.UnixConn)
}

// Replies reach the command they belong to although events and other replies come between.
func TestExecuteMatchesReplies(t *testing.T) {
	var seen []string
	c := pair(t, func(e Event) { seen = append(seen, e.Name) }, func(m *fakeMonitor) {
		a, b := m.hear(), m.hear()
		if a.Execute != "first" {
			a, b = b, a
		}
		m.say(`{"event":"STOP","data":{},"timestamp":{"seconds":1,"microseconds":2}}`)
		m.say(`{"return":{"n":2},"id":%d}`, b.ID)
		m.say(`{"return":{"n":1},"id":%d}`, a.ID)
		m.hear()
	})
	if c.Version().String() != "7.2.9" {
		t.Errorf("version %v", c.Version())
	}
	type result struct{ N int }
	second := make(chan int, 1)
	go func() {
		var r result
		c.Execute(t.Context(), "second", nil, &r)
		second <- r.N
	}()
	var r result
	if err := c.Execute(t.Context(), "first", map[string]any{"x": 1}, &r); err != nil || r.N != 1 {
		t.Errorf("first: %v %v", r, err)
	}
	if n := <-second; n != 2 {
		t.Errorf("second got %d", n)
	}
	if len(seen) != 1 || seen[0] != "STOP" {
		t.Errorf("events %v", seen)
	}
}

// QEMU's refusals keep their class.
func TestExecuteError(t *testing.T) {
	c := pair(t, nil, func(m *fakeMonitor) {
		m.say(`{"error":{"class":"DeviceNotFound","desc":"no x"},"id":%d}`, m.hear().ID)
		m.hear()
	})
	err := c.Execute(t.Context(), "device_del", nil, nil)
	if !IsClass(err, "DeviceNotFound") || err.Error() != "device_del: no x" {
		t.Errorf("got %v", err)
	}
}

// A command whose context ends returns, and the connection goes on for others.
func TestExecuteContext(t *testing.T) {
	c := pair(t, nil, func(m *fakeMonitor) {
		slow := m.hear()
		fast := m.hear()
		m.say(`{"return":{},"id":%d}`, slow.ID)
		m.say(`{"return":{},"id":%d}`, fast.ID)
		m.hear()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := c.Execute(ctx, "slow", nil, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("slow: %v", err)
	}
	if err := c.Execute(t.Context(), "fast", nil, nil); err != nil {
		t.Errorf("fast: %v", err)
	}
}

// When QEMU goes away, waiting and later commands fail with ErrClosed.
func TestClosed(t *testing.T) {
	c := pair(t, nil, func(m *fakeMonitor) { m.hear() })
	if err := c.Execute(t.Context(), "quit", nil, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("during: %v", err)
	}
	<-c.Done()
	if err := c.Execute(t.Context(), "cont", nil, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("after: %v", err)
	}
}

// A descriptor sent with a command arrives and is the same file.
func TestExecuteFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	os.WriteFile(name, []byte("hello"), 0o600)
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got := make(chan string, 1)
	c := pair(t, nil, func(m *fakeMonitor) {
		buf, oob := make([]byte, 4096), make([]byte, 64)
		n, on, _, _, err := m.conn.ReadMsgUnix(buf, oob)
		if err != nil {
			t.Error(err)
			return
		}
		got <- readPassed(t, oob[:on])
		var r request
		json.Unmarshal(buf[:n], &r)
		m.say(`{"return":{},"id":%d}`, r.ID)
		m.hear()
	})
	if err := c.ExecuteFile(t.Context(), "getfd", map[string]any{"fdname": "x"}, f, nil); err != nil {
		t.Fatal(err)
	}
	if s := <-got; s != "hello" {
		t.Errorf("passed file holds %q", s)
	}
}

func readPassed(t *testing.T, oob []byte) string {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil || len(msgs) != 1 {
		t.Errorf("control messages %v %v", msgs, err)
		return ""
	}
	fds, err := unix.ParseUnixRights(&msgs[0])
	if err != nil || len(fds) != 1 {
		t.Errorf("rights %v %v", fds, err)
		return ""
	}
	f := os.NewFile(uintptr(fds[0]), "passed")
	defer f.Close()
	b := make([]byte, 16)
	n, _ := f.ReadAt(b, 0)
	return string(b[:n])
}

// Listen sees the event a command causes even if it comes before the reply.
func TestListen(t *testing.T) {
	c := pair(t, nil, func(m *fakeMonitor) {
		r := m.hear()
		m.say(`{"event":"OTHER"}`)
		m.say(`{"event":"DEVICE_DELETED","data":{"device":"d1"}}`)
		m.say(`{"return":{},"id":%d}`, r.ID)
		m.hear()
	})
	events, cancel := c.Listen("DEVICE_DELETED")
	defer cancel()
	if err := c.Execute(t.Context(), "device_del", nil, nil); err != nil {
		t.Fatal(err)
	}
	e, err := c.Await(t.Context(), events, func(e Event) bool { return true })
	if err != nil || e.Name != "DEVICE_DELETED" {
		t.Errorf("%v %v", e, err)
	}
}

// Something that is not a monitor is refused at once.
func TestNotAMonitor(t *testing.T) {
	fds, _ := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	ours, theirs := unixConn(t, fds[0]), unixConn(t, fds[1])
	defer theirs.Close()
	fmt.Fprintln(theirs, "220 mail ready")
	if c, err := New(t.Context(), ours, nil); err == nil {
		c.Close()
		t.Error("accepted")
	}
}
