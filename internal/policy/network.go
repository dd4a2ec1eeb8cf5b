package policy

import "github.com/nubo-cloud/nubo/internal/cloud"

// networkRules: networks, subnets, ports, routers, floating IPs, security groups.
// Actions that name a field ("port.bind") say who may set that field; where the comment says so, the
// target's project is the network's and not the port's.
var networkRules = map[Action]Rule{
	"network.get":          SharedReader, // shared and external ones are everybody's to see
	"network.create":       ProjectMaker,
	"network.update":       ProjectMember,
	"network.delete":       ProjectMember,
	"network.share":        Admin,
	"network.external":     Admin,
	"network.provider":     Admin,
	"network.see_provider": SystemReader,
	"network.attach":       sharedMember, // make a port on it
	"network.availability": SystemReader, // how many addresses are left

	"subnet.get":           SharedReader,
	"subnet.create":        ProjectMember, // the network's project
	"subnet.update":        ProjectMember, // the subnet's project or the network's
	"subnet.delete":        ProjectMember,
	"subnet.service_types": ProjectMember,
	"subnet.segment":       Admin,

	"segment.get":          SystemReader,
	"segment.create":       Admin,
	"segment.update":       Admin,
	"segment.delete":       Admin,
	"segment range.get":    SystemReader,
	"segment range.create": Admin,
	"segment range.update": Admin,
	"segment range.delete": Admin,

	"subnet pool.get":     SharedReader,
	"subnet pool.create":  ProjectMaker,
	"subnet pool.update":  ProjectMember,
	"subnet pool.delete":  ProjectMember,
	"subnet pool.use":     sharedMember, // cut a subnet from it
	"subnet pool.share":   Admin,
	"subnet pool.default": Admin,

	"address scope.get":    SharedReader,
	"address scope.create": ProjectMaker,
	"address scope.update": ProjectMember,
	"address scope.delete": ProjectMember,
	"address scope.use":    sharedMember, // put a pool of one's own into it
	"address scope.share":  Admin,

	"share.get":      ProjectReader, // the project that shares
	"share.create":   ProjectMember,
	"share.update":   ProjectMember,
	"share.delete":   ProjectMember,
	"share.all":      Admin, // with every project
	"share.any_noun": Admin, // what another project owns

	"port.get":         ProjectReader, // the port's project or the network's
	"port.create":      ProjectMaker,
	"port.update":      ProjectMember,
	"port.delete":      ProjectMember,
	"port.bind":        Admin,
	"port.see_binding": SystemReader,
	"port.address":     ProjectMember, // MAC and chosen address: the network's project
	"port.security":    ProjectMember, // port security and allowed pairs: the network's project
	"port.owner":       ProjectMember, // owners that are the cloud's own: the network's project

	"router.get":             ProjectReader,
	"router.create":          ProjectMaker,
	"router.update":          ProjectMember,
	"router.delete":          ProjectMember,
	"router.snat":            Admin,
	"router.fixed_gateway":   Admin,
	"router.distributed":     Admin,
	"router.see_distributed": SystemReader,

	"routing domain.get":     ProjectReader,
	"routing domain.create":  ProjectMaker,
	"routing domain.update":  ProjectMember, // also its blocks, and which tables and filters its subnets use
	"routing domain.delete":  ProjectMember,
	"route table.get":        ProjectReader,
	"route table.create":     ProjectMaker,
	"route table.update":     ProjectMember, // its routes, too
	"route table.delete":     ProjectMember,
	"packet filter.get":      ProjectReader,
	"packet filter.create":   ProjectMaker,
	"packet filter.update":   ProjectMember,
	"packet filter.delete":   ProjectMember,
	"gateway.get":            ProjectReader,
	"gateway.create":         ProjectMaker,
	"gateway.update":         ProjectMember, // also what it is attached to
	"gateway.delete":         ProjectMember,
	"NAT gateway.get":        ProjectReader,
	"NAT gateway.create":     ProjectMaker,
	"NAT gateway.update":     ProjectMember,
	"NAT gateway.delete":     ProjectMember,
	"peering.get":            ProjectReader, // the project of either end
	"peering.create":         ProjectMaker,
	"peering.update":         ProjectMember,
	"peering.answer":         ProjectMember, // accept or reject: the project that is asked
	"peering.delete":         ProjectMember, // the project of either end
	"DHCP option set.get":    ProjectReader,
	"DHCP option set.create": ProjectMaker,
	"DHCP option set.update": ProjectMember,
	"DHCP option set.delete": ProjectMember,

	"floating IP.get":      ProjectReader,
	"floating IP.create":   ProjectMaker,
	"floating IP.update":   ProjectMember,
	"floating IP.delete":   ProjectMember,
	"floating IP.address":  Admin, // choosing it
	"floating IP.any_port": Admin, // leading it to another project's

	"security group.get":            SharedReader,
	"security group.create":         ProjectMaker,
	"security group.update":         ProjectMember,
	"security group.delete":         ProjectMember,
	"security group.delete_default": Admin, // of a project that ends
	"security group rule.get":       ProjectReader,
	"security group rule.create":    ProjectMember,
	"security group rule.update":    ProjectMember,
	"security group rule.delete":    ProjectMember,

	"VPN service.get":       ProjectReader,
	"VPN service.create":    ProjectMaker,
	"VPN service.update":    ProjectMember, // making connections to it, too
	"VPN service.delete":    ProjectMember,
	"VPN proposal.get":      ProjectReader,
	"VPN proposal.create":   ProjectMaker,
	"VPN proposal.update":   ProjectMember,
	"VPN proposal.delete":   ProjectMember,
	"endpoint group.get":    ProjectReader,
	"endpoint group.create": ProjectMaker,
	"endpoint group.update": ProjectMember,
	"endpoint group.delete": ProjectMember,
	"VPN peer.get":          ProjectReader,
	"VPN peer.create":       ProjectMaker,
	"VPN peer.update":       ProjectMember,
	"VPN peer.delete":       ProjectMember,
	"VPN connection.get":    ProjectReader, // with its secrets
	"VPN connection.create": ProjectMaker,
	"VPN connection.update": ProjectMember,
	"VPN connection.delete": ProjectMember,

	"trunk.get":    ProjectReader,
	"trunk.create": ProjectMaker,
	"trunk.update": ProjectMember, // also its branches
	"trunk.delete": ProjectMember,

	"address group.get":    SharedReader,
	"address group.create": ProjectMaker,
	"address group.update": ProjectMember,
	"address group.delete": ProjectMember,

	"rule template.get":    Anyone,
	"rule template.create": Admin,
	"rule template.delete": Admin,

	"router flavor.get":     Anyone,
	"router flavor.create":  Admin,
	"router flavor.update":  Admin,
	"router flavor.delete":  Admin,
	"router profile.get":    SystemReader,
	"router profile.create": Admin,
	"router profile.update": Admin,
	"router profile.delete": Admin,

	"meter.get":    SystemReader,
	"meter.create": Admin,
	"meter.update": Admin, // its rules; deleting it, too

	"network agent.get":      SystemReader,
	"network agent.schedule": Admin,
	"network agent.update":   Admin,
	"QoS policy.get":         SharedReader,
	"QoS policy.create":      ProjectManager,
	"QoS policy.update":      ProjectManager, // its rules as well
	"QoS policy.delete":      ProjectManager,
	"QoS policy.share":       Admin,
	"QoS driver.get":         SystemReader,
}

// sharedMember is ProjectMember, or a member of any project if the target is shared.
func sharedMember(p *cloud.Principal, t Target) bool {
	return ProjectMember(p, t) || t.Shared && p.ProjectID != "" && p.Has("member")
}
