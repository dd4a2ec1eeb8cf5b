package cloudtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
)

// Host is a network namespace that stands for a whole host, with a directory for its
// state. Both go when the test ends, with every process that is still inside.
type Host struct {
	Dir  string // long-lived files of the test
	name string
	ns   *netns.Handle
	id   string // of the namespace, as /proc shows it
}

// NewHost makes a host with nothing but a loopback interface.
func NewHost(t *testing.T) *Host {
	t.Helper()
	b := make([]byte, 4)
	if _, err := rand.Read(b); err != nil {
		t.Fatal(err)
	}
	name := "nubotest-" + hex.EncodeToString(b)
	Check(t, netns.Create(name, func() error { return nil }))
	// Guests run as users of their own and must be able to reach what is theirs: no t.TempDir, which is closed to them.
	dir, err := os.MkdirTemp("", "nubotest-")
	Check(t, err)
	Check(t, os.Chmod(dir, 0o755))
	ns, err := netns.Open(netns.Path(name))
	Check(t, err)
	h := &Host{Dir: dir, name: name, ns: ns}
	Check(t, ns.Do(func() error {
		h.id, err = os.Readlink("/proc/thread-self/ns/net")
		return err
	}))
	t.Cleanup(func() { h.remove(t) })
	if out, err := h.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return h
}

// remove takes the host away.
func (h *Host) remove(t *testing.T) {
	for _, pid := range h.processes() {
		_ = syscall.Kill(pid, syscall.SIGKILL) // may have ended by itself
	}
	if err := wait(Patience(5*time.Second), func() error {
		if left := h.processes(); len(left) > 0 {
			return fmt.Errorf("processes of the host do not end: %v", left)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	if err := netns.Delete(h.name); err != nil {
		t.Error(err)
	}
	h.ns.Close()
	if t.Failed() && os.Getenv("NUBO_TEST_KEEP") != "" {
		t.Logf("kept %s", h.Dir)
		return
	}
	if err := os.RemoveAll(h.Dir); err != nil {
		t.Error(err)
	}
}

// Command is a program that runs on the host. Its Start must go through the host: use
// Command's own methods.
func (h *Host) Command(name string, args ...string) *Command {
	return &Command{Cmd: exec.Command(name, args...), host: h}
}

// Command is an exec.Cmd that starts inside the host's namespace.
type Command struct {
	*exec.Cmd
	host *Host
}

// Start starts it.
func (c *Command) Start() error { return c.host.ns.Do(c.Cmd.Start) }

// CombinedOutput runs it to its end.
func (c *Command) CombinedOutput() ([]byte, error) {
	var out strings.Builder
	c.Cmd.Stdout, c.Cmd.Stderr = &out, &out
	if err := c.Start(); err != nil {
		return nil, err
	}
	err := c.Wait()
	return []byte(out.String()), err
}

// Join lays a cable to another host: this one has the address near on it, the other one far and its way to everywhere through it.
// Both are addresses with the length of their prefix.
func (h *Host) Join(t *testing.T, other *Host, near, far string) {
	t.Helper()
	gateway, _, _ := strings.Cut(near, "/")
	for _, step := range []struct {
		on   *Host
		args string
	}{
		{h, "link add beside type veth peer name home netns " + other.name}, {h, "addr add " + near + " dev beside"}, {h, "link set beside up"},
		{other, "addr add " + far + " dev home"}, {other, "link set home up"}, {other, "route add default via " + gateway},
	} {
		if out, err := step.on.Command("ip", strings.Fields(step.args)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", step.args, err, out)
		}
	}
}

// Namespace is the host's network namespace. It ends with the test.
func (h *Host) Namespace() *netns.Handle { return h.ns }

// Dial connects from the host. The address must be a literal.
func (h *Host) Dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	err = h.ns.Do(func() error {
		conn, err = new(net.Dialer).DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// Serve answers HTTP inside the host's namespace until the test ends. It answers the address.
func (h *Host) Serve(t *testing.T, handler http.Handler) string {
	t.Helper()
	l := h.listen(t)
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }() // ends with the test
	t.Cleanup(func() { _ = server.Close() })
	return l.Addr().String()
}

// FreePort is a TCP port of the loopback interface nobody listens on.
func (h *Host) FreePort(t *testing.T) int {
	t.Helper()
	l := h.listen(t)
	Check(t, l.Close())
	return l.Addr().(*net.TCPAddr).Port
}

// listen takes a TCP port of the namespace's loopback interface.
func (h *Host) listen(t *testing.T) (l net.Listener) {
	t.Helper()
	Check(t, h.ns.Do(func() (err error) {
		l, err = net.Listen("tcp", "127.0.0.1:0")
		return err
	}))
	return l
}

// processes lists whatever runs inside the namespace.
func (h *Host) processes() []int {
	var pids []int
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		if ns, err := os.Readlink(filepath.Join("/proc", e.Name(), "ns/net")); err == nil && ns == h.id {
			pids = append(pids, pid)
		}
	}
	return pids
}

// QEMUs lists the processes of guests on this host.
func (h *Host) QEMUs() []int {
	var pids []int
	for _, pid := range h.processes() {
		exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		if err == nil && strings.HasPrefix(filepath.Base(exe), "qemu-system") {
			pids = append(pids, pid)
		}
	}
	return pids
}

// Alive tells whether a process exists and is no zombie.
func Alive(pid int) bool {
	if unix.Kill(pid, 0) != nil {
		return false
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, ok := strings.Cut(string(b), ") ")
	return ok && !strings.HasPrefix(rest, "Z")
}
