package spec

import (
	"fmt"
	"net/netip"
)

// Check is ErrInvalid for a domain that contradicts itself. Interfaces that the router does not have are none of its business.
func (d RoutingDomain) Check() error {
	nats := map[string]bool{}
	for _, n := range d.NATs {
		if n.ID == "" || nats[n.ID] || !n.Internal.Is4() || n.External.IsValid() && !n.External.Is4() {
			return fmt.Errorf("NAT %q from %s to %s: %w", n.ID, n.Internal, n.External, ErrInvalid)
		}
		nats[n.ID] = true
	}
	tabled, filtered := alone{}, alone{}
	for _, t := range d.Tables {
		if err := tabled.add("route table", t.ID, t.Interfaces); err != nil {
			return err
		}
		if err := t.check(nats); err != nil {
			return fmt.Errorf("route table %s: %w", t.ID, err)
		}
	}
	for _, p := range d.Filters {
		if err := filtered.add("packet filter", p.ID, p.Interfaces); err != nil {
			return err
		}
		for _, e := range p.Entries {
			if err := e.check(); err != nil {
				return fmt.Errorf("packet filter %s: %w", p.ID, err)
			}
		}
	}
	return nil
}

// alone sees to it that ids, and the interfaces of who has them, are there once. Both go in as keys, which do not meet.
type alone map[any]bool

func (a alone) add(kind, id string, interfaces []PortID) error {
	keys := []any{id}
	for _, i := range interfaces {
		keys = append(keys, i)
	}
	for _, k := range keys {
		if a[k] || k == "" {
			return fmt.Errorf("%s %q: %v is there twice, or has no name: %w", kind, id, k, ErrInvalid)
		}
		a[k] = true
	}
	return nil
}

func (t RouteTable) check(nats map[string]bool) error {
	destinations := map[netip.Prefix]bool{}
	for _, r := range t.Routes {
		ways := 0
		for _, set := range []bool{r.Via.IsValid(), r.Out, r.NAT != ""} {
			if set {
				ways++
			}
		}
		foreign := r.Via.IsValid() && r.Via.Is4() != r.Destination.Addr().Is4()
		if !r.Destination.IsValid() || destinations[r.Destination.Masked()] || ways > 1 || foreign || r.NAT != "" && !nats[r.NAT] || r.OneWay && !r.Out {
			return fmt.Errorf("route to %s: %w", r.Destination, ErrInvalid)
		}
		destinations[r.Destination.Masked()] = true
	}
	return nil
}

func (e FilterEntry) check() error {
	octet := func(n *int) bool { return n == nil || *n >= 0 && *n <= 255 }
	ports := e.Ports == nil || e.Ports.First >= 0 && e.Ports.First <= e.Ports.Last && e.Ports.Last <= 65535
	if e.Direction != Ingress && e.Direction != Egress || e.Protocol < -1 || e.Protocol > 255 || !ports ||
		!octet(e.ICMPType) || !octet(e.ICMPCode) || !e.Prefix.IsValid() {
		return fmt.Errorf("entry for protocol %d and %s: %w", e.Protocol, e.Prefix, ErrInvalid)
	}
	return nil
}
