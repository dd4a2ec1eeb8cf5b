package conformance

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

// settings are what the suites expect of a cloud beyond the defaults.
var settings = cloudtest.Settings{
	"check_seconds": 2, "shutdown_seconds": 10,
	"lockout_attempts": 2, "lockout_seconds": 5, "unique_passwords": 2,
	"default_volume_type": "lvmdriver-1",           // a name that the command line's tests know
	"import_ranges":       []string{"127.0.0.0/8"}, // the suites fetch an image from the cloud itself
	"volume_backends":     []map[string]string{{"name": "backend-1"}, {"name": "backend-2"}},
}

// site is a cloud with what the suites need in it: two images, two flavors.
type site struct {
	*cloudtest.Cloud
	admin                *cloudtest.Client
	image, otherImage    string
	imageFile            string
	flavor, largerFlavor string
	publicNetwork        string
	proxy                string // where HTTP to the world outside is answered, if anything asks for it
}

func newSite(t *testing.T, tools ...string) *site {
	files := cloudtest.Need(t, append(tools, "qemu-system-x86_64", "qemu-img", "openstack", "nft", "ip")...)
	s := &site{Cloud: cloudtest.Start(t, files, settings), imageFile: files.Image}
	s.admin = s.Client(t)
	image := func(name string) string {
		return s.admin.Object("image", "create", "--public", "--disk-format", "qcow2", "--container-format", "bare", "--file", files.Image, name).ID()
	}
	s.image, s.otherImage = image("minimal"), image("minimal-other")
	s.flavor = s.admin.Object("flavor create --ram 160 --disk 1 --vcpus 1 s1").ID()
	s.largerFlavor = s.admin.Object("flavor create --ram 192 --disk 2 --vcpus 1 s2").ID()
	s.publicNetwork = s.admin.Object("network show public").ID()
	return s
}

// clear takes away what newSite made, and what the suites leave to be found: volumes that servers were booted from without being
// told to go with them, images of a server. Then nothing may be left, but for the limits of all projects, which they set and set back.
func (s *site) clear(t *testing.T) {
	t.Helper()
	for _, noun := range []string{"volume list --all-projects", "image list"} {
		for _, left := range s.admin.List(noun) {
			s.admin.Run(strings.Fields(noun)[0] + " delete " + left.ID())
		}
	}
	s.admin.Run("flavor delete " + s.flavor + " " + s.largerFlavor)
	s.NothingLeft(t, "rows in quotas: 1")
}

// run runs a program on the cloud's host with the administrator's credential in its environment, and env.
func (s *site) run(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	return s.runBare(t, dir, append(s.Environment(), env...), name, args...)
}

// runBare runs a program on the cloud's host. Its output goes to a file beside the cloud's own and is what is
// answered, also when the program fails: a suite with a failed case does.
func (s *site) runBare(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	c := s.Host.Command(name, args...)
	c.Dir = dir
	c.Env = env
	began := time.Now()
	out, err := c.CombinedOutput()
	log := filepath.Join(s.Host.Dir, filepath.Base(name)+".log")
	cloudtest.Check(t, os.WriteFile(log, out, 0o644))
	t.Logf("%s %s: %v (%v), output in %s", name, strings.Join(args, " "), time.Since(began).Round(time.Second), errorWord(err), log)
	return string(out)
}

// command is a program that runs where this test does, not on the cloud's host.
func command(dir, name string, args ...string) *exec.Cmd {
	c := exec.Command(name, args...)
	c.Dir = dir
	return c
}

func errorWord(err error) string {
	if err == nil {
		return "ok"
	}
	return err.Error()
}

// verdict of one case.
type verdict struct {
	name, result string // passed, failed or skipped
	reason       string // the suite's own words
}

// judge fails the test for each failed case and prints those that were skipped.
func judge(t *testing.T, suite string, verdicts []verdict) {
	t.Helper()
	count := map[string]int{}
	for _, v := range verdicts {
		count[v.result]++
		switch v.result {
		case "failed":
			t.Errorf("failed: %s\n%s", v.name, indent(v.reason))
		case "skipped":
			t.Logf("skipped: %s: %s", v.name, v.reason)
		case "passed":
			if v.reason != "" {
				t.Logf("passed: %s: %s", v.name, v.reason)
			}
		}
	}
	line := fmt.Sprintf("%d passed, %d failed, %d skipped", count["passed"], count["failed"], count["skipped"])
	t.Logf("%s: %s", suite, line)
	if count["passed"] == 0 {
		t.Errorf("%s: no case passed", suite)
	}
	record(t, suite, line, verdicts)
}

// envResults names a directory for the numbers; `make conformance` makes docs/conformance.md of them.
const envResults = "NUBO_CONFORMANCE_RESULTS"

func record(t *testing.T, suite, line string, verdicts []verdict) {
	t.Helper()
	dir := os.Getenv(envResults)
	if dir == "" {
		return
	}
	var b strings.Builder
	fmt.Fprintln(&b, line)
	for _, v := range verdicts {
		if v.result != "passed" || v.reason != "" {
			first, _, _ := strings.Cut(strings.TrimSpace(v.reason), "\n")
			fmt.Fprintf(&b, "%s\t%s\t%s\n", v.result, v.name, first)
		}
	}
	cloudtest.Check(t, os.WriteFile(filepath.Join(dir, suite+".txt"), []byte(b.String()), 0o644))
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ")
}

// envOnly is an expression: of each suite, only the cases it is found in are run.
const envOnly = "NUBO_CONFORMANCE_ONLY"

var only = regexp.MustCompile(os.Getenv(envOnly))

// all skips a test that takes longer than `make test` may.
func all(t *testing.T) {
	t.Helper()
	if os.Getenv(envResults) == "" {
		t.Skipf("takes an hour: `make conformance` runs it and sets %s", envResults)
	}
}
