package linux

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// routeProtocol marks routes as ours (rtnetlink's "protocol", unassigned).
const routeProtocol = 98

// route is one wanted route. There is one per table and destination.
type route struct {
	table       int // 0: the main table
	destination netip.Prefix
	via         netip.Addr // invalid: on the link
	link        int
	drop        bool // what it fits is dropped
	source      netip.Addr
	onlink      bool   // via need not be in a prefix of the link
	realm       uint32 // says to rules which route was taken; IPv4 only, 0: nothing
}

// setRoutes makes these, and no others with our mark, the routes of the
// current thread's namespace.
func setRoutes(want []route) error {
	stale, err := putRoutes(want)
	if err != nil {
		return err
	}
	return dropRoutes(stale)
}

// putRoutes makes these routes, and gives those with our mark that are not wanted. The longest prefixes come first: so whoever a
// new one is meant for does not take a shorter one meanwhile.
func putRoutes(want []route) (map[route]netlink.Route, error) {
	have, err := ourRoutes()
	if err != nil {
		return nil, err
	}
	for _, r := range slices.SortedFunc(slices.Values(want), func(a, b route) int { return b.destination.Bits() - a.destination.Bits() }) {
		if _, there := have[r]; there {
			delete(have, r)
			continue
		}
		if err := netlink.RouteReplace(r.netlink()); err != nil {
			return nil, fmt.Errorf("route to %s via %s: %w", r.destination, r.via, err)
		}
		dropReplaced(have, r)
	}
	return have, nil
}

// dropRoutes begins with the shortest prefixes, for the same reason.
func dropRoutes(stale map[route]netlink.Route) error {
	for _, r := range slices.SortedFunc(maps.Keys(stale), func(a, b route) int { return a.destination.Bits() - b.destination.Bits() }) {
		n := stale[r]
		if err := netlink.RouteDel(&n); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("remove route to %s: %w", r.destination, err)
		}
	}
	return nil
}

// dropReplaced forgets what a replacement took the place of.
func dropReplaced(have map[route]netlink.Route, r route) {
	for old := range have {
		if old.table == r.table && old.destination == r.destination {
			delete(have, old)
		}
	}
}

// ourRoutes are those of all tables.
func ourRoutes() (map[route]netlink.Route, error) {
	list, err := netlink.RouteListFiltered(netlink.FAMILY_ALL, &netlink.Route{Protocol: routeProtocol, Table: unix.RT_TABLE_UNSPEC},
		netlink.RT_FILTER_PROTOCOL|netlink.RT_FILTER_TABLE)
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
	out := route{via: address(r.Gw), link: r.LinkIndex, source: address(r.Src), onlink: r.Flags&int(netlink.FLAG_ONLINK) != 0, realm: uint32(r.Realm)}
	if r.Table != unix.RT_TABLE_MAIN {
		out.table = r.Table
	}
	if r.Type == unix.RTN_BLACKHOLE {
		out.drop, out.link = true, 0 // IPv6 has such routes on the loopback
	}
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
	out := &netlink.Route{Dst: ipNet(r.destination.Masked()), LinkIndex: r.link, Protocol: routeProtocol, Scope: netlink.SCOPE_UNIVERSE,
		Table: r.table, Realm: int(r.realm)}
	switch {
	case r.drop:
		out.Type = unix.RTN_BLACKHOLE
	case r.via.IsValid():
		out.Gw = r.via.AsSlice()
	default:
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
