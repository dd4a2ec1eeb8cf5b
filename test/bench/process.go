package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is one `nubo serve` that bench has started.
type process struct {
	cmd     *exec.Cmd
	dir     string // its state directory
	url     string
	log     *os.File
	started time.Time
	exited  chan struct{}
}

// launch starts a daemon on a free port and returns at once.
func launch(ctx context.Context, binary, dir string, args ...string) (*process, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return nil, err
	}
	log, err := os.Create(dir + ".log")
	if err != nil {
		return nil, err
	}
	args = append([]string{"serve", "--listen", address, "--state-dir", dir, "--log-level", "warn"}, args...)
	p := &process{cmd: exec.CommandContext(ctx, binary, args...), dir: dir, url: "http://" + address, log: log, exited: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.started = time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", binary, err), log.Close())
	}
	go func() { _ = p.cmd.Wait(); close(p.exited) }() // how it ended is of no interest: it is in the log
	return p, nil
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// startPatience bounds how long a daemon may take to answer.
const startPatience = time.Minute

// awaitAnswer asks for the identity API's version until it is told, and answers how long
// after the start of the process that was.
func (p *process) awaitAnswer(ctx context.Context) (time.Duration, error) {
	for time.Since(p.started) < startPatience {
		if answers(ctx, p.url+"/identity/v3") {
			return time.Since(p.started), nil
		}
		select {
		case <-p.exited:
			return 0, fmt.Errorf("nubo serve ended before it answered; it said: %s", p.lastWords())
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(time.Millisecond): // nothing tells when a port opens
		}
	}
	return 0, fmt.Errorf("nubo serve did not answer within %s", startPatience)
}

func answers(ctx context.Context, url string) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err == nil && resp.StatusCode == http.StatusOK
}

func (p *process) lastWords() string {
	b, err := os.ReadFile(p.log.Name())
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(b[max(0, len(b)-500):]))
}

// start launches a daemon and waits for its first answer.
func start(ctx context.Context, binary, dir string, args ...string) (*process, error) {
	p, err := launch(ctx, binary, dir, args...)
	if err != nil {
		return nil, err
	}
	if _, err := p.awaitAnswer(ctx); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

// stop ends the daemon and waits until it is gone. It may be called twice.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may be gone
	select {
	case <-p.exited:
	case <-time.After(20 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
	_ = p.log.Close() // written by the process, not by us
}

// residentMB is the memory the process has in RAM now, file pages included, in 10^6 bytes.
func (p *process) residentMB() (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	m := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(b)
	if m == nil {
		return 0, errors.New("/proc has no VmRSS for nubo serve")
	}
	kib, err := strconv.Atoi(string(m[1]))
	return float64(kib) * 1024 / 1e6, err
}

var passwordLine = regexp.MustCompile(`(?m)^export OS_PASSWORD=(\S+)$`)

// adminPassword is the one the first start wrote down.
func (p *process) adminPassword() (string, error) {
	b, err := os.ReadFile(filepath.Join(p.dir, "admin-openrc.sh"))
	if err != nil {
		return "", err
	}
	m := passwordLine.FindSubmatch(b)
	if m == nil {
		return "", errors.New("admin-openrc.sh holds no password")
	}
	return string(m[1]), nil
}
