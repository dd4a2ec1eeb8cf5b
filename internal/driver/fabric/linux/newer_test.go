package linux

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/nubo-cloud/nubo/internal/spec"
)

// A port that is newer than the documents of its network and groups is served and filtered as it says itself.
func TestNewerPortCounts(t *testing.T) {
	held, own, other := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.0.3")
	n := &network{id: "n", doc: spec.Network{ID: "n", Generation: 5, Hosts: []spec.NetworkHost{
		{Port: "old", Hostname: "old", Addresses: []netip.Addr{held}}, {Port: "moved", Hostname: "before", Addresses: []netip.Addr{held}}}}}
	at := func(id spec.PortID, generation int64, address netip.Addr) *port {
		return &port{doc: spec.Port{ID: id, Generation: generation, Network: "n", MAC: "fa:16:3e:00:00:01", Hostname: "now", Addresses: []netip.Addr{address}, Groups: []spec.GroupID{"g"}}, ifindex: int(generation)}
	}
	f := &Fabric{networks: map[spec.NetworkID]*network{"n": n}, groups: map[spec.GroupID]spec.SecurityGroup{"g": {ID: "g", Generation: 5, Members: []netip.Addr{held}}},
		ports: map[spec.PortID]*port{"old": at("old", 4, other), "moved": at("moved", 6, own), "new": at("new", 7, own)}}
	names := map[spec.PortID]string{}
	for _, h := range f.servedDocument(n).Hosts {
		names[h.Port] = h.Hostname
	}
	if names["old"] != "old" || names["moved"] != "now" || names["new"] != "now" {
		t.Errorf("served %v", names)
	}
	members := f.view(n).groups["g"].Members
	if !slices.Contains(members, held) || !slices.Contains(members, own) || slices.Contains(members, other) {
		t.Errorf("members %v", members)
	}
	if len(f.groups["g"].Members) != 1 {
		t.Error("the group's own document was changed")
	}
}
