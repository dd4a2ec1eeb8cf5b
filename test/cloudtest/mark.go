package cloudtest

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"syscall"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
)

// mark is in the name of every namespace this cloud makes.
func (c *Cloud) mark() string {
	sum := sha256.Sum256([]byte(c.StateDir))
	return hex.EncodeToString(sum[:])[:6]
}

// sweep removes namespaces of a cloud whose test ended early, so that they
// do not gather on the machine. Guests in them go first.
func (c *Cloud) sweep() {
	for _, pid := range c.Host.QEMUs() {
		_ = syscall.Kill(pid, syscall.SIGKILL) // may have ended by itself
	}
	names, err := netns.List("nubo-" + c.mark() + "-")
	if err != nil {
		c.t.Error(err)
	}
	for _, n := range names {
		if err := netns.Delete(n); err != nil {
			c.t.Error(err)
		}
	}
	removeCgroups(c.StateDir)
}

// removeCgroups is for guests killed behind the daemon's back; cgroups in use stay.
func removeCgroups(stateDir string) {
	entries, err := os.ReadDir(stateDir + "/guests/guests")
	if err != nil {
		return // no guests
	}
	for _, e := range entries {
		for _, root := range []string{"/sys/fs/cgroup/nubo/", "/sys/fs/cgroup/cpu/nubo/", "/sys/fs/cgroup/memory/nubo/", "/sys/fs/cgroup/pids/nubo/"} {
			_ = os.Remove(strings.TrimSuffix(root, "/") + "/" + e.Name())
		}
	}
}
