// Package shadow checks and sets passwords in the guest's /etc/shadow, with
// the SHA-256 crypt that BusyBox's login understands.
//
// The SSH server checks with it; init sets the instance's admin password and
// the passwords asked for by cloud-config.
package shadow

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"strings"

	"github.com/GehirnInc/crypt"
	_ "github.com/GehirnInc/crypt/sha256_crypt"
	_ "github.com/GehirnInc/crypt/sha512_crypt"
)

// File is where the hashes are; only tests change it.
var File = "/etc/shadow"

// Check tells whether password is the user's. A user without a usable hash
// ("*", "!" or empty) has no password that is right.
func Check(user, password string) bool {
	b, err := os.ReadFile(File)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(b)) {
		f := strings.SplitN(line, ":", 3)
		if len(f) == 3 && f[0] == user && crypt.IsHashSupported(f[1]) {
			return crypt.NewFromHash(f[1]).Verify(f[1], []byte(password)) == nil
		}
	}
	return false
}

// Set gives user a new password, which may already be a crypt hash ("$5$...").
func Set(user, password string) error {
	hash := password
	if !crypt.IsHashSupported(password) {
		var err error
		if hash, err = generate(password); err != nil {
			return fmt.Errorf("hash the password of %s: %w", user, err)
		}
	}
	return replace(user, hash)
}

func generate(password string) (string, error) {
	raw := make([]byte, 12)
	if _, err := rand.Read(raw); err != nil {
		return "", err
	}
	salt := strings.NewReplacer("+", ".", "=", "").Replace(base64.StdEncoding.EncodeToString(raw))
	return crypt.SHA256.New().Generate([]byte(password), []byte("$5$"+salt))
}

func replace(user, hash string) error {
	b, err := os.ReadFile(File)
	if err != nil {
		return err
	}
	lines := strings.SplitAfter(string(b), "\n")
	for i, line := range lines {
		f := strings.SplitN(line, ":", 3)
		if len(f) == 3 && f[0] == user {
			lines[i] = f[0] + ":" + hash + ":" + f[2]
			// A new file moved over the old: a loss of power must not leave
			// the instance without anybody who can log in.
			if err := os.WriteFile(File+".new", []byte(strings.Join(lines, "")), 0o600); err != nil {
				return err
			}
			return os.Rename(File+".new", File)
		}
	}
	return fmt.Errorf("%s has no user %s", File, user)
}
