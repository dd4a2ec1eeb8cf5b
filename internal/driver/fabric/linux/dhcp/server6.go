package dhcp

import (
	"log/slog"
	"net"
	"net/netip"
	"sync/atomic"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"
	"github.com/insomniacslk/dhcp/rfc1035label"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// Server6 answers DHCPv6, with addresses and without.
type Server6 struct {
	conn net.PacketConn
	now  atomic.Pointer[directory]
	log  *slog.Logger
}

// NewServer6 answers on a UDP socket on port 547 that has joined ff02::1:2. The
// caller closes it, which ends Serve.
func NewServer6(conn net.PacketConn, log *slog.Logger) *Server6 {
	s := &Server6{conn: conn, log: log}
	s.Configure(Config{})
	return s
}

// Configure sets what is answered from the next question on.
func (s *Server6) Configure(c Config) { s.now.Store(newDirectory(c)) }

// Serve answers until the socket is closed.
func (s *Server6) Serve() error {
	buf := make([]byte, 4096)
	for {
		n, from, err := s.conn.ReadFrom(buf)
		if err != nil {
			return err
		}
		question, err := dhcpv6.MessageFromBytes(buf[:n])
		if err != nil {
			continue // not DHCPv6, or relayed: there are no relays on our networks
		}
		answer := s.now.Load().reply6(question, sender(from))
		if answer == nil {
			continue
		}
		if _, err := s.conn.WriteTo(answer.ToBytes(), unzoned(from)); err != nil {
			s.log.Warn("DHCPv6 answer not sent", "to", from, "error", err)
		}
	}
}

// unzoned leaves the link to the socket, which is bound to one: the zone's name
// was looked up in whatever namespace the runtime's cache was filled in.
func unzoned(a net.Addr) net.Addr {
	if u, ok := a.(*net.UDPAddr); ok {
		return &net.UDPAddr{IP: u.IP, Port: u.Port}
	}
	return a
}

func sender(a net.Addr) netip.Addr {
	if u, ok := a.(*net.UDPAddr); ok {
		return u.AddrPort().Addr().WithZone("")
	}
	return netip.Addr{}
}

// reply6 is the whole protocol; nil where silence is right.
func (d *directory) reply6(q *dhcpv6.Message, from netip.Addr) *dhcpv6.Message {
	dns, ok := d.answers6()
	host := d.host6(q, from)
	if !ok || host == nil || !d.forUs(q) {
		return nil
	}
	a := d.blank6(q)
	if a == nil {
		return nil
	}
	d.addresses6(a, q, host)
	if len(dns) > 0 {
		a.UpdateOption(dhcpv6.OptDNS(ips(dns)...))
	}
	if domain := trimDomain(d.Domain); domain != "" {
		a.UpdateOption(dhcpv6.OptDomainSearchList(&rfc1035label.Labels{Labels: []string{domain}}))
	}
	extra6(a, host.Options)
	return a
}

// host6 finds who asks: a link-local address made of the MAC (anti-spoofing lets no other
// through), else the MAC inside the DUID.
func (d *directory) host6(q *dhcpv6.Message, from netip.Addr) *spec.NetworkHost {
	if b := from.As16(); from.IsLinkLocalUnicast() && b[11] == 0xff && b[12] == 0xfe {
		mac := net.HardwareAddr{b[8] ^ 2, b[9], b[10], b[13], b[14], b[15]}
		if h := d.hosts[mac.String()]; h != nil {
			return h
		}
	}
	switch duid := q.Options.ClientID().(type) {
	case *dhcpv6.DUIDLL:
		return d.hosts[duid.LinkLayerAddr.String()]
	case *dhcpv6.DUIDLLT:
		return d.hosts[duid.LinkLayerAddr.String()]
	}
	return nil
}

// forUs drops what names another server.
func (d *directory) forUs(q *dhcpv6.Message) bool {
	id := q.Options.ServerID()
	return id == nil || id.Equal(d.duid())
}

func (d *directory) duid() dhcpv6.DUID {
	return &dhcpv6.DUIDLL{HWType: iana.HWTypeEthernet, LinkLayerAddr: d.MAC}
}

// blank6 is the answer without its contents.
func (d *directory) blank6(q *dhcpv6.Message) *dhcpv6.Message {
	server := dhcpv6.WithServerID(d.duid())
	var a *dhcpv6.Message
	var err error
	switch q.MessageType {
	case dhcpv6.MessageTypeSolicit:
		if q.GetOneOption(dhcpv6.OptionRapidCommit) == nil {
			a, err = dhcpv6.NewAdvertiseFromSolicit(q, server)
			break
		}
		a, err = dhcpv6.NewReplyFromMessage(q, server)
	case dhcpv6.MessageTypeRequest, dhcpv6.MessageTypeRenew, dhcpv6.MessageTypeRebind, dhcpv6.MessageTypeConfirm,
		dhcpv6.MessageTypeRelease, dhcpv6.MessageTypeDecline, dhcpv6.MessageTypeInformationRequest:
		a, err = dhcpv6.NewReplyFromMessage(q, server)
	}
	if err != nil {
		return nil
	}
	return a
}

// addresses6 answers each identity association with what the host has; only the
// first gets addresses, as they cannot be in two.
func (d *directory) addresses6(a, q *dhcpv6.Message, h *spec.NetworkHost) {
	leases := d.leases6(h)
	switch q.MessageType {
	case dhcpv6.MessageTypeInformationRequest:
		return
	case dhcpv6.MessageTypeRelease, dhcpv6.MessageTypeDecline:
		a.UpdateOption(&dhcpv6.OptStatusCode{StatusCode: iana.StatusSuccess})
		return
	case dhcpv6.MessageTypeConfirm:
		a.UpdateOption(&dhcpv6.OptStatusCode{StatusCode: confirm(q, leases)})
		return
	}
	for _, asked := range q.Options.IANA() {
		given := &dhcpv6.OptIANA{IaId: asked.IaId, T1: LeaseTime / 2, T2: LeaseTime * 4 / 5}
		for _, l := range leases {
			given.Options.Add(&dhcpv6.OptIAAddress{IPv6Addr: l.AsSlice(), PreferredLifetime: LeaseTime, ValidLifetime: LeaseTime})
		}
		if len(leases) == 0 {
			given.Options.Add(&dhcpv6.OptStatusCode{StatusCode: iana.StatusNoAddrsAvail, StatusMessage: "no address here"})
		}
		given.Options.Options = append(given.Options.Options, stale(asked, leases)...)
		a.AddOption(given)
		leases = nil
	}
}

// stale ends addresses the guest still has from another time (lifetime zero).
func stale(asked *dhcpv6.OptIANA, leases []netip.Addr) []dhcpv6.Option {
	var out []dhcpv6.Option
	for _, o := range asked.Options.Addresses() {
		if !contains(leases, o.IPv6Addr) {
			out = append(out, &dhcpv6.OptIAAddress{IPv6Addr: o.IPv6Addr})
		}
	}
	return out
}

func confirm(q *dhcpv6.Message, leases []netip.Addr) iana.StatusCode {
	for _, asked := range q.Options.IANA() {
		for _, o := range asked.Options.Addresses() {
			if !contains(leases, o.IPv6Addr) {
				return iana.StatusNotOnLink
			}
		}
	}
	return iana.StatusSuccess
}

func contains(leases []netip.Addr, ip net.IP) bool {
	for _, l := range leases {
		if ip.Equal(l.AsSlice()) {
			return true
		}
	}
	return false
}
