package charon

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/strongswan/govici/vici"
)

const socketName = "charon.vici"

// callMax bounds one question to the daemon.
const callMax = 5 * time.Second

// dial connects to the daemon. The directory is opened first: the path of a socket must be short, ours may be long.
func (d *Daemon) dial(ctx context.Context) (*vici.Session, error) {
	dir, err := os.Open(d.run())
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	path := fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), socketName)
	return vici.NewSession(vici.WithDialContext(func(context.Context, string, string) (net.Conn, error) {
		return (&net.Dialer{Timeout: callMax}).DialContext(ctx, "unix", path)
	}))
}

// answers tells whether the daemon is there.
func (d *Daemon) answers(ctx context.Context) bool {
	s, err := d.dial(ctx)
	if err != nil {
		return false
	}
	defer s.Close()
	_, err = call(ctx, s, "version", nil)
	return err == nil
}

func call(ctx context.Context, s *vici.Session, command string, in any) (*vici.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, callMax)
	defer cancel()
	var m *vici.Message
	if in != nil {
		var err error
		if m, err = vici.MarshalMessage(in); err != nil {
			return nil, err
		}
	}
	return s.Call(ctx, command, m)
}
