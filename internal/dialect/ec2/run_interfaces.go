package ec2

import (
	"cmp"
	"context"
	"net/netip"
	"slices"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/compute"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
	"github.com/nubo-cloud/nubo/internal/network"
)

// cardMembers are what may be said of an interface of a new instance.
const cardMembers = "AssociatePublicIpAddress DeleteOnTermination Description DeviceIndex Groups InterfaceType Ipv6AddressCount Ipv6Addresses NetworkCardIndex " +
	"NetworkInterfaceId PrivateIpAddress PrivateIpAddresses SecondaryPrivateIpAddressCount SubnetId"

// addCards gives the request its interfaces, in the order of their indexes. Without a subnet they are on the zone's default one.
func (a *api) addCards(ctx context.Context, r *compute.CreateRequest, cards []shape.InstanceNetworkInterfaceSpecification) error {
	for i := range cards {
		if err := only(&cards[i], "NetworkInterface", cardMembers); err != nil {
			return err
		}
		if cards[i].DeviceIndex == nil {
			return missingParameter("NetworkInterface.DeviceIndex")
		}
	}
	cards = slices.SortedFunc(slices.Values(cards), func(x, y shape.InstanceNetworkInterfaceSpecification) int {
		return cmp.Compare(*x.DeviceIndex, *y.DeviceIndex)
	})
	for i, card := range cards {
		if *card.DeviceIndex != i {
			return invalidParameter("The device indexes of network interfaces count from 0, each once.")
		}
		nic, err := a.card(ctx, r, card)
		if err != nil {
			return err
		}
		r.NICs = append(r.NICs, nic)
	}
	return nil
}

func (a *api) card(ctx context.Context, r *compute.CreateRequest, card shape.InstanceNetworkInterfaceSpecification) (cloud.NICRequest, error) {
	if card.InterfaceType != "" && card.InterfaceType != "interface" {
		return cloud.NICRequest{}, unsupported("Network interfaces of the type '%s' are not supported.", card.InterfaceType)
	}
	if card.NetworkInterfaceId != "" {
		return a.takenCard(ctx, r, card)
	}
	sub, err := a.cardSubnet(ctx, r, card.SubnetId)
	if err != nil {
		return cloud.NICRequest{}, err
	}
	nic := cloud.NICRequest{NetworkID: sub.NetworkID, Description: card.Description, Public: card.AssociatePublicIpAddress}
	nic.Keep = card.DeleteOnTermination != nil && !*card.DeleteOnTermination
	if nic.FixedIP, nic.More, err = cardAddresses(card); err != nil {
		return nic, err
	}
	six, err := cardIPv6(card)
	if err != nil {
		return nic, err
	}
	nic.More, nic.AnyIPv6 = append(nic.More, six.Addresses...), six.Any
	if (nic.FixedIP.IsValid() || len(six.Addresses) > 0) && r.CountMax > 1 {
		return nic, invalidCombination("Several instances cannot have the same private address: name none.")
	}
	groups, err := find(ctx, groupIDs, card.Groups, a.groups, groupID)
	for _, g := range groups {
		nic.Groups = append(nic.Groups, g.ID)
	}
	return nic, err
}

// takenCard is an interface that exists.
func (a *api) takenCard(ctx context.Context, r *compute.CreateRequest, card shape.InstanceNetworkInterfaceSpecification) (cloud.NICRequest, error) {
	if card.SubnetId != "" || card.PrivateIpAddress != "" || len(card.Groups) > 0 || r.CountMax > 1 {
		return cloud.NICRequest{}, invalidCombination("A network interface that exists has its subnet, address and groups, and is for one instance.")
	}
	p, err := findOne(ctx, portIDs, card.NetworkInterfaceId, a.ports, portID)
	if err != nil {
		return cloud.NICRequest{}, err
	}
	return cloud.NICRequest{PortID: p.ID, Delete: card.DeleteOnTermination != nil && *card.DeleteOnTermination}, nil
}

// cardSubnet is the subnet that is named, whose zone is then the instance's, or the default one.
func (a *api) cardSubnet(ctx context.Context, r *compute.CreateRequest, text string) (*cloud.Subnet, error) {
	if text == "" {
		return a.defaultSubnet(ctx, r.Zone)
	}
	sub, err := findOne(ctx, subnetIDs, text, a.subnets, subnetID)
	if err != nil {
		return nil, err
	}
	if r.Zone != "" && sub.Zone != "" && sub.Zone != r.Zone {
		return nil, invalidParameter("The subnet '%s' is not in the availability zone that was asked for.", text)
	}
	r.Zone = cmp.Or(r.Zone, sub.Zone)
	return sub, nil
}

// cardAddresses are the first address of an interface, invalid for any, and those besides it.
func cardAddresses(card shape.InstanceNetworkInterfaceSpecification) (first netip.Addr, more []netip.Addr, err error) {
	if first, err = parseAddress(card.PrivateIpAddress); err != nil {
		return first, nil, err
	}
	for _, p := range card.PrivateIpAddresses {
		a, err := parseAddress(p.PrivateIpAddress)
		if err != nil {
			return first, nil, err
		}
		if p.Primary != nil && *p.Primary {
			if first.IsValid() && first != a {
				return first, nil, invalidParameter("An interface has one primary private address.")
			}
			first = a
		} else {
			more = append(more, a)
		}
	}
	if n := card.SecondaryPrivateIpAddressCount; n != nil {
		if *n < 0 || *n > addressesMax {
			return first, nil, invalidParameter("An interface has up to %d secondary private addresses.", addressesMax)
		}
		more = append(more, make([]netip.Addr, *n)...)
	}
	return first, more, nil
}

// cardIPv6 are the IPv6 addresses of an interface.
func cardIPv6(card shape.InstanceNetworkInterfaceSpecification) (network.MoreAddresses, error) {
	return moreIPv6(idsOf(card.Ipv6Addresses, func(a shape.InstanceIpv6Address) string { return a.Ipv6Address }), card.Ipv6AddressCount)
}

// groupsNamed are the ids of the groups that a request names for its instances: by id, or by name in the VPC they go in.
func (a *api) groupsNamed(ctx context.Context, in *shape.RunInstancesRequest) ([]string, error) {
	ids := in.SecurityGroupIds
	for _, name := range in.SecurityGroups {
		g, err := a.groupNamed(ctx, name, "")
		if err != nil {
			return nil, err
		}
		ids = append(ids, id(groupIDs, g.ID))
	}
	return ids, nil
}
