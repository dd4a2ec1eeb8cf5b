package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// The bounds on a tool. A well-made image never comes near them.
const (
	toolMemoryBytesMax = 4 << 30
	toolCPUSecondsMax  = 4 * 3600
	toolOutputBytesMax = 4 << 10
	// limiter (util-linux, on every Linux) sets the limits, which Go cannot between fork and exec.
	limiter = "prlimit"
)

// sandbox runs one of QEMU's tools over files that strangers made. The tool gets
// open files, named /proc/self/fd/N, and nothing else: it runs as a user of its own
// (when we are root), in a network namespace without interfaces, with bounded memory
// and time, and, by Landlock where the kernel has it, without any other file.
type sandbox struct {
	uid   int
	root  bool
	files []*os.File
	rules []landlockRule
	// restore takes back what was lent to be written.
	restore []func() error
}

func (d *Driver) sandbox() *sandbox {
	return &sandbox{uid: d.toolUID, root: os.Geteuid() == 0}
}

// open passes a file to read.
func (s *sandbox) open(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	return s.pass(f, false)
}

// pass takes f over and returns the name the tool knows it by. The tool opens it again by that
// name, so a file of root's is lent to the tool's group.
func (s *sandbox) pass(f *os.File, write bool) (string, error) {
	name := s.hold(f)
	s.rules = append(s.rules, landlockRule{file: f, write: write})
	return name, s.lend(f, write)
}

// hold takes f over and answers its name in the tool.
func (s *sandbox) hold(f *os.File) string {
	s.files = append(s.files, f)
	return fmt.Sprintf("/proc/self/fd/%d", 2+len(s.files))
}

// lend gives the tool's group a right to the file. A file all may read needs no
// lending. Reading stays lent, since another tool may be reading the same snapshot; writing ends with close.
func (s *sandbox) lend(f *os.File, write bool) error {
	info, err := f.Stat()
	if err != nil || !s.root || !write && info.Mode().Perm()&0o004 != 0 {
		return err
	}
	mode := info.Mode().Perm() | 0o040
	if write {
		gid := int(info.Sys().(*syscall.Stat_t).Gid)
		s.restore = append(s.restore, func() error { return errors.Join(f.Chown(-1, gid), f.Chmod(info.Mode().Perm())) })
		mode |= 0o020
	}
	return errors.Join(f.Chown(-1, s.uid), f.Chmod(mode))
}

// close ends the loans and closes the files.
func (s *sandbox) close() {
	for _, restore := range s.restore {
		// Nothing can be done, and the tool's group keeps a right to a file that it just wrote.
		_ = restore()
	}
	for _, f := range s.files {
		f.Close()
	}
}

// run starts the tool and waits for it. Its complaints become the error's text.
func (s *sandbox) run(ctx context.Context, tool string, args []string) error {
	path, err := exec.LookPath(tool)
	if err != nil {
		return fmt.Errorf("%s is not installed (Debian package %s): %w", tool, Packages[0], spec.ErrNotSupported)
	}
	limit, err := exec.LookPath(limiter)
	if err != nil {
		return fmt.Errorf("%s is not installed (Debian package util-linux): %w", limiter, spec.ErrNotSupported)
	}
	bounds := []string{fmt.Sprintf("--as=%d", int64(toolMemoryBytesMax)), fmt.Sprintf("--cpu=%d", toolCPUSecondsMax), "--core=0", path}
	command := exec.CommandContext(ctx, limit, append(bounds, args...)...)
	out := &boundedBuffer{}
	command.Stderr, command.Stdout = out, out
	command.Env = []string{"LC_ALL=C", "PATH=/usr/bin:/bin"}
	command.Dir = "/"
	command.ExtraFiles = s.files
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	if s.root {
		command.SysProcAttr.Cloneflags = unix.CLONE_NEWNET | unix.CLONE_NEWIPC
		command.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(s.uid), Gid: uint32(s.uid)}
	}
	if err := s.startAndWait(command); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return toolError(tool, err, out.String())
	}
	return nil
}

// startAndWait runs the command from a thread that has given up its rights to other
// files: children inherit that. The thread stays locked to its goroutine and ends with it
// (and not before the tool, which Pdeathsig would end otherwise).
func (s *sandbox) startAndWait(command *exec.Cmd) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if err := restrictThread(s.rules); err != nil {
			done <- err
			return
		}
		if err := command.Start(); err != nil {
			done <- err
			return
		}
		done <- command.Wait()
	}()
	return <-done
}

// toolError tells a full disk from a bad image by what the tool said; there is no better sign.
func toolError(tool string, err error, said string) error {
	said = strings.TrimSpace(said)
	if strings.Contains(said, "No space left") || strings.Contains(said, "quota exceeded") {
		return fmt.Errorf("%w: %s: %s", spec.ErrNoSpace, tool, said)
	}
	return fmt.Errorf("%w: %s: %w: %s", spec.ErrCorrupt, tool, err, said)
}

// boundedBuffer keeps the beginning of what is written.
type boundedBuffer struct{ bytes.Buffer }

func (b *boundedBuffer) Write(p []byte) (int, error) {
	if room := toolOutputBytesMax - b.Len(); room > 0 {
		b.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
