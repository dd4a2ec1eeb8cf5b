package applet

import (
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// mkfs hands over to BusyBox, which makes ext2 and FAT. A filesystem asked for
// as ext3 or ext4 is an ext2 one: the kernel's ext4 driver mounts it under
// that name too, and there is no static mke2fs to be had.
func mkfs(name string, args []string, _ io.Writer) error {
	argv, err := mkfsCommand(name, args)
	if err != nil {
		return err
	}
	return syscall.Exec("/bin/busybox", argv, os.Environ())
}

func mkfsCommand(name string, args []string) ([]string, error) {
	kind, _ := strings.CutPrefix(name, "mkfs.")
	if kind == "mkfs" {
		kind = "ext2"
	}
	var rest []string
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "-t" && i+1 < len(args):
			i++
			kind = args[i]
		// What mke2fs of e2fsprogs knows and BusyBox's does not, and which
		// changes nothing that can be seen.
		case args[i] == "-q" || args[i] == "-v":
		case (args[i] == "-E" || args[i] == "-O" || args[i] == "-U" || args[i] == "-J") && i+1 < len(args):
			i++
		default:
			rest = append(rest, args[i])
		}
	}
	switch kind {
	case "ext2", "ext3", "ext4":
		return append([]string{"mke2fs"}, rest...), nil
	case "vfat", "fat", "msdos":
		return append([]string{"mkdosfs"}, rest...), nil
	}
	return nil, fmt.Errorf("cannot make a %s filesystem; ext2, ext3, ext4 and vfat are possible", kind)
}
