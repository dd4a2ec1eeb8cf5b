// Package netconf configures the guest's network links: DHCPv4, router
// advertisements, DHCPv6 where a router says so, or fixed addresses from the
// instance's metadata.
//
//	Start(eth0) --+-- DHCPv4 or fixed addresses --> address, routes, MTU --+
//	              +-- router advertisement: MTU, DNS (SLAAC: the kernel)   +--> resolv.conf
//	              +-- DHCPv6 when the router's M or O flag is set ---------+
//
// It is not a general network manager: no bonds, bridges or VLANs. Init calls
// it for each link the kernel announces.
package netconf

import (
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Manager owns every link but the loopback. Safe from several goroutines.
type Manager struct {
	log      func(format string, args ...any)
	resolver resolver

	mu     sync.Mutex
	links  map[string]*managed
	fixed  map[string]Fixed // by MAC in lower case
	ready  chan struct{}
	isDone bool
}

type managed struct {
	cancel context.CancelFunc
	renew  chan struct{}
}

// Fixed is a link's configuration that was given instead of DHCP.
type Fixed struct {
	Addresses []netip.Prefix
	Routes    []Route
	DNS       []netip.Addr
	MTU       int
}

// Route leads to a destination; the zero Gateway means on-link.
type Route struct {
	To      netip.Prefix
	Gateway netip.Addr
}

// New makes a manager; log receives one line per event.
func New(log func(format string, args ...any)) *Manager {
	return &Manager{
		log: log, links: map[string]*managed{}, fixed: map[string]Fixed{},
		ready: make(chan struct{}), resolver: resolver{path: "/etc/resolv.conf"},
	}
}

// SetFixed gives addresses per MAC. Links that were started with DHCP before
// that start anew with theirs.
func (m *Manager) SetFixed(ctx context.Context, byMAC map[string]Fixed) {
	for _, name := range m.setFixed(byMAC) {
		m.Stop(name)
		m.Start(ctx, name)
	}
}

// setFixed gives the started links that are concerned.
func (m *Manager) setFixed(byMAC map[string]Fixed) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fixed = byMAC
	var again []string
	for name := range m.links {
		link, err := netlink.LinkByName(name)
		if err != nil {
			continue // unplugged meanwhile
		}
		if _, ok := byMAC[link.Attrs().HardwareAddr.String()]; ok {
			again = append(again, name)
		}
	}
	return again
}

// Ready is closed when the first link has an address that reaches further
// than the link.
func (m *Manager) Ready() <-chan struct{} { return m.ready }

// Loopback brings lo up.
func Loopback() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(lo)
}

// Start brings a link up and configures it until Stop or the end of ctx.
// A link that was started already is left alone.
func (m *Manager) Start(ctx context.Context, name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if name == "lo" || m.links[name] != nil {
		return
	}
	link, err := netlink.LinkByName(name)
	if err != nil {
		m.log("%s: %v", name, err)
		return
	}
	if err := netlink.LinkSetUp(link); err != nil {
		m.log("%s: bring up: %v", name, err)
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	l := &managed{cancel, make(chan struct{}, 1)}
	m.links[name] = l
	m.writePID(name)
	c := &conf{Manager: m, link: link, name: name, renew: l.renew}
	if fixed, ok := m.fixed[link.Attrs().HardwareAddr.String()]; ok {
		go c.applyFixed(fixed)
	} else {
		go c.dhcp4(ctx)
	}
	go c.routers(ctx)
}

// Stop forgets a link that was unplugged.
func (m *Manager) Stop(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if l := m.links[name]; l != nil {
		l.cancel()
		delete(m.links, name)
		m.resolver.forget(name)
	}
}

// Renew asks all DHCP servers again at once.
func (m *Manager) Renew() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range m.links {
		select {
		case l.renew <- struct{}{}:
		default:
		}
	}
}

// writePID lets `kill -USR1 $(cat /var/run/udhcpc.eth0.pid)` renew the lease,
// as test suites do with CirrOS; init takes that signal.
func (m *Manager) writePID(name string) {
	path := filepath.Join("/run", "udhcpc."+name+".pid")
	if err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644); err != nil {
		m.log("%s: %v", name, err)
	}
}

// Watch closes Ready when an address appears, whoever set it, and reports each
// address once.
func (m *Manager) Watch(ctx context.Context) error {
	updates := make(chan netlink.AddrUpdate, 64)
	err := netlink.AddrSubscribeWithOptions(updates, ctx.Done(), netlink.AddrSubscribeOptions{ListExisting: true})
	if err != nil {
		return err
	}
	go func() {
		seen := map[string]bool{}
		for u := range updates {
			m.noteAddress(u, seen)
		}
	}()
	return nil
}

func (m *Manager) noteAddress(u netlink.AddrUpdate, seen map[string]bool) {
	ip := u.LinkAddress.IP
	key := strconv.Itoa(u.LinkIndex) + " " + u.LinkAddress.String()
	if !u.NewAddr {
		delete(seen, key)
		return
	}
	if ip.IsLoopback() || seen[key] || u.Flags&unix.IFA_F_TENTATIVE != 0 {
		return
	}
	seen[key] = true
	name := strconv.Itoa(u.LinkIndex)
	if i, err := net.InterfaceByIndex(u.LinkIndex); err == nil {
		name = i.Name
	}
	m.log("%s: address %s", name, u.LinkAddress.String())
	if ip.IsGlobalUnicast() {
		m.markReady()
	}
}

func (m *Manager) markReady() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.isDone {
		m.isDone = true
		close(m.ready)
	}
}
