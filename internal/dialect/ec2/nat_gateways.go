package ec2

import (
	"context"

	"github.com/nubo-cloud/nubo/internal/cloud"
	"github.com/nubo-cloud/nubo/internal/dialect/ec2/shape"
	"github.com/nubo-cloud/nubo/internal/network"
)

func (a *api) natActions() []*action {
	return []*action{
		serve("CreateNatGateway", a.createNAT, "SubnetId AllocationId ConnectivityType PrivateIpAddress TagSpecifications"),
		serve("DescribeNatGateways", a.describeNATs, "NatGatewayIds Filter MaxResults NextToken"),
		serve("DeleteNatGateway", a.deleteNAT, "NatGatewayId"),
	}
}

func (a *api) nats(ctx context.Context, where ...cloud.Cond) ([]*cloud.NATGateway, error) {
	return a.Network.ListNATGateways(ctx, cloud.Where(append(where, own(ctx))...))
}

func natID(n *cloud.NATGateway) string { return string(n.ID) }

func (a *api) createNAT(ctx context.Context, in *shape.CreateNatGatewayRequest) (*shape.CreateNatGatewayResult, error) {
	sub, err := findOne(ctx, subnetIDs, in.SubnetId, a.subnets, subnetID)
	if err != nil {
		return nil, err
	}
	words, err := labelWords(in.TagSpecifications, "natgateway")
	if err != nil {
		return nil, err
	}
	r := network.NATRequest{SubnetID: sub.ID, Words: words}
	if r.Address, err = parseAddress(in.PrivateIpAddress); err != nil {
		return nil, err
	}
	switch in.ConnectivityType {
	case "", "public":
		f, err := findOne(ctx, addressIDs, in.AllocationId, a.floating, floatingID)
		if err != nil {
			return nil, err
		}
		r.FloatingIPID = f.ID
	case "private":
		if in.AllocationId != "" {
			return nil, invalidCombination("A private NAT gateway has no public address.")
		}
	default:
		return nil, invalidParameter("The connectivity type '%s' is invalid: it is public or private.", in.ConnectivityType)
	}
	n, err := a.Network.CreateNATGateway(ctx, r)
	if err != nil {
		return nil, natFault(err)
	}
	rows, err := a.natRows(ctx, cloud.Eq("id", n.ID))
	if err != nil {
		return nil, err
	}
	return &shape.CreateNatGatewayResult{ClientToken: in.ClientToken, NatGateway: &rows[0].shown}, nil
}

func natFault(err error) error {
	e, ok := cloud.AsError(err)
	switch {
	case ok && e.Resource == "routing domain without gateway":
		return bad("Gateway.NotAttached", "%s", hideIDs(e))
	case ok && e.Resource == "floating IP" && e.Kind == cloud.InUse:
		return bad("Resource.AlreadyAssociated", "%s", hideIDs(e))
	}
	return err
}

// natRow is a NAT gateway with what is shown of it.
type natRow struct {
	nat   *cloud.NATGateway
	shown shape.NatGateway
}

func (a *api) natNoun() noun[natRow] {
	return noun[natRow]{ids: natIDs, list: a.natRows, id: func(r natRow) string { return string(r.nat.ID) },
		place: func(r natRow) string { return place(r.nat.CreatedAt, r.nat.ID) }, fields: natFields, tags: func(r natRow) []shape.Tag { return r.shown.Tags }}
}

func (a *api) natRows(ctx context.Context, where ...cloud.Cond) ([]natRow, error) {
	nats, err := a.nats(ctx, where...)
	if err != nil || len(nats) == 0 {
		return nil, err
	}
	var portIDs, floatingIDs []string
	for _, n := range nats {
		portIDs, floatingIDs = append(portIDs, string(n.PortID)), append(floatingIDs, string(n.FloatingIPID))
	}
	ports, err := a.ports(ctx, cloud.In("id", portIDs))
	if err != nil {
		return nil, err
	}
	floating, err := a.floating(ctx, cloud.In("id", floatingIDs))
	if err != nil {
		return nil, err
	}
	portOf, floatingOf := map[cloud.PortID]*cloud.Port{}, map[cloud.FloatingIPID]*cloud.FloatingIP{}
	for _, p := range ports {
		portOf[p.ID] = p
	}
	for _, f := range floating {
		floatingOf[f.ID] = f
	}
	rows := make([]natRow, len(nats))
	for i, n := range nats {
		rows[i] = natRow{n, showNAT(n, portOf[n.PortID], floatingOf[n.FloatingIPID])}
	}
	return rows, nil
}

func showNAT(n *cloud.NATGateway, p *cloud.Port, f *cloud.FloatingIP) shape.NatGateway {
	address := shape.NatGatewayAddress{NetworkInterfaceId: id(portIDs, n.PortID), IsPrimary: new(true), Status: "succeeded"}
	if p != nil && len(p.Addresses) > 0 {
		address.PrivateIp = p.Addresses[0].Address.String()
	}
	kind := "private"
	if n.FloatingIPID != "" {
		kind = "public"
		address.AllocationId, address.AssociationId = id(addressIDs, n.FloatingIPID), id(addressUseIDs, n.FloatingIPID)
	}
	if f != nil {
		address.PublicIp = f.Address.String()
	}
	return shape.NatGateway{NatGatewayId: id(natIDs, n.ID), SubnetId: id(subnetIDs, n.SubnetID), VpcId: id(vpcIDs, n.RouterID), State: "available", ConnectivityType: kind,
		CreateTime: &n.CreatedAt, NatGatewayAddresses: []shape.NatGatewayAddress{address}, Tags: tagsOf(n.Labels, n.Name)}
}

var natFields = fields[natRow]{
	"nat-gateway-id": one(func(r natRow) string { return r.shown.NatGatewayId }),
	"state":          one(func(r natRow) string { return r.shown.State }),
	"subnet-id":      one(func(r natRow) string { return r.shown.SubnetId }),
	"vpc-id":         one(func(r natRow) string { return r.shown.VpcId }),
}

func (a *api) describeNATs(ctx context.Context, in *shape.DescribeNatGatewaysRequest) (*shape.DescribeNatGatewaysResult, error) {
	rows, next, err := a.natNoun().describe(ctx, ask{in.NatGatewayIds, in.Filter, in.MaxResults, in.NextToken})
	if err != nil {
		return nil, err
	}
	out := &shape.DescribeNatGatewaysResult{NextToken: next}
	for _, r := range rows {
		out.NatGateways = append(out.NatGateways, r.shown)
	}
	return out, nil
}

func (a *api) deleteNAT(ctx context.Context, in *shape.DeleteNatGatewayRequest) (*shape.DeleteNatGatewayResult, error) {
	n, err := findOne(ctx, natIDs, in.NatGatewayId, a.nats, natID)
	if err != nil {
		return nil, err
	}
	return &shape.DeleteNatGatewayResult{NatGatewayId: in.NatGatewayId}, a.Network.DeleteNATGateway(ctx, n.ID)
}
