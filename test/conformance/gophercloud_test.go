package conformance

import (
	_ "embed"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

//go:embed lists/gophercloud.txt
var gophercloudList string

const gophercloudModule = "github.com/gophercloud/gophercloud/v2"

// acceptance is one listed test of the library: its package below internal/acceptance, its name, and as whom it runs.
type acceptance struct{ pkg, name, account string }

// What the Go client library's own acceptance tests ask of a cloud.
func TestGophercloud(t *testing.T) {
	all(t)
	s := newSite(t, "go")
	dir := filepath.Join(s.Host.Dir, "gophercloud")
	s.prepareGophercloud(t, dir)
	s.proxy = s.Host.Serve(t, http.HandlerFunc(elsewhere))
	var verdicts []verdict
	for _, group := range grouped(gophercloudList) {
		verdicts = append(verdicts, s.acceptance(t, dir, group)...)
	}
	judge(t, "gophercloud", verdicts)
}

// prepareGophercloud makes a module that requires the library in the version this project does. It is fetched before
// the tests run, as the cloud's host reaches nothing.
func (s *site) prepareGophercloud(t *testing.T, dir string) {
	t.Helper()
	cloudtest.Check(t, os.MkdirAll(dir, 0o755))
	for _, f := range []string{"go.mod", "go.sum"} {
		b, err := os.ReadFile(filepath.Join("..", "..", f))
		cloudtest.Check(t, err)
		cloudtest.Check(t, os.WriteFile(filepath.Join(dir, f), b, 0o644))
	}
	s.admin.Run("network create --share private") // the tests of a member use it, too
	s.admin.Run("subnet create --network private --subnet-range 10.20.0.0/24 private-subnet")
	s.admin.Run("user create --project demo --password wonderland member")
	s.admin.Run("role add --user member --project demo member")
}

// elsewhere stands for the rest of the Internet, which the host does not reach: some tests fetch an image from there, whatever it is.
func elsewhere(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		http.Error(w, "the Internet is only read here", http.StatusMethodNotAllowed)
		return
	}
	_, _ = w.Write([]byte("an image of " + r.URL.Host)) // whoever hung up does not want it
}

func listed(list string) (tests []acceptance) {
	for _, line := range strings.Split(list, "\n") {
		line, _, _ = strings.Cut(line, "#")
		if f := strings.Fields(line); len(f) == 3 && !absent(f[0]) && only.MatchString(f[0]+" "+f[1]) {
			tests = append(tests, acceptance{f[0], f[1], f[2]})
		}
	}
	return tests
}

// absent are the services that this cloud does not have.
func absent(pkg string) bool {
	service, _, _ := strings.Cut(pkg, "/")
	return slices.Contains([]string{"loadbalancer", "dns", "keymanager"}, service)
}

// grouped are the tests that one run of `go test` does: of one package, as one account.
func grouped(list string) [][]acceptance {
	groups := map[string][]acceptance{}
	for _, a := range listed(list) {
		groups[a.pkg+" "+a.account] = append(groups[a.pkg+" "+a.account], a)
	}
	var out [][]acceptance
	for _, k := range slices.Sorted(maps.Keys(groups)) {
		out = append(out, groups[k])
	}
	return out
}

// acceptance compiles the tests of one package, where modules can be fetched, and runs the listed ones on the cloud's host.
func (s *site) acceptance(t *testing.T, dir string, group []acceptance) []verdict {
	t.Helper()
	pkg, account := group[0].pkg, group[0].account
	name := strings.ReplaceAll(pkg, "/", "-") + "-" + account
	binary := filepath.Join(dir, name+".test")
	build := command(dir, "go", "test", "-mod=mod", "-tags", "acceptance", "-c", "-o", binary, gophercloudModule+"/internal/acceptance/"+path(pkg))
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("compile %s: %v\n%s", pkg, err, out)
	}
	var names []string
	for _, a := range group {
		names = append(names, a.name)
	}
	out := s.run(t, dir, s.gophercloudEnv(account), binary, "-test.v", "-test.timeout", "60m", "-test.run", "^("+strings.Join(names, "|")+")$")
	return goVerdicts(out, group)
}

func path(pkg string) string {
	if pkg == "openstack" {
		return pkg
	}
	return "openstack/" + pkg
}

func (s *site) gophercloudEnv(account string) []string {
	env := []string{"OS_DOMAIN_NAME=Default", "OS_BRANCH=master", "OS_IMAGE_ID=" + s.image, "OS_FLAVOR_ID=" + s.flavor, "OS_FLAVOR_ID_RESIZE=" + s.largerFlavor,
		"HTTP_PROXY=http://" + s.proxy, "OS_POOL_NAME=public", "OS_EXTGW_ID=" + s.publicNetwork, "OS_NETWORK_NAME=private",
		"OS_NETWORK_ID=" + s.admin.Object("network show private").ID(), "OS_SUBNET_ID=" + s.admin.Object("subnet show private-subnet").ID()}
	if account == "member" {
		env = append(env, "OS_USERNAME=member", "OS_PASSWORD=wonderland", "OS_PROJECT_NAME=demo", "OS_PROJECT_ID=", "OS_TENANT_NAME=")
	}
	return env
}

var goResult = regexp.MustCompile(`(?m)^--- (PASS|FAIL|SKIP): (Test\w+) `)

// goVerdicts reads the output of go test -v. What a test printed before its end is its reason.
func goVerdicts(out string, group []acceptance) []verdict {
	words := map[string]string{"PASS": "passed", "FAIL": "failed", "SKIP": "skipped"}
	seen := map[string]verdict{}
	for _, m := range goResult.FindAllStringSubmatch(out, -1) {
		seen[m[2]] = verdict{result: words[m[1]], reason: said(out, m[2])}
	}
	var verdicts []verdict
	for _, a := range group {
		v, ok := seen[a.name]
		if !ok {
			v = verdict{result: "failed", reason: "it did not end"}
		}
		v.name = fmt.Sprintf("%s %s", a.pkg, a.name)
		verdicts = append(verdicts, v)
	}
	return verdicts
}

// said is the end of what one test printed.
func said(out, name string) string {
	const kept = 800
	_, text, _ := strings.Cut(out, "=== RUN   "+name+"\n")
	text, _, _ = strings.Cut(text, "\n=== RUN   Test")
	return text[max(0, len(text)-kept):]
}
