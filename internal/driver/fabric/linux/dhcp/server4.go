package dhcp

import (
	"log/slog"
	"net"
	"net/netip"
	"sync/atomic"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"
	"github.com/mdlayher/packet"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/frame"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// Server4 answers DHCPv4.
type Server4 struct {
	in  net.PacketConn
	out net.PacketConn // Ethernet frames: most who ask have no address to send to yet
	now atomic.Pointer[directory]
	log *slog.Logger
}

// NewServer4 answers what comes in on UDP port 67 through Ethernet frames on out.
// The caller closes both, which ends Serve.
func NewServer4(in, out net.PacketConn, log *slog.Logger) *Server4 {
	s := &Server4{in: in, out: out, log: log}
	s.Configure(Config{})
	return s
}

// Configure sets what is answered from the next question on.
func (s *Server4) Configure(c Config) { s.now.Store(newDirectory(c)) }

// Serve answers until the socket is closed.
func (s *Server4) Serve() error {
	buf := make([]byte, 4096)
	for {
		n, _, err := s.in.ReadFrom(buf)
		if err != nil {
			return err
		}
		question, err := dhcpv4.FromBytes(buf[:n])
		if err != nil {
			continue // not DHCP; guests may send anything
		}
		s.answer(question)
	}
}

func (s *Server4) answer(q *dhcpv4.DHCPv4) {
	d := s.now.Load()
	a, ok := d.reply4(q)
	if !ok {
		return
	}
	to, mac := destination4(q, a)
	from := netip.AddrPortFrom(address4(a.ServerIdentifier()), dhcpv4.ServerPort)
	b := frame.UDP4(mac, d.MAC, from, netip.AddrPortFrom(to, dhcpv4.ClientPort), a.ToBytes())
	if _, err := s.out.WriteTo(b, &packet.Addr{HardwareAddr: mac}); err != nil {
		s.log.Warn("DHCP answer not sent", "mac", q.ClientHWAddr, "error", err)
	}
}

// destination4 follows RFC 2131, 4.1: to the address the client has, else, if it
// can take that, to the one it gets, else to everybody; refusals to everybody.
func destination4(q, a *dhcpv4.DHCPv4) (netip.Addr, net.HardwareAddr) {
	everybody := netip.AddrFrom4([4]byte{255, 255, 255, 255})
	switch {
	case a.MessageType() == dhcpv4.MessageTypeNak:
		return everybody, frame.Broadcast
	case !q.ClientIPAddr.IsUnspecified():
		return address4(q.ClientIPAddr), q.ClientHWAddr
	case q.IsBroadcast():
		return everybody, frame.Broadcast
	}
	return address4(a.YourIPAddr), q.ClientHWAddr
}

// reply4 is the whole protocol. It gives ok false where silence is right.
func (d *directory) reply4(q *dhcpv4.DHCPv4) (a *dhcpv4.DHCPv4, ok bool) {
	if q.OpCode != dhcpv4.OpcodeBootRequest || q.HWType != iana.HWTypeEthernet || !q.GatewayIPAddr.IsUnspecified() {
		return nil, false
	}
	host := d.hosts[q.ClientHWAddr.String()]
	if host == nil {
		return nil, false
	}
	lease, subnet := d.lease4(host)
	if subnet == nil {
		return nil, false
	}
	kind, ok := d.kind4(q, lease, subnet)
	if !ok {
		return nil, false
	}
	a, err := dhcpv4.NewReplyFromRequest(q, dhcpv4.WithMessageType(kind))
	if err != nil {
		return nil, false
	}
	a.UpdateOption(dhcpv4.OptServerIdentifier(subnet.Service.AsSlice()))
	if kind == dhcpv4.MessageTypeNak {
		return a, true
	}
	if q.MessageType() != dhcpv4.MessageTypeInform {
		a.YourIPAddr = lease.AsSlice()
		a.UpdateOption(dhcpv4.OptIPAddressLeaseTime(LeaseTime))
	}
	d.fill4(a, q, host, subnet)
	return a, true
}

// kind4 is the type of the answer.
func (d *directory) kind4(q *dhcpv4.DHCPv4, lease netip.Addr, s *spec.Subnet) (dhcpv4.MessageType, bool) {
	switch q.MessageType() {
	case dhcpv4.MessageTypeDiscover:
		return dhcpv4.MessageTypeOffer, true
	case dhcpv4.MessageTypeInform:
		return dhcpv4.MessageTypeAck, true
	case dhcpv4.MessageTypeRequest:
		if chosen := q.ServerIdentifier(); chosen != nil && address4(chosen) != s.Service {
			return 0, false // another server's offer was taken
		}
		wanted := q.RequestedIPAddress()
		if wanted == nil || wanted.IsUnspecified() {
			wanted = q.ClientIPAddr
		}
		if address4(wanted) != lease {
			return dhcpv4.MessageTypeNak, true
		}
		return dhcpv4.MessageTypeAck, true
	}
	return 0, false
}

func address4(ip net.IP) netip.Addr {
	a, ok := netip.AddrFromSlice(ip)
	if !ok {
		return netip.IPv4Unspecified()
	}
	return a.Unmap()
}
