package guest

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/minimal/guest/account"
)

// authorize lets the keys in as root and as the default user. On a new
// instance they replace those of the instance the disk was copied from;
// otherwise they join what the user may have added.
func authorize(keys []string, isNew bool) error {
	return errors.Join(authorizeUser("root", keys, isNew), authorizeUser(defaultUser, keys, isNew))
}

func authorizeUser(name string, keys []string, isNew bool) error {
	a, err := account.Lookup(name)
	if err != nil {
		return err
	}
	dir := filepath.Join(a.Home, ".ssh")
	path := filepath.Join(dir, "authorized_keys")
	var lines []string
	if b, err := os.ReadFile(path); err == nil && !isNew {
		lines = strings.Split(strings.TrimSpace(string(b)), "\n")
	}
	for _, k := range keys {
		if !slices.Contains(lines, k) {
			lines = append(lines, k)
		}
	}
	text := strings.TrimLeft(strings.Join(lines, "\n")+"\n", "\n")
	return errors.Join(
		os.MkdirAll(dir, 0o700),
		os.WriteFile(path, []byte(text), 0o600),
		os.Chown(dir, int(a.UID), int(a.GID)),
		os.Chown(path, int(a.UID), int(a.GID)))
}
