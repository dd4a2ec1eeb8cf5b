package file

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// landlockRule allows one open file.
type landlockRule struct {
	file  *os.File
	write bool
}

const (
	landlockRead     = unix.LANDLOCK_ACCESS_FS_READ_FILE
	landlockWrite    = unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_READ_FILE
	landlockProgram  = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	landlockTruncate = unix.LANDLOCK_ACCESS_FS_TRUNCATE
	// landlockV1 are the rights that every kernel with Landlock can take away.
	landlockV1 = 1<<13 - 1
)

// programTrees are what a dynamically linked program reads to start.
var programTrees = []string{"/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/qemu", "/dev/urandom", "/proc/self"}

// restrictThread leaves the calling thread, and what it starts, only the
// program and the given files. Without Landlock in the kernel it does nothing: the other
// walls of the sandbox stand.
func restrictThread(rules []landlockRule) error {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return nil
	}
	handled, write := uint64(landlockV1), uint64(landlockWrite)
	if version >= 3 {
		handled, write = handled|landlockTruncate, write|landlockTruncate
	}
	attr := unix.LandlockRulesetAttr{Handled_access_fs: handled}
	// Only the first field is passed, which all versions have.
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr.Handled_access_fs), 0)
	if errno != 0 {
		return fmt.Errorf("landlock ruleset: %w", errno)
	}
	defer unix.Close(int(fd))
	for _, tree := range programTrees {
		if err := allowPath(int(fd), tree); err != nil {
			return err
		}
	}
	// QEMU's tools try file locks on it, which takes a right to write.
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	for _, r := range append([]landlockRule{{file: null, write: true}}, rules...) {
		access := uint64(landlockRead)
		if r.write {
			access = write
		}
		if err := allow(int(fd), int(r.file.Fd()), access); err != nil {
			return err
		}
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); errno != 0 {
		return fmt.Errorf("landlock: %w", errno)
	}
	return nil
}

// allowPath allows reading and running below a path, if it is there.
func allowPath(ruleset int, path string) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("landlock %s: %w", path, err)
	}
	defer unix.Close(fd)
	var s unix.Stat_t
	if err := unix.Fstat(fd, &s); err != nil {
		return err
	}
	access := uint64(landlockProgram)
	if s.Mode&unix.S_IFMT != unix.S_IFDIR {
		access &^= unix.LANDLOCK_ACCESS_FS_READ_DIR
	}
	return allow(ruleset, fd, access)
}

func allow(ruleset, fd int, access uint64) error {
	attr := unix.LandlockPathBeneathAttr{Allowed_access: access, Parent_fd: int32(fd)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&attr)), 0, 0, 0)
	if errno != 0 {
		return fmt.Errorf("landlock rule: %w", errno)
	}
	return nil
}
