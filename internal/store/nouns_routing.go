package store

import "github.com/nubo-cloud/nubo/internal/cloud"

var routeTables = definition[cloud.RouteTable, cloud.RouteTableID]{
	table: "route_tables", resource: "route table", short: true,
	id: func(t *cloud.RouteTable) cloud.RouteTableID { return t.ID },
	columns: []column[cloud.RouteTable]{
		text("project_id", func(t *cloud.RouteTable) any { return t.ProjectID }),
		text("router_id", func(t *cloud.RouteTable) any { return t.RouterID }),
		text("name", func(t *cloud.RouteTable) any { return t.Name }),
		number("revisions", func(t *cloud.RouteTable) any { return t.Revisions }),
		flag("main", func(t *cloud.RouteTable) any { return t.Main }),
		set("targets", func(t *cloud.RouteTable) any { return targetsOf(t) }),
		set("subnets", func(t *cloud.RouteTable) any { return usersOf(t.Uses) }),
		set("use_short_ids", func(t *cloud.RouteTable) any { return shortUses(t.Uses) }),
		set("propagating", func(t *cloud.RouteTable) any { return t.Propagating }),
	},
	indexes: []index{
		by("project_id", "created_at"),
		by("router_id", "created_at"),
		unique("main", "router_id").only("main = 1"),
	},
}

var gateways = definition[cloud.Gateway, cloud.GatewayID]{
	table: "gateways", resource: "gateway", short: true,
	id: func(g *cloud.Gateway) cloud.GatewayID { return g.ID },
	columns: []column[cloud.Gateway]{
		text("project_id", func(g *cloud.Gateway) any { return g.ProjectID }),
		text("kind", func(g *cloud.Gateway) any { return g.Kind }),
		text("router_id", func(g *cloud.Gateway) any { return g.RouterID }),
		text("name", func(g *cloud.Gateway) any { return g.Name }),
		number("revisions", func(g *cloud.Gateway) any { return g.Revisions }),
		number("asn", func(g *cloud.Gateway) any { return g.ASN }),
	},
	indexes: []index{
		by("project_id", "created_at"),
		by("router_id", "created_at"),
		unique("kind", "router_id", "kind").only("router_id <> ''"),
	},
}

var natGateways = definition[cloud.NATGateway, cloud.NATGatewayID]{
	table: "nat_gateways", resource: "NAT gateway", short: true,
	id: func(n *cloud.NATGateway) cloud.NATGatewayID { return n.ID },
	columns: []column[cloud.NATGateway]{
		text("project_id", func(n *cloud.NATGateway) any { return n.ProjectID }),
		text("router_id", func(n *cloud.NATGateway) any { return n.RouterID }),
		text("subnet_id", func(n *cloud.NATGateway) any { return n.SubnetID }),
		text("name", func(n *cloud.NATGateway) any { return n.Name }),
		number("revisions", func(n *cloud.NATGateway) any { return n.Revisions }),
		text("port_id", func(n *cloud.NATGateway) any { return n.PortID }),
		text("floating_ip_id", func(n *cloud.NATGateway) any { return n.FloatingIPID }),
	},
	indexes: []index{
		by("project_id", "created_at"),
		by("router_id", "created_at"),
		by("subnet_id"),
		unique("port_id", "port_id"),
		by("floating_ip_id"),
	},
}

var packetFilters = definition[cloud.PacketFilter, cloud.PacketFilterID]{
	table: "packet_filters", resource: "packet filter", short: true,
	id: func(f *cloud.PacketFilter) cloud.PacketFilterID { return f.ID },
	columns: []column[cloud.PacketFilter]{
		text("project_id", func(f *cloud.PacketFilter) any { return f.ProjectID }),
		text("router_id", func(f *cloud.PacketFilter) any { return f.RouterID }),
		text("name", func(f *cloud.PacketFilter) any { return f.Name }),
		number("revisions", func(f *cloud.PacketFilter) any { return f.Revisions }),
		flag("default", func(f *cloud.PacketFilter) any { return f.Default }),
		set("subnets", func(f *cloud.PacketFilter) any { return usersOf(f.Uses) }),
		set("use_short_ids", func(f *cloud.PacketFilter) any { return shortUses(f.Uses) }),
	},
	indexes: []index{
		by("project_id", "created_at"),
		by("router_id", "created_at"),
		unique("default", "router_id").only("\"default\" = 1"),
	},
}

var peerings = definition[cloud.Peering, cloud.PeeringID]{
	table: "peerings", resource: "peering", short: true,
	id: func(p *cloud.Peering) cloud.PeeringID { return p.ID },
	columns: []column[cloud.Peering]{
		text("project_id", func(p *cloud.Peering) any { return p.ProjectID }),
		text("accepter_project", func(p *cloud.Peering) any { return p.AccepterProject }),
		text("name", func(p *cloud.Peering) any { return p.Name }),
		number("revisions", func(p *cloud.Peering) any { return p.Revisions }),
		text("router_id", func(p *cloud.Peering) any { return p.RouterID }),
		text("accepter_router", func(p *cloud.Peering) any { return p.AccepterRouter }),
		text("state", func(p *cloud.Peering) any { return p.State }),
		text("network_id", func(p *cloud.Peering) any { return p.NetworkID }),
	},
	indexes: []index{
		by("project_id", "created_at"),
		by("accepter_project", "created_at"),
		by("router_id", "created_at"),
		by("accepter_router", "created_at"),
		by("state", "updated_at"),
	},
}

var dhcpOptionSets = definition[cloud.DHCPOptionSet, cloud.DHCPOptionSetID]{
	table: "dhcp_option_sets", resource: "DHCP option set", short: true,
	id: func(d *cloud.DHCPOptionSet) cloud.DHCPOptionSetID { return d.ID },
	columns: []column[cloud.DHCPOptionSet]{
		text("project_id", func(d *cloud.DHCPOptionSet) any { return d.ProjectID }),
		text("name", func(d *cloud.DHCPOptionSet) any { return d.Name }),
		number("revisions", func(d *cloud.DHCPOptionSet) any { return d.Revisions }),
	},
	indexes: []index{by("project_id", "created_at")},
}

// targetsOf are the ids of what a table's routes lead to.
func targetsOf(t *cloud.RouteTable) []string {
	out := make([]string, len(t.Routes))
	for n, r := range t.Routes {
		out[n] = r.Target
	}
	return out
}

// usersOf are the subnets that use a table or filter; a main table's own use has none.
func usersOf(uses []cloud.TableUse) []cloud.SubnetID {
	var out []cloud.SubnetID
	for _, u := range uses {
		if u.SubnetID != "" {
			out = append(out, u.SubnetID)
		}
	}
	return out
}

func shortUses(uses []cloud.TableUse) []string {
	out := make([]string, len(uses))
	for n, u := range uses {
		out[n] = cloud.ShortID(u.ID)
	}
	return out
}
