package conformance

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/template"

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

var (
	//go:embed lists/tempest-interop.txt
	interopList string
	//go:embed lists/tempest-further.txt
	furtherList string
	//go:embed tempest.conf.template
	tempestConf string
	//go:embed verdicts.py
	verdictsScript []byte
)

// What a product must do to be called OpenStack Powered Compute, it does, with guests that one logs in to.
func TestTempestInterop(t *testing.T) { tempest(t, "tempest-interop", interopList, 2) }

// The six APIs in depth.
func TestTempestFurther(t *testing.T) {
	all(t)
	tempest(t, "tempest-further", furtherList, 4)
}

// tempest runs the listed tests with so many workers, and finds nothing left afterwards.
func tempest(t *testing.T, suite, list string, workers int) {
	s := newSite(t, "tempest", "stestr")
	dir := filepath.Join(s.Host.Dir, suite)
	s.prepareTempest(t, dir)
	known := s.run(t, dir, nil, "tempest", "run", "--config-file", "tempest.conf", "--list-tests")
	selected, missing := choose(known, list)
	cloudtest.Check(t, os.WriteFile(filepath.Join(dir, "selected.txt"), []byte(strings.Join(selected, "\n")+"\n"), 0o644))
	s.run(t, dir, nil, "tempest", "run", "--config-file", "tempest.conf", "--load-list", "selected.txt", "--concurrency", strconv.Itoa(workers))
	verdicts := s.alone(t, dir, selected, s.stestrVerdicts(t, dir, selected))
	judge(t, suite, append(verdicts, missing...))
	s.clear(t)
}

// alone runs the cases that failed once more, one after the other. Some look at the whole cloud, and fail beside others that
// share a network with everybody or take a host out: on any cloud. What passes then has passed, and says that it needed to.
func (s *site) alone(t *testing.T, dir string, selected []string, verdicts []verdict) []verdict {
	t.Helper()
	failed := map[string]string{}
	for _, v := range verdicts {
		if v.result == "failed" {
			failed[v.name] = v.reason
		}
	}
	again := slices.DeleteFunc(slices.Clone(selected), func(id string) bool { return failed[bare(id)] == "" })
	if len(again) == 0 || len(again) > aloneMax {
		return verdicts
	}
	cloudtest.Check(t, os.WriteFile(filepath.Join(dir, "again.txt"), []byte(strings.Join(again, "\n")+"\n"), 0o644))
	s.run(t, dir, nil, "tempest", "run", "--config-file", "tempest.conf", "--load-list", "again.txt", "--serial")
	second := map[string]verdict{}
	for _, v := range s.stestrVerdicts(t, dir, again) {
		second[v.name] = v
	}
	for i, v := range verdicts {
		if now, ran := second[v.name]; ran && now.result == "passed" {
			lines := strings.Split(strings.TrimSpace(v.reason), "\n")
			verdicts[i] = verdict{name: v.name, result: "passed", reason: "alone; beside others: " + lines[len(lines)-1]}
		}
	}
	return verdicts
}

// aloneMax failures are chance; more are a cloud that does not work.
const aloneMax = 10

// prepareTempest writes the configuration and makes the directory one that Tempest runs in.
func (s *site) prepareTempest(t *testing.T, dir string) {
	t.Helper()
	for _, d := range []string{"logs", "lock"} {
		cloudtest.Check(t, os.MkdirAll(filepath.Join(dir, d), 0o755))
	}
	conf, err := template.New("tempest.conf").Option("missingkey=error").Parse(tempestConf)
	cloudtest.Check(t, err)
	var b bytes.Buffer
	cloudtest.Check(t, conf.Execute(&b, map[string]string{
		"dir": dir, "auth_url": s.Variable("OS_AUTH_URL"), "password": s.Variable("OS_PASSWORD"),
		"image": s.image, "other_image": s.otherImage, "flavor": s.flavor, "larger_flavor": s.largerFlavor, "public_network": s.publicNetwork,
		"http_image": s.URL + "/healthz", "image_file": s.imageFile,
	}))
	cloudtest.Check(t, os.WriteFile(filepath.Join(dir, "tempest.conf"), b.Bytes(), 0o600))
	discovery := "/usr/lib/python3/dist-packages/tempest"
	cloudtest.Check(t, os.WriteFile(filepath.Join(dir, ".stestr.conf"),
		[]byte("[DEFAULT]\ntest_path="+discovery+"/test_discover\ntop_dir="+discovery+"\ngroup_regex=([^\\.]*\\.)*\n"), 0o644))
	cloudtest.Check(t, os.WriteFile(filepath.Join(dir, "verdicts.py"), verdictsScript, 0o644))
	s.run(t, dir, nil, "stestr", "init")
}

// choose finds the listed tests among those that this Tempest knows. A test is known by its name, without the
// attributes in brackets, which change from release to release.
func choose(known, list string) (selected []string, missing []verdict) {
	byName := map[string]string{}
	for _, id := range strings.Fields(known) {
		if name := bare(id); strings.HasPrefix(name, "tempest.") {
			byName[name] = id
		}
	}
	for _, line := range strings.Split(list, "\n") {
		line, _, _ = strings.Cut(line, "#")
		name := bare(strings.TrimSpace(line))
		if name == "" || !only.MatchString(name) {
			continue
		}
		if id, ok := byName[name]; ok {
			selected = append(selected, id)
		} else {
			missing = append(missing, verdict{name: name, result: "failed", reason: "this Tempest does not have it"})
		}
	}
	return selected, missing
}

func bare(id string) string {
	name, _, _ := strings.Cut(id, "[")
	return name
}

// stestrVerdicts reads what became of each selected test, and of the clean-up of each class.
func (s *site) stestrVerdicts(t *testing.T, dir string, selected []string) []verdict {
	t.Helper()
	out := s.run(t, dir, nil, "/usr/bin/python3", "verdicts.py")
	var seen struct {
		Tests, Setups map[string][2]string
		Cleanups      map[string]string
	}
	if err := json.Unmarshal([]byte(out), &seen); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	var verdicts []verdict
	for _, id := range selected {
		name := bare(id)
		v, ok := seen.Tests[name]
		if !ok {
			v, ok = seen.Setups[name[:strings.LastIndexByte(name, '.')]]
		}
		if !ok {
			v = [2]string{"failed", "it did not run"}
		}
		verdicts = append(verdicts, verdict{name: name, result: v[0], reason: v[1]})
	}
	for class, reason := range seen.Cleanups {
		verdicts = append(verdicts, verdict{name: "clean-up of " + class, result: "failed", reason: reason})
	}
	return verdicts
}
