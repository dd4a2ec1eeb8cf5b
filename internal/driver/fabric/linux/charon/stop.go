package charon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// stopGrace is how long a daemon may take to say goodbye to its peers.
const stopGrace = 2 * time.Second

// Stop ends whatever daemon is in the namespace. None is no error.
func (d *Daemon) Stop() error {
	for _, signal := range []unix.Signal{unix.SIGTERM, unix.SIGKILL} {
		pids, err := d.processes()
		if err != nil || len(pids) == 0 {
			return err
		}
		for _, pid := range pids {
			if err := unix.Kill(pid, signal); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("end charon, process %d: %w", pid, err)
			}
		}
		if d.gone(stopGrace) {
			return nil
		}
	}
	return errors.New("charon does not end")
}

// gone waits for a while; nothing announces the end of a process that is not a child.
func (d *Daemon) gone(within time.Duration) bool {
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if pids, err := d.processes(); err == nil && len(pids) == 0 {
			return true
		}
	}
	return false
}

// processes are the daemons in the namespace, whoever started them.
func (d *Daemon) processes() (pids []int, err error) {
	var own unix.Stat_t
	if err := unix.Fstat(d.Namespace.FD(), &own); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if isCharon(e.Name()) && isIn(e.Name(), own) {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

func isCharon(pid string) bool {
	name, err := os.ReadFile(filepath.Join("/proc", pid, "comm"))
	return err == nil && string(name) == "charon\n"
}

// isIn tells whether a process is in a network namespace. One that has ended, but has not been waited for, is in none.
func isIn(pid string, ns unix.Stat_t) bool {
	var st unix.Stat_t
	return unix.Stat(filepath.Join("/proc", pid, "ns/net"), &st) == nil && st.Ino == ns.Ino && st.Dev == ns.Dev
}

// Remove ends the daemon and removes its directory.
func (d *Daemon) Remove() error {
	if d.Namespace != nil {
		if err := d.Stop(); err != nil {
			return err
		}
	}
	return os.RemoveAll(d.Dir)
}
