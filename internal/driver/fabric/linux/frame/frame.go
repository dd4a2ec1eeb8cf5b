// Package frame writes the few Ethernet frames that no socket of the kernel
// would send for us: answers to guests that have no address yet, advertisements
// in a router's name, announcements of moved addresses.
//
// It only writes; nothing here parses. The packages dhcp and radv and package
// linux are the callers.
package frame

import (
	"encoding/binary"
	"net"
	"net/netip"
)

// Broadcast is the Ethernet address of everybody.
var Broadcast = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

func ethernet(dst, src net.HardwareAddr, kind uint16) []byte {
	b := make([]byte, 0, 1514)
	b = append(b, dst...)
	b = append(b, src...)
	return binary.BigEndian.AppendUint16(b, kind)
}

// UDP4 is a UDP datagram over IPv4.
func UDP4(dst, src net.HardwareAddr, from, to netip.AddrPort, payload []byte) []byte {
	b := ethernet(dst, src, 0x0800)
	ip := len(b)
	b = append(b, 0x45, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(28+len(payload)))
	b = append(b, 0, 0, 0, 0, 64, 17, 0, 0)
	b = append(b, from.Addr().AsSlice()...)
	b = append(b, to.Addr().AsSlice()...)
	binary.BigEndian.PutUint16(b[ip+10:], ^sum(0, b[ip:ip+20]))
	udp := len(b)
	b = binary.BigEndian.AppendUint16(b, from.Port())
	b = binary.BigEndian.AppendUint16(b, to.Port())
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(payload)))
	b = append(b, 0, 0)
	b = append(b, payload...)
	pseudo := sum(17+uint32(8+len(payload)), b[ip+12:ip+20])
	check := ^sum(uint32(pseudo), b[udp:])
	if check == 0 {
		check = 0xffff // zero means "none" in UDP
	}
	binary.BigEndian.PutUint16(b[udp+6:], check)
	return b
}

// ICMP6 wraps an ICMPv6 message, whose checksum is in place already, with a hop
// limit of 255 as neighbour discovery demands.
func ICMP6(dst, src net.HardwareAddr, from, to netip.Addr, message []byte) []byte {
	b := ethernet(dst, src, 0x86dd)
	b = append(b, 0x60, 0, 0, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(len(message)))
	b = append(b, 58, 255)
	b = append(b, from.AsSlice()...)
	b = append(b, to.AsSlice()...)
	return append(b, message...)
}

// GratuitousARP tells everybody that an IPv4 address is at a MAC now.
func GratuitousARP(mac net.HardwareAddr, a netip.Addr) []byte {
	b := ethernet(Broadcast, mac, 0x0806)
	b = append(b, 0, 1, 8, 0, 6, 4, 0, 1)
	b = append(b, mac...)
	b = append(b, a.AsSlice()...)
	b = append(b, 0, 0, 0, 0, 0, 0)
	return append(b, a.AsSlice()...)
}

// MulticastMAC is where an IPv6 multicast address is heard.
func MulticastMAC(a netip.Addr) net.HardwareAddr {
	b := a.As16()
	return net.HardwareAddr{0x33, 0x33, b[12], b[13], b[14], b[15]}
}

// sum is the one's complement sum of the Internet checksum (RFC 1071).
func sum(s uint32, b []byte) uint16 {
	for ; len(b) > 1; b = b[2:] {
		s += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) == 1 {
		s += uint32(b[0]) << 8
	}
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}
