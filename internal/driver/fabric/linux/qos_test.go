package linux

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// arrivals counts the datagrams of 1,000 bytes that arrive out of many that are sent at once, far faster than any limit here.
func (w *world) arrivals(from, to *netns.Handle, address netip.Addr, port, sent int) int {
	w.t.Helper()
	var in *net.UDPConn
	must(w.t, to.Do(func() (err error) {
		in, err = net.ListenUDP("udp", &net.UDPAddr{Port: port})
		return err
	}))
	defer in.Close()
	must(w.t, in.SetReadBuffer(16<<20))
	must(w.t, from.Do(func() error {
		out, err := net.DialUDP("udp", nil, &net.UDPAddr{IP: address.AsSlice(), Port: port})
		if err != nil {
			return err
		}
		defer out.Close()
		for range sent {
			if _, err := out.Write(make([]byte, 1000)); err != nil {
				return err
			}
		}
		return nil
	}))
	for count := 0; ; count++ {
		must(w.t, in.SetReadDeadline(time.Now().Add(refusal)))
		if _, err := in.Read(make([]byte, 2000)); err != nil {
			return count
		}
	}
}

// trafficClass sends a datagram that claims none and gives the traffic class it arrives with.
func (w *world) trafficClass(from, to *netns.Handle, address netip.Addr, port int) (class int) {
	w.t.Helper()
	var in net.PacketConn
	must(w.t, to.Do(func() (err error) {
		in, err = net.ListenPacket("udp", netip.AddrPortFrom(address, uint16(port)).String())
		return err
	}))
	defer in.Close()
	send := func() {
		must(w.t, from.Do(func() error {
			out, err := net.Dial("udp", netip.AddrPortFrom(address, uint16(port)).String())
			if err != nil {
				return err
			}
			defer out.Close()
			_, err = out.Write([]byte("x"))
			return err
		}))
	}
	must(w.t, in.SetReadDeadline(time.Now().Add(patience)))
	conn := in.(*net.UDPConn)
	raw, err := conn.SyscallConn()
	must(w.t, err)
	must(w.t, raw.Control(func(fd uintptr) {
		if address.Is4() {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_RECVTOS, 1)
		} else {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS, 1)
		}
	}))
	must(w.t, err)
	send()
	control := make([]byte, 128)
	_, n, _, _, err := conn.ReadMsgUDP(make([]byte, 10), control)
	must(w.t, err)
	messages, err := unix.ParseSocketControlMessage(control[:n])
	must(w.t, err)
	return int(messages[0].Data[0])
}

// Limits in each direction, of bytes and of packets, hold, change on a running port, and go.
func TestLimits(t *testing.T) {
	w := newWorld(t)
	w.network(privateNetwork("n1"))
	w.group(openGroup("g"))
	pa, pb := portOn("n1", "pa", 10, "g"), portOn("n1", "pb", 11, "g")
	a, b := w.guest(pa), w.guest(pb)
	to := b.port.Addresses[0]
	must(t, ping(a.ns, to)) // neighbours are known
	const sent = 1000       // a megabyte, of which a bucket of 128 KiB lets some 125 through at once
	few := func(what string) {
		t.Helper()
		if n := w.arrivals(a.ns, b.ns, to, 5000, sent); n == 0 || n > sent/2 {
			t.Errorf("%s: %d of %d arrived", what, n, sent)
		}
	}
	pa.Generation, pa.QoS.Out = 2, spec.Limit{Bits: 8000}
	w.port(pa)
	few("bytes, leaving")
	pa.Generation, pa.QoS.Out = 3, spec.Limit{Packets: 100}
	w.port(pa)
	few("packets, leaving")
	pa.Generation, pa.QoS.Out = 4, spec.Limit{}
	w.port(pa)
	pb.Generation, pb.QoS.In = 4, spec.Limit{Bits: 8000, BurstBits: 1}
	w.port(pb)
	few("bytes, arriving")
	pb.Generation, pb.QoS.In = 5, spec.Limit{}
	w.port(pb)
	if n := w.arrivals(a.ns, b.ns, to, 5000, 200); n < 190 {
		t.Errorf("without limits %d of 200 arrived", n)
	}
}

// What a guest sends is marked, in both families, whatever it says itself, and its checksum is right.
func TestMark(t *testing.T) {
	w, a, b := pair(t)
	w.group(ingressGroup("gb", 2, anyRule(spec.Ingress, false), anyRule(spec.Ingress, true)))
	mark := 46
	a.port.Generation, a.port.QoS.Mark = 2, &mark
	w.port(a.port)
	for i, to := range b.port.Addresses {
		if got := w.trafficClass(a.ns, b.ns, to, 5000+i); got>>2 != mark {
			t.Errorf("to %s arrives DSCP %d, want %d", to, got>>2, mark)
		}
	}
}

// Floating IPs and the router's own address have limits of their own, outside.
func TestRouterLimits(t *testing.T) {
	w, r, a, b := outsideWorld(t)
	floating := addr("172.24.4.100")
	r.Floating = []spec.FloatingIP{{External: floating, Internal: a.port.Addresses[0]}}
	r.Limits = []spec.AddressLimits{{Address: addr("172.24.4.10"), Out: spec.Limit{Bits: 8000}}, {Address: floating, In: spec.Limit{Bits: 8000}}}
	w.router(r)
	w.reaches(b.ns, outsideAddr, 80)
	w.reaches(w.host, floating, 80)
	for what, n := range map[string]int{"in to the floating IP": w.arrivals(w.host, a.ns, floating, 5000, 1000),
		"out of the gateway": w.arrivals(b.ns, w.outside, outsideAddr, 5001, 1000)} {
		if n == 0 || n > 500 {
			t.Errorf("%s: %d of 1000 arrived", what, n)
		}
	}
	if n := w.arrivals(a.ns, w.outside, outsideAddr, 5002, 200); n < 190 {
		t.Errorf("out of the floating IP, which has no limit: %d of 200 arrived", n)
	}
	r.Generation, r.Limits = 2, nil
	w.router(r)
	if n := w.arrivals(b.ns, w.outside, outsideAddr, 5003, 200); n < 190 {
		t.Errorf("without limits %d of 200 arrived", n)
	}
}

// port makes a port that has a guest anew.
func (w *world) port(p spec.Port) {
	w.t.Helper()
	_, err := w.fabric.EnsurePort(w.t.Context(), p)
	must(w.t, err)
}
