package neutron

import (
	"net/http"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/openstack"
)

// extension is a part of the API beyond networks, subnets and ports.
type extension struct{ alias, name, description string }

// extensions are those that work here. A client decides by this list what it asks for.
var extensions = []extension{
	{"address-group", "Address group", "Named lists of addresses for rules of security groups."},
	{"address-scope", "Address scope", "Realms within which the prefixes of subnet pools do not overlap."},
	{"agent", "agent", "The agent management extension: a view of what runs on each host."},
	{"allowed-address-pairs", "Allowed Address Pairs", "Addresses that a port may send from besides its own."},
	{"auto-allocated-topology", "Auto Allocated Topology Services", "A network of its own for a project that asks."},
	{"availability_zone", "Availability Zone", "Lists the availability zones."},
	{"binding", "Port Binding", "Where a port is plugged, for operators."},
	{"default-subnetpools", "Default Subnetpools", "A subnet pool to take when none is named."},
	{"dhcp_agent_scheduler", "DHCP Agent Scheduler", "Which hosts answer DHCP for networks."},
	{"dns-domain-ports", "dns_domain for ports", "Domains of ports, answered by the DNS of their network."},
	{"dns-integration", "DNS Integration", "Names of ports, answered by the DNS of their network."},
	{"dvr", "Distributed Virtual Router", "Routers that run on each host of their guests."},
	{"external-net", "Neutron external network", "Networks that lead out."},
	{"extra_dhcp_opt", "Neutron Extra DHCP options", "Extra DHCP options of ports."},
	{"extraroute", "Neutron Extra Route", "Static routes of routers."},
	{"extraroute-atomic", "Atomically add/remove extra routes", "Adds and removes static routes one by one."},
	{"ext-gw-mode", "Neutron L3 Configurable external gateway mode", "Routers with and without source NAT."},
	{"filter-validation", "Filter parameters validation", "A filter that is not known is an error."},
	{"flavors", "Neutron Service Flavors", "Flavors of routers, and their profiles."},
	{"floatingip-pools", "Floating IP Pools Extension", "The subnets that floating IPs come from."},
	{"floating-ip-port-forwarding", "Floating IP Port Forwarding", "Leads some ports of a floating IP to a port."},
	{"floating-ip-port-forwarding-description", "Floating IP Port Forwarding support description", "Descriptions of port forwardings."},
	{"floating-ip-port-forwarding-detail", "Floating IP Port Forwarding Detail Extension", "Shows the port forwardings of floating IPs."},
	{"floating-ip-port-forwarding-port-ranges", "Floating IP Port Forwarding support port ranges", "Port forwardings of ranges."},
	{"fip-port-details", "Floating IP Port Details Extension", "Shows the port that a floating IP leads to."},
	{"ip_allocation", "IP Allocation", "Says how a port got its addresses."},
	{"ip-substring-filtering", "IP address substring filtering", "Finds ports by a part of an address."},
	{"l3-flavors", "Router Flavor Extension", "Routers with a flavor."},
	{"l3_agent_scheduler", "L3 Agent Scheduler", "Which host a router runs on."},
	{"metering", "Neutron Metering", "Counts what passes the gateways of routers."},
	{"metering_source_and_destination_fields", "Neutron Metering with source and destination filtering", "Rules of metering by source and destination."},
	{"multi-provider", "Multi Provider Network", "Networks of several segments."},
	{"net-mtu", "Network MTU", "Shows the MTU of networks."},
	{"net-mtu-writable", "Network MTU (writable)", "Sets the MTU of networks."},
	{"network-ip-availability", "Network IP Availability", "How many addresses of networks are left."},
	{"network-segment-range", "Neutron Network Segment Range", "Numbers that segments get when nobody names one."},
	{"network_availability_zone", "Network Availability Zone", "Availability zones of networks."},
	{"pagination", "Pagination support", "Pages of lists."},
	{"port-mac-address-regenerate", "Neutron Port MAC address regenerate", "A new MAC for a port whose MAC is set to null."},
	{"port-security", "Port Security", "Switches filters and protection against spoofing off."},
	{"port-trusted-vif", "Port trusted vif", "Operators trust the device of a port."},
	{"project-id", "project_id field enabled", "project_id besides tenant_id."},
	{"provider", "Provider Network", "How networks are carried, for operators."},
	{"quota_details", "Quota details management support", "Shows use besides limits."},
	{"quotas", "Quota management support", "Limits of projects."},
	{"rbac-address-group", "Add address_group type to RBAC", "Shares address groups with projects."},
	{"rbac-address-scope", "Add address_scope type to RBAC", "Shares address scopes with projects."},
	{"rbac-policies", "RBAC Policies", "Shares networks with projects."},
	{"rbac-security-groups", "Add security_group type to network RBAC", "Shares security groups with projects."},
	{"rbac-subnetpool", "Add subnetpool type to RBAC", "Shares subnet pools with projects."},
	{"revision-if-match", "If-Match constraints based on revision_number", "Changes only what is at the revision that the client knows."},
	{"router", "Neutron L3 Router", "Routers and floating IPs."},
	{"router-admin-state-down-before-update", "Enforce Router's Admin State Down Before Update Extension", "Routers are down while they become distributed."},
	{"router_availability_zone", "Router Availability Zone", "Availability zones of routers."},
	{"qos", "Quality of Service", "Policies that bound, mark and promise traffic of ports and networks."},
	{"qos-bw-limit-direction", "Direction for QoS bandwidth limit rule", "Bandwidth limits in either direction."},
	{"qos-bw-minimum-ingress", "Ingress direction for QoS minimum bandwidth rule", "Promised bandwidth in either direction."},
	{"qos-default", "QoS default policy", "A policy for the new networks of a project."},
	{"qos-fip", "Floating IP QoS", "Policies of floating IPs."},
	{"qos-gateway-ip", "Gateway IP QoS", "Policies of routers' gateways."},
	{"qos-port-network-policy", "QoS policy of the network of a port", "Shows on a port the policy of its network."},
	{"qos-pps", "QoS packet rate limit", "Limits of packets a second."},
	{"qos-pps-minimum", "QoS minimum packet rate", "Promised packets a second."},
	{"qos-pps-minimum-rule-alias", "Alias for minimum packet rate rules", "Minimum packet rate rules by their id alone."},
	{"qos-rule-type-details", "Details of QoS rule types", "What each kind of rule can say."},
	{"qos-rules-alias", "Alias for QoS rules", "Rules by their id alone."},
	{"port-resource-request", "Port Resource Request", "What a port asks of the host of its instance."},
	{"port-resource-request-groups", "Port Resource Request Groups", "The same in groups."},
	{"security-group", "security-group", "Security groups and rules."},
	{"security-groups-shared-filtering", "Security group filtering on the shared field", "Finds shared security groups."},
	{"security-groups-default-rules", "Default rules for security groups", "The rules that new security groups begin with."},
	{"security-groups-normalized-cidr", "Normalized CIDR field for security group rules", "Shows the prefix as it is applied."},
	{"security-groups-remote-address-group", "Remote address group id field for security group rules", "Rules whose other side is an address group."},
	{"security-groups-rules-belongs-to-default-sg", "Security group rules belong to default SG", "Says whether a rule is of the default group."},
	{"segment", "Segment", "Where networks are carried, piece by piece, for operators."},
	{"service-type", "Neutron Service Type Management", "Service providers."},
	{"sorting", "Sorting support", "Order of lists."},
	{"stateful-security-group", "Stateful security group", "Security groups that do not remember connections."},
	{"standard-attr-description", "standard-attr-description", "Descriptions."},
	{"standard-attr-revisions", "Resource revision numbers", "Revision numbers."},
	{"standard-attr-segment", "Standard Attribute Segment Extension", "Descriptions, revision numbers and times of segments."},
	{"standard-attr-tag", "Tag support for resources with standard attribute", "Tags."},
	{"standard-attr-timestamp", "Resource timestamps", "Times of creation and change."},
	{"tag-ports-during-bulk-creation", "Tag Ports During Bulk Creation", "Tags in the request that makes a resource."},
	{"trunk", "Trunk Extension", "Ports that carry the frames of others, told apart by their tag."},
	{"trunk-details", "Trunk port details", "Shows on a port the trunk that it carries."},
	{"subnet_allocation", "Subnet Allocation", "Subnet pools that subnets are cut from."},
	{"subnetpool-prefix-ops", "Subnet Pool Prefix Operations", "Adds and removes prefixes of subnet pools."},
	{"subnet-segmentid-writable", "Subnet SegmentID (writable)", "Puts a subnet on its network's segment later."},
	{"vpn-endpoint-groups", "VPN Endpoint Groups", "Named lists of what is at an end of a VPN connection."},
	{"vpnaas", "VPN service", "IPsec connections of routers to others' networks."},
	{"subnet-service-types", "Subnet service types", "Subnets for ports of certain owners only."},
}

func (e extension) show() object {
	return object{"alias": e.alias, "name": e.name, "description": e.description, "updated": "2026-01-01T00:00:00-00:00", "links": []object{}}
}

func (a *api) listExtensions(w http.ResponseWriter, r *http.Request) error {
	shown := make([]object, len(extensions))
	for i, e := range extensions {
		shown[i] = e.show()
	}
	return openstack.WriteJSON(w, http.StatusOK, object{"extensions": pick(shown, r)})
}

func (a *api) showExtension(w http.ResponseWriter, r *http.Request) error {
	for _, e := range extensions {
		if e.alias == r.PathValue("alias") {
			return openstack.WriteJSON(w, http.StatusOK, object{"extension": e.show()})
		}
	}
	return cloud.NotFoundf("extension", r.PathValue("alias"))
}
