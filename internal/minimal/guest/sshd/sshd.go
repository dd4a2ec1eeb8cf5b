// Package sshd is the guest's SSH server: commands, shells with a terminal,
// SFTP, and forwarded TCP connections, for the users of /etc/passwd.
//
// It trusts the keys in the user's ~/.ssh/authorized_keys. Passwords count only
// for a user who has no key: an instance that was given a key does not answer
// to the well-known password of the image. Init starts it.
package sshd

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/nubo-cloud/nubo/internal/minimal/guest/account"
	"github.com/nubo-cloud/nubo/internal/minimal/guest/shadow"
	"golang.org/x/crypto/ssh"
)

// Server answers SSH.
type Server struct {
	HostKeys []ssh.Signer
	Log      func(format string, args ...any)
	// Start starts a process and returns what waits for it; init reaps
	// orphans and must know which children are not orphans.
	Start func(*exec.Cmd) (wait func() error, err error)
	// SFTP is the command that serves SFTP on its standard input and output.
	SFTP []string

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]bool
}

// Close ends the listener and every connection, so that clients notice at once
// that the guest goes down.
func (s *Server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil {
		s.listener.Close()
	}
	for c := range s.conns {
		c.Close()
	}
}

func (s *Server) track(c net.Conn, open bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns == nil {
		s.conns = map[net.Conn]bool{}
	}
	if open {
		s.conns[c] = true
	} else {
		delete(s.conns, c)
	}
}

// Serve answers connections until Close. Call it once.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	s.listener = l
	s.mu.Unlock()
	for {
		conn, err := l.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			s.Log("ssh: %v", err)
			continue
		}
		go s.handle(conn)
	}
}

func (s *Server) handle(conn net.Conn) {
	s.track(conn, true)
	defer s.track(conn, false)
	defer conn.Close()
	// A peer that does not finish the handshake must not stay for ever.
	_ = conn.SetDeadline(time.Now().Add(2 * time.Minute))
	sc, channels, requests, err := ssh.NewServerConn(conn, s.config())
	if err != nil {
		return
	}
	_ = conn.SetDeadline(time.Time{})
	defer sc.Close()
	user, err := account.Lookup(sc.User())
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for c := range channels {
		switch c.ChannelType() {
		case "session":
			go s.session(c, user)
		case "direct-tcpip":
			go forward(c)
		default:
			_ = c.Reject(ssh.UnknownChannelType, "only sessions and forwarded TCP connections are served")
		}
	}
}

func (s *Server) config() *ssh.ServerConfig {
	c := &ssh.ServerConfig{
		ServerVersion:     "SSH-2.0-nubo",
		PublicKeyCallback: allowKey,
		PasswordCallback:  allowPassword,
	}
	for _, k := range s.HostKeys {
		c.AddHostKey(k)
	}
	return c
}

var errDenied = errors.New("denied")

func allowKey(meta ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
	for _, k := range authorized(meta.User()) {
		if bytes.Equal(k.Marshal(), key.Marshal()) {
			return &ssh.Permissions{}, nil
		}
	}
	return nil, errDenied
}

func allowPassword(meta ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
	if len(authorized(meta.User())) == 0 && shadow.Check(meta.User(), string(password)) {
		return &ssh.Permissions{}, nil
	}
	return nil, errDenied
}

// authorized reads the user's keys afresh each time: they may be edited.
func authorized(user string) []ssh.PublicKey {
	a, err := account.Lookup(user)
	if err != nil {
		return nil
	}
	rest, err := os.ReadFile(filepath.Join(a.Home, ".ssh", "authorized_keys"))
	if err != nil {
		return nil
	}
	var out []ssh.PublicKey
	for len(rest) > 0 {
		key, _, _, next, err := ssh.ParseAuthorizedKey(rest)
		if err != nil {
			break
		}
		out, rest = append(out, key), next
	}
	return out
}
