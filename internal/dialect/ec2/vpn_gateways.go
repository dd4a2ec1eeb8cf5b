package ec2

import (
	"context"
	"fmt"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
	"github.com/nubo-cloud/nubo/internal/network"
)

func (a *api) vpnGatewayActions() []*action {
	return []*action{
		serve("CreateVpnGateway", a.createVPNGateway, "Type AmazonSideAsn TagSpecifications"),
		serve("DescribeVpnGateways", a.describeVPNGateways, "VpnGatewayIds Filters"),
		serve("AttachVpnGateway", a.attachVPNGateway, "VpnGatewayId VpcId"),
		done("DetachVpnGateway", a.detachVPNGateway, "VpnGatewayId VpcId"),
		done("DeleteVpnGateway", a.deleteVPNGateway, "VpnGatewayId"),
	}
}

// defaultASN is what a VPN gateway speaks for if nobody says.
const defaultASN = 64512

func (a *api) createVPNGateway(ctx context.Context, in *shape.CreateVpnGatewayRequest) (*shape.CreateVpnGatewayResult, error) {
	if err := checkType(in.Type); err != nil {
		return nil, err
	}
	words, err := labelWords(in.TagSpecifications, "vpn-gateway")
	if err != nil {
		return nil, err
	}
	r := network.WayRequest{Kind: cloud.GatewayVPN, Words: words, ASN: defaultASN}
	if in.AmazonSideAsn != nil {
		r.ASN = *in.AmazonSideAsn
	}
	g, err := a.Network.CreateGateway(ctx, r)
	if err != nil {
		return nil, err
	}
	shown := showVPNGateway(g)
	return &shape.CreateVpnGatewayResult{VpnGateway: &shown}, nil
}

func showVPNGateway(g *cloud.Gateway) shape.VpnGateway {
	out := shape.VpnGateway{VpnGatewayId: id(vpnGatewayIDs, g.ID), State: "available", Type: ipsec, AmazonSideAsn: &g.ASN, Tags: gatewayTags(g)}
	if g.RouterID != "" {
		out.VpcAttachments = []shape.VpcAttachment{{VpcId: id(vpcIDs, g.RouterID), State: "attached"}}
	}
	return out
}

var vpnGatewayFields = fields[*cloud.Gateway]{
	"amazon-side-asn":   one(func(g *cloud.Gateway) string { return fmt.Sprint(g.ASN) }),
	"attachment.state":  one(func(g *cloud.Gateway) string { return onlyIf(g.RouterID != "", "attached") }),
	"attachment.vpc-id": one(func(g *cloud.Gateway) string { return id(vpcIDs, g.RouterID) }),
	"state":             one(func(*cloud.Gateway) string { return "available" }),
	"type":              one(func(*cloud.Gateway) string { return ipsec }),
	"vpn-gateway-id":    one(func(g *cloud.Gateway) string { return id(vpnGatewayIDs, g.ID) }),
}

func (a *api) describeVPNGateways(ctx context.Context, in *shape.DescribeVpnGatewaysRequest) (*shape.DescribeVpnGatewaysResult, error) {
	rows, _, err := a.gatewayNoun(cloud.GatewayVPN, vpnGatewayFields).describe(ctx, ask{in.VpnGatewayIds, in.Filters, nil, ""})
	if err != nil {
		return nil, err
	}
	out := &shape.DescribeVpnGatewaysResult{}
	for _, g := range rows {
		out.VpnGateways = append(out.VpnGateways, showVPNGateway(g))
	}
	return out, nil
}

// gatewayAndVPC finds both ends of an attachment.
func (a *api) gatewayAndVPC(ctx context.Context, gateway, vpc string) (*cloud.Gateway, *cloud.Router, error) {
	g, err := a.gateway(ctx, vpnGatewayIDs, gateway)
	if err != nil {
		return nil, nil, err
	}
	r, err := a.router(ctx, vpc)
	return g, r, err
}

func (a *api) attachVPNGateway(ctx context.Context, in *shape.AttachVpnGatewayRequest) (*shape.AttachVpnGatewayResult, error) {
	g, r, err := a.gatewayAndVPC(ctx, in.VpnGatewayId, in.VpcId)
	if err != nil {
		return nil, err
	}
	_, err = a.Network.AttachGateway(ctx, g.ID, r.ID)
	switch {
	case cloud.Is(err, cloud.InUse):
		return nil, bad("VpnGatewayAttachmentLimitExceeded", "The VPN gateway %s is attached to a VPC already.", in.VpnGatewayId)
	case cloud.Is(err, cloud.AlreadyExists):
		return nil, bad("InvalidVpcState", "The VPC %s has a VPN gateway attached already.", in.VpcId)
	}
	return &shape.AttachVpnGatewayResult{VpcAttachment: &shape.VpcAttachment{VpcId: in.VpcId, State: "attached"}}, err
}

func (a *api) detachVPNGateway(ctx context.Context, in *shape.DetachVpnGatewayRequest) error {
	g, r, err := a.gatewayAndVPC(ctx, in.VpnGatewayId, in.VpcId)
	if err != nil {
		return err
	}
	_, err = a.Network.DetachGateway(ctx, g.ID, r.ID)
	if e, ok := cloud.AsError(err); ok && e.Resource == "detached gateway" {
		return bad("InvalidVpnGatewayAttachment.NotFound", "The VPN gateway %s is not attached to %s.", in.VpnGatewayId, in.VpcId)
	}
	return err
}

func (a *api) deleteVPNGateway(ctx context.Context, in *shape.DeleteVpnGatewayRequest) error {
	g, err := a.gateway(ctx, vpnGatewayIDs, in.VpnGatewayId)
	if err != nil {
		return err
	}
	err = a.Network.DeleteGateway(ctx, g.ID)
	if cloud.Is(err, cloud.WrongState) {
		return bad("IncorrectState", "The VPN gateway is in use.")
	}
	return err
}
