package file

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/driver/block/blocktest"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// needTools skips where QEMU's tools, which play the guest, are missing.
func needTools(t testing.TB) {
	t.Helper()
	for _, tool := range []string{"qemu-img", "qemu-io"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s (Debian package qemu-utils)", tool)
		}
	}
}

// qemuIO runs one qemu-io command on a source, as a guest's QEMU would open it.
func qemuIO(t testing.TB, s spec.BlockSource, command string) string {
	t.Helper()
	if s.Format == spec.FormatLUKS {
		return runQEMUIO(t, s, command, "--object", "secret,id=key,data="+string(s.Key),
			"--image-opts", "driver=luks,key-secret=key,file.driver=file,file.filename="+s.Path)
	}
	baseFormat, base := spec.Format(""), ""
	if s.Base != nil {
		baseFormat, base = s.Base.Format, s.Base.Path
	}
	options, err := blockOptions(s.Format, s.Path, baseFormat, base)
	if err != nil {
		t.Fatal(err)
	}
	return runQEMUIO(t, s, command, options)
}

func runQEMUIO(t testing.TB, s spec.BlockSource, command string, options ...string) string {
	t.Helper()
	out, err := exec.Command("qemu-io", append([]string{"-c", command}, options...)...).CombinedOutput()
	if err != nil || strings.Contains(string(out), "verification failed") {
		t.Fatalf("qemu-io %s on %s: %v\n%s", command, s.Path, err, out)
	}
	return string(out)
}

func fill(t *testing.T, s spec.BlockSource, pattern byte, offset, length int64) {
	t.Helper()
	qemuIO(t, s, fmt.Sprintf("write -P %d %d %d", pattern, offset, length))
}

func expect(t *testing.T, s spec.BlockSource, pattern byte, offset, length int64) {
	t.Helper()
	qemuIO(t, s, fmt.Sprintf("read -P %d %d %d", pattern, offset, length))
}

func target(t *testing.T, dir string) *blocktest.Target {
	needTools(t)
	open := func(t *testing.T) agent.Block {
		d, err := New(Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	return &blocktest.Target{Block: open(t), Fill: fill, Expect: expect, Reopen: open}
}

// TestSuite proves the contract on whatever file system tests run on.
func TestSuite(t *testing.T) {
	blocktest.Run(t, func(t *testing.T) *blocktest.Target { return target(t, t.TempDir()) })
}

// mountImage makes a file system in a file and mounts it.
func mountImage(t *testing.T, mkfs string, args ...string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to mount a file system")
	}
	if _, err := exec.LookPath(mkfs); err != nil {
		t.Skipf("needs %s", mkfs)
	}
	dir := t.TempDir()
	disk, mount := filepath.Join(dir, "disk"), filepath.Join(dir, "mnt")
	if err := os.WriteFile(disk, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(disk, 2<<30); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(mount, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, command := range [][]string{append(append([]string{mkfs}, args...), disk), {"mount", "-o", "loop", disk, mount}} {
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Skipf("needs %s to work here: %v: %s", strings.Join(command, " "), err, out)
		}
	}
	t.Cleanup(func() { exec.Command("umount", mount).Run() })
	return mount
}

// TestSuiteReflink proves the contract where files can be cloned, and that clones are used.
func TestSuiteReflink(t *testing.T) {
	for _, fs := range []string{"mkfs.xfs", "mkfs.btrfs"} {
		t.Run(fs, func(t *testing.T) {
			needTools(t)
			mount := mountImage(t, fs, "-q")
			n := 0
			blocktest.Run(t, func(t *testing.T) *blocktest.Target {
				n++
				dir := filepath.Join(mount, fmt.Sprint(n))
				t.Cleanup(func() { os.RemoveAll(dir) })
				target := target(t, dir)
				if !target.Block.(*Driver).reflink {
					t.Fatal("clones were not found to work")
				}
				return target
			})
		})
	}
}
