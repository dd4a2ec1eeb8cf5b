package openstack

import "github.com/nubo-cloud/nubo/internal/cloud"

// neutronNames are the exception names of Network that do not follow from the
// noun and the Kind: by Kind and resource, or by resource and field of an Invalid.
var neutronNames = map[string]string{
	string(cloud.AlreadyExists) + "/address":                        "IpAddressInUse",
	string(cloud.Conflict) + "/subnet pool prefixes":                "SubnetAllocationError",
	string(cloud.Invalid) + "/subnet/prefixlen":                     "BadRequest",
	string(cloud.Invalid) + "/subnet pool/in use":                   "SubnetPoolDeleteError",
	string(cloud.Invalid) + "/subnet pool/bounds":                   "IllegalSubnetPoolPrefixBounds",
	string(cloud.Invalid) + "/subnet pool/prefixes":                 "IllegalSubnetPoolPrefixUpdate",
	string(cloud.Invalid) + "/subnet pool/version":                  "PrefixVersionMismatch",
	string(cloud.Invalid) + "/subnet pool/affinity":                 "NetworkSubnetPoolAffinityError",
	string(cloud.Invalid) + "/subnet pool/scope":                    "IllegalSubnetPoolAssociationToAddressScope",
	string(cloud.Invalid) + "/subnet pool/scope version":            "IllegalSubnetPoolIpVersionAssociationToAddressScope",
	string(cloud.Conflict) + "/address scope":                       "AddressScopeUpdateError",
	string(cloud.Conflict) + "/address scope prefix":                "AddressScopePrefixConflict",
	string(cloud.Conflict) + "/auto topology":                       "AutoAllocationFailure",
	string(cloud.Conflict) + "/served network":                      "NetworkHostedByDHCPAgent",
	string(cloud.Conflict) + "/unserved network":                    "NetworkNotHostedByDhcpAgent",
	string(cloud.Conflict) + "/placed router":                       "RouterHostedByL3Agent",
	string(cloud.Conflict) + "/unplaced router":                     "RouterNotHostedByL3Agent",
	string(cloud.NotFound) + "/share":                               "RbacPolicyNotFound",
	string(cloud.InUse) + "/share":                                  "RbacPolicyInUse",
	string(cloud.AlreadyExists) + "/share":                          "DuplicateRbacPolicy",
	string(cloud.AlreadyExists) + "/MAC address":                    "MacAddressInUse",
	string(cloud.AlreadyExists) + "/default external network":       "DefaultExternalNetworkExists",
	string(cloud.AlreadyExists) + "/default security group":         "SecurityGroupDefaultAlreadyExists",
	string(cloud.WrongState) + "/default security group":            "SecurityGroupCannotUpdateDefault",
	string(cloud.WrongState) + "/default security group removal":    "SecurityGroupCannotRemoveDefault",
	string(cloud.WrongState) + "/port":                              "PortInUse",
	string(cloud.InUse) + "/external network":                       "ExternalNetworkInUse",
	string(cloud.Conflict) + "/shared network":                      "InvalidSharedSetting",
	string(cloud.InUse) + "/gateway IP":                             "GatewayIpInUse",
	string(cloud.Conflict) + "/gateway IP":                          "GatewayConflictWithAllocationPools",
	string(cloud.Conflict) + "/allocation pool":                     "OverlappingAllocationPools",
	string(cloud.InUse) + "/service port":                           "ServicePortInUse",
	string(cloud.Conflict) + "/address pair":                        "AddressPairAndPortSecurityRequired",
	string(cloud.InUse) + "/router gateway":                         "RouterExternalGatewayInUseByFloatingIp",
	string(cloud.NotFound) + "/router interface":                    "RouterInterfaceNotFound",
	string(cloud.NotFound) + "/router interface for subnet":         "RouterInterfaceNotFoundForSubnet",
	string(cloud.Conflict) + "/subnet mismatch for port":            "SubnetMismatchForPort",
	string(cloud.InUse) + "/router interface by floating IP":        "RouterInterfaceInUseByFloatingIP",
	string(cloud.InUse) + "/router interface by route":              "RouterInterfaceInUseByRoute",
	string(cloud.NotFound) + "/external gateway for floating IP":    "ExternalGatewayForFloatingIPNotFound",
	string(cloud.Conflict) + "/floating IP":                         "FloatingIPPortAlreadyAssociated",
	string(cloud.NoCapacity) + "/external address":                  "ExternalIpAddressExhausted",
	string(cloud.NoCapacity) + "/MAC address":                       "MacAddressGenerationFailure",
	string(cloud.NotFound) + "/tag":                                 "TagNotFound",
	string(cloud.NotFound) + "/resource":                            "HTTPNotFound",
	string(cloud.Invalid) + "/subnet/allocation_pools":              "InvalidAllocationPool",
	string(cloud.Invalid) + "/port/fixed_ips":                       "InvalidIpForSubnet",
	string(cloud.Invalid) + "/port security/security_groups":        "PortSecurityAndIPRequiredForSecurityGroups",
	string(cloud.Invalid) + "/external network/network_id":          "BadRequest",
	string(cloud.Invalid) + "/router/routes":                        "InvalidRoutes",
	string(cloud.Invalid) + "/router/subnet_id":                     "BadRequest",
	string(cloud.Invalid) + "/router/port_id":                       "BadRequest",
	string(cloud.Invalid) + "/router/external_gateway_info":         "BadRequest",
	string(cloud.Invalid) + "/floating IP/port_id":                  "BadRequest",
	string(cloud.Invalid) + "/floating IP/fixed_ip_address":         "BadRequest",
	string(cloud.Invalid) + "/floating IP/floating_network_id":      "BadRequest",
	string(cloud.Invalid) + "/security group rule/remote_group_id":  "SecurityGroupRemoteGroupAndRemoteIpPrefix",
	string(cloud.Invalid) + "/security group rule/remote_ip_prefix": "SecurityGroupRuleParameterConflict",
	string(cloud.Invalid) + "/security group rule/protocol":         "SecurityGroupRuleInvalidProtocol",
	string(cloud.Invalid) + "/security group rule/ethertype":        "SecurityGroupEthertypeConflictWithProtocol",
	string(cloud.Invalid) + "/security group rule/port protocol":    "SecurityGroupProtocolRequiredWithPorts",
	string(cloud.Invalid) + "/security group rule/port range":       "SecurityGroupInvalidPortRange",
	string(cloud.Invalid) + "/security group rule/port value":       "SecurityGroupInvalidPortValue",
	string(cloud.Invalid) + "/security group rule/ICMP type":        "SecurityGroupMissingIcmpType",
	string(cloud.Invalid) + "/security group rule/ICMP value":       "SecurityGroupInvalidIcmpValue",
	string(cloud.Invalid) + "/address pair/allowed_address_pairs":   "AllowedAddressPairExhausted",
	string(cloud.Invalid) + "/request/body":                         "HTTPBadRequest",

	string(cloud.Invalid) + "/security group rule/remote_address_group_id": "SecurityGroupMultipleRemoteEntities",
	string(cloud.NotFound) + "/address in address group":                   "AddressesNotFound",
	string(cloud.NotFound) + "/QoS policy":                                 "QosPolicyNotFound",
	string(cloud.Invalid) + "/port forwarding/duplicate":                   "BadRequest",
	string(cloud.Conflict) + "/port forwarding router":                     "PortForwardingRouterConflict",
	string(cloud.Conflict) + "/floating IP with target":                    "FloatingIPInUse",
	string(cloud.Conflict) + "/floating IP with forwardings":               "FloatingIPInUseByPortForwarding",
	string(cloud.NotFound) + "/QoS rule":                                   "QosRuleNotFound",
	string(cloud.NotFound) + "/QoS rule type":                              "QosRuleNotSupported",
	string(cloud.InUse) + "/QoS policy":                                    "QosPolicyInUse",
	string(cloud.AlreadyExists) + "/default QoS policy":                    "QoSPolicyDefaultAlreadyExists",
	string(cloud.Conflict) + "/QoS rules":                                  "QoSRulesConflict",
	string(cloud.Conflict) + "/QoS rule parameter":                         "QoSRuleParameterConflict",
}

// neutronName looks an error up among the names that do not follow.
func neutronName(e *cloud.Error) (string, bool) {
	key := string(e.Kind) + "/" + e.Resource
	if e.Kind == cloud.Invalid {
		key += "/" + e.Field
	}
	name, ok := neutronNames[key]
	return name, ok
}
