package guest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// console is where the guest tells what it does: the serial console, which the
// cloud keeps as the instance's console log.
type console struct {
	mu  sync.Mutex
	out io.Writer
}

// logf writes one line.
func (c *console) logf(format string, args ...any) {
	c.write("nubo-guest: " + fmt.Sprintf(format, args...) + "\n")
}

// mark writes that a step of the boot is reached and how many seconds after
// the kernel's start.
func (c *console) mark(step string) { c.logf("%s %.2fs", step, uptime().Seconds()) }

func (c *console) write(s string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	// A console that fails has nobody to tell.
	_, _ = io.WriteString(c.out, s)
}

// Write lets commands print to the console.
func (c *console) Write(b []byte) (int, error) {
	c.write(string(b))
	return len(b), nil
}

func uptime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// loginPrompts keeps a login prompt on the screen and on every other console
// of the kernel.
func (g *guest) loginPrompts() {
	for _, tty := range consoles() {
		go g.loginPrompt(tty)
	}
}

func consoles() []string {
	out := []string{"tty1"}
	b, err := os.ReadFile("/sys/class/tty/console/active")
	if err != nil {
		return out
	}
	for _, t := range strings.Fields(string(b)) {
		if t != "tty0" {
			out = append(out, t)
		}
	}
	return out
}

func (g *guest) loginPrompt(tty string) {
	for {
		f, err := os.OpenFile("/dev/"+tty, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
		if err != nil {
			return // there is no such terminal
		}
		f.Close()
		cmd := exec.Command("/bin/getty", "-L", "115200", tty, "vt100")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		cmd.Env = []string{"PATH=/usr/bin:/bin", "TERM=vt100"}
		wait, err := g.children.start(cmd)
		if errors.Is(err, errGoingDown) {
			return
		}
		if err != nil {
			g.console.logf("login prompt on %s: %v", tty, err)
			return
		}
		began := time.Now()
		if err := wait(); err != nil && time.Since(began) < time.Second {
			// A terminal that hangs up at once (no carrier) must not spin.
			time.Sleep(time.Second)
		}
	}
}
