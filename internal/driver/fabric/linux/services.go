package linux

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"syscall"

	"github.com/mdlayher/packet"
	"github.com/vishvananda/netlink"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/dhcp"
	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/dns"
	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/radv"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// services are what answers guests on one network, on sockets inside its
// namespace. They are made once and told when the document changes.
type services struct {
	dhcp4   *dhcp.Server4
	dhcp6   *dhcp.Server6
	names   *dns.Server
	routers *radv.Server
	bridge  int // index of the bridge the sockets are bound to
	closers []io.Closer
	ctx     context.Context // ends with the services
	cancel  context.CancelFunc
	log     *slog.Logger
}

func (s *services) close() {
	s.cancel()
	for _, c := range s.closers {
		c.Close()
	}
}

// sockets are all a network needs.
type sockets struct {
	dhcp4, dhcp6, dns net.PacketConn
	frames, routers   *packet.Conn
	dnsStream, web    net.Listener
}

// serve starts the services if they are not, and tells them the document. Sockets
// of a bridge that somebody removed are deaf for ever and made anew.
func (f *Fabric) serve(n *network) error {
	index, err := bridgeIndex(n.ns)
	if err != nil {
		return err
	}
	if n.services != nil && n.services.bridge != index {
		n.services.close()
		n.services = nil
	}
	if n.services == nil {
		s, err := f.startServices(n)
		if err != nil {
			return fmt.Errorf("services: %w", err)
		}
		n.services = s
	}
	f.configureServices(n)
	return nil
}

func bridgeIndex(ns *netns.Handle) (index int, err error) {
	err = ns.Do(func() error {
		br, err := netlink.LinkByName(bridgeName)
		if err == nil {
			index = br.Attrs().Index
		}
		return err
	})
	return index, err
}

func (f *Fabric) startServices(n *network) (*services, error) {
	s := &services{log: f.log.With("network", n.id)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	var k sockets
	err := n.ns.Do(func() (err error) {
		k, err = s.open()
		return err
	})
	if err != nil {
		s.close()
		return nil, err
	}
	s.dhcp4 = dhcp.NewServer4(k.dhcp4, k.frames, s.log)
	s.dhcp6 = dhcp.NewServer6(k.dhcp6, s.log)
	s.names = dns.New(dns.Upstream{Servers: f.upstream, Dial: f.dialHost}, s.log)
	s.routers = radv.New(k.routers, s.log)
	f.start(s.until("DHCPv4", s.dhcp4.Serve))
	f.start(s.until("DHCPv6", s.dhcp6.Serve))
	f.start(s.until("DNS", func() error { return s.names.ServePacket(k.dns) }))
	f.start(s.until("DNS over TCP", func() error { return s.names.ServeStream(k.dnsStream) }))
	f.start(s.until("router solicitations", s.routers.Listen))
	f.start(func() { s.routers.Advertise(s.ctx) })
	f.start(s.until("metadata", func() error { return f.metadata.serve(k.web, f.portAt(n)) }))
	return s, nil
}

// until reports a service that ended although nobody closed it.
func (s *services) until(name string, serve func() error) func() {
	return func() {
		if err := serve(); err != nil && s.ctx.Err() == nil {
			s.log.Error("service ended", "service", name, "error", err)
		}
	}
}

// open opens the sockets in the namespace of the current thread.
func (s *services) open() (k sockets, err error) {
	config := net.ListenConfig{Control: onBridge}
	packets := func(network, address string) net.PacketConn {
		if err != nil {
			return nil
		}
		var c net.PacketConn
		if c, err = config.ListenPacket(s.ctx, network, address); err == nil {
			s.closers = append(s.closers, c)
		}
		return c
	}
	listener := func(address string) net.Listener {
		if err != nil {
			return nil
		}
		var l net.Listener
		if l, err = config.Listen(s.ctx, "tcp", address); err == nil {
			s.closers = append(s.closers, l)
		}
		return l
	}
	k.dhcp4 = packets("udp4", "0.0.0.0:67")
	k.dhcp6 = packets("udp6", "[::]:547")
	k.dns = packets("udp", "[::]:53")
	k.dnsStream = listener("[::]:53")
	k.web = listener("[::]:80")
	if err != nil {
		return k, err
	}
	return k, s.openFrames(&k)
}

func (s *services) openFrames(k *sockets) error {
	br, err := net.InterfaceByName(bridgeName)
	if err != nil {
		return err
	}
	s.bridge = br.Index
	group := &net.UDPAddr{IP: net.ParseIP("ff02::1:2")}
	if err := ipv6.NewPacketConn(k.dhcp6).JoinGroup(br, group); err != nil {
		return fmt.Errorf("listen for DHCPv6: %w", err)
	}
	// Protocol 0: this socket only sends.
	if k.frames, err = packet.Listen(br, packet.Raw, 0, nil); err != nil {
		return err
	}
	s.closers = append(s.closers, k.frames)
	k.routers, err = packet.Listen(br, packet.Raw, unix.ETH_P_IPV6, &packet.Config{Filter: radv.Filter})
	if err != nil {
		return err
	}
	s.closers = append(s.closers, k.routers)
	return nil
}

// onBridge ties a socket to the bridge: what comes over other links of the
// namespace is not for it.
func onBridge(_, _ string, c syscall.RawConn) error {
	var fault error
	err := c.Control(func(fd uintptr) {
		fault = errors.Join(
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST, 1),
			unix.BindToDevice(int(fd), bridgeName))
	})
	return errors.Join(err, fault)
}

// configureServices hands the document to running services.
func (f *Fabric) configureServices(n *network) {
	if n.services == nil {
		return
	}
	doc := f.servedDocument(n)
	mac := bridgeMAC(doc.ID)
	leases := dhcp.Config{MAC: mac, MTU: mtu(doc), Domain: doc.Domain, NoDNS: doc.NoDNS, Subnets: doc.Subnets, Hosts: doc.Hosts, Metadata: metadataV4}
	n.services.dhcp4.Configure(leases)
	n.services.dhcp6.Configure(leases)
	n.services.names.Configure(dns.Config{Domain: doc.Domain, Subnets: doc.Subnets, Hosts: doc.Hosts})
	n.services.routers.Configure(radv.Config{MAC: mac, Source: metadataV6, MTU: mtu(doc), Domain: doc.Domain, NoDNS: doc.NoDNS, Subnets: doc.Subnets})
}

// servedDocument is the network's document with the ports that are here already but not in it yet, or newer than
// it: a guest's first question may come before the next document.
func (f *Fabric) servedDocument(n *network) spec.Network {
	f.mu.Lock()
	defer f.mu.Unlock()
	doc := n.doc
	hosts := make([]spec.NetworkHost, 0, len(doc.Hosts)+1)
	known := make(map[spec.PortID]bool, len(doc.Hosts))
	for _, h := range doc.Hosts {
		if p := f.ports[h.Port]; p != nil && p.doc.Generation > doc.Generation {
			continue
		}
		known[h.Port] = true
		hosts = append(hosts, h)
	}
	for _, p := range f.ports {
		if p.doc.Network == n.id && !known[p.doc.ID] {
			hosts = append(hosts, spec.NetworkHost{Port: p.doc.ID, MAC: p.doc.MAC, Hostname: p.doc.Hostname, Domain: p.doc.Domain, Addresses: p.doc.Addresses, Options: p.doc.Options})
		}
	}
	for i := range hosts {
		if hosts[i].Hostname == "" && len(hosts[i].Addresses) > 0 {
			hosts[i].Hostname = "host-" + strings.NewReplacer(".", "-", ":", "-").Replace(hosts[i].Addresses[0].String())
		}
	}
	doc.Hosts = hosts
	return doc
}
