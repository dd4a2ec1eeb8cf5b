package applet

import (
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// power asks process 1 to go down, or with -f the kernel, at once and without
// syncing.
func power(name string, args []string, _ io.Writer) error {
	restart := name == "reboot" || (name == "shutdown" && slices.Contains(args, "-r"))
	if slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(a, "-") && strings.Contains(a, "f") }) {
		command := unix.LINUX_REBOOT_CMD_POWER_OFF
		if restart {
			command = unix.LINUX_REBOOT_CMD_RESTART
		}
		return unix.Reboot(command)
	}
	signal := unix.SIGUSR2
	if restart {
		signal = unix.SIGTERM
	}
	p, err := os.FindProcess(1)
	if err != nil {
		return err
	}
	return p.Signal(signal)
}
