package ec2

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
)

// portView is a port with all that is shown with it.
type portView struct {
	cloud.PortView
	*surroundings
}

// portViews puts beside ports what is shown with them, in a fixed number of calls.
func (a *api) portViews(ctx context.Context, ports []*cloud.Port) ([]portView, error) {
	views, err := a.Network.PortViews(ctx, ports)
	if err != nil {
		return nil, err
	}
	return a.seen(ctx, views)
}

// seen puts beside views what is shown here alone.
func (a *api) seen(ctx context.Context, views []cloud.PortView) ([]portView, error) {
	around, err := a.surroundings(ctx)
	if err != nil {
		return nil, err
	}
	return idsOf(views, func(v cloud.PortView) portView { return portView{v, around} }), nil
}

// subnet is the one that the interface is in: that of its primary address.
func (v portView) subnet() *cloud.Subnet {
	for _, sub := range v.Subnets {
		if sub.Prefix.Addr().Is4() {
			return sub
		}
	}
	if len(v.Subnets) > 0 {
		return v.Subnets[0]
	}
	return nil
}

func (v portView) subnetID() cloud.SubnetID {
	if sub := v.subnet(); sub != nil {
		return sub.ID
	}
	return ""
}

// zone is the one that the subnet is for.
func (v portView) zone() zone {
	if sub := v.subnet(); sub != nil {
		return v.zones[sub.Zone]
	}
	return zone{}
}

// primary is the first IPv4 address; invalid if there is none.
func (v portView) primary() netip.Addr {
	for _, a := range v.Port.Addresses {
		if a.Address.Is4() {
			return a.Address
		}
	}
	return netip.Addr{}
}

// managed tells whether the cloud has the port for something of its own.
func (v portView) managed() bool { return v.Port.Owner == cloud.OwnerNATGateway }

// privateName is the name of an address of the port.
func (v portView) privateName(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return privateName(a, v.Domain)
}

// public is the floating IP that leads to an address of the port; nil if none does.
func (v portView) public(a netip.Addr) *cloud.FloatingIP {
	for _, f := range v.Floating {
		if f.TargetAddress == a {
			return f
		}
	}
	return nil
}

// passingOwner is whose public addresses are that come and go with an interface.
const passingOwner = "amazon"

// forwards tells whether the port may send what is not from its own addresses.
func (v portView) forwards() bool {
	p := v.Port
	return !p.PortSecurity || p.Forwards || slices.ContainsFunc(p.AllowedPairs, func(pair cloud.AddressPair) bool { return pair.Address.Bits() == 0 })
}

// association is how a public address is joined to an address of the port.
func (v portView) association(a netip.Addr) *shape.NetworkInterfaceAssociation {
	f := v.public(a)
	if f == nil {
		return nil
	}
	if f.Passing {
		return &shape.NetworkInterfaceAssociation{PublicIp: f.Address.String(), IpOwnerId: passingOwner, PublicDnsName: publicName(f)}
	}
	return &shape.NetworkInterfaceAssociation{PublicIp: f.Address.String(), IpOwnerId: v.owner, AllocationId: id(addressIDs, f.ID), AssociationId: id(addressUseIDs, f.ID),
		PublicDnsName: publicName(f)}
}

func (v portView) privateAddresses() (all []shape.NetworkInterfacePrivateIpAddress) {
	for _, a := range v.Port.Addresses {
		if a.Address.Is4() {
			all = append(all, shape.NetworkInterfacePrivateIpAddress{PrivateIpAddress: a.Address.String(), Primary: new(a.Address == v.primary()),
				PrivateDnsName: v.privateName(a.Address), Association: v.association(a.Address)})
		}
	}
	return all
}

func (v portView) ipv6Addresses() (all []shape.NetworkInterfaceIpv6Address) {
	for _, a := range v.Port.Addresses {
		if a.Address.Is6() {
			all = append(all, shape.NetworkInterfaceIpv6Address{Ipv6Address: a.Address.String(), IsPrimaryIpv6: new(false)})
		}
	}
	return all
}

func (v portView) groupIDs() (all []shape.GroupIdentifier) {
	for _, g := range v.Groups {
		all = append(all, shape.GroupIdentifier{GroupId: id(groupIDs, g.ID), GroupName: g.Name})
	}
	return all
}

func (v portView) tags() []shape.Tag { return tagsOf(v.Port.Labels, v.Port.Name) }

// status is "in-use" also where a client has put the port to a use of its own.
func (v portView) status() string {
	if v.Port.Owner == cloud.OwnerNone && v.Port.DeviceText == "" {
		return "available"
	}
	return "in-use"
}

// kind is the type of the interface.
func (v portView) kind() string {
	if v.managed() {
		return "nat_gateway"
	}
	return "interface"
}

func (v portView) description() string {
	if v.managed() && v.Port.Description == "" {
		return "Interface for NAT Gateway " + natIDs.of(v.Port.DeviceText)
	}
	return v.Port.Description
}

// attachment is how the port is joined to its instance, or to what the cloud has it for; nil if to nothing.
func (v portView) attachment() *shape.NetworkInterfaceAttachment {
	p := v.Port
	switch {
	case v.managed():
		return &shape.NetworkInterfaceAttachment{AttachmentId: id(portUseIDs, p.ID), InstanceOwnerId: passingOwner + "-aws", Status: "attached", DeviceIndex: new(1),
			DeleteOnTermination: new(false), AttachTime: &p.CreatedAt}
	case p.InstanceID == "":
		return v.leftAttachment()
	}
	return &shape.NetworkInterfaceAttachment{AttachmentId: id(portUseIDs, p.ID), InstanceId: id(instanceIDs, p.InstanceID), InstanceOwnerId: v.owner, Status: "attached",
		DeviceIndex: new(p.Order), NetworkCardIndex: new(0), DeleteOnTermination: new(p.DeleteWithInstance), AttachTime: attachTime(p)}
}

// leftShown is how long an attachment that has ended is shown. Clients wait to see that it ended; what is just not there any more,
// some take for what is not there yet, for minutes.
const leftShown = 10 * time.Second

func (v portView) leftAttachment() *shape.NetworkInterfaceAttachment {
	l := v.Port.Left
	if l == nil || time.Since(l.Until) > leftShown {
		return nil
	}
	return &shape.NetworkInterfaceAttachment{AttachmentId: id(portUseIDs, v.Port.ID), InstanceId: id(instanceIDs, l.InstanceID), InstanceOwnerId: v.owner, Status: "detached",
		DeviceIndex: &l.Order, NetworkCardIndex: new(0), DeleteOnTermination: new(false), AttachTime: &l.From}
}

// attachTime is when a port became its instance's.
func attachTime(p *cloud.Port) *time.Time {
	if p.AttachedAt.IsZero() {
		return &p.CreatedAt
	}
	return &p.AttachedAt
}

func (v portView) shown() shape.NetworkInterface {
	out := shape.NetworkInterface{NetworkInterfaceId: id(portIDs, v.Port.ID), SubnetId: id(subnetIDs, v.subnetID()), VpcId: v.vpc(v.subnet()), AvailabilityZone: v.zone().name,
		AvailabilityZoneId: v.zone().id, Description: v.description(), OwnerId: v.owner, RequesterManaged: new(v.managed()), Status: v.status(), MacAddress: v.Port.MAC,
		PrivateDnsName: v.privateName(v.primary()), SourceDestCheck: new(!v.forwards() && !v.managed()), Groups: v.groupIDs(), Attachment: v.attachment(), InterfaceType: v.kind(),
		Association: v.association(v.primary()), PrivateIpAddresses: v.privateAddresses(), Ipv6Addresses: v.ipv6Addresses(), TagSet: v.tags()}
	if a := v.primary(); a.IsValid() {
		out.PrivateIpAddress = a.String()
	}
	if len(out.Ipv6Addresses) > 0 {
		out.Ipv6Address = out.Ipv6Addresses[0].Ipv6Address
	}
	if v.managed() {
		out.RequesterId = v.owner
	}
	return out
}
