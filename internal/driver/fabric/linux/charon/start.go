package charon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Packages are the Debian packages that the daemon and its plugins come from.
var Packages = []string{"strongswan-charon", "strongswan-swanctl", "libcharon-extra-plugins", "libstrongswan-standard-plugins"}

// programs are where distributions put the daemon: it is in nobody's PATH.
var programs = []string{"/usr/lib/ipsec/charon", "/usr/libexec/ipsec/charon", "/usr/lib/strongswan/charon", "/usr/libexec/strongswan/charon"}

// Program is where the daemon is. A host without one is spec.ErrNotSupported.
func Program() (string, error) {
	for _, p := range programs {
		if _, err := os.Stat(p); err == nil {
			return p, nil
		}
	}
	return "", fmt.Errorf("strongSwan is missing on the host, install the packages %s: %w", strings.Join(Packages, ", "), spec.ErrNotSupported)
}

// Daemon is the daemon of one namespace. Its directory is its own.
type Daemon struct {
	Dir       string
	Namespace *netns.Handle
	// InKernel: the kernel does ESP.
	InKernel bool
}

func (d *Daemon) run() string      { return filepath.Join(d.Dir, "run") }
func (d *Daemon) settings() string { return filepath.Join(d.Dir, "strongswan.conf") }

// startMax bounds how long the daemon may take to answer.
const startMax = 10 * time.Second

// Start has the daemon run and answer. One that does already is left alone.
func (d *Daemon) Start(ctx context.Context) error {
	if d.answers(ctx) {
		return nil
	}
	program, err := Program()
	if err != nil {
		return err
	}
	if err := d.Stop(); err != nil { // it does not answer, or is half gone
		return err
	}
	if err := d.prepare(); err != nil {
		return err
	}
	if err := d.launch(program); err != nil {
		return fmt.Errorf("start %s: %w", program, err)
	}
	ctx, cancel := context.WithTimeout(ctx, startMax)
	defer cancel()
	for !d.answers(ctx) {
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return d.mute(err)
		}
	}
	return nil
}

// mute says why a daemon that runs cannot be spoken to.
func (d *Daemon) mute(err error) error {
	if _, missing := os.Stat(filepath.Join(d.run(), socketName)); errors.Is(missing, os.ErrNotExist) {
		return fmt.Errorf("charon has no VICI socket, install the package strongswan-swanctl: %w", spec.ErrNotSupported)
	}
	return fmt.Errorf("charon does not answer: %w", err)
}

// prepare makes what the daemon finds in its own /run and /etc.
func (d *Daemon) prepare() error {
	if err := os.MkdirAll(d.run(), 0o700); err != nil {
		return err
	}
	for _, name := range []string{"charon.pid", socketName} { // it would take a foreign process of that number for itself
		if err := os.Remove(filepath.Join(d.run(), name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return os.WriteFile(d.settings(), []byte(settingsText(d.InKernel)), 0o600)
}

// launch starts the program in namespaces of its own, in a session of its own.
func (d *Daemon) launch(program string) error {
	done := make(chan error)
	go func() {
		// Never unlocked: the thread has left our namespaces, and ends with this goroutine.
		runtime.LockOSThread()
		done <- d.spawn(program)
	}()
	return <-done
}

func (d *Daemon) spawn(program string) error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("mount namespace: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("part from the host's mounts: %w", err)
	}
	for from, to := range map[string]string{d.run(): "/run", d.settings(): "/etc/strongswan.conf"} {
		if err := unix.Mount(from, to, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mount %s at %s: %w", from, to, err)
		}
	}
	if err := unix.Setns(d.Namespace.FD(), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter network namespace: %w", err)
	}
	cmd := exec.Command(program)
	cmd.Dir, cmd.Env = "/", []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	go cmd.Wait() // takes the exit status of one that ends while this process lives
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// settingsText is the daemon's strongswan.conf. Routes are ours to make. A peer that does not answer is given up after half a
// minute. What is logged at this level are the daemon's own failures, so the log does not grow.
func settingsText(inKernel bool) string {
	kernel := "kernel-libipsec kernel-netlink"
	if inKernel {
		kernel = "kernel-netlink"
	}
	return `charon {
  load_modular = no
  load = random nonce openssl aes des sha1 sha2 md5 hmac xcbc cmac ctr ccm gcm chapoly kdf gmp curve25519 ` + kernel + ` socket-default vici
  install_routes = no
  install_virtual_ip = no
  routing_table_prio = 40000
  retransmit_timeout = 2.0
  retransmit_base = 1.6
  retransmit_tries = 4
  filelog {
    log {
      path = /run/charon.log
      default = 0
      flush_line = yes
    }
  }
  syslog {
    daemon {
      default = -1
    }
    auth {
      default = -1
    }
  }
}
`
}
