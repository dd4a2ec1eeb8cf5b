package netconf

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/nclient4"
)

// lease4 is what an acknowledgement gives, checked.
type lease4 struct {
	address netip.Prefix
	routes  []Route
	dns     []netip.Addr
	search  []string
	mtu     int
	seconds int // 0: for ever
	renewIn time.Duration
}

// parseLease4 reads an acknowledgement. With classless routes (option 121) the
// router option does not count (RFC 3442).
func parseLease4(ack *dhcpv4.DHCPv4) (lease4, error) {
	ip, ok := netip.AddrFromSlice(ack.YourIPAddr.To4())
	if !ok || ip.IsUnspecified() {
		return lease4{}, fmt.Errorf("the DHCP server gave no address")
	}
	bits := 32
	if mask := ack.SubnetMask(); len(mask) == 4 {
		bits, _ = mask.Size()
	}
	l := lease4{address: netip.PrefixFrom(ip, bits), routes: routes4(ack), dns: addrs(ack.DNS())}
	if b := ack.Options.Get(dhcpv4.OptionInterfaceMTU); len(b) == 2 {
		l.mtu = int(binary.BigEndian.Uint16(b))
	}
	if labels := ack.DomainSearch(); labels != nil {
		l.search = labels.Labels
	} else if d := ack.DomainName(); d != "" {
		l.search = []string{d}
	}
	l.setTimes(ack.IPAddressLeaseTime(0), ack.IPAddressRenewalTime(0))
	return l, nil
}

// setTimes: the longest lease is infinite (all ones); half of it is when to
// renew unless the server says otherwise (RFC 2131, 4.4.5).
func (l *lease4) setTimes(valid, renew time.Duration) {
	const infinite = time.Duration(0xFFFFFFFF) * time.Second
	if valid <= 0 || valid >= infinite {
		l.renewIn = 24 * time.Hour
		return
	}
	l.seconds = int(valid / time.Second)
	if renew <= 0 || renew >= valid {
		renew = valid / 2
	}
	l.renewIn = max(renew, time.Second)
}

func routes4(ack *dhcpv4.DHCPv4) []Route {
	var out []Route
	if classless := ack.ClasslessStaticRoute(); len(classless) > 0 {
		for _, r := range classless {
			ones, _ := r.Dest.Mask.Size()
			to, ok1 := netip.AddrFromSlice(r.Dest.IP.To4())
			gw, ok2 := netip.AddrFromSlice(r.Router.To4())
			if ok1 && ok2 {
				out = append(out, Route{netip.PrefixFrom(to, ones), gw})
			}
		}
		return out
	}
	if routers := addrs(ack.Router()); len(routers) > 0 {
		out = append(out, Route{netip.PrefixFrom(netip.IPv4Unspecified(), 0), routers[0]})
	}
	return out
}

func addrs(ips []net.IP) []netip.Addr {
	var out []netip.Addr
	for _, ip := range ips {
		if a, ok := netip.AddrFromSlice(ip); ok {
			out = append(out, a.Unmap())
		}
	}
	return out
}

// dhcp4 holds a lease until ctx ends.
func (c *conf) dhcp4(ctx context.Context) {
	var held lease4
	var lease *nclient4.Lease
	for ctx.Err() == nil {
		next, err := c.ask4(ctx, lease)
		if err != nil {
			lease = nil
			if !wait(ctx, c.renew, time.Second) {
				return
			}
			continue
		}
		l, err := parseLease4(next.ACK)
		if err == nil {
			err = c.apply4(l, held)
		}
		if err != nil {
			c.log("%s: DHCP: %v", c.name, err)
			l.renewIn = 10 * time.Second
		}
		lease, held = next, l
		if !wait(ctx, c.renew, l.renewIn) {
			return
		}
	}
}

// ask4 renews the lease, or asks for one. Every first question is short: on a
// network that is being wired while the guest boots the first is often lost.
func (c *conf) ask4(ctx context.Context, lease *nclient4.Lease) (*nclient4.Lease, error) {
	client, err := nclient4.New(c.name, nclient4.WithTimeout(time.Second), nclient4.WithRetry(4))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	if lease != nil {
		if renewed, err := client.Renew(ctx, lease, requested()); err == nil {
			return renewed, nil
		}
	}
	mods := []dhcpv4.Modifier{requested()}
	if name, err := os.Hostname(); err == nil && name != "(none)" {
		mods = append(mods, dhcpv4.WithOption(dhcpv4.OptHostName(name)))
	}
	return client.Request(ctx, mods...)
}

func requested() dhcpv4.Modifier {
	return dhcpv4.WithRequestedOptions(
		dhcpv4.OptionSubnetMask, dhcpv4.OptionRouter, dhcpv4.OptionDomainNameServer, dhcpv4.OptionDomainName,
		dhcpv4.OptionInterfaceMTU, dhcpv4.OptionClasslessStaticRoute, dhcpv4.OptionDNSDomainSearchList,
		dhcpv4.OptionHostName, dhcpv4.OptionNTPServers)
}

func (c *conf) apply4(l, held lease4) error {
	c.setMTU(l.mtu)
	if err := c.address(l.address, l.seconds); err != nil {
		return err
	}
	if held.address.IsValid() && held.address != l.address {
		c.dropAddress(held.address)
	}
	// On-link routes first: the others' gateways may be behind them.
	for _, onLink := range []bool{true, false} {
		for _, r := range l.routes {
			if r.Gateway.IsUnspecified() != onLink {
				continue
			}
			if err := c.route(r); err != nil {
				return err
			}
		}
	}
	c.resolver.set(c.name, "dhcp4", l.dns, l.search)
	return nil
}

// wait passes time; false when ctx ended.
func wait(ctx context.Context, renew <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-renew:
	case <-t.C:
	}
	return true
}
