// Package account reads the guest's /etc/passwd and /etc/group.
//
// os/user would do, but it caches nothing we need and cannot list a user's
// groups without cgo in one call; this is forty lines. The SSH server and sudo
// call it.
package account

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// Account is a user who may log in.
type Account struct {
	Name        string
	UID, GID    uint32
	Groups      []uint32 // supplementary
	GroupNames  []string
	Home, Shell string
}

// Lookup finds a user by name.
func Lookup(name string) (Account, error) {
	return find("/etc/passwd", "/etc/group", func(f []string) bool { return f[0] == name }, name)
}

// LookupID finds a user by number.
func LookupID(uid int) (Account, error) {
	id := strconv.Itoa(uid)
	return find("/etc/passwd", "/etc/group", func(f []string) bool { return f[2] == id }, id)
}

// In tells whether the user is a member of the named group.
func (a Account) In(group string) bool {
	for _, g := range a.GroupNames {
		if g == group {
			return true
		}
	}
	return false
}

// Credential is what a process of this user runs with.
func (a Account) Credential() *syscall.Credential {
	return &syscall.Credential{Uid: a.UID, Gid: a.GID, Groups: a.Groups}
}

// Environ is the environment of a fresh login.
func (a Account) Environ() []string {
	path := "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
	return []string{"USER=" + a.Name, "LOGNAME=" + a.Name, "HOME=" + a.Home, "SHELL=" + a.Shell, "PATH=" + path}
}

func find(passwd, group string, match func([]string) bool, what string) (Account, error) {
	rows, err := rows(passwd, 7)
	if err != nil {
		return Account{}, err
	}
	for _, f := range rows {
		if !match(f) {
			continue
		}
		uid, err1 := strconv.ParseUint(f[2], 10, 32)
		gid, err2 := strconv.ParseUint(f[3], 10, 32)
		if err1 != nil || err2 != nil {
			return Account{}, fmt.Errorf("%s: user %s has no valid ids", passwd, f[0])
		}
		a := Account{Name: f[0], UID: uint32(uid), GID: uint32(gid), Home: f[5], Shell: f[6]}
		return a.withGroups(group)
	}
	return Account{}, fmt.Errorf("no user %s in %s", what, passwd)
}

func (a Account) withGroups(group string) (Account, error) {
	rows, err := rows(group, 4)
	if err != nil {
		return a, err
	}
	for _, f := range rows {
		for _, member := range strings.Split(f[3], ",") {
			if id, err := strconv.ParseUint(f[2], 10, 32); err == nil && member == a.Name {
				a.Groups = append(a.Groups, uint32(id))
				a.GroupNames = append(a.GroupNames, f[0])
			}
		}
	}
	return a, nil
}

func rows(path string, fields int) ([][]string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var out [][]string
	for line := range strings.Lines(string(b)) {
		if f := strings.Split(strings.TrimSpace(line), ":"); len(f) == fields {
			out = append(out, f)
		}
	}
	return out, nil
}
