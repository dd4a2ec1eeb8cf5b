// Package radv sends IPv6 router advertisements on one network: asked for and now and
// then unasked, as RFC 4861 and the network's document say.
//
// Default router is whom an advertisement comes from, and that is a router in
// another namespace. So these are whole frames with the router's link-local address as source,
// without a link-layer option: guests then ask the router itself for its MAC. Without
// a router the source is our own address and the lifetime as a router is zero.
//
// It opens no sockets; package linux does, inside the network's namespace.
package radv

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mdlayher/ndp"
	"github.com/mdlayher/packet"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/frame"
	"github.com/nubo-cloud/nubo/internal/spec"
)

const (
	routerLifetime    = 30 * time.Minute
	validLifetime     = 24 * time.Hour
	preferredLifetime = 4 * time.Hour
	intervalMin       = 150 * time.Second
	intervalMax       = 450 * time.Second
	initialInterval   = 16 * time.Second // RFC 4861: the first three come faster
	initialCount      = 3
)

var allNodes = netip.MustParseAddr("ff02::1")

// Filter lets only router solicitations through to the socket.
var Filter = mustAssemble([]bpf.Instruction{
	bpf.LoadAbsolute{Off: 12, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0x86dd, SkipTrue: 5},
	bpf.LoadAbsolute{Off: 20, Size: 1},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 58, SkipTrue: 3},
	bpf.LoadAbsolute{Off: 54, Size: 1},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 133, SkipTrue: 1},
	bpf.RetConstant{Val: 2048},
	bpf.RetConstant{Val: 0},
})

func mustAssemble(program []bpf.Instruction) []bpf.RawInstruction {
	raw, err := bpf.Assemble(program)
	if err != nil {
		panic(err) // the program is a constant
	}
	return raw
}

// Config is what is advertised.
type Config struct {
	MAC     net.HardwareAddr // our own on the network
	Source  netip.Addr       // our own link-local address
	MTU     int
	Domain  string
	NoDNS   bool // no server of ours is named
	Subnets []spec.Subnet
}

// Server advertises.
type Server struct {
	conn  net.PacketConn
	now   atomic.Pointer[[]advertisement]
	nudge chan struct{}
	log   *slog.Logger
}

// New advertises through a packet socket that passes router solicitations. The
// caller closes it and ends the context of Advertise.
func New(conn net.PacketConn, log *slog.Logger) *Server {
	s := &Server{conn: conn, nudge: make(chan struct{}, 1), log: log}
	s.now.Store(&[]advertisement{})
	return s
}

// Configure sets what is advertised, and says so on the network at once.
func (s *Server) Configure(c Config) {
	all := advertisements(c)
	s.now.Store(&all)
	select {
	case s.nudge <- struct{}{}:
	default:
	}
}

// Listen answers solicitations until the socket is closed.
func (s *Server) Listen() error {
	buf := make([]byte, 2048)
	for {
		n, _, err := s.conn.ReadFrom(buf)
		if errors.Is(err, unix.ENETDOWN) {
			continue // said once when the link goes down; it may come up again
		}
		if err != nil {
			return err
		}
		if n < 62 {
			continue
		}
		to, mac := allNodes, frame.MulticastMAC(allNodes)
		if from := netip.AddrFrom16([16]byte(buf[22:38])); from.IsLinkLocalUnicast() {
			to, mac = from, net.HardwareAddr(append([]byte(nil), buf[6:12]...))
		}
		s.send(to, mac)
	}
}

// Advertise tells everybody, again and again, until the context ends.
func (s *Server) Advertise(ctx context.Context) {
	for sent := 0; ; sent++ {
		wait := intervalMin + rand.N(intervalMax-intervalMin)
		if sent < initialCount {
			wait = initialInterval
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-s.nudge:
			sent = 0
		case <-timer.C:
		}
		timer.Stop()
		s.send(allNodes, frame.MulticastMAC(allNodes))
	}
}

func (s *Server) send(to netip.Addr, mac net.HardwareAddr) {
	for _, a := range *s.now.Load() {
		message, err := ndp.MarshalMessageChecksum(a.message, a.source, to)
		if err != nil {
			s.log.Warn("router advertisement not made", "error", err)
			continue
		}
		b := frame.ICMP6(mac, a.mac, a.source, to, message)
		if _, err := s.conn.WriteTo(b, &packet.Addr{HardwareAddr: mac}); err != nil {
			s.log.Debug("router advertisement not sent", "error", err)
		}
	}
}

// advertisement is one message in the name of one router.
type advertisement struct {
	source  netip.Addr
	mac     net.HardwareAddr
	message *ndp.RouterAdvertisement
}

// advertisements gathers subnets by the router that advertises them.
func advertisements(c Config) []advertisement {
	var all []advertisement
	for _, s := range c.Subnets {
		if !s.Prefix.Addr().Is6() || s.RAMode == spec.RANone {
			continue
		}
		source := c.Source
		if s.RARouter.IsValid() {
			source = s.RARouter
		}
		i := indexOf(all, source)
		if i < 0 {
			all = append(all, blank(c, source, s.RARouter.IsValid()))
			i = len(all) - 1
		}
		add(all[i].message, s, s.Nameservers(c.NoDNS))
	}
	return all
}

func indexOf(all []advertisement, source netip.Addr) int {
	for i, a := range all {
		if a.source == source {
			return i
		}
	}
	return -1
}

func blank(c Config, source netip.Addr, router bool) advertisement {
	m := &ndp.RouterAdvertisement{CurrentHopLimit: 64}
	if router {
		m.RouterLifetime = routerLifetime
	} else {
		m.Options = append(m.Options, &ndp.LinkLayerAddress{Direction: ndp.Source, Addr: c.MAC})
	}
	if c.MTU > 0 {
		m.Options = append(m.Options, ndp.NewMTU(uint32(c.MTU)))
	}
	if domain := strings.Trim(c.Domain, "."); domain != "" {
		m.Options = append(m.Options, &ndp.DNSSearchList{Lifetime: validLifetime, DomainNames: []string{domain}})
	}
	return advertisement{source: source, mac: c.MAC, message: m}
}

func add(m *ndp.RouterAdvertisement, s spec.Subnet, servers []netip.Addr) {
	switch s.RAMode {
	case spec.RAStateful:
		m.ManagedConfiguration, m.OtherConfiguration = true, true
	case spec.RAStateless:
		m.OtherConfiguration = true
	}
	m.Options = append(m.Options, &ndp.PrefixInformation{
		PrefixLength:                   uint8(s.Prefix.Bits()),
		OnLink:                         true,
		AutonomousAddressConfiguration: s.RAMode != spec.RAStateful,
		ValidLifetime:                  validLifetime,
		PreferredLifetime:              preferredLifetime,
		Prefix:                         s.Prefix.Masked().Addr(),
	})
	if len(servers) > 0 {
		m.Options = append(m.Options, &ndp.RecursiveDNSServer{Lifetime: validLifetime, Servers: servers})
	}
	for _, r := range s.Routes {
		if r.Destination.Addr().Is6() && r.NextHop == s.RARouter {
			m.Options = append(m.Options, &ndp.RouteInformation{PrefixLength: uint8(r.Destination.Bits()),
				Prefix: r.Destination.Masked().Addr(), RouteLifetime: routerLifetime})
		}
	}
}
