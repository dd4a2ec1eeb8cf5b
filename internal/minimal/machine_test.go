package minimal_test

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// patience bounds every wait; a guest without hardware virtualisation on a busy
// machine takes long.
const patience = 3 * time.Minute

// eventually waits until ok says true.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("waited %v in vain: %s", patience, what)
}

// machine is a running QEMU.
type machine struct {
	t        *testing.T
	dir      string
	cmd      *exec.Cmd
	exited   chan struct{}
	port     int
	started  time.Time
	qmp      net.Conn
	qmpLines *bufio.Scanner
}

// drive gives QEMU's arguments for a disk on virtio.
func drive(id, file, format, device string) []string {
	return []string{"-drive", "if=none,id=" + id + ",format=" + format + ",file=" + file, "-device", device + ",drive=" + id}
}

// start starts QEMU with user networking; netOptions are added to the network,
// nic is the device.
func start(t *testing.T, nic, netOptions string, args ...string) *machine {
	t.Helper()
	dir := t.TempDir()
	m := &machine{t: t, dir: dir, port: freePort(t), exited: make(chan struct{}), started: time.Now()}
	all := []string{"-accel", "tcg", "-m", "192", "-smp", "1", "-nodefaults", "-display", "none",
		"-serial", "file:" + m.log(), "-qmp", "unix:" + dir + "/qmp,server=on,wait=off",
		"-netdev", fmt.Sprintf("user,id=n0,hostfwd=tcp:127.0.0.1:%d-:22%s", m.port, netOptions), "-device", nic + ",netdev=n0"}
	m.cmd = exec.Command("qemu-system-x86_64", append(all, args...)...)
	// A test that runs out of time leaves no guest behind.
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var said bytes.Buffer
	m.cmd.Stderr = &said
	if err := m.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = m.cmd.Wait(); close(m.exited) }()
	t.Cleanup(func() {
		_ = m.cmd.Process.Kill()
		<-m.exited
		if t.Failed() {
			t.Logf("QEMU said: %s\nconsole:\n%s", said.String(), m.console())
		}
	})
	m.connectQMP()
	return m
}

func (m *machine) log() string { return filepath.Join(m.dir, "console") }

func (m *machine) console() string {
	b, err := os.ReadFile(m.log())
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func freePort(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func (m *machine) connectQMP() {
	eventually(m.t, "QEMU opens its QMP socket", func() bool {
		c, err := net.Dial("unix", m.dir+"/qmp")
		m.qmp = c
		return err == nil
	})
	m.qmpLines = bufio.NewScanner(m.qmp)
	m.qmpLines.Scan() // the greeting
	m.do("qmp_capabilities", nil)
}

// do runs a QMP command.
func (m *machine) do(command string, arguments any) {
	m.t.Helper()
	b, err := json.Marshal(map[string]any{"execute": command, "arguments": arguments})
	if arguments == nil {
		b, err = json.Marshal(map[string]any{"execute": command})
	}
	if err != nil {
		m.t.Fatal(err)
	}
	if _, err := m.qmp.Write(append(b, '\n')); err != nil {
		m.t.Fatalf("QMP %s: %v", command, err)
	}
	for m.qmpLines.Scan() {
		var answer struct {
			Return *json.RawMessage
			Error  *struct{ Desc string }
		}
		if err := json.Unmarshal(m.qmpLines.Bytes(), &answer); err != nil {
			m.t.Fatal(err)
		}
		if answer.Error != nil {
			m.t.Fatalf("QMP %s: %s", command, answer.Error.Desc)
		}
		if answer.Return != nil {
			return
		}
	}
	m.t.Fatalf("QMP %s: no answer", command)
}

// powerDown presses the power button and waits until QEMU ends.
func (m *machine) powerDown() {
	m.t.Helper()
	began := time.Now()
	m.do("system_powerdown", nil)
	select {
	case <-m.exited:
		m.t.Logf("down %.1fs after the power button", time.Since(began).Seconds())
	case <-time.After(patience):
		m.t.Fatal("the guest did not turn itself off")
	}
}

// login logs in by SSH as soon as the guest answers.
func (m *machine) login(user string, key ssh.Signer) *ssh.Client {
	m.t.Helper()
	var client *ssh.Client
	config := &ssh.ClientConfig{User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: 20 * time.Second}
	var last error
	eventually(m.t, "SSH answers", func() bool {
		select {
		case <-m.exited:
			m.t.Fatal("QEMU ended")
		default:
		}
		client, last = ssh.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", m.port), config)
		return last == nil
	})
	m.t.Cleanup(func() { client.Close() })
	return client
}

// bootTimes is the guest's own account of its boot.
func (m *machine) bootTimes() string {
	var out []string
	for line := range strings.Lines(m.console()) {
		_, rest, ok := strings.Cut(line, "nubo-guest: ")
		if ok && strings.Contains(rest, " ready ") {
			out = append(out, strings.TrimSpace(rest))
		}
	}
	return strings.Join(out, ", ")
}

// runOn runs a command and gives what it printed.
func runOn(t *testing.T, c *ssh.Client, command string) string {
	t.Helper()
	out, err := tryOn(c, command)
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return strings.TrimSpace(out)
}

func tryOn(c *ssh.Client, command string) (string, error) {
	s, err := c.NewSession()
	if err != nil {
		return "", err
	}
	defer s.Close()
	out, err := s.CombinedOutput(command)
	return string(out), err
}

func newKey(t *testing.T) ssh.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func metaData(t *testing.T, id, hostname string, key ssh.Signer) []byte {
	t.Helper()
	b, err := json.Marshal(map[string]any{"uuid": id, "hostname": hostname,
		"public_keys": map[string]string{"k": string(ssh.MarshalAuthorizedKey(key.PublicKey()))}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// configDrive makes a config drive in the given filesystem.
func configDrive(t *testing.T, kind string, meta []byte, userData string) string {
	t.Helper()
	dir := t.TempDir()
	base := filepath.Join(dir, "cd", "openstack", "latest")
	write := func(path string, b []byte) {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, b, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(base, "meta_data.json"), meta)
	if userData != "" {
		write(filepath.Join(base, "user_data"), []byte(userData))
	}
	image := filepath.Join(dir, "config.img")
	if kind == "iso9660" {
		command(t, isoMaker(t), append(isoFlags[isoMaker(t)], "-quiet", "-R", "-J", "-V", "config-2", "-o", image, filepath.Join(dir, "cd"))...)
		return image
	}
	write(image, make([]byte, 1<<20))
	command(t, "mformat", "-i", image, "-v", "config-2", "::")
	command(t, "mcopy", "-i", image, "-s", filepath.Join(dir, "cd", "openstack"), "::")
	return image
}

var isoFlags = map[string][]string{"genisoimage": nil, "xorriso": {"-as", "mkisofs"}}

func isoMaker(t *testing.T) string {
	for _, p := range []string{"genisoimage", "xorriso"} {
		if _, err := exec.LookPath(p); err == nil {
			return p
		}
	}
	t.Skip("needs genisoimage or xorriso to make a config drive")
	return ""
}

func command(t *testing.T, program string, args ...string) {
	t.Helper()
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
}

// proxyEnv makes this test program a pipe between its standard streams and an
// address, which QEMU starts for each connection to the metadata address.
const proxyEnv = "NUBO_TEST_PROXY_TO"

func proxy(to string) int {
	c, err := net.Dial("tcp", to)
	if err != nil {
		return 1
	}
	go func() { _, _ = io.Copy(c, os.Stdin) }()
	_, _ = io.Copy(os.Stdout, c)
	return 0
}
