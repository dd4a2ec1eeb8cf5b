package guest

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// children tells the processes we started, which os/exec waits for, from the
// orphans that process 1 inherits and must wait for itself.
type children struct {
	mu     sync.Mutex
	own    map[int]bool
	closed bool
}

var errGoingDown = errors.New("the guest is going down")

// close makes start refuse: nothing new starts while the guest goes down.
func (c *children) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
}

func newChildren() *children { return &children{own: map[int]bool{}} }

// start starts cmd; the caller must call the function it returns, which waits.
func (c *children) start(cmd *exec.Cmd) (func() error, error) {
	// The lock spans the start: a child that ends at once must not look like
	// an orphan.
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errGoingDown
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	pid := cmd.Process.Pid
	c.own[pid] = true
	return func() error {
		err := cmd.Wait()
		c.mu.Lock()
		delete(c.own, pid)
		c.mu.Unlock()
		return err
	}, nil
}

// run starts cmd and waits for it.
func (c *children) run(cmd *exec.Cmd) error {
	wait, err := c.start(cmd)
	if err != nil {
		return err
	}
	return wait()
}

// reap waits for orphans for ever.
func (c *children) reap() {
	died := make(chan os.Signal, 1)
	signal.Notify(died, unix.SIGCHLD)
	for range died {
		c.reapOnce()
	}
}

func (c *children) reapOnce() {
	c.mu.Lock()
	defer c.mu.Unlock()
	lists, _ := filepath.Glob("/proc/1/task/*/children") // the pattern is well formed
	for _, list := range lists {
		b, err := os.ReadFile(list)
		if err != nil {
			continue // the thread has ended
		}
		for _, f := range bytes.Fields(b) {
			if pid, err := strconv.Atoi(string(f)); err == nil && !c.own[pid] {
				// Not dead yet is the usual answer.
				_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil)
			}
		}
	}
}
