package testcloud

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

// domains looks for what routing domains left behind.
func (l *leftovers) domains(c *Cloud) {
	var err error
	subnets := index(c.Store.Subnets, func(s *cloud.Subnet) cloud.SubnetID { return s.ID }, &err)
	uses := func(noun, id string, router cloud.RouterID, uses []cloud.TableUse) {
		if l.routers[router] == nil {
			l.add("%s %s of routing domain %s, which is gone", noun, id, router)
		}
		for _, u := range uses {
			if u.SubnetID != "" && subnets[u.SubnetID] == nil {
				l.add("%s %s is used by subnet %s, which is gone", noun, id, u.SubnetID)
			}
		}
	}
	for _, t := range all(c.Store.RouteTables, &err) {
		uses("route table", string(t.ID), t.RouterID, t.Uses)
	}
	for _, f := range all(c.Store.PacketFilters, &err) {
		uses("packet filter", string(f.ID), f.RouterID, f.Uses)
	}
	for _, n := range all(c.Store.NATGateways, &err) {
		uses("NAT gateway", string(n.ID), n.RouterID, nil)
		if l.ports[n.PortID] == nil {
			l.add("NAT gateway %s has lost its port %s", n.ID, n.PortID)
		}
	}
	for _, f := range all(c.Store.FloatingIPs, &err) {
		if f.Passing && l.ports[f.TargetPort] == nil {
			l.add("floating IP %s passes with port %q, which is gone", f.ID, f.TargetPort)
		}
	}
	l.links(c.Store.Networks)
	if err != nil {
		l.add("%v", err)
	}
}

// links looks for links between routers with an end that is missing.
func (l *leftovers) links(networks cloud.Records[cloud.Network, cloud.NetworkID]) {
	ends := map[cloud.NetworkID]int{}
	for _, p := range l.ports {
		if p.Owner == cloud.OwnerRouterLink || p.Owner == cloud.OwnerVPN {
			ends[p.NetworkID]++
		}
		if p.RouterID != "" && l.routers[p.RouterID] == nil {
			l.add("port %s of router %s, which is gone", p.ID, p.RouterID)
		}
	}
	list, err := networks.List(context.Background(), cloud.Where(cloud.Eq("project_id", ""), cloud.Eq("name", "link")))
	if err != nil {
		l.add("%v", err)
	}
	for _, n := range list {
		if ends[n.ID] == 0 {
			l.add("link %s joins nothing", n.ID)
		}
	}
}
