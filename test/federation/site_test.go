package federation

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/test/cloudtest"
)

// site is a cloud with simulated hosts in a process of its own, as an operator starts it, and its administrator.
type site struct {
	t     *testing.T
	url   string // without a path
	dir   string // for files of the test
	log   string // file
	token string // of the administrator, on project admin
	env   map[string]string
}

// needSites skips a test where clouds and what is around them are not wanted.
func needSites(t *testing.T) {
	t.Helper()
	if os.Getenv("NUBO_TEST_REAL") != "1" {
		t.Skip("runs Debian's clients and identity providers against a cloud: set NUBO_TEST_REAL=1 (make test does)")
	}
}

// newSite starts a cloud. config is laid over what a test needs.
func newSite(t *testing.T, config map[string]any) *site {
	t.Helper()
	needSites(t)
	s := &site{t: t, dir: t.TempDir()}
	s.log = filepath.Join(s.dir, "nubo.log")
	settings := map[string]any{"listen": freeAddress(t), "state_dir": filepath.Join(s.dir, "state"), "simulate": 2, "log_level": "info"}
	for name, value := range config {
		settings[name] = value
	}
	s.serve(s.write("nubo.json", settings))
	s.readEnvironment(filepath.Join(s.dir, "state", "admin-openrc.sh"))
	s.token = s.passwordToken()
	return s
}

func (s *site) write(name string, v any) string {
	s.t.Helper()
	text, err := json.Marshal(v)
	cloudtest.Check(s.t, err)
	path := filepath.Join(s.dir, name)
	cloudtest.Check(s.t, os.WriteFile(path, text, 0o600))
	return path
}

func (s *site) serve(config string) {
	s.t.Helper()
	log, err := os.Create(s.log)
	cloudtest.Check(s.t, err)
	c := exec.Command(cloudtest.Binary(s.t), "serve", "--config", config)
	c.Stderr = log
	out, err := c.StdoutPipe()
	cloudtest.Check(s.t, err)
	cloudtest.Check(s.t, c.Start())
	s.t.Cleanup(func() {
		cloudtest.Check(s.t, c.Process.Signal(syscall.SIGTERM))
		_ = c.Wait() // its status is that of a process that was told to end
		_ = log.Close()
		if s.t.Failed() {
			s.t.Logf("the cloud's log ends with\n%s", tail(s.logged()))
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	at, ready := strings.CutPrefix(strings.TrimSpace(line), "nubo: ready at ")
	if !ready {
		s.t.Fatalf("nubo serve said %q: %v\n%s", line, err, s.logged())
	}
	s.url = at
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	cloudtest.Check(t, err)
	defer l.Close()
	return l.Addr().String()
}

func (s *site) readEnvironment(path string) {
	s.t.Helper()
	text, err := os.ReadFile(path)
	cloudtest.Check(s.t, err)
	s.env = map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^export (OS_\w+)=(.*)$`).FindAllStringSubmatch(string(text), -1) {
		s.env[m[1]] = strings.Trim(m[2], `'"`)
	}
}

// logged is what the cloud has written to its log.
func (s *site) logged() string {
	text, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// launch runs an identity provider of others until the test ends, and waits until it is ready. dir is for its log.
func launch(t *testing.T, dir string, c *exec.Cmd, ready func() error) {
	t.Helper()
	log, err := os.Create(filepath.Join(dir, "log"))
	cloudtest.Check(t, err)
	c.Stdout, c.Stderr = log, log
	cloudtest.Check(t, c.Start())
	t.Cleanup(func() {
		_ = c.Process.Kill() // what it keeps goes with the test
		_ = c.Wait()
		_ = log.Close()
		if t.Failed() {
			said, _ := os.ReadFile(log.Name())
			t.Logf("%s said:\n%s", filepath.Base(c.Path), tail(string(said)))
		}
	})
	cloudtest.Eventually(t, cloudtest.Patience(10*time.Second), ready)
}

// tail is where a log ends.
func tail(log string) string {
	lines := strings.Split(strings.TrimSpace(log), "\n")
	return strings.Join(lines[max(0, len(lines)-15):], "\n")
}

// wantLogged waits for a line that matches, beyond what the log held before.
func (s *site) wantLogged(before int, pattern string) {
	s.t.Helper()
	find := regexp.MustCompile(pattern)
	cloudtest.Eventually(s.t, cloudtest.Patience(10*time.Second), func() error {
		if !find.MatchString(s.logged()[before:]) {
			return fmt.Errorf("no line of the log matches %s", pattern)
		}
		return nil
	})
}

func (s *site) passwordToken() string {
	s.t.Helper()
	body := fmt.Sprintf(`{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"admin","domain":{"id":"default"},"password":%q}}},
		"scope":{"project":{"name":"admin","domain":{"id":"default"}}}}}`, s.env["OS_PASSWORD"])
	a := s.ask("", "POST", "/identity/v3/auth/tokens", body)
	if a.status != http.StatusCreated {
		s.t.Fatalf("the administrator cannot sign in: %d %s", a.status, a.body)
	}
	return a.header.Get("X-Subject-Token")
}

// reply is what the cloud answered.
type reply struct {
	status int
	header http.Header
	body   string
}

// ask sends one request, and follows no redirection.
func (s *site) ask(token, method, path, body string, headers ...string) reply {
	s.t.Helper()
	r, err := http.NewRequest(method, s.url+path, bytes.NewReader([]byte(body)))
	cloudtest.Check(s.t, err)
	if token != "" {
		r.Header.Set("X-Auth-Token", token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	a, err := http.DefaultTransport.RoundTrip(r)
	cloudtest.Check(s.t, err)
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	cloudtest.Check(s.t, err)
	return reply{a.StatusCode, a.Header, string(text)}
}

// admin asks as the administrator for something that succeeds, and answers the id that the answer begins with.
func (s *site) admin(method, path, body string) string {
	s.t.Helper()
	a := s.ask(s.token, method, path, body)
	if a.status >= 300 {
		s.t.Fatalf("%s %s: %d %s", method, path, a.status, a.body)
	}
	var made map[string]struct{ ID string }
	_ = json.Unmarshal([]byte(a.body), &made) // what is no object of one thing has no id
	for _, v := range made {
		return v.ID
	}
	return ""
}

// vo is a project whose members a provider names.
type vo struct{ project, group string }

// newVO makes a VO of a name.
func (s *site) newVO(name string) vo {
	s.t.Helper()
	v := vo{project: s.admin("POST", "/identity/v3/projects", `{"project":{"name":"`+name+`","egi.VO":"`+name+`"}}`),
		group: s.admin("POST", "/identity/v3/groups", `{"group":{"name":"`+name+`"}}`)}
	var roles struct{ Roles []struct{ ID string } }
	cloudtest.Check(s.t, json.Unmarshal([]byte(s.ask(s.token, "GET", "/identity/v3/roles?name=member", "").body), &roles))
	s.admin("PUT", "/identity/v3/projects/"+v.project+"/groups/"+v.group+"/roles/"+roles.Roles[0].ID, "")
	return v
}

// trust makes an identity provider with a protocol and a mapping of these rules. settings are the provider's, in JSON.
func (s *site) trust(id, protocol, settings, rules string) {
	s.t.Helper()
	const path = "/identity/v3/OS-FEDERATION/"
	s.admin("PUT", path+"identity_providers/"+id, `{"identity_provider":`+settings+`}`)
	s.admin("PUT", path+"mappings/"+id, `{"mapping":{"rules":`+rules+`}}`)
	s.admin("PUT", path+"identity_providers/"+id+"/protocols/"+protocol, `{"protocol":{"mapping_id":"`+id+`"}}`)
}

// furnish gives a project what a server needs: an image for all, and a network of its own.
func (s *site) furnish(v vo) {
	s.t.Helper()
	var image struct{ ID string }
	made := s.ask(s.token, "POST", "/image/v2/images", `{"name":"small","disk_format":"raw","container_format":"bare","visibility":"public"}`)
	cloudtest.Check(s.t, json.Unmarshal([]byte(made.body), &image))
	if a := s.ask(s.token, "PUT", "/image/v2/images/"+image.ID+"/file", strings.Repeat("x", 64<<10), "Content-Type", "application/octet-stream"); a.status != http.StatusNoContent {
		s.t.Fatalf("upload: %d %s", a.status, a.body)
	}
	network := s.admin("POST", "/network/v2.0/networks", `{"network":{"name":"own","tenant_id":"`+v.project+`"}}`)
	s.admin("POST", "/network/v2.0/subnets", `{"subnet":{"network_id":"`+network+`","cidr":"10.9.0.0/24","ip_version":4,"tenant_id":"`+v.project+`"}}`)
}

// openstack runs Debian's command line with these OS_ variables and no others, and answers what it prints and how it ends.
func (s *site) openstack(auth map[string]string, args ...string) (string, error) {
	s.t.Helper()
	c := exec.Command("/usr/bin/openstack", args...)
	c.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + s.dir, "PYTHONWARNINGS=ignore"}
	for name, value := range auth {
		c.Env = append(c.Env, name+"="+value)
	}
	out, err := c.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}
