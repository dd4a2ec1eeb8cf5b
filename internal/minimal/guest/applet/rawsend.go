package applet

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// frame is what rawsend sends: every field may be a lie, which is the point.
type frame struct {
	srcMAC, dstMAC net.HardwareAddr
	srcIP, dstIP   netip.Addr
	kind           string
	srcPort        uint16
	dstPort        uint16
	payload        []byte
}

// rawsend sends Ethernet frames as given, to see whether a cloud lets spoofed
// ones pass. Root only.
func rawsend(_ string, args []string, out io.Writer) error {
	fs := flag.NewFlagSet("rawsend", flag.ContinueOnError)
	link := fs.String("i", "eth0", "link to send on")
	srcMAC := fs.String("src-mac", "", "source MAC (default: the link's)")
	dstMAC := fs.String("dst-mac", "ff:ff:ff:ff:ff:ff", "destination MAC")
	srcIP := fs.String("src-ip", "", "source address")
	dstIP := fs.String("dst-ip", "", "destination address")
	kind := fs.String("type", "udp", "udp, icmp (echo request), arp-request, arp-reply or raw")
	srcPort := fs.Uint("sport", 40000, "source port of udp")
	dstPort := fs.Uint("dport", 9, "destination port of udp")
	data := fs.String("data", "rawsend", "payload of udp and icmp; for raw: everything after the MACs in hexadecimal")
	count := fs.Int("c", 1, "how many")
	interval := fs.Duration("interval", 100*time.Millisecond, "pause between two")
	if err := fs.Parse(args); err != nil {
		return exitCode(1)
	}
	ifi, err := net.InterfaceByName(*link)
	if err != nil {
		return err
	}
	f := frame{srcMAC: ifi.HardwareAddr, kind: *kind, srcPort: uint16(*srcPort), dstPort: uint16(*dstPort), payload: []byte(*data)}
	if err := f.setAddresses(*srcMAC, *dstMAC, *srcIP, *dstIP); err != nil {
		return err
	}
	b, err := f.encode()
	if err != nil {
		return err
	}
	if err := sendFrames(ifi.Index, b, *count, *interval); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "sent %d frames of %d bytes on %s\n", *count, len(b), *link)
	return err
}

func (f *frame) setAddresses(srcMAC, dstMAC, srcIP, dstIP string) (err error) {
	if srcMAC != "" {
		if f.srcMAC, err = net.ParseMAC(srcMAC); err != nil {
			return err
		}
	}
	if f.dstMAC, err = net.ParseMAC(dstMAC); err != nil || f.kind == "raw" {
		return err
	}
	if f.srcIP, err = netip.ParseAddr(srcIP); err != nil {
		return fmt.Errorf("-src-ip: %w", err)
	}
	if f.dstIP, err = netip.ParseAddr(dstIP); err != nil {
		return fmt.Errorf("-dst-ip: %w", err)
	}
	if f.srcIP.Is4() != f.dstIP.Is4() {
		return errors.New("-src-ip and -dst-ip are of different families")
	}
	return nil
}

func (f frame) encode() ([]byte, error) {
	b := append(append([]byte{}, f.dstMAC...), f.srcMAC...)
	switch f.kind {
	case "raw":
		rest, err := hex.DecodeString(string(f.payload))
		return append(b, rest...), err
	case "arp-request", "arp-reply":
		if !f.srcIP.Is4() {
			return nil, errors.New("ARP is for IPv4")
		}
		return append(b, f.arp()...), nil
	case "udp", "icmp":
		if f.srcIP.Is4() {
			return append(append(b, 0x08, 0x00), f.ipv4()...), nil
		}
		return append(append(b, 0x86, 0xDD), f.ipv6()...), nil
	}
	return nil, fmt.Errorf("unknown type %q", f.kind)
}

func (f frame) arp() []byte {
	op := byte(1)
	target := make(net.HardwareAddr, 6)
	if f.kind == "arp-reply" {
		op, target = 2, f.dstMAC
	}
	b := []byte{0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, op}
	b = append(append(b, f.srcMAC...), f.srcIP.AsSlice()...)
	return append(append(b, target...), f.dstIP.AsSlice()...)
}

func (f frame) ipv4() []byte {
	proto, body := f.transport()
	h := make([]byte, 20)
	h[0], h[8], h[9] = 0x45, 64, proto
	binary.BigEndian.PutUint16(h[2:], uint16(20+len(body)))
	copy(h[12:], f.srcIP.AsSlice())
	copy(h[16:], f.dstIP.AsSlice())
	binary.BigEndian.PutUint16(h[10:], checksum(h))
	return append(h, body...)
}

func (f frame) ipv6() []byte {
	proto, body := f.transport()
	h := make([]byte, 40)
	h[0], h[6], h[7] = 0x60, proto, 64
	binary.BigEndian.PutUint16(h[4:], uint16(len(body)))
	copy(h[8:], f.srcIP.AsSlice())
	copy(h[24:], f.dstIP.AsSlice())
	return append(h, body...)
}

const (
	protoICMP   = 1
	protoUDP    = 17
	protoICMPv6 = 58
)

func (f frame) transport() (proto byte, body []byte) {
	body = make([]byte, 8, 8+len(f.payload))
	body = append(body, f.payload...)
	at := 6
	if f.kind == "udp" {
		proto = protoUDP
		binary.BigEndian.PutUint16(body[0:], f.srcPort)
		binary.BigEndian.PutUint16(body[2:], f.dstPort)
		binary.BigEndian.PutUint16(body[4:], uint16(len(body)))
	} else {
		at = 2
		proto, body[0] = protoICMP, 8
		if f.srcIP.Is6() {
			proto, body[0] = protoICMPv6, 128
		}
		binary.BigEndian.PutUint16(body[6:], 1)
	}
	sum := body
	if proto != protoICMP {
		sum = append(f.pseudoHeader(proto, len(body)), body...)
	}
	binary.BigEndian.PutUint16(body[at:], checksum(sum))
	return proto, body
}

func (f frame) pseudoHeader(proto byte, length int) []byte {
	b := append(f.srcIP.AsSlice(), f.dstIP.AsSlice()...)
	return append(b, 0, 0, byte(length>>8), byte(length), 0, 0, 0, proto)
}

// checksum is the Internet checksum (RFC 1071).
func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i < len(b); i += 2 {
		sum += uint32(b[i]) << 8
		if i+1 < len(b) {
			sum += uint32(b[i+1])
		}
	}
	for sum > 0xFFFF {
		sum = sum>>16 + sum&0xFFFF
	}
	return ^uint16(sum)
}

func sendFrames(ifindex int, b []byte, count int, interval time.Duration) error {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open a packet socket (root only): %w", err)
	}
	defer unix.Close(fd)
	to := &unix.SockaddrLinklayer{Ifindex: ifindex, Halen: 6}
	copy(to.Addr[:], b[:6])
	for i := range count {
		if i > 0 {
			time.Sleep(interval) // the user asked for this pause
		}
		if err := unix.Sendto(fd, b, 0, to); err != nil {
			return fmt.Errorf("send: %w", err)
		}
	}
	return nil
}
