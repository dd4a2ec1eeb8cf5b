package cloudtest

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// Key is a key pair to log in with.
type Key struct {
	Signer     ssh.Signer
	PublicFile string // for openstack keypair create --public-key
}

// NewKey makes a key and writes its public half into dir.
func NewKey(t *testing.T, dir string) Key {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	Check(t, err)
	signer, err := ssh.NewSignerFromKey(private)
	Check(t, err)
	path := dir + "/key.pub"
	Check(t, os.WriteFile(path, ssh.MarshalAuthorizedKey(signer.PublicKey()), 0o644))
	block, err := ssh.MarshalPrivateKey(private, "")
	Check(t, err)
	Check(t, os.WriteFile(dir+"/key", pem.EncodeToMemory(block), 0o600))
	return Key{Signer: signer, PublicFile: path}
}

// User of the minimal image.
const User = "cirros"

// Guest is an SSH connection into a guest.
type Guest struct {
	t      *testing.T
	client *ssh.Client
}

// SSH logs in at an address, waiting as long as a guest may take to boot. via, if not nil, is a
// guest to go through.
func (h *Host) SSH(t *testing.T, address string, key Key, via *Guest) *Guest {
	t.Helper()
	var g *Guest
	Eventually(t, Patience(45*time.Second), func() (err error) {
		g, err = h.TrySSH(t, address, key, via)
		return err
	})
	t.Cleanup(func() { g.client.Close() })
	return g
}

// sshPatience is how long one attempt to log in may take; a packet filter answers nothing at all.
const sshPatience = 8 * time.Second

// TrySSH logs in or says why not, within seconds.
func (h *Host) TrySSH(t *testing.T, address string, key Key, via *Guest) (*Guest, error) {
	ctx, cancel := context.WithTimeout(context.Background(), sshPatience)
	defer cancel()
	target := net.JoinHostPort(address, "22")
	var conn net.Conn
	var err error
	if via == nil {
		conn, err = h.Dial(ctx, "tcp", target)
	} else {
		conn, err = via.client.DialContext(ctx, "tcp", target)
	}
	if err != nil {
		return nil, err
	}
	if via == nil { // channels have no deadlines
		if err := conn.SetDeadline(time.Now().Add(sshPatience)); err != nil {
			return nil, err
		}
	}
	config := &ssh.ClientConfig{User: User, Auth: []ssh.AuthMethod{ssh.PublicKeys(key.Signer)},
		HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: sshPatience}
	c, channels, requests, err := ssh.NewClientConn(conn, target, config)
	if err != nil {
		conn.Close()
		return nil, err
	}
	if via == nil {
		if err := conn.SetDeadline(time.Time{}); err != nil {
			return nil, err
		}
	}
	return &Guest{t: t, client: ssh.NewClient(c, channels, requests)}, nil
}

// Close ends the connection.
func (g *Guest) Close() { g.client.Close() }

// Try runs a command and returns what it printed, or an error after limit.
func (g *Guest) Try(command string, limit time.Duration) (string, error) {
	type answer struct {
		out []byte
		err error
	}
	done := make(chan answer, 1)
	go func() { // whatever waits for a silent guest here ends with the connection
		out, err := g.output(command)
		done <- answer{out, err}
	}()
	select {
	case a := <-done:
		return strings.TrimSpace(string(a.out)), a.err
	case <-time.After(limit):
		return "", fmt.Errorf("%s: no answer within %v", command, limit)
	}
}

func (g *Guest) output(command string) ([]byte, error) {
	s, err := g.client.NewSession()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.CombinedOutput(command)
}

// Run runs a command that must work and returns what it printed.
func (g *Guest) Run(command string) string {
	g.t.Helper()
	out, err := g.Try(command, Patience(10*time.Second))
	if err != nil {
		g.t.Fatalf("in the guest: %s: %v\n%s", command, err, out)
	}
	return out
}

// BootID is another one after each boot.
func (g *Guest) BootID() string {
	g.t.Helper()
	return g.Run("cat /proc/sys/kernel/random/boot_id")
}
