package ec2_test

import (
	"slices"
	"testing"
)

// TestNetworkACLs proves that each subnet uses one network ACL, what the default one lets through, and how entries come and go.
func TestNetworkACLs(t *testing.T) {
	w := newWorld(t)
	vpc := w.do("CreateVpc", "CidrBlock", "10.1.0.0/16").get("vpc/vpcId")
	sub := w.do("CreateSubnet", "VpcId", vpc, "CidrBlock", "10.1.1.0/24").get("subnet/subnetId")
	byDefault := w.do("DescribeNetworkAcls", "Filter.1.Name", "default", "Filter.1.Value.1", "true", "Filter.2.Name", "vpc-id", "Filter.2.Value.1", vpc)
	if numbers := byDefault.texts("networkAclSet/entrySet/ruleNumber"); !slices.Equal(numbers, []string{"100", "32767", "100", "32767"}) {
		t.Errorf("the default one has the entries %v", numbers)
	}
	if got := w.only(byDefault, "networkAclSet/associationSet/subnetId"); got != sub {
		t.Errorf("the default one is used by %s", got)
	}
	use := w.only(byDefault, "networkAclSet/associationSet/networkAclAssociationId")
	acl := w.do("CreateNetworkAcl", "VpcId", vpc).get("networkAcl/networkAclId")
	entry := []string{"NetworkAclId", acl, "RuleNumber", "200", "Egress", "false", "Protocol", "6", "RuleAction", "allow", "CidrBlock", "192.0.2.0/24", "PortRange.From", "22", "PortRange.To", "23"}
	w.do("CreateNetworkAclEntry", entry...)
	w.refused("NetworkAclEntryAlreadyExists", "CreateNetworkAclEntry", entry...)
	w.refused("InvalidNetworkAclEntry.NotFound", "DeleteNetworkAclEntry", "NetworkAclId", acl, "RuleNumber", "200", "Egress", "true")
	w.refused("InvalidParameterValue", "CreateNetworkAclEntry", "NetworkAclId", acl, "RuleNumber", "32767", "Egress", "false", "Protocol", "-1", "RuleAction", "allow", "CidrBlock", "0.0.0.0/0")
	w.do("CreateNetworkAclEntry", "NetworkAclId", acl, "RuleNumber", "210", "Egress", "true", "Protocol", "1", "RuleAction", "deny", "CidrBlock", "0.0.0.0/0", "Icmp.Type", "8", "Icmp.Code", "-1")
	w.filtersWork("DescribeNetworkAcls", "networkAclSet/networkAclId", map[string]string{"network-acl-id": acl, "vpc-id": vpc, "default": "false", "owner-id": "123456789012", "entry.cidr": "192.0.2.0/24",
		"entry.protocol": "6", "entry.rule-number": "200", "entry.rule-action": "allow", "entry.egress": "true", "entry.port-range.from": "22", "entry.port-range.to": "23", "entry.icmp.type": "8",
		"entry.icmp.code": "-1"})
	fresh := w.do("ReplaceNetworkAclAssociation", "AssociationId", use, "NetworkAclId", acl).get("newAssociationId")
	w.refused("InvalidAssociationID.NotFound", "ReplaceNetworkAclAssociation", "AssociationId", use, "NetworkAclId", acl)
	w.filtersWork("DescribeNetworkAcls", "networkAclSet/networkAclId", map[string]string{"association.subnet-id": sub, "association.association-id": fresh, "association.network-acl-id": acl})
	w.refused("DependencyViolation", "DeleteNetworkAcl", "NetworkAclId", acl)
	w.do("CreateTags", "ResourceId.1", acl, "Tag.1.Key", "Name", "Tag.1.Value", "n")
	w.do("ReplaceNetworkAclAssociation", "AssociationId", fresh, "NetworkAclId", w.only(byDefault, "networkAclSet/networkAclId"))
	w.do("DeleteNetworkAcl", "NetworkAclId", acl)
	w.do("DeleteSubnet", "SubnetId", sub)
	w.do("DeleteVpc", "VpcId", vpc)
}

// TestDHCPOptions proves that a set of options is shown as it was asked for, and stays while a VPC uses it.
func TestDHCPOptions(t *testing.T) {
	w := newWorld(t)
	vpc := w.do("CreateVpc", "CidrBlock", "10.1.0.0/16").get("vpc/vpcId")
	made := w.do("CreateDhcpOptions", "DhcpConfiguration.1.Key", "domain-name", "DhcpConfiguration.1.Value.1", "corp.example", "DhcpConfiguration.2.Key", "domain-name-servers",
		"DhcpConfiguration.2.Value.1", "192.0.2.53", "DhcpConfiguration.2.Value.2", "AmazonProvidedDNS", "DhcpConfiguration.3.Key", "netbios-node-type", "DhcpConfiguration.3.Value.1", "2")
	id := made.get("dhcpOptions/dhcpOptionsId")
	w.filtersWork("DescribeDhcpOptions", "dhcpOptionsSet/dhcpOptionsId", map[string]string{"dhcp-options-id": id, "key": "netbios-node-type", "value": "corp.*", "owner-id": "123456789012"})
	w.refused("InvalidParameterValue", "CreateDhcpOptions", "DhcpConfiguration.1.Key", "colour", "DhcpConfiguration.1.Value.1", "red")
	w.refused("InvalidParameterValue", "CreateDhcpOptions", "DhcpConfiguration.1.Key", "ntp-servers", "DhcpConfiguration.1.Value.1", "clock")
	w.do("AssociateDhcpOptions", "DhcpOptionsId", id, "VpcId", vpc)
	if got := w.do("DescribeVpcs", "VpcId.1", vpc).get("vpcSet/dhcpOptionsId"); got != id {
		t.Errorf("the VPC uses %s", got)
	}
	w.refused("DependencyViolation", "DeleteDhcpOptions", "DhcpOptionsId", id)
	w.do("AssociateDhcpOptions", "DhcpOptionsId", "default", "VpcId", vpc)
	w.do("DeleteDhcpOptions", "DhcpOptionsId", id)
	w.refused("InvalidDhcpOptionID.NotFound", "DescribeDhcpOptions", "DhcpOptionsId.1", id)
}

// TestPeering proves the states of a peering of two VPCs, and that one of overlapping VPCs fails.
func TestPeering(t *testing.T) {
	w := newWorld(t)
	a := w.do("CreateVpc", "CidrBlock", "10.1.0.0/16").get("vpc/vpcId")
	b := w.do("CreateVpc", "CidrBlock", "10.2.0.0/16").get("vpc/vpcId")
	same := w.do("CreateVpc", "CidrBlock", "10.1.0.0/20").get("vpc/vpcId")
	if got := w.do("CreateVpcPeeringConnection", "VpcId", a, "PeerVpcId", same).get("vpcPeeringConnection/status/code"); got != "failed" {
		t.Errorf("of overlapping VPCs it is %s", got)
	}
	w.refused("InvalidVpcID.NotFound", "CreateVpcPeeringConnection", "VpcId", a, "PeerVpcId", "vpc-0123456789abcdef0")
	made := w.do("CreateVpcPeeringConnection", "VpcId", a, "PeerVpcId", b)
	id := made.get("vpcPeeringConnection/vpcPeeringConnectionId")
	if got := made.get("vpcPeeringConnection/status/code"); got != "pending-acceptance" {
		t.Errorf("at first it is %s", got)
	}
	w.refused("VpcPeeringConnectionAlreadyExists", "CreateVpcPeeringConnection", "VpcId", a, "PeerVpcId", b)
	if got := w.do("AcceptVpcPeeringConnection", "VpcPeeringConnectionId", id).get("vpcPeeringConnection/status/code"); got != "active" {
		t.Errorf("accepted it is %s", got)
	}
	w.filtersWork("DescribeVpcPeeringConnections", "vpcPeeringConnectionSet/vpcPeeringConnectionId", map[string]string{"vpc-peering-connection-id": id, "status-code": "active",
		"requester-vpc-info.vpc-id": a, "accepter-vpc-info.vpc-id": b, "accepter-vpc-info.cidr-block": "10.2.0.0/16", "requester-vpc-info.owner-id": "123456789012"})
	w.refused("InvalidStateTransition", "RejectVpcPeeringConnection", "VpcPeeringConnectionId", id)
	w.refused("DependencyViolation", "DeleteVpc", "VpcId", b)
	w.do("DeleteVpcPeeringConnection", "VpcPeeringConnectionId", id)
	if got := w.do("DescribeVpcPeeringConnections", "VpcPeeringConnectionId.1", id).get("vpcPeeringConnectionSet/status/code"); got != "deleted" {
		t.Errorf("deleted it is %s", got)
	}
	for _, vpc := range []string{a, b, same} {
		w.do("DeleteVpc", "VpcId", vpc)
	}
}
