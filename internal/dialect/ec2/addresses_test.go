package ec2_test

import (
	"testing"

	"github.com/nubo-cloud/nubo/internal/network"
)

// eni makes an interface in the default VPC's first subnet and answers its id.
func (w *world) eni(parameters ...string) string {
	w.t.Helper()
	return w.do("CreateNetworkInterface", append([]string{"SubnetId", w.subnet()}, parameters...)...).get("networkInterface/networkInterfaceId")
}

// TestAddresses proves an address's life: taken, joined to interfaces one after another, shown, given back.
func TestAddresses(t *testing.T) {
	w := newWorld(t)
	x, y := w.eni(), w.eni("SecondaryPrivateIpAddressCount", "1")
	made := w.do("AllocateAddress", "Domain", "vpc", "TagSpecification.1.ResourceType", "elastic-ip", "TagSpecification.1.Tag.1.Key", "Name", "TagSpecification.1.Tag.1.Value", "front")
	eip, public := made.get("allocationId"), made.get("publicIp")
	if made.get("domain") != "vpc" || made.get("publicIpv4Pool") != "amazon" || public == "" {
		t.Errorf("allocated: %+v", made)
	}
	w.do("AssociateAddress", "AllocationId", eip, "NetworkInterfaceId", x)
	w.do("AssociateAddress", "AllocationId", eip, "NetworkInterfaceId", x, "AllowReassociation", "false")
	w.refused("Resource.AlreadyAssociated", "AssociateAddress", "AllocationId", eip, "NetworkInterfaceId", y, "AllowReassociation", "false")
	second := w.shownInterface(y).all("privateIpAddressesSet")[1].get("privateIpAddress")
	association := w.do("AssociateAddress", "PublicIp", public, "NetworkInterfaceId", y, "PrivateIpAddress", second).get("associationId")
	shown := w.do("DescribeAddresses", "AllocationId.1", eip).all("addressesSet")[0]
	for path, want := range map[string]string{"publicIp": public, "associationId": association, "networkInterfaceId": y, "privateIpAddress": second, "domain": "vpc",
		"networkInterfaceOwnerId": "123456789012", "tagSet/value": "front", "instanceId": "", "networkBorderGroup": "test-1"} {
		if got := shown.get(path); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	w.filtersWork("DescribeAddresses", "addressesSet", map[string]string{"allocation-id": eip, "association-id": association, "domain": "vpc", "network-border-group": "test-1",
		"network-interface-id": y, "network-interface-owner-id": "123456789012", "private-ip-address": second, "public-ip": public, "tag:Name": "front", "tag-key": "Name"})
	if got := w.shownInterface(y).all("privateIpAddressesSet")[1].get("association/publicIp"); got != public {
		t.Errorf("the interface shows %q", got)
	}

	another := w.do("AllocateAddress").get("allocationId")
	w.refused("Resource.AlreadyAssociated", "AssociateAddress", "AllocationId", another, "NetworkInterfaceId", y, "PrivateIpAddress", second, "AllowReassociation", "false")
	w.do("AssociateAddress", "AllocationId", another, "NetworkInterfaceId", y, "PrivateIpAddress", second)
	w.refused("InvalidAssociationID.NotFound", "DisassociateAddress", "AssociationId", association)
	w.refused("InvalidIPAddress.InUse", "ReleaseAddress", "AllocationId", another)
	w.do("DisassociateAddress", "AssociationId", "eipassoc-"+another[len("eipalloc-"):])
	w.refused("InvalidAssociationID.NotFound", "DisassociateAddress", "PublicIp", public)
	w.do("ReleaseAddress", "AllocationId", another)
	w.do("ReleaseAddress", "PublicIp", public)
	w.refused("InvalidAddress.NotFound", "DescribeAddresses", "PublicIp.1", public)
	w.refused("InvalidAllocationID.NotFound", "ReleaseAddress", "AllocationId", eip)
}

// TestAddressOfInstance proves which instances an address can be joined to by themselves, and that passing addresses are not listed.
func TestAddressOfInstance(t *testing.T) {
	w := newWorld(t)
	in := w.run()[0]
	w.state(in, "running")
	if n := w.do("DescribeAddresses").texts("addressesSet/allocationId"); len(n) != 0 {
		t.Errorf("passing addresses are listed: %v", n)
	}
	eip := w.do("AllocateAddress")
	w.do("AssociateAddress", "AllocationId", eip.get("allocationId"), "InstanceId", in)
	if got := w.do("DescribeInstances", "InstanceId.1", in).get("reservationSet/instancesSet/ipAddress"); got != eip.get("publicIp") {
		t.Errorf("the instance shows %q, want %s", got, eip.get("publicIp"))
	}
	w.filtersWork("DescribeAddresses", "addressesSet", map[string]string{"instance-id": in})
	w.do("AttachNetworkInterface", "NetworkInterfaceId", w.eni(), "InstanceId", in, "DeviceIndex", "1")
	w.refused("InvalidInstanceID", "AssociateAddress", "AllocationId", eip.get("allocationId"), "InstanceId", in)
	w.do("TerminateInstances", "InstanceId.1", in)
	w.state(in, "terminated")
	w.do("ReleaseAddress", "AllocationId", eip.get("allocationId"))
}

// TestAddressRefusals proves the codes of what cannot be done with addresses.
func TestAddressRefusals(t *testing.T) {
	w := newWorld(t)
	x, eip := w.eni(), w.do("AllocateAddress").get("allocationId")
	w.refused("InvalidParameterValue", "AllocateAddress", "Domain", "standard")
	w.refused("UnsupportedOperation", "AllocateAddress", "PublicIpv4Pool", "ipv4pool-ec2-012345")
	w.refused("UnauthorizedOperation", "AllocateAddress", "Address", "203.0.113.200")
	w.refused("MissingParameter", "AssociateAddress", "NetworkInterfaceId", x)
	w.refused("MissingParameter", "AssociateAddress", "AllocationId", eip)
	w.refused("InvalidParameterCombination", "AssociateAddress", "AllocationId", eip, "PublicIp", "203.0.113.1", "NetworkInterfaceId", x)
	w.refused("InvalidParameterValue", "AssociateAddress", "AllocationId", eip, "NetworkInterfaceId", x, "PrivateIpAddress", "172.31.255.200")
	w.refused("InvalidAllocationID.Malformed", "AssociateAddress", "AllocationId", "eip-1", "NetworkInterfaceId", x)
	w.refused("InvalidNetworkInterfaceID.NotFound", "AssociateAddress", "AllocationId", eip, "NetworkInterfaceId", "eni-0123456789abcdef0")

	s := w.Services().Network
	alone, err := s.CreateDomain(w.Context(), network.DomainRequest{Blocks: prefixes("10.9.0.0/16")})
	if err != nil {
		t.Fatal(err)
	}
	sub, err := s.CreateDomainSubnet(w.Context(), network.DomainSubnetRequest{RouterID: alone.ID, Prefix: prefixes("10.9.0.0/24")[0], Reserved: 4})
	if err != nil {
		t.Fatal(err)
	}
	inside := w.do("CreateNetworkInterface", "SubnetId", subnetOf(sub)).get("networkInterface/networkInterfaceId")
	w.refused("Gateway.NotAttached", "AssociateAddress", "AllocationId", eip, "NetworkInterfaceId", inside)
}
