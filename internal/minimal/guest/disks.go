package guest

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/nubo-cloud/nubo/internal/minimal/fsprobe"
)

// findDevice gives the first block device whose contents fit, in the order of
// names, so that vda is asked before vdb.
func findDevice(fits func(name string, i fsprobe.Info) bool) (string, bool) {
	entries, err := os.ReadDir("/sys/class/block")
	if err != nil {
		return "", false
	}
	for _, e := range entries {
		info, ok := probeDevice(e.Name())
		if ok && fits(e.Name(), info) {
			return e.Name(), true
		}
	}
	return "", false
}

func probeDevice(name string) (fsprobe.Info, bool) {
	if blocks, ok := sysNumber(name, "size"); !ok || blocks == 0 {
		return fsprobe.Info{}, false
	}
	f, err := os.Open("/dev/" + name)
	if err != nil {
		return fsprobe.Info{}, false
	}
	defer f.Close()
	return fsprobe.Read(f)
}

// sysNumber reads a number of /sys/class/block/NAME.
func sysNumber(name, what string) (int64, bool) {
	b, err := os.ReadFile(filepath.Join("/sys/class/block", name, what))
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	return n, err == nil
}
