package linux

import (
	"net/netip"
	"slices"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// astray tells of a tracked connection that the document leads elsewhere by now, or under another address. It is better ended than
// left to the rules, which drop its packets: each of those keeps it alive.
func (d domain) astray(k flow) bool {
	if from, inside := d.interfaceOf(k.source); inside {
		return d.leavesAstray(k, from)
	}
	if k.answers != k.destination && !d.leadsTo(k.destination, k.answers) {
		return true // a floating IP that was taken away
	}
	to, inside := d.interfaceOf(k.answers)
	if !inside {
		return false
	}
	back := d.follow(to, k.source)
	if k.answers != k.destination {
		return !slices.ContainsFunc(back, func(w way) bool { return w.number == wayOut })
	}
	return len(back) == 0 || back[0].oneWay || back[0].number != 0 && k.source.Is4()
}

// leavesAstray looks at a connection that began inside.
func (d domain) leavesAstray(k flow, from spec.PortID) bool {
	if _, connected := d.wayFrom(from, k.destination); connected {
		return false
	}
	return !slices.ContainsFunc(d.follow(from, k.destination), func(w way) bool { return k.seenAs == d.addressOf(k.source, w) })
}

// follow are the ways from an interface to an address: more than one where instances forward without translating.
func (d domain) follow(from spec.PortID, a netip.Addr) []way {
	var ways []way
	for range d.tables {
		w, _ := d.wayFrom(from, a)
		if w.link == "" {
			break
		}
		ways = append(ways, w)
		if w.number != 0 {
			break
		}
		from = w.link
	}
	return ways
}

// wayFrom is the way from an interface, as the rules of policy routing find it. Who is connected needs none.
func (d domain) wayFrom(from spec.PortID, a netip.Addr) (w way, connected bool) {
	_, connected = d.interfaceOf(a)
	for _, l := range d.leadsOf(from) {
		if l.to.Contains(a) && (!connected || d.isInside(l.to)) {
			return l.way, false
		}
	}
	return way{}, connected
}

// addressOf is what who goes a way is seen as.
func (d domain) addressOf(source netip.Addr, w way) netip.Addr {
	out := d.Gateway != nil && w.link == d.Gateway.Port
	if w.number == 0 || source.Is6() {
		return source
	}
	for _, n := range d.Domain.NATs {
		if d.ways[n.ID] == w.number && out {
			return n.External
		}
		if d.ways[n.ID] == w.number {
			return n.Internal
		}
	}
	for _, fip := range d.Floating {
		if fip.Internal == source {
			return fip.External
		}
	}
	return netip.Addr{} // it may not leave at all
}

func (d domain) leadsOf(i spec.PortID) leads {
	for _, t := range d.tables {
		if slices.Contains(t.Interfaces, i) {
			return t.leads
		}
	}
	return nil
}

// interfaceOf is the one whose network an address is in.
func (d domain) interfaceOf(a netip.Addr) (spec.PortID, bool) {
	for _, i := range d.Interfaces {
		if within(i.Addresses, a) {
			return i.Port, true
		}
	}
	return "", false
}

// leadsTo tells whether an external address still belongs to somebody inside.
func (d domain) leadsTo(external, internal netip.Addr) bool {
	return slices.Contains(d.Floating, spec.FloatingIP{External: external, Internal: internal}) ||
		slices.ContainsFunc(d.Forwards, func(p spec.PortForward) bool { return p.External == external && p.Internal == internal })
}
