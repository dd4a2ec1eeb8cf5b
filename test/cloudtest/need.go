package cloudtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// Environment of tests on real guests.
const (
	envReal      = "NUBO_TEST_REAL"
	envBinary    = "NUBO_BINARY"
	envImage     = "NUBO_TEST_IMAGE"
	envKernel    = "NUBO_TEST_KERNEL"
	envInitramfs = "NUBO_TEST_INITRAMFS"
	envTimeScale = "NUBO_TEST_PATIENCE"
)

// Files are what a test on real guests stands on.
type Files struct {
	Binary    string // nubo itself
	Image     string // the minimal image, qcow2
	Kernel    string // the same to boot directly
	Initramfs string
}

// Need skips the test, saying why, unless the machine can run guests and the
// files are there. tools are further programs that must be installed.
func Need(t *testing.T, tools ...string) Files {
	t.Helper()
	if os.Getenv(envReal) != "1" {
		t.Skipf("runs real guests, networks and clients: set %s=1 (make test does)", envReal)
	}
	if os.Geteuid() != 0 {
		t.Skip("runs real guests, which needs root")
	}
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs the program %s, which is not installed", tool)
		}
	}
	return Files{Binary: file(t, envBinary), Image: file(t, envImage), Kernel: file(t, envKernel), Initramfs: file(t, envInitramfs)}
}

// Binary is nubo itself; the test is skipped without it.
func Binary(t *testing.T) string {
	t.Helper()
	return file(t, envBinary)
}

func file(t *testing.T, env string) string {
	t.Helper()
	path := os.Getenv(env)
	if path == "" {
		t.Skipf("%s is not set to a file (make test does)", env)
	}
	abs := path
	if !filepath.IsAbs(abs) {
		abs = filepath.Join(moduleRoot(t), path) // as seen from where make runs
	}
	if _, err := os.Stat(abs); err != nil {
		t.Skipf("%s: %v", env, err)
	}
	return abs
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	Check(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
}

// Check ends the test on an error.
func Check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Patience is a deadline for something that takes d on a quiet machine: far more than that.
// NUBO_TEST_PATIENCE multiplies it.
func Patience(d time.Duration) time.Duration {
	const generous = 6
	scale := 1.0
	if v, err := strconv.ParseFloat(os.Getenv(envTimeScale), 64); err == nil && v > 0 {
		scale = v
	}
	return time.Duration(float64(d*generous) * scale)
}

// Eventually asks until the answer is nil and ends the test with the last error if that
// takes longer than limit.
func Eventually(t *testing.T, limit time.Duration, ask func() error) {
	t.Helper()
	if err := wait(limit, ask); err != nil {
		t.Fatalf("after %v: %v", limit, err)
	}
}

// askEvery is how long Eventually waits between two questions.
const askEvery = 100 * time.Millisecond

func wait(limit time.Duration, ask func() error) error {
	deadline := time.Now().Add(limit)
	for {
		err := ask()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(askEvery)
	}
}
