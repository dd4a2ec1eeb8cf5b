// Package applet holds the guest's tools that BusyBox lacks. Each is a link to
// the guest's program, which is setuid root for the sake of sudo: nearly every
// other tool drops that right before it does anything.
package applet

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// tool is a command; args do not hold its name.
type tool func(name string, args []string, out io.Writer) error

var tools = map[string]tool{
	"lsblk": lsblk, "blkid": blkid, "curl": curl, "rawsend": rawsend, "sftp-server": sftpServer,
	"poweroff": power, "halt": power, "reboot": power, "shutdown": power,
	"mkfs": mkfs, "mkfs.ext2": mkfs, "mkfs.ext3": mkfs, "mkfs.ext4": mkfs, "mkfs.vfat": mkfs,
}

// asRoot are the tools that keep root's rights: they tell everyone what elsewhere udev has noted down for everyone.
var asRoot = map[string]bool{"blkid": true}

// Links are the names the image builder links to the guest's program.
func Links() []string {
	out := []string{"sudo"}
	for name := range tools {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// Main runs the tool that args name, as a link or as the first argument, and
// gives its exit code.
func Main(args []string) int {
	name, rest := filepath.Base(args[0]), args[1:]
	if name != "sudo" && tools[name] == nil && len(rest) > 0 {
		name, rest = rest[0], rest[1:]
	}
	var err error
	switch {
	case name == "sudo":
		err = sudo(rest)
	case tools[name] == nil:
		err = fmt.Errorf("unknown tool; there are: %v", Links())
	default:
		if !asRoot[name] {
			err = dropRights()
		}
		if err == nil {
			err = tools[name](name, rest, os.Stdout)
		}
	}
	if err == nil {
		return 0
	}
	if code, ok := err.(exitCode); ok {
		return int(code)
	}
	fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
	return 1
}

// exitCode ends a tool silently.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

func dropRights() error {
	uid, gid := os.Getuid(), os.Getgid()
	if uid == os.Geteuid() && gid == os.Getegid() {
		return nil
	}
	if err := unix.Setresgid(gid, gid, gid); err != nil {
		return err
	}
	return unix.Setresuid(uid, uid, uid)
}
