package ec2

import (
	"context"
	"net/netip"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
)

// readBlock reads a block of IPv4 addresses of a size that VPCs and subnets have. outside is the code for another size.
func readBlock(text, outside string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil || !p.Addr().Is4():
		return p, invalidParameter("Value (%s) for parameter cidrBlock is invalid. This is not a valid CIDR block.", text)
	case p.Bits() < 16 || p.Bits() > 28:
		return p, bad(outside, "The CIDR '%s' is invalid: a block has from 16 to 28 bits of network.", text)
	}
	return p.Masked(), nil
}

func showBlock(b cloud.AddressBlock) shape.VpcCidrBlockAssociation {
	return shape.VpcCidrBlockAssociation{AssociationId: blockIDs.of(b.ID), CidrBlock: b.Prefix.String(), CidrBlockState: blockState("associated")}
}

// showSixBlock shows a block of IPv6: all are of the cloud's choice, which this API names after its first cloud.
func showSixBlock(b cloud.AddressBlock) shape.VpcIpv6CidrBlockAssociation {
	return shape.VpcIpv6CidrBlockAssociation{AssociationId: blockIDs.of(b.ID), Ipv6CidrBlock: b.Prefix.String(), Ipv6CidrBlockState: blockState("associated"), Ipv6Pool: "Amazon",
		IpSource: "amazon"}
}

func blockState(state string) *shape.VpcCidrBlockState {
	return &shape.VpcCidrBlockState{State: state}
}

func ofBlocks(value func(shape.VpcCidrBlockAssociation) string) func(vpcRow) []string {
	return func(r vpcRow) []string { return valuesOf(r.shown.CidrBlockAssociationSet, value) }
}

func ofSixBlocks(value func(shape.VpcIpv6CidrBlockAssociation) string) func(vpcRow) []string {
	return func(r vpcRow) []string { return valuesOf(r.shown.Ipv6CidrBlockAssociationSet, value) }
}

func (a *api) associateBlock(ctx context.Context, in *shape.AssociateVpcCidrBlockRequest) (*shape.AssociateVpcCidrBlockResult, error) {
	r, err := a.router(ctx, in.VpcId)
	if err != nil {
		return nil, err
	}
	out := &shape.AssociateVpcCidrBlockResult{VpcId: in.VpcId}
	if isTrue(in.AmazonProvidedIpv6CidrBlock) {
		if in.CidrBlock != "" {
			return nil, invalidCombination("One block is associated at a time: of IPv4, or of IPv6.")
		}
		if r, err = a.Network.AddProvidedBlock(ctx, r.ID); err != nil {
			return nil, blockFault(err)
		}
		out.Ipv6CidrBlockAssociation = new(showSixBlock(r.Domain.Blocks[len(r.Domain.Blocks)-1]))
		return out, nil
	}
	block, err := readBlock(in.CidrBlock, "InvalidVpc.Range")
	if err != nil {
		return nil, err
	}
	if r, err = a.Network.AddBlock(ctx, r.ID, block); err != nil {
		return nil, err
	}
	out.CidrBlockAssociation = new(showBlock(r.Domain.Blocks[len(r.Domain.Blocks)-1]))
	return out, nil
}

func (a *api) disassociateBlock(ctx context.Context, in *shape.DisassociateVpcCidrBlockRequest) (*shape.DisassociateVpcCidrBlockResult, error) {
	r, b, err := a.blockNamed(ctx, in.AssociationId)
	if err != nil {
		return nil, err
	}
	if _, err := a.Network.RemoveBlock(ctx, r.ID, b.ID); err != nil {
		return nil, blockFault(err)
	}
	out := &shape.DisassociateVpcCidrBlockResult{VpcId: id(vpcIDs, r.ID)}
	if b.Prefix.Addr().Is6() {
		out.Ipv6CidrBlockAssociation = new(showSixBlock(b))
		out.Ipv6CidrBlockAssociation.Ipv6CidrBlockState = blockState("disassociated")
	} else {
		out.CidrBlockAssociation = new(showBlock(b))
		out.CidrBlockAssociation.CidrBlockState = blockState("disassociated")
	}
	return out, nil
}

// blockNamed finds a block by the id of its association, with its VPC.
func (a *api) blockNamed(ctx context.Context, text string) (*cloud.Router, cloud.AddressBlock, error) {
	short, err := blockIDs.short(text)
	if err != nil {
		return nil, cloud.AddressBlock{}, err
	}
	routers, err := a.routers(ctx, cloud.Eq("domain", true))
	if err != nil {
		return nil, cloud.AddressBlock{}, err
	}
	for _, r := range routers {
		for _, b := range r.Domain.Blocks {
			if cloud.ShortID(b.ID) == short {
				return r, b, nil
			}
		}
	}
	return nil, cloud.AddressBlock{}, blockIDs.missing(text)
}

// blockFault tells the block that a VPC was made with from one that subnets are in, and a cloud without blocks from both.
func blockFault(err error) error {
	e, ok := cloud.AsError(err)
	switch {
	case ok && e.Kind == cloud.NoCapacity:
		return bad("InsufficientCidrBlocks", "%s", hideIDs(e))
	case ok && e.Kind == cloud.WrongState && e.Field == "first":
		return bad("OperationNotPermitted", "%s", hideIDs(e))
	case ok && e.Kind == cloud.WrongState:
		return bad("DependencyViolation", "%s", hideIDs(e))
	}
	return err
}
