package linux

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/charon"
	"github.com/nubo-cloud/nubo/internal/driver/fabric/linux/netns"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// tunnelLink is what the daemon calls its TUN device, where the kernel has no ESP.
const tunnelLink = "ipsec0"

// espOverhead is what tunnel mode, ESP with the largest of its parts, UDP and IPv6 add to a packet.
const espOverhead = 120

// espInKernel finds out once whether the kernel does ESP: an association that is made is removed again.
func (f *Fabric) espInKernel(inside *netns.Handle) bool {
	f.hostLock.Lock()
	defer f.hostLock.Unlock()
	if f.esp == nil {
		does := inside.Do(TryESP) == nil
		f.esp = &does
	}
	return *f.esp
}

// TryESP fails where the kernel does not do ESP. It leaves nothing in the current thread's namespace.
func TryESP() error {
	state := &netlink.XfrmState{Src: net.IPv4(127, 0, 0, 1), Dst: net.IPv4(127, 0, 0, 2), Proto: netlink.XFRM_PROTO_ESP, Mode: netlink.XFRM_MODE_TUNNEL, Spi: 0x6e75626f,
		Auth:  &netlink.XfrmStateAlgo{Name: "hmac(sha256)", Key: make([]byte, 32)},
		Crypt: &netlink.XfrmStateAlgo{Name: "cbc(aes)", Key: make([]byte, 16)}}
	if err := netlink.XfrmStateAdd(state); err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	return netlink.XfrmStateDel(state)
}

// linkVPN makes links, rules and addresses.
func (f *Fabric) linkVPN(ctx context.Context, v *vpn, doc spec.VPN, inKernel bool) error {
	for _, s := range sides(doc) {
		if err := f.attach(v.ns, s, true); err != nil {
			return fmt.Errorf("interface %s: %w", s.Port, err)
		}
	}
	if err := v.rules.Apply(ctx, v.ns, vpnTables(doc, inKernel)); err != nil {
		return fmt.Errorf("rules: %w", err)
	}
	if err := v.ns.Do(func() error { return f.addressVPN(doc) }); err != nil {
		return err
	}
	if said := fmt.Sprint(sides(doc)); said != v.spoken {
		v.spoken = said
		f.announceAll(v.ns, sides(doc), "VPN", string(doc.ID))
	}
	return nil
}

// addressVPN sets addresses, and removes links that are no more.
func (f *Fabric) addressVPN(doc spec.VPN) error {
	wanted := map[string]bool{tunnelLink: true}
	for _, s := range sides(doc) {
		name := routerLinkName(s.Port)
		wanted[name] = true
		l, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		if _, err := setAddresses(l, s.Addresses); err != nil {
			return err
		}
		if err := tuneLink(l, l.Attrs().Alias, 0, true); err != nil {
			return err
		}
	}
	if err := f.dropLinks(wanted); err != nil {
		return err
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	_, err = setAddresses(lo, ownAddresses(doc))
	return err
}

// ownAddresses are those of tunnels, and one that is nobody's in each prefix of ours that a tunnel carries: the daemon takes none
// that it has no address in.
func ownAddresses(doc spec.VPN) []netip.Prefix {
	out := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8"), netip.MustParsePrefix("::1/128")}
	for _, t := range doc.Tunnels {
		if t.Inside.IsValid() {
			out = append(out, netip.PrefixFrom(t.Inside, t.Inside.BitLen()))
		}
		for _, p := range t.LocalPrefixes {
			if a := p.Masked().Addr(); !a.IsUnspecified() && p.Bits() < a.BitLen() {
				out = append(out, netip.PrefixFrom(a, a.BitLen()))
			}
		}
	}
	return unique(out)
}

// routeVPN leads what is behind the router to it, what is behind peers into the tunnels, and the tunnels' own packets outside.
func routeVPN(doc spec.VPN, inKernel bool) error {
	index := func(name string) (int, error) {
		l, err := netlink.LinkByName(name)
		if err != nil {
			return 0, fmt.Errorf("link %s: %w", name, err)
		}
		return l.Attrs().Index, nil
	}
	link, err := index(routerLinkName(doc.Link.Port))
	if err != nil {
		return err
	}
	var all []route
	for _, p := range doc.Inside {
		if via := sameFamily(doc.Via, p.Addr()); via.IsValid() {
			all = append(all, route{destination: p.Masked(), via: via, link: link})
		}
	}
	var out route
	for _, o := range doc.Outside {
		if out.link, err = index(routerLinkName(o.Port)); err != nil {
			return err
		}
		for _, hop := range o.NextHops {
			out.via, out.destination, out.onlink = hop, everything(hop), !within(o.Addresses, hop)
			if !slices.ContainsFunc(all, func(r route) bool { return r.destination == out.destination }) {
				all = append(all, out)
			}
		}
	}
	peers, err := peerRoutes(doc, all, inKernel)
	if err != nil {
		return err
	}
	return setRoutes(append(all, peers...))
}

// sameFamily is the address of another's family, invalid if there is none.
func sameFamily(addresses []netip.Addr, as netip.Addr) netip.Addr {
	for _, a := range addresses {
		if a.Is4() == as.Is4() {
			return a
		}
	}
	return netip.Addr{}
}

// peerRoutes lead into the tunnels: to the daemon's device, or outside where the kernel turns packets into ESP. A peer that
// lies itself in what it leads to is reached outside.
func peerRoutes(doc spec.VPN, all []route, inKernel bool) ([]route, error) {
	var out []route
	device := 0
	if !inKernel {
		l, err := tuneTunnel(doc)
		if err != nil {
			return nil, err
		}
		device = l.Attrs().Index
	}
	for _, p := range tunnelled(doc) {
		r := route{destination: p, link: device}
		if i := slices.IndexFunc(all, func(r route) bool { return r.destination == everything(p.Addr()) }); inKernel && i >= 0 {
			r = all[i]
			r.destination = p
		}
		out = append(out, r)
	}
	for _, t := range doc.Tunnels {
		a, err := netip.ParseAddr(t.Peer)
		if i := slices.IndexFunc(all, func(r route) bool { return err == nil && r.destination == everything(a) }); i >= 0 {
			r := all[i]
			r.destination = netip.PrefixFrom(a, a.BitLen())
			out = append(out, r)
		}
	}
	return unique(out), nil
}

// tunnelled is what lies behind peers. All of it is halves: the daemon's packets find the way outside below them.
func tunnelled(doc spec.VPN) (prefixes []netip.Prefix) {
	for _, t := range doc.Tunnels {
		for _, p := range t.Routes {
			if p = p.Masked(); p.Bits() > 0 {
				prefixes = append(prefixes, p)
				continue
			}
			prefixes = append(prefixes, halves(p)...)
		}
	}
	return unique(prefixes)
}

func halves(p netip.Prefix) []netip.Prefix {
	high := netip.AddrFrom4([4]byte{128})
	if p.Addr().Is6() {
		high = netip.AddrFrom16([16]byte{128})
	}
	return []netip.Prefix{netip.PrefixFrom(p.Addr(), 1), netip.PrefixFrom(high, 1)}
}

// tuneTunnel gives the daemon's device the MTU that leaves room for what ESP adds.
func tuneTunnel(doc spec.VPN) (netlink.Link, error) {
	l, err := findLink(tunnelLink)
	if err != nil {
		return nil, err
	}
	if l == nil {
		return nil, fmt.Errorf("charon made no link %s, install the package %s: %w", tunnelLink, charon.Packages[2], spec.ErrNotSupported)
	}
	mtu := l.Attrs().MTU
	for _, o := range doc.Outside {
		if o.MTU > 0 {
			mtu = min(mtu, o.MTU-espOverhead)
		}
	}
	for _, t := range doc.Tunnels {
		if t.MTU > 0 {
			mtu = min(mtu, t.MTU)
		}
	}
	return l, tuneLink(l, l.Attrs().Alias, mtu, true)
}
