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

// listMax is how many items of one list there is room for: a host has far fewer tunnels.
const listMax = 1 << 14

// listen is a session on which the daemon announces one event. More than one would not do: the library stands still for good when
// an event arrives while it asks for the next.
func (d *Daemon) listen(ctx context.Context, event string, room int) (*vici.Session, <-chan vici.Event, error) {
	s, err := d.dial(ctx)
	if err != nil {
		return nil, nil, err
	}
	events := make(chan vici.Event, room)
	s.NotifyEvents(events)
	if err := s.Subscribe(event); err != nil {
		s.Close()
		return nil, nil, fmt.Errorf("charon, %s: %w", event, err)
	}
	return s, events, nil
}

// list has the daemon list something: each item is an event, and all of them come before the answer. (The library's own streaming
// takes the answer first at times, and loses what it has not taken by then.)
func (d *Daemon) list(ctx context.Context, command, event string, each func(name string, m *vici.Message)) error {
	s, events, err := d.listen(ctx, event, listMax)
	if err != nil {
		return err
	}
	defer s.Close()
	if _, err := call(ctx, s, command, nil); err != nil {
		return fmt.Errorf("charon, %s: %w", command, err)
	}
	for {
		select {
		case e, open := <-events:
			if !open {
				return fmt.Errorf("charon, %s: %w", command, net.ErrClosed)
			}
			for _, name := range e.Message.Keys() {
				if inner, is := e.Message.Get(name).(*vici.Message); is {
					each(name, inner)
				}
			}
		default:
			return nil
		}
	}
}
