package ec2

import (
	"net/netip"

	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
)

// ofInstance shows the port as one of its instance's interfaces: these have shapes of their own.
func (v portView) ofInstance() shape.InstanceNetworkInterface {
	out := shape.InstanceNetworkInterface{NetworkInterfaceId: id(portIDs, v.Port.ID), MacAddress: v.Port.MAC, Status: "in-use", InterfaceType: "interface",
		Description: v.Port.Description, OwnerId: v.owner, SubnetId: id(subnetIDs, v.subnetID()), VpcId: v.vpc(v.subnet()), SourceDestCheck: new(!v.forwards()),
		Groups: append([]shape.GroupIdentifier{}, v.groupIDs()...), PrivateIpAddresses: []shape.InstancePrivateIpAddress{}, Ipv6Addresses: []shape.InstanceIpv6Address{},
		Attachment: &shape.InstanceNetworkInterfaceAttachment{AttachmentId: id(portUseIDs, v.Port.ID), DeviceIndex: new(v.Port.Order), NetworkCardIndex: new(0), Status: "attached",
			AttachTime: attachTime(v.Port), DeleteOnTermination: new(v.Port.DeleteWithInstance)}}
	for _, a := range v.Port.Addresses {
		if a.Address.Is6() {
			out.Ipv6Addresses = append(out.Ipv6Addresses, shape.InstanceIpv6Address{Ipv6Address: a.Address.String()})
			continue
		}
		out.PrivateIpAddresses = append(out.PrivateIpAddresses, shape.InstancePrivateIpAddress{PrivateIpAddress: a.Address.String(), Primary: new(a.Address == v.primary()),
			PrivateDnsName: v.privateName(a.Address), Association: v.associationOfInstance(a.Address)})
	}
	if first := v.primary(); first.IsValid() {
		out.PrivateIpAddress, out.PrivateDnsName, out.Association = first.String(), v.privateName(first), v.associationOfInstance(first)
	}
	return out
}

// associationOfInstance is association without the ids, which an instance's interfaces do not show.
func (v portView) associationOfInstance(a netip.Addr) *shape.InstanceNetworkInterfaceAssociation {
	shown := v.association(a)
	if shown == nil {
		return nil
	}
	return &shape.InstanceNetworkInterfaceAssociation{PublicIp: shown.PublicIp, PublicDnsName: shown.PublicDnsName, IpOwnerId: shown.IpOwnerId}
}
