package linux

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// A routing domain is a router whose packets are led by the table of the interface they come in at, and leave under the address
// that the table says:
//
//	prerouting -300  plain    no connection is tracked of what a neighbour gets as it is: it may come back by another interface, to leave
//	prerouting -150  again    to a floating IP of the router's own: by the sender's table, as if it came back from outside
//	prerouting -100  inwards  floating IP -> its instance
//	routing                   tables of policy routing; a route that translates has a realm, the number of its way
//	forward     -10  filters  the filters of the interfaces at both ends, without memory
//	forward       0  guard    nothing leaves untranslated, or under another address than its way's; who may come in
//	postrouting 100  outwards instance -> its way's address
//
// Rules of policy routing are asked in this order. Networks of the interfaces are in the main table, alone; so they are reached by
// every table without being in it, and adding one changes no table.
//
//	inside     a table's routes to networks of interfaces, or parts of one
//	connected  the main table
//	table      a table's other routes
//	own        the router's own packets (ICMP errors): whatever way there is
const (
	askInside    = 1000
	askConnected = 1010
	askTable     = 1020
	askOwn       = 1030
)

// ownTable is where the router's own packets look.
const ownTable = 98

// wayOut is the way of who leaves under a floating IP. Ways of NATs have other numbers.
const wayOut = 0x00010001

// way is where a packet is led.
type way struct {
	link   spec.PortID // empty: nowhere
	via    netip.Addr  // invalid: on the link
	number uint32      // says under which address, 0: its own
	oneWay bool        // nobody comes in by it
}

// lead is a route of a table with all questions answered.
type lead struct {
	to netip.Prefix
	way
}

// plain tells that a neighbour gets it untranslated.
func (l lead) plain() bool { return l.via.IsValid() && l.number == 0 }

// leads are what a table knows, the longest prefix first.
type leads []lead

// find gives the way to an address; nowhere if no route fits.
func (l leads) find(a netip.Addr) way {
	for _, each := range l {
		if each.to.Contains(a) {
			return each.way
		}
	}
	return way{}
}

// table is a spec.RouteTable made ready.
type table struct {
	spec.RouteTable
	leads leads
	// number is the kernel's for it, inside for its routes to networks of interfaces.
	number, inside uint32
}

// domain is a router's document made ready for rules, routes and questions.
type domain struct {
	spec.Router
	tables []table
	ways   map[string]uint32 // of the NATs
}

func newDomain(r spec.Router) domain {
	d := domain{Router: r}
	var nats, tables []string
	for _, n := range r.Domain.NATs {
		nats = append(nats, n.ID)
	}
	for _, t := range r.Domain.Tables {
		tables = append(tables, t.ID, insideName(t.ID))
	}
	d.ways = numbered(nats, wayOut)
	numbers := numbered(tables)
	for _, t := range r.Domain.Tables {
		d.tables = append(d.tables, table{RouteTable: t, leads: d.leads(t), number: numbers[t.ID], inside: numbers[insideName(t.ID)]})
	}
	return d
}

func insideName(table string) string { return table + "/inside" }

// numbered gives each id a number of its own that it has in other documents too, and none of those that are taken. Both halves of
// it are more than zero: the kernel takes half a realm for one that it may complete.
func numbered(ids []string, taken ...uint32) map[string]uint32 {
	used := map[uint32]bool{}
	for _, n := range taken {
		used[n] = true
	}
	numbers := make(map[string]uint32, len(ids))
	for _, id := range slices.Sorted(slices.Values(ids)) {
		sum := sha256.Sum256([]byte(id))
		n := binary.BigEndian.Uint32(sum[:])&0x7fffffff | 0x00010001
		for used[n] {
			n = (n+2)&0x7fffffff | 0x00010001
		}
		used[n], numbers[id] = true, n
	}
	return numbers
}

// leads resolve a table's routes.
func (d domain) leads(t spec.RouteTable) leads {
	var out leads
	for _, r := range t.Routes {
		if n, ok := d.nat(r.NAT); ok && r.Destination.Addr().Is4() {
			out = append(out, d.translated(t, r, n)...)
		} else {
			out = append(out, lead{r.Destination.Masked(), d.plain(r)})
		}
	}
	for _, b := range d.Domain.Blocks {
		taken := slices.ContainsFunc(out, func(l lead) bool { return l.to == b.Masked() })
		if !taken && !d.isInside(b) {
			out = append(out, lead{to: b.Masked()})
		}
	}
	slices.SortFunc(out, func(a, b lead) int { return cmp.Or(b.to.Bits()-a.to.Bits(), a.to.Addr().Compare(b.to.Addr())) })
	return out
}

func (d domain) nat(id string) (spec.NAT, bool) {
	i := slices.IndexFunc(d.Domain.NATs, func(n spec.NAT) bool { return n.ID == id })
	if i < 0 {
		return spec.NAT{}, false
	}
	return d.Domain.NATs[i], true
}

// plain is the way of a route by itself.
func (d domain) plain(r spec.TableRoute) way {
	switch {
	case r.Out:
		w := d.out(r.Destination.Addr().Is4(), wayOut)
		w.oneWay = r.OneWay
		return w
	case r.Via.IsValid():
		return d.neighbour(r.Via, 0)
	}
	return way{}
}

func (d domain) out(four bool, number uint32) way {
	if d.Gateway == nil {
		return way{}
	}
	for _, hop := range d.Gateway.NextHops {
		if hop.Is4() == four {
			return way{link: d.Gateway.Port, via: hop, number: number}
		}
	}
	return way{}
}

func (d domain) neighbour(a netip.Addr, number uint32) way {
	for _, i := range d.Interfaces {
		if within(i.Addresses, a) {
			return way{link: i.Port, via: a, number: number}
		}
	}
	return way{}
}

// translated are the ways of a route to a NAT: those of the table where the NAT is, as far as the route goes.
func (d domain) translated(t spec.RouteTable, r spec.TableRoute, n spec.NAT) leads {
	beyond := d.tableOf(n.Interface).Routes
	at, _ := longest(beyond, r.Destination)
	out := leads{{r.Destination.Masked(), d.through(n, at)}}
	for _, x := range beyond {
		part := x.Destination.Bits() > r.Destination.Bits() && r.Destination.Contains(x.Destination.Addr())
		connected := d.isInside(x.Destination) && !d.isInside(r.Destination) // who is connected is not behind the NAT
		if holds, _ := longest(t.Routes, x.Destination); part && !connected && holds == r {
			out = append(out, lead{x.Destination.Masked(), d.through(n, x)})
		}
	}
	return out
}

// through is the way of a route of the table where a NAT is, for what the NAT translates. A NAT leads to no other.
func (d domain) through(n spec.NAT, r spec.TableRoute) way {
	number := d.ways[n.ID]
	switch {
	case r.Via.IsValid():
		return d.neighbour(r.Via, number)
	case n.External.IsValid() && (r.Out || !r.Destination.IsValid()):
		return d.out(true, number)
	}
	return way{}
}

// connected are the networks of interfaces.
func (d domain) connected() leads {
	var out leads
	for _, i := range d.Interfaces {
		for _, p := range i.Addresses {
			out = append(out, lead{to: p.Masked(), way: way{link: i.Port}})
		}
	}
	return out
}

func (d domain) tableOf(i spec.PortID) spec.RouteTable {
	for _, t := range d.Domain.Tables {
		if slices.Contains(t.Interfaces, i) {
			return t
		}
	}
	return spec.RouteTable{}
}

// longest is the route that all of a prefix takes if there is none to a part of it.
func longest(routes []spec.TableRoute, p netip.Prefix) (best spec.TableRoute, ok bool) {
	for _, r := range routes {
		if r.Destination.Bits() <= p.Bits() && r.Destination.Contains(p.Addr()) && (!ok || r.Destination.Bits() > best.Destination.Bits()) {
			best, ok = r, true
		}
	}
	return best, ok
}

// checkDomain also refuses what only this driver cannot do.
func checkDomain(r spec.Router) error {
	if r.Domain == nil {
		return nil
	}
	if r.Gateway != nil && r.Gateway.SNAT {
		return fmt.Errorf("a routing domain whose gateway hides everybody: %w", spec.ErrInvalid)
	}
	return r.Domain.Check()
}
