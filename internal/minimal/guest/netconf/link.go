package netconf

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
)

// conf is the configuration of one link.
type conf struct {
	*Manager
	link  netlink.Link
	name  string
	renew chan struct{}
}

// metric keeps the first link's default route ahead of the others'.
func (c *conf) metric() int { return 100 + c.link.Attrs().Index }

func (c *conf) setMTU(mtu int) {
	// Below 68 bytes IPv4 does not work at all (RFC 791); such a value is noise.
	if mtu < 68 || mtu == c.link.Attrs().MTU {
		return
	}
	if err := netlink.LinkSetMTU(c.link, mtu); err != nil {
		c.log("%s: set MTU %d: %v", c.name, mtu, err)
		return
	}
	c.link.Attrs().MTU = mtu
}

// address sets an address for seconds; 0 is for ever.
func (c *conf) address(p netip.Prefix, seconds int) error {
	a := &netlink.Addr{IPNet: ipNet(p), ValidLft: seconds, PreferedLft: seconds}
	if err := netlink.AddrReplace(c.link, a); err != nil {
		return fmt.Errorf("set address %s: %w", p, err)
	}
	return nil
}

func (c *conf) dropAddress(p netip.Prefix) {
	if err := netlink.AddrDel(c.link, &netlink.Addr{IPNet: ipNet(p)}); err != nil {
		c.log("%s: remove address %s: %v", c.name, p, err)
	}
}

func (c *conf) route(r Route) error {
	nr := &netlink.Route{LinkIndex: c.link.Attrs().Index, Dst: ipNet(r.To), Priority: c.metric()}
	if r.Gateway.IsValid() && !r.Gateway.IsUnspecified() {
		nr.Gw = r.Gateway.AsSlice()
		// A gateway outside the subnet (a /32 address) is on this link too.
		nr.Flags = int(netlink.FLAG_ONLINK)
	} else {
		nr.Scope = netlink.SCOPE_LINK
	}
	if err := netlink.RouteReplace(nr); err != nil {
		return fmt.Errorf("set route to %s via %s: %w", r.To, r.Gateway, err)
	}
	return nil
}

func (c *conf) applyFixed(f Fixed) {
	c.setMTU(f.MTU)
	for _, a := range f.Addresses {
		if err := c.address(a, 0); err != nil {
			c.log("%s: %v", c.name, err)
		}
	}
	for _, r := range f.Routes {
		if err := c.route(r); err != nil {
			c.log("%s: %v", c.name, err)
		}
	}
	if len(f.DNS) > 0 {
		c.resolver.set(c.name, "fixed", f.DNS, nil)
	}
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// AddDNS takes a service of the metadata's network data when it is a name
// server.
func (f *Fixed) AddDNS(kind, address string) {
	if a, err := netip.ParseAddr(address); err == nil && kind == "dns" {
		f.DNS = append(f.DNS, a)
	}
}
