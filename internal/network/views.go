package network

import (
	"context"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/policy"
)

// SubnetsByNetwork answers the subnets of networks, oldest first.
func (s *Service) SubnetsByNetwork(ctx context.Context, networks []*cloud.Network) (map[cloud.NetworkID][]*cloud.Subnet, error) {
	subnets, err := s.Subnets.List(ctx, cloud.Where(cloud.In("network_id", networkIDs(networks))))
	return allBy(subnets, func(sub *cloud.Subnet) cloud.NetworkID { return sub.NetworkID }), err
}

// Scopes are the address scopes of a network's addresses, empty for none.
type Scopes struct{ IPv4, IPv6 cloud.AddressScopeID }

// ScopesByNetwork answers the address scopes of networks with these subnets: those of the pools they were cut from.
func (s *Service) ScopesByNetwork(ctx context.Context, subnets map[cloud.NetworkID][]*cloud.Subnet) (map[cloud.NetworkID]Scopes, error) {
	pools := map[cloud.SubnetPoolID]bool{}
	for _, subs := range subnets {
		for _, sub := range subs {
			if sub.SubnetPoolID != "" {
				pools[sub.SubnetPoolID] = true
			}
		}
	}
	if len(pools) == 0 {
		return nil, nil
	}
	rows, err := s.SubnetPools.List(ctx, cloud.Where(cloud.In("id", keys(pools))))
	by := byID(rows, func(p *cloud.SubnetPool) cloud.SubnetPoolID { return p.ID })
	scopes := map[cloud.NetworkID]Scopes{}
	for id, subs := range subnets {
		for _, sub := range subs {
			if p := by[sub.SubnetPoolID]; p != nil {
				scopes[id] = scopes[id].with(p)
			}
		}
	}
	return scopes, err
}

func (s Scopes) with(p *cloud.SubnetPool) Scopes {
	if poolIPv6(p) {
		s.IPv6 = p.ScopeID
	} else {
		s.IPv4 = p.ScopeID
	}
	return s
}

// RulesByGroup answers the rules of groups, oldest first.
func (s *Service) RulesByGroup(ctx context.Context, groups []*cloud.SecurityGroup) (map[cloud.SecurityGroupID][]*cloud.SecurityGroupRule, error) {
	ids := columnOf(groups, func(g *cloud.SecurityGroup) cloud.SecurityGroupID { return g.ID })
	rules, err := s.Rules.List(ctx, cloud.Where(cloud.In("group_id", ids)))
	return allBy(rules, func(r *cloud.SecurityGroupRule) cloud.SecurityGroupID { return r.GroupID }), err
}

// GroupsOf answers the groups that rules belong to.
func (s *Service) GroupsOf(ctx context.Context, rules []*cloud.SecurityGroupRule) (map[cloud.SecurityGroupID]*cloud.SecurityGroup, error) {
	ids := columnOf(rules, func(r *cloud.SecurityGroupRule) cloud.SecurityGroupID { return r.GroupID })
	groups, err := s.Groups.List(ctx, cloud.Where(cloud.In("id", ids)))
	return byID(groups, func(g *cloud.SecurityGroup) cloud.SecurityGroupID { return g.ID }), err
}

// RemoteGroups answers the groups whose ports the rules let in, or out to.
func (s *Service) RemoteGroups(ctx context.Context, rules []*cloud.SecurityGroupRule) (map[cloud.SecurityGroupID]*cloud.SecurityGroup, error) {
	ids := columnOf(rules, func(r *cloud.SecurityGroupRule) cloud.SecurityGroupID { return r.RemoteGroup })
	groups, err := s.Groups.List(ctx, cloud.Where(cloud.In("id", ids)))
	return byID(groups, func(g *cloud.SecurityGroup) cloud.SecurityGroupID { return g.ID }), err
}

// GatewayAddresses answers the addresses of routers' gateways.
func (s *Service) GatewayAddresses(ctx context.Context, routers []*cloud.Router) (map[cloud.RouterID][]cloud.PortAddress, error) {
	var ids []string
	for _, r := range routers {
		if r.Gateway != nil {
			ids = append(ids, string(r.Gateway.PortID))
		}
	}
	ports, err := s.Ports.List(ctx, cloud.Where(cloud.In("id", ids)))
	by := map[cloud.RouterID][]cloud.PortAddress{}
	for _, p := range ports {
		by[p.RouterID] = p.Addresses
	}
	return by, err
}

// TargetPorts answers the ports that floating IPs lead to.
func (s *Service) TargetPorts(ctx context.Context, floating []*cloud.FloatingIP) (map[cloud.PortID]*cloud.Port, error) {
	var ids []string
	for _, f := range floating {
		if f.TargetPort != "" {
			ids = append(ids, string(f.TargetPort))
		}
	}
	ports, err := s.Ports.List(ctx, cloud.Where(cloud.In("id", ids)))
	return byID(ports, func(p *cloud.Port) cloud.PortID { return p.ID }), err
}

// FloatingSubnets answers the IPv4 subnets of external networks that the caller sees: where floating IPs come from.
func (s *Service) FloatingSubnets(ctx context.Context) ([]*cloud.Subnet, error) {
	outside, err := s.ListNetworks(ctx, cloud.Where(cloud.Eq("external", true)))
	if err != nil {
		return nil, err
	}
	return s.Subnets.List(ctx, cloud.Where(cloud.In("network_id", networkIDs(outside)), cloud.Eq("ipv6", false)))
}

// Domains answers the DNS suffixes of the networks that ports are on.
func (s *Service) Domains(ctx context.Context, ports []*cloud.Port) (map[cloud.NetworkID]string, error) {
	domains := map[cloud.NetworkID]string{}
	for _, p := range ports {
		domains[p.NetworkID] = s.Config.Domain
	}
	networks, err := s.Networks.List(ctx, cloud.Where(cloud.In("id", keys(domains))), func(n *cloud.Network) bool { return n.DNSDomain != "" })
	for _, n := range networks {
		domains[n.ID] = n.DNSDomain
	}
	return domains, err
}

// SeesProvider tells whether the caller is shown how networks are carried, SeesBinding where ports are.
func (s *Service) SeesProvider(ctx context.Context) bool {
	return policy.May(ctx, "network.see_provider", policy.Target{})
}

// SeesBinding tells whether the caller is shown where ports are plugged.
func (s *Service) SeesBinding(ctx context.Context) bool {
	return policy.May(ctx, "port.see_binding", policy.Target{})
}

// SeesDistributed tells whether the caller is shown which routers have copies.
func (s *Service) SeesDistributed(ctx context.Context) bool {
	return policy.May(ctx, "router.see_distributed", policy.Target{})
}

// Zones lists the availability zones of the hosts.
func (s *Service) Zones(ctx context.Context) ([]string, error) {
	hosts, err := s.HostRecords.List(ctx, cloud.Query{})
	var zones []string
	for _, h := range hosts {
		if !slices.Contains(zones, h.Zone) {
			zones = append(append(zones, h.Zone), s.Config.ZoneNames.Of(h.Zone)...)
		}
	}
	slices.Sort(zones)
	return zones, err
}

// AgentHosts lists the hosts, on each of which our agent does what networks need there.
func (s *Service) AgentHosts(ctx context.Context) ([]*cloud.Host, error) {
	if err := policy.Authorize(ctx, "network agent.get", policy.Target{Resource: "network agent"}); err != nil {
		return nil, err
	}
	return s.HostRecords.List(ctx, cloud.Query{})
}
