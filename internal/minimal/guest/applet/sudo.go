package applet

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/nubo-cloud/nubo/internal/minimal/guest/account"
	"golang.org/x/sys/unix"
)

// sudoCall is a parsed command line of sudo.
type sudoCall struct {
	user         string
	login, shell bool
	list         bool // -l, -v: only ask whether one may
	env          []string
	command      []string
}

// parseSudo knows the flags people and test suites use; those about asking for
// a password mean nothing here.
func parseSudo(args []string) (sudoCall, error) {
	c := sudoCall{user: "root"}
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		flag := args[0]
		args = args[1:]
		if flag == "--" {
			break
		}
		switch flag {
		case "-u", "--user", "-g", "-p":
			if len(args) == 0 {
				return c, fmt.Errorf("%s needs a value", flag)
			}
			if flag == "-u" || flag == "--user" {
				c.user = args[0]
			}
			args = args[1:]
			continue
		}
		if err := c.short(flag); err != nil {
			return c, err
		}
	}
	for len(args) > 0 && strings.Contains(args[0], "=") && !strings.HasPrefix(args[0], "/") {
		c.env = append(c.env, args[0])
		args = args[1:]
	}
	c.command = args
	if len(args) == 0 && !c.login && !c.shell && !c.list {
		return c, errors.New("usage: sudo [-nEHSik] [-u user] [NAME=value] command [argument...]")
	}
	return c, nil
}

func (c *sudoCall) short(flag string) error {
	for _, letter := range strings.TrimLeft(flag, "-") {
		switch letter {
		case 'n', 'E', 'H', 'S', 'k', 'A', 'b':
		case 'i':
			c.login = true
		case 's':
			c.shell = true
		case 'l', 'v':
			c.list = true
		default:
			return fmt.Errorf("unknown flag %s", flag)
		}
	}
	return nil
}

// sudo replaces this process by a command of another user. Members of the
// group sudo may, without a password.
func sudo(args []string) error {
	caller, err := account.LookupID(os.Getuid())
	if err != nil {
		return err
	}
	if caller.UID != 0 && !caller.In("sudo") {
		return fmt.Errorf("%s is not in the group sudo", caller.Name)
	}
	call, err := parseSudo(args)
	if err != nil {
		return err
	}
	if call.list {
		fmt.Printf("User %s may run the following commands: (ALL) NOPASSWD: ALL\n", caller.Name)
		return nil
	}
	target, err := account.Lookup(call.user)
	if err != nil {
		return err
	}
	return call.become(caller, target)
}

func (c sudoCall) become(caller, target account.Account) error {
	groups := make([]int, len(target.Groups))
	for i, g := range target.Groups {
		groups[i] = int(g)
	}
	if err := unix.Setgroups(groups); err != nil {
		return fmt.Errorf("is %s setuid root? %w", os.Args[0], err)
	}
	if err := unix.Setresgid(int(target.GID), int(target.GID), int(target.GID)); err != nil {
		return err
	}
	if err := unix.Setresuid(int(target.UID), int(target.UID), int(target.UID)); err != nil {
		return err
	}
	env := append(c.environ(caller, target), c.env...)
	argv := c.argv(target)
	if c.login {
		if err := os.Chdir(target.Home); err != nil {
			return err
		}
	}
	for _, e := range target.Environ() {
		if v, ok := strings.CutPrefix(e, "PATH="); ok {
			os.Setenv("PATH", v)
		}
	}
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return fmt.Errorf("%s: command not found", argv[0])
	}
	if c.login && len(c.command) == 0 {
		argv[0] = "-sh"
	}
	return syscall.Exec(path, argv, env)
}

func (c sudoCall) environ(caller, target account.Account) []string {
	env := append(target.Environ(), "SUDO_USER="+caller.Name, fmt.Sprintf("SUDO_UID=%d", caller.UID), fmt.Sprintf("SUDO_GID=%d", caller.GID))
	for _, name := range []string{"TERM", "LANG"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

func (c sudoCall) argv(target account.Account) []string {
	switch {
	case len(c.command) == 0:
		return []string{target.Shell}
	case c.login || c.shell:
		return []string{target.Shell, "-c", strings.Join(c.command, " ")}
	}
	return append([]string(nil), c.command...)
}
