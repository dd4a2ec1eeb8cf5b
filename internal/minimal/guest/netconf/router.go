package netconf

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/mdlayher/ndp"
)

// advertised is what a router says that the kernel leaves to us. Addresses by
// SLAAC and the default route are the kernel's work.
type advertised struct {
	managed, other bool
	mtu            int
	dns            []netip.Addr
	search         []string
}

func parseAdvertisement(ra *ndp.RouterAdvertisement) advertised {
	a := advertised{managed: ra.ManagedConfiguration, other: ra.OtherConfiguration}
	for _, o := range ra.Options {
		switch o := o.(type) {
		case *ndp.MTU:
			a.mtu = int(o.MTU)
		case *ndp.RecursiveDNSServer:
			a.dns = append(a.dns, o.Servers...)
		case *ndp.DNSSearchList:
			a.search = append(a.search, o.DomainNames...)
		}
	}
	return a
}

// routers listens to router advertisements until ctx ends, and starts DHCPv6
// when one says so.
func (c *conf) routers(ctx context.Context) {
	conn := c.listenNDP(ctx)
	if conn == nil {
		return
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	c.solicit(conn)
	started := false
	for ctx.Err() == nil {
		msg, _, _, err := conn.ReadFrom()
		if err != nil {
			if !wait(ctx, nil, time.Second) {
				return
			}
			continue
		}
		ra, ok := msg.(*ndp.RouterAdvertisement)
		if !ok {
			continue
		}
		a := parseAdvertisement(ra)
		c.applyAdvertisement(a)
		if (a.managed || a.other) && !started {
			started = true
			go c.dhcp6(ctx, a.managed)
		}
	}
}

// listenNDP waits for the link-local address: the kernel makes it when the
// link has a carrier and its duplicate detection has ended.
func (c *conf) listenNDP(ctx context.Context) *ndp.Conn {
	for {
		if ifi, err := net.InterfaceByName(c.name); err == nil {
			if conn, _, err := ndp.Listen(ifi, ndp.LinkLocal); err == nil {
				return conn
			}
		}
		if !wait(ctx, nil, 250*time.Millisecond) {
			return nil
		}
	}
}

// solicit asks the routers to speak now. The kernel asks too, but may have
// had its answer before we listened. A lost question is made good by the
// routers' regular advertisements.
func (c *conf) solicit(conn *ndp.Conn) {
	m := &ndp.RouterSolicitation{Options: []ndp.Option{
		&ndp.LinkLayerAddress{Direction: ndp.Source, Addr: c.link.Attrs().HardwareAddr},
	}}
	if err := conn.WriteTo(m, nil, netip.IPv6LinkLocalAllRouters()); err != nil {
		c.log("%s: ask for routers: %v", c.name, err)
	}
}

func (c *conf) applyAdvertisement(a advertised) {
	if a.mtu >= 1280 {
		c.setMTU(a.mtu)
	}
	if len(a.dns) > 0 {
		c.resolver.set(c.name, "ra", a.dns, a.search)
	}
}
