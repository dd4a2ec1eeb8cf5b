package linux

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// routeProtocol marks routes as ours (rtnetlink's "protocol", unassigned).
const routeProtocol = 98

// route is one wanted route of the main table.
type route struct {
	destination netip.Prefix
	via         netip.Addr // invalid: on the link
	link        int
	source      netip.Addr
	onlink      bool // via need not be in a prefix of the link
}

// setRoutes makes these, and no others with our mark, the routes of the
// current thread's namespace.
func setRoutes(want []route) error {
	have, err := ourRoutes()
	if err != nil {
		return err
	}
	for _, r := range want {
		if _, there := have[r]; there {
			delete(have, r)
			continue
		}
		if err := netlink.RouteReplace(r.netlink()); err != nil {
			return fmt.Errorf("route to %s via %s: %w", r.destination, r.via, err)
		}
		dropReplaced(have, r)
	}
	for _, r := range have {
		if err := netlink.RouteDel(&r); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("remove route to %s: %w", r.Dst, err)
		}
	}
	return nil
}

// dropReplaced forgets what a replacement took the place of: IPv4 has one route per destination.
func dropReplaced(have map[route]netlink.Route, r route) {
	for old := range have {
		if old.destination == r.destination && r.destination.Addr().Is4() {
			delete(have, old)
		}
	}
}

func ourRoutes() (map[route]netlink.Route, error) {
	list, err := netlink.RouteListFiltered(netlink.FAMILY_ALL, &netlink.Route{Protocol: routeProtocol}, netlink.RT_FILTER_PROTOCOL)
	if err != nil {
		return nil, fmt.Errorf("list routes: %w", err)
	}
	have := make(map[route]netlink.Route, len(list))
	for _, r := range list {
		have[routeOf(r)] = r
	}
	return have, nil
}

func routeOf(r netlink.Route) route {
	out := route{via: address(r.Gw), link: r.LinkIndex, source: address(r.Src), onlink: r.Flags&int(netlink.FLAG_ONLINK) != 0}
	out.destination = prefixOf(r.Dst)
	if !out.destination.Addr().IsValid() {
		out.destination = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
		if r.Family == unix.AF_INET6 {
			out.destination = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
		}
	}
	return out
}

func (r route) netlink() *netlink.Route {
	out := &netlink.Route{Dst: ipNet(r.destination.Masked()), LinkIndex: r.link, Protocol: routeProtocol, Scope: netlink.SCOPE_UNIVERSE}
	if r.via.IsValid() {
		out.Gw = r.via.AsSlice()
	} else {
		out.Scope = netlink.SCOPE_LINK
	}
	if r.source.IsValid() {
		out.Src = r.source.AsSlice()
	}
	if r.onlink {
		out.SetFlag(netlink.FLAG_ONLINK)
	}
	return out
}
