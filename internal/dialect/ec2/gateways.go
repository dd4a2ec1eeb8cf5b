package ec2

import (
	"context"
	"strings"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
	"github.com/nubo-cloud/nubo/internal/network"
)

func (a *api) gatewayActions() []*action {
	return []*action{
		serve("CreateInternetGateway", a.createInternetGateway, "TagSpecifications"),
		serve("DescribeInternetGateways", a.describeInternetGateways, "InternetGatewayIds Filters MaxResults NextToken"),
		done("AttachInternetGateway", a.attachInternetGateway, "InternetGatewayId VpcId"),
		done("DetachInternetGateway", a.detachInternetGateway, "InternetGatewayId VpcId"),
		done("DeleteInternetGateway", a.deleteInternetGateway, "InternetGatewayId"),
		serve("CreateEgressOnlyInternetGateway", a.createEgressGateway, "VpcId TagSpecifications"),
		serve("DescribeEgressOnlyInternetGateways", a.describeEgressGateways, "EgressOnlyInternetGatewayIds Filters MaxResults NextToken"),
		serve("DeleteEgressOnlyInternetGateway", a.deleteEgressGateway, "EgressOnlyInternetGatewayId"),
	}
}

// gatewayIDs are the ids of each kind of gateway.
var gatewayIDs = map[cloud.GatewayKind]idKind{cloud.GatewayInternet: internetIDs, cloud.GatewayEgress: egressIDs, cloud.GatewayVPN: vpnGatewayIDs}

func (a *api) gateways(ctx context.Context, where ...cloud.Cond) ([]*cloud.Gateway, error) {
	return a.Network.ListGateways(ctx, cloud.Where(append(where, own(ctx))...))
}

// gatewaysOf lists the gateways of one kind.
func (a *api) gatewaysOf(k cloud.GatewayKind) lister[*cloud.Gateway] {
	return func(ctx context.Context, where ...cloud.Cond) ([]*cloud.Gateway, error) {
		return a.gateways(ctx, append(where, cloud.Eq("kind", k))...)
	}
}

func gatewayID(g *cloud.Gateway) string        { return string(g.ID) }
func gatewayTags(g *cloud.Gateway) []shape.Tag { return tagsOf(g.Labels, g.Name) }

// gateway finds a gateway of the kind that its ids are of.
func (a *api) gateway(ctx context.Context, k idKind, text string) (*cloud.Gateway, error) {
	for kind, ids := range gatewayIDs {
		if ids == k {
			return findOne(ctx, k, text, a.gatewaysOf(kind), gatewayID)
		}
	}
	return nil, k.missing(text)
}

// anyGateway finds a gateway whose prefix says of which kind it is.
func (a *api) anyGateway(ctx context.Context, text string) (*cloud.Gateway, error) {
	if strings.HasPrefix(text, vpnGatewayIDs.prefix+"-") {
		return a.gateway(ctx, vpnGatewayIDs, text)
	}
	return a.gateway(ctx, internetIDs, text)
}

func (a *api) createGateway(ctx context.Context, kind cloud.GatewayKind, specs []shape.TagSpecification, of string) (*cloud.Gateway, error) {
	words, err := labelWords(specs, of)
	if err != nil {
		return nil, err
	}
	return a.Network.CreateGateway(ctx, network.WayRequest{Kind: kind, Words: words})
}

func (a *api) createInternetGateway(ctx context.Context, in *shape.CreateInternetGatewayRequest) (*shape.CreateInternetGatewayResult, error) {
	g, err := a.createGateway(ctx, cloud.GatewayInternet, in.TagSpecifications, "internet-gateway")
	if err != nil {
		return nil, err
	}
	owner, err := a.account(ctx)
	shown := showInternetGateway(g, owner)
	return &shape.CreateInternetGatewayResult{InternetGateway: &shown}, err
}

func showInternetGateway(g *cloud.Gateway, owner string) shape.InternetGateway {
	return shape.InternetGateway{InternetGatewayId: id(internetIDs, g.ID), OwnerId: owner, Attachments: attachmentsOf(g, "available"), Tags: gatewayTags(g)}
}

func attachmentsOf(g *cloud.Gateway, state string) []shape.InternetGatewayAttachment {
	if g.RouterID == "" {
		return []shape.InternetGatewayAttachment{}
	}
	return []shape.InternetGatewayAttachment{{VpcId: id(vpcIDs, g.RouterID), State: state}}
}

// gatewayNoun is what a Describe of one kind needs to know.
func (a *api) gatewayNoun(kind cloud.GatewayKind, f fields[*cloud.Gateway]) noun[*cloud.Gateway] {
	return noun[*cloud.Gateway]{ids: gatewayIDs[kind], list: a.gatewaysOf(kind), id: gatewayID, place: func(g *cloud.Gateway) string { return place(g.CreatedAt, g.ID) }, fields: f, tags: gatewayTags}
}

var internetFields = fields[*cloud.Gateway]{
	"attachment.state":    one(func(g *cloud.Gateway) string { return onlyIf(g.RouterID != "", "available") }),
	"attachment.vpc-id":   one(func(g *cloud.Gateway) string { return id(vpcIDs, g.RouterID) }),
	"internet-gateway-id": one(func(g *cloud.Gateway) string { return id(internetIDs, g.ID) }),
}

func (a *api) describeInternetGateways(ctx context.Context, in *shape.DescribeInternetGatewaysRequest) (*shape.DescribeInternetGatewaysResult, error) {
	owner, err := a.account(ctx)
	if err != nil {
		return nil, err
	}
	f := fields[*cloud.Gateway]{"owner-id": one(func(*cloud.Gateway) string { return owner })}
	for name, of := range internetFields {
		f[name] = of
	}
	rows, next, err := a.gatewayNoun(cloud.GatewayInternet, f).describe(ctx, ask{in.InternetGatewayIds, in.Filters, in.MaxResults, in.NextToken})
	if err != nil {
		return nil, err
	}
	out := &shape.DescribeInternetGatewaysResult{NextToken: next}
	for _, g := range rows {
		out.InternetGateways = append(out.InternetGateways, showInternetGateway(g, owner))
	}
	return out, nil
}

func (a *api) attachInternetGateway(ctx context.Context, in *shape.AttachInternetGatewayRequest) error {
	g, err := a.gateway(ctx, internetIDs, in.InternetGatewayId)
	if err != nil {
		return err
	}
	r, err := a.router(ctx, in.VpcId)
	if err != nil {
		return err
	}
	_, err = a.Network.AttachGateway(ctx, g.ID, r.ID)
	switch {
	case cloud.Is(err, cloud.InUse):
		return bad("Resource.AlreadyAssociated", "resource %s is already attached to network %s", in.InternetGatewayId, id(vpcIDs, g.RouterID))
	case cloud.Is(err, cloud.AlreadyExists):
		return invalidParameter("Network %s already has an internet gateway attached", in.VpcId)
	}
	return err
}

func (a *api) detachInternetGateway(ctx context.Context, in *shape.DetachInternetGatewayRequest) error {
	g, err := a.gateway(ctx, internetIDs, in.InternetGatewayId)
	if err != nil {
		return err
	}
	r, err := a.router(ctx, in.VpcId)
	if err != nil {
		return err
	}
	_, err = a.Network.DetachGateway(ctx, g.ID, r.ID)
	if e, ok := cloud.AsError(err); ok && e.Resource == "detached gateway" {
		return bad("Gateway.NotAttached", "resource %s is not attached to network %s", in.InternetGatewayId, in.VpcId)
	}
	return dependency(err, "Network %s has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.", in.VpcId)
}

func (a *api) deleteInternetGateway(ctx context.Context, in *shape.DeleteInternetGatewayRequest) error {
	g, err := a.gateway(ctx, internetIDs, in.InternetGatewayId)
	if err != nil {
		return err
	}
	return dependency(a.Network.DeleteGateway(ctx, g.ID), "The internetGateway '%s' has dependencies and cannot be deleted.", in.InternetGatewayId)
}

// createEgressGateway makes one that is attached from the start.
func (a *api) createEgressGateway(ctx context.Context, in *shape.CreateEgressOnlyInternetGatewayRequest) (*shape.CreateEgressOnlyInternetGatewayResult, error) {
	r, err := a.router(ctx, in.VpcId)
	if err != nil {
		return nil, err
	}
	var g *cloud.Gateway
	err = a.Network.Together(ctx, func(ctx context.Context) error {
		if g, err = a.createGateway(ctx, cloud.GatewayEgress, in.TagSpecifications, "egress-only-internet-gateway"); err != nil {
			return err
		}
		g, err = a.Network.AttachGateway(ctx, g.ID, r.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	shown := showEgressGateway(g)
	return &shape.CreateEgressOnlyInternetGatewayResult{ClientToken: in.ClientToken, EgressOnlyInternetGateway: &shown}, nil
}

func showEgressGateway(g *cloud.Gateway) shape.EgressOnlyInternetGateway {
	return shape.EgressOnlyInternetGateway{EgressOnlyInternetGatewayId: id(egressIDs, g.ID), Attachments: attachmentsOf(g, "attached"), Tags: gatewayTags(g)}
}

func (a *api) describeEgressGateways(ctx context.Context, in *shape.DescribeEgressOnlyInternetGatewaysRequest) (*shape.DescribeEgressOnlyInternetGatewaysResult, error) {
	rows, next, err := a.gatewayNoun(cloud.GatewayEgress, fields[*cloud.Gateway]{}).describe(ctx, ask{in.EgressOnlyInternetGatewayIds, in.Filters, in.MaxResults, in.NextToken})
	if err != nil {
		return nil, err
	}
	out := &shape.DescribeEgressOnlyInternetGatewaysResult{NextToken: next}
	for _, g := range rows {
		out.EgressOnlyInternetGateways = append(out.EgressOnlyInternetGateways, showEgressGateway(g))
	}
	return out, nil
}

func (a *api) deleteEgressGateway(ctx context.Context, in *shape.DeleteEgressOnlyInternetGatewayRequest) (*shape.DeleteEgressOnlyInternetGatewayResult, error) {
	g, err := a.gateway(ctx, egressIDs, in.EgressOnlyInternetGatewayId)
	if err != nil {
		return nil, err
	}
	err = a.Network.Together(ctx, func(ctx context.Context) error {
		if g.RouterID != "" {
			if _, err := a.Network.DetachGateway(ctx, g.ID, g.RouterID); err != nil {
				return err
			}
		}
		return a.Network.DeleteGateway(ctx, g.ID)
	})
	return &shape.DeleteEgressOnlyInternetGatewayResult{ReturnCode: new(true)}, err
}
