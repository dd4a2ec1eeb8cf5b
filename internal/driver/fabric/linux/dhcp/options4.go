package dhcp

import (
	"encoding/hex"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// msClasslessRoutes is option 121 under the number old Windows asks for.
const msClasslessRoutes = 249

// fill4 adds what the guest should know.
func (d *directory) fill4(a, q *dhcpv4.DHCPv4, h *spec.NetworkHost, s *spec.Subnet) {
	a.ServerIPAddr = s.Service.AsSlice()
	a.UpdateOption(dhcpv4.OptSubnetMask(net.CIDRMask(s.Prefix.Bits(), 32)))
	a.UpdateOption(dhcpv4.OptBroadcastAddress(lastAddress(s.Prefix).AsSlice()))
	if s.Gateway.Is4() {
		a.UpdateOption(dhcpv4.OptRouter(s.Gateway.AsSlice()))
	}
	if servers := s.Nameservers(d.NoDNS); len(servers) > 0 {
		a.UpdateOption(dhcpv4.OptDNS(ips(servers)...))
	}
	if domain := trimDomain(d.Domain); domain != "" {
		a.UpdateOption(dhcpv4.OptDomainName(domain))
	}
	if h.Hostname != "" {
		a.UpdateOption(dhcpv4.OptHostName(h.Hostname))
	}
	if d.MTU > 0 {
		a.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionInterfaceMTU, []byte{byte(d.MTU >> 8), byte(d.MTU)}))
	}
	routes := dhcpv4.OptClasslessStaticRoute(d.routes4(s)...)
	a.UpdateOption(routes)
	if q.IsOptionRequested(dhcpv4.GenericOptionCode(msClasslessRoutes)) {
		a.UpdateOption(dhcpv4.OptGeneric(dhcpv4.GenericOptionCode(msClasslessRoutes), routes.Value.ToBytes()))
	}
	extra4(a, h.Options)
}

// routes4 repeats the default route: who reads option 121 ignores the router
// option (RFC 3442).
func (d *directory) routes4(s *spec.Subnet) []*dhcpv4.Route {
	var out []*dhcpv4.Route
	add := func(p netip.Prefix, via netip.Addr) {
		dest := net.IPNet{IP: p.Masked().Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), 32)}
		out = append(out, &dhcpv4.Route{Dest: &dest, Router: via.AsSlice()})
	}
	if d.Metadata.Is4() {
		add(netip.PrefixFrom(d.Metadata, 32), s.Service)
	}
	for _, r := range s.Routes {
		if r.Destination.Addr().Is4() && r.NextHop.Is4() {
			add(r.Destination, r.NextHop)
		}
	}
	if s.Gateway.Is4() {
		if !s.Prefix.Contains(s.Gateway) { // on the link all the same (RFC 3442: by way of 0.0.0.0)
			add(netip.PrefixFrom(s.Gateway, 32), netip.IPv4Unspecified())
		}
		add(netip.PrefixFrom(netip.IPv4Unspecified(), 0), s.Gateway)
	}
	return out
}

// optionNames are dnsmasq's names, which OpenStack's users know.
var optionNames = map[string]uint8{
	"netmask": 1, "time-offset": 2, "router": 3, "dns-server": 6, "log-server": 7, "lpr-server": 9, "hostname": 12,
	"boot-file-size": 13, "domain-name": 15, "swap-server": 16, "root-path": 17, "extension-path": 18,
	"ip-forward-enable": 19, "mtu": 26, "broadcast": 28, "static-route": 33, "ntp-server": 42, "vendor-encap": 43,
	"netbios-ns": 44, "netbios-dd": 45, "netbios-nodetype": 46, "x-windows-fs": 48, "x-windows-dm": 49,
	"server-identifier": 54, "T1": 58, "T2": 59, "vendor-class": 60, "nis+-domain": 64, "nis+-server": 65,
	"tftp-server": 66, "tftp-server-name": 66, "bootfile-name": 67, "smtp-server": 69, "pop3-server": 70,
	"irc-server": 74, "user-class": 77, "client-arch": 93, "client-interface-id": 94, "posix-timezone": 100,
	"tzdb-timezone": 101, "domain-search": 119, "sip-server": 120, "classless-static-route": 121,
	"tftp-server-address": 150, "path-prefix": 210, "server-ip-address": 255,
}

// nextServer is no option but a field of the header, under a number of ours.
const nextServer = 255

// extra4 sets a port's own options over ours; an empty value takes one away.
func extra4(a *dhcpv4.DHCPv4, options []spec.DHCPOption) {
	for _, o := range options {
		if o.Version == 6 {
			continue
		}
		number, ok := optionNumber(o.Name)
		if !ok {
			continue
		}
		code := dhcpv4.GenericOptionCode(number)
		switch {
		case number == nextServer:
			if ip := net.ParseIP(o.Value).To4(); ip != nil {
				a.ServerIPAddr = ip
			}
		case o.Value == "":
			a.Options.Del(code)
		default:
			a.UpdateOption(dhcpv4.OptGeneric(code, optionValue(number, o.Value)))
			if number == 67 {
				a.BootFileName = o.Value // for firmware that reads only the BOOTP header
			}
		}
	}
}

func optionNumber(name string) (uint8, bool) {
	name = strings.TrimPrefix(name, "option:")
	if n, ok := optionNames[name]; ok {
		return n, true
	}
	n, err := strconv.ParseUint(name, 10, 8)
	return uint8(n), err == nil && n > 0 && n < 255
}

// optionValue writes addresses where the value is a list of them, numbers in the
// width the option has, hexadecimal (aa:bb:cc), else the text itself.
func optionValue(number uint8, value string) []byte {
	if b, ok := addressList(value); ok && number != 66 && number != 67 {
		return b
	}
	width := map[uint8]int{2: 4, 13: 2, 19: 1, 26: 2, 46: 1, 58: 4, 59: 4}[number]
	if n, err := strconv.ParseInt(value, 10, 64); err == nil && width > 0 {
		b := make([]byte, width)
		for i := range b {
			b[width-1-i] = byte(n >> (8 * i))
		}
		return b
	}
	if b, err := hex.DecodeString(strings.ReplaceAll(value, ":", "")); err == nil && strings.Contains(value, ":") {
		return b
	}
	return []byte(value)
}

func addressList(value string) ([]byte, bool) {
	var b []byte
	for _, word := range strings.Split(value, ",") {
		a, err := netip.ParseAddr(strings.TrimSpace(word))
		if err != nil || !a.Is4() {
			return nil, false
		}
		b = append(b, a.AsSlice()...)
	}
	return b, true
}

func lastAddress(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(b)
}

func ips(addresses []netip.Addr) []net.IP {
	out := make([]net.IP, len(addresses))
	for i, a := range addresses {
		out[i] = a.AsSlice()
	}
	return out
}
