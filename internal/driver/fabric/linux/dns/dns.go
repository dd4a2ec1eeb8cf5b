// Package dns answers names on one network: the hosts on it, forwards and backwards,
// by what the network's document says; everything else it asks upstream servers.
//
// It is no cache and no recursive resolver. It opens no sockets: package linux opens
// them inside the network's namespace, and gives a way to dial from the host's.
package dns

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"github.com/nubo-cloud/nubo/internal/spec"
)

const (
	timeToLive      = 60 // seconds; names move with their ports
	upstreamTimeout = 3 * time.Second
)

// Config is what is answered from.
type Config struct {
	Domain  string
	Subnets []spec.Subnet
	Hosts   []spec.NetworkHost
}

// Upstream is where questions about others go.
type Upstream struct {
	// Servers gives "address:port" in order of preference.
	Servers func() []string
	Dial    func(ctx context.Context, network, address string) (net.Conn, error)
}

// Server answers DNS.
type Server struct {
	upstream Upstream
	zone     atomic.Pointer[zone]
	log      *slog.Logger
	slots    chan struct{} // bounds questions under way upstream
}

// New makes a server that knows no names yet.
func New(up Upstream, log *slog.Logger) *Server {
	s := &Server{upstream: up, log: log, slots: make(chan struct{}, 64)}
	s.Configure(Config{})
	return s
}

// Configure sets what is answered from the next question on.
func (s *Server) Configure(c Config) { s.zone.Store(newZone(c)) }

// ServePacket answers on a UDP socket until it is closed.
func (s *Server) ServePacket(conn net.PacketConn) error {
	server := &dns.Server{PacketConn: conn, Handler: s}
	return server.ActivateAndServe()
}

// ServeStream answers on a TCP listener until it is closed.
func (s *Server) ServeStream(l net.Listener) error {
	server := &dns.Server{Listener: l, Handler: s}
	return server.ActivateAndServe()
}

// ServeDNS is dns.Handler.
func (s *Server) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	if len(q.Question) != 1 || q.Opcode != dns.OpcodeQuery {
		refuse(w, q, dns.RcodeNotImplemented)
		return
	}
	if a := s.zone.Load().answer(q); a != nil {
		w.WriteMsg(a)
		return
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
		s.forward(w, q)
	default:
		refuse(w, q, dns.RcodeServerFailure)
	}
}

func (s *Server) forward(w dns.ResponseWriter, q *dns.Msg) {
	network := "udp"
	if _, stream := w.LocalAddr().(*net.TCPAddr); stream {
		network = "tcp"
	}
	servers := s.upstream.Servers()
	for _, server := range servers {
		a, err := s.ask(network, server, q)
		if err == nil {
			w.WriteMsg(a)
			return
		}
		s.log.Debug("upstream DNS did not answer", "server", server, "error", err)
	}
	code := dns.RcodeServerFailure
	if len(servers) == 0 {
		code = dns.RcodeRefused
	}
	if s.zone.Load().within(q.Question[0].Name) {
		code = dns.RcodeNameError
	}
	refuse(w, q, code)
}

func (s *Server) ask(network, server string, q *dns.Msg) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(context.Background(), upstreamTimeout)
	defer cancel()
	conn, err := s.upstream.Dial(ctx, network, server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	client := &dns.Client{Net: network, Timeout: upstreamTimeout, UDPSize: dns.MaxMsgSize}
	a, _, err := client.ExchangeWithConnContext(ctx, q, &dns.Conn{Conn: conn, UDPSize: dns.MaxMsgSize})
	return a, err
}

func refuse(w dns.ResponseWriter, q *dns.Msg, code int) {
	a := new(dns.Msg)
	a.SetRcode(q, code)
	a.RecursionAvailable = true
	w.WriteMsg(a)
}

// zone is a Config ready to be asked.
type zone struct {
	domain  string
	subnets []netip.Prefix
	forward map[string][]netip.Addr
	reverse map[string]string
}

func newZone(c Config) *zone {
	z := &zone{domain: dns.Fqdn(strings.ToLower(strings.Trim(c.Domain, "."))), forward: map[string][]netip.Addr{}, reverse: map[string]string{}}
	for _, s := range c.Subnets {
		z.subnets = append(z.subnets, s.Prefix.Masked())
	}
	for _, h := range c.Hosts {
		if h.Hostname == "" {
			continue
		}
		name := z.name(h.Hostname)
		z.forward[name] = append(z.forward[name], h.Addresses...)
		if also := ownName(h); also != "" && also != name {
			z.forward[also] = append(z.forward[also], h.Addresses...)
		}
		for _, a := range h.Addresses {
			if r, err := dns.ReverseAddr(a.String()); err == nil {
				z.reverse[r] = name
			}
		}
	}
	return z
}

// ownName is a host's name below its own domain, empty if it has none.
func ownName(h spec.NetworkHost) string {
	if h.Domain == "" {
		return ""
	}
	return dns.Fqdn(strings.ToLower(strings.Trim(h.Hostname, ".") + "." + strings.Trim(h.Domain, ".")))
}

func (z *zone) name(host string) string {
	host = strings.ToLower(strings.Trim(host, "."))
	if z.domain == "." || strings.HasSuffix(host, "."+strings.TrimSuffix(z.domain, ".")) {
		return dns.Fqdn(host)
	}
	return host + "." + z.domain
}

// answer is what we know ourselves; nil sends the question upstream.
func (z *zone) answer(q *dns.Msg) *dns.Msg {
	question := q.Question[0]
	name := strings.ToLower(question.Name)
	a := new(dns.Msg)
	a.SetReply(q)
	a.Authoritative, a.RecursionAvailable = true, true
	if addresses, ok := z.forward[name]; ok {
		a.Answer = records(question, addresses)
		return a
	}
	if target, ok := z.reverse[name]; ok {
		if question.Qtype == dns.TypePTR || question.Qtype == dns.TypeANY {
			a.Answer = []dns.RR{&dns.PTR{Hdr: header(question, dns.TypePTR), Ptr: target}}
		}
		return a
	}
	if z.ownReverse(name) {
		a.Rcode = dns.RcodeNameError // nobody upstream knows our addresses
		return a
	}
	return nil
}

func records(q dns.Question, addresses []netip.Addr) []dns.RR {
	var out []dns.RR
	for _, addr := range addresses {
		switch {
		case addr.Is4() && (q.Qtype == dns.TypeA || q.Qtype == dns.TypeANY):
			out = append(out, &dns.A{Hdr: header(q, dns.TypeA), A: addr.AsSlice()})
		case addr.Is6() && (q.Qtype == dns.TypeAAAA || q.Qtype == dns.TypeANY):
			out = append(out, &dns.AAAA{Hdr: header(q, dns.TypeAAAA), AAAA: addr.AsSlice()})
		}
	}
	return out
}

func header(q dns.Question, kind uint16) dns.RR_Header {
	return dns.RR_Header{Name: q.Name, Rrtype: kind, Class: dns.ClassINET, Ttl: timeToLive}
}

// within tells whether a name is below the network's domain.
func (z *zone) within(name string) bool {
	return z.domain != "." && dns.IsSubDomain(z.domain, strings.ToLower(name))
}

// ownReverse tells whether a name asks backwards for an address in our private subnets.
func (z *zone) ownReverse(name string) bool {
	a, ok := reverseAddress(name)
	if !ok || !a.IsPrivate() {
		return false
	}
	for _, p := range z.subnets {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// reverseAddress reads 4.3.2.1.in-addr.arpa. and its IPv6 kin.
func reverseAddress(name string) (netip.Addr, bool) {
	if rest, ok := strings.CutSuffix(name, ".in-addr.arpa."); ok {
		parts := strings.Split(rest, ".")
		for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
			parts[i], parts[j] = parts[j], parts[i]
		}
		a, err := netip.ParseAddr(strings.Join(parts, "."))
		return a, err == nil && a.Is4()
	}
	rest, ok := strings.CutSuffix(name, ".ip6.arpa.")
	digits := strings.Split(rest, ".")
	if !ok || len(digits) != 32 {
		return netip.Addr{}, false
	}
	var b strings.Builder
	for i := 31; i >= 0; i-- {
		b.WriteString(digits[i])
		if i%4 == 0 && i > 0 {
			b.WriteByte(':')
		}
	}
	a, err := netip.ParseAddr(b.String())
	return a, err == nil
}
