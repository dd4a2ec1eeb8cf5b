package ec2_test

import (
	"fmt"
	"testing"
)

// only is the text at a path of an answer that has exactly one such element.
func (w *world) only(e *element, path string) string {
	w.t.Helper()
	found := e.texts(path)
	if len(found) != 1 {
		w.t.Fatalf("%s: %v, where one is expected", path, found)
	}
	return found[0]
}

// TestVPC proves what a new VPC brings along, what its attributes are, and that it goes only when it is deserted.
func TestVPC(t *testing.T) {
	w := newWorld(t)
	vpc := w.do("CreateVpc", "CidrBlock", "10.1.0.0/16", "TagSpecification.1.ResourceType", "vpc", "TagSpecification.1.Tag.1.Key", "Name", "TagSpecification.1.Tag.1.Value", "v").get("vpc/vpcId")
	of := []string{"Filter.1.Name", "vpc-id", "Filter.1.Value.1", vpc}
	main := w.do("DescribeRouteTables", append(of, "Filter.2.Name", "association.main", "Filter.2.Value.1", "true")...)
	if got := w.only(main, "routeTableSet/routeSet/destinationCidrBlock"); got != "10.1.0.0/16" {
		t.Errorf("the local route goes to %s", got)
	}
	w.filtersWork("DescribeVpcs", "vpcSet/vpcId", map[string]string{"cidr": "10.1.*", "vpc-id": vpc, "isDefault": "false", "is-default": "true", "state": "available", "owner-id": "123456789012",
		"tag:Name": "v", "dhcp-options-id": "default", "cidr-block-association.cidr-block": "10.1.0.0/16", "cidr-block-association.state": "associated", "cidr-block-association.association-id": "vpc-cidr-assoc-*"})
	w.refused("InvalidVpc.Range", "CreateVpc", "CidrBlock", "10.0.0.0/8")
	w.refused("InvalidParameterValue", "CreateVpc", "CidrBlock", "ten")
	w.refused("InvalidVpcID.NotFound", "DescribeVpcs", "VpcId.1", "vpc-0123456789abcdef0")
	w.refused("InvalidVpcID.Malformed", "DescribeVpcs", "VpcId.1", "vpc-x")
	w.do("ModifyVpcAttribute", "VpcId", vpc, "EnableDnsHostnames.Value", "true")
	if got := w.do("DescribeVpcAttribute", "VpcId", vpc, "Attribute", "enableDnsHostnames").get("enableDnsHostnames/value"); got != "true" {
		t.Errorf("DNS names: %s", got)
	}
	block := w.do("AssociateVpcCidrBlock", "VpcId", vpc, "CidrBlock", "10.2.0.0/16").get("cidrBlockAssociation/associationId")
	w.refused("InvalidVpc.Range", "AssociateVpcCidrBlock", "VpcId", vpc, "CidrBlock", "10.2.3.0/24")
	w.do("DisassociateVpcCidrBlock", "AssociationId", block)
	sub := w.do("CreateSubnet", "VpcId", vpc, "CidrBlock", "10.1.1.0/24").get("subnet/subnetId")
	w.refused("DependencyViolation", "DeleteVpc", "VpcId", vpc)
	w.do("DeleteSubnet", "SubnetId", sub)
	w.do("DeleteVpc", "VpcId", vpc)
	w.refused("InvalidVpcID.NotFound", "DeleteVpc", "VpcId", vpc)
}

// TestSubnets proves subnets: their sizes, places, and what is shown of them.
func TestSubnets(t *testing.T) {
	w := newWorld(t)
	vpc := w.do("CreateVpc", "CidrBlock", "10.1.0.0/16").get("vpc/vpcId")
	made := w.do("CreateSubnet", "VpcId", vpc, "CidrBlock", "10.1.1.0/24", "AvailabilityZone", "test-1a")
	id := made.get("subnet/subnetId")
	if got := made.get("subnet/availableIpAddressCount"); got != "251" {
		t.Errorf("free addresses: %s", got)
	}
	w.refused("InvalidSubnet.Conflict", "CreateSubnet", "VpcId", vpc, "CidrBlock", "10.1.1.128/25")
	w.refused("InvalidSubnet.Range", "CreateSubnet", "VpcId", vpc, "CidrBlock", "10.2.1.0/24")
	w.refused("InvalidSubnet.Range", "CreateSubnet", "VpcId", vpc, "CidrBlock", "10.1.2.0/29")
	w.refused("InvalidParameterValue", "CreateSubnet", "VpcId", vpc, "CidrBlock", "10.1.2.0/24", "AvailabilityZone", "test-1z")
	w.do("ModifySubnetAttribute", "SubnetId", id, "MapPublicIpOnLaunch.Value", "true")
	w.filtersWork("DescribeSubnets", "subnetSet/subnetId", map[string]string{"subnet-id": id, "vpc-id": vpc, "cidr": "10.1.1.0/24", "cidr-block": "10.1.1.0/24", "availability-zone": "test-1a",
		"availabilityZone": "test-1a", "available-ip-address-count": "251", "default-for-az": "true", "map-public-ip-on-launch": "true", "state": "available", "owner-id": "123456789012", "subnet-arn": "arn:*"})
	w.run("SubnetId", id)
	w.refused("DependencyViolation", "DeleteSubnet", "SubnetId", id)
}

// TestRoutes proves route tables, their uses, and routes to each kind of target.
func TestRoutes(t *testing.T) {
	w := newWorld(t)
	vpc := w.do("CreateVpc", "CidrBlock", "10.1.0.0/16").get("vpc/vpcId")
	sub := w.do("CreateSubnet", "VpcId", vpc, "CidrBlock", "10.1.1.0/24").get("subnet/subnetId")
	igw := w.do("CreateInternetGateway").get("internetGateway/internetGatewayId")
	table := w.do("CreateRouteTable", "VpcId", vpc).get("routeTable/routeTableId")
	w.refused("InvalidParameterValue", "CreateRoute", "RouteTableId", table, "DestinationCidrBlock", "0.0.0.0/0", "GatewayId", igw)
	w.do("AttachInternetGateway", "InternetGatewayId", igw, "VpcId", vpc)
	w.refused("Resource.AlreadyAssociated", "AttachInternetGateway", "InternetGatewayId", igw, "VpcId", vpc)
	w.do("CreateRoute", "RouteTableId", table, "DestinationCidrBlock", "0.0.0.0/0", "GatewayId", igw)
	w.refused("RouteAlreadyExists", "CreateRoute", "RouteTableId", table, "DestinationCidrBlock", "0.0.0.0/0", "GatewayId", igw)
	w.refused("InvalidParameterCombination", "CreateRoute", "RouteTableId", table, "DestinationCidrBlock", "8.0.0.0/8")
	use := w.do("AssociateRouteTable", "RouteTableId", table, "SubnetId", sub).get("associationId")
	w.filtersWork("DescribeRouteTables", "routeTableSet/routeTableId", map[string]string{"route-table-id": table, "vpc-id": vpc, "association.route-table-association-id": use, "association.subnet-id": sub,
		"association.main": "true", "association.route-table-id": table, "route.gateway-id": igw, "route.destination-cidr-block": "0.0.0.0/0", "route.state": "active", "route.origin": "CreateRoute", "owner-id": "123456789012"})
	w.refused("DependencyViolation", "DeleteRouteTable", "RouteTableId", table)
	instance := w.run("SubnetId", sub)[0]
	w.do("CreateRoute", "RouteTableId", table, "DestinationCidrBlock", "192.168.0.0/16", "InstanceId", instance)
	w.do("ReplaceRoute", "RouteTableId", table, "DestinationCidrBlock", "0.0.0.0/0", "InstanceId", instance)
	w.refused("InvalidRoute.NotFound", "ReplaceRoute", "RouteTableId", table, "DestinationCidrBlock", "9.0.0.0/8", "GatewayId", igw)
	w.do("DeleteRoute", "RouteTableId", table, "DestinationCidrBlock", "0.0.0.0/0")
	w.refused("InvalidRoute.NotFound", "DeleteRoute", "RouteTableId", table, "DestinationCidrBlock", "0.0.0.0/0")
	if got := w.do("DescribeRouteTables", "RouteTableId.1", table).texts("routeTableSet/routeSet/instanceId"); fmt.Sprint(got) != "["+instance+"]" {
		t.Errorf("routes to instances: %v", got)
	}
	w.do("DisassociateRouteTable", "AssociationId", use)
	w.refused("InvalidAssociationID.NotFound", "DisassociateRouteTable", "AssociationId", use)
	w.do("DeleteRouteTable", "RouteTableId", table)
	w.do("DetachInternetGateway", "InternetGatewayId", igw, "VpcId", vpc)
	w.refused("Gateway.NotAttached", "DetachInternetGateway", "InternetGatewayId", igw, "VpcId", vpc)
	w.do("DeleteInternetGateway", "InternetGatewayId", igw)
}

// TestOthersNetworks proves that networks which OpenStack's clients made are shown, with the router that joins them as their VPC.
func TestOthersNetworks(t *testing.T) {
	w := newWorld(t)
	if got := w.do("DescribeSubnets", "Filter.1.Name", "cidr", "Filter.1.Value.1", "10.0.0.0/16").texts("subnetSet/subnetId"); len(got) != 1 {
		t.Errorf("subnets: %v", got)
	}
	instance := w.Create(w.Request("other"))
	shown := w.do("DescribeInstances", "Filter.1.Name", "tag:Name", "Filter.1.Value.1", "other").all("reservationSet/instancesSet")[0]
	if shown.get("subnetId") == "" || shown.get("rootDeviceType") != "instance-store" || shown.get("instanceType") != instance.Flavor.Name {
		t.Errorf("shown: %+v", shown)
	}
}
