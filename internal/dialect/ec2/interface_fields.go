package ec2

import (
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
)

// interfaceFields are what interfaces can be filtered by. They are read off what is shown, so that a filter finds what a client saw.
var interfaceFields = fields[shownPort]{
	"availability-zone":    one(func(n shownPort) string { return n.AvailabilityZone }),
	"availability-zone-id": one(func(n shownPort) string { return n.AvailabilityZoneId }),
	"description":          one(func(n shownPort) string { return n.Description }),
	"interface-type":       one(func(n shownPort) string { return n.InterfaceType }),
	"mac-address":          one(func(n shownPort) string { return n.MacAddress }),
	"network-interface-id": one(func(n shownPort) string { return n.NetworkInterfaceId }),
	"owner-id":             one(func(n shownPort) string { return n.OwnerId }),
	"private-dns-name":     one(func(n shownPort) string { return n.PrivateDnsName }),
	"requester-id":         one(func(n shownPort) string { return n.RequesterId }),
	"requester-managed":    one(func(n shownPort) string { return yes(n.RequesterManaged) }),
	"source-dest-check":    one(func(n shownPort) string { return yes(n.SourceDestCheck) }),
	"status":               one(func(n shownPort) string { return n.Status }),
	"subnet-id":            one(func(n shownPort) string { return n.SubnetId }),
	"vpc-id":               one(func(n shownPort) string { return n.VpcId }),

	"group-id": eachOf(interfaceGroups, func(g shape.GroupIdentifier) string { return g.GroupId }),
	// group-name is as in the protocol: names repeat in other VPCs.
	"group-name":                  eachOf(interfaceGroups, func(g shape.GroupIdentifier) string { return g.GroupName }),
	"ipv6-addresses.ipv6-address": eachOf(func(n shownPort) []shape.NetworkInterfaceIpv6Address { return n.Ipv6Addresses }, func(a shape.NetworkInterfaceIpv6Address) string { return a.Ipv6Address }),

	"private-ip-address":              eachOf(interfaceAddresses, func(a shape.NetworkInterfacePrivateIpAddress) string { return a.PrivateIpAddress }),
	"addresses.private-ip-address":    eachOf(interfaceAddresses, func(a shape.NetworkInterfacePrivateIpAddress) string { return a.PrivateIpAddress }),
	"addresses.primary":               eachOf(interfaceAddresses, func(a shape.NetworkInterfacePrivateIpAddress) string { return yes(a.Primary) }),
	"addresses.association.public-ip": eachOf(interfaceUses, func(u *shape.NetworkInterfaceAssociation) string { return u.PublicIp }),
	"addresses.association.owner-id":  eachOf(interfaceUses, func(u *shape.NetworkInterfaceAssociation) string { return u.IpOwnerId }),
	"association.public-ip":           eachOf(interfaceUses, func(u *shape.NetworkInterfaceAssociation) string { return u.PublicIp }),
	"association.ip-owner-id":         eachOf(interfaceUses, func(u *shape.NetworkInterfaceAssociation) string { return u.IpOwnerId }),
	"association.association-id":      eachOf(interfaceUses, func(u *shape.NetworkInterfaceAssociation) string { return u.AssociationId }),
	"association.allocation-id":       eachOf(interfaceUses, func(u *shape.NetworkInterfaceAssociation) string { return u.AllocationId }),
	"association.public-dns-name":     eachOf(interfaceUses, func(u *shape.NetworkInterfaceAssociation) string { return u.PublicDnsName }),

	"attachment.attachment-id": eachOf(interfaceAttachment, func(u *shape.NetworkInterfaceAttachment) string { return u.AttachmentId }),
	"attachment.attach-time": eachOf(interfaceAttachment, func(u *shape.NetworkInterfaceAttachment) string {
		return instant(u.AttachTime)
	}),
	"attachment.delete-on-termination": eachOf(interfaceAttachment, func(u *shape.NetworkInterfaceAttachment) string { return yes(u.DeleteOnTermination) }),
	"attachment.device-index":          eachOf(interfaceAttachment, func(u *shape.NetworkInterfaceAttachment) string { return count(u.DeviceIndex) }),
	"attachment.instance-id":           eachOf(interfaceAttachment, func(u *shape.NetworkInterfaceAttachment) string { return u.InstanceId }),
	"attachment.instance-owner-id":     eachOf(interfaceAttachment, func(u *shape.NetworkInterfaceAttachment) string { return u.InstanceOwnerId }),
	"attachment.status":                eachOf(interfaceAttachment, func(u *shape.NetworkInterfaceAttachment) string { return u.Status }),
}

// eachOf makes a field of the values that the parts of a row have.
func eachOf[T, P any](parts func(T) []P, of func(P) string) func(T) []string {
	return func(t T) []string { return valuesOf(parts(t), of) }
}

func interfaceGroups(n shownPort) []shape.GroupIdentifier { return n.Groups }

func interfaceAddresses(n shownPort) []shape.NetworkInterfacePrivateIpAddress {
	return n.PrivateIpAddresses
}

// interfaceUses are the associations of all its addresses.
func interfaceUses(n shownPort) (uses []*shape.NetworkInterfaceAssociation) {
	for _, a := range n.PrivateIpAddresses {
		if a.Association != nil {
			uses = append(uses, a.Association)
		}
	}
	return uses
}

func interfaceAttachment(n shownPort) []*shape.NetworkInterfaceAttachment {
	if n.Attachment == nil {
		return nil
	}
	return []*shape.NetworkInterfaceAttachment{n.Attachment}
}

func interfaceTags(n shownPort) []shape.Tag { return n.TagSet }
