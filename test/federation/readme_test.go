package federation

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nubo-cloud/nubo/internal/openid/openidtest"
	"github.com/nubo-cloud/nubo/test/cloudtest"
)

// TestReadmeChapter does what the README's chapter says, as it is written there but for names: a new operator gets to a VO
// member's server by it. The member's browser is the test.
func TestReadmeChapter(t *testing.T) {
	s := newSite(t, nil)
	op := newHome(t)
	op.SetUser(openidtest.User{Name: "ann", Subject: "ann@home", Claims: map[string]any{"email": "ann@example.org",
		"eduperson_entitlement": []string{"urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator#aai.egi.eu"}}})
	cloudtest.Check(t, os.WriteFile(filepath.Join(s.dir, "secret.txt"), []byte("robot's secret\n"), 0o600))
	state := filepath.Join(s.dir, "state")
	as := strings.NewReplacer(
		"--client-id CLIENT", "--client-id robot --issuer "+op.Issuer, // not Check-in itself
		"--client-id TERMINAL", "--client-id terminal --issuer "+op.Issuer,
		"https://cloud.example.org:8700", s.url, "/var/lib/nubo", state)
	binary := cloudtest.Binary(t)
	var done int
	for _, line := range chapter(t) {
		done++
		if strings.HasPrefix(line, "nubo serve") {
			continue // newSite did
		}
		if line = as.Replace(line); strings.HasPrefix(line, "nubo ") {
			line = binary + strings.TrimPrefix(line, "nubo")
		}
		if strings.Contains(line, "source ") {
			continue // each command has a shell of its own: it reads the file first
		}
		member := strings.Contains(line, "login") || strings.Contains(line, "--os-cloud")
		shell := "cd " + s.dir + "; "
		if !member {
			shell += "source " + state + "/admin-openrc.sh; "
		}
		s.shell(shell+line, op.allow)
	}
	if done != 10 {
		t.Errorf("the chapter has %d commands", done)
	}
}

// chapter is the commands of the README's chapter.
func chapter(t *testing.T) (commands []string) {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	cloudtest.Check(t, err)
	_, rest, _ := strings.Cut(string(text), "## A site of a federation")
	_, rest, _ = strings.Cut(rest, "```sh\n")
	block, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("the README has no such chapter")
	}
	for _, line := range strings.Split(block, "\n") {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			commands = append(commands, line)
		}
	}
	return commands
}

var userCode = regexp.MustCompile(`type in ([A-Z0-9]{4}-[A-Z0-9]{4})`)

// shell runs a command as somebody with an empty home. allow is the browser where it asks for one.
func (s *site) shell(command string, allow func(t *testing.T, code string) bool) {
	s.t.Helper()
	c := exec.Command("bash", "-c", command)
	c.Env = []string{"PATH=/usr/bin:/bin:/usr/sbin:/sbin", "HOME=" + s.dir, "PYTHONWARNINGS=ignore"}
	log := filepath.Join(s.dir, "command.log")
	out, err := os.Create(log)
	cloudtest.Check(s.t, err)
	defer out.Close()
	c.Stdout, c.Stderr = out, out
	cloudtest.Check(s.t, c.Start())
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	for approved := false; ; {
		select {
		case err := <-ended:
			if err != nil {
				said, _ := os.ReadFile(log)
				s.t.Fatalf("%s: %v\n%s", command, err, said)
			}
			return
		case <-time.After(100 * time.Millisecond): // looks for a code to type in
			said, _ := os.ReadFile(log)
			if code := userCode.FindSubmatch(said); code != nil && !approved {
				approved = allow(s.t, string(code[1]))
			}
		}
	}
}
