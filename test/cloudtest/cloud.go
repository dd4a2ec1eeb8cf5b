package cloudtest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Cloud is one `nubo serve` on a Host. It may be killed and started again.
type Cloud struct {
	Host     *Host
	StateDir string
	URL      string

	t       *testing.T
	binary  string
	args    []string
	log     *os.File
	command *Command
	env     []string
	base    []string // what was on the host before anybody used the cloud
}

// Settings are keys of the configuration file; see internal/config.
type Settings map[string]any

// Start runs a cloud on a host of its own until the test ends, and waits until it answers.
func Start(t *testing.T, files Files, settings Settings) *Cloud {
	t.Helper()
	h := NewHost(t)
	c := &Cloud{Host: h, StateDir: filepath.Join(h.Dir, "state"), t: t, binary: files.Binary}
	c.URL = fmt.Sprintf("http://127.0.0.1:%d", h.FreePort(t))
	config := filepath.Join(h.Dir, "nubo.json")
	b, err := json.Marshal(settings)
	Check(t, err)
	Check(t, os.WriteFile(config, b, 0o644))
	c.args = []string{"serve", "--config", config, "--listen", strings.TrimPrefix(c.URL, "http://"), "--state-dir", c.StateDir, "--log-level", "debug"}
	c.log, err = os.Create(filepath.Join(h.Dir, "nubo.log"))
	Check(t, err)
	t.Cleanup(c.end)
	c.Serve()
	c.readEnvironment()
	c.base = c.account()
	return c
}

// Serve starts the daemon and waits for its ready line. Only after Kill or Stop.
func (c *Cloud) Serve() {
	c.t.Helper()
	c.command = c.Host.Command(c.binary, c.args...)
	c.command.Stderr = c.log
	// A group of its own: a terminal's interrupt is for the test, which then ends the daemon.
	c.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := c.command.StdoutPipe()
	Check(c.t, err)
	Check(c.t, c.command.Start())
	ready := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(out).ReadString('\n') // an early end gives an empty line
		ready <- line
	}()
	select {
	case line := <-ready:
		if !strings.HasPrefix(line, "nubo: ready at "+c.URL) {
			c.t.Fatalf("nubo serve said %q instead of being ready\n%s", line, c.LogTail())
		}
	case <-time.After(Patience(20 * time.Second)):
		c.t.Fatalf("nubo serve is not ready\n%s", c.LogTail())
	}
}

// Kill ends the daemon as a crash would.
func (c *Cloud) Kill() {
	c.t.Helper()
	Check(c.t, c.command.Process.Kill())
	_ = c.command.Wait() // says "killed"
	c.command = nil
}

// Stop ends the daemon as an operator would.
func (c *Cloud) Stop() {
	c.t.Helper()
	Check(c.t, c.command.Process.Signal(syscall.SIGTERM))
	if err := c.command.Wait(); err != nil {
		c.t.Errorf("nubo serve ended with %v", err)
	}
	c.command = nil
}

func (c *Cloud) end() {
	if c.command != nil {
		c.Stop()
	}
	if c.t.Failed() {
		c.t.Logf("end of the daemon's log:\n%s", c.LogTail())
	}
	c.log.Close()
	c.sweep()
}

// LogTail is the end of the daemon's log, without the chatter about requests.
func (c *Cloud) LogTail() string {
	const kept = 60
	b, err := os.ReadFile(c.log.Name())
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-kept):], "\n")
}

var export = regexp.MustCompile(`(?m)^export (OS_\w+)=(.*)$`)

// readEnvironment takes the administrator's credential, as sourcing the file would.
func (c *Cloud) readEnvironment() {
	b, err := os.ReadFile(filepath.Join(c.StateDir, "admin-openrc.sh"))
	Check(c.t, err)
	c.env = nil
	for _, m := range export.FindAllSubmatch(b, -1) {
		c.env = append(c.env, string(m[1])+"="+string(m[2]))
	}
}

// Variable of the administrator's openrc file.
func (c *Cloud) Variable(name string) string {
	for _, e := range c.env {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			return v
		}
	}
	return ""
}

// HTTP is a client on the host.
func (c *Cloud) HTTP() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: c.Host.Dial, DisableKeepAlives: true}}
}

// Request does one HTTP request with a token and returns status and body.
func (c *Cloud) Request(method, path, token string, header map[string]string, body []byte) (int, []byte) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience(20*time.Second))
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, c.URL+path, bytes.NewReader(body))
	Check(c.t, err)
	r.Header.Set("X-Auth-Token", token)
	for k, v := range header {
		r.Header.Set(k, v)
	}
	resp, err := c.HTTP().Do(r)
	Check(c.t, err)
	defer resp.Body.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(resp.Body)
	Check(c.t, err)
	return resp.StatusCode, b.Bytes()
}
