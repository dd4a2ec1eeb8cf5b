package sshd

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/crypto/ssh"
)

// HostKeys reads the host keys in dir, and makes those that are missing. No RSA
// key is made: it takes seconds without hardware virtualisation, and every
// client of this decade knows the other two.
func HostKeys(dir string) ([]ssh.Signer, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	var out []ssh.Signer
	for _, kind := range []string{"ed25519", "ecdsa"} {
		s, err := hostKey(filepath.Join(dir, "ssh_host_"+kind+"_key"), kind)
		if err != nil {
			return nil, fmt.Errorf("%s host key: %w", kind, err)
		}
		out = append(out, s)
	}
	return out, nil
}

func hostKey(path, kind string) (ssh.Signer, error) {
	b, err := os.ReadFile(path)
	if err == nil {
		if s, err := ssh.ParsePrivateKey(b); err == nil {
			return s, nil
		}
		// A key cut off by a loss of power is made anew.
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return newHostKey(path, kind)
}

func newHostKey(path, kind string) (ssh.Signer, error) {
	key, err := generate(kind)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
		return nil, err
	}
	s, err := ssh.NewSignerFromKey(key)
	if err != nil {
		return nil, err
	}
	return s, os.WriteFile(path+".pub", ssh.MarshalAuthorizedKey(s.PublicKey()), 0o644)
}

func generate(kind string) (crypto.Signer, error) {
	if kind == "ecdsa" {
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return key, err
}

// Forget removes the host keys in dir, so that HostKeys makes new ones.
func Forget(dir string) error {
	old, err := filepath.Glob(filepath.Join(dir, "ssh_host_*"))
	if err != nil {
		return err
	}
	for _, f := range old {
		if err := os.Remove(f); err != nil {
			return err
		}
	}
	return nil
}
