package guest

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

type powerAction int

const (
	powerOff powerAction = iota
	reboot
)

// signals takes the wishes of the tools poweroff, halt and reboot, of
// Ctrl-Alt-Del, and of those who ask udhcpc to renew its lease.
func (g *guest) signals() {
	// Ctrl-Alt-Del shall ask us and not reset at once.
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_CAD_OFF); err != nil {
		g.console.logf("Ctrl-Alt-Del: %v", err)
	}
	c := make(chan os.Signal, 4)
	signal.Notify(c, unix.SIGTERM, unix.SIGINT, unix.SIGUSR1, unix.SIGUSR2, unix.SIGHUP)
	for s := range c {
		switch s {
		case unix.SIGUSR1:
			if g.net != nil {
				g.net.Renew()
			}
		case unix.SIGUSR2:
			g.power <- powerOff
		case unix.SIGTERM, unix.SIGINT:
			g.power <- reboot
		}
	}
}

var (
	buttonsMu sync.Mutex
	buttons   = map[string]bool{}
)

// watchPowerButtons listens to every power button once.
func (g *guest) watchPowerButtons() {
	buttonsMu.Lock()
	defer buttonsMu.Unlock()
	devices, _ := filepath.Glob("/sys/class/input/event*") // the pattern is well formed
	for _, d := range devices {
		name := filepath.Base(d)
		if buttons[name] || !strings.Contains(readTrimmed(d+"/device/name"), "Power Button") {
			continue
		}
		f, err := os.Open("/dev/input/" + name)
		if err != nil {
			g.console.logf("power button: %v", err)
			continue
		}
		buttons[name] = true
		go g.watchPowerButton(f)
	}
}

const (
	inputEventBytes = 24 // struct input_event on 64 bits: time, type, code, value
	eventKey        = 1
	keyPower        = 116
)

func (g *guest) watchPowerButton(f *os.File) {
	defer f.Close()
	b := make([]byte, inputEventBytes)
	for {
		if _, err := io.ReadFull(f, b); err != nil {
			return
		}
		if isPowerPress(b) {
			g.console.logf("power button pressed")
			g.power <- powerOff
		}
	}
}

func isPowerPress(b []byte) bool {
	le := binary.LittleEndian
	return le.Uint16(b[16:]) == eventKey && le.Uint16(b[18:]) == keyPower && le.Uint32(b[20:]) == 1
}

// shutdown ends all processes, writes everything to the disks and turns the
// machine off or starts it again.
func (g *guest) shutdown(a powerAction) error {
	g.console.logf("going down")
	g.children.close()
	endProcesses()
	if s := g.ssh.Load(); s != nil {
		s.Close()
	}
	unix.Sync()
	unmountAll()
	// Read-only leaves the journal empty; where a file is still open for
	// writing the sync above has to do.
	_ = unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_RDONLY, "")
	unix.Sync()
	g.console.mark("down")
	command := unix.LINUX_REBOOT_CMD_POWER_OFF
	if a == reboot {
		command = unix.LINUX_REBOOT_CMD_RESTART
	}
	return fmt.Errorf("power off: %w", unix.Reboot(command))
}

// endProcesses asks every process to end and kills what stays.
func endProcesses() {
	_ = unix.Kill(-1, unix.SIGTERM) // ESRCH: there is none
	_ = unix.Kill(-1, unix.SIGCONT)
	for began := time.Now(); time.Since(began) < 500*time.Millisecond; {
		if !othersAlive() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	_ = unix.Kill(-1, unix.SIGKILL)
}

// othersAlive looks for a process with a program, which threads of the kernel
// do not have.
func othersAlive() bool {
	dirs, _ := filepath.Glob("/proc/[0-9]*/exe") // the pattern is well formed
	for _, exe := range dirs {
		if _, err := os.Readlink(exe); err == nil && exe != "/proc/1/exe" {
			return true
		}
	}
	return false
}

// unmountAll unmounts the user's filesystems, the last mounted first.
func unmountAll() {
	b, err := os.ReadFile("/proc/mounts")
	if err != nil {
		return
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		f := strings.Fields(lines[i])
		if len(f) > 2 && strings.HasPrefix(f[0], "/dev/") && f[1] != "/" {
			// Busy: it is synced at least.
			_ = unix.Unmount(f[1], unix.MNT_DETACH)
		}
	}
}
