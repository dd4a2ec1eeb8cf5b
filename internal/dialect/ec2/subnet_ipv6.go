package ec2

import (
	"context"
	"net/netip"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
	"github.com/nubo-cloud/nubo/internal/network"
)

// sixBits is the length of the IPv6 prefix that a subnet has.
const sixBits = 64

// addSix gives a subnet the IPv6 prefix that a request names.
func (a *api) addSix(ctx context.Context, sub *cloud.Subnet, text string) (*cloud.Subnet, error) {
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil || !p.Addr().Is6():
		return nil, invalidParameter("Value (%s) for parameter ipv6CidrBlock is invalid. This is not a valid IPv6 CIDR block.", text)
	case p.Bits() != sixBits:
		return nil, bad("InvalidSubnet.Range", "The CIDR '%s' is invalid: the IPv6 block of a subnet has %d bits of network.", text, sixBits)
	}
	six, err := a.Network.AddSubnetIPv6(ctx, sub.ID, network.SubnetIPv6{Prefix: p, Reserved: reserved})
	return six, subnetFault(err, text)
}

func showSix(six *cloud.Subnet, state string) *shape.SubnetIpv6CidrBlockAssociation {
	return &shape.SubnetIpv6CidrBlockAssociation{AssociationId: id(sixIDs, six.ID), Ipv6CidrBlock: six.Prefix.String(), Ipv6CidrBlockState: &shape.SubnetCidrBlockState{State: state}}
}

func ofSix(value func(shape.SubnetIpv6CidrBlockAssociation) string) func(subnetRow) []string {
	return func(r subnetRow) []string { return valuesOf(r.shown.Ipv6CidrBlockAssociationSet, value) }
}

func (a *api) associateSubnetBlock(ctx context.Context, in *shape.AssociateSubnetCidrBlockRequest) (*shape.AssociateSubnetCidrBlockResult, error) {
	sub, err := findOne(ctx, subnetIDs, in.SubnetId, a.subnets, subnetID)
	if err != nil {
		return nil, err
	}
	six, err := a.addSix(ctx, sub, in.Ipv6CidrBlock)
	if err != nil {
		return nil, err
	}
	return &shape.AssociateSubnetCidrBlockResult{SubnetId: in.SubnetId, Ipv6CidrBlockAssociation: showSix(six, "associated")}, nil
}

// sixes are the subnets that are the IPv6 of others.
func (a *api) sixes(ctx context.Context, where ...cloud.Cond) ([]*cloud.Subnet, error) {
	return a.Network.ListSubnets(ctx, cloud.Where(append(where, own(ctx), cloud.Cond{Column: "beside", Op: cloud.OpNe, Value: ""})...))
}

func (a *api) disassociateSubnetBlock(ctx context.Context, in *shape.DisassociateSubnetCidrBlockRequest) (*shape.DisassociateSubnetCidrBlockResult, error) {
	six, err := findOne(ctx, sixIDs, in.AssociationId, a.sixes, subnetID)
	if err != nil {
		return nil, err
	}
	if err := a.Network.RemoveSubnetIPv6(ctx, six.ID); err != nil {
		return nil, dependency(err, "The IPv6 block of association '%s' is in use.", in.AssociationId)
	}
	return &shape.DisassociateSubnetCidrBlockResult{SubnetId: id(subnetIDs, six.Beside), Ipv6CidrBlockAssociation: showSix(six, "disassociated")}, nil
}

// autoSixFault is the fault of a subnet that is to give addresses which it has none of.
func autoSixFault(err error, subnet string) error {
	if cloud.Is(err, cloud.WrongState) {
		return invalidParameter("Invalid value for subnet '%s': it has no IPv6 CIDR to assign addresses from.", subnet)
	}
	return err
}

// sixOf is the first subnet of IPv6 on a subnet's network, whose addresses its interfaces have.
func (a *api) sixOf(ctx context.Context, sub *cloud.Subnet) (*cloud.Subnet, error) {
	list, err := a.Network.ListSubnets(ctx, cloud.Where(cloud.Eq("network_id", sub.NetworkID), cloud.Eq("ipv6", true)))
	if err == nil && len(list) == 0 {
		err = invalidParameter("The subnet '%s' has no IPv6 CIDR to assign addresses from.", id(subnetIDs, sub.ID))
	}
	if err != nil {
		return nil, err
	}
	return list[0], nil
}
