package network

import (
	"context"
	"slices"
	"strconv"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// entriesMax bounds the entries of a filter in one direction, entryNumberMax their numbers.
const entriesMax, entryNumberMax = 40, 32766

// openEntries let everything of a family through, both ways.
func openEntries(ipv6 bool) []cloud.FilterEntry {
	number := 100
	if ipv6 {
		number = 101
	}
	in := cloud.FilterEntry{Number: number, Allow: true, Protocol: protocolAny, Prefix: everywhere(ipv6)}
	out := in
	out.Egress = true
	return []cloud.FilterEntry{in, out}
}

// entryAt is where an entry stands in its filter, -1 for nowhere.
func entryAt(f *cloud.PacketFilter, egress bool, number int) int {
	return slices.IndexFunc(f.Entries, func(e cloud.FilterEntry) bool { return e.Egress == egress && e.Number == number })
}

// AddFilterEntry adds an entry. AlreadyExists if the number is taken in its direction.
func (s *Service) AddFilterEntry(ctx context.Context, id cloud.PacketFilterID, e cloud.FilterEntry) (*cloud.PacketFilter, error) {
	return s.filters().change(ctx, s, id, "update", func(_ context.Context, f *cloud.PacketFilter) error {
		if err := checkEntry(&e); err != nil {
			return err
		}
		if entryAt(f, e.Egress, e.Number) >= 0 {
			return cloud.Errorf(cloud.AlreadyExists, "filter entry", strconv.Itoa(e.Number), "Packet filter %s has an entry %d in that direction already.", id, e.Number)
		}
		same := 0
		for _, o := range f.Entries {
			if o.Egress == e.Egress {
				same++
			}
		}
		if same >= entriesMax {
			return &cloud.Error{Kind: cloud.QuotaExceeded, Resource: "packet filter", ID: string(id), Field: "entries", Message: "The packet filter has as many entries as it can have in one direction."}
		}
		f.Entries = append(slices.Clip(f.Entries), e)
		return nil
	})
}

// ReplaceFilterEntry puts an entry in the place of the one of its number and direction.
func (s *Service) ReplaceFilterEntry(ctx context.Context, id cloud.PacketFilterID, e cloud.FilterEntry) (*cloud.PacketFilter, error) {
	return s.filters().change(ctx, s, id, "update", func(_ context.Context, f *cloud.PacketFilter) error {
		at := entryAt(f, e.Egress, e.Number)
		if at < 0 {
			return noEntry(id, e.Number)
		}
		if err := checkEntry(&e); err != nil {
			return err
		}
		f.Entries = slices.Clone(f.Entries)
		f.Entries[at] = e
		return nil
	})
}

// RemoveFilterEntry removes the entry of a number and direction.
func (s *Service) RemoveFilterEntry(ctx context.Context, id cloud.PacketFilterID, egress bool, number int) (*cloud.PacketFilter, error) {
	return s.filters().change(ctx, s, id, "update", func(_ context.Context, f *cloud.PacketFilter) error {
		at := entryAt(f, egress, number)
		if at < 0 {
			return noEntry(id, number)
		}
		f.Entries = slices.Delete(slices.Clone(f.Entries), at, at+1)
		return nil
	})
}

func noEntry(id cloud.PacketFilterID, number int) error {
	return cloud.Errorf(cloud.NotFound, "filter entry", strconv.Itoa(number), "Packet filter %s has no entry %d in that direction.", id, number)
}

// checkEntry refuses an entry that means nothing, and brings its prefix into the form that is kept.
func checkEntry(e *cloud.FilterEntry) error {
	bad := func(field, format string, args ...any) error {
		return cloud.Invalidf("filter entry", field, format, args...)
	}
	if e.Number < 1 || e.Number > entryNumberMax {
		return bad("number", "The number of an entry must lie between 1 and %d, not %d.", entryNumberMax, e.Number)
	}
	if e.Protocol < protocolAny || e.Protocol > 255 {
		return bad("protocol", "A protocol is a number from 0 to 255, or -1 for any, not %d.", e.Protocol)
	}
	if !e.Prefix.IsValid() || e.Prefix.Addr().Is4In6() {
		return bad("prefix", "'%s' is not a block of addresses.", e.Prefix)
	}
	e.Prefix = e.Prefix.Masked()
	switch {
	case slices.Contains([]int{protocolICMP, protocolICMPv6}, e.Protocol):
		return checkEntryICMP(e, bad)
	case !slices.Contains(withPorts, e.Protocol):
		e.PortMin, e.PortMax = nil, nil
		return nil
	case e.PortMin == nil && e.PortMax == nil:
		return nil
	case e.PortMin == nil || e.PortMax == nil || *e.PortMin < 0 || *e.PortMax > 65535 || *e.PortMin > *e.PortMax:
		return bad("port_range", "A range of ports lies between 0 and 65535 and does not end before it begins.")
	}
	return nil
}

func checkEntryICMP(e *cloud.FilterEntry, bad func(string, string, ...any) error) error {
	if icmp4 := e.Protocol == protocolICMP; icmp4 != e.Prefix.Addr().Is4() {
		return bad("protocol", "Protocol %d is not that of ICMP for %s.", e.Protocol, e.Prefix)
	}
	for _, v := range []*int{e.PortMin, e.PortMax} {
		if v != nil && (*v < -1 || *v > 255) {
			return bad("icmp", "ICMP types and codes are numbers from 0 to 255, or -1 for any, not %d.", *v)
		}
	}
	return nil
}
