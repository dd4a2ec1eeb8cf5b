package network

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// A rule follows the address group it names, on the host, and keeps it from being deleted; without addresses it means nobody.
func TestRulesFollowAddressGroups(t *testing.T) {
	w := newWorld(t, "h1")
	mine := as("mine")
	n, _ := w.network(mine, "10.0.0.0/24")
	g := get(w.CreateSecurityGroup(mine, GroupRequest{Name: "g"}))(t)
	a := get(w.CreateAddressGroup(mine, AddressGroupRequest{Name: "a", Prefixes: []netip.Prefix{netip.MustParsePrefix("10.9.9.9/8")}}))(t)
	rule := get(w.CreateRule(mine, RuleRequest{GroupID: g.ID, Direction: "ingress", RemoteAddresses: a.ID}))(t)
	_, err := w.CreateRule(mine, RuleRequest{GroupID: g.ID, Direction: "ingress", RemoteAddresses: a.ID, RemoteGroup: g.ID})
	wantKind(t, err, cloud.Invalid)
	_, err = w.CreateRule(as("other"), RuleRequest{GroupID: g.ID, Direction: "egress", RemoteAddresses: a.ID})
	wantKind(t, err, cloud.NotFound)
	_, ports := w.instance(mine, "i", "h1", n.ID)
	get(w.UpdatePort(mine, ports[0].ID, PortChange{Groups: &[]cloud.SecurityGroupID{g.ID}}))(t)
	w.ruleIs("h1", g.ID, rule.ID, "10.0.0.0/8")
	get(w.UpdateAddressGroup(mine, a.ID, AddressGroupChange{Add: []netip.Prefix{netip.MustParsePrefix("fd00::1/128")}}))(t)
	w.ruleIs("h1", g.ID, rule.ID, "10.0.0.0/8", "fd00::1/128")
	get(w.UpdateAddressGroup(mine, a.ID, AddressGroupChange{Remove: a.Prefixes}))(t)
	_, err = w.UpdateAddressGroup(mine, a.ID, AddressGroupChange{Remove: a.Prefixes})
	wantKind(t, err, cloud.NotFound)
	w.ruleIs("h1", g.ID, rule.ID, "fd00::1/128")
	get(w.UpdateAddressGroup(mine, a.ID, AddressGroupChange{Remove: []netip.Prefix{netip.MustParsePrefix("fd00::1/128")}}))(t)
	w.ruleIs("h1", g.ID, rule.ID)
	wantKind(t, w.DeleteAddressGroup(mine, a.ID), cloud.InUse)
	w.must(w.DeleteRule(mine, rule.ID))
	w.must(w.DeleteAddressGroup(mine, a.ID))
}

// ruleIs waits until a host holds a rule with a fixed set, which is not nil, of these prefixes.
func (w *world) ruleIs(host cloud.HostID, g cloud.SecurityGroupID, rule cloud.RuleID, prefixes ...string) {
	w.t.Helper()
	w.eventually("the rule's addresses", func() (there bool) {
		h := w.hosts[host]
		h.with(func() {
			for _, r := range h.groups[spec.GroupID(g)].Rules {
				var held []string
				for _, p := range r.RemoteSet {
					held = append(held, p.String())
				}
				there = there || r.ID == string(rule) && r.RemoteSet != nil && slices.Equal(held, prefixes)
			}
		})
		return there
	})
}
