package qmp

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// ErrClosed is returned when the connection has ended, by whichever side. The
// command may or may not have been carried out.
var ErrClosed = errors.New("qmp: connection closed")

// Error is QEMU saying no.
type Error struct {
	Command string
	Class   string // "GenericError", "DeviceNotFound", "CommandNotFound", ...
	Desc    string // for operators
}

func (e *Error) Error() string { return e.Command + ": " + e.Desc }

// IsClass reports whether err is QEMU's refusal of that class.
func IsClass(err error, class string) bool {
	var e *Error
	return errors.As(err, &e) && e.Class == class
}

// Event is something that happened in QEMU.
type Event struct {
	Name string
	Data json.RawMessage
	At   time.Time
}

// Version is that of the QEMU process at the other end.
type Version struct {
	Major, Minor, Micro int
	Package             string
}

func (v Version) String() string { return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Micro) }

// Client is one connection to a monitor, safe for many goroutines.
type Client struct {
	conn    *net.UnixConn
	version Version
	handler func(Event)

	write sync.Mutex // keeps a command's bytes and descriptor together

	mu      sync.Mutex
	next    uint64
	waiting map[uint64]chan reply
	taps    map[*listener]struct{}
	closed  bool
	done    chan struct{}
}

type reply struct {
	value json.RawMessage
	err   *wireError
}

type wireError struct {
	Class string `json:"class"`
	Desc  string `json:"desc"`
}

type message struct {
	QMP *struct {
		Version struct {
			QEMU    struct{ Major, Minor, Micro int } `json:"qemu"`
			Package string                            `json:"package"`
		} `json:"version"`
	} `json:"QMP"`
	Event     string          `json:"event"`
	Data      json.RawMessage `json:"data"`
	Timestamp struct {
		Seconds      int64 `json:"seconds"`
		Microseconds int64 `json:"microseconds"`
	} `json:"timestamp"`
	Return json.RawMessage `json:"return"`
	Error  *wireError      `json:"error"`
	ID     json.RawMessage `json:"id"`
}

// New takes over a connection to a monitor: it waits for the greeting and leaves
// negotiation mode. handler sees every event, in order, before the reply to a
// command sent earlier; it must neither block nor call Execute. On failure the
// connection is closed.
func New(ctx context.Context, conn *net.UnixConn, handler func(Event)) (*Client, error) {
	c := &Client{conn: conn, handler: handler, waiting: map[uint64]chan reply{},
		taps: map[*listener]struct{}{}, done: make(chan struct{})}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	in := bufio.NewReaderSize(conn, 64<<10)
	if err := c.greet(in); err != nil {
		conn.Close()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, err
	}
	stop()
	go c.read(in)
	if err := c.Execute(ctx, "qmp_capabilities", nil, nil); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Client) greet(in *bufio.Reader) error {
	line, err := in.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("%w before the greeting: %v", ErrClosed, err)
	}
	var m message
	if err := json.Unmarshal(line, &m); err != nil || m.QMP == nil {
		return fmt.Errorf("qmp: not a greeting: %.80q", line)
	}
	v := m.QMP.Version
	c.version = Version{v.QEMU.Major, v.QEMU.Minor, v.QEMU.Micro, v.Package}
	return nil
}

// Version is what the greeting said.
func (c *Client) Version() Version { return c.version }

// Done is closed when the connection has ended.
func (c *Client) Done() <-chan struct{} { return c.done }

// Close ends the connection; QEMU goes on. It may be called twice.
func (c *Client) Close() error { return c.conn.Close() }

func (c *Client) read(in *bufio.Reader) {
	defer c.end()
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(line, &m) != nil {
			return // a monitor that does not speak JSON is not one
		}
		c.dispatch(m)
	}
}

func (c *Client) dispatch(m message) {
	if m.Event != "" {
		c.event(Event{Name: m.Event, Data: m.Data,
			At: time.Unix(m.Timestamp.Seconds, m.Timestamp.Microseconds*1000)})
		return
	}
	id, err := strconv.ParseUint(string(m.ID), 10, 64)
	if err != nil {
		return
	}
	c.mu.Lock()
	ch := c.waiting[id]
	delete(c.waiting, id)
	c.mu.Unlock()
	if ch != nil {
		ch <- reply{m.Return, m.Error}
	}
}

func (c *Client) end() {
	c.conn.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	close(c.done)
}

// Execute runs a command and decodes its result into out, unless that is nil.
// If ctx ends first the command may still be carried out.
func (c *Client) Execute(ctx context.Context, command string, args, out any) error {
	return c.execute(ctx, command, args, nil, out)
}

// ExecuteFile is Execute with a file descriptor that QEMU receives a copy of
// (getfd, add-fd, add_client). The caller still closes file.
func (c *Client) ExecuteFile(ctx context.Context, command string, args any, file *os.File, out any) error {
	return c.execute(ctx, command, args, file, out)
}

func (c *Client) execute(ctx context.Context, command string, args any, file *os.File, out any) error {
	id, ch, err := c.expect()
	if err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	defer c.forget(id)
	if err := c.send(id, command, args, file); err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	select {
	case r := <-ch:
		return r.decode(command, out)
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", command, ctx.Err())
	case <-c.done:
		select { // the reply may have been the last thing read
		case r := <-ch:
			return r.decode(command, out)
		default:
			return fmt.Errorf("%s: %w", command, ErrClosed)
		}
	}
}

func (r reply) decode(command string, out any) error {
	if r.err != nil {
		return &Error{Command: command, Class: r.err.Class, Desc: r.err.Desc}
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(r.value, out); err != nil {
		return fmt.Errorf("%s: result: %w", command, err)
	}
	return nil
}

func (c *Client) expect() (uint64, chan reply, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return 0, nil, ErrClosed
	}
	c.next++
	ch := make(chan reply, 1)
	c.waiting[c.next] = ch
	return c.next, ch, nil
}

func (c *Client) forget(id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, id)
}

func (c *Client) send(id uint64, command string, args any, file *os.File) error {
	line, err := json.Marshal(struct {
		Execute   string `json:"execute"`
		Arguments any    `json:"arguments,omitempty"`
		ID        uint64 `json:"id"`
	}{command, args, id})
	if err != nil {
		return err
	}
	line = append(line, '\n')
	c.write.Lock()
	defer c.write.Unlock()
	if file == nil {
		_, err = c.conn.Write(line)
	} else {
		err = c.sendFile(line, file)
	}
	if err != nil {
		return fmt.Errorf("%w: %v", ErrClosed, err)
	}
	return nil
}

// sendFile passes the descriptor with the first bytes of the line: QEMU keeps it
// until the command that wants it is parsed.
func (c *Client) sendFile(line []byte, file *os.File) error {
	n, _, err := c.conn.WriteMsgUnix(line, unix.UnixRights(int(file.Fd())), nil)
	if err == nil && n < len(line) {
		_, err = c.conn.Write(line[n:])
	}
	return err
}
