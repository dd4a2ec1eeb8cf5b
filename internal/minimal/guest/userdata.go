package guest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/nubo-cloud/nubo/internal/minimal/guest/account"
	"github.com/nubo-cloud/nubo/internal/minimal/guest/metadata"
	"github.com/nubo-cloud/nubo/internal/minimal/guest/shadow"
)

const userDataLog = "/var/log/user-data.log"

// runUserData does the instance's user-data once in its life. A guest that
// lost power on the way does it again.
func (g *guest) runUserData(in *metadata.Instance) {
	if readTrimmed(doneFile) == in.ID {
		return
	}
	parts, err := metadata.Parse(in.UserData)
	if err != nil {
		g.console.logf("%v", err)
	}
	for i, p := range parts {
		if err := g.runPart(i, p); err != nil {
			g.console.logf("user-data: %v", err)
		}
	}
	if len(parts) > 0 {
		g.console.mark("user-data done")
	}
	if err := writeState(doneFile, in.ID); err != nil {
		g.console.logf("%v", err)
	}
}

func (g *guest) runPart(number int, p metadata.Part) error {
	switch p.Kind {
	case metadata.Script:
		path := filepath.Join(stateDir, fmt.Sprintf("user-data-%d", number))
		if err := os.WriteFile(path, p.Body, 0o700); err != nil {
			return err
		}
		return g.runLogged(exec.Command(path))
	case metadata.CloudConfig:
		c, err := metadata.ParseConfig(p.Body)
		if err != nil {
			return err
		}
		return g.applyConfig(c)
	}
	return fmt.Errorf("ignoring a part of type %q: scripts (#!) and #cloud-config are understood", p.Type)
}

// runLogged runs a command as root; what it prints goes to the console and to
// a log file.
func (g *guest) runLogged(cmd *exec.Cmd) error {
	log, err := os.OpenFile(userDataLog, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	defer log.Close()
	out := io.MultiWriter(log, g.console)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = append(account.Account{Name: "root", Home: "/root", Shell: "/bin/sh"}.Environ(), "TERM=vt100")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return g.children.run(cmd)
}

// applyConfig does everything it can and joins what failed.
func (g *guest) applyConfig(c metadata.Config) error {
	var errs []error
	for _, b := range c.BootCmd {
		errs = append(errs, g.runLogged(configCommand(b)))
	}
	if c.Hostname != "" {
		errs = append(errs, setHostname(c.Hostname))
	}
	if len(c.Keys) > 0 {
		errs = append(errs, authorize(c.Keys, false))
	}
	for _, p := range c.Passwords(defaultUser) {
		errs = append(errs, shadow.Set(p[0], p[1]))
	}
	for _, f := range c.WriteFiles {
		errs = append(errs, writeFile(f))
	}
	for _, r := range c.RunCmd {
		errs = append(errs, g.runLogged(configCommand(r)))
	}
	return errors.Join(errs...)
}

func configCommand(c metadata.Command) *exec.Cmd {
	if len(c.Words) > 0 {
		return exec.Command(c.Words[0], c.Words[1:]...)
	}
	return exec.Command("/bin/sh", "-c", c.Shell)
}

func writeFile(f metadata.File) error {
	b, err := f.Bytes()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(f.Path), 0o755); err != nil {
		return err
	}
	flags := os.O_CREATE | os.O_WRONLY | os.O_TRUNC
	if f.Append {
		flags = os.O_CREATE | os.O_WRONLY | os.O_APPEND
	}
	out, err := os.OpenFile(f.Path, flags, 0o644)
	if err != nil {
		return err
	}
	_, err = out.Write(b)
	// syscall.Chmod and not os.Chmod: the mode may hold setuid and sticky bits.
	return errors.Join(err, out.Close(), syscall.Chmod(f.Path, f.Mode()), chown(f.Path, f.Owner))
}

func chown(path, owner string) error {
	if owner == "" {
		return nil
	}
	user, _, _ := strings.Cut(owner, ":")
	a, err := account.Lookup(user)
	if err != nil {
		return err
	}
	return os.Chown(path, int(a.UID), int(a.GID))
}
