package linux

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// metadataServer answers guests of all networks with one http.Server.
type metadataServer struct {
	http *http.Server
}

// asking is the key of the connection in a request's context.
type asking struct{}

// reply is an agent.HopLimiter.
type reply struct {
	http.ResponseWriter
	conn net.Conn
}

var _ agent.HopLimiter = reply{}

// SetHopLimit holds for what is sent on the connection from now on. Of a socket for both IP versions either option may be the one.
func (a reply) SetHopLimit(hops int) error {
	c, ok := a.conn.(syscall.Conn)
	if !ok {
		return errors.New("the connection has no hop limit")
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var four, six error
	err = raw.Control(func(fd uintptr) {
		four = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_TTL, hops)
		six = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, hops)
	})
	if four == nil || six == nil {
		return err
	}
	return errors.Join(err, four, six)
}

func newMetadataServer(h agent.MetadataHandler, log *slog.Logger) *metadataServer {
	m := &metadataServer{}
	m.http = &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if h == nil {
				http.Error(w, "no metadata here", http.StatusNotFound)
				return
			}
			from, _ := r.Context().Value(asking{}).(guestConn)
			h.ServeMetadata(reply{w, from.Conn}, r, from.port)
		}),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, asking{}, c)
		},
		// A guest can hold a connection, but not for long and not with much.
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: 2 * time.Minute, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return m
}

// serve accepts connections of one network until the listener is closed.
func (m *metadataServer) serve(l net.Listener, portAt func(ifindex int) spec.PortID) error {
	err := m.http.Serve(&guestListener{l, portAt})
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

func (m *metadataServer) close() { m.http.Close() }

// guestListener gives only connections whose port is known.
type guestListener struct {
	net.Listener
	portAt func(ifindex int) spec.PortID
}

type guestConn struct {
	net.Conn
	port spec.PortID
}

func (l *guestListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		mark, err := markOf(c.(syscall.Conn))
		if port := l.portAt(mark & markPort); err == nil && port != "" {
			return guestConn{c, port}, nil
		}
		c.Close()
	}
}

// markOf is the packet mark of the connection's first packet: the bridge set it to the tap
// the packet came from (tcp_fwmark_accept hands it to the socket). What the packet said about itself plays no part.
func markOf(c syscall.Conn) (mark int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	fault := raw.Control(func(fd uintptr) {
		mark, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MARK)
	})
	return mark, errors.Join(fault, err)
}

// portAt finds a network's port by the index of its tap.
func (f *Fabric) portAt(n *network) func(ifindex int) spec.PortID {
	return func(ifindex int) spec.PortID {
		f.mu.Lock()
		defer f.mu.Unlock()
		return n.indexes[ifindex]
	}
}
