package linux

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
)

// Everything here works on the namespace of the current thread: call it inside
// netns.Handle.Do.

// findLink gives nil if there is no such link.
func findLink(name string) (netlink.Link, error) {
	l, err := netlink.LinkByName(name)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return nil, nil
	}
	return l, err
}

// listLinks repeats dumps that the kernel says were interrupted.
func listLinks() ([]netlink.Link, error) {
	for tries := 0; ; tries++ {
		links, err := netlink.LinkList()
		if !errors.Is(err, netlink.ErrDumpInterrupted) || tries == 5 {
			return links, err
		}
	}
}

// tuneLink makes alias, MTU and state right, touching only what differs.
func tuneLink(l netlink.Link, alias string, mtu int, up bool) error {
	a := l.Attrs()
	if a.Alias != alias {
		if err := netlink.LinkSetAlias(l, alias); err != nil {
			return fmt.Errorf("mark %s: %w", a.Name, err)
		}
	}
	if mtu > 0 && a.MTU != mtu {
		if err := netlink.LinkSetMTU(l, mtu); err != nil {
			return fmt.Errorf("MTU %d of %s: %w", mtu, a.Name, err)
		}
	}
	if isUp := a.Flags&net.FlagUp != 0; isUp == up {
		return nil
	}
	if up {
		return netlink.LinkSetUp(l)
	}
	return netlink.LinkSetDown(l)
}

// enslave puts a link into a bridge.
func enslave(l, bridge netlink.Link) error {
	if l.Attrs().MasterIndex == bridge.Attrs().Index {
		return nil
	}
	if err := netlink.LinkSetMasterByIndex(l, bridge.Attrs().Index); err != nil {
		return fmt.Errorf("put %s into %s: %w", l.Attrs().Name, bridge.Attrs().Name, err)
	}
	return nil
}

// addPair makes a veth pair with its peer in another namespace; mac nil: the kernel chooses.
func addPair(name, peer string, mtu int, mac net.HardwareAddr, other *netns.Handle) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU, attrs.HardwareAddr = name, mtu, mac
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: peer, PeerNamespace: netlink.NsFd(other.FD())}); err != nil {
		return fmt.Errorf("make %s: %w", name, err)
	}
	return nil
}

// carryFrames makes a link right that the host only carries frames over, and gives its index.
func carryFrames(name, mark string, mtu int, up bool) (index int, err error) {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return 0, err
	}
	if err := quiet(name); err != nil {
		return 0, err
	}
	return l.Attrs().Index, tuneLink(l, mark, mtu, up)
}

// removeLink removes a link if it is there.
func removeLink(name string) error {
	l, err := findLink(name)
	if l == nil || err != nil {
		return err
	}
	if err := netlink.LinkDel(l); err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	return nil
}

// setAddresses makes the link have these addresses and no others, but for
// link-local ones the kernel made. It tells whether something changed.
func setAddresses(l netlink.Link, want []netip.Prefix) (bool, error) {
	have, err := netlink.AddrList(l, netlink.FAMILY_ALL)
	if err != nil {
		return false, err
	}
	missing := make(map[netip.Prefix]bool, len(want))
	for _, p := range want {
		missing[p] = true
	}
	changed := false
	for i := range have {
		p := prefixOf(have[i].IPNet)
		if missing[p] {
			delete(missing, p)
			continue
		}
		if p.Addr().Is6() && p.Addr().IsLinkLocalUnicast() {
			continue
		}
		changed = true
		if err := netlink.AddrDel(l, &have[i]); err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
			return changed, fmt.Errorf("remove address %s from %s: %w", p, l.Attrs().Name, err)
		}
	}
	for _, p := range want {
		if !missing[p] {
			continue
		}
		delete(missing, p)
		changed = true
		if err := netlink.AddrReplace(l, newAddress(p)); err != nil {
			return changed, fmt.Errorf("add address %s to %s: %w", p, l.Attrs().Name, err)
		}
	}
	return changed, nil
}

// newAddress is used at once: duplicates are impossible, addresses are given by the control plane.
func newAddress(p netip.Prefix) *netlink.Addr {
	a := &netlink.Addr{IPNet: ipNet(p)}
	if p.Addr().Is6() {
		a.Flags = unix.IFA_F_NODAD
	}
	return a
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

func prefixOf(n *net.IPNet) netip.Prefix {
	if n == nil {
		return netip.Prefix{}
	}
	bits, _ := n.Mask.Size()
	return netip.PrefixFrom(address(n.IP), bits)
}

// setting is one line of /proc/sys/net, relative to it.
type setting struct {
	path, value string
	optional    bool // kernels without it do without
}

// configure writes kernel settings of the current thread's namespace.
func configure(settings ...setting) error {
	for _, s := range settings {
		err := os.WriteFile("/proc/sys/net/"+s.path, []byte(s.value), 0)
		if err != nil && !(s.optional && errors.Is(err, os.ErrNotExist)) {
			return fmt.Errorf("set net/%s=%s: %w", s.path, s.value, err)
		}
	}
	return nil
}

// quiet keeps the host from taking part in a link's IPv6: it only carries frames.
func quiet(name string) error {
	return configure(setting{"ipv6/conf/" + name + "/disable_ipv6", "1", true})
}

// readSetting gives "" for what is not there.
func readSetting(path string) string {
	b, err := os.ReadFile("/proc/sys/net/" + path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
