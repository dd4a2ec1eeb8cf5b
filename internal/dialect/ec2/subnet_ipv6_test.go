package ec2_test

import (
	"net/netip"
	"slices"
	"testing"
)

// TestIPv6 proves that a VPC gets a block of IPv6 at its making or later, that subnets and interfaces get theirs from it, that each
// reads back by its filters, and that nothing goes while something needs it.
func TestIPv6(t *testing.T) {
	w := newWorld(t)
	made := w.do("CreateVpc", "CidrBlock", "10.1.0.0/16", "AmazonProvidedIpv6CidrBlock", "true")
	vpc, block := made.get("vpc/vpcId"), netip.MustParsePrefix(made.get("vpc/ipv6CidrBlockAssociationSet/ipv6CidrBlock"))
	if block.Bits() != 56 || len(made.all("vpc/cidrBlockAssociationSet")) != 1 {
		t.Errorf("the VPC is %v", made)
	}
	use := made.get("vpc/ipv6CidrBlockAssociationSet/associationId")
	w.filtersWork("DescribeVpcs", "vpcSet/vpcId", map[string]string{"ipv6-cidr-block-association.ipv6-cidr-block": block.String(), "ipv6-cidr-block-association.association-id": use,
		"ipv6-cidr-block-association.state": "associated", "ipv6-cidr-block-association.ipv6-pool": "Amazon"})
	if got := w.do("DescribeRouteTables", "Filter.1.Name", "vpc-id", "Filter.1.Value.1", vpc).texts("routeTableSet/routeSet/destinationIpv6CidrBlock"); !slices.Contains(got, block.String()) {
		t.Errorf("the table's routes of IPv6 are %v", got)
	}
	second := w.do("AssociateVpcCidrBlock", "VpcId", vpc, "AmazonProvidedIpv6CidrBlock", "true").get("ipv6CidrBlockAssociation/associationId")
	if got := w.do("DisassociateVpcCidrBlock", "AssociationId", second).get("ipv6CidrBlockAssociation/ipv6CidrBlockState/state"); got != "disassociated" {
		t.Errorf("a block that was taken away is %s", got)
	}

	first := netip.PrefixFrom(block.Addr(), 64).String()
	w.refused("InvalidSubnet.Range", "CreateSubnet", "VpcId", vpc, "CidrBlock", "10.1.1.0/24", "Ipv6CidrBlock", block.String())
	w.refused("InvalidSubnet.Range", "CreateSubnet", "VpcId", vpc, "CidrBlock", "10.1.1.0/24", "Ipv6CidrBlock", "2001:db8::/64")
	sub := w.do("CreateSubnet", "VpcId", vpc, "CidrBlock", "10.1.1.0/24", "Ipv6CidrBlock", first)
	subnet, subnetUse := sub.get("subnet/subnetId"), sub.get("subnet/ipv6CidrBlockAssociationSet/associationId")
	w.refused("InvalidSubnet.Conflict", "AssociateSubnetCidrBlock", "SubnetId", subnet, "Ipv6CidrBlock", first)
	w.filtersWork("DescribeSubnets", "subnetSet/subnetId", map[string]string{"ipv6-cidr-block-association.ipv6-cidr-block": first,
		"ipv6-cidr-block-association.association-id": subnetUse, "ipv6-cidr-block-association.state": "associated"})
	w.refused("DependencyViolation", "DisassociateVpcCidrBlock", "AssociationId", use)

	card := w.do("CreateNetworkInterface", "SubnetId", subnet, "Ipv6AddressCount", "1")
	eni := card.get("networkInterface/networkInterfaceId")
	if a := netip.MustParseAddr(card.get("networkInterface/ipv6AddressesSet/ipv6Address")); !netip.MustParsePrefix(first).Contains(a) {
		t.Errorf("the interface has %s", a)
	}
	more := w.do("AssignIpv6Addresses", "NetworkInterfaceId", eni, "Ipv6AddressCount", "1").get("assignedIpv6Addresses")
	w.do("UnassignIpv6Addresses", "NetworkInterfaceId", eni, "Ipv6Addresses.1", more)
	w.refused("DependencyViolation", "DisassociateSubnetCidrBlock", "AssociationId", subnetUse)
	w.do("DeleteNetworkInterface", "NetworkInterfaceId", eni)
	w.do("ModifySubnetAttribute", "SubnetId", subnet, "AssignIpv6AddressOnCreation.Value", "true")
	if got := w.only(w.do("DescribeSubnets", "SubnetId.1", subnet), "subnetSet/assignIpv6AddressOnCreation"); got != "true" {
		t.Errorf("assignIpv6AddressOnCreation is %s", got)
	}
	given := w.do("CreateNetworkInterface", "SubnetId", subnet)
	if n := len(given.all("networkInterface/ipv6AddressesSet")); n != 1 {
		t.Errorf("an interface that did not ask has %d addresses of IPv6", n)
	}
	w.do("DeleteNetworkInterface", "NetworkInterfaceId", given.get("networkInterface/networkInterfaceId"))

	plain := w.do("CreateSubnet", "VpcId", vpc, "CidrBlock", "10.1.2.0/24").get("subnet/subnetId")
	w.refused("InvalidParameterValue", "ModifySubnetAttribute", "SubnetId", plain, "AssignIpv6AddressOnCreation.Value", "true")
	w.refused("InvalidParameterValue", "CreateNetworkInterface", "SubnetId", plain, "Ipv6AddressCount", "1")
	w.do("DeleteSubnet", "SubnetId", plain)
	w.do("DisassociateSubnetCidrBlock", "AssociationId", subnetUse)
	w.refused("InvalidSubnetCidrBlockAssociationID.NotFound", "DisassociateSubnetCidrBlock", "AssociationId", subnetUse)
	w.do("AssociateSubnetCidrBlock", "SubnetId", subnet, "Ipv6CidrBlock", first)
	w.do("DeleteSubnet", "SubnetId", subnet)
	w.do("DisassociateVpcCidrBlock", "AssociationId", use)
	w.do("DeleteVpc", "VpcId", vpc)
}
