package sshd

import (
	"io"
	"net"
	"strconv"
	"time"

	"golang.org/x/crypto/ssh"
)

// forward joins a direct-tcpip channel (ssh -L, ssh -J) to its destination.
func forward(c ssh.NewChannel) {
	var v struct {
		Host       string
		Port       uint32
		Origin     string
		OriginPort uint32
	}
	if err := ssh.Unmarshal(c.ExtraData(), &v); err != nil {
		_ = c.Reject(ssh.ConnectionFailed, "malformed request")
		return
	}
	conn, err := net.DialTimeout("tcp", net.JoinHostPort(v.Host, strconv.Itoa(int(v.Port))), 30*time.Second)
	if err != nil {
		_ = c.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	defer conn.Close()
	channel, requests, err := c.Accept()
	if err != nil {
		return
	}
	defer channel.Close()
	go ssh.DiscardRequests(requests)
	done := make(chan struct{})
	// Either side may end at any time; that is the end of the forwarding and
	// no error of ours.
	go func() {
		_, _ = io.Copy(conn, channel)
		_ = conn.(*net.TCPConn).CloseWrite()
		close(done)
	}()
	_, _ = io.Copy(channel, conn)
	_ = channel.CloseWrite()
	<-done
}
