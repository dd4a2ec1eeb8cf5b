package network

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/spec"
)

// groupRows is all that a security group's document is made of.
type groupRows struct {
	group *cloud.SecurityGroup
	rules []*cloud.SecurityGroupRule
	// members are the ports in the group, if any rule names the group as remote.
	members []*cloud.Port
	// addresses are the address groups that rules name.
	addresses map[cloud.AddressGroupID]*cloud.AddressGroup
}

// planGroup makes a security group's document.
func planGroup(r groupRows, generation int64) spec.SecurityGroup {
	g := spec.SecurityGroup{ID: spec.GroupID(r.group.ID), Generation: generation, Stateless: r.group.Stateless}
	rules := slices.SortedFunc(slices.Values(r.rules), func(a, b *cloud.SecurityGroupRule) int { return strings.Compare(string(a.ID), string(b.ID)) })
	for _, rule := range rules {
		g.Rules = append(g.Rules, planRules(rule, r.addresses[rule.RemoteAddresses])...)
	}
	for _, p := range r.members {
		g.Members = append(g.Members, addressesOf(p)...)
		for _, pair := range p.AllowedPairs {
			if pair.Address.IsSingleIP() {
				g.Members = append(g.Members, pair.Address.Addr())
			}
		}
	}
	slices.SortFunc(g.Members, netip.Addr.Compare)
	g.Members = slices.Compact(g.Members)
	return g
}

// planRules are a rule as hosts know it: one for each version of IP.
func planRules(r *cloud.SecurityGroupRule, addresses *cloud.AddressGroup) []spec.Rule {
	if !r.AnyVersion {
		return []spec.Rule{planRule(r, addresses)}
	}
	four, six := *r, *r
	four.IPv6, six.IPv6, six.ID = false, true, r.ID+"/6"
	return []spec.Rule{planRule(&four, addresses), planRule(&six, addresses)}
}

func planRule(r *cloud.SecurityGroupRule, addresses *cloud.AddressGroup) spec.Rule {
	n, _ := ProtocolNumber(r) // checked when the rule was made
	rule := spec.Rule{ID: string(r.ID), Direction: spec.Direction(r.Direction), IPv6: r.IPv6, Protocol: n, PortMin: or(r.PortMin, -1),
		PortMax: or(r.PortMax, -1), RemotePrefix: r.RemotePrefix.Masked(), RemoteGroup: spec.GroupID(r.RemoteGroup)}
	if addresses != nil {
		rule.RemoteSet = append([]netip.Prefix{}, addresses.Prefixes...) // not nil: an empty set is nobody, not anybody
	}
	return rule
}

// planPort makes the document of an instance's port.
func planPort(p *cloud.Port, qos *cloud.QoSPolicy, generation int64) spec.Port {
	s := spec.Port{ID: spec.PortID(p.ID), Generation: generation, Network: spec.NetworkID(p.NetworkID), Guest: spec.GuestID(p.InstanceID),
		MAC: p.MAC, Addresses: addressesOf(p), Hostname: Hostname(p), Domain: planDomain(p), Options: planOptions(p), AdminUp: p.AdminUp, Security: p.PortSecurity,
		Forwards: p.Forwards, QoS: planQoS(qos)}
	for _, pair := range p.AllowedPairs {
		s.AllowedPairs = append(s.AllowedPairs, spec.AddressPair{MAC: pair.MAC, Address: pair.Address})
	}
	if p.PortSecurity {
		for _, g := range p.SecurityGroups {
			s.Groups = append(s.Groups, spec.GroupID(g))
		}
	}
	return s
}
