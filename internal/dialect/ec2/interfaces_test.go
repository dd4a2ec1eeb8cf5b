package ec2_test

import (
	"net/netip"
	"testing"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/network"
	"github.com/nubo-cloud/nubo/internal/testcloud"
)

func prefixes(texts ...string) (all []netip.Prefix) {
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

func subnetOf(sub *cloud.Subnet) string { return "subnet-" + cloud.ShortID(sub.ID) }

// subnet is the id of the default VPC's first subnet, which is made for whoever asks first.
func (w *world) subnet() string {
	w.t.Helper()
	s := w.Services().Network
	r, err := s.EnsureDefaultDomain(w.Context(), "")
	if err != nil {
		w.t.Fatal(err)
	}
	subnets, err := s.ListSubnets(w.Context(), cloud.Where(cloud.Eq("router_id", string(r.ID))))
	if err != nil || len(subnets) == 0 {
		w.t.Fatal("the default VPC has no subnet", err)
	}
	return subnetOf(subnets[0])
}

// shownInterface is an interface as DescribeNetworkInterfaces shows it.
func (w *world) shownInterface(id string) *element {
	w.t.Helper()
	return w.do("DescribeNetworkInterfaces", "NetworkInterfaceId.1", id).all("networkInterfaceSet")[0]
}

// TestInterfaces proves what a new interface is and how it is found.
func TestInterfaces(t *testing.T) {
	w := newWorld(t)
	g := w.group("web")
	made := w.do("CreateNetworkInterface", "SubnetId", w.subnet(), "Description", "front", "SecurityGroupId.1", g, "PrivateIpAddress", "172.31.0.100",
		"SecondaryPrivateIpAddressCount", "1", "TagSpecification.1.ResourceType", "network-interface", "TagSpecification.1.Tag.1.Key", "Name",
		"TagSpecification.1.Tag.1.Value", "first").all("networkInterface")[0]
	for path, want := range map[string]string{"description": "front", "subnetId": w.subnet(), "groupSet/groupId": g, "groupSet/groupName": "web", "privateIpAddress": "172.31.0.100",
		"status": "available", "sourceDestCheck": "true", "requesterManaged": "false", "interfaceType": "interface", "tagSet/value": "first", "ownerId": "123456789012",
		"privateIpAddressesSet/primary": "true", "availabilityZone": "test-1a", "attachment/attachmentId": ""} {
		if got := made.get(path); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	id, addresses := made.get("networkInterfaceId"), made.all("privateIpAddressesSet")
	if len(addresses) != 2 || addresses[1].get("primary") != "false" {
		t.Errorf("%d addresses", len(addresses))
	}
	eip := w.do("AllocateAddress")
	w.do("AssociateAddress", "AllocationId", eip.get("allocationId"), "NetworkInterfaceId", id)
	shown := w.shownInterface(id)
	w.filtersWork("DescribeNetworkInterfaces", "networkInterfaceSet", map[string]string{
		"availability-zone": "test-1a", "description": "front", "group-id": g, "group-name": "web", "interface-type": "interface", "mac-address": shown.get("macAddress"),
		"network-interface-id": id, "owner-id": "123456789012", "private-dns-name": shown.get("privateDnsName"), "private-ip-address": "172.31.0.100",
		"requester-managed": "false", "source-dest-check": "true", "status": "available", "subnet-id": w.subnet(), "vpc-id": shown.get("vpcId"), "tag:Name": "first", "tag-key": "Name",
		"addresses.private-ip-address": addresses[1].get("privateIpAddress"), "addresses.primary": "false", "addresses.association.public-ip": eip.get("publicIp"),
		"addresses.association.owner-id": "123456789012", "association.association-id": shown.get("association/associationId"), "association.allocation-id": eip.get("allocationId"),
		"association.ip-owner-id": "123456789012", "association.public-ip": eip.get("publicIp")})
	for range 6 {
		w.eni()
	}
	page := w.do("DescribeNetworkInterfaces", "MaxResults", "5")
	rest := w.do("DescribeNetworkInterfaces", "MaxResults", "5", "NextToken", page.get("nextToken"))
	if n, m := len(page.all("networkInterfaceSet")), len(rest.all("networkInterfaceSet")); n != 5 || m != 2 || rest.get("nextToken") != "" {
		t.Errorf("pages of %d and %d", n, m)
	}
	w.do("DeleteNetworkInterface", "NetworkInterfaceId", id)
	w.refused("InvalidNetworkInterfaceID.NotFound", "DescribeNetworkInterfaces", "NetworkInterfaceId.1", id)
}

// TestInterfaceRefusals proves the codes of interfaces that cannot be.
func TestInterfaceRefusals(t *testing.T) {
	w := newWorld(t)
	w.eni("PrivateIpAddress", "172.31.0.100")
	sub := w.subnet()
	w.refused("InvalidIPAddress.InUse", "CreateNetworkInterface", "SubnetId", sub, "PrivateIpAddress", "172.31.0.100")
	w.refused("InvalidParameterValue", "CreateNetworkInterface", "SubnetId", sub, "PrivateIpAddress", "172.31.0.2")
	w.refused("InvalidParameterValue", "CreateNetworkInterface", "SubnetId", sub, "PrivateIpAddress", "10.0.0.9")
	w.refused("InvalidParameterValue", "CreateNetworkInterface", "SubnetId", sub, "PrivateIpAddress", "first")
	w.refused("InvalidParameterValue", "CreateNetworkInterface", "SubnetId", sub, "SecondaryPrivateIpAddressCount", "-1")
	w.refused("InvalidParameterValue", "CreateNetworkInterface", "SubnetId", sub, "Ipv6AddressCount", "1")
	w.refused("InvalidSubnetID.NotFound", "CreateNetworkInterface", "SubnetId", "subnet-0123456789abcdef0")
	w.refused("InvalidGroup.NotFound", "CreateNetworkInterface", "SubnetId", sub, "SecurityGroupId.1", "sg-0123456789abcdef0")
	w.refused("UnsupportedOperation", "CreateNetworkInterface", "SubnetId", sub, "InterfaceType", "efa")
	w.refused("InvalidParameterCombination", "CreateNetworkInterface", "SubnetId", sub, "PrivateIpAddress", "172.31.0.101", "PrivateIpAddresses.1.PrivateIpAddress", "172.31.0.102",
		"PrivateIpAddresses.1.Primary", "true")
	w.refused("InvalidParameterCombination", "DescribeNetworkInterfaces", "MaxResults", "5", "NetworkInterfaceId.1", "eni-0123456789abcdef0")
	w.refused("InvalidParameterValue", "DescribeNetworkInterfaces", "MaxResults", "4")
}

// TestInterfaceAttachment proves that an interface comes to an instance that runs, at the index that was asked for, and leaves it.
func TestInterfaceAttachment(t *testing.T) {
	w := newWorld(t)
	in, id := w.run()[0], w.eni()
	w.state(in, "running")
	first := w.do("DescribeInstances", "InstanceId.1", in).all("reservationSet/instancesSet/networkInterfaceSet")[0]
	w.refused("InvalidParameterValue", "AttachNetworkInterface", "NetworkInterfaceId", id, "InstanceId", in, "DeviceIndex", "0")
	attachment := w.do("AttachNetworkInterface", "NetworkInterfaceId", id, "InstanceId", in, "DeviceIndex", "3").get("attachmentId")
	shown := w.shownInterface(id)
	for path, want := range map[string]string{"status": "in-use", "attachment/attachmentId": attachment, "attachment/instanceId": in, "attachment/deviceIndex": "3",
		"attachment/status": "attached", "attachment/deleteOnTermination": "false", "attachment/instanceOwnerId": "123456789012", "attachment/networkCardIndex": "0"} {
		if got := shown.get(path); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	w.filtersWork("DescribeNetworkInterfaces", "networkInterfaceSet", map[string]string{"attachment.attachment-id": attachment, "attachment.instance-id": in,
		"attachment.device-index": "3", "attachment.status": "attached", "attachment.delete-on-termination": "true", "attachment.instance-owner-id": "123456789012",
		"attachment.attach-time": shown.get("attachment/attachTime"), "status": "in-use"})
	w.refused("InvalidNetworkInterface.InUse", "AttachNetworkInterface", "NetworkInterfaceId", id, "InstanceId", in, "DeviceIndex", "4")
	w.refused("InvalidNetworkInterface.InUse", "DeleteNetworkInterface", "NetworkInterfaceId", id)
	w.refused("OperationNotPermitted", "DetachNetworkInterface", "AttachmentId", first.get("attachment/attachmentId"))

	w.do("ModifyNetworkInterfaceAttribute", "NetworkInterfaceId", id, "Attachment.AttachmentId", attachment, "Attachment.DeleteOnTermination", "true")
	if got := w.do("DescribeNetworkInterfaceAttribute", "NetworkInterfaceId", id, "Attribute", "attachment").get("attachment/deleteOnTermination"); got != "true" {
		t.Errorf("deleteOnTermination is %s", got)
	}
	w.do("DetachNetworkInterface", "AttachmentId", attachment, "Force", "true")
	testcloud.Eventually(t, "the interface is free", func() bool { return w.shownInterface(id).get("status") == "available" })
	if got := w.shownInterface(id).get("attachment/status"); got != "detached" { // for who waits to see that
		t.Errorf("an attachment that just ended is %q", got)
	}
	w.refused("InvalidAttachmentID.NotFound", "DetachNetworkInterface", "AttachmentId", attachment)
	w.do("DeleteNetworkInterface", "NetworkInterfaceId", id)
}

// TestInterfaceAttributes proves that each attribute is changed, shown and set back, one in a request.
func TestInterfaceAttributes(t *testing.T) {
	w := newWorld(t)
	id, g := w.eni(), w.group("web")
	set := func(p ...string) { w.do("ModifyNetworkInterfaceAttribute", append(p, "NetworkInterfaceId", id)...) }
	has := func(attribute, path, want string) {
		t.Helper()
		if got := w.do("DescribeNetworkInterfaceAttribute", "NetworkInterfaceId", id, "Attribute", attribute).get(path); got != want {
			t.Errorf("%s is %q, want %q", attribute, got, want)
		}
	}
	set("Description.Value", "back")
	has("description", "description/value", "back")
	set("SecurityGroupId.1", g)
	has("groupSet", "groupSet/groupId", g)
	set("SourceDestCheck.Value", "false")
	has("sourceDestCheck", "sourceDestCheck/value", "false")
	if got := w.shownInterface(id).get("groupSet/groupId"); got != g {
		t.Errorf("without the check the groups are %q", got)
	}
	w.do("ResetNetworkInterfaceAttribute", "NetworkInterfaceId", id, "SourceDestCheck", "true")
	has("sourceDestCheck", "sourceDestCheck/value", "true")
	w.refused("InvalidParameterCombination", "ModifyNetworkInterfaceAttribute", "NetworkInterfaceId", id)
	w.refused("InvalidParameterCombination", "ModifyNetworkInterfaceAttribute", "NetworkInterfaceId", id, "SourceDestCheck.Value", "true", "Description.Value", "x")
	w.refused("InvalidAttachmentID.NotFound", "ModifyNetworkInterfaceAttribute", "NetworkInterfaceId", id, "Attachment.AttachmentId", "eni-attach-0123456789abcdef0",
		"Attachment.DeleteOnTermination", "true")
	w.refused("InvalidParameterValue", "DescribeNetworkInterfaceAttribute", "NetworkInterfaceId", id, "Attribute", "colour")
}

// TestPrivateAddresses proves that addresses are added and taken away by number and by name, and move between interfaces if they may.
func TestPrivateAddresses(t *testing.T) {
	w := newWorld(t)
	x, y := w.eni(), w.eni()
	have := func(id string) []string { return w.shownInterface(id).texts("privateIpAddressesSet/privateIpAddress") }
	primary := have(x)[0]
	added := w.do("AssignPrivateIpAddresses", "NetworkInterfaceId", x, "SecondaryPrivateIpAddressCount", "2").texts("assignedPrivateIpAddressesSet/privateIpAddress")
	if got := have(x); len(added) != 2 || len(got) != 3 || got[0] != primary {
		t.Errorf("%v were added: %v", added, got)
	}
	w.refused("InvalidIPAddress.InUse", "AssignPrivateIpAddresses", "NetworkInterfaceId", y, "PrivateIpAddress.1", added[0])
	w.refused("InvalidParameterValue", "AssignPrivateIpAddresses", "NetworkInterfaceId", y, "PrivateIpAddress.1", primary, "AllowReassignment", "true")
	w.do("AssignPrivateIpAddresses", "NetworkInterfaceId", y, "PrivateIpAddress.1", added[0], "AllowReassignment", "true")
	if len(have(x)) != 2 || len(have(y)) != 2 {
		t.Errorf("after the move: %v and %v", have(x), have(y))
	}
	w.refused("InvalidParameterValue", "UnassignPrivateIpAddresses", "NetworkInterfaceId", x, "PrivateIpAddress.1", primary)
	w.refused("InvalidParameterValue", "UnassignPrivateIpAddresses", "NetworkInterfaceId", x, "PrivateIpAddress.1", added[0])
	w.do("UnassignPrivateIpAddresses", "NetworkInterfaceId", x, "PrivateIpAddress.1", added[1])
	if got := have(x); len(got) != 1 || got[0] != primary {
		t.Errorf("at the end: %v", got)
	}
	w.refused("MissingParameter", "AssignPrivateIpAddresses", "NetworkInterfaceId", x)
	w.refused("InvalidParameterCombination", "AssignPrivateIpAddresses", "NetworkInterfaceId", x, "SecondaryPrivateIpAddressCount", "1", "PrivateIpAddress.1", added[1])
	w.refused("InvalidParameterValue", "AssignIpv6Addresses", "NetworkInterfaceId", x, "Ipv6AddressCount", "1")
}

// TestManagedInterfaces proves that a NAT gateway's interface is shown as the cloud's, and not given away.
func TestManagedInterfaces(t *testing.T) {
	w := newWorld(t)
	w.subnet()
	s := w.Services().Network
	subnets, err := s.ListSubnets(w.Context(), cloud.Where(cloud.Eq("default", true)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.CreateNATGateway(w.Context(), network.NATRequest{SubnetID: subnets[0].ID}); err != nil {
		t.Fatal(err)
	}
	all := w.do("DescribeNetworkInterfaces", "Filter.1.Name", "requester-managed", "Filter.1.Value.1", "true").all("networkInterfaceSet")
	if len(all) != 1 || all[0].get("interfaceType") != "nat_gateway" || all[0].get("status") != "in-use" || all[0].get("attachment/attachmentId") == "" {
		t.Fatalf("%d managed interfaces: %+v", len(all), all)
	}
	if n := len(w.do("DescribeNetworkInterfaces").all("networkInterfaceSet")); n != 1 {
		t.Errorf("%d interfaces are shown, the router's own with them", n)
	}
	w.refused("InvalidNetworkInterface.InUse", "DeleteNetworkInterface", "NetworkInterfaceId", all[0].get("networkInterfaceId"))
}
