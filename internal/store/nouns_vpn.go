package store

import "github.com/nubo-cloud/nubo/internal/cloud"

var vpnServices = definition[cloud.VPNService, cloud.VPNServiceID]{
	table: "vpn_services", resource: "VPN service",
	id: func(v *cloud.VPNService) cloud.VPNServiceID { return v.ID },
	columns: []column[cloud.VPNService]{
		text("project_id", func(v *cloud.VPNService) any { return v.ProjectID }),
		text("router_id", func(v *cloud.VPNService) any { return v.RouterID }),
		text("gateway_id", func(v *cloud.VPNService) any { return v.GatewayID }),
		text("subnet_id", func(v *cloud.VPNService) any { return v.SubnetID }),
		text("name", func(v *cloud.VPNService) any { return v.Name }),
		text("description", func(v *cloud.VPNService) any { return v.Description }),
		number("revisions", func(v *cloud.VPNService) any { return v.Revisions }),
		flag("admin_up", func(v *cloud.VPNService) any { return v.AdminUp }),
	},
	indexes: []index{
		by("project_id", "created_at"),
		by("router_id", "created_at"),
		by("subnet_id"),
		by("name"),
		unique("gateway_id", "gateway_id").only("gateway_id <> ''"),
	},
}

var vpnProposals = definition[cloud.VPNProposal, cloud.VPNProposalID]{
	table: "vpn_proposals", resource: "VPN proposal",
	id: func(v *cloud.VPNProposal) cloud.VPNProposalID { return v.ID },
	columns: []column[cloud.VPNProposal]{
		text("project_id", func(v *cloud.VPNProposal) any { return v.ProjectID }),
		text("use", func(v *cloud.VPNProposal) any { return v.Use }),
		text("name", func(v *cloud.VPNProposal) any { return v.Name }),
		text("description", func(v *cloud.VPNProposal) any { return v.Description }),
		number("revisions", func(v *cloud.VPNProposal) any { return v.Revisions }),
		text("encryption", func(v *cloud.VPNProposal) any { return v.Encryption }),
		text("authentication", func(v *cloud.VPNProposal) any { return v.Authentication }),
		text("group", func(v *cloud.VPNProposal) any { return v.Group }),
		text("ike_version", func(v *cloud.VPNProposal) any { return v.IKEVersion }),
		text("phase1", func(v *cloud.VPNProposal) any { return v.Phase1 }),
		text("encapsulation", func(v *cloud.VPNProposal) any { return v.Encapsulation }),
		text("transform", func(v *cloud.VPNProposal) any { return v.Transform }),
	},
	indexes: []index{
		by("project_id", "use", "created_at"),
		by("use", "created_at"),
		by("name"),
	},
}

var endpointGroups = definition[cloud.EndpointGroup, cloud.EndpointGroupID]{
	table: "endpoint_groups", resource: "endpoint group",
	id: func(g *cloud.EndpointGroup) cloud.EndpointGroupID { return g.ID },
	columns: []column[cloud.EndpointGroup]{
		text("project_id", func(g *cloud.EndpointGroup) any { return g.ProjectID }),
		text("name", func(g *cloud.EndpointGroup) any { return g.Name }),
		text("description", func(g *cloud.EndpointGroup) any { return g.Description }),
		number("revisions", func(g *cloud.EndpointGroup) any { return g.Revisions }),
		text("kind", func(g *cloud.EndpointGroup) any { return g.Kind }),
		set("endpoints", func(g *cloud.EndpointGroup) any { return g.Endpoints }),
	},
	indexes: []index{
		by("project_id", "created_at"),
		by("name"),
	},
}

var vpnPeers = definition[cloud.VPNPeer, cloud.VPNPeerID]{
	table: "vpn_peers", resource: "VPN peer", short: true,
	id: func(p *cloud.VPNPeer) cloud.VPNPeerID { return p.ID },
	columns: []column[cloud.VPNPeer]{
		text("project_id", func(p *cloud.VPNPeer) any { return p.ProjectID }),
		text("name", func(p *cloud.VPNPeer) any { return p.Name }),
		number("revisions", func(p *cloud.VPNPeer) any { return p.Revisions }),
		text("address", func(p *cloud.VPNPeer) any { return p.Address }),
		number("asn", func(p *cloud.VPNPeer) any { return p.ASN }),
		set("tags", func(p *cloud.VPNPeer) any { return p.Tags }),
	},
	indexes: []index{by("project_id", "created_at")},
}

var vpnConnections = definition[cloud.VPNConnection, cloud.VPNConnectionID]{
	table: "vpn_connections", resource: "VPN connection", short: true,
	id: func(c *cloud.VPNConnection) cloud.VPNConnectionID { return c.ID },
	columns: []column[cloud.VPNConnection]{
		text("project_id", func(c *cloud.VPNConnection) any { return c.ProjectID }),
		text("service_id", func(c *cloud.VPNConnection) any { return c.ServiceID }),
		text("peer_id", func(c *cloud.VPNConnection) any { return c.PeerID }),
		text("ike", func(c *cloud.VPNConnection) any { return c.IKE }),
		text("esp", func(c *cloud.VPNConnection) any { return c.ESP }),
		set("endpoint_groups", func(c *cloud.VPNConnection) any { return groupsOf(c) }),
		text("local_endpoints", func(c *cloud.VPNConnection) any { return c.LocalEndpoints }),
		text("peer_endpoints", func(c *cloud.VPNConnection) any { return c.PeerEndpoints }),
		text("name", func(c *cloud.VPNConnection) any { return c.Name }),
		text("description", func(c *cloud.VPNConnection) any { return c.Description }),
		number("revisions", func(c *cloud.VPNConnection) any { return c.Revisions }),
		flag("admin_up", func(c *cloud.VPNConnection) any { return c.AdminUp }),
		text("peer_address", func(c *cloud.VPNConnection) any { return c.PeerAddress }),
		text("peer_identity", func(c *cloud.VPNConnection) any { return c.PeerIdentity }),
		text("local_identity", func(c *cloud.VPNConnection) any { return c.LocalIdentity }),
		text("initiator", func(c *cloud.VPNConnection) any { return c.Initiator }),
		number("mtu", func(c *cloud.VPNConnection) any { return c.MTU }),
		set("tags", func(c *cloud.VPNConnection) any { return c.Tags }),
	},
	indexes: []index{
		by("project_id", "created_at"),
		by("service_id", "created_at"),
		by("peer_id"),
		by("ike"),
		by("esp"),
		by("name"),
	},
}

// groupsOf are the endpoint groups that a connection names.
func groupsOf(c *cloud.VPNConnection) (ids []cloud.EndpointGroupID) {
	for _, id := range []cloud.EndpointGroupID{c.LocalEndpoints, c.PeerEndpoints} {
		if id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}
