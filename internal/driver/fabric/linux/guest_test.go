package linux

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/nclient4"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/agent"
	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// guest is a stand-in: a namespace whose eth0 is wired to the port's tap by a
// pump that does what QEMU does.
type guest struct {
	*world
	port spec.Port
	tap  agent.Tap
	ns   *netns.Handle
	wire *os.File // the port's tap, for frames no kernel would send
}

// guest makes the port and plugs a guest into it.
func (w *world) guest(p spec.Port) *guest {
	w.t.Helper()
	g := w.plug(p)
	must(w.t, g.ns.Do(func() error {
		for _, a := range p.Addresses {
			bits := 24
			if a.Is6() {
				bits = 64
			}
			if err := addressed("eth0", netip.PrefixFrom(a, bits)); err != nil {
				return err
			}
		}
		return nil
	}))
	return g
}

// plug makes the port and a guest without addresses.
func (w *world) plug(p spec.Port) *guest {
	w.t.Helper()
	tap, err := w.fabric.EnsurePort(context.Background(), p)
	must(w.t, err)
	w.guests++
	g := &guest{world: w, port: p, tap: tap, ns: newSpace(w.t, w.name(fmt.Sprintf("guest%d", w.guests)))}
	inside, err := netns.Open(tap.Namespace)
	must(w.t, err)
	defer inside.Close()
	g.wire = openTap(w.t, inside, tap.Name)
	must(w.t, g.ns.Do(func() error {
		return configure(setting{"ipv6/conf/default/accept_dad", "0", true}, setting{"ipv6/conf/default/router_solicitation_delay", "0", true})
	}))
	own := openTap(w.t, g.ns, "eth0")
	must(w.t, g.ns.Do(func() error {
		l, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		mac, _ := parseMAC(p.MAC)
		if err := netlink.LinkSetHardwareAddr(l, mac); err != nil {
			return err
		}
		return netlink.LinkSetUp(l)
	}))
	go pump(g.wire, own)
	go pump(own, g.wire)
	return g
}

func openTap(t *testing.T, ns *netns.Handle, name string) *os.File {
	t.Helper()
	var fd int
	must(t, ns.Do(func() (err error) {
		if fd, err = unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0); err != nil {
			return err
		}
		req, err := unix.NewIfreq(name)
		if err != nil {
			return err
		}
		req.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
		return unix.IoctlIfreq(fd, unix.TUNSETIFF, req)
	}))
	must(t, unix.SetNonblock(fd, true))
	file := os.NewFile(uintptr(fd), name)
	t.Cleanup(func() { file.Close() })
	return file
}

func pump(from, to *os.File) {
	buf := make([]byte, 65536)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		to.Write(buf[:n])
	}
}

// index is that of eth0: names of zones are looked up in the wrong namespace.
func (g *guest) index() (index int) {
	must(g.t, g.ns.Do(func() error {
		l, err := netlink.LinkByName("eth0")
		if err == nil {
			index = l.Attrs().Index
		}
		return err
	}))
	return index
}

// lease asks by DHCP and takes what it gets.
func (g *guest) lease() *dhcpv4.DHCPv4 {
	g.t.Helper()
	ack, err := g.tryLease(patience)
	must(g.t, err)
	must(g.t, g.ns.Do(func() error {
		a := address(ack.YourIPAddr)
		bits, _ := ack.SubnetMask().Size()
		if err := addressed("eth0", netip.PrefixFrom(a, bits)); err != nil {
			return err
		}
		for _, r := range ack.ClasslessStaticRoute() {
			err := netlink.RouteReplace(&netlink.Route{Dst: r.Dest, Gw: r.Router})
			if err != nil {
				return fmt.Errorf("route %v: %w", r, err)
			}
		}
		return nil
	}))
	return ack
}

func (g *guest) tryLease(wait time.Duration) (ack *dhcpv4.DHCPv4, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	var client *nclient4.Client
	err = g.ns.Do(func() error {
		client, err = nclient4.New("eth0", nclient4.WithTimeout(time.Second), nclient4.WithRetry(4))
		return err
	})
	if err != nil {
		return nil, err
	}
	defer client.Close()
	l, err := client.Request(ctx)
	if err != nil {
		return nil, err
	}
	return l.ACK, nil
}

func toDevice(name string) func(string, string, syscall.RawConn) error {
	return func(_, _ string, c syscall.RawConn) error {
		var fault error
		err := c.Control(func(fd uintptr) { fault = unix.BindToDevice(int(fd), name) })
		return errors.Join(err, fault)
	}
}
