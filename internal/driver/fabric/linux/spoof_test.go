package linux

import (
	"bytes"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/mdlayher/ndp"
	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/frame"
)

// spoof is who a frame says it is from.
type spoof struct {
	mac       net.HardwareAddr
	v4, v6    netip.Addr
	linkLocal netip.Addr
}

// forgery builds a frame from a claimed sender.
type forgery struct {
	uses  string // which address of the claim it carries: v4, v6
	frame func(s spoof, to net.HardwareAddr) []byte
	// rogue frames are wrong whoever sends them.
	rogue []byte
}

func spoofs() map[string]forgery {
	udp := func(s spoof, to net.HardwareAddr) []byte {
		return frame.UDP4(to, s.mac, netip.AddrPortFrom(s.v4, 1000), netip.MustParseAddrPort("10.0.0.11:2000"), []byte("forged "+s.v4.String()+s.mac.String()))
	}
	return map[string]forgery{
		"IPv4": {uses: "v4", frame: udp},
		"ARP": {uses: "v4", frame: func(s spoof, to net.HardwareAddr) []byte {
			return frame.GratuitousARP(s.mac, s.v4)
		}},
		"IPv6": {uses: "v6", frame: func(s spoof, to net.HardwareAddr) []byte {
			return advertisement(s.mac, s.v6, s.v6, to)
		}},
		"advertisement": {uses: "v6", frame: func(s spoof, to net.HardwareAddr) []byte {
			return advertisement(s.mac, s.linkLocal, s.v6, to)
		}},
		"DHCP server": {uses: "v4", rogue: []byte("rogue offer"), frame: func(s spoof, to net.HardwareAddr) []byte {
			return frame.UDP4(to, s.mac, netip.AddrPortFrom(s.v4, 67), netip.MustParseAddrPort("10.0.0.11:68"), []byte("rogue offer"))
		}},
		"router advertisement": {uses: "v6", rogue: []byte{134, 0}, frame: func(s spoof, to net.HardwareAddr) []byte {
			m, _ := ndp.MarshalMessageChecksum(&ndp.RouterAdvertisement{RouterLifetime: time.Hour}, s.linkLocal, everyNode)
			return frame.ICMP6(to, s.mac, s.linkLocal, everyNode, m)
		}},
	}
}

func advertisement(mac net.HardwareAddr, from, target netip.Addr, to net.HardwareAddr) []byte {
	m, _ := ndp.MarshalMessageChecksum(&ndp.NeighborAdvertisement{TargetAddress: target, Override: true}, from, everyNode)
	return frame.ICMP6(to, mac, from, everyNode, m)
}

// tag is what tells the frame from others on the wire: all of it but its destination.
func (s spoof) tag(f forgery) []byte { return f.frame(s, make(net.HardwareAddr, 6))[6:] }

// lies are the true sender with one thing wrong; for rogue frames nothing need be.
func (s spoof) lies(f forgery) map[string]spoof {
	if f.rogue != nil {
		return map[string]spoof{"intention": s}
	}
	mac, address := s, s
	mac.mac = net.HardwareAddr{0xfa, 0x16, 0x3e, 9, 9, 9}
	address.v4, address.v6 = netip.MustParseAddr("10.0.0.99"), netip.MustParseAddr("fd00:1::99")
	return map[string]spoof{"MAC": mac, "address": address}
}

// ear hears every frame a guest gets.
type ear struct{ frames chan []byte }

func listenFrames(t *testing.T, g *guest) *ear {
	t.Helper()
	var conn *packet.Conn
	must(t, g.ns.Do(func() error {
		link, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		conn, err = packet.Listen(link, packet.Raw, unix.ETH_P_ALL, nil)
		return err
	}))
	t.Cleanup(func() { conn.Close() })
	must(t, conn.SetPromiscuous(true))
	e := &ear{frames: make(chan []byte, 1000)}
	go func() {
		buf := make([]byte, 4096)
		for {
			n, _, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			e.frames <- bytes.Clone(buf[:n])
		}
	}()
	return e
}

// hears waits for a frame that contains tag.
func (e *ear) hears(tag []byte, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case f := <-e.frames:
			if bytes.Contains(f, tag) {
				return true
			}
		case <-timer.C:
			return false
		}
	}
}
