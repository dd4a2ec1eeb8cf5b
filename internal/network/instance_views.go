package network

import (
	"context"
	"net/netip"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// PortView is a port with all that is shown beside it.
type PortView = cloud.PortView

// InstancePorts answers the ports of instances, in the order of their NICs, with a fixed number of
// queries. It asks no policy: whoever may see the instance may see these.
func (s *Service) InstancePorts(ctx context.Context, ids []cloud.InstanceID) (views map[cloud.InstanceID][]PortView, err error) {
	err = s.Tx.View(ctx, func(ctx context.Context) error {
		ports, err := s.Ports.List(ctx, cloud.Query{Where: []cloud.Cond{cloud.In("instance_id", ids)}, Order: []cloud.Order{{Column: "order"}}})
		if err != nil {
			return err
		}
		all, err := s.PortViews(ctx, ports)
		if err != nil {
			return err
		}
		views = make(map[cloud.InstanceID][]PortView, len(ids))
		for _, v := range all {
			views[v.Port.InstanceID] = append(views[v.Port.InstanceID], v)
		}
		return nil
	})
	return views, err
}

// PortViews puts beside each port what is shown with it.
func (s *Service) PortViews(ctx context.Context, ports []*cloud.Port) ([]PortView, error) {
	b, err := s.besidePorts(ctx, ports)
	if err != nil {
		return nil, err
	}
	views := make([]PortView, len(ports))
	for i, p := range ports {
		views[i] = b.view(p, s.Config.Domain)
	}
	return views, nil
}

// beside is what several ports' views are made of.
type beside struct {
	networks map[cloud.NetworkID]*cloud.Network
	subnets  map[cloud.SubnetID]*cloud.Subnet
	domains  map[cloud.RouterID]*cloud.Router
	groups   map[cloud.SecurityGroupID]*cloud.SecurityGroup
	floating map[cloud.PortID][]*cloud.FloatingIP
	service  map[cloud.SubnetID]netip.Addr
}

func (s *Service) besidePorts(ctx context.Context, ports []*cloud.Port) (b beside, err error) {
	networkSet, groupSet, portIDs := map[cloud.NetworkID]bool{}, map[cloud.SecurityGroupID]bool{}, make([]cloud.PortID, len(ports))
	for i, p := range ports {
		portIDs[i] = p.ID
		networkSet[p.NetworkID] = true
		for _, g := range p.SecurityGroups {
			groupSet[g] = true
		}
	}
	networks, err := s.Networks.List(ctx, cloud.Where(cloud.In("id", keys(networkSet))))
	if err != nil {
		return b, err
	}
	subnets, err := s.Subnets.List(ctx, cloud.Where(cloud.In("id", subnetIDs(ports))))
	if err != nil {
		return b, err
	}
	groups, err := s.Groups.List(ctx, cloud.Where(cloud.In("id", keys(groupSet))))
	if err != nil {
		return b, err
	}
	floating, err := s.FloatingIPs.List(ctx, cloud.Where(cloud.In("target_port", portIDs)))
	if err != nil {
		return b, err
	}
	b = beside{networks: byID(networks, func(n *cloud.Network) cloud.NetworkID { return n.ID }),
		subnets:  byID(subnets, func(n *cloud.Subnet) cloud.SubnetID { return n.ID }),
		groups:   byID(groups, func(n *cloud.SecurityGroup) cloud.SecurityGroupID { return n.ID }),
		floating: map[cloud.PortID][]*cloud.FloatingIP{}, service: map[cloud.SubnetID]netip.Addr{}}
	for _, f := range floating {
		b.floating[f.TargetPort] = append(b.floating[f.TargetPort], f)
	}
	if b.domains, err = s.domainsOf(ctx, subnets); err != nil {
		return b, err
	}
	return b, s.besideService(ctx, &b, keys(networkSet))
}

// domainsOf are the routing domains that subnets were cut from.
func (s *Service) domainsOf(ctx context.Context, subnets []*cloud.Subnet) (map[cloud.RouterID]*cloud.Router, error) {
	ids := map[cloud.RouterID]bool{}
	for _, sub := range subnets {
		if sub.RouterID != "" {
			ids[sub.RouterID] = true
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	routers, err := s.Routers.List(ctx, cloud.Where(cloud.In("id", keys(ids))))
	return byID(routers, func(r *cloud.Router) cloud.RouterID { return r.ID }), err
}

func (s *Service) besideService(ctx context.Context, b *beside, networks []cloud.NetworkID) error {
	ours, err := s.Ports.List(ctx, cloud.Where(cloud.In("network_id", networks), cloud.Eq("owner", string(cloud.OwnerService))))
	for _, p := range ours {
		for _, a := range p.Addresses {
			b.service[a.SubnetID] = a.Address
		}
	}
	return err
}

func (b beside) view(p *cloud.Port, domain string) PortView {
	v := PortView{Port: p, Floating: b.floating[p.ID], Domain: domain}
	if n := b.networks[p.NetworkID]; n != nil {
		v.NetworkName, v.MTU = n.Name, n.MTU
		if n.DNSDomain != "" {
			v.Domain = n.DNSDomain
		}
	}
	for _, a := range p.Addresses {
		sub := b.subnets[a.SubnetID]
		if sub == nil || slices.Contains(v.Subnets, sub) {
			continue
		}
		v.Subnets = append(v.Subnets, sub)
		if r := b.domains[sub.RouterID]; r != nil {
			v.Router = r
		}
		v.Routes = append(v.Routes, sub.Routes...)
		v.DNS = union(v.DNS, b.servers(sub))
	}
	for _, g := range p.SecurityGroups {
		if group := b.groups[g]; group != nil {
			v.Groups = append(v.Groups, group)
		}
	}
	return v
}

// servers are the DNS servers of a subnet: those it names, or ours.
func (b beside) servers(sub *cloud.Subnet) []netip.Addr {
	if len(sub.DNS) > 0 || !sub.DHCP {
		return sub.DNS
	}
	if a, ok := b.service[sub.ID]; ok {
		return []netip.Addr{a}
	}
	return nil
}

// ListSecurityGroupsByInstance answers the groups that instances' ports are in, each once.
func (s *Service) ListSecurityGroupsByInstance(ctx context.Context, ids []cloud.InstanceID) (map[cloud.InstanceID][]*cloud.SecurityGroup, error) {
	views, err := s.InstancePorts(ctx, ids)
	if err != nil {
		return nil, err
	}
	groups := make(map[cloud.InstanceID][]*cloud.SecurityGroup, len(views))
	for id, ports := range views {
		for _, p := range ports {
			groups[id] = union(groups[id], p.Groups)
		}
	}
	return groups, nil
}
