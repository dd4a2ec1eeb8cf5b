package store

import (
	"cmp"
	"net/netip"

	"github.com/nubo-cloud/nubo/internal/cloud"
)

var networks = definition[cloud.Network, cloud.NetworkID]{
	table: "networks", resource: "network", short: true,
	id: func(n *cloud.Network) cloud.NetworkID { return n.ID },
	columns: []column[cloud.Network]{
		text("project_id", func(n *cloud.Network) any { return n.ProjectID }),
		text("name", func(n *cloud.Network) any { return n.Name }),
		text("description", func(n *cloud.Network) any { return n.Description }),
		number("revisions", func(n *cloud.Network) any { return n.Revisions }),
		flag("admin_up", func(n *cloud.Network) any { return n.AdminUp }),
		flag("shared", func(n *cloud.Network) any { return n.Shared }),
		flag("external", func(n *cloud.Network) any { return n.External }),
		flag("open", func(n *cloud.Network) any { return n.Shared || n.External && !n.Restricted }),
		flag("default", func(n *cloud.Network) any { return n.Default }),
		number("mtu", func(n *cloud.Network) any { return n.MTU }),
		flag("port_security", func(n *cloud.Network) any { return n.PortSecurity }),
		text("dns_domain", func(n *cloud.Network) any { return n.DNSDomain }),
		text("kind", func(n *cloud.Network) any { return n.Kind }),
		text("physical", func(n *cloud.Network) any { return n.Physical }),
		number("segment", func(n *cloud.Network) any { return n.Segment }),
		text("router_id", func(n *cloud.Network) any { return n.RouterID }),
		flag("auto", func(n *cloud.Network) any { return n.Auto }),
		text("qos", func(n *cloud.Network) any { return n.QoS }),
		set("tags", func(n *cloud.Network) any { return n.Tags }),
	},
	indexes: []index{
		by("project_id", "created_at"),
		by("name"),
		by("router_id"),
		by("external", "created_at").only("external = 1"),
		by("open", "created_at").only("open = 1"),
		unique("auto", "project_id").only("auto = 1"),
		unique("segment", "kind", "physical", "segment").only("segment <> 0"),
		by("qos"),
	},
}

var subnets = definition[cloud.Subnet, cloud.SubnetID]{
	table: "subnets", resource: "subnet", short: true,
	id: func(s *cloud.Subnet) cloud.SubnetID { return s.ID },
	columns: []column[cloud.Subnet]{
		text("project_id", func(s *cloud.Subnet) any { return s.ProjectID }),
		text("network_id", func(s *cloud.Subnet) any { return s.NetworkID }),
		text("name", func(s *cloud.Subnet) any { return s.Name }),
		text("description", func(s *cloud.Subnet) any { return s.Description }),
		number("revisions", func(s *cloud.Subnet) any { return s.Revisions }),
		text("prefix", func(s *cloud.Subnet) any { return s.Prefix }),
		text("gateway", func(s *cloud.Subnet) any { return s.Gateway }),
		text("router_id", func(s *cloud.Subnet) any { return s.RouterID }),
		text("zone", func(s *cloud.Subnet) any { return s.Zone }),
		text("beside", func(s *cloud.Subnet) any { return s.Beside }),
		flag("auto_public", func(s *cloud.Subnet) any { return s.AutoPublic }),
		flag("default", func(s *cloud.Subnet) any { return s.Default }),
		flag("dhcp", func(s *cloud.Subnet) any { return s.DHCP }),
		flag("ipv6", func(s *cloud.Subnet) any { return s.Prefix.Addr().Is6() }),
		text("ra_mode", func(s *cloud.Subnet) any { return s.RAMode }),
		text("address_mode", func(s *cloud.Subnet) any { return s.AddressMode }),
		text("subnet_pool_id", func(s *cloud.Subnet) any { return s.SubnetPoolID }),
		text("segment_id", func(s *cloud.Subnet) any { return s.SegmentID }),
		set("tags", func(s *cloud.Subnet) any { return s.Tags }),
	},
	indexes: []index{
		by("project_id", "created_at"),
		by("network_id", "created_at"),
		by("subnet_pool_id", "created_at"),
		by("segment_id"),
		by("router_id", "created_at"),
		by("name"),
	},
}

var subnetPools = definition[cloud.SubnetPool, cloud.SubnetPoolID]{
	table: "subnet_pools", resource: "subnet pool",
	id: func(p *cloud.SubnetPool) cloud.SubnetPoolID { return p.ID },
	columns: []column[cloud.SubnetPool]{
		text("project_id", func(p *cloud.SubnetPool) any { return p.ProjectID }),
		text("name", func(p *cloud.SubnetPool) any { return p.Name }),
		text("description", func(p *cloud.SubnetPool) any { return p.Description }),
		number("revisions", func(p *cloud.SubnetPool) any { return p.Revisions }),
		flag("ipv6", func(p *cloud.SubnetPool) any { return len(p.Prefixes) > 0 && p.Prefixes[0].Addr().Is6() }),
		number("default_bits", func(p *cloud.SubnetPool) any { return p.DefaultBits }),
		number("min_bits", func(p *cloud.SubnetPool) any { return p.MinBits }),
		number("max_bits", func(p *cloud.SubnetPool) any { return p.MaxBits }),
		number("quota", poolQuota),
		flag("shared", func(p *cloud.SubnetPool) any { return p.Shared }),
		text("scope_id", func(p *cloud.SubnetPool) any { return p.ScopeID }),
		flag("default", func(p *cloud.SubnetPool) any { return p.Default }),
		set("tags", func(p *cloud.SubnetPool) any { return p.Tags }),
	},
	indexes: []index{
		by("project_id", "created_at"),
		by("name"),
		by("shared", "created_at").only("shared = 1"),
		by("scope_id"),
		unique("default", "ipv6").only("\"default\" = 1"),
	},
}

var ports = definition[cloud.Port, cloud.PortID]{
	table: "ports", resource: "port", short: true,
	id: func(p *cloud.Port) cloud.PortID { return p.ID },
	columns: []column[cloud.Port]{
		text("project_id", func(p *cloud.Port) any { return p.ProjectID }),
		text("network_id", func(p *cloud.Port) any { return p.NetworkID }),
		text("name", func(p *cloud.Port) any { return p.Name }),
		text("description", func(p *cloud.Port) any { return p.Description }),
		number("revisions", func(p *cloud.Port) any { return p.Revisions }),
		flag("admin_up", func(p *cloud.Port) any { return p.AdminUp }),
		text("mac", func(p *cloud.Port) any { return p.MAC }),
		text("owner", func(p *cloud.Port) any { return p.Owner }),
		text("owner_text", func(p *cloud.Port) any { return p.OwnerText }),
		text("device_text", func(p *cloud.Port) any { return p.DeviceText }),
		text("instance_id", func(p *cloud.Port) any { return p.InstanceID }),
		text("router_id", func(p *cloud.Port) any { return p.RouterID }),
		text("trunk_id", func(p *cloud.Port) any { return p.TrunkID }),
		number("trunk_tag", func(p *cloud.Port) any { return p.TrunkTag }),
		flag("port_security", func(p *cloud.Port) any { return p.PortSecurity }),
		text("dns_name", func(p *cloud.Port) any { return p.DNSName }),
		text("dns_domain", func(p *cloud.Port) any { return p.DNSDomain }),
		text("vnic_type", func(p *cloud.Port) any { return p.VNICType }),
		text("host_id", func(p *cloud.Port) any { return p.HostID }),
		flag("up", func(p *cloud.Port) any { return p.Up }),
		number("liveness", portLiveness),
		text("device", portDevice),
		number("order", func(p *cloud.Port) any { return p.Order }),
		set("security_groups", func(p *cloud.Port) any { return p.SecurityGroups }),
		set("subnets", func(p *cloud.Port) any { return subnetsOf(p) }),
		set("addresses", func(p *cloud.Port) any { return addressesOf(p) }),
		text("qos", func(p *cloud.Port) any { return p.QoS }),
		set("tags", func(p *cloud.Port) any { return p.Tags }),
	},
	indexes: []index{
		by("project_id", "created_at"),
		unique("mac", "network_id", "mac"),
		by("mac"),
		by("network_id", "created_at"),
		by("network_id", "owner"), // the few that are not of instances
		by("network_id", "host_id"),
		by("instance_id", "order"),
		by("router_id", "created_at"),
		unique("trunk_tag", "trunk_id", "trunk_tag").only("trunk_id <> ''"),
		by("trunk_id"),
		by("host_id", "created_at"),
		by("device_text"),
		by("name"),
		by("qos"),
	},
}

var addressUses = definition[cloud.AddressUse, string]{
	table: "address_uses", resource: "address",
	id: func(a *cloud.AddressUse) string { return a.ID },
	columns: []column[cloud.AddressUse]{
		text("subnet_id", func(a *cloud.AddressUse) any { return a.SubnetID }),
		text("network_id", func(a *cloud.AddressUse) any { return a.NetworkID }),
		text("port_id", func(a *cloud.AddressUse) any { return a.PortID }),
		text("address", func(a *cloud.AddressUse) any { return a.Address }),
		text("sort", func(a *cloud.AddressUse) any { return a.Sort }),
	},
	indexes: []index{
		by("subnet_id", "sort"),
		by("network_id", "sort"),
		by("port_id", "sort"),
		by("address"),
	},
}

var routers = definition[cloud.Router, cloud.RouterID]{
	table: "routers", resource: "router", short: true,
	id: func(r *cloud.Router) cloud.RouterID { return r.ID },
	columns: []column[cloud.Router]{
		text("project_id", func(r *cloud.Router) any { return r.ProjectID }),
		text("name", func(r *cloud.Router) any { return r.Name }),
		text("description", func(r *cloud.Router) any { return r.Description }),
		number("revisions", func(r *cloud.Router) any { return r.Revisions }),
		flag("admin_up", func(r *cloud.Router) any { return r.AdminUp }),
		text("host_id", func(r *cloud.Router) any { return r.HostID }),
		text("gateway_network", func(r *cloud.Router) any { return gatewayOf(r).NetworkID }),
		text("gateway_port", func(r *cloud.Router) any { return gatewayOf(r).PortID }),
		text("qos", func(r *cloud.Router) any { return gatewayOf(r).QoS }),
		text("flavor", func(r *cloud.Router) any { return r.Flavor }),
		flag("distributed", func(r *cloud.Router) any { return r.Distributed }),
		flag("domain", func(r *cloud.Router) any { return r.Domain != nil }),
		flag("default_domain", func(r *cloud.Router) any { return domainOf(r).Default }),
		set("block_short_ids", func(r *cloud.Router) any { return shortBlocks(domainOf(r).Blocks) }),
		set("block_pools", func(r *cloud.Router) any { return poolsOf(domainOf(r).Blocks) }),
		text("options", func(r *cloud.Router) any { return domainOf(r).Options }),
		set("tags", func(r *cloud.Router) any { return r.Tags }),
	},
	indexes: []index{
		by("project_id", "created_at"),
		by("name"),
		by("host_id", "created_at"),
		by("gateway_network"),
		by("gateway_port"),
		by("qos"),
		by("flavor"),
		by("domain", "created_at").only("domain = 1"),
		unique("default_domain", "project_id").only("default_domain = 1"),
		by("options"),
	},
}

var floatingIPs = definition[cloud.FloatingIP, cloud.FloatingIPID]{
	table: "floating_ips", resource: "floating IP", short: true,
	id: func(f *cloud.FloatingIP) cloud.FloatingIPID { return f.ID },
	columns: []column[cloud.FloatingIP]{
		text("project_id", func(f *cloud.FloatingIP) any { return f.ProjectID }),
		text("description", func(f *cloud.FloatingIP) any { return f.Description }),
		number("revisions", func(f *cloud.FloatingIP) any { return f.Revisions }),
		text("network_id", func(f *cloud.FloatingIP) any { return f.NetworkID }),
		text("address", func(f *cloud.FloatingIP) any { return f.Address }),
		text("port_id", func(f *cloud.FloatingIP) any { return f.PortID }),
		text("target_port", func(f *cloud.FloatingIP) any { return f.TargetPort }),
		text("target_address", func(f *cloud.FloatingIP) any { return f.TargetAddress }),
		text("router_id", func(f *cloud.FloatingIP) any { return f.RouterID }),
		flag("passing", func(f *cloud.FloatingIP) any { return f.Passing }),
		flag("idle", func(f *cloud.FloatingIP) any { return f.RouterID == "" }),
		text("dns_name", func(f *cloud.FloatingIP) any { return f.DNSName }),
		text("dns_domain", func(f *cloud.FloatingIP) any { return f.DNSDomain }),
		text("qos", func(f *cloud.FloatingIP) any { return f.QoS }),
		set("forwarded_ports", func(f *cloud.FloatingIP) any { return forwardedPorts(f) }),
		set("tags", func(f *cloud.FloatingIP) any { return f.Tags }),
	},
	indexes: []index{
		by("project_id", "created_at"),
		unique("address", "network_id", "address"),
		unique("target_address", "target_port", "target_address").only("target_port <> ''"),
		by("address"),
		by("port_id"),
		by("router_id", "created_at"),
		by("qos"),
	},
}

var securityGroups = definition[cloud.SecurityGroup, cloud.SecurityGroupID]{
	table: "security_groups", resource: "security group", short: true,
	id: func(s *cloud.SecurityGroup) cloud.SecurityGroupID { return s.ID },
	columns: []column[cloud.SecurityGroup]{
		text("project_id", func(s *cloud.SecurityGroup) any { return s.ProjectID }),
		text("name", func(s *cloud.SecurityGroup) any { return s.Name }),
		text("description", func(s *cloud.SecurityGroup) any { return s.Description }),
		number("revisions", func(s *cloud.SecurityGroup) any { return s.Revisions }),
		text("router_id", func(s *cloud.SecurityGroup) any { return s.RouterID }),
		flag("default", func(s *cloud.SecurityGroup) any { return s.Default }),
		flag("stateless", func(s *cloud.SecurityGroup) any { return s.Stateless }),
		flag("shared", func(s *cloud.SecurityGroup) any { return s.Shared }),
		set("tags", func(s *cloud.SecurityGroup) any { return s.Tags }),
	},
	indexes: []index{
		by("project_id", "created_at"),
		by("shared", "created_at").only("shared = 1"),
		unique("default", "project_id").only("\"default\" = 1"),
		unique("name", "router_id", "name").only("router_id <> ''"),
		by("name"),
	},
}

var securityGroupRules = definition[cloud.SecurityGroupRule, cloud.RuleID]{
	table: "security_group_rules", resource: "security group rule", short: true,
	id: func(s *cloud.SecurityGroupRule) cloud.RuleID { return s.ID },
	columns: []column[cloud.SecurityGroupRule]{
		text("project_id", func(s *cloud.SecurityGroupRule) any { return s.ProjectID }),
		text("group_id", func(s *cloud.SecurityGroupRule) any { return s.GroupID }),
		text("description", func(s *cloud.SecurityGroupRule) any { return s.Description }),
		number("revisions", func(s *cloud.SecurityGroupRule) any { return s.Revisions }),
		text("direction", func(s *cloud.SecurityGroupRule) any { return s.Direction }),
		flag("ipv6", func(s *cloud.SecurityGroupRule) any { return s.IPv6 }),
		text("protocol", func(s *cloud.SecurityGroupRule) any { return s.Protocol }),
		number("port_min", func(s *cloud.SecurityGroupRule) any { return valueOf(s.PortMin) }),
		number("port_max", func(s *cloud.SecurityGroupRule) any { return valueOf(s.PortMax) }),
		text("remote_prefix", func(s *cloud.SecurityGroupRule) any { return s.RemotePrefix }),
		text("remote_group", func(s *cloud.SecurityGroupRule) any { return s.RemoteGroup }),
		text("remote_addresses", func(s *cloud.SecurityGroupRule) any { return s.RemoteAddresses }),
		text("key", func(s *cloud.SecurityGroupRule) any { return s.Key }),
	},
	indexes: []index{
		by("project_id", "created_at"),
		unique("key", "group_id", "key"),
		by("group_id", "created_at"),
		by("remote_group", "created_at"),
		by("remote_addresses", "created_at"),
	},
}

// poolQuota sorts pools without a bound before all others.
func poolQuota(p *cloud.SubnetPool) any {
	if p.ProjectQuota == nil {
		return int64(-1)
	}
	return *p.ProjectQuota
}

// portLiveness sorts ports: those that carry traffic, those that do not, and those that never do.
func portLiveness(p *cloud.Port) any {
	switch {
	case p.Owner == cloud.OwnerFloatingIP:
		return 2
	case p.Up && p.AdminUp:
		return 0
	}
	return 1
}

// portDevice is what a port is plugged into, whatever that is.
func portDevice(p *cloud.Port) any {
	return cmp.Or(string(p.InstanceID), string(p.RouterID), p.DeviceText)
}

func subnetsOf(p *cloud.Port) []cloud.SubnetID {
	out := make([]cloud.SubnetID, len(p.Addresses))
	for n, a := range p.Addresses {
		out[n] = a.SubnetID
	}
	return out
}

func addressesOf(p *cloud.Port) []netip.Addr {
	out := make([]netip.Addr, len(p.Addresses))
	for n, a := range p.Addresses {
		out[n] = a.Address
	}
	return out
}

func forwardedPorts(f *cloud.FloatingIP) []cloud.PortID {
	out := make([]cloud.PortID, len(f.Forwardings))
	for n, p := range f.Forwardings {
		out[n] = p.PortID
	}
	return out
}

func domainOf(r *cloud.Router) cloud.RoutingDomain {
	if r.Domain == nil {
		return cloud.RoutingDomain{}
	}
	return *r.Domain
}

func shortBlocks(blocks []cloud.AddressBlock) []string {
	out := make([]string, len(blocks))
	for n, b := range blocks {
		out[n] = cloud.ShortID(b.ID)
	}
	return out
}

// poolsOf are the subnet pools that blocks were cut from.
func poolsOf(blocks []cloud.AddressBlock) (pools []cloud.SubnetPoolID) {
	for _, b := range blocks {
		if b.PoolID != "" {
			pools = append(pools, b.PoolID)
		}
	}
	return pools
}

func gatewayOf(r *cloud.Router) cloud.RouterGateway {
	if r.Gateway == nil {
		return cloud.RouterGateway{}
	}
	return *r.Gateway
}

// valueOf is what p points to, -1 for nil: 0 is a port, and an ICMP type.
func valueOf(p *int) int {
	if p == nil {
		return -1
	}
	return *p
}
