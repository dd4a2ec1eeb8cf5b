package qemu

import (
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// readable opens a file so that any user can open the descriptor again by /proc.
func readable(name, private string) (*os.File, error) {
	f, err := setFile{Path: name, ReadOnly: true}.open(spec.FormatRaw)
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if unix.Fstat(int(f.Fd()), &st) == nil && (st.Mode&0o004 != 0 || !privileged()) {
		return f, nil
	}
	defer f.Close()
	if err := copyReadable(f, private); err != nil {
		return nil, err
	}
	return os.Open(private)
}

// copyReadable copies from into a file that everybody may read, in a directory that nobody
// but root may enter.
func copyReadable(from *os.File, name string) error {
	os.Remove(name)
	to, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o444)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	if err == nil {
		err = to.Chmod(0o444) // the umask may have taken it away
	}
	if cerr := to.Close(); err == nil {
		err = cerr
	}
	return err
}
